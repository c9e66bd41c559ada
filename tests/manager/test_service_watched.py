"""A controller that is looked at decides as it would alone."""

from __future__ import annotations

from chargebench.manager.controller import Controller
from chargebench.manager.readings import BoxReading, BoxView, Pilot, View
from chargebench.manager.service.watched import Watched
from chargebench.manager.shell import Learner, Stepping
from chargebench.manager.site import Box, Connection, Site, TcpAddress
from chargebench.manager.status import Status

AT = TcpAddress("192.168.2.151", 4701)
SITE = Site(Connection(14_500, 9_500), (Box("garage", "power-brain", AT, 1, (0, 1, 2)),))


def test_it_gives_current_in_the_steps_of_the_boxes():
    seen: list[Status] = []
    watched = Watched(SITE, Controller(SITE), seen.append)
    assert isinstance(watched, Stepping)
    watched.in_steps([1_000])
    assert [one.limit_ma for one in watched.cycle(0, View((BoxView(BoxReading(0, Pilot.B, 0)),)))] == [9_000]
    assert [status.cycle for status in seen] == [0]


def test_what_it_learns_is_handed_on_and_a_plain_controller_learns_nothing():
    class Plain:
        cycle_us = 3_000_000

        def cycle(self, n, view):
            del n, view
            return []

    assert isinstance(Watched(SITE, Controller(SITE), lambda _: None), Learner)
    plain = Watched(SITE, Plain(), lambda _: None)
    plain.in_steps([1_000])
    assert plain.sessions() == (None,)
