"""The law of a limit on a circuit: each phase against its own limit, exact to the microsecond, deaf to all other circuits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.emulator.events import Segment
from chargebench.emulator.spec import CircuitSpec
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.laws.law import Scene
from tests.scenarios.files import put, spoiled
from tests.scenarios.test_laws import AMPERE, WORLD, flat, law

CIRCUITS = (CircuitSpec("front", (20_000, 20_000, 10_000), ("garage", "yard")), CircuitSpec("row", (6_000,) * 3, ()))


def told(text, *pieces):
    found = []
    ears = law(text).build(Scene(replace(WORLD, circuits=CIRCUITS)), lambda *one: found.append(one))
    assert ears.segment is None
    assert ears.circuit is not None
    for name, piece in pieces:
        ears.circuit(name, piece)
    return found


@pytest.mark.parametrize(
    ("text", "truths"),
    [
        ("{limit_exceeded: above 0 A, circuit: front}", [False, False, True]),
        ("{limit_exceeded: above 1 A, circuit: front}", [False, False, False]),
        ("{limit_exceeded: above 0 A, circuit: front, phase: L1}", [False, False, False]),
        ("{limit_exceeded: at least 1 A, circuit: front, phase: L3}", [False, False, True]),
        ("{limit_exceeded: above 0 A, circuit: row}", [True]),
    ],
)
def test_a_circuit_is_judged_phase_by_phase_and_by_its_own_currents_alone(text, truths):
    pieces = [
        ("front", flat(0, 40, 20, 20, 10)),
        ("front", flat(40, 60, 5, 15, 9)),
        ("row", flat(0, 60, 7, 0, 0)),
        ("front", flat(60, 90, 19, 19, 11)),
    ]
    assert [truth for _, truth, _ in told(text, *pieces)] == truths


def test_it_says_which_phase_of_which_circuit_and_against_which_limit():
    (one,) = told("{limit_exceeded: above 0 A, circuit: front}", ("front", flat(0, 9, 19, 19, 12)))
    assert one == (0, True, "L3 of front carries 12 A, 2 A above the limit of 10 A")


def test_a_crossing_inside_a_ramp_is_exact_on_the_phase_with_the_lower_limit():
    ramp = Segment(0, 5_000_000, (0, 0, 8 * AMPERE), (0, 0, 1_000))
    found = told("{limit_exceeded: above 0 A, circuit: front}", ("front", ramp))
    assert [(at_us, truth) for at_us, truth, _ in found] == [(0, False), (2_000_001, True)]


def test_a_circuit_that_is_not_there_is_told_with_those_that_are(tmp_path):
    text = spoiled("  - always: {fuse: cannot trip}\n", "  - never: {limit_exceeded: above 0 A, circuit: rear}\n")
    text = text.replace("site:\n", "site:\n  circuits: [{name: front, limit: 32 A}]\n")
    with pytest.raises(BadFile) as error:
        read_scenario(put(tmp_path, text))
    assert "expect[0].never.circuit: unknown circuit 'rear'; known are front" in str(error.value)
