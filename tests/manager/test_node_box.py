"""A box that is told with others, and that asks for leave: what goes to whom, and what counts as heard."""

from __future__ import annotations

import asyncio

import pytest

from chargebench.datasheets.errors import BadInput
from chargebench.datasheets.load import load
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.drivers.registry import box_driver
from chargebench.manager.notes import Teller
from chargebench.manager.outcomes import Answer, NoAnswer, Rank
from chargebench.manager.rounds import BoxPoll
from chargebench.manager.shell import Crew, Links
from chargebench.manager.site import Box, SerialAddress
from tests.manager.house import site

AT = SerialAddress("COM1", 9600, 8, "N", 1)
STATE, SHOWN = Read("holding", 0, 1), Read("holding", 2, 1)


def node(name="garage", unit=2):
    return Box(name, "smartevse", AT, unit, (0, 1, 2))


class Line:
    """A line with one node that hears what it is told, or not."""

    def __init__(self):
        self.epoch, self.now_us = 1, 0
        self.hears = self.answers_writes = True
        self.state = self.shown = 0
        self.casts, self.writes = [], []

    async def _now(self, outcome):
        return outcome

    def cast(self, unit, to, write, rank):
        self.casts.append((unit, to, write.values, rank))
        if self.hears:
            self.shown = write.values[unit - 1]
        return self._now(Answer(self.now_us))

    def ask(self, unit, request, rank):
        assert rank is Rank.RAISE
        self.writes.append((unit, *request))
        return self._now(Answer(self.now_us) if self.answers_writes else NoAnswer())

    async def read(self, _unit, request):
        return Answer(self.now_us, (self.state if request == STATE else self.shown,))

    async def knock(self):
        return False

    def heard_us(self, _unit):
        return self.now_us


class Stage:
    """The master's part of one node, cycle by cycle."""

    def __init__(self):
        self.line = Line()
        self.notes: list[str] = []
        teller = Teller(lambda note: self.notes.append(note.kind), lambda: self.line.now_us)
        self.poll = BoxPoll(node(), box_driver("smartevse", load, 2), self.line, teller, None)

    @property
    def shown_ma(self):
        """The limit that the box shows."""
        assert self.poll.reading is not None
        return self.poll.reading.limit_ma

    def cycle(self, limit_ma=None):
        async def one():
            self.poll.begin(0, limit_ma)
            await self.poll.round()

        self.line.now_us += 3_000_000
        asyncio.run(one())
        return self.line.casts[-1] if self.line.casts else None


@pytest.mark.parametrize(
    ("unit", "limit_ma", "words"),
    [
        (1, 16_000, (160, 0, 0, 0, 0, 0, 0, 0)),
        (2, 6_099, (0, 60, 0, 0, 0, 0, 0, 0)),
        (8, 99_000, (0, 0, 0, 0, 0, 0, 0, 320)),
        (2, 0, (0,) * 8),
    ],
)
def test_it_hears_its_own_word_of_all(unit, limit_ma, words):
    assert box_driver("smartevse", load, unit).writes(limit_ma) == (Write(16, 32, words),)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="its unit id must be one of 1 to 8, got 9"):
        box_driver("smartevse", load, 9)
    with pytest.raises(ValueError, match="a limit is 0 or at least 6000 mA, got 5999 mA"):
        box_driver("smartevse", load).writes(5_999)


def test_a_limit_goes_to_the_unit_of_all_and_counts_once_the_box_shows_it():
    stage = Stage()
    stage.cycle()
    assert stage.cycle(10_000) == (2, 9, (0, 100, 0, 0, 0, 0, 0, 0), Rank.RAISE)
    assert stage.shown_ma == 10_000
    assert "confirmed" in stage.notes
    assert "answered" not in stage.notes, "nobody answers"


def test_a_cut_that_nobody_heard_is_sent_until_the_box_shows_it():
    stage = Stage()
    stage.cycle(10_000)
    stage.line.hears = False
    stage.cycle(6_000)
    assert stage.shown_ma == 10_000
    sent = len(stage.line.casts)
    assert stage.cycle() == (2, 9, (0, 60, 0, 0, 0, 0, 0, 0), Rank.CUT)
    assert len(stage.line.casts) > sent
    stage.line.hears = True
    stage.cycle()
    assert stage.shown_ma == 6_000


def test_it_is_fed_by_its_limit_in_a_third_of_its_time():
    stage = Stage()
    stage.cycle(10_000)
    before = len(stage.line.casts)
    for _ in range(10):
        stage.cycle()
    assert len(stage.line.casts) - before >= 30 // 4


@pytest.mark.parametrize(("state", "answer"), [(4, 5), (6, 7)])
def test_a_box_that_asks_for_leave_is_given_it_where_there_is_current_for_it(state, answer):
    stage = Stage()
    stage.cycle()
    stage.line.state = state
    stage.cycle()
    stage.cycle(0)
    assert stage.line.writes == []
    stage.cycle(6_000)
    assert stage.line.writes == [(2, 16, 0, (answer, 0))]
    stage.line.state = 2
    stage.cycle()
    assert len(stage.line.writes) == 1


def test_a_box_that_does_not_answer_to_its_leave_is_silent():
    stage = Stage()
    stage.cycle(6_000)
    stage.line.state = 6
    stage.line.answers_writes = False
    stage.cycle()
    assert "silent" in stage.notes


def test_two_of_them_on_a_line_would_hear_each_others_limits():
    teller = Teller(lambda _note: None, lambda: 0)

    def crew(*boxes):
        where = site(*boxes)
        return Crew(where, Links(where, {}, teller), teller, load, None)

    with pytest.raises(BadInput, match=r"carport.*a line of its own: what tells it its limit tells garage, too"):
        crew(node(), node("carport", 3))
    assert len(crew(node()).boxes) == 1
