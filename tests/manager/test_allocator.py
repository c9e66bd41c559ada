"""Laws of the pure allocation: what no supply, no set of boxes and no order of asking may break."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.allocator import Ask, allocate

WIRINGS = [(0, 1, 2), (1, 2, 0), (0,), (1,), (2,), (0, 1), (2, 1, 0)]


@st.composite
def asks(draw, steps=(100,), supply=False):
    many = draw(st.integers(1, 7))
    out = []
    for box in range(many):
        step = draw(st.sampled_from(steps))
        low = draw(st.sampled_from([6_000, 8_000, 9_000]))
        high = draw(st.sampled_from([low, 10_000, 16_000, 32_000]))
        nodes = draw(st.sampled_from(WIRINGS))
        if supply:
            nodes += tuple(node + 3 for node in nodes)
        priority = draw(st.sampled_from([1, 1, 1, 2]))
        energy = draw(st.integers(0, 5))
        out.append(Ask(box, nodes, low, max(low, high), step, priority, draw(st.booleans()), False, energy))
    return out


supplies = st.lists(st.integers(-1_000, 80_000), min_size=3, max_size=3)


def left(asked, free, allocation):
    given_ma = dict(allocation.limits)
    rest = [max(0, ma) for ma in free]
    for ask in asked:
        for node in ask.nodes:
            rest[node] -= given_ma.get(ask.box, 0)
    return rest


@given(asks(steps=(100, 1000)), supplies)
def test_no_node_is_ever_given_more_than_is_free(asked, free):
    assert min(left(asked, free, allocate(asked, free))) >= 0


@given(asks(supply=True), st.lists(st.integers(0, 60_000), min_size=6, max_size=6))
def test_the_supply_of_the_boxes_is_a_limit_like_the_connection(asked, free):
    assert min(left(asked, free, allocate(asked, free))) >= 0


@given(asks(steps=(100, 1000)), supplies)
def test_a_box_gets_its_minimum_or_nothing_and_never_more_than_its_highest(asked, free):
    allocation = allocate(asked, free)
    assert sorted([box for box, _ in allocation.limits] + list(allocation.waiting)) == [ask.box for ask in asked]
    for box, ma in allocation.limits:
        assert asked[box].low_ma <= ma <= asked[box].high_ma
        assert ma % asked[box].step_ma == 0


@given(asks(steps=(100, 1000)), supplies)
def test_nobody_who_waits_could_be_added_to_the_minima_of_the_admitted(asked, free):
    """Within one priority: a higher one may take what a lower one needs."""
    asked = [replace(ask, priority=1) for ask in asked]
    allocation = allocate(asked, free)
    rest = [max(0, ma) for ma in free]
    for box, _ in allocation.limits:
        for node in asked[box].nodes:
            rest[node] -= asked[box].low_ma
    for box in allocation.waiting:
        assert any(rest[node] < asked[box].low_ma for node in asked[box].nodes)


@given(asks(), supplies)
def test_no_box_is_held_below_what_its_tightest_node_allows(asked, free):
    allocation = allocate(asked, free)
    rest = left(asked, free, allocation)
    for box, ma in allocation.limits:
        ask = asked[box]
        assert ma + ask.step_ma > ask.high_ma or any(rest[node] < ask.step_ma for node in ask.nodes)


@given(asks(), supplies)
def test_the_currents_are_lexicographically_max_min_within_one_step(asked, free):
    """The bottleneck condition: who is below another at a node that binds could only rise if a lower one fell."""
    asked = [replace(ask, priority=1) for ask in asked]
    allocation = allocate(asked, free)
    given_ma = dict(allocation.limits)
    rest = left(asked, free, allocation)
    for box, ma in allocation.limits:
        ask = asked[box]
        if ma + ask.step_ma > ask.high_ma:
            continue
        assert any(
            rest[node] < ask.step_ma
            and all(
                given_ma[other.box] <= max(ma + ask.step_ma, other.low_ma)
                for other in asked
                if node in other.nodes and other.box in given_ma
            )
            for node in ask.nodes
        )


@given(asks(steps=(100, 1000)), supplies, st.randoms(use_true_random=False))
def test_the_order_in_which_boxes_are_listed_does_not_matter(asked, free, random):
    shuffled = list(asked)
    random.shuffle(shuffled)
    assert dict(allocate(shuffled, free).limits) == dict(allocate(asked, free).limits)


@given(asks(), supplies)
def test_a_higher_priority_takes_what_it_can_use_first(asked, free):
    alone = [ask for ask in asked if ask.priority == 2]
    both = dict(allocate(asked, free).limits)
    for box, ma in allocate(alone, free).limits:
        assert both[box] == ma


def test_two_single_phase_cars_on_different_phases_get_all_they_can_take():
    asked = [Ask(0, (0,), 6_000, 16_000, 100), Ask(1, (1,), 6_000, 16_000, 100)]
    assert dict(allocate(asked, [16_000] * 3).limits) == {0: 16_000, 1: 16_000}


def test_the_least_served_is_admitted_when_minima_do_not_all_fit():
    asked = [Ask(k, (0, 1, 2), 6_000, 16_000, 100, energy_wh=wh) for k, wh in enumerate((900, 0, 300))]
    allocation = allocate(asked, [13_000] * 3)
    assert dict(allocation.limits) == {1: 6_500, 2: 6_500}
    assert allocation.waiting == (0,)


def test_a_held_runner_is_not_displaced_by_a_less_served_car():
    asked = [Ask(0, (0, 1, 2), 6_000, 16_000, 100, held=True, energy_wh=9_000), Ask(1, (0, 1, 2), 6_000, 16_000, 100)]
    assert dict(allocate(asked, [11_000] * 3).limits) == {0: 11_000}


def test_among_those_who_missed_alike_a_car_of_three_phases_goes_before_the_ones_that_would_leave_two_phases_empty():
    narrow = [Ask(k, (0,), 6_000, 16_000, 100, missed=1) for k in range(2)]
    wide = Ask(2, (0, 1, 2), 6_000, 16_000, 100, missed=1, energy_wh=9_000, wide=3)
    assert dict(allocate([*narrow, wide], [13_000] * 3).limits) == {0: 6_500, 2: 6_500}


@pytest.mark.parametrize(
    ("waiting", "missed", "first"), [(2, 1, 0), (3, 1, 1), (3, 2, 0), (5, 2, 0), (6, 2, 1), (6, 3, 0), (9, 3, 1)]
)
def test_turns_missed_count_alike_up_to_the_patience_of_those_who_wait(waiting, missed, first):
    others = [Ask(k, (0,), 6_000, 6_000, 100, missed=1) for k in range(2, waiting)]
    late = Ask(0, (0,), 6_000, 6_000, 100, missed=missed)
    wide = Ask(1, (0, 1, 2), 6_000, 6_000, 100, missed=1, wide=3)
    assert dict(allocate([late, wide, *others], [6_000] * 3).limits) == {first: 6_000}


@given(st.lists(st.integers(1, 3), min_size=2, max_size=16), st.data())
def test_patience_lets_nobody_wait_longer_than_for_a_turn_of_each_who_waits(widths, data):
    """One place, and turns of 30 minutes; 36 minutes for each who waits are what the controller promises."""
    since, energies = [0] * len(widths), [0] * len(widths)
    runner = 0
    for turn in range(1, 3 * len(widths)):
        energies[runner] += data.draw(st.integers(0, 3))
        asked = [
            Ask(k, (0,), 6_000, 6_000, 100, 1, False, False, False, energies[k], 1 + turn - since[k], wide=wide)
            for k, wide in enumerate(widths)
            if k != runner
        ]
        since[runner] = turn
        ((runner, _),) = allocate(asked, [6_000]).limits
        assert 30 * (turn - since[runner]) <= 36 * len(asked)


def test_leftovers_of_rounding_are_handed_out_one_step_at_a_time():
    asked = [Ask(k, (0,), 6_000, 32_000, 100) for k in range(3)]
    assert [ma for _, ma in allocate(asked, [20_000]).limits] == [6_700, 6_700, 6_600]
