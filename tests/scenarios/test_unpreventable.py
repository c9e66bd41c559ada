"""What the world does against its site, and what a failed run says where no manager could have kept the limit."""

import pytest

from chargebench.manager.readings import Command
from chargebench.scenarios.check import check_scenario
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run
from tests.scenarios.files import SMALL, put

METER = (
    '  meters:\n    - {name: grid, device: eastron-sdm630, at: "192.168.2.100:502", id: 1, role: grid supply}\nworld:\n'
)
SAFE = "failsafe: {after: 60 s, current: 0 A}, boot: {enable: off}}"
SITE = (
    SMALL.replace("max_total_power: 34 kW", "max_total_power: 14.5 kW")
    .replace("device: power-brain}", f"device: power-brain, {SAFE}")
    .replace(':4701"}', f':4701", {SAFE}')
    .replace("load: [[18:00, 2 kW]]", "load: [[18:00, 2 A], [18:03, 12 A]]")
    .replace("world:\n", METER)
    .replace("expect:\n", "faults: []\nexpect:\n")
)
EXCEEDED = "  - never: {limit_exceeded: above 1 A, longer_than: 30 s}\n"
FROZEN = "faults:\n  - {at: 18:02, on: grid, fault: frozen}\n"


def dangers(scenario):
    return [(one.field, one.sentence, one.right) for one in check_scenario(scenario) if one.severity == "danger"]


@pytest.fixture
def read(tmp_path):
    return lambda text: read_scenario(put(tmp_path, text + EXCEEDED))


def test_a_house_within_its_greatest_load_is_no_danger(read):
    assert dangers(read(SITE)) == []


def test_a_house_above_its_greatest_load_is_a_danger_with_the_right_one(read):
    sentence = "the house draws 14.4 A on L1 from 18:03:00 on, and the site says at most 14 A (house_max), so nothing is proved"
    assert dangers(read(SITE.replace("12 A]", "14.4 A]"))) == [
        ("world.house.load", f"{sentence}; 14.4 A would be right", "14.4 A")
    ]


def test_a_frozen_meter_is_a_danger_only_where_it_tells_what_the_house_draws(read):
    frozen = SITE.replace("faults: []\n", FROZEN)
    ((field, sentence, right),) = dangers(read(frozen))
    assert (field, right) == ("faults[0]", "display")
    assert sentence.startswith("grid freezes at 18:02:00 and goes on answering, so a house that rises then is not seen")
    assert dangers(read(frozen.replace("role: grid supply", "role: display"))) == []


BLIND = SITE.replace("role: grid supply", "role: display")
HIGH = BLIND.replace("[18:03, 12 A]", "[18:03, 20 A]")


def test_a_failed_run_says_what_would_have_prevented_what_no_manager_could(read):
    result = run(read(HIGH))
    assert not result.passed
    assert "unpreventable: the house draws 20 A on L1 from 18:03:00 on" in result.why
    assert "20 A would be right" in result.why


def test_a_meter_that_freezes_is_found_out_before_it_does_harm(read):
    assert run(read(SITE.replace("faults: []\n", FROZEN))).passed


def test_what_would_have_prevented_it_does(read):
    assert run(read(HIGH.replace("house_max: 14 A", "house_max: 20 A"))).passed


def low(text, accuracy, connection=""):
    return text.replace("\nworld:\n", f"\nworld:\n  meters: {{grid: {{accuracy: {accuracy}}}}}\n").replace(
        "connection: {", f"connection: {{{connection}"
    )


def test_a_meter_that_shows_too_little_is_a_danger_where_the_reserve_does_not_bear_it(read):
    """1 % of 21.0 A on each phase; a meter of class 1 may be off by as much."""
    ((field, sentence, right),) = dangers(read(low(SITE, "-1 %")))
    assert (field, right) == ("world.meters.grid.accuracy", "200 W")
    assert sentence == (
        "grid shows 1 % less than what flows, so up to 0.3 A more can flow than the limit of 21 A; a reserve of 200 W would"
        " bear it"
    )
    assert dangers(read(low(SITE, "-1 %", "reserve: 200 W, "))) == []
    ((_, sentence, _),) = dangers(read(low(SITE, "class")))
    assert sentence.startswith("grid may show 1 % less than what flows")
    for harmless in ("+1 %", "none"):
        assert dangers(read(low(SITE, harmless))) == []
    assert dangers(read(low(SITE, "-1 %").replace("role: grid supply", "role: display"))) == []
    ((_, sentence, right),) = dangers(read(low(SITE, "-1 %").replace("role: grid supply", "role: consumption")))
    assert "so up to 0.2 A more can flow" in sentence


def test_a_danger_that_did_not_come_about_excuses_nothing(read):
    """The boot limits of this site do not fit, and nothing restarts: the excess is the manager's, which is a poor one here."""
    scenario = read(SITE.replace(", boot: {enable: off}", ""))
    assert [field for field, *_ in dangers(scenario)] == ["site.evses[0].boot"]
    result = run(scenario, controller=Idle)
    assert not result.passed
    assert "unpreventable" not in result.why


class Idle:
    """Commands nothing until the house rises, and then too much."""

    cycle_us = 3_000_000

    def __init__(self, _site):
        self.next_cycle = 0

    def quiet(self, _n, _view):
        return False

    def cycle(self, n, _view):
        return [Command(n, 1, 16_000)] if n == 50 else []
