"""Circuits: the nodes of a site, and what the controller makes of them: a box counts on all that feeds it, and only there."""

from dataclasses import replace

import pytest

from chargebench.manager.circuits import Circuits
from chargebench.manager.controller import CYCLE_US, Controller
from chargebench.manager.memory import PHYSICAL_US
from chargebench.manager.policies.original import Original
from chargebench.manager.readings import BoxReading, BoxView, Command, Pilot, View
from chargebench.manager.site import Box, Circuit, Connection, Site, TcpAddress
from chargebench.manager.why import reasons

AT = TcpAddress("192.168.2.151", 4701)
ALL = (0, 1, 2)
GARAGES = (
    Circuit("front", (32_000,) * 3),
    Circuit("wall", (13_000, 13_000, 10_000), "rear"),
    Circuit("rear", (32_000,) * 3),
)


def site(*on, limit_ma=63_000, evse_ma=None, phases=ALL, **more):
    """A box on each of the named circuits, "" for the house itself."""
    boxes = tuple(Box(f"box{k}", "power-brain", AT, k + 1, phases, circuit=name) for k, name in enumerate(on))
    return Site(Connection(43_000, limit_ma, evse_ma), boxes, circuits=GARAGES, **more)


def box(pilot="B", limit_ma=0, **more):
    return BoxView(BoxReading(0, Pilot(pilot), limit_ma, limit_ma), **more)


def sent(commands):
    return {command.box: command.limit_ma for command in commands}


def test_nodes_are_the_connection_the_boxes_supply_and_the_circuits_in_this_order():
    circuits = Circuits(site(evse_ma=50_000))
    assert (
        circuits.limits_ma == (63_000,) * 3 + (50_000,) * 3 + (32_000,) * 3 + (13_000, 13_000, 10_000) + (32_000,) * 3
    )
    assert circuits.names[2::3] == ("L3", "the boxes' supply on L3", "L3 of front", "L3 of wall", "L3 of rear")
    assert circuits.nodes("", (1,)) == (1, 4)
    assert circuits.nodes("front", (2, 0)) == (0, 2, 3, 5, 6, 8)
    assert circuits.nodes("wall", (1,)) == (1, 4, 10, 13)
    assert circuits.places("wall") == (0, 3, 9, 12)


def test_a_circuit_feeds_itself_and_what_it_is_above_of():
    circuits = Circuits(site())
    assert [circuits.feeds(one, "wall") for one in ("front", "wall", "rear")] == [False, True, True]
    assert [circuits.feeds(one, "rear") for one in ("front", "wall", "rear")] == [False, False, True]
    assert not any(circuits.feeds(one, "") for one in ("front", "wall", "rear"))


def test_the_reserve_is_kept_at_the_connection_and_nowhere_else():
    whole = site()
    circuits = Circuits(replace(whole, connection=replace(whole.connection, reserve_ma=3_000)))
    assert circuits.limits_ma[:6] == (60_000,) * 3 + (32_000,) * 3


@pytest.mark.parametrize("make", [Controller, Original])
def test_each_circuit_is_shared_by_those_on_it_alone(make):
    control = make(site("front", "front", "front", "wall", "rear", "", limit_ma=100_000))
    commands = sent(control.cycle(0, View(tuple(box("C", 6_000) for _ in range(6)))))
    left_over = 100 if make is Controller else 0  # the original gives to no one what rounding leaves
    assert commands == {0: 10_600 + left_over, 1: 10_600 + left_over, 2: 10_600, 3: 10_000, 4: 16_000, 5: 16_000}


def test_a_box_that_was_never_reached_is_booked_on_all_that_feeds_it():
    """16 A of 32 A in the front garage and of 63 A at the house; the rear garage is whole."""
    control = Controller(site("front", "front", "front", "rear"))
    view = View((BoxView(), box(), box(), box()))
    assert sent(control.cycle(0, view)) == {1: 8_000, 2: 8_000, 3: 16_000}


def test_a_raise_waits_for_a_cut_on_its_own_circuit_and_not_for_one_elsewhere():
    control = Controller(site("front", "front", "front", "rear"))
    begun = View((box("C", 16_000), box("C", 16_000), box("A"), box("A")))
    assert control.cycle(0, begun) == []
    came = View((box("C", 16_000), box("C", 16_000), box(), box()))
    assert control.cycle(1, came) == [Command(1, 0, 10_700), Command(1, 1, 10_700), Command(1, 3, 16_000)]
    n, obeyed = 2, View((box("C", 10_700), box("C", 10_700), box(), box("B", 16_000)))
    while not (commands := control.cycle(n, obeyed)):
        n += 1
    assert commands == [Command(n, 2, 10_600)]
    assert n * CYCLE_US >= 2 * CYCLE_US + PHYSICAL_US


def test_a_silent_box_is_booked_on_its_circuit_at_the_limit_that_it_may_follow():
    control = Controller(site("front", "front", "rear"))
    control.cycle(0, View((box("C", 16_000), box("B"), box("B"))))
    seen = View((box("C", 16_000, silent_since_us=CYCLE_US), box("B", 16_000), box("B", 16_000)))
    control.cycle(1, seen)
    assert control.decision.targets == (0, 16_000, 16_000)
    low = Controller(replace(site("front", "front", "rear"), circuits=(Circuit("front", (20_000,) * 3), *GARAGES[1:])))
    low.cycle(0, View((box("C", 16_000), box("B"), box("B"))))
    low.cycle(1, seen)
    assert low.decision.targets == (0, 0, 16_000)


def test_the_words_name_the_circuit_that_is_full():
    control = Controller(site("front", "front", "front", "wall", "wall", "rear"))
    view = View(tuple(box("C", limit_ma) for limit_ma in (10_700, 10_700, 10_600, 10_000, 0, 16_000)))
    control.cycle(0, view)
    said = reasons(control, view)
    assert said[0] == "L1 of front, L2 of front and L3 of front are full"
    assert said[4] == "waits: L1 of wall, L2 of wall and L3 of wall are full"
    assert control.circuits.names[dict(control.decision.bound_by)[0]] == "L1 of front"
    assert control.circuits.names[dict(control.decision.bound_by)[4]] == "L3 of wall"


@pytest.mark.parametrize("make", [Controller, Original])
def test_a_box_that_is_not_to_charge_is_told_nothing_but_0_and_takes_from_nobody(make):
    whole = site("front", "front")
    off = replace(whole, boxes=(replace(whole.boxes[0], enabled=False), whole.boxes[1]))
    assert sent(make(off).cycle(0, View((box("C", 16_000), box("C", 6_000))))) == {0: 0, 1: 16_000}
    again = make(off)
    assert sent(again.cycle(0, View((box("B"), box("C", 16_000))))) == {}
    if make is Controller:
        assert reasons(again, View((box("B"), box("C", 16_000))))[0] == "not to charge, as its site says"


def test_a_turn_is_renewed_though_a_box_that_is_not_to_charge_has_a_car():
    whole = site("front", "front")
    off = replace(whole, boxes=(replace(whole.boxes[0], enabled=False), whole.boxes[1]))
    control = Controller(off)
    view = View((box("B"), box("C", 16_000)))
    for n in range(700):
        control.cycle(n, view)
    assert control.boxes[1].hold_us > 700 * CYCLE_US


@pytest.mark.parametrize("make", [Controller, Original])
def test_a_box_that_is_only_observed_is_never_commanded_and_counted_at_its_maximum(make):
    """16 A of 32 A: the other gets 16 A."""
    whole = site("front", "front", "front")
    seen = replace(whole, boxes=(replace(whole.boxes[0], observed=True), *whole.boxes[1:]))
    commands = make(seen).cycle(0, View((box("C", 6_000), box("C", 6_000), box("C", 6_000))))
    assert sent(commands) == {1: 8_000, 2: 8_000}
