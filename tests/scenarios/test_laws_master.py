"""The laws that listen to what the master asks for and finds out."""

from __future__ import annotations

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.emulator.events import Event
from chargebench.manager.notes import Note
from tests.scenarios.test_laws import law, truth


def asked(at_us, name="garage", function=16):
    return Event(at_us, f"slave {name}", "write request", (("unit", 1), ("function", function)))


@pytest.mark.parametrize(
    ("text", "from_us", "changes"),
    [
        ("{write_requests: 0}", 0, [(0, True), (10, False)]),
        ("{write_requests: 0}", 21, [(0, True)]),
        ("{write_requests: at most 1}", 0, [(0, True), (20, False)]),
        ("{write_requests: at least 1, box: yard}", 0, [(0, False), (20, True)]),
        ("{write_requests: 0, box: garage}", 11, [(0, True)]),
    ],
)
def test_each_request_to_write_counts_wherever_it_was_meant_for(text, from_us, changes):
    wrote = Event(5, "box garage", "write", (("register", "charging_enable"), ("value", 1)))
    assert truth(text, wrote, asked(10), asked(20, "yard", 6), from_us=from_us) == changes


@pytest.mark.parametrize(
    ("text", "from_us", "changes"),
    [
        ("{told: by itself, box: garage}", 0, [(0, False), (20, True)]),
        ("{told: by itself, box: garage}", 20, [(0, False), (20, True)]),
        ("{told: by itself, box: garage}", 21, [(0, False), (30, True)]),
        ("{told: by itself, box: garage}", 31, [(0, False)]),
        ("{told: by itself, box: yard}", 0, [(0, False)]),
        ("{told: disabled, box: garage}", 0, [(0, False), (10, True)]),
        ("{told: doubted, meter: grid}", 0, [(0, False), (40, True)]),
        ("{told: believed, meter: grid}", 0, [(0, False)]),
    ],
)
def test_what_the_manager_has_found_out_is_true_from_when_it_tells(text, from_us, changes):
    notes = [Note(10, "disabled", "garage"), Note(20, "by itself", "garage"), Note(30, "by itself", "garage")]
    notes.append(Note(40, "doubted", "grid", (("why", "it is wrong"), ("counted", "the house counts at its most"))))
    assert truth(text, *notes, from_us=from_us) == changes


@pytest.mark.parametrize(
    "text",
    [
        "{told: lonely, box: garage}",
        "{told: by itself}",
        "{told: doubted, box: garage, meter: grid}",
        "{write_requests: some}",
    ],
)
def test_what_nobody_tells_cannot_be_expected(text):
    with pytest.raises(BadFile):
        law(text)
