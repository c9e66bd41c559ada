"""Clauses B01 to B11: what flows under a limit, at every moment, and what the box shows of it."""

from __future__ import annotations

from chargebench.datasheets.behaviour import Phases
from chargebench.datasheets.codec import encode, is_float, value_range
from chargebench.emulator.flow import SECOND_US
from chargebench.scenarios.clauses.asking import plain
from chargebench.scenarios.clauses.model import Broken, NotApplicable
from chargebench.scenarios.clauses.subject import CAR_US, LOCKOUT_US, STOP_US, Subject, behaviour

SWITCH_US = 180 * SECOND_US  # for phases to change, where the datasheet tells no time
ROUNDS = 4


async def _plugged_in(box: Subject) -> None:
    await box.drawn()
    await box.take(_middle(box))
    await box.settle(box.obey_us)
    await box.watch()
    await box.plug()
    await box.settle(box.obey_us + STOP_US)
    await box.insist(box.told_ma, f"limit {box.told_ma} mA, then a car")


def _middle(box: Subject) -> int:
    return min(box.least_ma + 4_000, box.bench.max_ma)


def _high(box: Subject) -> int:
    return min(box.least_ma + 9_000, box.bench.max_ma)


async def _slowly(box: Subject) -> None:
    await box.charge(_middle(box))
    await box.watch()
    for limit_ma in (_high(box), box.least_ma, _middle(box), box.least_ma + 2_000):
        await box.take(limit_ma)
        await box.settle(box.cut_us + CAR_US)
        await box.insist(box.told_ma, f"limit {box.told_ma} mA, {(box.cut_us + CAR_US) // SECOND_US} s ago")


async def _quickly(box: Subject) -> None:
    await box.charge(_middle(box))
    await box.watch()
    for _ in range(ROUNDS):
        for limit_ma in (_high(box), box.least_ma, _middle(box), box.least_ma + 1_000):
            await box.take(limit_ma)
            await box.settle(SECOND_US)
    await box.settle(box.cut_us + CAR_US)
    await box.insist(box.told_ma, f"many limits within seconds, the last of them {box.told_ma} mA")


def _phases(box: Subject) -> Phases:
    if box.control.phases is None:
        raise NotApplicable("the datasheet tells of no way to change its phases")
    return box.control.phases


async def _switching(box: Subject) -> None:
    """Under load only where any time will do, and without a car where nothing else is allowed: wrong order harms cars."""
    phases = _phases(box)
    stays = phases.during == "any" or (phases.during != "unplugged" and box.pauses)
    await box.charge(_middle(box))
    await box.watch()
    taken = []
    for code in (phases.one, phases.three):
        if not stays:
            await box.unplug()
        taken.append(await _switch(box, code))
        if not stays:
            await box.plug()
        await box.settle(phases.takes_us + SWITCH_US)
    if not any(taken):
        raise NotApplicable("it refuses to change its phases as it stands")


async def _switch(box: Subject, code: int) -> bool:
    """Change the phases, in a pause where that is asked for or nobody knows; whether it does not refuse."""
    phases = _phases(box)
    stopped = phases.during in {"paused", "unknown"} and box.pauses
    if stopped:
        await box.pause()
        await box.settle(box.stop_us)
    taken = True
    for name, raw in (*phases.before, (phases.register, code), *phases.after):
        taken = taken and not await box.send(name, encode(plain(box.sheet.register(name)), raw))
    if stopped:
        await box.settle(phases.takes_us)
        await box.resume()
    return taken


async def _as_many_phases(box: Subject) -> None:
    phases = _phases(box)
    await box.drawn()
    for code, shown, used in ((phases.one, phases.shown_one, 1), (phases.three, phases.shown_three, 3)):
        if not await _switch(box, code):
            raise NotApplicable("it refuses to change its phases as it stands")
        await box.settle(phases.takes_us + box.obey_us)
        if phases.shown and (got := await box.raw(phases.shown)) != shown:
            raise Broken(f"{code} to {phases.register}", f"{shown} in {phases.shown}", str(got))
        await box.charge(_middle(box))
        if (live := sum(ma > 0 for ma in await box.drawn())) != used:
            raise Broken(f"{code} to {phases.register}, then a car", f"{used} phases", f"{live} phases")
        await box.unplug()
        await box.settle(2 * SECOND_US)


async def _rounded_down(box: Subject) -> None:
    register = box.sheet.register(box.control.limit.registers[0])
    whole_ma = box.fits(_middle(box))
    between = [one for one in (whole_ma + box.step_ma // 2, whole_ma + box.step_ma - 1) if _holds(box, one)]
    if not between:
        raise NotApplicable(f"{register.name} counts in steps of the box, so nothing lies between two")
    await box.charge(whole_ma)
    for limit_ma in between:
        code = await box.write_limit(limit_ma)
        await box.settle(box.cut_us + CAR_US)
        await box.insist(whole_ma if code else limit_ma, f"limit {limit_ma} mA")
        await box.take(whole_ma)


def _holds(box: Subject, limit_ma: int) -> bool:
    """Whether the register can tell this limit."""
    register = box.sheet.register(box.control.limit.registers[0])
    return is_float(register) or not limit_ma * register.scale.denominator % register.scale.numerator


async def _above(box: Subject) -> None:
    register = box.sheet.register(box.control.limit.registers[0])
    _, high = value_range(register)
    most_ma = 2 * box.bench.max_ma if high is None else min(high, 2 * box.bench.max_ma)
    if box.fits(most_ma) <= box.bench.max_ma:
        raise NotApplicable(f"{register.name} cannot tell more than the box bears")
    await box.charge(_middle(box))
    before_ma = box.told_ma
    code = await box.limit(most_ma)
    await box.settle(box.cut_us + CAR_US)
    due_ma = before_ma if code else box.bench.max_ma
    await box.insist(due_ma, f"limit {most_ma} mA to a box of {box.bench.max_ma} mA")


async def _shown(box: Subject) -> None:
    limit = box.control.limit
    names = [name for name in (*limit.registers, limit.shown) if box.readable(name)]
    if not names:
        raise NotApplicable("no register tells its limit")
    for limit_ma in (_high(box), box.least_ma, _middle(box)):
        await box.take(limit_ma)
        await box.settle(box.obey_us)
        for name in dict.fromkeys(names):
            shown_ma = await _shown_ma(box, name)
            if not box.told_ma - box.step_ma < shown_ma <= box.told_ma:
                raise Broken(f"limit {box.told_ma} mA", f"{box.told_ma} mA or a step less in {name}", f"{shown_ma} mA")


async def _shown_ma(box: Subject, name: str) -> int:
    """The limit in a register, by the bits of it that tell it."""
    mask, raw = box.control.limit.mask, await box.raw(name)
    if name != box.control.limit.shown or not mask or not isinstance(raw, int):
        return await box.value(name)
    return int((raw & mask) // (mask & -mask) * box.sheet.register(name).scale)


async def _zero(box: Subject) -> None:
    means = box.control.limit.zero
    if means == "unknown":
        raise NotApplicable("the datasheet does not tell what a limit of 0 does")
    await box.charge(_middle(box))
    before_ma = box.told_ma
    code = await box.write_limit(0)
    await box.settle(box.stop_us)
    if bool(code) != (means == "refused"):
        raise Broken("limit 0", "an exception" if means == "refused" else "taken", f"exception {code:02x}")
    due = {"stops": 0, "refused": before_ma, "no limit": box.bench.max_ma}
    await box.insist(due[means], "limit 0")


async def _below(box: Subject) -> None:
    """Where nobody tells what it does, it is refused, or no more flows than the least current."""
    means = box.control.limit.below
    register = box.sheet.register(box.control.limit.registers[0])
    below_ma = next((ma for ma in range(box.least_ma - 100, 0, -100) if _holds(box, ma)), 0)
    if not below_ma:
        raise NotApplicable(f"{register.name} cannot tell less than the least current")
    await box.charge(_middle(box))
    before_ma = box.told_ma
    code = await box.write_limit(below_ma)
    await box.settle(box.stop_us)
    sent = f"limit {below_ma} mA"
    if code and means in {"refused", "unknown"}:
        await box.insist(before_ma, sent)
    elif code or means == "refused":
        raise Broken(sent, "an exception" if not code else "taken", f"exception {code:02x}" if code else "taken")
    elif means == "stops":
        await box.insist(0, sent)
    elif means == "minimum":
        await box.insist(box.least_ma, sent)
    elif (most_ma := max(await box.drawn())) > box.least_ma:
        raise Broken(sent, f"at most {box.least_ma} mA", f"{most_ma} mA")


async def _least_of_all(box: Subject) -> None:
    names = box.control.limit.registers
    if len(names) == 1:
        raise NotApplicable("one register tells the limit of all phases")
    await box.charge(_middle(box))
    for name in names:
        await box.take(_middle(box))
        if code := await box.put(name, box.least_ma + 1_000):
            raise Broken(f"{box.least_ma + 1_000} mA to {name}", "taken", f"exception {code:02x}")
        await box.settle(box.cut_us + CAR_US)
        await box.insist(box.least_ma + 1_000, f"{box.least_ma + 1_000} mA to {name} alone")


_LAG = f"{LOCKOUT_US // SECOND_US} s between two changes of the pulse, {CAR_US // SECOND_US} s for the car"

CLAUSES = (
    behaviour(
        "B01",
        "A car that wants more never draws more than the limit, from the moment it is plugged in.",
        "IEC 61851-1 annex A; evcc-io/evcc#22079, #9861",
        _plugged_in,
        unverified=True,
    ),
    behaviour(
        "B02",
        f"A limit that is raised is not exceeded, and one that is cut holds in time: the box's own, {_LAG}.",
        "IEC 61851-1 annex A; evcc-io/evcc#30742",
        _slowly,
        unverified=True,
    ),
    behaviour(
        "B03",
        "Of limits in quick succession none is exceeded that may still hold, and the last holds in the end.",
        "IEC 61851-1 annex A; evcc-io/evcc#14417",
        _quickly,
        unverified=True,
    ),
    behaviour(
        "B04",
        "While its phases change, no phase carries more than the limit.",
        "evcc-io/evcc#22658; the control of its datasheet",
        _switching,
    ),
    behaviour(
        "B05",
        "After its phases were changed the next car draws on as many as it was told, and its register tells so.",
        "evcc-io/evcc#31899; the control of its datasheet",
        _as_many_phases,
    ),
    behaviour(
        "B06",
        "A limit between two steps is rounded down or refused, never rounded up.",
        "the maker's manager: 15942 mA is shown as 15.9 A",
        _rounded_down,
    ),
    behaviour(
        "B07",
        "A limit above what the box bears is what the box bears, or is refused.",
        "register page of the Power Brain: clipped by the model",
        _above,
    ),
    behaviour(
        "B08",
        "The limit that it shows is the one it was told, or a step less.",
        "evcc-io/evcc#10527; the control of its datasheet",
        _shown,
        severity="should",
    ),
    behaviour(
        "B09",
        "A limit of 0 does what the datasheet tells: it stops the car, is no limit, or is refused.",
        "the control of its datasheet",
        _zero,
    ),
    behaviour(
        "B10",
        "A limit below the least current does what the datasheet tells; where it tells nothing, no more than the least flows.",
        "IEC 61851-1 annex A: less than 6 A cannot be told; the control of its datasheet",
        _below,
        unverified=True,
    ),
    behaviour(
        "B11",
        "Of limits for each phase the least holds for all.",
        "OpenEMS/openems, evcs of the eBox; the control of its datasheet",
        _least_of_all,
    ),
)
