"""A slice of ``nox -s served``: 25 boxes and 10 meters on the network and on lines, each asked by its master all the time."""

from __future__ import annotations

import pytest

from tests.bench.served import BOXES, METERS, serve_and_ask

pytestmark = pytest.mark.serial
SECONDS = 3


def test_every_request_to_every_device_is_answered():
    came = serve_and_ask(SECONDS)
    assert (came.missed, came.status) == ({}, 0)
    assert len(came.devices) == BOXES + METERS
    assert [one.name for one in came.devices if not one.asked] == []
