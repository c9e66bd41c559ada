"""Boxes whose settings are wrong, and what becomes of a master and of the box in its case."""

from __future__ import annotations

import pytest

from chargebench.emulator.faults import registry
from chargebench.emulator.parts import OWN_US
from chargebench.emulator.spec import FaultSpec, TcpAt
from tests.emulator.worlds import Bench, S, box_spec, car_spec, write


def limits(one, name="box"):
    return [
        (event.at_us, event.get("limit_ma"), event.get("enable"))
        for event in one.events
        if event.channel == f"box {name}" and event.kind == "limit"
    ]


def offered(one):
    return [event.get("offered_ma") for event in one.events if event.kind == "offer"]


def test_a_box_that_manages_by_itself_puts_its_own_limit_back_every_20_s():
    one = Bench([box_spec(quirks=("manages-itself",), boot_limit_ma=13_000)], [car_spec()])
    write(one, 25 * S, 6_000)
    assert limits(one.to(39 * S)) == [(25 * S, 6_000, 1)]
    assert limits(one.to(45 * S))[1:] == [(2 * OWN_US, 13_000, 1)]
    write(one, 45 * S, enable=False)
    assert limits(one.to(60 * S))[2:] == [(45 * S, 13_000, 0), (3 * OWN_US, 13_000, 1)]
    assert offered(one.to(75 * S))[-1] == 13_000


def test_a_box_that_observes_leaves_its_limit_alone():
    one = Bench([box_spec()], [car_spec()])
    write(one, 25 * S, 6_000)
    assert limits(one.to(600 * S)) == [(25 * S, 6_000, 1)]


def test_a_box_that_was_not_enabled_takes_every_write_and_never_charges():
    one = Bench([box_spec(quirks=("not-enabled",))], [car_spec()]).to(30 * S)
    assert one.box.enable is False
    write(one, 31 * S, 10_000, enable=True)
    one.to(300 * S)
    assert (one.box.limit_ma, one.box.enable) == (10_000, False)
    assert offered(one) == []
    one.box.restart(300 * S, 5 * S)
    assert one.to(400 * S).world.boxes["box"].enable is False


# -- the master ------------------------------------------------------------------------------


INTERNAL = TcpAt("localhost", 4701)


def master(*faults):
    return Bench([box_spec(at=INTERNAL, boot_enable=False), box_spec("yard")], faults=faults)


def told(one, channel):
    return [(event.at_us, event.kind) for event in one.events if event.channel == channel]


def test_when_the_board_reboots_the_box_in_its_case_does_too_and_no_other():
    one = master(FaultSpec("master reboots", "master", 10 * S, 45 * S)).to(54 * S)
    assert one.box.dark
    assert not one.world.boxes["yard"].dark
    one.to(60 * S)
    assert told(one, "master") == [(10 * S, "stops"), (55 * S, "starts")]
    assert (55 * S, "boot") in told(one, "box box")
    assert one.box.restarts == 1
    assert one.world.boxes["yard"].restarts == 0


def test_a_board_that_never_comes_back_keeps_its_box_dark():
    one = master(FaultSpec("master reboots", "master", 10 * S)).to(86_400 * S)
    assert one.box.dark
    assert told(one, "master") == [(10 * S, "stops")]


def test_when_the_process_dies_its_box_goes_on():
    one = master(FaultSpec("master stops", "master", 10 * S, 45 * S)).to(60 * S)
    assert told(one, "master") == [(10 * S, "stops"), (55 * S, "starts")]
    assert one.box.restarts == 0


def test_a_master_that_forgets_is_told_of_and_goes_on():
    one = master(FaultSpec("master forgets", "master", 10 * S)).to(60 * S)
    assert told(one, "fault") == [(10 * S, "begins")]
    assert told(one, "master") == []


@pytest.mark.parametrize("name", ["master stops", "master reboots", "master forgets"])
def test_what_befalls_a_master_befalls_nothing_else(name):
    assert registry[name].on == ("master",)
    with pytest.raises(LookupError, match=f"fault {name} is on"):
        master(FaultSpec(name, "yard", 10 * S))
