"""How boxes are told on how many phases to charge: by their sheets, in a site file, and within a round."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.datasheets.forms import fill
from chargebench.datasheets.load import load
from chargebench.datasheets.yamlfile import parse_yaml
from chargebench.manager.drivers.base import Read, Write
from chargebench.manager.drivers.phases import PhaseSwitch, unswitchable
from chargebench.manager.notes import Teller
from chargebench.manager.outcomes import Answer, NoAnswer, Refusal
from chargebench.manager.pacing import Pacing
from chargebench.manager.phases_file import able
from chargebench.manager.site_file import SiteForm, build
from chargebench.manager.turning import Turning

SECOND = 1_000_000
SOURCE, ONE, THREE = Write(6, 5050, (3,)), Write(6, 5052, (0,)), Write(6, 5052, (1,))
KEBA = PhaseSwitch(load("keba-p40"))
BRAIN = PhaseSwitch(load("power-brain"))


@pytest.mark.parametrize(
    ("device", "one", "three", "minutes"),
    [
        ("power-brain", (Write(6, 8087, (1,)),), (Write(6, 8087, (0,)),), 2),
        ("keba-p40", (SOURCE, ONE), (SOURCE, THREE), 5),
        ("vestel-evc04", (Write(6, 405, (0,)),), (Write(6, 405, (1,)),), 2),
        ("tinkerforge-warp", (Write(16, 3100, (0, 1)),), (Write(16, 3100, (0, 3)),), 2),
    ],
)
def test_a_box_is_told_as_its_sheet_says(device, one, three, minutes):
    switch = PhaseSwitch(load(device))
    assert (switch.writes(1), switch.writes(3), switch.takes_us) == (one, three, minutes * 60 * SECOND)


@pytest.mark.parametrize(
    ("relay", "released", "phases"), [(0, 0x300, 3), (1, 0x100, 1), (1, 0x200, None), (7, 0x100, None)]
)
def test_a_box_shows_its_phases_where_its_owner_has_released_them(relay, released, phases):
    answers = {Read("holding", 8087, 1): (relay,), Read("holding", 8113, 1): (released,)}
    assert BRAIN.shown(answers) == phases


@pytest.mark.parametrize(
    ("device", "why"),
    [
        ("heidelberg-energy-control", "nobody knows how heidelberg-energy-control changes its phases"),
        ("mennekes-compact", "mennekes-compact does not show on how many phases it charges"),
        ("amperfied-connect", "amperfied-connect: phase_switch_control is unverified and must not be used"),
        ("keba-p30", ""),
    ],
)
def test_what_cannot_be_read_back_is_not_switched(device, why):
    assert unswitchable(load(device)) == why


def site(more, device="power-brain"):
    text = f"""\
connection: {{max_total_power: 34 kW}}
evses:
  - {{name: yard, device: {device}, at: "192.168.2.151:502"{more}}}
"""
    document = parse_yaml(text, "house.yaml")
    return build(fill(SiteForm, document), document)


def test_a_site_says_which_boxes_switch_phases():
    assert site("").boxes[0].switch_us is None
    assert site(", phase_switching: off").boxes[0].switch_us is None
    assert site(", phase_switching: on").boxes[0].switch_us == 120 * SECOND
    assert site(", phase_switching: on", "keba-p40").boxes[0].switch_us == 300 * SECOND


@pytest.mark.parametrize(
    ("device", "more", "says"),
    [
        ("openwb-series2", "", "expected off, since openwb-series2 does not show on how many phases it charges"),
        ("power-brain", ", phases: L1", "expected off, since the box is wired to fewer than three phases"),
    ],
)
def test_a_site_that_wants_what_a_box_cannot_is_told_so_in_a_sentence(device, more, says):
    with pytest.raises(BadFile) as caught:
        site(f"{more}, phase_switching: on", device)
    assert "house.yaml:3:" in str(caught.value)
    assert f"evses[0].phase_switching: {says}" in str(caught.value)


def test_the_sentence_names_boxes_that_can():
    assert {"power-brain", "keba-p30", "keba-p40"} <= set(able())


class Line:
    """A link at whose far end a box answers as told. ``now_us``: its clock."""

    epoch = 1

    def __init__(self, **answers):
        self.now_us = 0
        self.asked = []
        self.notes = []
        self.answers = answers

    async def ask(self, _unit, request, _rank):
        self.asked.append(request)
        return self.answers.get("write", Answer(self.now_us))

    async def read(self, _unit, request):
        return self.answers.get("read", {}).get(request.address, NoAnswer())

    def turning(self, switch, pacing=None):
        def note(one):
            self.notes.append((one.kind, *one.data))

        link: Any = self
        return Turning("yard", 1, switch, link, pacing or Pacing(), Teller(note, lambda: self.now_us))


def run(coroutine):
    return asyncio.run(coroutine)


def test_what_a_box_wants_time_between_is_written_one_after_the_other():
    line = Line()
    turning = line.turning(KEBA, Pacing(5 * SECOND))
    turning.order(1, "for a reason")
    went = []
    for line.now_us in (0, 3 * SECOND, 6 * SECOND, 9 * SECOND):
        assert run(turning.written()) is None
        went.append(len(line.asked))
    assert (line.asked, went) == ([SOURCE, ONE], [1, 1, 2, 2])
    assert not turning.waits
    assert line.notes == [("phases", ("phases", 1), ("why", "for a reason"))]


def test_nothing_is_written_any_more_once_it_is_told_a_limit_or_refuses():
    line = Line(write=Refusal(3))
    turning = line.turning(KEBA)
    turning.order(3, "")
    assert run(turning.written()) is None
    assert (line.asked, turning.waits) == ([SOURCE], False)
    assert line.notes[-1] == ("phases refused", ("code", 3))
    turning.order(3, "")
    turning.forget()
    assert run(turning.written()) is None
    assert len(line.asked) == 1


def test_a_box_that_does_not_answer_is_lost():
    line = Line(write=NoAnswer(), read={})
    turning = line.turning(BRAIN)
    turning.order(1, "")
    assert run(turning.written()) == NoAnswer()
    assert run(turning.read()) == NoAnswer()


def test_what_is_refused_is_not_known_and_a_change_is_told():
    def reads(relay, released=0x100):
        return {8087: Answer(1, (relay,)), 8113: Answer(1, (released,))}

    line = Line(read=reads(0))
    turning = line.turning(BRAIN)
    shown = []
    for answers in (reads(0), reads(1), reads(1, 0), {8087: Refusal(2)}):
        line.answers["read"] = answers
        assert run(turning.read()) is None
        shown.append(turning.shown)
    assert shown == [3, 1, None, None]
    assert line.notes == [("phases shown", ("phases", 1)), ("phases fixed",)]
