"""Rounds, cycles, reaction time, and what the fuse bears meanwhile."""

from __future__ import annotations

import pytest

from chargebench.emulator.curves import curve
from chargebench.scenarios.checks.reaction import bears_us, most_ma, silence_us
from chargebench.scenarios.checks.rounds import cycle_us, reaction_us, rounds
from tests.scenarios.sites import SAFE, dangers, findings, internal, meter, on_line, power, site_of, slave, text

WIDE = f"maximum: 32 A, {SAFE}"
NEVER = "maximum: 32 A, failsafe: {after: 0 s, current: 0 A}, boot: {enable: off}"
GG = "fuse: {rating: 50 A, curve: gG}"


def line(count, baud=9600, more=SAFE, **others):
    boxes = (on_line(k, more, f"COM1,{baud},8,n,1") for k in range(1, count + 1))
    return text(f"{power(125)}, house_max: 21 A, fuse: {{rating: 125 A, curve: gG}}", *boxes, **others)


GRID = (meter(),)


def quick(fuse, house, more=WIDE, meters=GRID, other=""):
    return text(
        f"{power(50)}, house_max: {house} A, {fuse}{other}", *(slave(k, more) for k in (1, 2, 3)), meters=meters
    )


def of(field, whole):
    return [one for one in findings(whole) if one.field == field]


def test_a_round_of_25_power_brains_at_9600_baud_does_not_fit_the_grid():
    """Two reads (4 and 13 words) and a write for each: 3.75 to 4.0 s at 20 ms turn-around, 1.1 s of it the writes."""
    (one,) = rounds(site_of(line(25)))
    assert 3_750_000 < one.round_us < 4_000_000
    assert 1_050_000 < one.writes_us < 1_150_000
    assert one.requests == 75
    assert cycle_us((one,)) == 6_000_000


def test_a_round_is_the_sum_of_frames_turnaround_and_silence():
    """One box: 13 + 8, 8 + 13 and 8 + 31 bytes of ten bits, three times 20 ms and t3.5 of 38.5 bits of eleven."""
    (one,) = rounds(site_of(line(1)))
    frames = sum(-(-size * 10 * 1_000_000 // 9600) for size in (13, 8, 8, 13, 8, 31))
    assert one.round_us == frames + 3 * 20_000 + 3 * -(-385 * 100_000 // 9600)


def test_in_ascii_a_round_has_twice_the_characters_and_a_box_that_dozes_may_cost_a_deadline():
    """A write of one word and reads of 1, 5 and 5 words, each byte two characters of eleven bits; 1.75 ms of silence."""
    (one,) = rounds(site_of(line(1, baud=38_400).replace("power-brain, at", "abl-emh1, at").replace("8,n,1", "8,e,1")))
    frames = sum(-(-(2 * size + 1) * 11 * 1_000_000 // 38_400) for size in (11, 8, 8, 7, 8, 15, 8, 15))
    assert one.round_us == frames + 4 * (20_000 + 1_750)
    assert one.timeout_us == 500_000


def test_a_meter_of_its_own_takes_the_place_of_the_attached_one():
    own = f"meter: {{device: eastron-sdm630, id: 101}}, {SAFE}"
    plain, with_meter = rounds(site_of(line(1)))[0], rounds(site_of(line(1, more=own)))[0]
    assert plain.requests == 3
    assert with_meter.requests > 3
    assert with_meter.writes_us == plain.writes_us


def test_the_pause_that_a_box_needs_is_kept_for_all_on_its_line():
    lone = line(1)
    other = on_line(2).replace("power-brain", "heidelberg-energy-control")
    with_other = lone + other
    requests = rounds(site_of(with_other))[0].requests
    silence_us, pause_us = -(-385 * 100_000 // 9600), 100_000
    first, both = rounds(site_of(lone))[0], rounds(site_of(with_other))[0]
    assert both.round_us > first.round_us + requests * (pause_us - silence_us)


def test_links_run_at_once_so_the_longest_round_counts():
    mixed = text(f"{power(125)}, house_max: 0 A", *(on_line(k) for k in range(1, 25)), slave(30))
    assert len(rounds(site_of(mixed))) == 2
    assert cycle_us(rounds(site_of(mixed))) == 6_000_000


@pytest.mark.parametrize(
    ("whole", "least_s", "most_s"),
    [
        (text(f"{power(50)}, house_max: 0 A", slave(1)), 23.0, 23.1),  # 1 + 2 · 3 + 5 + 11 and one write
        (line(25), 30.0, 31.0),
        (line(3), 23.5, 23.8),
    ],
)
def test_the_reaction_time_follows_from_the_cycle_as_long_as_it_really_is(whole, least_s, most_s):
    assert least_s * 1e6 <= reaction_us(site_of(whole)) <= most_s * 1e6


def test_skipped_cycles_are_a_note_with_numbers_and_a_rate_at_which_none_are():
    (found,) = of("evses[0].at", line(25))
    assert found.severity == "note"
    assert found.sentence == (
        "a round on COM1 takes up to 4 s for 75 requests, and the grid is 3 s: of every 2 cycles 1 is skipped, and a cycle"
        " lasts 6 s; at 19200 baud it would fit"
    )
    assert found.right == "19200 baud"
    assert of("evses[0].at", line(25, 19_200)) == []
    assert of("evses[0].at", line(18)) == of("evses[0].at", line(1)) == []


def test_a_line_that_no_rate_makes_fast_enough_is_told_without_one():
    many = tuple(meter("display", 100 + k, "COM1,9600,8,n,1") for k in range(60))
    (found,) = of("evses[0].at", line(25, meters=many))
    assert "of every 5 cycles 4 are skipped, and a cycle lasts 15 s" in found.sentence
    assert found.right == ""


def test_what_can_flow_is_the_boxes_most_and_the_house_on_top_only_where_a_meter_lets_the_boxes_have_its_share():
    assert most_ma(site_of(quick(GG, 40))) == 90_000  # 50 A to the boxes, then the house rises by 40 A
    assert most_ma(site_of(quick(GG, 40, SAFE))) == 88_000  # three boxes of 16 A
    assert most_ma(site_of(quick(GG, 40, other=", reserve: 13.8 kW"))) == 70_000
    assert most_ma(site_of(quick(GG, 40, other=", max_total_evse_power: 6.9 kW"))) == 50_000
    assert most_ma(site_of(quick(GG, 40, meters=()))) == 50_000
    assert most_ma(site_of(quick(GG, 40, meters=(meter("display"),)))) == 50_000


@pytest.mark.parametrize(
    ("rating", "factor_20s", "factor_300s"), [(16, 1.94, 1.54), (25, 1.96, 1.55), (63, 2.34, 1.69), (100, 2.63, 1.78)]
)
def test_a_warm_fuse_bears_half_as_long_as_its_curve_says(rating, factor_20s, factor_300s):
    found = curve("gG", rating * 1000)
    for factor, due_s in ((factor_20s, 20), (factor_300s, 300)):
        time_us = bears_us(found, int(rating * 1000 * factor))
        assert time_us is not None
        assert due_s * 0.9 < 2 * time_us / 1e6 < due_s * 1.15
    assert bears_us(found, rating * 1000) is None


def test_a_fuse_that_bears_the_worst_until_silent_boxes_are_at_their_failsafe_is_no_danger():
    assert dangers(quick(GG, 21)) == []


def test_boxes_that_are_silent_too_long_for_the_fuse_are_a_danger_with_a_reserve_that_would_do():
    whole = quick(GG, 40)
    (found,) = dangers(whole)
    assert (found.field, found.where) == ("connection.reserve", "site.yaml:1:13")
    assert (
        "up to 90 A can flow before the manager has reacted, which takes 206.1 s where boxes are silent"
        in found.sentence
    )
    assert found.sentence.endswith(f"a reserve of {found.right} would be enough")
    assert dangers(quick(GG, 40, other=f", reserve: {found.right}")) == []
    less = f"{float(found.right.split()[0]) - 0.1:.1f} kW"
    assert len(dangers(quick(GG, 40, other=f", reserve: {less}"))) == 1
    short = WIDE.replace("180 s", "30 s")
    assert dangers(quick(GG, 40, short)) == []


def test_a_breaker_too_quick_for_boxes_that_answer_is_a_danger():
    (found,) = dangers(quick("fuse: {rating: 50 A, curve: B}", 49))
    assert "which takes 26.1 s for boxes that answer" in found.sentence
    assert dangers(quick("fuse: {rating: 50 A, curve: B}", 49, other=f", reserve: {found.right}")) == []


def test_a_box_that_never_goes_to_its_failsafe_must_not_carry_more_than_the_fuse_bears_for_ever():
    assert silence_us(site_of(quick(GG, 21, NEVER))) is None
    fields = [one.field for one in dangers(quick(GG, 21, NEVER))]
    assert "evses[0].failsafe.after" in fields
    assert silence_us(site_of(quick(GG, 21))) == 180_000_000
    assert silence_us(site_of(quick(GG, 21, "maximum: 32 A"))) == 300_000_000  # the factory's


def test_the_internal_box_does_not_fall_silent():
    assert silence_us(site_of(text(f"{power(50)}, house_max: 0 A", internal(NEVER)))) == 0


def test_a_limit_that_the_fuse_does_not_bear_is_a_danger_and_one_above_its_rating_a_note():
    (found,) = dangers(text(f"{power(50)}, house_max: 0 A, fuse: {{rating: 35 A, curve: SLS-E}}", internal()))
    assert (found.field, found.right) == ("connection.max_total_power", "25.3 kW")
    assert "the limit of 50 A on each phase is above 36.7 A, which a 35 A SLS-E bears for ever" in found.sentence
    (note,) = findings(text(f"{power(36)}, house_max: 0 A, fuse: {{rating: 35 A, curve: SLS-E}}", internal()))
    assert (note.severity, note.field, note.right) == ("note", "connection.max_total_power", "24.1 kW")
    assert findings(text(f"{power(35)}, house_max: 0 A, fuse: {{rating: 35 A, curve: SLS-E}}", internal())) == []


@pytest.mark.parametrize("fuse", ["{rating: 13 A, curve: gG}", "{rating: 500 A, curve: gG}", "{rating: 0 A, curve: C}"])
def test_a_fuse_of_which_no_curve_is_known_is_an_error(fuse):
    (found,) = findings(text(f"{power(50)}, house_max: 0 A, fuse: {fuse}", internal()))
    assert (found.severity, found.field) == ("error", "connection.fuse.rating")


def test_without_a_fuse_nothing_is_proved_of_it_and_that_is_said():
    (found,) = findings(text(f"{power(50)}, house_max: 0 A", internal()))
    assert (found.severity, found.field) == ("note", "connection")
    assert "no fuse is given" in found.sentence


def test_a_cut_may_wait_behind_another_write_at_a_box_that_wants_time_between_two(monkeypatch):
    """5 s between two writes are one cycle of 6 s, which is how long a KEBA with its pauses takes."""
    site = site_of(text(power(50), '    - {name: garage, device: keba-p40, at: "192.168.2.151:502", id: 255}\n'))
    whole = reaction_us(site)
    monkeypatch.setattr("chargebench.scenarios.checks.rounds.apart_most_us", lambda _sheets: 0)
    assert whole - reaction_us(site) == 6_000_000
