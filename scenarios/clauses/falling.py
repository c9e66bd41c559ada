"""Clauses B17 to B23: when a watchdog acts, what it falls back to, and what ends it. Silence means that nobody asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chargebench.emulator.flow import SECOND_US
from chargebench.scenarios.clauses.model import Broken, NotApplicable
from chargebench.scenarios.clauses.subject import STOP_US, Subject, behaviour

LIMIT_MA, FALL_MA = 12_000, 8_000
TIME_US = 60 * SECOND_US
LOOK_US = 2 * SECOND_US  # how often a box may look at its watchdog
EARLY = 10  # a tenth too early is not long before
_STEADY_US = SECOND_US


@dataclass(frozen=True, slots=True)
class Fall:
    """``after_us`` without what feeds it, the box gives ``to_ma``; at ``fed_us`` it was fed last."""

    after_us: int
    to_ma: int
    fed_us: int


def known_fall(box: Subject) -> None:
    """``NotApplicable`` where nobody knows when it falls back."""
    if box.dog.kind in {"none", "unknown"}:
        raise other_kind(box)


def other_kind(box: Subject) -> NotApplicable:
    """Why a clause about another kind of watchdog does not apply."""
    without = {"none": "it has no watchdog", "unknown": "nobody has described its watchdog"}
    return NotApplicable(without.get(box.dog.kind, f"its watchdog is of the kind {box.dog.kind}"))


async def set_up(box: Subject, fall_ma: int = FALL_MA) -> tuple[int, int]:
    """Time and current of its watchdog, set to the checks' own where they can be: us and mA."""
    known_fall(box)
    dog = box.dog
    timer = dog.timeout.write or dog.timeout.register
    if box.writable(timer):
        await box.set_timeout(TIME_US)
    if not box.timeout_us:
        raise NotApplicable("nobody tells after which time it falls back")
    if dog.then in {"stop", "fault"}:
        return box.timeout_us, 0
    name = dog.failsafe.write or dog.failsafe.register
    if box.writable(name):
        if code := await box.put(name, fall_ma):
            raise Broken(f"{fall_ma} mA to {name}", "taken", f"exception {code:02x}")
    elif box.readable(dog.failsafe.register):
        fall_ma = await box.value(dog.failsafe.register)
    elif (told := box.bench.failsafe_ma if dog.failsafe.value is None else dog.failsafe.value) is not None:
        fall_ma = told
    else:
        raise NotApplicable("nobody tells what it falls back to")
    return box.timeout_us, _flows(box, fall_ma)


def _flows(box: Subject, fall_ma: int) -> int:
    """What flows with this failsafe current."""
    if fall_ma >= box.least_ma:
        return min(fall_ma, box.bench.max_ma)
    if fall_ma or box.dog.zero in {"stops", "fault"}:
        return 0
    if box.dog.zero == "no limit":
        return box.bench.max_ma
    raise NotApplicable("the datasheet does not tell what a failsafe current of 0 means")


async def charging(box: Subject, fall_ma: int = FALL_MA) -> Fall:
    """A car at a limit that is above what the box falls back to, and fed just now."""
    after_us, to_ma = await set_up(box, fall_ma)
    await box.charge(LIMIT_MA)
    if to_ma == box.told_ma:
        raise NotApplicable("it falls back to the limit itself, which nobody can see")
    await box.feed()
    return Fall(after_us, to_ma, box.now_us)


def late_us(box: Subject, to_ma: int) -> int:
    """For how long after its time the old current may still flow."""
    return LOOK_US + (box.cut_us if to_ma else box.stop_us)


async def falls(box: Subject, fall: Fall, what: str) -> None:
    """It has fallen back in time, nobody having spoken in between, and stays there."""
    await box.spend(fall.fed_us + fall.after_us + late_us(box, fall.to_ma) - box.now_us)
    for _ in range(3):
        await box.insist(fall.to_ma, f"{what} for {fall.after_us // SECOND_US} s")
        await box.spend(_STEADY_US)


async def _in_time(box: Subject) -> None:
    fall = await charging(box)
    limit_ma, until_us = box.told_ma, fall.fed_us + fall.after_us + late_us(box, fall.to_ma)
    await box.spend(until_us - box.now_us)
    flows = await box.drawn()
    if box.gives(limit_ma, flows):
        due = f"no longer {limit_ma} mA after {(until_us - fall.fed_us) // SECOND_US} s"
        raise Broken("silence", due, f"{flows} mA")


async def _not_before(box: Subject) -> None:
    fall = await charging(box)
    until_us = fall.fed_us + fall.after_us - max(LOOK_US, fall.after_us // EARLY)
    while box.now_us < until_us:
        await box.insist(box.told_ma, f"silence for {(box.now_us - fall.fed_us) // SECOND_US} s")
        await box.spend(_STEADY_US)


async def _to_what_is_stated(box: Subject) -> None:
    if box.dog.then == "unknown" and box.bench.failsafe_ma is None:
        raise NotApplicable("the datasheet does not tell what it does without its master")
    await falls(box, await charging(box), "silence")
    if box.dog.then == "fault":
        await _shows_fault(box)


async def _shows_fault(box: Subject) -> None:
    if (letter := await box.letter()) != "F":
        raise Broken("silence, then a read", "state F", f"state {letter}")


async def _without_current(box: Subject) -> None:
    name = box.dog.failsafe.write or box.dog.failsafe.register
    known_fall(box)
    if box.dog.zero == "unknown":
        raise NotApplicable("the datasheet does not tell what a failsafe current of 0 means")
    if not box.writable(name):
        raise NotApplicable("its failsafe current cannot be written")
    await falls(box, await charging(box, 0), "a failsafe current of 0, and silence")
    if box.dog.zero == "fault":
        await _shows_fault(box)


async def _ends(box: Subject) -> None:
    await falls(box, await charging(box), "silence")
    await box.back_to_work()
    await box.settle(box.obey_us + STOP_US)
    await box.insist(box.told_ma, f"silence, then what ends it, and limit {box.told_ma} mA")


async def _ends_by_all_of_it(box: Subject) -> None:
    known_fall(box)
    if not box.dog.recovery:
        raise NotApplicable("it ends as soon as it is fed")
    fall = await charging(box)
    await falls(box, fall, "silence")
    every_us = box.every_us
    for _ in range(3):
        await box.feed()
        await box.spend(every_us)
    await box.insist(fall.to_ma, f"silence, then {box.dog.register} alone")
    await box.back_to_work()
    await box.settle(box.obey_us + STOP_US)
    await box.insist(box.told_ma, f"silence, then {', '.join(box.dog.recovery)}")


async def _reads_back(box: Subject) -> None:
    dog = box.dog
    checks: list[Callable[[], Awaitable[None]]] = []
    if box.readable(dog.timeout.register) and box.writable(dog.timeout.write or dog.timeout.register):
        checks.append(lambda: _same_time(box))
    if box.readable(dog.failsafe.register) and box.writable(dog.failsafe.write or dog.failsafe.register):
        checks.append(lambda: _same_current(box))
    if not checks:
        raise NotApplicable("no setting of a watchdog can be written and read")
    for check in checks:
        await check()


async def _same_time(box: Subject) -> None:
    for us in (TIME_US // 2, TIME_US):
        await box.set_timeout(us)
        if (got_us := await box.read_timeout()) != us:
            raise Broken(f"{us} us as its time", f"{us} us", f"{got_us} us")


async def _same_current(box: Subject) -> None:
    name = box.dog.failsafe.write or box.dog.failsafe.register
    for ma in (FALL_MA, box.least_ma):
        code = await box.put(name, ma)
        got_ma = await box.value(box.dog.failsafe.register)
        if code or got_ma != ma:
            raise Broken(f"{ma} mA to {name}", f"{ma} mA", f"exception {code:02x}" if code else f"{got_ma} mA")


CLAUSES = (
    behaviour(
        "B17",
        "Without what feeds its watchdog it leaves its limit in time: the time that is set, and what it may take to obey.",
        "evcc-io/evcc#28059, #12492; the watchdog of its datasheet",
        _in_time,
    ),
    behaviour(
        "B18",
        "Its watchdog does not act long before its time.",
        "evcc-io/evcc#2227, #5060; the watchdog of its datasheet",
        _not_before,
        severity="should",
    ),
    behaviour(
        "B19",
        "Its watchdog does what is stated: it falls back to the failsafe current, stops, or shows a fault.",
        "evcc-io/evcc#12492, #10527; the watchdog of its datasheet",
        _to_what_is_stated,
    ),
    behaviour(
        "B20",
        "A failsafe current of 0 stops the car, shows a fault or is no limit, as the datasheet tells.",
        "register page of the Power Brain; evcc-io/evcc#2286; the watchdog of its datasheet",
        _without_current,
    ),
    behaviour(
        "B21",
        "Once it is fed again, and has been written what ends its failsafe, its limit holds.",
        "evcc-io/evcc#2286, #20536; the watchdog of its datasheet",
        _ends,
    ),
    behaviour(
        "B22",
        "A failsafe that several writes end lasts until all of them have come.",
        "evcc-io/evcc#20536",
        _ends_by_all_of_it,
    ),
    behaviour(
        "B23",
        "Time and current of its failsafe are read back as they were written.",
        "evcc-io/evcc#22262, #13953; the watchdog of its datasheet",
        _reads_back,
        severity="should",
    ),
)
