"""What people do in a world that goes on: it acts at once, as if it had been planned, and nothing that cannot be is done."""

from __future__ import annotations

import pytest

from chargebench.emulator.hand import Hand
from chargebench.emulator.spec import FaultSpec
from tests.emulator.worlds import Bench, S, box_spec, car_spec, since


def bench(*cars, **more):
    return Bench([box_spec(), box_spec("other")], cars, **more)


def test_a_car_that_is_plugged_in_by_hand_draws_as_one_that_was_planned():
    planned = bench(car_spec(plugs_us=30 * S)).to(90 * S)
    one = bench().to(30 * S)
    Hand(one.world).plug(car_spec(plugs_us=0))
    one.to(90 * S)
    assert one.events == planned.events
    assert one.world.figures() == planned.world.figures()


def test_a_car_that_is_unplugged_by_hand_leaves_as_one_that_was_to_leave():
    planned = bench(car_spec(leaves_us=60 * S)).to(90 * S)
    one = bench(car_spec()).to(60 * S)
    assert Hand(one.world).unplug("box") == "car"
    one.to(90 * S)
    assert one.events == planned.events


def test_a_planned_car_waits_until_the_place_is_free_and_comes_not_at_all_when_its_time_is_over():
    one = bench(car_spec("late", plugs_us=40 * S), car_spec("gone", "other", plugs_us=40 * S, leaves_us=50 * S))
    one.to(10 * S)
    hand = Hand(one.world)
    for box in ("box", "other"):
        hand.plug(car_spec(f"guest-{box}", box))
    one.to(60 * S)
    hand.unplug("box")
    hand.unplug("other")
    one.to(90 * S)
    assert [(at, *rest) for at, kind, *rest in since(one, 50 * S, "plugged")] == [(60 * S, "box")]
    assert one.world.boxes["box"].car is one.world.cars["late"]
    assert one.world.boxes["other"].car is None


def test_a_fault_and_a_load_begin_at_once():
    one = bench(house=((0, (1_000, 1_000, 1_000)), (60 * S, (3_000, 0, 0)))).to(30 * S)
    hand = Hand(one.world)
    hand.fault(FaultSpec("silence", "box", 0, 10 * S))
    hand.house((5_000, 0, 0))
    assert one.mutes == [(30 * S, "box", True)]
    one.to(90 * S)
    assert one.mutes == [(30 * S, "box", True), (40 * S, "box", False)]
    assert [(at, *load) for at, _, *load in one.story("house")] == [
        (0, 1_000, 1_000, 1_000),
        (30 * S, 5_000, 0, 0),
        (60 * S, 3_000, 0, 0),
    ]


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda hand: hand.plug(car_spec("second")), "expected a box that is free, and car is plugged in at box"),
        (lambda hand: hand.plug(car_spec(box="nowhere")), "there is no box nowhere; there are box, other"),
        (lambda hand: hand.plug(car_spec(box="other")), "there is a car car already"),
        (lambda hand: hand.unplug("other"), "expected a box with a car, and other has none"),
        (
            lambda hand: hand.fault(FaultSpec("silence", "car", 0)),
            "fault silence is on box or meter: box, other; got car",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(act, sentence):
    one = bench(car_spec()).to(30 * S)
    told = len(one.events)
    with pytest.raises((LookupError, ValueError)) as refused:
        act(Hand(one.world))
    assert str(refused.value) == sentence
    assert len(one.events) == told
    one.to(90 * S)
    planned = bench(car_spec()).to(90 * S)
    assert one.events == planned.events


def test_whoever_waits_for_the_world_learns_that_something_comes_sooner():
    one = bench().to(30 * S)
    woken = []
    one.world.on_change = lambda: woken.append(one.world.next_us)
    Hand(one.world).plug(car_spec())
    assert woken == [one.world.next_us]
