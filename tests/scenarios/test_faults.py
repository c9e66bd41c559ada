"""Faults of a scenario: read against the registry and the world, refused with a sentence where they cannot be."""

from __future__ import annotations

import pytest

from chargebench.datasheets.errors import Complaint
from chargebench.emulator.faults import registry
from chargebench.emulator.spec import FaultSpec
from chargebench.scenarios.describe import read_scenario
from tests.scenarios.files import put, spoiled

SECOND = 1_000_000


def with_fault(folder, fault):
    return read_scenario(put(folder, spoiled("expect:\n", f"faults:\n  - {{{fault}}}\nexpect:\n")))


@pytest.mark.parametrize(
    ("written", "spec"),
    [
        ("at: 18:01, on: garage, fault: silence, for: 30 s", FaultSpec("silence", "garage", 60 * SECOND, 30 * SECOND)),
        ("at: 18:01, on: garage, fault: silence", FaultSpec("silence", "garage", 60 * SECOND)),
        (
            "at: 18:01, on: garage, fault: silence, for: 30 s, every: 2 min",
            FaultSpec("silence", "garage", 60 * SECOND, 30 * SECOND, 120 * SECOND),
        ),
        ("at: 18:01, on: garage, fault: reboot", FaultSpec("reboot", "garage", 60 * SECOND)),
        (
            "at: 18:01, on: garage, fault: reboot, takes: 45 s",
            FaultSpec("reboot", "garage", 60 * SECOND, params=(("takes", 45 * SECOND),)),
        ),
        (
            "at: 18:01, on: master, fault: master stops, for: 1 min",
            FaultSpec("master stops", "master", 60 * SECOND, 60 * SECOND),
        ),
    ],
)
def test_a_fault_is_read_with_its_time_place_and_parameters(tmp_path, written, spec):
    assert with_fault(tmp_path, written).world.faults == (spec,)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("at: 18:01, on: garage, fault: silense", "faults[0].fault: unknown fault 'silense'; did you mean silence?"),
        (
            "at: 18:01, on: garag, fault: silence",
            "faults[0].on: expected a box or a meter for silence, got 'garag'; did you mean garage?",
        ),
        ("at: 18:01, on: garage, fault: frozen", "faults[0].on: expected a meter for frozen, got 'garage'"),
        (
            "at: 18:30, on: garage, fault: silence",
            "faults[0].at: expected a time within the run, from 18:00:00 to 18:10:00",
        ),
        ("at: 18:01, on: garage, fault: silence, for: 0 s", "faults[0].for: expected more than 0 s"),
        ("at: 18:01, on: garage, fault: silence, for: 30", "faults[0].for: expected a duration with its unit"),
        (
            "at: 18:01, on: garage, fault: reboot, for: 30 s",
            "faults[0].for: expected to be left out, since it is over at once",
        ),
        ("at: 18:01, on: garage, fault: reboot, take: 30 s", "faults[0].take: unknown field; did you mean takes?"),
        ("at: 18:01, on: garage, fault: reboot, takes: 30", "faults[0].takes: expected a duration with its unit"),
        (
            "at: 18:01, on: garage, fault: silence, for: 3 min, every: 2 min",
            "faults[0].every: expected a longer time than the fault lasts (for), which must be said",
        ),
        (
            "at: 18:01, on: garage, fault: silence, every: 2 min",
            "faults[0].every: expected a longer time than the fault lasts",
        ),
        ("at: 18:01, on: garage", "faults[0].fault: expected a fault: access point lost, "),
        (
            "at: 18:01, fault: silence",
            "faults[0].on: expected what it is on, such as a box, or a list such as [garage, yard], and it is missing",
        ),
        (
            "at: 2026-01-12 17:59, on: garage, fault: silence",
            "faults[0].at: expected a time within the run, which begins on 2026-01-12 at 18:00:00",
        ),
        (
            "at: 18:01, on: garage, fault: reboot, every: 1 us",
            "faults[0].every: expected a fault that comes at most 10000 times in this run",
        ),
        ("on: garage, fault: silence", "faults[0].at: expected a time such as 18:12, and it is missing"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_its_place(tmp_path, written, complaint):
    with pytest.raises(Complaint) as caught:
        with_fault(tmp_path, written)
    (line,) = str(caught.value).splitlines()
    assert complaint in line
    assert "small.yaml:15:" in line


def test_every_kind_of_the_registry_can_be_written(tmp_path):
    """So that a new kind with a parameter of a new quantity is not forgotten here."""
    targets = {
        "box": "garage", "meter": "house", "master": "master", "connection": "connection", "access point": "hall",
        "car": "tesla", "gateway": "cellar", "line": "CELLAR",
    }  # fmt: skip
    meter = (
        '  meters:\n    - {name: house, device: eastron-sdm630, at: "COM1,9600,8,n,1", id: 101, role: grid supply}\n'
    )
    gateway = '  gateways: {cellar: {at: "192.168.2.160:4701", line: "CELLAR,9600,8,n,1"}}\n'
    amounts = {"duration": "30 s", "current": "6 A", "power": "2 kW", "energy": "1 kWh", "word": "", "count": "7"}
    for kind in registry.values():
        params = "".join(
            f", {param.name}: {param.words[-1] if param.words else amounts[param.quantity]}" for param in kind.params
        )
        fault = f"at: 18:01, on: {targets[kind.on[0]]}, fault: {kind.name}{params}"
        text = spoiled("expect:\n", f"faults:\n  - {{{fault}}}\nexpect:\n")
        text = text.replace("world:\n", f"{meter}world:\n  access_points: {{hall: [garage]}}\n{gateway}")
        (spec,) = read_scenario(put(tmp_path, text)).world.faults
        assert (spec.kind, len(spec.params)) == (kind.name, len(kind.params))
