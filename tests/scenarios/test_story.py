"""The story of a run: what is told, in which words, and what is left out."""

from __future__ import annotations

import pytest

from chargebench.emulator.events import Event, Segment
from chargebench.manager.notes import Note
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.story import Story
from tests.scenarios.files import SMALL, put

SECOND = 1_000_000
AMPERE = 1_000_000_000  # nA


@pytest.fixture
def story(tmp_path):
    return Story(read_scenario(put(tmp_path, SMALL)))


def told(story):
    story.finish()
    return story.text().splitlines()


def limit(at_s, box, limit_ma, enable=1):
    return Event(at_s * SECOND, f"box {box}", "limit", (("limit_ma", limit_ma), ("enable", enable)))


def event(at_s, channel, kind, **data):
    return Event(at_s * SECOND, channel, kind, tuple(data.items()))


def test_changes_of_one_decision_are_one_sentence_cuts_before_raises(story):
    for one in (
        limit(10, "internal", 9_000),
        limit(11, "garage", 9_300),
        limit(60, "internal", 12_000),
        limit(61, "garage", 0, 0),
    ):
        story.event(one)
    assert told(story) == [
        "18:00:11  internal is cut from 16 A to 9 A, garage is cut from 16 A to 9.3 A",
        "18:01:01  garage is stopped (from 9.3 A)",
        "18:01:01  internal is raised from 9 A to 12 A",
    ]


def test_boxes_to_which_the_same_was_done_are_told_together(story):
    for one in (
        limit(10, "garage", 9_000),
        limit(11, "internal", 9_000),
        limit(60, "internal", 0, 0),
        limit(61, "garage", 0, 0),
        limit(90, "internal", 6_000),
        limit(91, "garage", 6_000),
    ):
        story.event(one)
    story.finish()
    assert told(story) == [
        "18:00:11  internal and garage are cut from 16 A to 9 A",
        "18:01:01  internal and garage are stopped (from 9 A)",
        "18:01:31  internal and garage may charge with 6 A",
    ]


def test_what_only_fidgets_is_left_out_until_it_adds_up(story):
    for step, limit_ma in enumerate((15_600, 15_200, 15_100, 14_900)):
        story.event(limit(10 * step, "garage", limit_ma))
    assert told(story) == ["18:00:30  garage is cut from 16 A to 14.9 A"]


def test_a_stop_and_a_start_are_always_told(story):
    story.event(limit(10, "garage", 500, 0))
    story.event(limit(20, "garage", 500, 1))
    assert told(story) == ["18:00:10  garage is stopped (from 16 A)", "18:00:20  garage may charge with 0.5 A"]


def test_the_house_is_told_in_the_words_of_the_file_and_else_in_amperes(story):
    story.event(event(0, "connection", "house", l1_ma=2_899, l2_ma=2_899, l3_ma=2_899))
    story.event(event(60, "connection", "house", l1_ma=9_000, l2_ma=0, l3_ma=0))
    story.event(event(90, "connection", "house", l1_ma=0, l2_ma=0, l3_ma=0))
    assert told(story) == [
        "18:00:00  the house takes 2 kW",
        "18:01:00  the house rises to 9 A per phase",
        "18:01:30  the house falls to 0 A per phase",
    ]


def test_time_over_the_limit_is_one_sentence_where_it_began(story):
    story.segment(Segment(0, 60 * SECOND, (40 * AMPERE,) * 3, (0, 0, 0)))
    story.segment(Segment(60 * SECOND, 64 * SECOND, (40 * AMPERE,) * 3, (0, 4_000, 0)))
    story.segment(Segment(64 * SECOND, 90 * SECOND, (40 * AMPERE, 56 * AMPERE, 40 * AMPERE), (0, 0, 0)))
    story.segment(Segment(90 * SECOND, 100 * SECOND, (40 * AMPERE,) * 3, (0, 0, 0)))
    # 49.275 A + 0.5 A are passed on the way from 40 A with 4 A/s after 2.4 s
    assert told(story) == ["18:01:02  the connection goes over its limit of 49.3 A, for 27.5 s, up to 56 A"]


def test_a_connection_that_stays_over_its_limit_is_told_at_the_end(story):
    story.segment(Segment(0, 60 * SECOND, (60 * AMPERE,) * 3, (0, 0, 0)))
    assert told(story) == ["18:00:00  the connection goes over its limit and stays so: up to 60 A"]


def test_a_little_over_the_limit_is_left_to_the_figures(story):
    story.segment(Segment(0, 60 * SECOND, (49_700_000_000,) * 3, (0, 0, 0)))
    assert told(story) == []


def test_a_fuse_speaks_once_for_all_its_phases(story):
    for phase in ("L1", "L2", "L3"):
        story.event(event(5, "connection", "verdict", phase=phase, was="cannot", now="may"))
    story.event(event(9, "connection", "verdict", phase="L2", was="may", now="must"))
    story.event(event(9, "connection", "tripped", phases="L1 L2 L3", by="SLS-E 50000 mA"))
    assert told(story) == [
        "18:00:05  the fuse of L1 and L2 and L3 may trip",
        "18:00:09  the fuse of L2 must trip",
        "18:00:09  the 50 A SLS-E opens: L1 L2 L3 dead",
    ]


def test_cars_come_charge_and_go(story):
    story.event(event(5, "car tesla", "plugged", box="garage"))
    story.event(event(9, "box garage", "contactor", closed=1, drawn_ma=0))
    story.event(event(50, "box garage", "contactor", closed=0, drawn_ma=9_000))
    story.event(event(60, "car tesla", "full", energy_wh=20_000))
    story.event(event(70, "car tesla", "unplugged", energy_wh=20_000))
    story.event(event(71, "box garage", "contactor", closed=1, drawn_ma=0))
    assert told(story) == [
        "18:00:05  tesla plugs in at garage and wants 20.0 kWh",
        "18:00:09  garage closes its contactor for tesla",
        "18:00:50  garage opens its contactor under 9 A for tesla",
        "18:01:00  tesla is full with 20.0 kWh",
        "18:01:10  tesla leaves with 20.0 kWh of 20.0 kWh",
        "18:01:11  garage closes its contactor",
    ]


def test_boxes_fall_back_restart_and_are_missed(story):
    story.event(event(5, "box garage", "failsafe", on=1, limit_ma=6_000))
    story.event(event(6, "box garage", "failsafe", on=0, limit_ma=16_000))
    story.event(event(7, "box garage", "failsafe", on=1, limit_ma=0))
    story.event(event(8, "box garage", "boot", count=2))
    story.note(Note(9 * SECOND, "silent", "garage", (("why", "no answer"),)))
    story.note(Note(19 * SECOND, "back", "garage", (("silent_us", 10 * SECOND),)))
    story.note(Note(20 * SECOND, "refused", "garage", (("limit_ma", 6_000), ("code", 3))))
    story.note(Note(21 * SECOND, "impossible", "house", (("why", "the current is not a number"),)))
    story.note(Note(22 * SECOND, "cycle", "manager", (("cycle", 7), ("commands", 0))))
    assert [line[10:] for line in told(story)] == [
        "garage has heard nothing for too long and falls back to 6 A",
        "garage hears its master again",
        "garage has heard nothing for too long and stops charging",
        "garage restarts (for the second time)",
        "the master does not hear garage: no answer",
        "the master hears garage again after 10.0 s",
        "garage refuses 6 A with exception 3",
        "what house answers cannot be: the current is not a number",
    ]


def test_why_names_the_last_causes_before_a_violation_and_none_after_it(story):
    story.event(event(0, "connection", "house", l1_ma=2_899, l2_ma=2_899, l3_ma=2_899))
    story.event(event(5, "car tesla", "plugged", box="garage"))
    story.event(event(9, "box garage", "contactor", closed=1, drawn_ma=0))
    story.event(event(20, "fault", "begins", fault="silence", on="garage"))
    story.event(event(30, "connection", "house", l1_ma=9_000, l2_ma=0, l3_ma=0))
    story.event(event(40, "fault", "ends", fault="silence", on="garage"))
    assert story.why(35 * SECOND) == (
        "18:00:05 tesla plugs in at garage and wants 20.0 kWh; 18:00:20 fault: silence on garage; "
        "18:00:30 the house rises to 9 A per phase"
    )
