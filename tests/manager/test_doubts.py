"""Meters that lie are not believed, and are told; meters that only look as if they did are."""

from dataclasses import replace

import pytest

from chargebench.manager.controller import CYCLE_US, Controller
from chargebench.manager.doubts import (
    CALM_VIEWS,
    LEFT_US,
    ORDER,
    SIGN,
    SLOW_UNMEASURED,
    SLOW_VIEWS,
    STILL,
    UNMOVED,
    UNMOVED_US,
    Doubts,
)
from chargebench.manager.notes import Teller, Value
from chargebench.manager.readings import BoxView, MeterReading, MeterView, Pilot, View
from chargebench.manager.site import Connection, HouseMeter, Site
from tests.manager.test_controller import AT, box, site

CALM = SLOW_UNMEASURED + 1
"""So many views in which nothing moves."""


class Watch:
    """Doubts over a site of so many boxes, asked every cycle, with what they told."""

    def __init__(self, many=2, role="grid supply", phases=(0, 1, 2)):
        plain = site(many, limit_ma=40_000, meter=role, house_max_ma=10_000, phases=phases)
        self.site = plain
        self.told: list[tuple[str, str, dict[str, Value]]] = []
        self.n = 0
        self.doubts = Doubts(
            plain, Teller(lambda note: self.told.append((note.kind, note.subject, dict(note.data))), int)
        )

    def look(self, *boxes, grid=None, times=1, power_w=None, energy_wh=None):
        """What is left of a view after ``times`` cycles of it."""
        for _ in range(times):
            at_us = self.n * CYCLE_US
            seen = tuple(BoxView(replace(one.reading, at_us=at_us)) if one.reading else one for one in boxes)
            meters: tuple[MeterView, ...] = ()
            if grid is not None:
                reading = MeterReading(at_us, grid, power_w, energy_wh)
                meters = (MeterView(reading),)
            self.left = self.doubts.believable(View(seen, meters))
            self.n += 1
        return self.left

    def believes(self) -> bool:
        """Whether the meter of the house is believed."""
        (meter,) = self.left.meters
        return meter.reading is not None

    @property
    def why(self):
        return [data.get("why", "") for kind, _, data in self.told if kind == "doubted"]

    @property
    def kinds(self):
        return [kind for kind, _, _ in self.told]


def car(ma, limit_ma=16_000, phases=3):
    return box("C", limit_ma, (ma,) * phases + (0,) * (3 - phases))


IDLE = box("B", 0, 0)


def all_three(ma):
    return ma, ma, ma


# -- the grid's meter ------------------------------------------------------------------------------------------------


def test_a_grid_meter_that_moves_with_the_boxes_is_believed():
    watch = Watch()
    for boxes, grid in (((IDLE, IDLE), 4_000), ((car(15_500), IDLE), 19_500), ((car(9_000), car(9_000)), 22_000)):
        watch.look(*boxes, grid=all_three(grid), times=CALM)
        assert watch.believes()
    assert watch.told == []


def test_a_grid_meter_that_stays_while_boxes_move_is_not_believed_until_it_moves_again():
    watch = Watch()
    watch.look(IDLE, IDLE, grid=all_three(4_000), times=CALM)
    watch.look(car(15_500), IDLE, grid=all_three(4_000), times=SLOW_VIEWS)
    assert watch.believes()
    watch.look(car(15_500), IDLE, grid=all_three(4_000), times=2)
    assert (watch.believes(), watch.why) == (False, [STILL])
    watch.look(car(15_500), IDLE, grid=all_three(19_500))
    assert watch.believes()
    assert watch.kinds == ["doubted", "believed"]


def test_a_house_that_moves_at_the_same_time_proves_nothing():
    watch = Watch()
    watch.look(IDLE, IDLE, grid=all_three(4_000), times=CALM)
    watch.look(car(15_500), IDLE, grid=all_three(4_100), times=CALM)  # 15.4 A have gone off just then
    assert (watch.believes(), watch.told) == (True, [])


def test_a_house_that_stands_still_proves_nothing():
    watch = Watch()
    watch.look(car(9_000), IDLE, grid=all_three(13_000), times=1_000)
    assert watch.told == []


@pytest.mark.parametrize("ma", [-4_000, 6_000])
def test_a_sign_that_is_wrong_shows_by_one_movement_where_the_grid_is_fed_and_by_two_elsewhere(ma):
    watch = Watch()
    found = []
    for boxes, drawn in (((IDLE, IDLE), 0), ((car(5_000), IDLE), 5_000), ((car(5_000), car(5_000)), 10_000)):
        watch.look(*boxes, grid=all_three(ma - drawn + 10_000 * (ma > 0)), times=CALM)
        found.append(watch.why)
    assert found == ([[], [SIGN], [SIGN]] if ma < 0 else [[], [], [SIGN]])
    watch.look(IDLE, car(5_000), grid=all_three(20_000), times=CALM)
    assert not watch.believes()  # one movement that fits nothing does not clear it
    watch.look(IDLE, IDLE, grid=all_three(15_000), times=CALM)
    assert watch.believes()
    assert watch.kinds == ["doubted", "believed"]


def test_an_order_that_is_wrong_shows_by_two_movements():
    watch = Watch()
    watch.look(IDLE, IDLE, grid=(3_000, 4_000, 5_000), times=CALM)
    watch.look(car(9_000, phases=1), IDLE, grid=(3_000, 13_000, 5_000), times=CALM_VIEWS + 1)
    assert watch.why == []
    watch.look(car(9_000, phases=1), car(9_000, phases=1), grid=(3_000, 22_000, 5_000), times=CALM_VIEWS + 1)
    assert watch.why == [ORDER]


def test_what_unmeasured_boxes_were_told_shows_that_a_meter_is_frozen_and_nothing_else():
    told, alone = box("C", 16_000), box("B", 0)
    watch = Watch()
    watch.look(alone, alone, grid=all_three(4_000), times=CALM)
    watch.look(told, alone, grid=all_three(-12_000), times=CALM)
    watch.look(told, told, grid=all_three(-28_000), times=CALM)
    assert watch.told == []  # perhaps the sun has come out
    watch.look(told, alone, grid=all_three(-28_000), times=CALM)
    assert watch.why == [STILL]


# -- what cannot be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "grid", "believed"),
    [
        ("grid supply", (150_000, 0, 0), True),
        ("grid supply", (170_000, 0, 0), False),
        ("grid supply", (0, -170_000, 0), False),
        ("grid supply", (-30_000, 0, 0), True),  # the sun
        ("consumption", (-900, 0, 0), True),
        ("consumption", (-1_100, 0, 0), False),
        ("display", (170_000, 0, 0), True),
    ],
)
def test_a_house_that_cannot_be_is_no_reading(role, grid, believed):
    watch = Watch(role=role)
    watch.look(IDLE, IDLE, grid=grid)
    assert watch.believes() == believed
    assert bool(watch.why) != believed


@pytest.mark.parametrize(
    ("drawn", "believed"),
    [((34_000, 0, 0), True), ((34_100, 0, 0), False), ((-900, 0, 0), True), ((0, -1_100, 0), False)],
)
def test_a_box_that_cannot_be_counts_as_one_without_a_meter(drawn, believed):
    watch = Watch(1)
    reading = watch.look(box("C", 16_000, drawn, power_w=3_000, energy_wh=10)).boxes[0].reading
    measured = (reading.phases_ma, reading.power_w, reading.energy_wh)
    assert measured == ((drawn, 3_000, 10) if believed else (None, None, None))
    assert (reading.pilot, reading.limit_ma) == (Pilot.C, 16_000)
    watch.look(box("C", 16_000, 15_000))
    assert watch.kinds == ([] if believed else ["doubted", "believed"])


def test_a_current_at_a_box_without_a_car_is_not_believed_once_the_meter_has_had_time():
    watch = Watch(1)
    watch.look(box("C", 16_000, 15_000), times=5)
    watch.look(box("A", 0, 15_000), times=LEFT_US // CYCLE_US)
    assert watch.told == []
    watch.look(box("A", 0, 15_000))
    assert watch.kinds == ["doubted"]


# -- counters of energy ----------------------------------------------------------------------------------------------


def test_a_meter_whose_energy_stands_still_under_a_power_is_frozen():
    """11 kW for 3 s are 9 Wh: three such steps and 20 Wh more are due after 15 s."""
    watch = Watch(1)
    for k in range(4):
        watch.look(box("C", 16_000, 15_900, power_w=11_000, energy_wh=100 + 9 * k))
    watch.look(box("C", 16_000, 15_900, power_w=11_000, energy_wh=127), times=3)
    assert watch.told == []
    watch.look(box("C", 16_000, 15_900, power_w=11_000, energy_wh=127), times=3)
    assert watch.kinds == ["doubted"]
    watch.look(box("C", 16_000, 15_900, power_w=11_000, energy_wh=200))
    assert watch.kinds == ["doubted", "believed"]


def test_a_counter_of_coarse_steps_is_given_the_time_of_two_of_them():
    """0.1 kWh a step: at 11 kW one in 33 s, so 220 Wh are due after 72 s."""
    watch = Watch(1)
    for k in range(2):
        watch.look(box("C", 16_000, 15_900, power_w=11_000, energy_wh=100 * k), times=11)
    watch.look(box("C", 16_000, 15_900, power_w=11_000, energy_wh=100), times=72 // 3 - 11)
    assert watch.told == []
    watch.look(box("C", 16_000, 15_900, power_w=11_000, energy_wh=100), times=3)
    assert watch.kinds == ["doubted"]


def test_the_grids_meter_is_judged_by_its_counter_too():
    watch = Watch()
    for k in range(3):
        watch.look(IDLE, IDLE, grid=all_three(15_000), power_w=10_000, energy_wh=100 + 8 * k)
    watch.look(IDLE, IDLE, grid=all_three(15_000), power_w=10_000, energy_wh=116, times=20)
    assert (watch.believes(), watch.kinds) == (False, ["doubted"])


@pytest.mark.parametrize("role", ["consumption", "generation"])
@pytest.mark.parametrize("energy_wh", [None, 700])
def test_a_house_or_a_roof_that_no_counter_shows_to_live_is_frozen_once_it_has_not_moved_for_half_an_hour(
    role, energy_wh
):
    watch = Watch(role=role)
    half_an_hour = UNMOVED_US // CYCLE_US
    watch.look(IDLE, IDLE, grid=(2_000, 1_500, 900), power_w=1_000, energy_wh=energy_wh, times=half_an_hour)
    assert watch.told == []
    watch.look(IDLE, IDLE, grid=(2_001, 1_500, 900), power_w=1_000, energy_wh=energy_wh, times=half_an_hour)
    assert watch.told == []
    watch.look(IDLE, IDLE, grid=(2_001, 1_500, 900), power_w=1_000, energy_wh=energy_wh)
    assert (watch.believes(), watch.why) == (False, [UNMOVED])
    watch.look(IDLE, IDLE, grid=(2_000, 1_500, 900), power_w=1_000, energy_wh=energy_wh)
    assert watch.believes()


@pytest.mark.parametrize(("role", "grid"), [("consumption", (900, 0, 900)), ("grid supply", (5_000, 5_000, 5_000))])
def test_a_house_without_a_load_and_one_that_boxes_judge_may_stay_as_they_are(role, grid):
    watch = Watch(role=role)
    watch.look(IDLE, IDLE, grid=grid, times=2 * UNMOVED_US // CYCLE_US)
    assert watch.told == []


# -- what follows ----------------------------------------------------------------------------------------------------


def test_a_house_that_is_not_believed_counts_at_its_greatest_load():
    meter = HouseMeter("house", "eastron-sdm630", AT, 1, "grid supply")
    one = Site(Connection(20_000, 30_000, house_max_ma=12_000), site(1).boxes, (meter,))
    controller = Controller(one)
    for n in range(2):
        controller.cycle(n, View((IDLE,), (MeterView(MeterReading(0, all_three(2_000))),)))
    assert controller.decision.background == all_three(2_300)
    controller.cycle(2, View((IDLE,), (MeterView(),)))
    assert controller.decision.background == all_three(12_000)


def test_a_car_whose_meter_is_gone_is_not_held_at_what_that_showed_last():
    controller = Controller(site(1, limit_ma=20_000))
    limit_ma = 0

    def cycles(some, drawn):
        nonlocal limit_ma
        for n in some:
            seen = box("C" if limit_ma else "B", limit_ma, drawn if limit_ma else 0)
            seen = BoxView(replace(seen.reading, phases_ma=None)) if drawn is None else seen
            for command in controller.cycle(n, View((seen,))):
                limit_ma = command.limit_ma

    cycles(range(100), 3_000)
    assert (limit_ma, controller.boxes[0].cap_ma) == (6_000, 4_500)
    cycles(range(100, 130), None)
    assert (limit_ma, controller.boxes[0].cap_ma) == (16_000, None)
