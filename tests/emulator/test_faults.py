"""Faults: each begins and ends when it says, does what its page says, and tells of it."""

from __future__ import annotations

import pytest

from chargebench.emulator.faults import registry
from chargebench.emulator.spec import FaultSpec, LineAt, TcpAt
from tests.emulator.worlds import HOUR, Bench, S, box_spec, car_spec, grid_meter, s0_spec


def bench(*faults, **changes):
    return Bench(
        [box_spec(failsafe_us=60 * S, **changes), box_spec("yard", at=LineAt("COM1"), unit=2)],
        [car_spec(below_ma=0)],
        [
            grid_meter(),
            s0_spec(),
            s0_spec("yard-s0", "yard", at=LineAt("COM1"), unit=21),
            s0_spec("lone", at=TcpAt("x", 1)),
        ],
        faults=faults,
    )


def told(one):
    return one.story("begins", "ends")


# -- times -----------------------------------------------------------------------------------------------------------


def test_a_fault_begins_and_ends_and_comes_again():
    one = bench(FaultSpec("silence", "box", 10 * S, 5 * S, 60 * S)).to(140 * S)
    assert told(one) == [
        (10 * S, "begins", "silence", "box"),
        (15 * S, "ends", "silence", "box"),
        (70 * S, "begins", "silence", "box"),
        (75 * S, "ends", "silence", "box"),
        (130 * S, "begins", "silence", "box"),
        (135 * S, "ends", "silence", "box"),
    ]


def test_a_fault_without_an_end_stays():
    one = bench(FaultSpec("silence", "yard", 10 * S)).to(HOUR)
    assert told(one) == [(10 * S, "begins", "silence", "yard")]
    assert one.world.is_mute("yard")


def test_a_fault_that_is_over_at_once_does_not_end():
    one = bench(FaultSpec("reboot", "box", 10 * S, 5 * S, 100 * S)).to(150 * S)
    assert told(one) == [(10 * S, "begins", "reboot", "box"), (110 * S, "begins", "reboot", "box")]


def test_at_one_instant_ends_come_first_then_the_order_of_the_file():
    one = bench(
        FaultSpec("frozen", "grid", 20 * S),
        FaultSpec("silence", "yard", 20 * S),
        FaultSpec("silence", "box", 10 * S, 10 * S),
    ).to(HOUR)
    assert [entry[1:] for entry in told(one)][1:] == [
        ("ends", "silence", "box"),
        ("begins", "frozen", "grid"),
        ("begins", "silence", "yard"),
    ]


# -- silence ---------------------------------------------------------------------------------------------------------


def test_a_silent_box_takes_the_s0_inputs_of_its_case_with_it():
    one = bench(FaultSpec("silence", "box", 10 * S, 5 * S), FaultSpec("silence", "yard", 11 * S, 2 * S)).to(HOUR)
    assert one.mutes == [
        (10 * S, "box", True),
        (10 * S, "s0", True),
        (11 * S, "yard", True),
        (11 * S, "yard-s0", True),
        (13 * S, "yard", False),
        (13 * S, "yard-s0", False),
        (15 * S, "box", False),
        (15 * S, "s0", False),
    ]


def test_a_silent_meter_is_silent_alone():
    one = bench(FaultSpec("silence", "s0", 10 * S), FaultSpec("silence", "lone", 11 * S)).to(HOUR)
    assert [one.world.is_mute(name) for name in ("box", "s0", "yard-s0", "grid", "lone")] == [
        False, True, False, False, True,
    ]  # fmt: skip


def test_silences_on_top_of_each_other_end_with_the_last():
    one = bench(FaultSpec("silence", "box", 10 * S, 20 * S), FaultSpec("silence", "box", 15 * S, 5 * S)).to(29 * S)
    assert one.world.is_mute("box")
    assert not one.to(30 * S).world.is_mute("box")
    assert [entry for entry in one.mutes if entry[1] == "box"] == [(10 * S, "box", True), (30 * S, "box", False)]


def test_a_silent_box_goes_on_charging():
    one = bench(FaultSpec("silence", "box", 30 * S)).to(55 * S)
    assert one.drawn_ma() == (16_000,) * 3


# -- others ----------------------------------------------------------------------------------------------------------


def test_a_reboot_is_silent_while_the_box_boots():
    one = bench(FaultSpec("reboot", "box", 30 * S)).to(HOUR)
    assert one.mutes == [(30 * S, "box", True), (30 * S, "s0", True), (50 * S, "box", False), (50 * S, "s0", False)]
    assert one.story("boot") == [(50 * S, "boot", 1)]


def test_a_reboot_may_take_its_own_time():
    one = bench(FaultSpec("reboot", "box", 30 * S, params=(("takes", 7 * S),))).to(HOUR)
    assert one.story("boot") == [(37 * S, "boot", 1)]


def test_a_box_that_is_silenced_and_reboots_comes_back_when_both_are_over():
    one = bench(FaultSpec("reboot", "box", 30 * S), FaultSpec("silence", "box", 40 * S, 40 * S)).to(HOUR)
    assert [entry for entry in one.mutes if entry[1] == "box"] == [(30 * S, "box", True), (80 * S, "box", False)]


def test_a_frozen_meter_shows_its_last_sample_until_the_end():
    one = bench(FaultSpec("frozen", "grid", 12 * S, 30 * S))
    meter = one.world.meters["grid"]
    assert meter.current_ma(one.to(41 * S).world.now_us) == (0, 0, 0)
    assert meter.current_ma(one.to(42 * S).world.now_us) == (16_000,) * 3


def test_a_master_that_stops_is_told_to_whoever_runs_it():
    one = bench(FaultSpec("master stops", "master", 10 * S, 5 * S)).to(HOUR)
    assert told(one) == [(10 * S, "begins", "master stops", "master"), (15 * S, "ends", "master stops", "master")]


# -- the registry ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(registry))
def test_every_kind_is_listed_under_its_name_and_explains_itself(name):
    kind = registry[name]
    assert kind.name == name
    assert kind.on
    assert kind.doc.endswith(".")
    assert all(param.name and param.doc and param.quantity for param in kind.params)


def test_the_registry_is_in_alphabetical_order():
    assert list(registry) == sorted(registry) == ["frozen", "master stops", "reboot", "silence"]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (FaultSpec("gremlins", "box", 0), "there is no fault gremlins; known are frozen"),
        (FaultSpec("frozen", "box", 0), "fault frozen is on meter: grid, s0"),
        (FaultSpec("reboot", "grid", 0), "fault reboot is on box: box, yard; got grid"),
        (FaultSpec("silence", "cellar", 0), "fault silence is on box or meter"),
        (FaultSpec("master stops", "box", 0), "fault master stops is on master: master; got box"),
        (FaultSpec("silence", "box", -1), "begins at 0 or later"),
        (FaultSpec("silence", "box", 0, 0), "lasts longer than 0"),
        (FaultSpec("silence", "box", 0, 10, 10), "comes again only after it has ended"),
        (FaultSpec("silence", "box", 0, None, 10), "comes again only after it has ended"),
        (FaultSpec("reboot", "box", 0, None, 0), "comes again only after it has ended"),
        (FaultSpec("reboot", "box", 0, params=(("boot", 1),)), "fault reboot has no boot; known are takes"),
        (FaultSpec("silence", "box", 0, params=(("loud", 1),)), "fault silence has no loud; known are none"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(fault, sentence):
    with pytest.raises((LookupError, ValueError)) as caught:
        bench(fault)
    assert sentence in str(caught.value)
