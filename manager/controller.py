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
Believing the difference itself was seen to raise other boxes into a ramp that the grid meter had not shown yet. Where a car
is about to take what it was offered, the grid meter may also show it first: then a background that seems to have risen is
*doubted* for one cycle, in which nobody is raised, unless the grid meter shows an overload; so is one whose meter does not
answer. What is taken off the grid meter for a box is never more than what is booked for it, so that the sum of both is at
least what flows.

Turns: a runner is held for a while, then gives way to who waits. A box that needs the places of several would never find
them free together, so while such a box waits, those who stay get no other turn, and those who start ahead of it get one that
ends with the turns that run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chargebench.manager.allocator import Allocation, Ask, allocate
from chargebench.manager.circuits import Circuits
from chargebench.manager.memory import DRAW_MARGIN_MA, PHYSICAL_US, SETTLE_US, Level, Memory, level_of
from chargebench.manager.policies.shares import Share
from chargebench.manager.readings import Command, MeterReading, MeterView, Session, View
from chargebench.manager.sessions import session_of
from chargebench.manager.sharing import Sharing
from chargebench.manager.site import HouseMeter, Site
from chargebench.manager.steady import Steady
from chargebench.manager.switching import Switching
from chargebench.manager.units import NOTHING, Amps3, down_to_step, up_to_step

CYCLE_US = 3_000_000
HOLD_US = 1_800_000_000  # a runner gives way to a waiting car only after so long
PAUSE_US = 300_000_000  # a stopped box stays stopped so long, twice as long each time that its turn was cut short
STEP_MA = 100
RESEND_US = 12_000_000  # a write that did not show is sent again after so long
METER_LOST_US = 12_000_000  # a house meter silent for so long is not believed any more
BLIND_US = PHYSICAL_US  # an overload that outlives its cuts for so long comes from cars that draw less than is thought
HOUSE_BAND_MA = 300
DEAD_BAND_MA = 300
SMALL_MA = 1_000  # a raise by less, or by a single step, waits until the box had its last command so long ago:
CALM_US = 60_000_000  # else limits flutter with the house, and every flutter is a write and a change of the pulse
FAR = 1 << 62


@dataclass(frozen=True, slots=True)
class Decision:
    """What the last decision saw and wanted, for people and records: mA per phase, mA per box.

    ``bound_by``: (box, node) of each that a limit keeps from more, as the allocation tells.
    """

    cycle: int = -1
    background: Amps3 = NOTHING
    booked: Amps3 = NOTHING
    free: Amps3 = NOTHING
    targets: tuple[int, ...] = ()
    waiting: tuple[int, ...] = ()
    bound_by: tuple[tuple[int, int], ...] = ()


class Controller:
    """One site. ``cycle(n, view)`` is to be called at cycle n (``n * cycle_us`` after the first), n only rising."""

    cycle_us = CYCLE_US

    def __init__(self, site: Site, steps_ma: Sequence[int] | None = None, share: Share = allocate) -> None:
        """``steps_ma``: the step of each box's limit, 100 mA where not given. ``share``: who is to have how much."""
        self.site = site
        self._steps: tuple[int, ...] = ()
        self._lows: tuple[int, ...] = ()
        self.in_steps(steps_ma if steps_ma is not None else [STEP_MA] * len(site.boxes))
        self._grid = any(meter.role == "grid supply" and meter.tells_house for meter in site.meters)
        self._feeds = [meter.role == "generation" and not (self._grid or meter.memory_us) for meter in site.meters]
        self.circuits = Circuits(site)
        self.sharing = Sharing(site, self.circuits, share)
        self.boxes = [Memory(box, site.connection.voltage_mv) for box in site.boxes]
        self.switching = Switching(self.boxes, self.sharing)
        self.next_cycle = 0
        self.bands: list[tuple[int, int] | None] = [None] * len(site.boxes)
        self.house_bands: list[tuple[int, int] | None] = [None] * (3 * len(site.meters))
        self.decision = Decision()
        self._levels: list[tuple[Level, bool] | None] = [None] * len(site.boxes)
        self._meter_levels: list[tuple[bool, bool] | None] = [None] * len(site.meters)
        self._backgrounds: list[Amps3 | None] = [None] * len(site.meters)
        self._grids: list[Amps3 | None] = [None] * len(site.meters)
        self._steady = [Steady() for _ in site.meters]
        self._doubted = [False] * len(site.meters)
        self._over_us: list[int | None] = [None] * 3
        self._sessions: tuple[int, tuple[Session | None, ...]] = (-1, (None,) * len(site.boxes))

    def in_steps(self, steps_ma: Sequence[int]) -> None:
        """In which steps each box takes its limit: what it cannot show would be sent to it again and again.

        To be told before the first cycle; finer steps than 0.1 A are worth no command, so whole multiples of them count.
        """
        self._steps = tuple(step * -(-STEP_MA // step) for step in steps_ma)
        lows = zip(self.site.boxes, self._steps, strict=True)
        self._lows = tuple(up_to_step(box.minimum_ma, step) for box, step in lows)

    # -- is there anything to decide ------------------------------------------------------

    def quiet(self, n: int, view: View) -> bool:
        """Whether cycle ``n`` with this view would return nothing and change nothing. Pure."""
        if n >= self.next_cycle or view.orders != self.sharing.orders:
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

    def sessions(self) -> tuple[Session | None, ...]:
        """What is worth keeping of the car at each box, as of the last decision."""
        n = self.decision.cycle
        if self._sessions[0] != n:
            self._sessions = n, tuple(session_of(memory, n * CYCLE_US) for memory in self.boxes)
        return self._sessions[1]

    # -- one decision ---------------------------------------------------------------------

    def _decide(self, n: int, view: View) -> list[Command]:
        now_us = n * CYCLE_US
        due: list[int] = []
        self.sharing.orders = view.orders
        for memory, box in zip(self.boxes, view.boxes, strict=True):
            due += memory.observe(box, now_us)
        due += self.switching.observe(view.boxes, now_us)
        background = self._background(view, now_us, due)
        free = self._free(background)
        asks = self._asks(now_us, due)
        allocation = self.sharing.allocate(asks, free, self._grace(len(free)), self.boxes, now_us)
        due += self.sharing.due(self.boxes, now_us)
        if self.switching.all and self.site.management:
            grace = self._grace(len(free))
            due += self.switching.judge(asks, allocation, free, grace, lambda k: self._ask(k, now_us), now_us)
        targets = self._targets(allocation)
        commands: list[Command] = []
        if self.site.management:
            self._cut(n, targets, commands, due)
            commands += self.switching.orders(n, now_us, due)
            if not any(self._doubted):
                commands += self._raise(n, targets, allocation, list(free), due)
            self._hold(now_us, targets, allocation.ahead, due)
        self._latch(n, view, due, self._tight(targets, free))
        booked = [sum(ma) for ma in zip(NOTHING, *(memory.booked() for memory in self.boxes), strict=True)]
        l1, l2, l3 = booked
        self.decision = Decision(
            n,
            background,
            (l1, l2, l3),
            (free[0], free[1], free[2]),
            tuple(targets),
            allocation.waiting,
            allocation.bound_by,
        )
        return commands

    def _background(self, view: View, now_us: int, due: list[int]) -> Amps3:
        """What flows beside the boxes, per phase, at its worst."""
        total = [0, 0, 0]
        measured = False
        for k, (meter, seen) in enumerate(zip(self.site.meters, view.meters, strict=True)):
            if not meter.tells_house:
                continue
            measured = True
            for phase, ma in enumerate(self._of_meter(k, meter, seen, now_us, due)):
                total[phase] += ma
        if not measured:
            total = [self.site.connection.house_max_ma] * 3
        if any(self._feeds):
            self._relieve(total, view)
        return total[0], total[1], total[2]

    def _relieve(self, total: list[int], view: View) -> None:
        """Take off what the house makes by itself, at its least, but for what it takes: it may be gone within a second."""
        for feeds, seen in zip(self._feeds, view.meters, strict=True):
            if not feeds or seen.reading is None or seen.reading.phases_ma is None or seen.silent_since_us is not None:
                continue
            for phase, ma in enumerate(seen.reading.phases_ma):
                total[phase] -= min(max(0, ma - HOUSE_BAND_MA), max(0, total[phase]))

    def _of_meter(self, k: int, meter: HouseMeter, seen: MeterView, now_us: int, due: list[int]) -> Amps3:
        reading = seen.reading
        lost = False
        if seen.silent_since_us is not None:
            lost_us = seen.silent_since_us + METER_LOST_US
            lost = now_us >= lost_us
            due.append(lost_us)
        if reading is None or reading.phases_ma is None or lost:
            self._grids[k], self._doubted[k] = None, False
            self._steady[k].forget()
            return self._unseen(self._backgrounds[k])
        now = self._backgrounds[k]
        if now is None or seen.silent_since_us is None:
            now = self._judged(k, meter, reading.phases_ma, now_us, due)
        else:
            self._doubted[k] = True  # the boxes have moved on and the meter has not
        self._backgrounds[k] = now
        l1, l2, l3 = (max(0, ma) + HOUSE_BAND_MA for ma in self._steady[k].count(now, now_us, due))
        return l1, l2, l3

    def _unseen(self, known: Amps3 | None) -> Amps3:
        """A background that nobody measures now: the greatest that the house may be, and no less than it was seen to be."""
        worst = self.site.connection.house_max_ma or self.site.connection.limit_ma
        l1, l2, l3 = (max(worst, ma + HOUSE_BAND_MA) for ma in known or NOTHING)
        return l1, l2, l3

    def _judged(self, k: int, meter: HouseMeter, read: Amps3, now_us: int, due: list[int]) -> Amps3:
        """The background that a reading and the boxes make likely."""
        doubted, self._doubted[k] = self._doubted[k], False
        if meter.role == "consumption":
            return read
        self._watch(read, now_us, due)
        least, most = self._unexplained(read)
        was = self._backgrounds[k] or most
        calm = all(us is None for us in self._over_us)  # an overload is no time to wait and see
        rises = calm and any(ma < low for ma, low in zip(was, least, strict=True))
        if rises and not doubted and any(memory.settling(now_us) for memory in self.boxes):
            self._doubted[k], self._grids[k] = True, None
            due.append(now_us + CYCLE_US)
            return was
        rose = self._rose(k, read, now_us)
        l1, l2, l3 = (min(max(ma + up, low), high) for ma, up, low, high in zip(was, rose, least, most, strict=True))
        return l1, l2, l3

    def _rose(self, k: int, read: Amps3, now_us: int) -> Amps3:
        """By how much an overloaded phase of the grid has risen while no box could have taken more: that is the house's.

        Where cars still follow a cut, the span of the boxes alone would let most of a step of the house pass for theirs.
        """
        was = self._grids[k]
        self._grids[k] = None if any(memory.rising(now_us) for memory in self.boxes) else read
        if was is None or self._grids[k] is None:
            return NOTHING
        l1, l2, l3 = (
            max(0, ma - before) if self._over_us[phase] is not None else 0
            for phase, (ma, before) in enumerate(zip(read, was, strict=True))
        )
        return l1, l2, l3

    def _watch(self, grid: Amps3, now_us: int, due: list[int]) -> None:
        """Note since when the grid meter shows more than there is."""
        orders = self.sharing.orders
        most_ma = self.circuits.limits_at(orders.inputs, orders.unknown)[0]
        for phase in range(3):
            if grid[phase] <= most_ma:
                self._over_us[phase] = None
                continue
            known_us = self._over_us[phase]
            since_us = now_us if known_us is None else known_us
            self._over_us[phase] = since_us
            due.append(since_us + BLIND_US)

    def _blind(self, memory: Memory, now_us: int) -> bool:
        """Whether cuts of this box do not help, because nobody knows how much less than its limit its car takes."""
        since = [self._over_us[phase] for phase in memory.phases]
        return not memory.measured and any(us is not None and now_us >= us + BLIND_US for us in since)

    def _unexplained(self, grid: Amps3) -> tuple[Amps3, Amps3]:
        """The span of grid minus boxes, per phase."""
        low = [0, 0, 0]
        high = [0, 0, 0]
        for memory in self.boxes:
            some, all_of_it = memory.taken()
            for phase in range(3):
                low[phase] += some[phase]
                high[phase] += all_of_it[phase]
        least = (grid[0] - high[0], grid[1] - high[1], grid[2] - high[2])
        most = (grid[0] - low[0], grid[1] - low[1], grid[2] - low[2])
        return least, most

    def _free(self, background: Amps3) -> list[int]:
        """What may be allocated on each node, in the order of ``circuits``."""
        orders = self.sharing.orders
        free = list(self.circuits.limits_at(orders.inputs, orders.unknown))
        for phase, ma in enumerate(background):
            free[phase] -= ma
        for memory in self.boxes:
            if not memory.in_hand:
                self._take(memory.booked(), memory, free)
            elif (over_ma := memory.over_ma()) > 0:
                for node in self._nodes(memory):
                    free[node] -= over_ma
        return free

    def _take(self, amps: Amps3, memory: Memory, left: list[int]) -> None:
        """Take a current of a box out of what is left on all that feeds it."""
        self.circuits.take(amps, memory.box.circuit, left)

    def _nodes(self, memory: Memory) -> tuple[int, ...]:
        return self.circuits.nodes(memory.box.circuit, memory.phases)

    def _asks(self, now_us: int, due: list[int]) -> list[Ask]:
        asks = []
        for k, memory in enumerate(self.boxes):
            if not memory.in_hand or not memory.plugged or not memory.box.enabled or self.switching.busy(k):
                continue
            if not memory.running and memory.stopped_us is not None and now_us < _paused_until(memory):
                due.append(_paused_until(memory))
                continue
            asks.append(self._ask(k, now_us))
        return asks

    def _ask(self, k: int, now_us: int) -> Ask:
        """What one box asks for."""
        memory = self.boxes[k]
        low, high = self._lows[k], self._high(k, memory, now_us)
        held = memory.running and memory.hold_us > now_us and not memory.idle
        missed = 0 if memory.running or memory.idle else 1 + (now_us - memory.waits_us) // HOLD_US
        rank = memory.box.priority, memory.running, held, memory.idle, memory.energy_wh(), missed
        spare = 0 if memory.measured else DRAW_MARGIN_MA * self._grid
        since = memory.since_us, memory.waits_us
        return Ask(k, self._nodes(memory), low, high, self._steps[k], *rank, spare, *since, wide=len(memory.phases))

    def _high(self, k: int, memory: Memory, now_us: int) -> int:
        """The most that this box is to be given, beside nothing."""
        step, low = self._steps[k], self._lows[k]
        if low > memory.box.maximum_ma:
            return 0
        if self._blind(memory, now_us) or self.switching.unproven(k):
            return low
        high = down_to_step(min(memory.box.maximum_ma, memory.most_ma), step)
        if memory.cap_ma is not None:
            high = min(high, up_to_step(memory.cap_ma, step))
        return max(high, low)

    def _grace(self, nodes: int) -> list[int]:
        """The band that the background was counted with: those who run may use it, nobody may start into it."""
        measured = sum(meter.tells_house for meter in self.site.meters)
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
            if not memory.managed:
                continue
            if memory.fell_back or memory.wakes:
                self._lay_down(n, k, commands)
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

    def _lay_down(self, n: int, k: int, commands: list[Command]) -> None:
        """Have a box that is at its failsafe current, or may be, told so first, lest it wakes at its old limit."""
        memory = self.boxes[k]
        limit = down_to_step(memory.laid_ma, self._steps[k])
        limit = limit if limit >= self._lows[k] else 0
        if limit != memory.sent_ma:
            memory.send(limit, n * CYCLE_US)
            commands.append(Command(n, k, limit))

    def _raise(
        self, n: int, targets: list[int], allocation: Allocation, left: list[int], due: list[int]
    ) -> list[Command]:
        """Raise what fits into that which nobody may draw any more."""
        commands: list[Command] = []
        for memory in self.boxes:
            if memory.in_hand:
                self._take(memory.booked(), memory, left)
        for k, _ in allocation.limits:
            memory = self.boxes[k]
            more = targets[k] - memory.booked_ma()
            if not memory.shows or not self._worth(k, more, n * CYCLE_US, due):
                continue
            nodes = self._nodes(memory)
            if all(left[node] >= more * nodes.count(node) for node in nodes):
                for node in nodes:
                    left[node] -= more
                memory.send(targets[k], n * CYCLE_US)
                commands.append(Command(n, k, targets[k]))
        return commands

    def _worth(self, k: int, more: int, now_us: int, due: list[int]) -> bool:
        """Whether a box is to be raised by so much, now."""
        memory = self.boxes[k]
        if memory.confirmed_ma == 0:
            return more > 0
        if more < DEAD_BAND_MA or (more >= SMALL_MA and more > self._steps[k]):
            return more >= DEAD_BAND_MA
        calm_us = memory.sent_us + CALM_US
        due.append(calm_us)
        return now_us >= calm_us

    def _hold(self, now_us: int, targets: list[int], ahead: tuple[int, ...], due: list[int]) -> None:
        """Start and stop turns: a runner is held for a while, a stopped one pauses."""
        out = [memory for memory, ma in zip(self.boxes, targets, strict=True) if ma == 0 and memory.in_hand]
        passed_over = any(
            memory.plugged and not memory.running and not memory.idle and memory.box.enabled for memory in out
        )
        last_us = max((memory.hold_us for memory in self.boxes if memory.running), default=0)
        for k, memory in enumerate(self.boxes):
            if not memory.in_hand and not memory.stubborn:
                continue  # it goes on as it is, and keeps its turn
            if targets[k] == 0:
                if memory.running:
                    memory.stop(now_us)
                    due.append(_paused_until(memory))
                continue
            if not memory.running:
                short_us = max(last_us, now_us + PAUSE_US) if k in ahead else FAR
                memory.running, memory.hold_us = True, min(now_us + HOLD_US, short_us)
                due.append(now_us + SETTLE_US)  # from then on its own observation says what it waits for
            elif memory.hold_us <= now_us and not passed_over:
                memory.hold_us = now_us + HOLD_US
            due.append(memory.hold_us)

    def _tight(self, targets: list[int], free: list[int]) -> Amps3:
        """By how much of the grace of each phase the targets live."""
        told = [0, 0, 0]
        for memory, ma in zip(self.boxes, targets, strict=True):
            for phase in memory.phases:
                told[phase] += ma
        l1, l2, l3 = (max(0, ma - free[phase]) for phase, ma in enumerate(told))
        return l1, l2, l3

    def _latch(self, n: int, view: View, due: list[int], tight: Amps3) -> None:
        """Fix the bands and levels by which the coming cycles are judged quiet, and the next cycle by time.

        A house may rise by its band unseen, since the background counts it; but not by what was given away as grace.
        """
        now_us = n * CYCLE_US
        later = [at for at in due if at > now_us]
        self.next_cycle = max(n + 1, -(-min(later) // CYCLE_US)) if later else FAR
        if any(memory.moving for memory in self.boxes):
            self.next_cycle = n + 1
        for k, (memory, box) in enumerate(zip(self.boxes, view.boxes, strict=True)):
            pending = memory.pending
            self._levels[k] = (level_of(box, pending), pending)
            self.bands[k] = memory.band()
        for k, meter in enumerate(view.meters):
            self._meter_levels[k] = _meter_level(meter)
            phases = meter.reading.phases_ma if meter.reading is not None else None
            for phase in range(3):
                up = max(0, HOUSE_BAND_MA - tight[phase])
                up = HOUSE_BAND_MA if self._feeds[k] else up
                band = None if phases is None else (phases[phase] - HOUSE_BAND_MA, phases[phase] + up)
                self.house_bands[3 * k + phase] = band


def _paused_until(memory: Memory) -> int:
    """When a stopped box may start again."""
    assert memory.stopped_us is not None
    return memory.stopped_us + min(PAUSE_US << max(0, memory.evictions - 1), HOLD_US)


def _meter_level(meter: MeterView) -> tuple[bool, bool]:
    known = meter.reading is not None and meter.reading.phases_ma is not None
    return known, meter.silent_since_us is not None
