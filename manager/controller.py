"""The control cycle: a whole view in, commands out, and the next cycle at which it wants to be asked.

A cycle is *quiet* when nothing can follow from it: it is before ``next_cycle``, every measured current lies in the band
that was latched at the last decision, and every level (reached, silent, pilot, confirmed limit) is as it was then. A quiet
cycle returns nothing and changes nothing, so asking too often is harmless. Everything else is a decision, and every
decision takes the whole view.

A decision goes: observe each box · judge the background · book what is not in our hands · allocate · cut · raise. Cuts go
out at once. A raise goes out only into what is free after everything that any box *may* draw has been counted: its
confirmed limit, a limit written and not yet known to be physical, its failsafe current while it is silent, its maximum as
long as it was never reached.

The background of a grid meter is what the boxes do not explain. While a car ramps, its own meter and the grid meter were
read at different moments and their difference lies. So the boxes are taken as a span, from the least to the most that
they may have been drawing when the grid meter looked, and the background moves only as far as that span forces it to.
Believing the difference itself was seen to raise other boxes into a ramp that the grid meter had not shown yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chargebench.manager.allocator import Allocation, Ask, allocate
from chargebench.manager.memory import NOTHING, SETTLE_US, Level, Memory, Span, level_of
from chargebench.manager.readings import Command, MeterReading, MeterView, View
from chargebench.manager.site import HouseMeter, Site
from chargebench.manager.units import down_to_step, up_to_step

CYCLE_US = 3_000_000
HOLD_US = 1_800_000_000  # a runner gives way to a waiting car only after so long
PAUSE_US = 300_000_000  # a stopped box stays stopped so long, twice as long each time that its turn was cut short
RESEND_US = 12_000_000  # a write that did not show is sent again after so long
METER_LOST_US = 12_000_000  # a house meter silent for so long is not believed any more
FALL_US = 12_000_000  # the background is believed to have fallen after so long
HOUSE_BAND_MA = 300
DEAD_BAND_MA = 300
FAR = 1 << 62


@dataclass(frozen=True, slots=True)
class Decision:
    """What the last decision saw and wanted, for people and records: mA per phase, mA per box."""

    cycle: int = -1
    background: Span = NOTHING
    booked: Span = NOTHING
    free: Span = NOTHING
    targets: tuple[int, ...] = ()
    waiting: tuple[int, ...] = ()


class Controller:
    """One site. ``cycle(n, view)`` is to be called at cycle n (``n * cycle_us`` after the first), n only rising."""

    cycle_us = CYCLE_US

    def __init__(self, site: Site, steps_ma: Iterable[int] | None = None) -> None:
        """``steps_ma``: the step of each box's limit, 100 mA where not given."""
        self.site = site
        steps = tuple(steps_ma) if steps_ma is not None else (100,) * len(site.boxes)
        self._steps = steps
        self._lows = tuple(up_to_step(box.minimum_ma, step) for box, step in zip(site.boxes, steps, strict=True))
        self.boxes = [Memory(box, site.connection.voltage_mv) for box in site.boxes]
        self.next_cycle = 0
        self.bands: list[tuple[int, int] | None] = [None] * len(site.boxes)
        self.house_bands: list[tuple[int, int] | None] = [None] * (3 * len(site.meters))
        self.decision = Decision()
        self._levels: list[tuple[Level, bool] | None] = [None] * len(site.boxes)
        self._meter_levels: list[tuple[bool, bool] | None] = [None] * len(site.meters)
        self._backgrounds: list[Span | None] = [None] * len(site.meters)
        self._falls: list[list[int | None]] = [[None] * 3 for _ in site.meters]

    # -- is there anything to decide ------------------------------------------------------

    def quiet(self, n: int, view: View) -> bool:
        """Whether cycle ``n`` with this view would return nothing and change nothing. Pure."""
        if n >= self.next_cycle:
            return False
        for box, level, band, memory in zip(view.boxes, self._levels, self.bands, self.boxes, strict=True):
            if level is None or level_of(box, level[1]) != level[0]:
                return False
            if band is not None and box.reading is not None and not band[0] <= memory.highest(box.reading) <= band[1]:
                return False
        return all(
            _meter_level(meter) == level and self._inside(k, meter.reading)
            for k, (meter, level) in enumerate(zip(view.meters, self._meter_levels, strict=True))
        )

    def _inside(self, k: int, reading: MeterReading | None) -> bool:
        if reading is None or reading.phases_ma is None:
            return True
        for ma, band in zip(reading.phases_ma, self.house_bands[3 * k : 3 * k + 3], strict=True):
            if band is None or not band[0] <= ma <= band[1]:
                return False
        return True

    def cycle(self, n: int, view: View) -> list[Command]:
        """The commands of cycle ``n``, cuts first."""
        if self.quiet(n, view):
            return []
        return self._decide(n, view)

    # -- one decision ---------------------------------------------------------------------

    def _decide(self, n: int, view: View) -> list[Command]:
        now_us = n * CYCLE_US
        due: list[int] = []
        for memory, box in zip(self.boxes, view.boxes, strict=True):
            due += memory.observe(box, now_us)
        background = self._background(view, now_us, due)
        free = self._free(background)
        asks = self._asks(now_us, due)
        allocation = allocate(asks, free, self._grace(len(free)))
        targets = self._targets(allocation)
        commands: list[Command] = []
        if self.site.management:
            self._cut(n, targets, commands, due)
            self._raise(n, targets, allocation, free, commands)
            self._hold(now_us, targets, allocation, due)
        self._latch(n, view, due)
        booked = [sum(ma) for ma in zip(NOTHING, *(memory.booked() for memory in self.boxes), strict=True)]
        l1, l2, l3 = booked
        self.decision = Decision(
            n, background, (l1, l2, l3), (free[0], free[1], free[2]), tuple(targets), allocation.waiting
        )
        return commands

    def _background(self, view: View, now_us: int, due: list[int]) -> Span:
        """What flows beside the boxes, per phase, at its worst."""
        total = [0, 0, 0]
        measured = False
        for k, (meter, seen) in enumerate(zip(self.site.meters, view.meters, strict=True)):
            if meter.role == "display":
                continue
            measured = True
            for phase, ma in enumerate(self._of_meter(k, meter, seen, now_us, due)):
                total[phase] += ma
        if not measured:
            return (self.site.connection.house_max_ma,) * 3
        return total[0], total[1], total[2]

    def _of_meter(self, k: int, meter: HouseMeter, seen: MeterView, now_us: int, due: list[int]) -> Span:
        connection = self.site.connection
        reading = seen.reading
        lost = False
        if seen.silent_since_us is not None:
            lost_us = seen.silent_since_us + METER_LOST_US
            lost = now_us >= lost_us
            due.append(lost_us)
        if reading is None or reading.phases_ma is None or lost:
            self._backgrounds[k] = None
            return (connection.house_max_ma or connection.limit_ma,) * 3
        if meter.role == "consumption":
            least = most = reading.phases_ma
        else:
            least, most = self._unexplained(reading.phases_ma)
        was = self._backgrounds[k] or most
        l1, l2, l3 = (min(max(ma, low), high) for ma, low, high in zip(was, least, most, strict=True))
        self._backgrounds[k] = now = self._believed(k, was, (l1, l2, l3), now_us, due)
        l1, l2, l3 = (max(0, ma) + HOUSE_BAND_MA for ma in now)
        return l1, l2, l3

    def _believed(self, k: int, was: Span, now: Span, now_us: int, due: list[int]) -> Span:
        """A rise at once; a fall only after it has lasted, since a slow meter of a box makes the house look smaller."""
        believed = list(now)
        for phase in range(3):
            if now[phase] >= was[phase]:
                self._falls[k][phase] = None
                continue
            since = self._falls[k][phase]
            since = self._falls[k][phase] = now_us if since is None else since
            if now_us < since + FALL_US:
                believed[phase] = was[phase]
                due.append(since + FALL_US)
        return believed[0], believed[1], believed[2]

    def _unexplained(self, grid: Span) -> tuple[Span, Span]:
        """The span of grid minus boxes, per phase."""
        low = [0, 0, 0]
        high = [0, 0, 0]
        for memory in self.boxes:
            for phase in range(3):
                low[phase] += memory.low_draw[phase]
                high[phase] += memory.high_draw[phase]
        least = (grid[0] - high[0], grid[1] - high[1], grid[2] - high[2])
        most = (grid[0] - low[0], grid[1] - low[1], grid[2] - low[2])
        return least, most

    def _free(self, background: Span) -> list[int]:
        """What may be allocated on each node: the phases of the connection, then those of the boxes' own supply."""
        connection = self.site.connection
        free = [connection.limit_ma - connection.reserve_ma - ma for ma in background]
        if connection.evse_ma is not None:
            free += [connection.evse_ma] * 3
        for memory in self.boxes:
            if not memory.in_hand:
                for node, ma in enumerate(memory.booked() * (len(free) // 3)):
                    free[node] -= ma
        return free

    def _nodes(self, memory: Memory) -> tuple[int, ...]:
        if self.site.connection.evse_ma is None:
            return memory.phases
        return memory.phases + tuple(phase + 3 for phase in memory.phases)

    def _asks(self, now_us: int, due: list[int]) -> list[Ask]:
        asks = []
        for k, memory in enumerate(self.boxes):
            if not memory.in_hand or not memory.plugged:
                continue
            if not memory.running and memory.stopped_us is not None and now_us < _paused_until(memory):
                due.append(_paused_until(memory))
                continue
            step, low = self._steps[k], self._lows[k]
            high = down_to_step(memory.box.maximum_ma, step)
            if memory.cap_ma is not None:
                high = min(high, up_to_step(memory.cap_ma, step))
            high = max(high, low) if low <= memory.box.maximum_ma else 0
            held = memory.running and memory.hold_us > now_us and not memory.idle
            rank = memory.box.priority, memory.running, held, memory.idle, memory.energy_wh()
            asks.append(Ask(k, self._nodes(memory), low, high, step, *rank))
        return asks

    def _grace(self, nodes: int) -> list[int]:
        """The band that the background was counted with: those who run may use it, nobody may start into it."""
        measured = sum(meter.role != "display" for meter in self.site.meters)
        return [HOUSE_BAND_MA * measured] * 3 + [0] * (nodes - 3)

    def _targets(self, allocation: Allocation) -> list[int]:
        targets = [0] * len(self.boxes)
        for k, ma in allocation.limits:
            targets[k] = ma
        return targets

    def _cut(self, n: int, targets: list[int], commands: list[Command], due: list[int]) -> None:
        """Lower what is above its target, and repeat what did not show."""
        now_us = n * CYCLE_US
        for k, memory in enumerate(self.boxes):
            if not memory.reached or memory.silent:
                continue
            shows = max(memory.confirmed_ma, memory.sent_ma or 0)
            wanted = targets[k]
            late = now_us >= memory.sent_us + RESEND_US
            if wanted < shows and (wanted != memory.sent_ma or late):
                memory.send(wanted, now_us)
                commands.append(Command(n, k, wanted))
            elif not memory.shows and late and wanted >= shows:
                memory.send(memory.sent_ma or 0, now_us)
                commands.append(Command(n, k, memory.sent_ma or 0))
            if not memory.shows:
                due.append(memory.sent_us + RESEND_US)

    def _raise(
        self, n: int, targets: list[int], allocation: Allocation, free: list[int], commands: list[Command]
    ) -> None:
        """Raise what fits into that which nobody may draw any more."""
        left = list(free)
        for memory in self.boxes:
            if memory.in_hand:
                for node, ma in enumerate(memory.booked() * (len(left) // 3)):
                    left[node] -= ma
        for k, _ in allocation.limits:
            memory = self.boxes[k]
            more = targets[k] - memory.booked_ma()
            worth = more >= DEAD_BAND_MA or memory.confirmed_ma == 0
            nodes = self._nodes(memory)
            if more > 0 and memory.shows and worth and all(left[node] >= more for node in nodes):
                for node in nodes:
                    left[node] -= more
                memory.send(targets[k], n * CYCLE_US)
                commands.append(Command(n, k, targets[k]))

    def _hold(self, now_us: int, targets: list[int], allocation: Allocation, due: list[int]) -> None:
        """Start and stop turns: a runner is held for a while, a stopped one pauses."""
        for k, memory in enumerate(self.boxes):
            if not memory.in_hand:
                continue  # it goes on as it is, and keeps its turn
            if targets[k] == 0:
                if memory.running:
                    memory.evictions += memory.hold_us > now_us and not memory.idle
                    memory.running, memory.cap_ma, memory.stopped_us = False, None, now_us
                    due.append(_paused_until(memory))
                continue
            if not memory.running:
                memory.running, memory.hold_us = True, now_us + HOLD_US
                due.append(now_us + SETTLE_US)  # from then on its own observation says what it waits for
            elif memory.hold_us <= now_us:
                memory.hold_us = now_us + HOLD_US
            if allocation.waiting:
                due.append(memory.hold_us)

    def _latch(self, n: int, view: View, due: list[int]) -> None:
        """Fix the bands and levels by which the coming cycles are judged quiet, and the next cycle by time."""
        now_us = n * CYCLE_US
        later = [at for at in due if at > now_us]
        self.next_cycle = max(n + 1, -(-min(later) // CYCLE_US)) if later else FAR
        if any(memory.moving for memory in self.boxes):
            self.next_cycle = n + 1
        for k, (memory, box) in enumerate(zip(self.boxes, view.boxes, strict=True)):
            self._levels[k] = (level_of(box, memory.pending), memory.pending)
            self.bands[k] = memory.band()
        for k, meter in enumerate(view.meters):
            self._meter_levels[k] = _meter_level(meter)
            phases = meter.reading.phases_ma if meter.reading is not None else None
            for phase in range(3):
                band = None if phases is None else (phases[phase] - HOUSE_BAND_MA, phases[phase] + HOUSE_BAND_MA)
                self.house_bands[3 * k + phase] = band


def _paused_until(memory: Memory) -> int:
    """When a stopped box may start again."""
    assert memory.stopped_us is not None
    return memory.stopped_us + min(PAUSE_US << max(0, memory.evictions - 1), HOLD_US)


def _meter_level(meter: MeterView) -> tuple[bool, bool]:
    known = meter.reading is not None and meter.reading.phases_ma is not None
    return known, meter.silent_since_us is not None
