"""The answer of a study, in a sentence for each combination of what else varies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chargebench.scenarios.whatif.figures import FIGURES, show
from chargebench.scenarios.whatif.question import Question
from chargebench.scenarios.whatif.sums import Interval, Row


@dataclass(frozen=True, slots=True)
class Answer:
    """``sentence`` says it; ``row`` is the variation that will do, None where none does; ``sure``: so is its whole interval."""

    sentence: str
    row: Row | None
    sure: bool


def answers(question: Question, rows: Sequence[Row]) -> tuple[Answer, ...]:
    """One for each combination of the other things that vary, in the order of the rows."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(_others(question, row), []).append(row)
    return tuple(_answer(question, others, group) for others, group in groups.items())


def _others(question: Question, row: Row) -> str:
    return ", ".join(f"{one.knob} {one.amount.text}" for one in row.variation.settings if one.knob != question.knob)


def _answer(question: Question, others: str, group: Sequence[Row]) -> Answer:
    order = sorted(group, key=lambda row: _order(question, row), reverse=question.which == "largest")
    feasible = [row for row in order if not row.infeasible and question.figure in row.means]
    will_do = [row for row in feasible if question.holds(row.means[question.figure].mean)]
    begin = f"with {others}: " if others else ""
    left_out = [row for row in order if row.infeasible]
    skipped = f"; {_texts(question, left_out)} cannot be built, see check" if left_out else ""
    if not feasible:
        return Answer(f"{begin}nothing that could be built was counted{skipped}", None, sure=False)
    if not will_do:
        best = (max if question.least else min)(feasible, key=lambda row: row.means[question.figure].mean)
        sentence = f"{begin}no {question.knob} that was tried will do; {_says(question, best)} comes nearest{skipped}"
        return Answer(sentence, None, sure=False)
    found = will_do[0]
    before = feasible[: feasible.index(found)]
    sure = _sure(question, found.means[question.figure])
    sentence = f"{begin}{question.knob} {_says(question, found)} is the {question.which} that will do"
    if before:
        sentence += f"; {_says(question, before[-1])} will not"
    if not sure:
        sentence += "; more seeds would make it sure"
    return Answer(sentence + skipped, found, sure)


def _says(question: Question, row: Row) -> str:
    mean = row.means[question.figure]
    return f"{row.variation.text(question.knob)} ({question.figure} {spelled(question.figure, mean)})"


def spelled(name: str, mean: Interval) -> str:
    """A mean with its interval: ``96.3 %, 94.9 % to 97.5 %``."""
    middle = show(name, round(mean.mean))
    if mean.half is None:
        return middle
    low, high = bounds(name, mean)
    return f"{middle}, {show(name, round(low))} to {show(name, round(high))}"


def bounds(name: str, mean: Interval) -> tuple[float, float]:
    """The interval without what a figure cannot be."""
    low, high = mean.low, mean.high
    if name in FIGURES and not name.endswith("margin_ma"):
        low = max(0.0, low)
    return (low, min(1000.0, high)) if name in FIGURES and FIGURES[name].unit == "permille" else (low, high)


def _sure(question: Question, mean: Interval) -> bool:
    return mean.half is not None and question.holds(mean.low if question.least else mean.high)


def _texts(question: Question, rows: Sequence[Row]) -> str:
    return ", ".join(row.variation.text(question.knob) for row in rows)


def _order(question: Question, row: Row) -> int:
    return next(one.amount.order for one in row.variation.settings if one.knob == question.knob)
