"""The connection: sums by phase, one segment after another, limit and fuse apart, and what a trip leaves behind."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.connection import Connection
from chargebench.emulator.curves import curve
from chargebench.emulator.events import Event, Segment
from chargebench.emulator.flow import ZERO
from chargebench.emulator.limit import LimitWatch
from chargebench.emulator.spec import ConnectionSpec
from tests.emulator.worlds import HOUR, Bench, S, box_spec, car_spec, may_us, must_us

A = 1_000_000_000


def limit_of(*segments, limit_ma=20_000):
    watch = LimitWatch(limit_ma)
    at = 0
    for seconds, na, rate in segments:
        end = at + round(seconds * S)
        watch.feed(Segment(at, end, na, rate))
        at = end
    return watch


# -- limit -----------------------------------------------------------------------------------------------------------


def test_at_the_limit_is_not_above_it():
    watch = limit_of((10, (20 * A, 20 * A, 20 * A), ZERO))
    assert (watch.total_us, watch.peak_na, watch.first_us) == (0, 0, None)


def test_a_ramp_is_above_from_the_first_microsecond_beyond():
    watch = limit_of((10, (18 * A, 0, 0), (1000, 0, 0)))  # passes 20 A at 2 s
    assert watch.first_us == 2 * S + 1
    assert watch.total_us == watch.longest_us == 8 * S - 1
    assert watch.peak_na == 8 * A - 1000


def test_a_falling_ramp_is_above_until_it_is_at_the_limit():
    watch = limit_of((10, (0, 25 * A, 0), (0, -1000, 0)))
    assert (watch.first_us, watch.total_us, watch.peak_na) == (0, 5 * S, 5 * A)


def test_phases_above_at_once_count_once_and_stretches_that_touch_are_one():
    watch = limit_of(
        (10, (21 * A, 22 * A, 0), ZERO),
        (10, (0, 21 * A, 0), ZERO),
        (10, (0, 0, 0), ZERO),
        (5, (0, 0, 30 * A), ZERO),
    )
    assert (watch.total_us, watch.longest_us, watch.peak_na) == (25 * S, 20 * S, 10 * A)


def test_two_phases_that_take_turns_within_a_segment_leave_a_gap():
    watch = limit_of((10, (25 * A, 15 * A, 0), (-1000, 1000, 0)))  # above until 5 s, and from 5 s on
    assert watch.total_us == 10 * S - 1
    assert watch.longest_us == 5 * S


@given(
    st.lists(
        st.tuples(st.integers(1, 40), st.tuples(*[st.integers(-9, 9)] * 3), st.tuples(*[st.integers(-2, 2)] * 3)),
        max_size=6,
    )
)
def test_every_microsecond_is_counted_as_it_is(pieces):
    watch, at, above = LimitWatch(0), 0, []
    for span, na, rate in pieces:
        watch.feed(Segment(at, at + span, na, rate))
        above += [max(a + r * t for a, r in zip(na, rate, strict=True)) for t in range(span)]
        at += span
    runs = "".join("x" if value > 0 else "." for value in above).split(".")
    assert watch.total_us == sum(map(len, runs))
    assert watch.longest_us == max(map(len, runs))
    assert watch.peak_na == max([0, *above])
    assert watch.first_us == next((at for at, value in enumerate(above) if value > 0), None)


# -- sums and segments -----------------------------------------------------------------------------------------------


def connected(**changes):
    told: list[Event] = []
    segments: list[Segment] = []
    opened: list[tuple[object, ...]] = []
    connection = Connection(
        ConnectionSpec(20_000, **changes), told.append, [segments.append], lambda *what: opened.append(what)
    )
    return connection, told, segments, opened


def test_segments_follow_on_one_another_and_carry_the_sum():
    connection, _, segments, _ = connected()
    connection.add(0, ((A, 0, 0), ZERO))
    connection.add(5, ((0, A, 0), (1, 0, 0)))
    connection.add(5, ((0, 0, A), (0, 0, -2)))
    connection.add(9, ((-A, 0, 0), (-1, 0, 2)))
    connection.close(10)
    connection.close(10)
    assert segments == [
        Segment(0, 5, (A, 0, 0), ZERO),
        Segment(5, 9, (A, A, A), (1, 0, -2)),
        Segment(9, 10, (4, A, A - 8), ZERO),
    ]


def test_working_current_is_summed_apart():
    connection, *_ = connected()
    connection.add(0, ((A, A, 0), ZERO), ((A // 2, 0, 0), ZERO))
    connection.add(3, ((A, 0, 0), ZERO))
    assert connection.flow.level(4) == (2 * A, A, 0)
    assert connection.flow.active(4) == (3 * A // 2, 0, 0)


def test_boxes_load_the_phases_that_their_terminals_hang_on():
    bench = Bench(
        [box_spec("one", wiring=(1, 2, 0)), box_spec("two", wiring=(2,))],
        [
            car_spec("a", "one", phases=2, max_ma=10_000, plugs_us=0),
            car_spec("b", "two", phases=3, max_ma=7_000, plugs_us=0),
        ],
        house=[(0, (1_000, 2_000, 3_000))],
    )
    bench.to(60 * S)
    assert bench.world.connection.flow.level(60 * S) == (1 * A, 12 * A, 20 * A)


def test_peak_is_the_highest_instant_of_each_phase():
    connection, *_ = connected()
    connection.add(0, ((A, 0, 0), (1000, 0, 0)))
    connection.add(S, ((-2 * A, 3 * A, 0), (-1000, 0, -0)))
    connection.close(2 * S)
    assert connection.peak_na == [2 * A - 1000, 3 * A, 0]


# -- fuse ------------------------------------------------------------------------------------------------------------


def overloaded(current, **changes):
    connection, told, _, opened = connected(rating_ma=25_000, **changes)
    connection.add(0, (tuple(a * A for a in current), ZERO))
    while (due := connection.next_us) < 2 * HOUR:
        connection.step(due)
        if opened:
            break
    return connection, [(one.at_us, one.kind, *(v for _, v in one.data)) for one in told], opened


FUSE = curve("gG", 25_000)
MAY, MUST = may_us(FUSE, 52_000), must_us(FUSE, 52_000)


def test_a_fuse_opens_the_phase_that_must():
    connection, told, opened = overloaded((52, 45, 0))
    early = may_us(FUSE, 45_000)
    assert told == [
        (MAY, "verdict", "L1", "cannot", "may"),
        (early, "verdict", "L2", "cannot", "may"),
        (MUST, "verdict", "L1", "may", "must"),
        (MUST, "tripped", "L1", "gG 25000 mA"),
    ]
    assert opened == [(MUST, (0,))]
    assert [connection.verdict(phase) for phase in range(3)] == ["must", "may", "cannot"]
    assert [connection.open_at(0, at) for at in (MUST - 1, MUST)] == [False, True]
    assert not connection.open_at(1, MUST)


def test_a_fuse_may_open_when_it_may():
    _, told, opened = overloaded((52, 0, 52), opens="may")
    assert opened == [(MAY, (0, 2))]
    assert told[-1] == (MAY, "tripped", "L1 L3", "gG 25000 mA")


def test_a_fuse_that_never_opens_still_has_its_verdict():
    connection, told, opened = overloaded((52, 0, 0), opens="never")
    assert not opened
    assert [one[1] for one in told] == ["verdict", "verdict"]
    assert connection.verdict(0) == "must"


@pytest.mark.parametrize("kind", ["SLS-E", "SLS-Cs", "B", "C"])
def test_a_breaker_opens_all_poles(kind):
    _, told, opened = overloaded((52, 0, 0), curve=kind)
    at = must_us(curve(kind, 25_000), 52_000)
    assert opened == [(at, (0, 1, 2))]
    assert told[-1] == (at, "tripped", "L1 L2 L3", f"{kind} 25000 mA")


def test_a_current_that_must_at_once_may_open_when_it_may():
    _, _, opened = overloaded((1_000, 0, 0), opens="may")
    assert opened == [(may_us(FUSE, 1_000_000), (0,))]


def test_without_a_fuse_nothing_is_due_whatever_flows():
    connection, _, segments, _ = connected()
    connection.add(0, ((1000 * A, 0, 0), ZERO))
    assert connection.next_us > HOUR
    connection.close(HOUR)
    assert len(segments) == 1


@pytest.mark.parametrize("changes", [{"opens": "soon"}, {"rating_ma": 5_000}, {"rating_ma": 16_000, "curve": "Z"}])
def test_a_connection_that_cannot_be_is_refused(changes):
    with pytest.raises((ValueError, LookupError), match=r"opens when|16 A to 400 A|no curve Z"):
        connected(**changes)


# -- what a trip leaves behind ---------------------------------------------------------------------------------------


def tripping(kind, rating, wiring=(0, 1, 2), house=(40_000, 0, 0), opens="must"):
    """A car at 16 A and a house that overloads L1 from 100 s on."""
    return Bench(
        [box_spec(wiring=wiring)],
        [car_spec(plugs_us=0, below_ma=0)],
        house=[(0, (0, 0, 3_000)), (100 * S, (*house[:2], 3_000))],
        connection=ConnectionSpec(20_000, rating_ma=rating, curve=kind, opens=opens),
    )


def test_a_main_breaker_leaves_everything_dead():
    bench = tripping("SLS-E", 35_000)
    bench.world.finish(HOUR)
    at = next(at for at, kind, *_ in bench.story() if kind == "tripped")
    assert at == 100 * S + must_us(curve("SLS-E", 35_000), 56_000)
    assert bench.world.connection.flow.level(HOUR) == ZERO
    assert bench.story("state")[-1] == (at, "state", "C", "E")
    assert (at, "contactor", 0, 16_000) in bench.story()
    assert (at, "house", 0, 0, 0) in bench.story()
    assert bench.world.reach("box").mute


def test_a_fuse_takes_the_box_whose_first_terminal_hangs_on_it():
    bench = tripping("gG", 25_000)
    bench.world.finish(HOUR)
    assert bench.world.connection.flow.level(HOUR) == (0, 0, 3 * A)
    assert bench.world.reach("box").mute


def test_a_fuse_takes_from_a_car_the_phase_that_hangs_on_it():
    bench = tripping("gG", 25_000, wiring=(1, 2, 0))
    bench.world.finish(HOUR)
    at = next(at for at, kind, *_ in bench.story() if kind == "tripped")
    assert bench.world.connection.flow.level(HOUR) == (0, 16 * A, 19 * A)
    assert (at, "draw", 16_000, 2) in bench.story()
    assert bench.box.flow.level(HOUR) == (16 * A, 16 * A, 0)
    assert not bench.world.reach("box").mute


def test_figures_of_a_trip_tell_peak_times_and_margins():
    bench = tripping("gG", 25_000)
    bench.world.finish(HOUR)
    figures = bench.world.figures()
    fuse = curve("gG", 25_000)
    may, must = (100 * S + time for time in (may_us(fuse, 56_000), must_us(fuse, 56_000)))
    assert figures["fuse"]["L1"] == {
        "verdict": "must",
        "peak_a": 56.0,
        "margin_s": 0.0,
        "margin_a": -16.0,
        "may_s": may / S,
        "must_s": must / S,
    }
    assert figures["fuse"]["L2"] == {
        "verdict": "cannot",
        "peak_a": 16.0,
        "margin_s": None,
        "margin_a": 15.25,
        "may_s": None,
        "must_s": None,
    }
    assert figures["limit"] == {
        "exceeded_a": 36.0,
        "exceeded_s": (must - 100 * S) / S,
        "longest_s": (must - 100 * S) / S,
        "first_s": 100.0,
    }


def test_figures_of_an_overload_that_ends_in_time_tell_what_was_left():
    bench = Bench(
        house=[(0, (40_000, 0, 0)), (100 * S, (0, 0, 0))],
        connection=ConnectionSpec(20_000, rating_ma=25_000),
    )
    bench.world.finish(HOUR)
    phase = bench.world.figures()["fuse"]["L1"]
    assert phase["verdict"] == "cannot"
    assert phase["margin_s"] == (may_us(FUSE, 40_000) - 100 * S) / S
    assert phase["margin_a"] == 31.25 - 40


def test_an_overload_in_the_grey_tells_what_was_left_until_it_must():
    bench = Bench(
        house=[(0, (52_000, 0, 0)), (100 * S, (0, 0, 0))],
        connection=ConnectionSpec(20_000, rating_ma=25_000),
    )
    bench.world.finish(HOUR)
    phase = bench.world.figures()["fuse"]["L1"]
    assert (phase["verdict"], phase["may_s"], phase["must_s"]) == ("may", MAY / S, None)
    assert phase["margin_s"] == (MUST - 100 * S) / S
    assert phase["margin_a"] == 40 - 52


def test_where_nothing_flows_the_peak_is_nothing():
    bench = Bench()
    bench.world.finish(HOUR)
    assert [phase["peak_a"] for phase in bench.world.figures()["fuse"].values()] == [0.0, 0.0, 0.0]


def test_without_a_rating_a_phase_has_a_peak_and_no_verdict():
    bench = Bench(house=[(0, (5_000, 0, 0))])
    bench.world.finish(HOUR)
    phase = bench.world.figures()["fuse"]["L1"]
    assert (phase["verdict"], phase["peak_a"], phase["margin_s"]) == (None, 5.0, None)


# -- house -----------------------------------------------------------------------------------------------------------


def test_a_house_steps_at_its_times_and_tells_of_it():
    bench = Bench(house=[(0, (1, 2, 3)), (10 * S, (4, 5, 6)), (20 * S, (4, 5, 6)), (30 * S, (0, 0, 0))])
    bench.world.finish(40 * S)
    assert bench.story("house") == [
        (0, "house", 1, 2, 3),
        (10 * S, "house", 4, 5, 6),
        (30 * S, "house", 0, 0, 0),
    ]
    assert [(one.from_us, one.na[2]) for one in bench.segments] == [(0, 3_000_000), (10 * S, 6_000_000), (30 * S, 0)]
    assert all(one.to_us == two.from_us for one, two in pairwise(bench.segments))


def test_the_power_factor_of_the_house_is_its_own():
    bench = Bench([box_spec()], [car_spec(plugs_us=0, below_ma=0)], house=[(0, (10_000, 0, 0))], factor=850)
    bench.to(60 * S)
    assert bench.world.connection.flow.level(60 * S)[0] == 26 * A
    assert bench.world.connection.flow.active(60 * S)[0] == 16 * A + 8_500_000_000


@pytest.mark.parametrize(
    ("house", "factor"),
    [
        ([(5, (0, 0, 0)), (5, (1, 1, 1))], 1000),
        ([(5, (0, 0, 0)), (4, (1, 1, 1))], 1000),
        ([(-1, (0, 0, 0))], 1000),
        ([(0, (0, -1, 0))], 1000),
        ([(0, (0, 0, 0))], 1001),
        ([(0, (0, 0, 0))], 0),
    ],
)
def test_a_house_that_cannot_be_is_refused(house, factor):
    with pytest.raises(ValueError, match=r"rise from 0|0 mA or more|1 to 1000"):
        Bench(house=house, factor=factor)
