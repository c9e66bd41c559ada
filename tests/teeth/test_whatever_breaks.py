"""Planted weaknesses around boxes that fall silent, each caught by the law of whole runs."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from chargebench.manager.memory import Memory
from chargebench.manager.rounds import BoxPoll
from chargebench.scenarios.check import check_scenario
from tests.laws.test_whatever_breaks import law
from tests.laws.troubles import troubles
from tests.laws.witness import scenario_of

FOUND = Path(__file__).parents[1] / "laws" / "found"
SILENCES = ("fault: silence", "fault: one-way loss", "fault: access point lost")


@pytest.fixture(scope="module")
def some_worlds():
    """Always the same worlds without a danger and with a silence: some that were found, then drawn ones."""
    known = [path.read_text("utf-8") for path in sorted(FOUND.glob("*.yaml"))]
    found = []

    @settings(max_examples=60, derandomize=True, database=None, phases=[Phase.generate], deadline=None)
    @given(troubles())
    def draw(text):
        found.append(text)

    draw()
    silent = [one for one in dict.fromkeys(found) if any(fault in one for fault in SILENCES)]
    sound = [one for one in silent if all(finding.severity != "danger" for finding in check_scenario(scenario_of(one)))]
    return known + sorted(sound, key=lambda one: -one.count("for: 240 s") - one.count("for: 420 s"))


def counted(memory):
    return max(memory.confirmed_ma, memory.top_ma, memory.sent_ma or 0, memory.drawn_ma)


def forgets_a_silent_box(patch):
    patch.setattr(Memory, "booked_ma", lambda self: 0 if self.silent else counted(self))


def ignores_that_a_silent_box_may_fall_back_to_more(patch):
    patch.setattr(Memory, "booked_ma", counted)


def books_a_box_that_fell_back_at_nothing(patch):
    patch.setattr(
        Memory, "booked_ma", lambda self: 0 if self.fell_back else max(counted(self), self.failsafe_ma * self.silent)
    )


def reads_first_after_a_silence(patch):
    begin = BoxPoll.begin

    def without_writes(self, cycle, limit_ma):
        if self.presence.silent_us is not None:
            self._left_alone = lambda: True
        begin(self, cycle, limit_ma)
        vars(self).pop("_left_alone", None)

    patch.setattr(BoxPoll, "begin", without_writes)


def goes_on_reading_and_counts_from_the_first_silence(patch):
    """Only reads do harm here: a write would lay the box down, though its answer is lost."""
    view = BoxPoll.view
    reads_first_after_a_silence(patch)
    patch.setattr(BoxPoll, "_left_alone", lambda _self: False)

    def from_the_silence(self, start_us):
        seen = view(self, start_us)
        return seen if seen.silent_since_us is None else replace(seen, heard_us=seen.silent_since_us)

    patch.setattr(BoxPoll, "view", from_the_silence)


BUGS = [
    forgets_a_silent_box,
    ignores_that_a_silent_box_may_fall_back_to_more,
    books_a_box_that_fell_back_at_nothing,
    reads_first_after_a_silence,
    goes_on_reading_and_counts_from_the_first_silence,
]


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda one: one.__name__)
def test_a_planted_weakness_is_caught(bug, some_worlds, monkeypatch):
    bug(monkeypatch)
    assert any(breaks(world) for world in some_worlds)


def breaks(world):
    try:
        law(world)
    except AssertionError:
        return True
    return False
