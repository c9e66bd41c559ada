"""Planted bugs in tier register: a master without bytes that forgets what can happen to them, each caught by the law of its way."""

from __future__ import annotations

import pytest

from chargebench.emulator.straight import Straight
from chargebench.emulator.straight_line import StraightLine
from chargebench.scenarios.register.line_master import LineMaster
from chargebench.scenarios.register.straight_master import StraightMaster
from tests.scenarios.test_image_line import Play
from tests.scenarios.test_image_link import play


def forgets_who_is_late(self, _number, _unit, pdu):
    """Takes whatever answer comes for that to the request that is open."""
    self.byte_us = self._reel.now_us
    if self._request is not None and self._image is not None:
        self._done(self._image.outcome(pdu, self.byte_us))


@pytest.mark.parametrize(
    ("owner", "name", "bug", "story", "turnaround_us"),
    [
        (Straight, "_taken", lambda _: True, [(3_000_400, "there shut"), (3_500_000, "open")], 20_000),
        (Straight, "clear", property(lambda _: True), [(2_000_000, "thin")], 20_000),
        (StraightMaster, "as_bytes", lambda *_: None, [(3_010_000, "back shut"), (3_200_000, "open")], 20_000),
        (StraightMaster, "answered", forgets_who_is_late, [], 1_400_000),
    ],
    ids=["hole on the way", "way that is slow", "inlet not told", "late answer"],
)
def test_a_link_without_bytes_that_forgets_something_is_caught(monkeypatch, owner, name, bug, story, turnaround_us):
    wire = play(story, turnaround_us, straight=False)
    assert play(story, turnaround_us, straight=True) == wire
    monkeypatch.setattr(owner, name, bug)
    assert play(story, turnaround_us, straight=True) != wire


@pytest.mark.parametrize(
    ("owner", "name", "bug", "story", "turnaround_us"),
    [
        (StraightLine, "_undisturbed", lambda *_: True, [(0, "noise")], 0),
        (StraightLine, "used", property(lambda _: False), [(3_000_000, "the master starts anew")], 480_000),
        (StraightLine, "_remember", lambda _: None, [(9_168, "the master starts anew")], 0),
        (LineMaster, "_doubts", lambda _: False, [(3_000_000, "speechless"), (3_600_000, "hears")], 20_000),
        (LineMaster, "close", lambda self, *, abort=False: super(LineMaster, self).close(abort=abort), [(5_000, "the master starts anew")], 0),
    ],
    ids=["noise", "who asked before", "a frame that goes on", "suspects", "what is under way"],
)  # fmt: skip
def test_a_line_without_bytes_that_forgets_something_is_caught(monkeypatch, owner, name, bug, story, turnaround_us):
    wire = Play(turnaround_us, straight=False).run(story)
    assert Play(turnaround_us, straight=True).run(story) == wire
    monkeypatch.setattr(owner, name, bug)
    try:
        other = Play(turnaround_us, straight=True).run(story)
    except IndexError:
        return
    assert other != wire
