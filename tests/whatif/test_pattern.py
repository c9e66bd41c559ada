"""Who comes: drawn from recorded sessions as they are spread, the same for a seed whoever else comes."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.streams import Stream
from chargebench.scenarios import shelf
from chargebench.scenarios.moments import DAY_US, Clock
from chargebench.scenarios.sessions import Session, parse_sessions
from chargebench.scenarios.whatif.engine import seat
from chargebench.scenarios.whatif.pattern import Coming, between, fit, recorded
from chargebench.scenarios.whatif.presets import CARS_PER_BOX, PRESETS

MONDAY = Clock(date(2026, 1, 12).toordinal(), 0)
HOUR_US = DAY_US // 24


def week(energy=lambda k: 10_000 + k):
    """Ten sessions on each working day of four weeks, in the order of the clock; none on weekends."""
    start = datetime.fromisoformat("2026-01-05")
    days = [start + timedelta(days=d) for d in range(28) if (start + timedelta(days=d)).weekday() < 5]
    return [
        Session(f"{n}-{k}", 1, day + timedelta(hours=6 + k / 4), day + timedelta(hours=14 + k), energy(k))
        for n, day in enumerate(days)
        for k in range(10)
    ]


def spread(one, two):
    """How far two collections of numbers are apart: the greatest difference of their shares below any value."""
    return max(abs(sum(a <= v for a in one) / len(one) - sum(b <= v for b in two) / len(two)) for v in (*one, *two))


def test_drawn_sessions_are_spread_as_the_recorded_ones():
    sessions = week()
    drawn = fit(sessions).draw(3, MONDAY, 28 * DAY_US, None)
    assert len(drawn) == len(sessions)  # as many on each weekday as on every such day before
    assert {one.comes_us // DAY_US % 7 for one in drawn} == {0, 1, 2, 3, 4}
    assert spread([one.comes_us % DAY_US for one in drawn], [(6 + k / 4) * HOUR_US for k in range(10)]) < 0.15
    assert spread([one.wanted_wh for one in drawn], [one.energy_wh for one in sessions]) < 0.15
    stays = [(one.departure - one.arrival).total_seconds() * 1e6 for one in sessions]
    assert spread([one.goes_us - one.comes_us for one in drawn], stays) < 0.15


def test_stay_follows_the_hour_of_arrival_and_energy_does_not():
    drawn = fit(week(lambda k: 5_000 * (k + 1))).draw(1, MONDAY, 280 * DAY_US, None)
    early, late = ([one for one in drawn if (one.comes_us % DAY_US < 7 * HOUR_US) == first] for first in (True, False))
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    assert (
        mean([one.goes_us - one.comes_us for one in early])
        < mean([one.goes_us - one.comes_us for one in late]) - HOUR_US
    )
    energies = [mean([one.wanted_wh for one in some]) for some in (early, late)]
    assert abs(energies[0] - energies[1]) < 0.05 * energies[0]


@pytest.mark.parametrize("name", PRESETS)
def test_a_day_is_the_same_in_longer_runs_and_for_whoever_starts_later(name):
    short = PRESETS[name].draw(5, MONDAY, 2 * DAY_US, 40)
    long = PRESETS[name].draw(5, MONDAY, 9 * DAY_US, 40)
    assert short == tuple(one for one in long if one.comes_us < 2 * DAY_US)
    assert short != PRESETS[name].draw(6, MONDAY, 2 * DAY_US, 40)


@pytest.mark.parametrize("name", PRESETS)
def test_so_many_come_on_a_working_day_as_is_asked_for(name):
    drawn = PRESETS[name].draw(1, MONDAY, 140 * DAY_US, 20)
    working = [one for one in drawn if one.comes_us // DAY_US % 7 < 5]
    assert 19 < len(working) / 100 < 21
    assert name in CARS_PER_BOX
    assert all(one.goes_us > one.comes_us and one.wanted_wh > 0 for one in drawn)


def test_recorded_sessions_are_played_from_their_first_day_on():
    text = (shelf.LIBRARY / "caltech-2019-11-07.csv").read_text("utf-8")
    sessions = parse_sessions(text, "day.csv", "requested_kwh")
    played = recorded(sessions, Clock(MONDAY.day, 6 * HOUR_US), DAY_US, None)
    assert len(played) == 46
    first = min(sessions, key=lambda one: one.arrival)
    assert (
        played[0].comes_us
        == ((first.arrival.hour - 6) * 3600 + first.arrival.minute * 60 + first.arrival.second) * 10**6
    )
    assert played[0].goes_us - played[0].comes_us == (first.departure - first.arrival).total_seconds() * 10**6


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=9).map(sorted), st.integers(0, 99))
def test_a_value_lies_among_those_it_is_drawn_from(values, seed):
    assert values[0] <= between(Stream(seed, "x"), values) <= values[-1]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=25), st.integers(1, 4))
def test_a_box_holds_one_car_at_a_time_and_nobody_is_lost(stays, count):
    coming = [Coming(str(k), at, at + stay, 1) for k, (at, stay) in enumerate(sorted(stays))]
    visits, blocked = seat(coming, [f"box-{k}" for k in range(count)])
    assert len(visits) + blocked == len(coming)
    for one in visits:
        others = [two for two in visits if two.box == one.box and two.plugs_us >= one.plugs_us and two is not one]
        assert all(two.plugs_us > one.leaves_us for two in others)
    if not blocked and coming:
        assert [one.plugs_us for one in visits] == [one.comes_us for one in coming]
