"""Clauses B40 to B43: what a restart leaves of what a box was told, and what wears its flash."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chargebench.datasheets.behaviour import Setting, Writes
from chargebench.emulator.flow import SECOND_US
from chargebench.scenarios.clauses.falling import FALL_MA, TIME_US, known_fall
from chargebench.scenarios.clauses.model import Broken, NotApplicable
from chargebench.scenarios.clauses.subject import UNITS_US, Subject, behaviour

LIMIT_MA = 10_000
BOOTS_US = 300 * SECOND_US
WATCHED_US = 8 * SECOND_US  # less than the shortest watchdog
DEFAULT_MA = 7_000
WRITES = 20


async def _restart(box: Subject) -> None:
    """Without power, and with it again, until it answers."""
    if box.bench.restart is None:
        raise NotApplicable("nobody here can take its power away")
    await box.bench.restart()
    until_us = box.now_us + BOOTS_US
    while (await box.end.ask(box.food())).pdu is None:
        if box.now_us >= until_us:
            raise Broken("a restart", f"an answer within {BOOTS_US // SECOND_US} s", "silence")
        await box.spend(SECOND_US)


async def _starts(box: Subject) -> None:
    due_ma = await _start_ma(box)
    if box.bench.restart is None:
        raise NotApplicable("nobody here can take its power away")
    await box.charge(LIMIT_MA)
    await _restart(box)
    most_ma = 0
    until_us = box.now_us + WATCHED_US
    while box.now_us < until_us:
        most_ma = max(most_ma, *await box.drawn())
        if box.control.leave is not None:
            await box.grant(box.control.leave)
        await box.spend(SECOND_US // 2)
    await box.insist(due_ma, "a restart")
    if most_ma > due_ma:
        raise Broken("a restart", f"at most {due_ma} mA", f"{most_ma} mA")


async def _start_ma(box: Subject) -> int:
    """What flows after a restart. Where a register tells it, that is set."""
    limit = box.control.limit
    if limit.starts == "stopped":
        return 0
    if limit.starts == "kept":
        return box.fits(LIMIT_MA)
    if limit.starts == "default":
        if code := await box.put(limit.default, DEFAULT_MA):
            raise Broken(f"{DEFAULT_MA} mA to {limit.default}", "taken", f"exception {code:02x}")
        return DEFAULT_MA
    if limit.starts == "failsafe":
        if box.readable(box.dog.failsafe.register):
            return await box.value(box.dog.failsafe.register)
        told_ma = box.bench.failsafe_ma
    else:
        told_ma = box.bench.boot_ma
    if told_ma is None:
        raise NotApplicable("nobody tells which limit it starts with")
    return told_ma


@dataclass(frozen=True, slots=True)
class Kept:
    """A setting of its watchdog that can be written and read: what it was, and what it is set to, as its registers count."""

    read: str
    write: str
    was: int
    now: int


async def _settings(box: Subject) -> None:
    """What is set of its watchdog, read before and after a restart; once more where something stores it."""
    known_fall(box)
    dog = box.dog
    if dog.keeps == "unknown":
        raise NotApplicable("the datasheet does not tell whether a restart leaves them")
    found = [one for setting in (dog.timeout, dog.failsafe) if (one := await _kept(box, setting)) is not None]
    if not found:
        raise NotApplicable("no setting of a watchdog can be written and read")
    await _outlives(box, found, kept=dog.keeps == "flash")
    if dog.store:
        await _outlives(box, found, kept=True, store=dog.store)


async def _kept(box: Subject, setting: Setting) -> Kept | None:
    write = setting.write or setting.register
    if not box.readable(setting.register) or not box.writable(write):
        return None
    was, unit = await box.value(setting.register), box.sheet.register(write).unit
    times = [us // UNITS_US.get(unit, SECOND_US) for us in (TIME_US, TIME_US // 2)]
    due = times if setting is box.dog.timeout else [FALL_MA, box.least_ma]
    return Kept(setting.register, write, was, next(one for one in due if one != was))


async def _outlives(box: Subject, settings: list[Kept], *, kept: bool, store: Writes = ()) -> None:
    for one in settings:
        if code := await box.put(one.write, one.now):
            raise Broken(f"{one.now} to {one.write}", "taken", f"exception {code:02x}")
    await box.put_raw(store)
    await _restart(box)
    for one in settings:
        due = one.now if kept else one.was
        if (got := await box.value(one.read)) != due:
            raise Broken(f"{one.now} to {one.write}{', stored' * bool(store)}, then a restart", str(due), str(got))


async def _wears_nothing(box: Subject) -> None:
    registers = [box.sheet.register(name) for name in box.control.limit.registers]
    if any(one.stores != "volatile" for one in registers):
        raise NotApplicable("the datasheet does not tell that its limit wears nothing")
    before = _worn(box)
    for turn in range(WRITES):
        await box.take(box.least_ma + 1_000 * (turn % 3))
        await box.settle(SECOND_US)
    if (worn := _worn(box) - before) > 0:
        raise Broken(f"{WRITES} limits", "no write to its flash", f"{worn} writes")


def _worn(box: Subject) -> int:
    if box.bench.wear is None:
        raise NotApplicable("nothing here counts what wears its flash")
    return box.bench.wear()


async def _wears_once(box: Subject) -> None:
    dog = box.dog
    acts: list[tuple[str, Callable[[], Awaitable[object]]]] = []
    timer, failsafe = dog.timeout.write or dog.timeout.register, dog.failsafe.write or dog.failsafe.register
    if _in_flash(box, timer):
        acts.append((timer, lambda: box.set_timeout(TIME_US)))
    if _in_flash(box, failsafe):
        acts.append((failsafe, lambda: box.put(failsafe, FALL_MA)))
    for name, raw in dog.store:
        if _in_flash(box, name):
            acts.append((name, lambda name=name, raw=raw: box.put_raw(((name, raw),))))  # type: ignore[misc]
    if not acts:
        raise NotApplicable("the datasheet tells of no setting of its watchdog that is kept in flash")
    for name, act in acts:
        before = _worn(box)
        await act()
        if (worn := _worn(box) - before) != 1:
            raise Broken(f"one write of {name}", "one write to its flash", f"{worn} writes")


def _in_flash(box: Subject, name: str) -> bool:
    return box.writable(name) and box.sheet.register(name).stores == "flash"


CLAUSES = (
    behaviour(
        "B40",
        "After a restart a car gets what the datasheet tells, or the box was set to: its default, its failsafe current, "
        "the limit it had, or nothing.",
        "register page of the Power Brain; the maker's document of Alfen 2.3; evcc-io/evcc#20536",
        _starts,
    ),
    behaviour(
        "B41",
        "What is set of its watchdog outlives a restart where the datasheet tells so, and not where it tells otherwise.",
        "evcc-io/evcc#22262, #13953; the watchdog of its datasheet",
        _settings,
    ),
    behaviour(
        "B42",
        "Its limit may be told as often as one likes: where the datasheet calls it volatile it wears nothing.",
        "register page of the Power Brain; goecharger/go-eCharger-API-v2#310",
        _wears_nothing,
        severity="should",
    ),
    behaviour(
        "B43",
        "A setting of its watchdog that is kept in flash wears that once for each write.",
        "register page of the Power Brain; the registers of its datasheet",
        _wears_once,
        severity="should",
    ),
)
