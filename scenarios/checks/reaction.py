"""What the fuse bears while the manager reacts.

Where a meter tells what the house draws, the boxes may be given all that the house leaves, and then the house may rise to
its most: that much flows for the reaction time, and where boxes are silent, for their failsafe time more. The fuse's lower
curve must be longer than that. A fuse that carries 0.7 of its rating for half an hour is warm, and its times are halved.

Where no meter tells, the house is counted at its most at all times, and no more than the limit ever flows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chargebench.datasheets.load import load
from chargebench.datasheets.quantity import show
from chargebench.emulator.curves import Curve, curve
from chargebench.manager.drivers.registry import tells_failsafe
from chargebench.manager.site import Box, Fuse, Site
from chargebench.scenarios.checks.amounts import (
    at_least,
    at_most,
    house_is_measured,
    managed,
    model_ma,
    nodes,
)
from chargebench.scenarios.checks.finding import Found, Ground
from chargebench.scenarios.checks.rounds import reaction_us, seconds

WARM_PERMILLE: Final = 700
RESERVE_STEP_W: Final = 100
LEAST_RATING_MA: Final = 1_000


def curve_of(site: Site) -> Curve | None:
    """The curve of the site's fuse; None without one. ``LookupError`` for a rating of which none is known."""
    fuse = site.connection.fuse
    return None if fuse is None else _curve(fuse)


def _curve(fuse: Fuse) -> Curve:
    if fuse.rating_ma < LEAST_RATING_MA:
        raise LookupError(f"expected a rating of at least {at_most(LEAST_RATING_MA)}")
    return curve(fuse.curve, fuse.rating_ma)


def fuse_is_known(ground: Ground) -> Iterator[Found]:
    """There is a curve for the rating of every fuse."""
    fuses = [(ground.connection("fuse", "rating"), ground.site.connection.fuse)]
    fuses += [(ground.circuit(k, "fuse", "rating"), one.fuse) for k, one in enumerate(ground.site.circuits)]
    for loc, fuse in fuses:
        if fuse is None:
            continue
        if fuse.rating_ma == 0:
            yield Found("error", loc, "expected a fuse of more than 0 A")
            continue
        try:
            _curve(fuse)
        except LookupError as error:
            yield Found("error", loc, str(error))


def most_ma(site: Site) -> int:
    """What can flow on the fullest phase until the manager has reacted: the boxes' most, and the house's on top of it."""
    connection = site.connection
    if not house_is_measured(site):
        return connection.limit_ma
    licensed = managed(site)
    given = connection.limit_ma - connection.reserve_ma
    if connection.evse_ma is not None:
        given = min(given, connection.evse_ma)
    everything = nodes(site, [box.maximum_ma for box in site.boxes])[:3]
    beyond = nodes(site, [0 if one else model_ma(box) for box, one in zip(site.boxes, licensed, strict=True)])[:3]
    booked = max(max(min(all_.boxes_ma, given), out.boxes_ma) for all_, out in zip(everything, beyond, strict=True))
    return max(connection.limit_ma, booked + connection.house_max_ma)


def bears_us(found: Curve, current_ma: int) -> int | None:
    """How long the fuse bears a current, warm where it may be; None = for ever."""
    time_us = found.lower_us(current_ma)
    warm = current_ma * 1000 >= found.rating_ma * WARM_PERMILLE
    return time_us // 2 if time_us is not None and warm else time_us


def silence_us(site: Site) -> int | None:
    """How long a box that has fallen silent may go on at its old limit; None where one does so for ever."""
    times = [_failsafe_after_us(box) for box in site.boxes if not box.internal]
    return None if None in times else max((one for one in times if one is not None), default=0)


def reaction(ground: Ground) -> Iterator[Found]:
    """The fuse bears the worst until boxes that answer have reacted, and until silent ones are at their failsafe."""
    site = ground.site
    fuse = site.connection.fuse
    found = curve_of(site)
    if fuse is None or found is None:
        yield Found(
            "note", ground.connection(), "no fuse is given, so it cannot be proved that the fuse bears an overload"
        )
        return
    if site.connection.limit_ma > found.never_ma:
        right = show(found.never_ma * 3 * site.connection.voltage_mv // 1_000_000 // 100 * 100, "W")
        sentence = (
            f"the limit of {at_most(site.connection.limit_ma)} on each phase is above {at_most(found.never_ma)}, which a"
            f" {show(fuse.rating_ma, 'mA')} {fuse.curve} bears for ever; {right} would be right"
        )
        yield Found("danger", ground.connection("max_total_power"), sentence, right)
        return
    reacts_us, worst_ma = reaction_us(site), most_ma(site)
    bears = bears_us(found, worst_ma)
    silent = silence_us(site)
    if bears is None:
        return
    if silent is None:
        yield _never(ground, worst_ma)
    if bears < reacts_us + (silent or 0):
        yield _too_slow(ground, found, worst_ma, reacts_us, silent or 0)


def circuits_bear(ground: Ground) -> Iterator[Found]:
    """The fuse of a circuit bears for ever what may flow there: its limit, or what boxes take that nobody manages.

    Nothing else hangs on a circuit, and what is given is free before, so for the manager's reaction nothing flows on top of it.
    """
    site = ground.site
    allowed = managed(site)
    most = nodes(site, [box.maximum_ma for box in site.boxes])
    others = nodes(site, [0 if one else model_ma(box) for box, one in zip(site.boxes, allowed, strict=True)])
    for all_, beyond in zip(most, others, strict=True):
        fuse = None if all_.circuit is None else site.circuits[all_.circuit].fuse
        if all_.circuit is None or fuse is None:
            continue
        worst_ma, never_ma = max(min(all_.boxes_ma, all_.limit_ma), beyond.boxes_ma), _curve(fuse).never_ma
        if worst_ma <= never_ma:
            continue
        right = at_most(never_ma)
        sentence = (
            f"up to {at_least(worst_ma)} can flow on {all_.name}, and its {show(fuse.rating_ma, 'mA')} {fuse.curve} bears"
            f" {right} for ever"
        )
        yield Found("danger", ground.circuit(all_.circuit, "limit"), sentence, right)


def _failsafe_after_us(box: Box) -> int | None:
    sheet = load(box.device)
    if not tells_failsafe(sheet):
        return None
    if box.failsafe_us is not None:
        return box.failsafe_us or None
    return dict(sheet.limits).get("watchdog_us") or None


def _too_slow(ground: Ground, found: Curve, worst_ma: int, reacts_us: int, silent_us: int) -> Found:
    bears = bears_us(found, worst_ma) or 0
    needed_us = reacts_us + silent_us
    when = f"{seconds(needed_us)} where boxes are silent until their failsafe comes"
    if bears < reacts_us:
        when = f"{seconds(reacts_us)} for boxes that answer"
    sentence = (
        f"up to {at_least(worst_ma)} can flow before the manager has reacted, which takes {when}, and"
        f" the fuse bears that for {bears // 100_000 / 10:g} s"
    )
    reserve = _reserve_w(ground.site, found, worst_ma, needed_us)
    right = show(reserve, "W") if reserve else ""
    remedy = f"; a reserve of {right} would be enough" if reserve else "; no reserve is enough, only a larger fuse"
    return Found("danger", ground.connection("reserve"), sentence + remedy, right)


def _never(ground: Ground, worst_ma: int) -> Found:
    boxes = ground.site.boxes
    k = next(k for k, box in enumerate(boxes) if not box.internal and _failsafe_after_us(box) is None)
    sentence = (
        f"{boxes[k].name} keeps its last limit for ever when it falls silent, so up to {at_least(worst_ma)} can flow on,"
        " which the fuse does not bear; 180 s would be right"
    )
    return Found("danger", ground.box(k, "failsafe", "after"), sentence, "180 s")


def _reserve_w(site: Site, found: Curve, worst_ma: int, needed_us: int) -> int:
    """The least reserve, in steps of 100 W, with which the fuse bears the worst for so long; 0 where none is enough."""
    connection = site.connection
    low, high = found.rating_ma, worst_ma  # the fuse bears its rating for ever, and the worst not long enough
    while high - low > 1:
        middle = (low + high) // 2
        bears = bears_us(found, middle)
        low, high = (middle, high) if bears is None or bears >= needed_us else (low, middle)
    reserve_ma = connection.limit_ma + connection.house_max_ma - low
    if not 0 < reserve_ma < connection.limit_ma:
        return 0
    watts = -(-reserve_ma * 3 * connection.voltage_mv // 1_000_000)
    return -(-watts // RESERVE_STEP_W) * RESERVE_STEP_W
