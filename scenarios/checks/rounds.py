"""How long a round of requests lasts on each link, the cycle that follows from it, and the reaction time of the site.

A round asks everything once: a write to every box, then every read and what feeds a watchdog, one after another on each link
and on all links at once. It is counted with the requests that the drivers make (a box without a meter of its own in the site
may have one attached, so its block is counted), the bytes they need, the silence between frames, and 20 ms for each answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from chargebench.datasheets.codec import encode
from chargebench.datasheets.load import load
from chargebench.datasheets.model import Datasheet, Register
from chargebench.datasheets.yamlfile import Loc
from chargebench.manager.controller import CYCLE_US
from chargebench.manager.drivers.base import BoxDriver, Read
from chargebench.manager.drivers.registry import box_driver, dozes, gap_us, meter_driver
from chargebench.manager.links.pace import LINE_PACE, TCP_PACE, LineTimes
from chargebench.manager.links.shape import shape_of
from chargebench.manager.outcomes import Request
from chargebench.manager.pacing import apart_most_us
from chargebench.manager.site import Address, Box, SerialAddress, Site
from chargebench.scenarios.checks.finding import Device, Found, Ground, devices_of, spot_of

TURNAROUND_US: Final = 20_000
NETWORK_US: Final = 10_000
"""There and back again, on a network of a house."""

METER_US: Final = 1_000_000
LOCK_OUT_US: Final = 5_000_000
CAR_US: Final = 11_000_000
BAUDS: Final = (19_200, 38_400, 57_600, 115_200)


@dataclass(frozen=True, slots=True)
class Round:
    """One link's round: how many units it asks, how long it lasts, the writes alone, and what one silent unit may add, and each
    that may miss the first request to it.
    """

    name: str
    requests: int
    round_us: int
    writes_us: int
    timeout_us: int
    first: Device


def rounds(site: Site, loc: Loc = ()) -> tuple[Round, ...]:
    """The round of every link of a site that stands at ``loc``, in its order. Every device must have a driver."""
    there: dict[str, list[Device]] = {}
    for one in devices_of(site, loc):
        there.setdefault(one.spot, []).append(one)
    return tuple(_round(site, spot, devices, devices[0].address) for spot, devices in there.items())


def cycle_us(links: tuple[Round, ...]) -> int:
    """The cycle as long as it really is: it begins at the first instant of the grid after the longest round."""
    return max((CYCLE_US * (1 + one.round_us // CYCLE_US) for one in links), default=CYCLE_US)


def reaction_us(site: Site) -> int:
    """From an overload to the last car having reduced.

    The meter's interval; a cycle until it is asked and one until that counts, and at a grid meter one more, since a rise that
    a ramping car may explain is doubted for a cycle; the writes, with one unit that does not answer on a link of several and
    each that must be asked twice; the cycles for which a cut waits behind another write, at boxes that want time between two; the box's pulse lock-out, and what
    it takes longer to follow; the car.
    """
    links = rounds(site)
    writes_us = max((one.writes_us + one.timeout_us for one in links), default=0)
    cycles = 3 if any(meter.role == "grid supply" for meter in site.meters) else 2
    sheets = [load(box.device) for box in site.boxes]
    latency_us = max((sheet.timing.latency_us or 0 for sheet in sheets), default=0)
    cycle = cycle_us(links)
    waits_us = -(-apart_most_us(sheets) // cycle) * cycle
    return METER_US + cycles * cycle + writes_us + waits_us + LOCK_OUT_US + latency_us + CAR_US


def poll_rounds(ground: Ground) -> Iterator[Found]:
    """A round that does not fit the grid makes every cycle longer: told with its numbers."""
    for one in rounds(ground.site, ground.loc):
        cycle = cycle_us((one,))
        if cycle == CYCLE_US:
            continue
        grids = cycle // CYCLE_US
        sentence = (
            f"a round on {one.name} takes up to {seconds(one.round_us)} for {one.requests} requests, and the grid is"
            f" {seconds(CYCLE_US)}: of every {grids} cycles {grids - 1} {'is' if grids == 2 else 'are'} skipped, and a cycle"
            f" lasts {seconds(cycle)}"
        )
        faster = _fast_enough(ground.site, ground.devices, one)
        remedy = f"; at {faster} baud it would fit" if faster else ""
        yield Found("note", (*one.first.loc, "at"), sentence + remedy, f"{faster} baud" if faster else "")


def seconds(us: int) -> str:
    """A time up to a tenth of a second: ``3.9 s``."""
    return f"{-(-us // 100_000) / 10:g} s"


def _fast_enough(site: Site, devices: tuple[Device, ...], slow: Round) -> int:
    """The slowest usual rate at which the round of a line fits the grid; 0 where none helps, or where it is no line."""
    address = slow.first.address
    if not isinstance(address, SerialAddress):
        return 0
    there = [one for one in devices if one.spot == slow.first.spot]
    for baud in BAUDS:
        faster = replace(address, baud=baud)
        if baud > address.baud and _round(site, slow.name, there, faster).round_us < CYCLE_US:
            return baud
    return 0


def _round(site: Site, name: str, devices: list[Device], address: Address) -> Round:
    times = LineTimes.of(address) if isinstance(address, SerialAddress) else None
    pace = LINE_PACE if times is not None else TCP_PACE
    there = [one for one in site.inputs if spot_of(one.address) == devices[0].spot]
    reads: list[Request] = list(dict.fromkeys(Read(one.table, one.register, 1) for one in there))
    writes: list[Request] = []
    for one in devices:
        if one.box is None:
            reads += meter_driver(one.device, load).reads()
        else:
            driver = box_driver(one.device, load, one.unit)
            reads += _reads(driver, site.boxes[one.box])
            writes += driver.writes(0)
            feed = driver.feeds({})
            reads += feed.writes if feed is not None else ()
    pause_us = max((_pause_us(one) for one in devices), default=0)
    writes_us = sum(_exchange_us(one, times, pause_us) for one in writes)
    round_us = writes_us + sum(_exchange_us(one, times, pause_us) for one in reads)
    woken = sum(dozes(load(one.device)) for one in devices)
    timeout_us = pace.answer_us * (woken + (len({one.unit for one in devices}) > 1))
    return Round(name, len(reads) + len(writes), round_us, writes_us, timeout_us, devices[0])


def _pause_us(device: Device) -> int:
    """What a device needs between an answer and the next request; the link keeps the longest for all behind it."""
    return gap_us(load(device.device))


def _exchange_us(request: Request, times: LineTimes | None, pause_us: int) -> int:
    """A request and its answer, with what the master waits before the next one."""
    if times is None:
        return TURNAROUND_US + NETWORK_US + pause_us
    asked = 8 if isinstance(request, Read) or request.function in {5, 6} else 9 + 2 * len(request.values)
    answered = 3 + shape_of(request).size
    return times.frame_us(asked) + TURNAROUND_US + times.frame_us(answered) + max(times.silence_us, pause_us)


def _reads(driver: BoxDriver, box: Box) -> tuple[Read, ...]:
    """What the driver reads at its most: where the site knows no meter of the box, with one attached."""
    plain = driver.reads({})
    if box.meter is not None:
        return plain
    sheet = load(box.device)
    try:
        whole = driver.reads({read: _words(sheet, read) for read in driver.greet()})
    except ValueError:
        return plain
    return max(plain, whole, key=lambda reads: sum(8 + one.count for one in reads))


def _words(sheet: Datasheet, read: Read) -> tuple[int, ...]:
    """What a device answers as it is made; 1 where its datasheet leaves that open, which says that there is something."""
    words = [1] * read.count
    for register in sheet.registers:
        start = register.at - read.address
        if register.table == read.table and start >= 0 and start + register.count <= read.count:
            words[start : start + register.count] = _default(register)
    return tuple(words)


def _default(register: Register) -> tuple[int, ...]:
    if register.default is None:
        return (1,) * register.count
    return encode(register, register.default)
