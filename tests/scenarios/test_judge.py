"""The operators around a law: what each asks of truth over time, exact at the edges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.scenarios.laws.judge import Always, Finally, Judge, Never, Within

END = 100


def verdict(operator, *told):
    judge = Judge("law", operator)
    for at_us, truth in told:
        judge.tell(at_us, truth, f"{truth} at {at_us}")
    return judge.finish(END).first_us


@pytest.mark.parametrize(
    ("operator", "told", "first"),
    [
        pytest.param(Always(0, END), [(0, True)], None, id="always-kept"),
        pytest.param(Always(0, END), [(0, True), (40, False)], 40, id="always-broken-at-the-change"),
        pytest.param(Always(0, END), [(0, False), (40, True)], 0, id="always-broken-from-the-start"),
        pytest.param(Always(41, END), [(0, True), (30, False), (41, True)], None, id="always-looks-from-its-window-on"),
        pytest.param(
            Always(40, END), [(0, True), (30, False), (41, True)], 40, id="always-false-when-its-window-begins"
        ),
        pytest.param(Always(0, 39), [(0, True), (40, False)], None, id="always-stops-looking-before-the-change"),
        pytest.param(Always(0, 40), [(0, True), (40, False)], 40, id="always-window-includes-its-last-instant"),
        pytest.param(Always(0, END), [(0, True), (END, False)], END, id="always-end-of-run-belongs-to-it"),
        pytest.param(Never(0, END), [(0, False), (40, True), (41, False)], 40, id="never-for-one-microsecond"),
        pytest.param(Never(0, END), [(0, False), (40, True), (40, False)], None, id="what-lasts-no-time-never-was"),
        pytest.param(Never(0, END, 10), [(0, False), (40, True), (50, False)], None, id="never-longer-just-as-long"),
        pytest.param(Never(0, END, 10), [(0, False), (40, True), (51, False)], 50, id="never-longer-one-us-too-long"),
        pytest.param(Never(0, END, 10), [(0, True), (8, False), (9, True), (18, False)], None, id="pauses-count-apart"),
        pytest.param(Never(45, END, 10), [(0, False), (40, True), (55, False)], None, id="longer-counts-in-the-window"),
        pytest.param(
            Never(45, END, 10), [(0, False), (40, True), (56, False)], 55, id="longer-counts-from-the-window-on"
        ),
        pytest.param(
            Never(0, END, 10), [(0, True), (5, False), (5, True), (11, False)], 10, id="a-blink-does-not-divide"
        ),
        pytest.param(Within(50, 50), [(0, False), (50, True)], None, id="within-true-at-the-deadline"),
        pytest.param(Within(50, 50), [(0, False), (51, True)], 50, id="within-one-us-late"),
        pytest.param(Within(50, 50), [(0, True), (60, False)], None, id="within-does-not-look-further"),
        pytest.param(Within(50, 70), [(0, True), (60, False)], 60, id="within-until-to"),
        pytest.param(Within(50, 50), [(0, True), (50, False)], 50, id="within-lost-at-the-deadline"),
        pytest.param(Within(END, END), [(0, False), (END, True)], None, id="within-deadline-at-the-end"),
        pytest.param(Within(END, END), [(0, False)], END, id="within-deadline-at-the-end-missed"),
        pytest.param(Finally(), [(0, False), (99, True)], None, id="finally-true-at-the-end"),
        pytest.param(Finally(), [(0, True), (99, False)], END, id="finally-false-at-the-end"),
        pytest.param(Finally(), [(0, True), (END, False)], END, id="finally-the-last-instant-counts"),
    ],
)
def test_operator_finds_the_first_instant_at_which_it_is_broken(operator, told, first):
    assert verdict(operator, *told) == first


def test_verdict_tells_what_was_the_case_when_it_broke():
    judge = Judge("law", Always(0, END))
    judge.tell(0, True, "well")
    judge.tell(7, False, "a fuse opened")
    judge.tell(9, True, "well again")
    judge.tell(11, False, "another")
    found = judge.finish(END)
    assert (found.kept, found.first_us, found.because) == (False, 7, "a fuse opened")


@pytest.mark.parametrize(
    ("operator", "because"),
    [
        (Always(0, END), "one at 10"),
        (Always(25, END), "two at 20"),
        (Always(20, END), "two at 20"),
        (Always(19, END), "one at 10"),
        (Within(35, 35), "three at 30"),
        (Within(END, END), "three at 30"),
        (Finally(), "three at 30"),
    ],
)
def test_the_evidence_is_what_was_last_told_when_the_operator_looked(operator, because):
    judge = Judge("law", operator)
    judge.tell(0, True, "well")
    for at_us, number in ((10, "one"), (20, "two"), (30, "three")):
        judge.tell(at_us, False, f"{number} at {at_us}")
    assert judge.finish(END).because == because


def test_violation_is_reported_while_the_run_goes_and_once():
    heard = []
    judge = Judge("law", Always(0, END), on_break=lambda name, broken: heard.append((name, broken.at_us)))
    for at_us, truth in [(0, True), (7, False), (9, True), (11, False), (12, True)]:
        judge.tell(at_us, truth, "")
    assert heard == [("law", 7)]
    judge.finish(END)
    assert heard == [("law", 7)]


changes = st.lists(st.tuples(st.integers(1, END), st.booleans()), max_size=8).map(
    lambda tail: [(0, False), *sorted(tail, key=lambda one: one[0])]
)


def truth_at(told, instant):
    return [truth for at_us, truth in told if at_us <= instant][-1]


@given(told=changes, low=st.integers(0, END), length=st.integers(0, END))
def test_always_and_never_agree_with_looking_at_every_microsecond(told, low, length):
    high = min(low + length, END)
    wrong = [t for t in range(low, high + 1) if not truth_at(told, t)]
    right = [t for t in range(low, high + 1) if truth_at(told, t)]
    assert verdict(Always(low, high), *told) == (wrong[0] if wrong else None)
    assert verdict(Never(low, high), *told) == (right[0] if right else None)


@given(told=changes, deadline=st.integers(0, END))
def test_within_agrees_with_looking_at_the_deadline(told, deadline):
    assert (verdict(Within(deadline, deadline), *told) is None) == truth_at(told, deadline)
