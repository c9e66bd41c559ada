"""How a site stands, in sentences, and when something may change by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargebench.manager.controller import CYCLE_US, HOLD_US, Controller
from chargebench.manager.readings import BoxReading, BoxView, Pilot, View
from chargebench.manager.site import Box, Connection, Site, TcpAddress
from chargebench.manager.status import BoxStatus, said_of, status_of

AT = TcpAddress("192.168.2.151", 4701)
BOX = BoxStatus("box-3", "C", limit_ma=16_000, why="its maximum")


@pytest.mark.parametrize(
    ("box", "said"),
    [
        (BOX, "box-3 may have 16 A: its maximum"),
        (replace(BOX, target_ma=15_900), "box-3 may have 16 A: its maximum"),
        (replace(BOX, limit_ma=0, why="no car"), "box-3 is off: no car"),
        (replace(BOX, limit_ma=0, target_ma=6_000, why="L2 is full"), "box-3 is to have 6 A: L2 is full"),
        (replace(BOX, target_ma=0, why="no car"), "box-3 is to be off: no car"),
        (replace(BOX, limit_ma=0, why="waits: L2 is full"), "box-3 waits: L2 is full, next change 02:41"),
        (
            replace(BOX, limit_ma=0, why="pauses before its next turn"),
            "box-3 pauses before its next turn, next change 02:41",
        ),
        (replace(BOX, why="may have 9 A once others have come down"), "box-3 may have 9 A once others have come down"),
        (replace(BOX, silent=True, why="silent, counted at 16 A"), "box-3: silent, counted at 16 A"),
        (BoxStatus("box-3", why="never reached, counted at 16 A"), "box-3: never reached, counted at 16 A"),
        (BoxStatus("box-3"), "box-3: never reached"),
        (replace(BOX, why=""), "box-3 may have 16 A"),
        (replace(BOX, why="", limit_ma=0), "box-3 is off"),
    ],
)
def test_each_box_is_a_sentence(box, said):
    assert said_of(box, "02:41") == said


def test_where_nothing_changes_by_itself_no_time_is_told():
    assert said_of(replace(BOX, limit_ma=0, why="waits: L2 is full"), "") == "box-3 waits: L2 is full"


def test_who_waits_is_told_when_a_turn_ends():
    boxes = tuple(Box(f"box{k}", "power-brain", AT, k, (0, 1, 2)) for k in (1, 2))
    site = Site(Connection(8_000, 11_000), boxes)
    control = Controller(site)
    before = status_of(site, control, 0, View((BoxView(), BoxView())), 0)
    assert (before.next_us, before.boxes[0].target_ma) == (None, None)
    limits = [0, 0]
    for n in range(60):
        view = View(tuple(BoxView(BoxReading(n * CYCLE_US, Pilot.C if ma else Pilot.B, ma, ma)) for ma in limits))
        for command in control.cycle(n, view):
            limits[command.box] = command.limit_ma
    status = status_of(site, control, 59, view, 59 * CYCLE_US)
    runs, waits = sorted(status.boxes, key=lambda box: box.why.startswith("waits"))
    assert (runs.target_ma, waits.target_ma, waits.why) == (11_000, 0, "waits: L1, L2 and L3 are full")
    assert status.next_us is not None
    assert HOLD_US - 60 * CYCLE_US <= status.next_us <= HOLD_US
    assert status.same(status_of(site, control, 60, view, 60 * CYCLE_US))
