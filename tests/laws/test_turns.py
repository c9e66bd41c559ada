"""Over hours: every waiting car gets a turn in time, equal cars get equal shares, and nobody starts and stops for ever.

The boxes here follow at once and the cars want more than they can get, so hours are cheap.
"""

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.controller import CYCLE_US, HOLD_US, PAUSE_US, Controller
from chargebench.manager.readings import BoxReading, BoxView, Pilot, View
from chargebench.manager.site import Box, Connection, Site, TcpAddress
from tests.strategies import examples

AT = TcpAddress("192.168.2.151", 4701)
REACTION_US = 60_000_000
HOUR = 3_600_000_000 // CYCLE_US
WIRINGS = [(0, 1, 2), (1, 2, 0), (0, 1, 2), (0,), (1,), (2,)]


@dataclass(frozen=True)
class Queue:
    """A site that carries any one of its boxes, and what stands at them: cars that come at a cycle, on so many phases."""

    site: Site
    comes: tuple[int, ...]
    phases: tuple[int, ...]
    metered: tuple[bool, ...]
    step_ma: int = 100


class Yard:
    """Boxes and cars of a queue; who waits since when is booked at every cycle."""

    def __init__(self, queue):
        self.queue = queue
        many = len(queue.site.boxes)
        self.control = Controller(queue.site, [queue.step_ma] * many)
        self.limits = [0] * many
        self.served = [0] * many
        self.starts = [0] * many
        self.since = {}
        self.most = {}
        self.waits = []

    def reading(self, k, n):
        limit_ma = self.limits[k]
        pilot = Pilot.A if n < self.queue.comes[k] else Pilot.C if limit_ma else Pilot.B
        if not self.queue.metered[k]:
            return BoxReading(0, pilot, limit_ma, limit_ma)
        drawn = [max(0, limit_ma - 500) if phase < self.queue.phases[k] else 0 for phase in range(3)]
        energy_wh = self.served[k] * 230 * self.queue.phases[k] * CYCLE_US // (1_000_000 * 1000 * 3600)
        return BoxReading(0, pilot, limit_ma, limit_ma, (drawn[0], drawn[1], drawn[2]), energy_wh=1 + energy_wh)

    def run(self, cycles):
        view = None
        for n in range(cycles):
            if view is None or n % 20 == 0 or n in self.queue.comes:
                view = View(tuple(BoxView(self.reading(k, n)) for k in range(len(self.limits))))
            for command in self.control.cycle(n, view):
                k, limit_ma = command.box, command.limit_ma
                self.starts[k] += limit_ma > 0 and not self.limits[k]
                self.limits[k] = limit_ma
                view = None
            self.book(n)
        self.waits += [(n - since, self.most[k]) for k, since in self.since.items()]
        return self

    def book(self, n):
        waiting = [k for k, limit_ma in enumerate(self.limits) if not limit_ma and n >= self.queue.comes[k]]
        for k in waiting:
            self.since.setdefault(k, n)
            self.most[k] = max(self.most.get(k, 0), len(waiting))
        for k in [k for k in self.since if k not in waiting]:
            self.waits.append((n - self.since.pop(k), self.most.pop(k)))
        for k, limit_ma in enumerate(self.limits):
            self.served[k] += limit_ma


@st.composite
def queues(draw):
    many = draw(st.integers(2, 5))
    boxes = []
    for k in range(many):
        minimum = draw(st.sampled_from([6_000, 6_000, 8_000]))
        boxes.append(Box(f"box{k}", "power-brain", AT, 1, draw(st.sampled_from(WIRINGS)), minimum_ma=minimum))
    limit_ma = draw(st.sampled_from([8_000, 10_000, 13_000, 17_000, 22_000]))
    evse_ma = draw(st.sampled_from([None, limit_ma]))
    comes = [draw(st.integers(0, 2 * HOUR)) for _ in boxes]
    phases = [draw(st.integers(1, len(box.phases))) for box in boxes]
    metered = [draw(st.booleans()) for _ in boxes]
    step_ma = draw(st.sampled_from([100, 1_000]))
    site = Site(Connection(limit_ma * 69 // 100, limit_ma, evse_ma=evse_ma), tuple(boxes))
    return Queue(site, tuple(comes), tuple(phases), tuple(metered), step_ma)


@given(queues())
@examples(40)
def test_every_waiting_car_gets_a_turn_in_time(queue):
    """Within the number of those who wait, times hold, pause and reaction."""
    for waited, waiting in Yard(queue).run(4 * HOUR).waits:
        assert waited * CYCLE_US <= waiting * (HOLD_US + PAUSE_US + REACTION_US)


@given(queues())
@examples(20)
def test_nobody_starts_more_often_than_turns_change(queue):
    assert max(Yard(queue).run(4 * HOUR).starts) <= 1 + 4 * HOUR * CYCLE_US // HOLD_US


@given(st.integers(2, 5), st.sampled_from([6_000, 9_000, 13_000, 19_000]), st.booleans())
@examples(20)
def test_equal_cars_get_equal_shares_within_a_turn(many, limit_ma, metered):
    boxes = tuple(Box(f"box{k}", "power-brain", AT, 1, (0, 1, 2)) for k in range(many))
    site = Site(Connection(limit_ma * 69 // 100, limit_ma), boxes)
    yard = Yard(Queue(site, (0,) * many, (3,) * many, (metered,) * many)).run(4 * HOUR)
    assert max(yard.served) - min(yard.served) <= limit_ma * (HOLD_US + PAUSE_US) // CYCLE_US


@given(queues(), st.integers(0, 4))
@examples(10)
def test_a_car_of_higher_priority_waits_for_nobody_below_it(queue, first):
    site = queue.site
    first %= len(site.boxes)
    boxes = [replace(box, priority=2 if k == first else 1) for k, box in enumerate(site.boxes)]
    yard = Yard(replace(queue, site=replace(site, boxes=tuple(boxes)))).run(2 * HOUR + 40)
    assert yard.limits[first]
