"""Faults: each begins and ends when it says, does what its page says, and tells of it."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from chargebench.emulator.faults import registry
from chargebench.emulator.spec import AccessPoint, ConnectionSpec, FaultSpec, LineAt, TcpAt
from tests.emulator.worlds import HOUR, Bench, S, box_spec, car_spec, grid_meter, s0_spec, write


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
    assert one.world.reach("yard").mute


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
    assert [one.world.reach(name).mute for name in ("box", "s0", "yard-s0", "grid", "lone")] == [
        False, True, False, False, True,
    ]  # fmt: skip


def test_silences_on_top_of_each_other_end_with_the_last():
    one = bench(FaultSpec("silence", "box", 10 * S, 20 * S), FaultSpec("silence", "box", 15 * S, 5 * S)).to(29 * S)
    assert one.world.reach("box").mute
    assert not one.to(30 * S).world.reach("box").mute
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


# -- several at once --------------------------------------------------------------------------------------------------


def test_a_fault_may_be_on_several_and_is_told_once():
    one = bench(
        FaultSpec("silence", "box", 10 * S, 5 * S, also=("lone",)), FaultSpec("reboot", "box", 60 * S, also=("yard",))
    )
    one.to(HOUR)
    assert told(one)[:2] == [(10 * S, "begins", "silence", "box, lone"), (15 * S, "ends", "silence", "box, lone")]
    assert [entry[1:] for entry in one.mutes[:6]] == [
        ("box", True), ("s0", True), ("lone", True), ("box", False), ("s0", False), ("lone", False),
    ]  # fmt: skip
    assert one.story("boot") == [(80 * S, "boot", 1), (80 * S, "boot", 1)]


# -- lost on the way -------------------------------------------------------------------------------------------------


def reach(one, *names):
    """What does not work of each device."""
    return {
        name: [part for part in ("powered", "hears", "speaks", "way_there", "way_back") if not getattr(now, part)]
        for name in names
        for now in [one.world.reach(name)]
    }


def test_answers_that_are_lost_take_those_of_the_case_with_them_and_no_request():
    one = bench(FaultSpec("one-way loss", "box", 10 * S, 5 * S)).to(12 * S)
    assert reach(one, "box", "s0", "yard") == {"box": ["speaks"], "s0": ["speaks"], "yard": []}
    assert one.mutes == []
    assert reach(one.to(15 * S), "box", "s0") == {"box": [], "s0": []}


def test_requests_whose_answers_are_lost_feed_the_watchdog():
    one = bench(FaultSpec("one-way loss", "box", 10 * S))
    for at in range(0, 600, 30):
        one.to(at * S).device().read("holding", 8092, 4)
    assert one.story("failsafe") == []


@pytest.mark.parametrize(
    ("params", "lost"),
    [
        ((), ["way_there", "way_back"]),
        ((("way", "both"),), ["way_there", "way_back"]),
        ((("way", "requests"),), ["way_there"]),
        ((("way", "answers"),), ["way_back"]),
    ],
)
def test_an_access_point_cuts_the_way_to_all_that_hangs_on_it(params, lost):
    fault = FaultSpec("access point lost", "hall", 10 * S, 5 * S, params=params)
    one = Bench(
        [box_spec(), box_spec("other"), box_spec("third")],
        meters=[s0_spec(), grid_meter()],
        faults=[fault],
        access_points=[AccessPoint("hall", ("box", "grid", "other"))],
    ).to(12 * S)
    names = ("box", "s0", "grid", "other", "third")
    assert reach(one, *names) == {"box": lost, "s0": lost, "grid": lost, "other": lost, "third": []}
    assert one.mutes == []
    assert told(one)[0][2:] == ("access point lost", "hall")
    assert reach(one.to(15 * S), *names) == {name: [] for name in names}


def test_an_access_point_may_also_be_told_by_its_boxes():
    one = bench(FaultSpec("access point lost", "box", 10 * S, also=("lone",))).to(10 * S)
    assert reach(one, "box", "lone", "grid") == {
        "box": ["way_there", "way_back"], "lone": ["way_there", "way_back"], "grid": [],
    }  # fmt: skip


def test_cuts_on_top_of_each_other_end_with_the_last():
    one = bench(
        FaultSpec("access point lost", "box", 10 * S, 20 * S), FaultSpec("access point lost", "box", 15 * S, 5 * S)
    )
    assert reach(one.to(29 * S), "box")["box"]
    assert not reach(one.to(30 * S), "box")["box"]


# -- blackout --------------------------------------------------------------------------------------------------------


def dark(*more, house=((0, (5_000, 5_000, 5_000)), (70 * S, (9_000, 0, 0))), **changes):
    """A blackout from 60 s to 90 s."""
    return Bench(
        [box_spec(**changes), box_spec("yard", wiring=(1,), boot_limit_ma=8_000)],
        [car_spec(below_ma=0), car_spec("other", "yard", below_ma=0)],
        [grid_meter(), s0_spec()],
        house=house,
        connection=ConnectionSpec(50_000, rating_ma=63_000),
        faults=[FaultSpec("blackout", "connection", 60 * S, 30 * S, params=(("master_boots", 40 * S),)), *more],
    )


def amperes(one):
    return tuple(na // 1_000_000_000 for na in one.world.connection.flow.level(one.world.now_us))


def test_nothing_flows_in_a_blackout_and_what_it_took_comes_back_in_its_time():
    one = dark()
    assert amperes(one.to(59 * S)) == (21, 29, 21)
    assert amperes(one.to(60 * S)) == (0, 0, 0)
    assert amperes(one.to(89 * S)) == (0, 0, 0)
    assert amperes(one.to(90 * S)) == (9, 0, 0)  # what the house takes by now
    assert amperes(one.to(200 * S)) == (25, 24, 16)


def test_a_blackout_opens_contactors_at_once_and_boxes_boot_to_their_def_registers():
    one = dark()
    write(one, 30 * S, 10_000, enable=True)
    one.to(80 * S)
    assert [entry for entry in one.story("contactor") if entry[0] == 60 * S] == [
        (60 * S, "contactor", 0, 10_000), (60 * S, "contactor", 0, 8_000),
    ]  # fmt: skip
    assert [box.pilot.value for box in one.world.boxes.values()] == ["E", "E"]
    one.to(200 * S)
    assert one.story("boot") == [(110 * S, "boot", 1), (110 * S, "boot", 1)]
    assert one.drawn_ma() == (16_000,) * 3


def test_everything_is_deaf_in_a_blackout_and_boxes_until_they_have_booted():
    one = dark().to(200 * S)
    assert sorted(one.mutes) == sorted(
        [(60 * S, name, True) for name in ("box", "yard", "grid", "s0")]
        + [(90 * S, "grid", False), (110 * S, "box", False), (110 * S, "yard", False), (110 * S, "s0", False)]
    )
    assert reach(one, "box") == {"box": []}


def test_the_master_is_up_when_it_has_booted():
    assert dark().to(200 * S).story("stops", "starts") == [(60 * S, "stops"), (130 * S, "starts")]


def test_a_master_that_somebody_else_holds_is_not_up_before_both_let_go():
    one = dark(FaultSpec("master stops", "master", 80 * S, 100 * S)).to(HOUR)
    assert one.story("stops", "starts") == [(60 * S, "stops"), (180 * S, "starts")]


def test_a_second_blackout_begins_everything_anew():
    one = dark(FaultSpec("blackout", "connection", 80 * S, 40 * S)).to(HOUR)
    assert one.story("boot") == [(140 * S, "boot", 1), (140 * S, "boot", 1)]
    assert one.story("stops", "starts") == [(60 * S, "stops"), (165 * S, "starts")]  # 45 s if nothing is said


def test_a_box_does_not_restart_without_power():
    one = dark(FaultSpec("reboot", "box", 70 * S)).to(85 * S)
    assert (one.box.restarts, one.story("boot")) == (0, [])
    assert one.to(200 * S).box.restarts == 1


def test_a_fuse_that_has_opened_stays_open_after_a_blackout():
    one = dark(house=((0, (100_000, 0, 0)), (40 * S, (300_000, 5_000, 5_000))), boot_enable=False)
    one.world.connection.spec = replace(one.world.connection.spec, opens="may")
    one.to(200 * S)
    assert [entry[2] for entry in one.story("tripped")] == ["L1"]
    assert amperes(one) == (0, 5 + 8, 5)
    assert one.box.restarts == 0
    assert one.world.reach("box").mute


def test_cars_come_and_go_while_it_is_dark():
    one = Bench(
        [box_spec()],
        [car_spec(below_ma=0, leaves_us=65 * S), car_spec("next", plugs_us=75 * S, below_ma=0)],
        faults=[FaultSpec("blackout", "connection", 60 * S, 30 * S)],
    )
    assert one.to(80 * S).box.car.spec.name == "next"
    assert one.drawn_ma() == (0, 0, 0)
    assert one.to(200 * S).drawn_ma() == (16_000,) * 3


# -- wrong numbers, cars, phases ---------------------------------------------------------------------------------------


def grid_of(one):
    words = one.device("grid").read("input", 6, 6) + one.device("grid").read("input", 12, 6)
    values = struct.unpack(">6f", struct.pack(">12H", *words))
    return tuple(round(value, 1) for value in values)


def metered(*faults):
    return Bench(
        [box_spec(boot_limit_ma=10_000), box_spec("yard", wiring=(1, 2, 0), boot_enable=False)],
        [car_spec(below_ma=0, phases=1)],
        [grid_meter()],
        house=((0, (1_000, 2_000, 3_000)),),
        faults=faults,
    )


def test_a_reversed_meter_shows_its_power_as_fed_in():
    one = metered(FaultSpec("reversed", "grid", 60 * S, 10 * S)).to(65 * S)
    assert grid_of(one) == (11, 2, 3, -2530, -460, -690)
    assert grid_of(one.to(80 * S)) == (11, 2, 3, 2530, 460, 690)


def test_swapped_phases_show_what_flows_on_the_next():
    one = metered(FaultSpec("phases swapped", "grid", 60 * S, 10 * S)).to(65 * S)
    assert grid_of(one)[:3] == (2, 3, 11)
    assert grid_of(one.to(80 * S))[:3] == (11, 2, 3)


def test_a_meter_without_numbers_answers_with_none():
    one = metered(FaultSpec("no numbers", "grid", 60 * S, 10 * S)).to(65 * S)
    assert one.device("grid").read("input", 6, 2) == [0x7FFF, 0x7FFF]
    assert grid_of(one.to(80 * S))[:3] == (11, 2, 3)


def test_a_box_that_ignores_writes_answers_them_and_stays_as_it_is():
    one = metered(FaultSpec("ignores writes", "box", 60 * S, 10 * S)).to(65 * S)
    write(one, 65 * S, limit_ma=6_000)
    assert (one.to(90 * S).box.limit_ma, one.drawn_ma()) == (10_000, (10_000, 0, 0))
    write(one, 90 * S, limit_ma=6_000)
    assert one.to(120 * S).drawn_ma() == (6_000, 0, 0)


@pytest.mark.parametrize(("kind", "drawn"), [("takes more", 12_000), ("takes less", 3_000)])
def test_a_car_takes_more_or_less_for_a_while(kind, drawn):
    one = metered(FaultSpec(kind, "car", 60 * S, 20 * S)).to(79 * S)
    assert one.drawn_ma() == (drawn, 0, 0)
    assert one.to(100 * S).drawn_ma() == (10_000, 0, 0)


def test_a_car_that_is_not_there_yet_comes_as_the_fault_has_it():
    one = metered(FaultSpec("takes less", "car", 5 * S, 60 * S)).to(50 * S)
    assert one.drawn_ma() == (3_000, 0, 0)


def test_a_lost_phase_darkens_what_hangs_on_it_and_gives_it_back():
    one = metered(FaultSpec("phase lost", "connection", 60 * S, 20 * S, params=(("phase", "L2"),))).to(70 * S)
    assert (one.world.reach("yard").mute, one.world.reach("box").mute) == (True, False)
    assert amperes(one) == (11, 0, 3)
    one.to(120 * S)
    assert (one.world.reach("yard").mute, amperes(one)) == (False, (11, 2, 3))


def test_an_open_breaker_takes_its_boxes_and_they_boot_when_it_closes():
    one = metered(FaultSpec("breaker open", "box", 60 * S, 20 * S, also=("yard",))).to(70 * S)
    assert (one.world.reach("yard").mute, one.world.reach("box").mute) == (True, True)
    assert amperes(one) == (1, 2, 3)
    one.to(140 * S)
    assert (one.box.restarts, amperes(one)) == (1, (11, 2, 3))


@pytest.mark.parametrize("kind", ["reversed", "phases swapped"])
def test_a_meter_of_pulses_has_no_sign_and_no_phases(kind):
    with pytest.raises(ValueError, match="counts pulses and knows no phases"):
        bench(FaultSpec(kind, "s0", 10 * S)).to(20 * S)


# -- the registry ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(registry))
def test_every_kind_is_listed_under_its_name_and_explains_itself(name):
    kind = registry[name]
    assert kind.name == name
    assert kind.on
    assert kind.doc.endswith(".")
    assert all(param.name and param.doc and param.quantity for param in kind.params)


def test_the_registry_is_in_alphabetical_order():
    assert list(registry) == sorted(registry)
    assert {"frozen", "master stops", "reboot", "silence"} <= {*registry}
    assert {"access point lost", "blackout", "one-way loss"} <= {*registry}


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (
            FaultSpec("gremlins", "box", 0),
            "there is no fault gremlins; known are access point lost, adapter unplugged, blackout",
        ),
        (FaultSpec("silence", "box", 0, also=("cellar",)), "fault silence is on box or meter: box, yard, grid"),
        (FaultSpec("silence", "box", 0, also=("yard", "box")), "on each of its targets once, got box, yard, box"),
        (FaultSpec("access point lost", "yard", 0), "on yard: yard is on a line and not on the network"),
        (FaultSpec("access point lost", "box", 0, params=(("way", "up"),)), "way is both, requests, answers; got up"),
        (FaultSpec("blackout", "box", 0), "fault blackout is on connection: connection; got box"),
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
