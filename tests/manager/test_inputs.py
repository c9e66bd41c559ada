"""Limits that an input of the master decides: read from a site file, and followed at once by whoever shares."""

from dataclasses import replace

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.manager.circuits import Circuits
from chargebench.manager.controller import Controller
from chargebench.manager.orders import Orders
from chargebench.manager.policies.original import Original
from chargebench.manager.policies.original_turns import PAUSE_US
from chargebench.manager.readings import BoxReading, BoxView, Command, Pilot, View
from chargebench.manager.site import Box, Connection, Site, Switched, TcpAddress
from chargebench.manager.site_file import read_site

AT = TcpAddress("192.168.2.151", 4701)
ON, OFF = Orders(inputs=(2,)), Orders(inputs=(1, 3))


@pytest.fixture
def written(tmp_path):
    def write(connection):
        path = tmp_path / "site.yaml"
        path.write_text(f"connection: {{{connection}}}\nevses:\n  - {{name: internal, device: power-brain}}\n")
        return path

    return write


def site(**connection):
    return Site(Connection(22_000, 31_884, **connection), (Box("box0", "power-brain", AT, 1, (0, 1, 2)),))


def view(pilot, limit_ma, orders):
    return View((BoxView(BoxReading(0, Pilot(pilot), limit_ma, limit_ma)),), orders=orders)


def test_the_greater_power_is_the_limit_of_the_site_and_the_input_decides_between_both(written):
    connection = read_site(written("max_total_power: {input: 2, on: 22 kW, off: 11 kW}, reserve: 690 W")).connection
    assert (connection.max_total_power_w, connection.limit_ma) == (22_000, 31_884)
    assert connection.limit_input == Switched(2, 31_884, 15_942)
    assert connection.evse_input is None


def test_stop_is_nothing_at_all_and_an_own_supply_may_go_by_an_input_too(written):
    text = "max_total_power: 34 kW, max_total_evse_power: {input: 1, on: stop, off: 22 kW}"
    connection = read_site(written(text)).connection
    assert (connection.evse_ma, connection.evse_input) == (31_884, Switched(1, 0, 31_884))
    assert connection.limit_input is None


@pytest.mark.parametrize(
    ("total", "why"),
    [
        ("{input: 2, on: 22 kW}", "got input, on"),
        ("{input: 2, on: 22 kW, off: stop, or: 3 kW}", "got input, on, off, or"),
        ("{input: 0, on: 22 kW, off: stop}", "expected the number of an input from 1 to 8, got 0"),
        ("{input: two, on: 22 kW, off: stop}", "expected the number of an input from 1 to 8, got 'two'"),
        ("{input: 2, on: 22, off: stop}", "expected a power with its unit, such as 14.5 kW, got 22"),
        ("stop", "expected a power with its unit, such as 14.5 kW, got 'stop'"),
        ("200 MW", "expected 0 W to 100 MW, got 200 MW"),
    ],
)
def test_what_is_no_such_limit_is_refused_at_its_place(written, total, why):
    with pytest.raises(BadFile) as told:
        read_site(written(f"max_total_power: {total}"))
    assert "site.yaml:1:31: connection.max_total_power: expected" in str(told.value)
    assert str(told.value).endswith(why)


def test_limits_at_are_those_of_the_inputs_that_are_on_less_the_reserve():
    circuits = Circuits(site(reserve_ma=1_000, limit_input=Switched(2, 31_884, 0), evse_ma=20_000))
    assert circuits.limits_at((1, 2)) == circuits.limits_ma == (30_884,) * 3 + (20_000,) * 3
    assert circuits.limits_at(()) == (-1_000,) * 3 + (20_000,) * 3
    own = Circuits(site(evse_ma=20_000, evse_input=Switched(1, 6_000, 20_000)))
    assert own.limits_at((1,)) == (31_884,) * 3 + (6_000,) * 3


def test_an_input_that_changes_is_a_decision_and_what_it_decides_holds_at_once():
    control = Controller(site(limit_input=Switched(2, 31_884, 0)))
    assert control.cycle(0, view("B", 0, OFF)) == []
    assert control.quiet(1, view("B", 0, OFF))
    assert not control.quiet(1, view("B", 0, ON))
    assert control.cycle(1, view("B", 0, ON)) == [Command(1, 0, 16_000)]
    assert control.cycle(2, view("C", 16_000, OFF)) == [Command(2, 0, 0)]


def test_the_original_obeys_an_input_too():
    control = Original(site(evse_ma=20_000, evse_input=Switched(2, 20_000, 0)))
    cycles = PAUSE_US // control.cycle_us
    assert control.cycle(0, view("B", 0, OFF)) == []
    assert not control.quiet(1, view("B", 0, ON))
    assert control.cycle(cycles, view("B", 0, ON)) == [Command(cycles, 0, 6_000)]
    assert control.cycle(cycles + 1, view("C", 6_000, OFF)) == [Command(cycles + 1, 0, 0)]


def test_a_box_that_no_input_lets_charge_says_what_is_full():
    both = replace(site(evse_ma=20_000, evse_input=Switched(2, 20_000, 0)))
    control = Controller(both)
    control.cycle(0, view("B", 0, OFF))
    assert control.decision.waiting == (0,)
    assert control.circuits.names[dict(control.decision.bound_by)[0]] == "the boxes' supply on L1"


@pytest.mark.parametrize("make", [Controller, Original])
def test_an_input_that_becomes_unknown_is_a_decision_and_the_lower_limit_holds(make):
    control = make(site(limit_input=Switched(2, 0, 31_884)))
    cycles = PAUSE_US // control.cycle_us
    (started,) = control.cycle(0, view("B", 0, Orders())) or control.cycle(cycles, view("B", 0, Orders()))
    assert started.limit_ma > 0
    for n in (1, 2, 3):
        control.cycle(cycles + n, view("C", started.limit_ma, Orders()))
    assert not control.quiet(cycles + 4, view("C", started.limit_ma, Orders(unknown=(2,))))
    assert control.cycle(cycles + 4, view("C", started.limit_ma, Orders(unknown=(2,)))) == [Command(cycles + 4, 0, 0)]
