"""Clauses B12 to B16: pausing and going on, the codes of its states, and answers while things change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chargebench.datasheets.behaviour import Letter
from chargebench.emulator.flow import SECOND_US
from chargebench.scenarios.clauses.asking import words_in
from chargebench.scenarios.clauses.expect import spell
from chargebench.scenarios.clauses.model import Broken, NotApplicable
from chargebench.scenarios.clauses.subject import CAR_US, STOP_US, Subject, behaviour

LIMIT_MA = 10_000
LOOK_US = SECOND_US
PAUSED_US = 120 * SECOND_US


async def _pauses(box: Subject) -> None:
    await box.charge(LIMIT_MA)
    await box.pause()
    await box.settle(box.stop_us)
    await box.watch()
    await box.settle(PAUSED_US)
    await box.insist(0, "a pause")


async def _resumes(box: Subject) -> None:
    await box.charge(LIMIT_MA)
    before_ma = box.told_ma
    await box.pause()
    await box.settle(box.stop_us)
    await box.watch()
    await box.resume()
    await box.settle(box.obey_us + STOP_US)
    await box.insist(before_ma, "a pause, and its end")


async def _waits_with_its_limit(box: Subject) -> None:
    if box.pauses and box.pauses_by_limit:
        raise NotApplicable("it is paused by its limit, so none can be told meanwhile")
    await box.charge(LIMIT_MA)
    await box.pause()
    await box.settle(box.stop_us)
    await box.watch()
    await box.take(box.least_ma + 1_000)
    await box.settle(box.cut_us + CAR_US)
    await box.insist(0, f"a pause, then limit {box.limit_ma} mA")
    await box.resume()
    await box.settle(box.obey_us + STOP_US)
    await box.insist(box.limit_ma, f"a pause, limit {box.limit_ma} mA, and its end")


async def _shows_its_states(box: Subject) -> None:
    """Where nothing is known that pauses it, B after C is left out."""
    await box.take(LIMIT_MA)
    await _comes_to(box, "no car", "A", ("A",))
    if box.pauses:
        await box.pause()
        await box.settle(box.obey_us)
    await box.plug()
    if box.pauses:
        await _comes_to(box, "a car at a paused box", "B", ("A", "B"))
        await _paused_code(box, "B")
        await box.resume()
    await _comes_to(box, "a car that may charge", "C", ("A", "B", "C"))
    if box.pauses:
        await box.pause()
        await _comes_to(box, "a pause", "B", ("C", "B"))
        await box.resume()
        await _comes_to(box, "the end of a pause", "C", ("B", "C"))
    await box.unplug()
    await _comes_to(box, "the car has gone", "A", ("C", "B", "A"))


async def _comes_to(box: Subject, what: str, goal: Letter, way: tuple[Letter, ...]) -> None:
    """Its registers mean the states of the way, in this order, and the last one in time."""
    until_us, place = box.now_us + box.obey_us + 2 * STOP_US, 0
    while True:
        letter = await box.letter()
        if letter is None or letter not in way[place:]:
            codes = {name: await box.raw(name) for name in box.states.registers}
            raise Broken(what, f"state {' then '.join(way[place:])}", f"state {letter or 'unknown'}: {codes}")
        place = way.index(letter)
        if letter == goal:
            return
        if box.now_us >= until_us:
            raise Broken(what, f"state {goal}", f"state {letter}")
        await box.settle(LOOK_US)


async def _paused_code(box: Subject, letter: Letter) -> None:
    due = dict(box.states.paused).get(letter)
    if due is None:
        return
    await box.settle(box.obey_us)
    name = box.states.register
    got = box.states.code(name, await box.raw(name))
    if got != due:
        raise Broken("a car at a paused box", f"{due} in {name}", str(got))


async def _answers_always(box: Subject) -> None:
    """Asked without a pause but its own, from before the car comes until after it has gone."""
    steps: list[Callable[[], Awaitable[None]]] = [box.plug, lambda: box.take(LIMIT_MA)]
    if box.pauses:
        steps += [box.pause, box.resume]
    for step in (*steps, lambda: box.take(box.least_ma), box.unplug):
        await step()
        until_us = box.now_us + box.cut_us
        while box.now_us < until_us:
            await _one_answer(box)
            await box.settle(LOOK_US // 4)


async def _one_answer(box: Subject) -> None:
    for name in box.states.registers:
        await box.spend(box.pause_us)
        reply = await box.end.ask(box.whole(name))
        if words_in(box.span(name), reply.pdu) is None:
            raise Broken(spell(box.whole(name)), f"what {name} holds, at the first request", str(reply))


CLAUSES = (
    behaviour(
        "B12",
        "A pause stops the car, and the car stays stopped.",
        "evcc-io/evcc#28059; the control of its datasheet",
        _pauses,
    ),
    behaviour(
        "B13",
        "At the end of a pause the car goes on at the limit that it had, and no higher.",
        "evcc-io/evcc#13041; the control of its datasheet",
        _resumes,
    ),
    behaviour(
        "B14",
        "A limit that is told during a pause waits for its end, and holds then.",
        "the control of its datasheet",
        _waits_with_its_limit,
    ),
    behaviour(
        "B15",
        "From no car over a car to charging and back, its registers show the codes of its datasheet, in that order.",
        "IEC 61851-1 annex A; the states of its datasheet",
        _shows_its_states,
        unverified=True,
    ),
    behaviour(
        "B16",
        "While a car comes, charges, pauses and goes, every proper request is answered, at once and with data.",
        "evcc-io/evcc#17712, #24540",
        _answers_always,
        severity="should",
    ),
)
