"""What a house is counted with: at once where it rises, a minute later where it falls."""

from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.steady import SMALL_MA, STEADY_US, Steady

STEP_US = 3_000_000
A = 1_000


def counted(*levels, every_us=STEP_US):
    """What L1 counts with at each of these instants."""
    steady = Steady()
    return [steady.count((ma, 0, 0), k * every_us, [])[0] for k, ma in enumerate(levels)]


def test_a_rise_counts_at_once_and_a_fall_after_it_has_lasted():
    found = counted(4 * A, 14 * A, *[4 * A] * 30)
    assert found[:2] == [4 * A, 14 * A]
    assert found[2:22] == [14 * A] * 20
    assert found[22:] == [4 * A] * 10


def test_a_house_that_comes_back_in_time_counts_as_if_it_had_never_gone():
    assert set(counted(*([14 * A] * 7 + [4 * A] * 7) * 20)) == {14 * A}


def test_what_it_took_meanwhile_counts_when_the_rest_is_given_away():
    found = counted(14 * A, *[4 * A] * 10, 9 * A, *[4 * A] * 60)
    assert found[:21] == [14 * A] * 21
    assert found[21:41] == [9 * A] * 20
    assert found[41:] == [4 * A] * (len(found) - 41)


def test_a_small_fall_counts_at_once():
    assert counted(14 * A, 14 * A - SMALL_MA + 1, 14 * A - 2 * SMALL_MA) == [14 * A, 13_001, 13_001]


def test_what_was_known_is_forgotten_while_nobody_measures():
    steady = Steady()
    steady.count((14 * A, 0, 0), 0, [])
    steady.forget()
    assert steady.count((4 * A, 0, 0), STEP_US, []) == (4 * A, 0, 0)


def test_it_tells_when_it_is_to_be_asked_again():
    steady = Steady()
    due: list[int] = []
    steady.count((14 * A, 2 * A, 0), 0, due)
    steady.count((4 * A, 2 * A, 0), STEP_US, due)
    assert due == [STEP_US + STEADY_US]


@given(st.lists(st.integers(0, 40 * A), min_size=1, max_size=60))
def test_it_never_counts_less_than_what_is_and_never_more_than_the_most_of_the_last_two_minutes(levels):
    window = 2 * STEADY_US // STEP_US + 1
    for k, found in enumerate(counted(*levels)):
        assert levels[k] <= found <= max(levels[max(0, k - window) : k + 1])


@given(st.lists(st.integers(0, 40 * A), min_size=1, max_size=40), st.integers(2, 9))
def test_asking_it_only_when_something_changes_or_is_due_gives_the_same(levels, times):
    """So that a cycle in which nothing has changed may be left out."""

    def asked(*, always):
        steady, found, next_us = Steady(), [], 0
        for k in range(len(levels) * times):
            ma, now_us = levels[k // times], k * STEP_US
            if always or not k % times or now_us >= next_us:
                due: list[int] = []
                counts = steady.count((ma, 0, 0), now_us, due)[0]
                next_us = min(due, default=1 << 62)
            found.append(counts)
        return found

    assert asked(always=True) == asked(always=False)
