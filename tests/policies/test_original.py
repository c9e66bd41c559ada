"""The rules of the original on hand-made views: its worked numbers, and what it makes of meters, silence and overdraft."""

from dataclasses import replace

import pytest

from chargebench.manager.policies.original import CYCLE_US, FAR, Original
from chargebench.manager.policies.original_turns import PAUSE_US
from tests.policies.views import NEVER, SECOND, amps, box, boxes, house, seen, sent, site, view

PAUSE = PAUSE_US // CYCLE_US
MINUTE = 60 * SECOND // CYCLE_US


def decided(where, *found, meters=(), n=0):
    """(commands, decision) of one cycle."""
    control = Original(where)
    commands = sent(control.cycle(n, view(*found, meters=meters)))
    return commands, control.decision


# -- the numbers that are printed -----------------------------------------------------------

TWO = boxes(2)
CAR = seen("C", 16_000)
LOW = seen("C", 6_000)
WORKED = {
    "I3: 15 kW, reserve 0.5, house 3, two cars: 5.75 kW each": (
        site(*TWO, meters=["consumption"]),
        [LOW, LOW],
        [house(watts=3_000)],
        5_750,
        8_300,
    ),
    "I5: 15 kW, reserve 0.5, nothing metered, two cars: 7.25 kW each": (site(*TWO), [CAR, CAR], [], 7_250, 10_500),
    "I5: and one car alone: 11 kW": (site(*TWO), [CAR, seen("A", 0)], [], 11_040, None),
    "I1: 15 kW, reserve 2, house 2.5, one car: 10.5 kW": (
        site(box(), reserve_w=2_000, meters=["consumption"]),
        [LOW],
        [house(watts=2_500)],
        10_500,
        15_200,
    ),
    "I4: 15 kW, reserve 0.5, house 2.5, sun 4, two cars: 16 kW": (
        site(*boxes(2), meters=["grid supply"]),
        [seen("C", 11_500), seen("C", 11_500)],
        [house(2 * 11_500 - amps(1_500))],
        8_000,
        None,
    ),
    "11 kW for the boxes, one reached: 15,942 mA, written as 15.9 A": (
        site(*TWO, total_w=34_000, evse_w=11_000),
        [CAR, NEVER],
        [],
        11_000,
        15_900,
    ),
}


@pytest.mark.parametrize(("where", "found", "meters", "watts", "written_ma"), WORKED.values(), ids=WORKED)
def test_a_worked_example_comes_out_as_printed(where, found, meters, watts, written_ma):
    """``watts`` for each charging car, within what a milliampere on three phases is; ``written_ma`` None: as it is."""
    commands, decision = decided(where, *found, meters=meters)
    assert decision.shares[0] == pytest.approx(amps(watts), abs=2)
    assert commands.get(0) == written_ma


def test_the_share_of_the_one_box_that_was_reached_is_that_of_the_real_device():
    _, decision = decided(site(*TWO, total_w=34_000, evse_w=11_000), CAR, NEVER)
    assert decision.shares == (15_942, 0)


def test_thirteen_boxes_at_their_minimum_need_more_than_55_kw_less_5_leave():
    garage = site(*boxes(13, maximum_ma=32_000), total_w=55_000, reserve_w=5_000)
    commands, decision = decided(garage, *[seen("C", 32_000)] * 13)
    assert commands == {**dict.fromkeys(range(12), 6_000), 12: 0}
    assert decision.paused == (12,)


def test_two_single_phase_cars_on_different_phases_get_16_a_each_of_11_kw():
    where = site(box("one"), box("two", (1, 2, 0)), total_w=11_040, reserve_w=0)
    metered = seen("C", 16_000, drawn=(15_800, 0, 0))
    commands, decision = decided(where, metered, metered)
    assert (commands, decision.shares) == ({}, (16_000, 16_000))


# -- who takes part -------------------------------------------------------------------------


@pytest.mark.parametrize("pilot", ["A", "E", "F"])
def test_a_box_without_a_car_gets_nothing(pilot):
    assert decided(site(*TWO), seen(pilot, 16_000), CAR)[0] == {0: 0}


@pytest.mark.parametrize("drawn", [None, 0], ids=["unmetered", "metered"])
def test_a_plugged_idle_box_keeps_its_minimum_and_is_counted_with_it(drawn):
    commands, decision = decided(site(*TWO), seen("B", 16_000, drawn), CAR)
    assert commands == {0: 6_000, 1: 15_000}
    assert decision.shares == (6_000, amps(15_000) - amps(500) - 6_000)


def test_a_box_never_reached_is_counted_with_nothing_and_not_commanded():
    assert decided(site(*TWO), CAR, NEVER)[0] == {}


def test_a_higher_priority_takes_all_it_can_use_and_the_lower_is_paused():
    commands, decision = decided(site(box("low"), box("high", priority=2)), CAR, CAR)
    assert decision.shares == (0, 16_000)
    assert commands == {0: 0}


@pytest.mark.parametrize("minimum_ma", [8_000, 9_000])
def test_a_share_below_the_minimum_of_its_box_is_none_at_all(minimum_ma):
    where = site(*boxes(2, minimum_ma=minimum_ma), meters=["consumption"])
    short = amps(15_000) - amps(500) - 2 * minimum_ma + 1
    charging = seen("C", minimum_ma)
    commands, decision = decided(where, charging, charging, meters=[house(short)])
    assert commands[1] == 0
    assert decision.shares[0] > minimum_ma


# -- what is known of a box -----------------------------------------------------------------


def test_what_a_metered_car_leaves_goes_to_others_and_its_limit_stays():
    """7 A used of 16: the other gets 14 A of 21, and 16 + 14 A could flow."""
    commands, decision = decided(site(*TWO), seen("C", 16_000, drawn=7_000), seen("C", 6_000))
    assert commands == {1: 14_000}
    assert decision.shares[0] == 7_000


def test_without_a_meter_what_a_car_leaves_is_lost():
    commands, _ = decided(site(*TWO), seen("C", 16_000), seen("C", 6_000))
    assert commands == {0: 10_500, 1: 10_500}


def test_the_limit_of_a_car_that_uses_little_falls_when_its_draw_does_not_fit():
    where = site(*TWO, meters=["consumption"])
    free = amps(15_000) - amps(500) - 5_014
    commands, decision = decided(where, seen("C", 16_000, drawn=10_000), LOW, meters=[house(5_014)])
    assert decision.shares == (free // 2, free // 2)
    assert commands == {0: 8_000, 1: 8_000}


@pytest.mark.parametrize(("drawn", "written"), [(9_000, {0: 16_000}), (8_999, {})])
def test_who_draws_its_limit_but_for_1_a_uses_it_whole_and_may_have_more(drawn, written):
    assert decided(site(box()), seen("C", 10_000, drawn))[0] == written


@pytest.mark.parametrize(("other_ma", "written_ma"), [(1_000, 7_200), (999, 14_400)])
def test_a_phase_on_which_a_car_draws_less_than_1_a_is_free_for_others(other_ma, written_ma):
    where = site(box("one"), box("two", (1,)), total_w=10_000, reserve_w=0)
    found = seen("C", 7_000, drawn=(7_000, other_ma, 0)), seen("C", 6_000)
    assert decided(where, *found)[0][1] == written_ma


def test_a_total_is_taken_to_load_all_phases_alike():
    """3.68 kW are 16 A on the one phase that carries them; they count as 5.3 A on each of three."""
    commands, decision = decided(site(*TWO), seen("C", 16_000, watts=3_680), seen("C", 6_000))
    assert decision.shares[0] == 5_333
    assert commands == {1: 15_600}


def test_the_house_behind_a_grid_meter_is_what_the_boxes_do_not_explain():
    where = site(*TWO, meters=["grid supply", "consumption"])
    found = seen("C", 8_000, drawn=(7_500, 7_500, 7_500)), seen("C", 7_000)
    _, decision = decided(where, *found, meters=[house((18_000, 17_000, 16_000)), house(9_000)])
    assert decision.house == (3_500, 2_500, 1_500)


def test_a_box_weighs_on_the_phases_that_it_is_wired_to():
    where = site(box("one", (2,)), box("two", (1, 2, 0)), meters=["grid supply"])
    found = seen("C", 10_000), seen("C", 16_000, drawn=(1_000, 2_000, 3_000))
    _, decision = decided(where, *found, meters=[house((13_000, 11_000, 22_000))])
    assert decision.house == (10_000, 10_000, 10_000)


def test_without_any_meter_the_house_is_its_planning_figure():
    assert decided(site(*TWO, house_max_ma=4_000), CAR, CAR)[1].house == (4_000,) * 3


# -- raises and cuts ------------------------------------------------------------------------


def test_raise_and_cut_leave_in_one_cycle():
    assert decided(site(*TWO), CAR, seen("C", 6_000))[0] == {0: 10_500, 1: 10_500}


def test_a_limit_is_written_until_its_box_shows_it():
    control = Original(site(*TWO))
    assert sent(control.cycle(0, view(CAR, CAR))) == {0: 10_500, 1: 10_500}
    assert sent(control.cycle(1, view(seen("C", 10_500), CAR))) == {1: 10_500}
    assert control.cycle(2, view(seen("C", 10_500), seen("C", 10_500))) == []


def test_nothing_is_commanded_in_observation():
    watching = site(*TWO)
    assert (
        Original(type(watching)(watching.connection, watching.boxes, management=False)).cycle(0, view(CAR, CAR)) == []
    )


# -- licences -------------------------------------------------------------------------------


def test_a_box_without_a_licence_is_counted_at_its_maximum_and_never_written():
    control = Original(site(replace(TWO[0], licensed=False), TWO[1]))
    for n in range(200):
        assert sent(control.cycle(n, view(seen("C", 6_000), seen("C", 6_000)))) == {1: 0}
    assert control.decision.silent == (16_000,) * 3


def test_a_licence_counts_as_soon_as_it_comes_or_goes():
    control = Original(site(*TWO))
    one, other = seen("C", 10_500), seen("C", 10_500)
    assert sent(control.cycle(0, view(one, other))) == {}
    assert sent(control.cycle(1, view(one, replace(other, licensed=False)))) == {0: 0}
    assert sent(control.cycle(200, view(seen("C", 0), replace(other, licensed=True)))) != {}


# -- silence --------------------------------------------------------------------------------


def silences(last, seconds):
    """What a box silent for so long is counted with, and what is commanded beside it."""
    control = Original(site(*TWO))
    control.cycle(0, view(seen("C", 16_000, drawn=16_000), seen("B", 6_000)))
    n = 1 + seconds * SECOND // CYCLE_US
    commands = control.cycle(n, view(last(3 * SECOND), seen("C", 6_000)))
    return control.decision.silent[0], sent(commands)


@pytest.mark.parametrize(
    ("seconds", "counted_ma", "other_ma"), [(0, 9_000, 12_000), (177, 9_000, 12_000), (180, 6_000, 15_000)]
)
def test_a_silent_box_counts_with_its_last_draw_and_after_180_s_with_6_a(seconds, counted_ma, other_ma):
    """Whatever its own watchdog says: it reads 300 s and 10 A here."""
    found = silences(lambda since: seen("C", 16_000, drawn=9_000, silent_us=since, failsafe_ma=10_000), seconds)
    assert found == (counted_ma, {1: other_ma})


@pytest.mark.parametrize(
    ("last", "counted_ma"),
    [
        (lambda since: seen("C", 16_000, silent_us=since, failsafe_ma=None), 16_000),
        (lambda since: seen("A", 0, silent_us=since), 0),
        (lambda since: seen("B", 6_000, silent_us=since), 6_000),
    ],
    ids=["without a failsafe", "without a car", "with an idle car"],
)
def test_after_180_s_what_counts_hangs_on_failsafe_and_car(last, counted_ma):
    assert silences(last, 180)[0] == counted_ma


def test_a_silent_box_is_not_commanded():
    control = Original(site(*TWO, total_w=6_000))
    control.cycle(0, view(seen("C", 7_900), seen("A", 0)))
    assert control.cycle(1, view(seen("C", 16_000, silent_us=0), seen("A", 0))) == []


def test_a_box_that_was_silent_for_a_while_keeps_its_turn():
    control = Original(site(*TWO, total_w=6_000))
    control.cycle(0, view(seen("C", 7_900), seen("C", 7_900)))
    control.cycle(1, view(seen("C", 7_900), seen("B", 0, silent_us=0)))
    assert control.cycle(2, view(seen("A", 0), seen("B", 0))) == []
    assert control.decision.paused == (1,)


# -- overdraft ------------------------------------------------------------------------------

ONE = site(box(maximum_ma=32_000), meters=["consumption"])
LEFT = amps(15_000) - amps(500)


def overdrawn(*steps):
    """The cut after a list of (cycle, house mA), with one car that draws 10 A."""
    control = Original(ONE)
    cuts = []
    for n, ma in steps:
        control.cycle(n, view(seen("C", 11_000, drawn=10_000), meters=[house(ma)]))
        cuts.append(control.decision.overdraft[0])
    return cuts


def test_what_is_drawn_beyond_limit_less_reserve_is_cut_for_five_minutes():
    over = LEFT - 10_000 + 700
    assert overdrawn((0, over), (1, 0), (99, 0), (100, 0)) == [700, 700, 700, 0]


def test_several_overdrafts_do_not_add_the_greatest_holds_from_the_last():
    over = LEFT - 10_000
    steps = (0, over + 700), (50, over + 300), (100, 0), (149, 0), (150, 0)
    assert overdrawn(*steps) == [700, 700, 700, 700, 0]


def test_what_just_fits_is_no_overdraft():
    assert overdrawn((0, LEFT - 10_000)) == [0]


def test_a_cut_reduces_what_is_available_on_its_phase_alone():
    control = Original(ONE)
    control.cycle(0, view(seen("C", 11_000, drawn=10_000), meters=[house((LEFT - 9_000, 0, 0))]))
    assert control.decision.overdraft == (1_000, 0, 0)
    assert control.decision.free == (LEFT - (LEFT - 9_000) - 1_000, LEFT, LEFT)


def test_without_a_meter_of_the_house_there_is_no_overdraft():
    assert decided(site(*boxes(2)), seen("C", drawn=16_000), seen("C", drawn=16_000))[1].overdraft == (0, 0, 0)


# -- a lost meter ---------------------------------------------------------------------------


def test_a_lost_meter_holds_its_last_value_then_the_highest_then_all_go_to_their_minimum():
    control = Original(site(box(maximum_ma=32_000), total_w=22_000, meters=["consumption"]))
    car = seen("C", 16_000)
    free = amps(22_000) - amps(500)
    for n, ma in [(0, 14_000), (1, 9_000), (4, 8_000), (102, 5_000)]:
        control.cycle(n, view(car, meters=[house(ma)]))
    found = []
    for seconds in (0, 11, 12, 191, 192):
        n = 103 + -(-seconds * SECOND // CYCLE_US)
        lost = house(5_000, silent_us=n * CYCLE_US - seconds * SECOND)
        control.cycle(n, view(car, meters=[lost]))
        found.append((control.decision.house[0], control.decision.shares[0]))
    last, highest = (5_000, free - 5_000), (9_000, free - 9_000)
    assert found == [last, last, highest, highest, (9_000, 6_000)]


def test_a_meter_that_was_never_read_leaves_every_box_its_minimum_beside_the_planning_figure():
    where = site(box(), meters=["consumption"], house_max_ma=4_000)
    commands, decision = decided(where, CAR, meters=[type(house())(None, 0)])
    assert (commands, decision.house[0]) == ({0: 6_000}, 4_000)


# -- when there is nothing to decide --------------------------------------------------------


def test_a_settled_view_is_quiet_until_something_is_due_or_differs():
    control = Original(site(*TWO))
    shown = view(seen("C", 10_500), seen("C", 10_500))
    control.cycle(0, shown)
    assert control.next_cycle == 1
    control.cycle(1, shown)
    assert control.next_cycle == PAUSE
    assert control.quiet(2, shown)
    assert not control.quiet(2, view(seen("C", 10_500), seen("C", 10_500, silent_us=0)))
    assert not control.quiet(PAUSE, shown)
    control.cycle(PAUSE, shown)
    assert control.next_cycle == FAR


def test_a_silence_is_due_when_180_s_are_over():
    control = Original(site(box()))
    lost = view(seen("C", 16_000, silent_us=SECOND))
    control.cycle(1, lost)
    control.cycle(2, lost)
    assert control.next_cycle == 3 * MINUTE + 1
