"""Round robin and equal shares of the original."""

from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.policies.original_turns import AWAY, PAUSE_US, Turn, Wish, share
from tests.strategies import examples

CYCLE_US = 3_000_000


def wishes(many, low_ma=6_000, high_ma=16_000):
    return [Wish(k, (0,), low_ma, high_ma) for k in range(many)]


def rounds(asked, free_ma, until_us):
    """(time, who is served) at each change, asked every cycle."""
    turns = (AWAY,) * len(asked)
    told: list[tuple[int, list[int]]] = []
    for now_us in range(0, until_us, CYCLE_US):
        shares = share(asked, turns, [free_ma], now_us)
        turns = shares.turns
        served = [k for k, turn in enumerate(turns) if turn.state == "served"]
        if not told or told[-1][1] != served:
            told.append((now_us, served))
    return told


def test_where_one_fits_three_take_turns_as_long_as_a_pause():
    assert rounds(wishes(3), 7_000, 4 * PAUSE_US) == [(k * PAUSE_US, [k % 3]) for k in range(4)]


def test_where_two_fit_the_longest_served_gives_way():
    expected = [[0, 1], [0, 2], [1, 2], [0, 1]]
    assert rounds(wishes(3), 12_000, 4 * PAUSE_US) == [(k * PAUSE_US, who) for k, who in enumerate(expected)]


def test_a_newcomer_waits_until_somebody_has_had_a_turn():
    turns = (AWAY, Turn("served", 0))
    early = share(wishes(2), turns, [6_000], PAUSE_US - CYCLE_US)
    assert [turn.state for turn in early.turns] == ["paused", "served"]
    late = share(wishes(2), turns, [6_000], PAUSE_US)
    assert [turn.state for turn in late.turns] == ["served", "paused"]


def test_a_pause_lasts_though_there_is_room_again():
    turns = (Turn("paused", 0), Turn("served", 0))
    assert [box for box, _ in share(wishes(2), turns, [32_000], PAUSE_US - CYCLE_US).given] == [1]
    assert [box for box, _ in share(wishes(2), turns, [32_000], PAUSE_US).given] == [0, 1]


def test_what_one_cannot_use_the_others_share_equally():
    asked = [Wish(0, (0,), 6_000, 16_000), Wish(1, (0,), 3_000, 3_000, keeps_ma=16_000), Wish(2, (0,), 6_000, 16_000)]
    assert dict(share(asked, (AWAY,) * 3, [21_000], 0).given) == {0: 9_000, 1: 3_000, 2: 9_000}


def test_a_box_behind_another_phase_takes_what_that_leaves():
    asked = [Wish(0, (0, 1), 6_000, 32_000), Wish(1, (1,), 6_000, 32_000), Wish(2, (0,), 6_000, 32_000)]
    assert dict(share(asked, (AWAY,) * 3, [40_000, 20_000], 0).given) == {0: 10_000, 1: 10_000, 2: 30_000}


def test_a_box_without_a_wish_keeps_its_turn():
    turns = (Turn("paused", 7), Turn("served", 9), AWAY)
    assert share([], turns, [32_000], PAUSE_US).turns == turns


@st.composite
def crowds(draw):
    many = draw(st.integers(1, 6))
    asked, turns = [], []
    for k in range(many):
        low = draw(st.sampled_from([6_000, 8_000, 0, 2_500]))
        high = draw(st.sampled_from([low, 16_000, 32_000]))
        nodes = draw(st.sampled_from([(0,), (1,), (0, 1), (0, 1, 2)]))
        asked.append(Wish(k, nodes, low, high, draw(st.sampled_from([1, 1, 2]))))
        turns.append(Turn(draw(st.sampled_from(["away", "served", "paused"])), draw(st.integers(0, 700_000_000))))
    return asked, tuple(turns), [draw(st.integers(-5_000, 70_000)) for _ in range(3)]


@given(crowds())
@examples(100)
def test_shares_fit_are_within_their_bounds_and_leave_nobody_out_who_fits(crowd):
    asked, turns, free = crowd
    now_us = 700_000_000
    shares = share(asked, turns, free, now_us)
    given_ma = dict(shares.given)
    left = list(free)
    for wish in asked:
        if wish.box in given_ma:
            assert wish.low_ma <= given_ma[wish.box] <= wish.high_ma
            for node in wish.nodes:
                left[node] -= given_ma[wish.box]
    for node, ma in enumerate(left):
        assert ma >= 0 or not any(node in wish.nodes for wish in asked if wish.box in given_ma)
    for wish in asked:
        turn = turns[wish.box]
        rests = turn.state == "paused" and now_us < turn.since_us + PAUSE_US
        if wish.box not in given_ma:
            assert rests or any(left[node] < wish.low_ma for node in wish.nodes)
        elif given_ma[wish.box] < wish.high_ma:
            assert any(left[node] < len(asked) for node in wish.nodes)
        assert (shares.turns[wish.box].state == "served") == (wish.box in given_ma)
