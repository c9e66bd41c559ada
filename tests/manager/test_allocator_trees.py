"""The laws of the pure allocation on trees of circuits: leftover, fairness, independence, fixed point, and who is bound by what."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.allocator import Ask, allocate
from tests.manager.trees import left, trees

ALL = (0, 1, 2)


@given(trees(priorities=(1, 1, 2)))
def test_leftover_nobody_could_take_another_step(tree):
    allocation = allocate(tree.asks, tree.free)
    rest = left(tree.asks, tree.free, allocation)
    given_nodes = {node for box, _ in allocation.limits for node in tree.asks[box].nodes}
    assert all(rest[node] >= 0 for node in given_nodes)
    for box, ma in allocation.limits:
        ask = tree.asks[box]
        assert ask.low_ma <= ma <= ask.high_ma
        assert ma % ask.step_ma == 0
        assert ma + ask.step_ma > ask.high_ma or any(
            rest[node] < ask.step_ma * ask.nodes.count(node) for node in ask.nodes
        )


@given(trees(steps=(100,)))
def test_fairness_whoever_has_less_than_another_is_bound_where_all_have_no_more_than_it(tree):
    """The condition of a bottleneck, but for the steps that rounding has left: then the currents are max-min."""
    allocation = allocate(tree.asks, tree.free)
    currents = dict(allocation.limits)
    rest = left(tree.asks, tree.free, allocation)
    for box, ma in currents.items():
        ask = tree.asks[box]
        assert ma == ask.high_ma or any(
            rest[node] < ask.step_ma * ask.nodes.count(node)
            and all(
                currents[other.box] <= max(ma + ask.step_ma * len(tree.asks), other.low_ma)
                for other in tree.asks
                if node in other.nodes and other.box in currents
            )
            for node in ask.nodes
        )


@given(trees(priorities=(1, 1, 2)), st.randoms(use_true_random=False))
def test_independence_of_the_order_in_which_boxes_are_listed(tree, random):
    shuffled = list(tree.asks)
    random.shuffle(shuffled)
    one, other = allocate(tree.asks, tree.free), allocate(shuffled, tree.free)
    assert (one.limits, one.waiting, one.ahead) == (other.limits, other.waiting, other.ahead)


@given(trees(), trees())
def test_independence_what_shares_no_node_with_another_site_is_given_the_same_beside_it(one, other):
    """Two trees that hang on nothing in common, as if they were two circuits of a connection that never binds."""
    boxes, nodes = len(one.asks), len(one.free)
    beside = [replace(ask, box=ask.box + boxes, nodes=tuple(node + nodes for node in ask.nodes)) for ask in other.asks]
    both = dict(allocate([*one.asks, *beside], one.free + other.free).limits)
    alone = dict(allocate(one.asks, one.free).limits)
    apart = {box + boxes: ma for box, ma in allocate(other.asks, other.free).limits}
    assert both == alone | apart


@given(trees(priorities=(1, 1, 2)), st.sampled_from([0, 300]))
def test_fixed_point_to_feed_the_result_back_changes_nothing(tree, grace_ma):
    grace = [grace_ma] * 3 + [0] * (len(tree.free) - 3)
    first = allocate(tree.asks, tree.free, grace)
    got = dict(first.limits)
    again = [replace(ask, runs=ask.box in got, held=ask.box in got) for ask in tree.asks]
    second = allocate(again, tree.free, grace)
    assert dict(second.limits) == got
    exactly = [replace(ask, high_ma=got[ask.box]) for ask in again if ask.box in got]
    assert dict(allocate(exactly, tree.free, grace).limits) == got


@given(trees(priorities=(1, 1, 2)))
def test_whoever_is_held_below_its_highest_or_waits_is_told_the_node_that_does_it(tree):
    allocation = allocate(tree.asks, tree.free)
    rest = left(tree.asks, tree.free, allocation)
    bound = dict(allocation.bound_by)
    currents = dict(allocation.limits)
    assert set(bound) == {*allocation.waiting, *(box for box, ma in allocation.limits if ma < tree.asks[box].high_ma)}
    for box, node in bound.items():
        ask = tree.asks[box]
        assert node in ask.nodes
        assert rest[node] < (ask.step_ma if box in currents else ask.low_ma) * ask.nodes.count(node)


def test_a_third_car_in_a_garage_is_paid_for_in_that_garage_alone():
    """Node 0..2: 60 A at the house; 3..5: 32 A of the front garage; 6..8: 32 A of the rear one."""
    free = [60_000] * 3 + [32_000] * 6
    front = [Ask(k, (*ALL, 3, 4, 5), 6_000, 16_000, 100) for k in range(3)]
    rear = Ask(3, (*ALL, 6, 7, 8), 6_000, 16_000, 100)
    assert dict(allocate([*front[:2], rear], free).limits) == {0: 16_000, 1: 16_000, 3: 16_000}
    allocation = allocate([*front, rear], free)
    assert dict(allocation.limits) == {0: 10_700, 1: 10_700, 2: 10_600, 3: 16_000}
    assert dict(allocation.bound_by) == {0: 3, 1: 3, 2: 3}


def test_a_circuit_below_another_is_bound_by_both():
    """32 A feed 13 A: whoever hangs on the 13 A shares them, and the others share what these leave of the 32 A."""
    free = [63_000] * 3 + [32_000] * 3 + [13_000] * 3
    inner = [Ask(k, (*ALL, 3, 4, 5, 6, 7, 8), 6_000, 32_000, 100) for k in range(2)]
    outer = Ask(2, (*ALL, 3, 4, 5), 6_000, 32_000, 100)
    allocation = allocate([*inner, outer], free)
    assert dict(allocation.limits) == {0: 6_500, 1: 6_500, 2: 19_000}
    assert dict(allocation.bound_by) == {0: 6, 1: 6, 2: 3}


def test_a_level_that_is_no_whole_number_is_found_without_rounding():
    """Three share 20 A and rise to 6.666… A; the fourth, with the third on 17 A, gets 10.333… A: 10.3 A, rounded once."""
    free = [20_000, 17_000]
    asks = [Ask(k, (0,), 6_000, 32_000, 100) for k in range(2)]
    asks += [Ask(2, (0, 1), 6_000, 32_000, 100), Ask(3, (1,), 6_000, 32_000, 100)]
    assert dict(allocate(asks, free).limits) == {0: 6_700, 1: 6_700, 2: 6_600, 3: 10_400}
