"""Boxes of other makers in a scenario: as they leave the factory where nothing else is said, with their own quirks."""

from __future__ import annotations

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.emulator.spec import LineAt
from chargebench.scenarios.check import check_scenario, refuse_errors
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run
from tests.devices.test_metered import scenario as metered
from tests.scenarios.files import put, spoiled

GARAGE = '    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}\n'
HEIDELBERG = 'name: garage, device: heidelberg-energy-control, at: "COM1,19200,8,e,1", id: 1'


def text(site="", world=""):
    """The small scenario with a Heidelberg in its garage."""
    out = spoiled(GARAGE, f"    - {{{HEIDELBERG}{site}}}\n")
    return out.replace("world:\n", f"world:\n  boxes: {{garage: {{{world}}}}}\n") if world else out


def scenario(tmp_path, site="", world=""):
    return read_scenario(put(tmp_path, text(site, world)))


def garage(tmp_path, site="", world=""):
    return next(box for box in scenario(tmp_path, site, world).world.boxes if box.name == "garage")


@pytest.mark.parametrize(
    ("site", "world", "failsafe"),
    [
        ("", "", (15_000_000, 0)),
        (", failsafe: {after: 60 s, current: 6 A}", "", (60_000_000, 6_000)),
        (", failsafe: {after: 60 s, current: 6 A}", "fail_safe_current: 0 A", (60_000_000, 0)),
        ("", "fail_safe_duration: 0 s", (0, 0)),
    ],
    ids=["as it leaves the factory", "as the site says", "as the world says", "never"],
)
def test_the_failsafe_of_a_box_is_its_makers_where_nobody_says_another(tmp_path, site, world, failsafe):
    box = garage(tmp_path, site, world)
    assert (box.failsafe_us, box.failsafe_ma) == failsafe
    assert box.at == LineAt("COM1", 19_200, 8, "E", 1)


def test_the_failsafe_of_a_power_brain_stays_its_own(tmp_path):
    boxes = scenario(tmp_path).world.boxes
    assert [(box.failsafe_us, box.failsafe_ma) for box in boxes if box.name == "internal"] == [(300_000_000, 6_000)]


def test_a_quirk_is_named_in_the_world(tmp_path):
    assert garage(tmp_path, world="quirks: [firmware-1-0-7]").quirks == ("firmware-1-0-7",)


def test_a_quirk_is_switched_off_in_the_world(tmp_path):
    box = garage(tmp_path, world="quirks: {firmware-1-0-7: off}")
    assert (box.quirks, box.without) == ((), ("firmware-1-0-7",))


@pytest.mark.parametrize(
    ("world", "column", "field", "sentence"),
    [
        (
            "quirks: [firmware-1-0-7, firmware-9]",
            45,
            "quirks[1]",
            "one of firmware-1-0-7, which heidelberg-energy-control has, got 'firmware-9'",
        ),
        (
            "quirks: {firmware-9: off}",
            29,
            "quirks.firmware-9",
            "one of firmware-1-0-7, which heidelberg-energy-control has, got 'firmware-9'",
        ),
        (
            "quirks: firmware-1-0-7",
            28,
            "quirks",
            "names of quirks that are on, such as [fails-in-bursts], or what is switched on and off, such as {torn-numbers: off}, got 'firmware-1-0-7'",
        ),
        (
            "quirks: {firmware-1-0-7: maybe}",
            28,
            "quirks",
            "names of quirks that are on, such as [fails-in-bursts], or what is switched on and off, such as {torn-numbers: off}, got a mapping",
        ),
    ],
)
def test_a_quirk_that_the_box_has_not_is_blamed_on_its_own_place_in_the_world(tmp_path, world, column, field, sentence):
    with pytest.raises(BadFile) as caught:
        garage(tmp_path, world=world)
    (found,) = caught.value.args
    line = next(k for k, one in enumerate(text(world=world).splitlines(), 1) if "quirks" in one)
    assert str(found).partition(".yaml:")[2] == f"{line}:{column}: world.boxes.garage.{field}: expected {sentence}"


def test_a_quirk_that_a_meter_has_not_is_blamed_on_its_own_place_in_the_world(tmp_path):
    known = "leading-zero-byte, ten-times-frequency, which eastron-sdm120 has"
    place = r"world\.meters\.grid\.quirks\[0\]"
    with pytest.raises(
        BadFile, match=rf"eastron-sdm120\.yaml:\d+:\d+: {place}: expected one of {known}, got 'haunted'"
    ):
        metered(tmp_path, "eastron-sdm120", "haunted")


@pytest.mark.parametrize(
    ("world", "sentence"),
    [
        (
            "attached_meter: on",
            "box garage: heidelberg-energy-control has its meter built in, so none is attached to it",
        ),
    ],
)
def test_what_the_box_cannot_be_is_told_before_a_run(tmp_path, world, sentence):
    wrong = scenario(tmp_path, world=world)
    assert sentence in [one.sentence for one in check_scenario(wrong) if one.severity == "error"]
    with pytest.raises(BadFile, match="box garage"):
        refuse_errors(wrong)


def test_its_story_tells_of_sleep_and_of_a_master_that_is_missed(tmp_path):
    later = scenario(tmp_path, site=", boot: {enable: off}")
    quiet = (
        text(site=", boot: {enable: off}")
        .replace("at: 18:00:05", "at: 18:06")
        .replace("seed: 1", "seed: 1\nmanager: off")
    )
    told = run(read_scenario(put(tmp_path, quiet))).story
    assert "18:00:15  garage has heard nothing for too long and stops charging" in told
    assert "18:05:00  garage falls asleep" in told
    assert "18:06:00  garage wakes" in told
    assert "falls asleep" not in run(later).story


def test_a_master_that_is_off_stays_off_when_a_fault_of_it_ends(tmp_path):
    faults = "faults:\n  - {at: 18:01, on: master, fault: master stops, for: 1 min}\nexpect:\n"
    off = text().replace("expect:\n", faults).replace("seed: 1", "seed: 1\nmanager: off")
    assert [one for one in run(read_scenario(put(tmp_path, off))).happened if one[1] == "manager manager"] == []
