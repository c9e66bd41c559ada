"""The control cycle on hand-made views: what is booked, what waits for what, and when a cycle is quiet."""

from dataclasses import replace

import pytest

from chargebench.manager.controller import CYCLE_US, FAR, HOLD_US, HOUSE_BAND_MA, PAUSE_US, Controller
from chargebench.manager.memory import PHYSICAL_US, SETTLE_US, STUBBORN_US
from chargebench.manager.readings import (
    BoxReading,
    BoxView,
    Command,
    MeterReading,
    MeterView,
    Pilot,
    Remembered,
    View,
)
from chargebench.manager.site import Box, Connection, HouseMeter, Site, TcpAddress

AT = TcpAddress("192.168.2.151", 4701)


def site(many=2, limit_ma=21_000, meter=None, house_max_ma=0, **box):
    boxes = tuple(Box(f"box{k}", "power-brain", AT, 1, box.get("phases", (0, 1, 2))) for k in range(many))
    meters = (HouseMeter("house", "eastron-sdm630", AT, 1, meter),) if meter else ()
    return Site(Connection(14_500, limit_ma, house_max_ma=house_max_ma), boxes, meters)


def box(pilot="B", limit_ma=0, drawn=None, offered_ma=None, **more):
    phases = None if drawn is None else (drawn, drawn, drawn) if isinstance(drawn, int) else drawn
    offered = limit_ma if offered_ma is None else offered_ma
    return BoxView(BoxReading(0, Pilot(pilot), limit_ma, offered, phases, **more))


def silent(view, since_us=0, heard_us=0):
    return BoxView(view.reading, since_us, heard_us)


def view(*boxes, house=None):
    return View(boxes, () if house is None else (MeterView(MeterReading(0, (house,) * 3)),))


def sent(commands):
    return {command.box: command.limit_ma for command in commands}


def test_nothing_is_commanded_before_a_box_was_reached():
    assert Controller(site()).cycle(0, view(BoxView(), BoxView())) == []


def test_a_box_never_reached_is_booked_at_its_maximum():
    """21 A less 16 A for the unknown box leave no 6 A for the other."""
    assert Controller(site()).cycle(0, view(BoxView(), box("B"))) == []
    assert sent(Controller(site(limit_ma=22_000)).cycle(0, view(BoxView(), box("B")))) == {1: 6_000}


def test_an_empty_box_that_would_charge_at_once_is_switched_off():
    assert Controller(site(1)).cycle(0, view(box("A", 16_000))) == [Command(0, 0, 0)]


def test_two_cars_share_equally_down_to_the_step():
    assert sent(Controller(site(limit_ma=21_014)).cycle(0, view(box(), box()))) == {0: 10_500, 1: 10_500}


def test_the_reserve_is_never_given_away():
    one = Site(Connection(14_500, 21_014, reserve_ma=3_623), site(1).boxes)
    assert sent(Controller(one).cycle(0, view(box()))) == {0: 16_000}
    low = Site(Connection(14_500, 21_014, reserve_ma=6_000), site(2).boxes)
    assert sent(Controller(low).cycle(0, view(box(), box()))) == {0: 7_500, 1: 7_500}


def test_a_raise_waits_until_the_cut_that_pays_for_it_is_confirmed_and_physical():
    control = Controller(site())
    assert sent(control.cycle(0, view(box("C", 16_000), box("A")))) == {}
    assert control.cycle(1, view(box("C", 16_000), box("B"))) == [Command(1, 0, 10_500)]
    assert control.cycle(2, view(box("C", 16_000), box("B"))) == []
    confirmed = view(box("C", 10_500), box("B"))
    first = 3
    while not (commands := control.cycle(first, confirmed)):
        first += 1
        assert first < 20
    assert sent(commands) == {1: 10_500}
    assert (first - 3) * CYCLE_US >= PHYSICAL_US
    assert (first - 1 - 3) * CYCLE_US < PHYSICAL_US


def test_a_metered_cut_is_physical_when_it_is_measured():
    control = Controller(site())
    control.cycle(0, view(box("C", 16_000, 15_500), box("A", drawn=0)))
    assert control.cycle(1, view(box("C", 16_000, 15_500), box("B", drawn=0))) == [Command(1, 0, 10_500)]
    assert control.cycle(2, view(box("C", 10_500, 15_500), box("B", drawn=0))) == []
    assert sent(control.cycle(3, view(box("C", 10_500, 10_100), box("B", drawn=0)))) == {1: 10_500}


def test_an_offer_still_above_the_limit_is_not_physical():
    control = Controller(site())
    control.cycle(0, view(box("C", 16_000, 9_000), box("A", drawn=0)))
    control.cycle(1, view(box("C", 16_000, 9_000), box("B", drawn=0)))
    assert control.cycle(2, view(box("C", 10_500, 9_000, offered_ma=16_000), box("B", drawn=0))) == []
    assert sent(control.cycle(3, view(box("C", 10_500, 9_000), box("B", drawn=0)))) == {1: 10_500}


def test_a_house_step_cuts_in_the_very_cycle_that_shows_it():
    control = Controller(site(meter="consumption"))
    control.cycle(0, view(box("C", 7_000), box("C", 7_000), house=4_000))
    commands = control.cycle(1, view(box("C", 7_000), box("C", 7_000), house=8_200))
    assert 21_000 - 8_200 - HOUSE_BAND_MA == 12_500
    assert sent(commands) == {0: 6_300, 1: 6_200}


def test_what_no_longer_carries_two_stops_one_and_pauses_it():
    control = Controller(site(meter="consumption"))
    at = 0
    control.cycle(at, view(box("C", 7_000), box("C", 7_000), house=4_000))
    at += 1
    stopped = sent(control.cycle(at, view(box("C", 7_000), box("C", 7_000), house=10_000)))
    assert sorted(stopped.values()) == [0]
    (off,) = stopped
    on = 1 - off
    boxes = [box("C", 10_500), box("C", 10_500)]
    boxes[off] = box("B", 0)
    back = None
    for n in range(at + 1, at + 400):
        commands = sent(control.cycle(n, view(*boxes, house=2_000)))
        for k, limit_ma in commands.items():
            boxes[k] = box("C" if limit_ma else "B", limit_ma)
        if commands.get(off):
            back = n
            break
    assert back is not None
    assert (back - at) * CYCLE_US >= PAUSE_US
    assert boxes[on].reading.limit_ma >= 6_000


def test_when_the_house_alone_is_above_the_limit_every_box_gets_nothing():
    control = Controller(site(meter="consumption"))
    control.cycle(0, view(box("C", 7_000), box("C", 7_000), house=4_000))
    assert sent(control.cycle(1, view(box("C", 7_000), box("C", 7_000), house=25_000))) == {0: 0, 1: 0}


def test_a_silent_box_keeps_its_booking():
    control = Controller(site())
    heard = box("C", 10_500, failsafe_ma=6_000, failsafe_us=300_000_000)
    assert sent(control.cycle(0, view(heard, box("B")))) == {1: 10_500}
    gone = silent(heard, 3_000_000, 10**12)
    assert control.cycle(1, view(gone, box("C", 10_500))) == []
    assert control.decision.booked[0] == 21_000


def test_a_box_that_was_silent_for_a_while_keeps_its_turn():
    control = Controller(site())
    both = box("C", 10_500), box("C", 10_500)
    control.cycle(0, view(*both))
    control.cycle(1, view(silent(both[0], 3_000_000), both[1]))
    assert control.cycle(2, view(*both)) == []


def test_a_cut_of_a_box_whose_meter_knows_only_a_total_is_physical_after_its_worst_delay():
    """10 kW could all flow on one phase, so the total proves nothing; time does."""
    control = Controller(site())
    control.cycle(0, view(box("C", 16_000, power_w=10_000), box("A")))
    assert sent(control.cycle(1, view(box("C", 16_000, power_w=10_000), box("B")))) == {0: 10_500}
    confirmed = view(box("C", 10_500, power_w=6_900), box("B"))
    waited = [n for n in range(2, 12) if sent(control.cycle(n, confirmed)) == {1: 10_500}]
    assert len(waited) == 1
    assert (waited[0] - 2) * CYCLE_US >= PHYSICAL_US


def test_a_silent_box_counts_as_its_failsafe_current_only_when_its_own_watchdog_must_have_spoken():
    control = Controller(site())
    heard = box("C", 15_000, failsafe_ma=6_000, failsafe_us=180_000_000)
    control.cycle(0, view(heard, box("A")))
    at = 1
    while not (commands := control.cycle(at, view(silent(heard, 3_000_000, 3_000_000), box("B")))):
        at += 1
        assert at < 200
    assert sent(commands) == {0: 6_000, 1: 15_000}, "the lost one is to be told so first, should it come back"
    assert at * CYCLE_US >= 3_000_000 + 180_000_000


def test_a_lost_grid_meter_leaves_nothing_to_give_away():
    control = Controller(site(meter="grid supply"))
    assert sent(control.cycle(0, view(box("C", 7_000), box("C", 7_000), house=18_000)))
    lost = MeterView(MeterReading(0, (18_000,) * 3), 0)
    for n in range(1, 10):
        commands = control.cycle(n, View((box("C", 7_000), box("C", 7_000)), (lost,)))
        if commands:
            break
    assert sent(commands) == {0: 0, 1: 0}


def test_a_lost_meter_leaves_the_house_at_its_greatest_but_never_below_what_it_was_seen_at():
    for house_ma, counted_ma in ((2_000, 5_000), (9_000, 9_000 + HOUSE_BAND_MA)):
        control = Controller(site(1, meter="consumption", house_max_ma=5_000))
        control.cycle(0, view(box("C", 8_000), house=house_ma))
        lost = MeterView(MeterReading(0, (house_ma,) * 3), 0)
        for n in range(1, 10):
            control.cycle(n, View((box("C", 8_000),), (lost,)))
        assert control.decision.background == (counted_ma,) * 3


def test_a_ramp_that_the_grid_meter_has_not_shown_yet_raises_nobody():
    control = Controller(site(meter="grid supply"))
    control.cycle(0, view(box("C", 8_000, 0), box("C", 8_000, 7_500), house=4_000 + 7_500))
    control.cycle(1, view(box("C", 8_000, 0), box("C", 8_000, 7_500), house=4_000 + 7_500))
    raised = sent(control.cycle(2, view(box("C", 8_000, 7_500), box("C", 8_000, 7_500), house=4_000 + 7_500)))
    assert all(limit_ma <= 8_300 for limit_ma in raised.values())


def test_what_a_metered_car_does_not_take_is_taken_from_its_limit_before_it_is_given_away():
    control = Controller(site(limit_ma=21_000))
    boxes = [box("C", 10_500, 3_000), box("C", 10_500, 10_000)]
    seen = []
    for n in range(2 * SETTLE_US // CYCLE_US):
        for k, limit_ma in sent(control.cycle(n, view(*boxes))).items():
            seen.append((k, limit_ma))
            drawn = min(limit_ma - 500, boxes[k].reading.phases_ma[0] if k == 0 else 99_000)
            boxes[k] = box("C", limit_ma, drawn)
    assert seen == [(0, 6_000), (1, 15_000)]


def test_a_car_that_wakes_gets_its_share_back():
    control = Controller(site(limit_ma=21_000))
    boxes = [box("C", 10_500, 3_000), box("C", 10_500, 10_000)]
    for n in range(100):
        if n == 60:
            boxes[0] = box("C", 6_000, 5_500)
        for k, limit_ma in sent(control.cycle(n, view(*boxes))).items():
            boxes[k] = box("C", limit_ma, limit_ma - 500 if k or n >= 60 else 3_000)
    assert [one.reading.limit_ma for one in boxes] == [10_500, 10_500]


def test_the_phases_of_a_car_are_learned_and_free_the_others():
    """Two boxes on the same rotation, a single-phase car on the first: the second car keeps L2 and L3 to itself, L1 is shared."""
    control = Controller(site(limit_ma=16_000))
    boxes = [box("C", 8_000, (7_500, 0, 0)), box("A", drawn=0)]
    for n in range(60):
        for k, limit_ma in sent(control.cycle(n, view(*boxes))).items():
            boxes[k] = box("C", limit_ma, (limit_ma - 500, 0, 0) if k == 0 else limit_ma - 500)
    assert control.boxes[0].phases == (0,)


def test_a_write_that_does_not_show_is_repeated_but_not_in_every_cycle():
    control = Controller(site(1))
    stuck = view(box("C", 16_000))
    small = Controller(site(1, limit_ma=10_000))
    commands = [command for n in range(STUBBORN_US // CYCLE_US) for command in small.cycle(n, stuck)]
    assert [command.cycle for command in commands] == [*range(0, STUBBORN_US // CYCLE_US, 4)]
    assert {command.limit_ma for command in commands} == {10_000}
    assert control.cycle(0, stuck) == []


def test_a_runner_gives_way_after_its_hold_and_not_before():
    control = Controller(site(2, limit_ma=10_000))
    boxes = [box("B"), box("B")]
    turns = []
    for n in range(2 * HOLD_US // CYCLE_US):
        for k, limit_ma in sent(control.cycle(n, view(*boxes))).items():
            turns.append((n, k, limit_ma))
            boxes[k] = box("C" if limit_ma else "B", limit_ma)
    starts = [(n, k) for n, k, limit_ma in turns if limit_ma]
    assert [k for _, k in starts[:2]] == [0, 1]
    assert (starts[1][0] - starts[0][0]) * CYCLE_US >= HOLD_US


def test_three_cars_in_two_places_get_equal_shares():
    """Who pauses when a turn ends is not passed over: the runner that stayed gives way as soon as the pause is over."""
    control = Controller(site(3, limit_ma=13_000))
    boxes = [box("B"), box("B"), box("B")]
    served = [0, 0, 0]
    for n in range(6 * HOLD_US // CYCLE_US):
        for k, limit_ma in sent(control.cycle(n, view(*boxes))).items():
            boxes[k] = box("C" if limit_ma else "B", limit_ma)
        for k in range(3):
            served[k] += boxes[k].reading.pilot is Pilot.C
    assert max(served) - min(served) <= HOLD_US // CYCLE_US // 2


def test_observation_writes_nothing():
    one = site(2)
    watching = Controller(Site(one.connection, one.boxes, one.meters, management=False))
    assert [watching.cycle(n, view(box("C", 16_000), box("B"))) for n in range(5)] == [[]] * 5


@pytest.mark.parametrize("change", [HOUSE_BAND_MA, -HOUSE_BAND_MA])
def test_a_house_reading_inside_its_band_is_quiet(change):
    control = Controller(site(1, meter="consumption"))
    control.cycle(0, view(box("C", 10_000), house=4_000))
    before = repr(vars(control.boxes[0])), control.next_cycle
    inside = view(box("C", 10_000), house=4_000 + change)
    n = 1
    while not control.quiet(n, inside):
        assert n < 100
        control.cycle(n, view(box("C", control.boxes[0].sent_ma or 10_000), house=4_000))
        before = repr(vars(control.boxes[0])), control.next_cycle
        inside = view(box("C", control.boxes[0].sent_ma or 10_000), house=4_000 + change)
        n += 1
    assert control.cycle(n, inside) == []
    assert (repr(vars(control.boxes[0])), control.next_cycle) == before
    outside = view(box("C", control.boxes[0].sent_ma or 10_000), house=4_000 + 2 * change)
    assert not control.quiet(n, outside)


def test_an_idle_site_asks_for_no_cycle_by_itself():
    control = Controller(site(2))
    control.cycle(0, view(box("A"), box("A")))
    assert control.next_cycle == FAR


def test_a_box_without_a_licence_is_never_told_anything_and_counts_at_its_maximum():
    two = site(limit_ma=24_000)
    control = Controller(replace(two, boxes=(replace(two.boxes[0], licensed=False), two.boxes[1])))
    assert sent(control.cycle(0, view(box("C", 10_000), box("B")))) == {1: 8_000}
    for n in range(1, 200):
        assert 0 not in sent(control.cycle(n, view(box("C", 10_000), box("C", 8_000))))
    assert control.decision.booked[0] == 24_000


def test_a_licence_that_goes_books_its_box_at_its_maximum_at_once_and_is_told_nothing_more():
    control = Controller(site(limit_ma=24_000))
    first, second = box("C", 10_000), box("C", 10_000)
    for n in range(10):
        control.cycle(n, view(first, second))
    assert sent(control.cycle(10, view(replace(first, licensed=False), second))) == {1: 8_000}
    for n in range(11, 100):
        assert 0 not in sent(control.cycle(n, view(replace(first, licensed=False), box("C", 8_000))))
    assert control.decision.booked[0] == 24_000


def test_a_licence_that_comes_makes_a_decision_due_and_its_box_is_managed():
    two = site(limit_ma=24_000)
    control = Controller(replace(two, boxes=(replace(two.boxes[0], licensed=False), two.boxes[1])))
    for n in range(100):
        control.cycle(n, view(box("C", 16_000), box("C", 8_000)))
    assert control.quiet(100, view(box("C", 16_000), box("C", 8_000)))
    assert sent(control.cycle(100, view(replace(box("C", 16_000), licensed=True), box("C", 8_000)))) == {0: 12_000}


def test_a_box_that_manages_by_itself_is_left_alone_and_booked_at_its_maximum():
    control = Controller(site(limit_ma=24_000))
    wild = replace(box("C", 6_000), by_itself=True)
    for n in range(100):
        assert 0 not in sent(control.cycle(n, view(wild, box("C", 8_000))))
    assert control.decision.booked[0] == 24_000


STATE = Remembered(10_000, 10_000, 180_000_000, 6_000, 0)


def remembered(**more):
    return BoxView(remembered=replace(STATE, **more))


@pytest.mark.parametrize(
    ("known", "booked_ma"),
    [
        ({}, 10_000),
        ({"top_ma": 6_000}, 6_000),
        ({"top_ma": 6_000, "failsafe_ma": 8_000}, 8_000),
        ({"top_ma": 6_000, "boot_ma": 13_000}, 13_000),
        ({"top_ma": 6_000, "boot_ma": None}, 16_000),
        ({"top_ma": 6_000, "failsafe_us": None, "failsafe_ma": None}, 16_000),
        ({"top_ma": 0, "sent_ma": 0, "failsafe_us": 0, "failsafe_ma": 8_000}, 0),
    ],
)
def test_a_box_not_reached_since_a_restart_is_booked_at_the_most_that_it_may_be_doing(known, booked_ma):
    control = Controller(site(1))
    control.cycle(0, view(remembered(**known)))
    assert control.decision.booked[0] == booked_ma


def test_a_remembered_box_that_stays_silent_counts_at_its_failsafe_current_once_that_must_have_come():
    control = Controller(site(1))
    lost = replace(remembered(), silent_since_us=1, heard_us=0)
    for n in range(70):
        control.cycle(n, view(lost))
        assert control.decision.booked[0] == 10_000
    for n in range(70, 72):
        control.cycle(n, view(lost))
    assert control.decision.booked[0] == 6_000


def test_a_remembered_box_is_cut_first_and_its_old_limit_is_booked_until_the_cut_is_physical():
    control = Controller(site())
    assert sent(control.cycle(0, view(remembered(), box("B")))) == {0: 6_000, 1: 11_000}
    reached = view(box("C", 6_000), box("B", 11_000))
    n = 1
    while control.decision.booked[0] != 17_000:
        assert 0 not in sent(control.cycle(n, reached))
        n += 1
    assert PHYSICAL_US <= (n - 2) * CYCLE_US <= PHYSICAL_US + 2 * CYCLE_US


@pytest.mark.parametrize(("step_ma", "limit_ma"), [(1, 10_500), (60, 10_440), (100, 10_500), (1_000, 10_000)])
def test_a_box_is_given_current_in_the_steps_in_which_it_takes_it(step_ma, limit_ma):
    control = Controller(site(1, limit_ma=10_514))
    control.in_steps([step_ma])
    assert sent(control.cycle(0, view(box()))) == {0: limit_ma}
