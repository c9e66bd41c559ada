"""Cells: their figures, their answers, and that a cell is what its scenario file says."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.moments import DAY_US
from chargebench.scenarios.run import run
from chargebench.scenarios.whatif import engine, export, sums, sweep
from chargebench.scenarios.whatif.answer import answers
from chargebench.scenarios.whatif.engine import Cell, play, run_cell
from chargebench.scenarios.whatif.figures import FIGURES, Figures
from chargebench.scenarios.whatif.sums import interval
from tests.whatif.studies import read


@pytest.fixture
def study(tmp_path):
    return read(tmp_path)


def made(study, numbers):
    """Figures of every cell: ``numbers`` takes a variation's number and a seed and gives the shares."""
    return [
        Figures(one.number, seed, {"served_share": numbers(one.number, seed), "served_wh": 1000 * one.number + seed})
        for one in study.variations
        for seed in study.seeds
    ]


def test_a_cell_has_every_figure_and_its_sums_hold(study):
    found = run_cell(study, Cell(0, 1))
    assert sorted(found.numbers) == sorted(FIGURES)
    numbers = {name: -1 if one is None else one for name, one in found.numbers.items()}
    assert numbers["wanted_wh"] - numbers["served_wh"] == numbers["missing_wh"] == sum(found.missing_by_day_wh) > 0
    assert all(sum(phase.values()) == study.duration_us for phase in found.duration_us)
    assert max(max(phase) for phase in found.duration_us) == numbers["peak_ma"] // 1000
    assert numbers["peak_quarter_w"] <= numbers["peak_w"]
    assert numbers["limit_margin_ma"] == 20_000 - numbers["peak_ma"]
    assert 0 < numbers["served_share_p5"] <= numbers["served_share_mean"] <= 1000


def test_a_cell_written_out_as_a_scenario_gives_the_same_commands_on_the_wires(study, tmp_path):
    cell = Cell(1, 2)
    path = tmp_path / "cell.yaml"
    path.write_text(export.scenario_text(study, cell), "utf-8")
    scenario = read_scenario(path)
    assert scenario.world == play(study, cell).scenario.world
    result = run(scenario)
    assert result.passed
    assert result.commands_hash == run_cell(study, cell).commands_hash
    assert result.commands


def test_a_night_goes_from_noon_to_noon_with_whoever_is_plugged_in(study, tmp_path):
    long = replace(study, duration_us=3 * DAY_US)
    span = export.night(long, 1)
    assert [(long.clock.us + at_us) % DAY_US for at_us in (span.from_us, span.to_us)] == [DAY_US // 2] * 2
    path = tmp_path / "night.yaml"
    path.write_text(export.scenario_text(long, Cell(0, 1), span), "utf-8")
    scenario, played = read_scenario(path), play(long, Cell(0, 1))
    there = [
        one.car for one in played.drawn if one.car.plugs_us < span.to_us and (one.car.leaves_us or 0) > span.from_us
    ]
    assert [car.name for car in scenario.world.cars] == [car.name for car in there]
    assert [car.plugs_us for car in scenario.world.cars] == [max(0, car.plugs_us - span.from_us) for car in there]
    assert [car.leaves_us for car in scenario.world.cars] == [(car.leaves_us or 0) - span.from_us for car in there]
    assert (scenario.clock.show(0), scenario.duration_us) == ("12:00:00", DAY_US)


def test_who_comes_depends_on_the_seed_and_not_on_what_varies(study):
    cars = [[one.car for one in play(study, Cell(number, 7)).drawn] for number in range(len(study.variations))]
    assert all(one == cars[0] for one in cars)
    assert cars[0] != [one.car for one in play(study, Cell(0, 8)).drawn]


def test_newer_cars_only_where_that_is_asked_for(tmp_path):
    study = read(tmp_path, ("  cars_per_day: 12\n", "  cars_per_day: 12\n  cars_since: 2021\n"))
    new = {model.name for model in engine._models(study, 2021)}
    assert 0 < len(new) < 25
    assert {one.model for one in play(study, Cell(0, 1)).drawn} <= new


def test_a_study_can_be_sent_to_another_process(study):
    there = pickle.loads(pickle.dumps(study))
    assert play(there, Cell(3, 1)) == play(study, Cell(3, 1))


def test_a_cell_that_fails_is_told_and_the_rest_goes_on(study, monkeypatch):
    def fails(_, cell):
        if cell.seed == 2:
            raise RuntimeError("no")
        return Figures(cell.number, cell.seed, {})

    monkeypatch.setattr(engine, "run_cell", fails)
    found = list(sweep.here(study, [Cell(0, 1), Cell(0, 2), Cell(1, 1)]))
    assert [one.failed for one in found] == ["", "RuntimeError: no", ""]


def test_all_variations_run_with_one_seed_before_the_next_and_the_infeasible_ones_never(study):
    assert sweep.cells(study, [0, 2, 3, 4]) == (Cell(1, 1), Cell(5, 1), Cell(1, 2), Cell(5, 2))


@pytest.mark.parametrize(
    ("values", "mean", "half"),
    [([4], 4, None), ([4, 4, 4], 4, 0), ([1, 3], 2, 12.706), ([2, 4, 6, 8], 5, 3.182 * (20 / 3 / 4) ** 0.5)],
)
def test_an_interval_is_students(values, mean, half):
    found = interval(values)
    assert found.mean == mean
    assert found.half == (None if half is None else pytest.approx(half))


def test_intervals_grow_narrower_with_more_seeds_down_to_that_of_a_normal_spread():
    halves = [round(interval([0, 2] * count).half * (2 * count - 1) ** 0.5, 3) for count in range(1, 90)]
    assert halves == sorted(halves, reverse=True)
    assert halves[-1] == pytest.approx(1.98, abs=0.01)


def test_the_answer_is_the_smallest_that_will_do_for_each_combination(study):
    shares = {0: 500, 1: 300, 2: 900, 3: 500, 4: 950, 5: 800}
    found = answers(study.question, sums.rows(study, made(study, lambda n, seed: shares[n] + seed), {}))
    assert [None if one.row is None else one.row.variation.number for one in found] == [2, None]
    assert (
        "with meters on: connection.fuse 35 A (served_share 90.2 %, 89.5 % to 90.8 %) is the smallest"
        in found[0].sentence
    )
    assert "20 A (served_share 50.2 %" in found[0].sentence
    assert found[0].sure
    assert found[1].sentence.startswith("with meters off: no connection.fuse that was tried will do; 63 A (")


def test_an_answer_whose_interval_reaches_over_the_bound_is_not_sure(study):
    found = answers(study.question, sums.rows(study, made(study, lambda _, seed: 840 + 10 * seed), {}))
    assert not any(one.sure for one in found)
    assert all("more seeds would make it sure" in one.sentence for one in found)


def test_what_cannot_be_built_answers_nothing(study):
    found = answers(study.question, sums.rows(study, made(study, lambda _n, _s: 990), {0: "no proof", 2: "no proof"}))
    assert [one.row and one.row.variation.number for one in found] == [4, 1]
    assert found[0].sentence.endswith("20 A, 35 A cannot be built, see check")


def test_differences_are_taken_seed_by_seed(study):
    rows = sums.rows(study, made(study, lambda _n, _s: 900), {})
    assert [row.means.get("lost_for_meters_wh") for row in rows] == [
        None,
        (-1000, 0),
        None,
        (-1000, 0),
        None,
        (-1000, 0),
    ]
    gained = [row.means.get("gained_wh_per_a") for row in rows]
    assert gained == [None, None, (133, 0), (133, 0), (71, 0), (71, 0)]  # 2 kWh for 15 A, then for 28 A


def test_a_year_of_dimming_is_counted_in_seconds(tmp_path):
    study = read(tmp_path, ("meters: [on, off]", 'dimming: [none, "06:45-07:05"]'))
    found = [engine._dimmed_s(play(study, Cell(number, 1)).scenario) for number in (0, 1)]
    assert found == [0, 20 * 60]
    night = replace(play(study, Cell(1, 1)).scenario, duration_us=3 * DAY_US)
    assert engine._dimmed_s(night) == 3 * 20 * 60
