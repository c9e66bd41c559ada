"""Clauses B36 to B39: the same answers, however a box is read. What lives, such as a counter, is told apart and left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from chargebench.datasheets.model import Table
from chargebench.scenarios.clauses.asking import Span, Words, words_in
from chargebench.scenarios.clauses.end import read
from chargebench.scenarios.clauses.expect import spell
from chargebench.scenarios.clauses.model import Broken, NotApplicable
from chargebench.scenarios.clauses.subject import Subject, behaviour

_NO_VALUE = 0xFFFF

Told = dict[Span, Words | str]
"""What each span tells by itself, or how it is refused."""


async def _ask(box: Subject, span: Span) -> Words | str:
    """What is read of a span, or how it is refused."""
    await box.keep()
    reply = await box.ask(read(*span))
    found = words_in(span, reply.pdu)
    return str(reply) if found is None else found


def spans(box: Subject) -> list[Span]:
    """What can be read by itself: each register, and in their place the blocks that are read whole or not at all."""
    readable = [one for one in box.sheet.registers if one.readable and one.count <= box.sheet.max_read]
    return sorted({box.span(one.name) for one in readable})


async def _alone(box: Subject, order: Sequence[Span]) -> Told:
    return {span: await _ask(box, span) for span in order}


async def _steady(box: Subject) -> Told:
    """What each span tells by itself at rest, but for those that live: by themselves, or by what feeds the watchdog."""
    living = {box.span(name) for name in (box.dog.register, box.dog.left) if name}
    await box.settle(box.obey_us)
    order = spans(box)
    first, second = await _alone(box, order), await _alone(box, order)
    return {span: told for span, told in first.items() if second[span] == told and span not in living}


async def _in_any_order(box: Subject) -> None:
    told = await _steady(box)
    order = list(told)
    shuffled = order[1::2] + order[::-2]
    for passes in (order[::-1], shuffled, [span for span in order for _ in range(3)]):
        for span in passes:
            _same(span, await _ask(box, span), told[span], "read in another order")
    again = await _alone(box, order)
    for span in order:
        _same(span, again[span], told[span], "read once more")


def _same(span: Span, got: Words | str, due: Words | str, how: str) -> None:
    if got != due:
        raise Broken(f"{spell(read(*span))}, {how}", _say(due), _say(got))


def _say(told: Words | str) -> str:
    return told if isinstance(told, str) else " ".join(f"{word:04x}" for word in told)


def _runs(order: Sequence[Span], most: int, *, across: bool) -> Iterator[list[Span]]:
    """Spans of one table that one read covers: next to each other, or with unused addresses between them."""
    for first in range(len(order)):
        run = [order[first]]
        for span in order[first + 1 :]:
            table, at, _ = run[-1]
            end = at + run[-1][2]
            if span[0] != table or (span[1] != end and not across) or span[1] + span[2] - run[0][1] > most:
                break
            run.append(span)
        if len(run) > 1:
            yield run


def _given(box: Subject, told: Told) -> list[Span]:
    """The spans that are not refused, those that live among them."""
    return [span for span in spans(box) if not isinstance(told.get(span), str)]


async def _in_blocks(box: Subject) -> None:
    if box.sheet.reading.single or box.sheet.reading.blocks:
        raise NotApplicable("each of its values is read by itself")
    told = await _steady(box)
    runs = list(_runs(_given(box, told), box.sheet.max_read, across=False))
    if not runs:
        raise NotApplicable("no two of its values lie next to each other")
    for run in runs:
        await _one_read(box, run, told)


async def _one_read(box: Subject, run: list[Span], told: Told, filler: int = 0) -> None:
    """A read over several spans gives each what it gives alone, and ``filler`` between."""
    whole = _over(run)
    got = await _ask(box, whole)
    if isinstance(got, str):
        raise Broken(spell(read(*whole)), "what its values are alone", got)
    due = [filler] * whole[2]
    for span in run:
        place, alone = span[1] - whole[1], told.get(span)
        due[place : place + span[2]] = alone if isinstance(alone, tuple) else got[place : place + span[2]]
    _same(whole, got, tuple(due), f"{len(run)} values at once")


def _over(run: list[Span]) -> Span:
    table, first, _ = run[0]
    return table, first, run[-1][1] + run[-1][2] - first


async def _across_gaps(box: Subject) -> None:
    gaps = box.sheet.reading.gaps
    if gaps == "unknown":
        raise NotApplicable("the datasheet does not tell what a read across unused addresses gets")
    told = await _steady(box)
    runs = [run for run in _runs(_given(box, told), box.sheet.max_read, across=True) if _holes(run)]
    if not runs:
        raise NotApplicable("no unused addresses lie in reach of one read")
    for run in runs:
        if gaps == "refused":
            await _refused(box, run)
        else:
            await _one_read(box, run, told, 0 if gaps == "zero" else _NO_VALUE)


def _holes(run: list[Span]) -> bool:
    return any(one[1] + one[2] != other[1] for one, other in pairwise(run))


async def _refused(box: Subject, run: list[Span]) -> None:
    whole = _over(run)
    got = await _ask(box, whole)
    if not isinstance(got, str):
        raise Broken(spell(read(*whole)), "an exception", _say(got))


async def _both_tables(box: Subject) -> None:
    if not box.sheet.reading.shared:
        raise NotApplicable("functions 3 and 4 are not said to read the same")
    other: dict[Table, Table] = {"holding": "input", "input": "holding"}
    for (table, at, count), words in (await _steady(box)).items():
        span = (other.get(table, table), at, count)
        _same(span, await _ask(box, span), words, "by the other function")


CLAUSES = (
    behaviour(
        "B36",
        "A value is the same in whatever order it is read, once or again and again.",
        "openWB/core, modbusserver.py; pymodbus-dev/pymodbus#538",
        _in_any_order,
        severity="should",
    ),
    behaviour(
        "B37",
        "A value is the same alone and in any block that may be read.",
        "openWB/core#2890; the reading of its datasheet",
        _in_blocks,
        severity="should",
    ),
    behaviour(
        "B38",
        "A read across unused addresses gets what the datasheet tells: an exception, zeros or no value.",
        "OpenEMS/openems, evcs of the Webasto Next; openWB/core, modbusserver.py; the reading of its datasheet",
        _across_gaps,
        severity="should",
    ),
    behaviour(
        "B39",
        "Functions 3 and 4 read the same, where the datasheet tells so.",
        "openWB/core, modbusserver.py",
        _both_tables,
        severity="should",
    ),
)
