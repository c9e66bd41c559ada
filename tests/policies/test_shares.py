"""The policies beside the fair one: what each gives to whom, and that none gives more than there is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.allocator import Ask, allocate
from chargebench.manager.policies.shares import equal_split, first_come, rotation
from tests.manager.test_allocator import asks, left, supplies
from tests.strategies import examples

SHARES = [first_come, equal_split, rotation]
ALL = (0, 1, 2)


@st.composite
def crowds(draw):
    """Asks that came and waited at different times, some in their turn."""
    out = []
    for ask in draw(asks(steps=(100, 1000))):
        since_us, waits_us = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        held = ask.runs and draw(st.booleans())
        out.append(replace(ask, since_us=since_us, waits_us=waits_us, held=held, idle=draw(st.booleans())))
    return out


def three(**of_each):
    """Three boxes on all phases that differ in what is given for each."""
    named = [{name: values[k] for name, values in of_each.items()} for k in range(3)]
    return [Ask(k, ALL, 6_000, 16_000, 100, **more) for k, more in enumerate(named)]


@pytest.mark.parametrize("share", SHARES)
@given(asked=crowds(), free=supplies)
@examples(60)
def test_no_policy_gives_more_than_is_free_or_anything_between_nothing_and_a_minimum(share, asked, free):
    found = share(asked, free, ())
    assert min(left(asked, free, found)) >= 0
    assert sorted([box for box, _ in found.limits] + list(found.waiting)) == [ask.box for ask in asked]
    for box, ma in found.limits:
        assert asked[box].low_ma <= ma <= asked[box].high_ma
        assert ma % asked[box].step_ma == 0


@pytest.mark.parametrize("share", SHARES)
@given(asked=crowds(), free=supplies, random=st.randoms(use_true_random=False))
@examples(40)
def test_no_policy_looks_at_the_order_in_which_boxes_are_listed(share, asked, free, random):
    shuffled = list(asked)
    random.shuffle(shuffled)
    one, other = share(asked, free, ()), share(shuffled, free, ())
    assert (dict(one.limits), {*one.waiting}) == (dict(other.limits), {*other.waiting})


@pytest.mark.parametrize("share", [allocate, *SHARES])
def test_whoever_runs_may_use_the_grace_with_its_minimum_and_nobody_starts_into_it(share):
    runs, starts = Ask(0, (0,), 6_000, 16_000, 100, runs=True), Ask(1, (0,), 6_000, 16_000, 100)
    assert dict(share([runs], [5_800], [300]).limits) == {0: 6_000}
    assert share([runs], [5_600], [300]).waiting == (0,)
    assert share([starts], [5_800], [300]).waiting == (1,)


@pytest.mark.parametrize("share", SHARES)
def test_a_start_wants_as_much_to_spare_as_may_be_taken_from_it_later(share):
    starts = Ask(0, (0,), 6_000, 16_000, 100, spare_ma=1_000)
    assert share([starts], [6_900], [300]).waiting == (0,)
    assert share([starts], [7_000], [300]).waiting == ()


@pytest.mark.parametrize("share", SHARES)
def test_a_car_that_takes_nothing_comes_after_those_that_do(share):
    asked = three(idle=(True, False, True))
    assert share(asked, [6_500] * 3, ()).limits == ((1, 6_500),)


@pytest.mark.parametrize("share", SHARES)
def test_a_higher_priority_is_let_in_first(share):
    assert share(three(priority=(1, 1, 2)), [6_500] * 3, ()).limits == ((2, 6_500),)


def test_who_came_first_gets_all_it_can_take_and_the_next_what_is_left():
    asked = three(since_us=(5, 3, 4))
    assert first_come(asked, [24_000] * 3).limits == ((1, 16_000), (2, 8_000))
    assert first_come(asked, [40_000] * 3).limits == ((1, 16_000), (2, 16_000), (0, 8_000))


def test_who_came_first_takes_the_place_of_one_that_runs():
    asked = three(since_us=(0, 1, 2), runs=(False, True, True), held=(False, True, True))
    assert first_come(asked, [16_000] * 3).limits == ((0, 16_000),)


def test_an_equal_split_gives_on_nothing_of_what_one_does_not_use():
    modest = replace(three()[0], high_ma=6_000)
    asked = [modest, *three()[1:]]
    assert dict(equal_split(asked, [30_000] * 3).limits) == {0: 6_000, 1: 10_000, 2: 10_000}
    assert dict(allocate(asked, [30_000] * 3).limits) == {0: 6_000, 1: 12_000, 2: 12_000}


def test_an_equal_split_counts_on_each_node_those_who_are_behind_it():
    asked = [Ask(0, (0,), 6_000, 16_000, 100), Ask(1, (0, 1), 6_000, 16_000, 100), Ask(2, (1,), 6_000, 16_000, 100)]
    assert dict(equal_split(asked, [14_000, 30_000, 0]).limits) == {0: 7_000, 1: 7_000, 2: 15_000}


def test_an_equal_split_that_would_be_below_the_minimum_is_one_among_fewer():
    asked = three(energy_wh=(300, 900, 0))
    found = equal_split(asked, [13_000] * 3)
    assert dict(found.limits) == {0: 6_500, 2: 6_500}
    assert found.waiting == (1,)


def test_a_turn_is_the_full_current_and_who_has_waited_longest_is_next():
    asked = three(runs=(True, False, False), held=(True, False, False), waits_us=(0, 9, 8))
    assert rotation(asked, [24_000] * 3).limits == ((0, 16_000), (2, 8_000))
    over = [replace(asked[0], held=False), *asked[1:]]
    assert rotation(over, [24_000] * 3).limits == ((2, 16_000), (1, 8_000))
