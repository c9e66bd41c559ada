"""Requests by the thousand from several clients to units that fail at random: not one answer is another's.

``CHARGEBENCH_EXAMPLES=500`` makes a million of them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

import pytest

from chargebench.emulator.streams import Stream, Streams
from chargebench.manager.proxy import gateway
from chargebench.manager.proxy.gateway import Action, ToClient
from chargebench.manager.proxy.wire import Wire
from tests.proxy.lines import PROMPT, Bench, Units, read, write

REQUESTS = 2_000 * int(os.environ.get("CHARGEBENCH_EXAMPLES", "1"))
FAULTS = ("dead", "late", "just late", "twice", "spoilt", "noise", "stranger", "pieces", "refuses")
CLIENTS = 6


class Faulty(Units):
    """Of twenty frames one meets with a fault."""

    def __init__(self, chance: Stream) -> None:
        super().__init__()
        self.chance = chance

    def answer(self, frame: bytes) -> list[tuple[int, bytes]]:
        self.habits = [FAULTS[self.chance.below(len(FAULTS))] if self.chance.below(20) == 0 else PROMPT]
        return super().answer(frame)


class Crowded(Bench):
    """Clients each of which has a few requests open, and asks the next when one is answered. ``said`` counts what they got."""

    def __init__(self, seed: int, requests: int, units: int = 4) -> None:
        streams = Streams(seed)
        self.chance = streams.stream("clients")
        self.left, self.units_there = requests, units
        self.said: Counter[str] = Counter()
        self.writes: Counter[bytes] = Counter()
        super().__init__(Faulty(streams.stream("units")))
        for client in range(CLIENTS):
            for _ in range(1 + client % 3):
                self.next(client)

    def next(self, client: int) -> None:
        if self.left:
            self.left -= 1
            token = self.left
            pdu = (read(token % 65_536, 1 + self.chance.below(3)), write(7, token % 65_536))[self.chance.below(5) == 0]
            unit = 1 + self.chance.below(self.units_there)
            self.asked[token] = client, unit, pdu
            self.act(self.gateway.request(client, token, unit, pdu, self.now_us))

    def act(self, actions: list[Action]) -> None:
        super().act(actions)
        for action in actions:
            if isinstance(action, ToClient):
                self.judge(action)
                self.next(action.client)

    def judge(self, action: ToClient) -> None:
        client, unit, pdu = self.asked.pop(action.token)
        (answer,) = self.answers.pop(action.token)
        assert client == action.client
        if answer[0] & 0x80:
            self.said["refused"] += 1
            return
        self.said["answered"] += 1
        made_for = self.units.given[bytes((unit,)) + answer]
        self.said["mixed"] += made_for != bytes((unit,)) + pdu


def test_not_one_answer_is_given_to_another_request():
    bench = Crowded(1, REQUESTS)
    bench.run()
    assert bench.said.total() - bench.said["mixed"] == REQUESTS
    assert bench.said["mixed"] == 0
    assert bench.said["answered"] > 0.8 * REQUESTS
    assert bench.asked == {}


def twice(sent: list[tuple[int, bytes]]) -> int:
    """How many writes went out more than once; each is like no other."""
    return sum(count - 1 for count in Counter(frame for _, frame in sent if frame[1] == 6).values())


def test_not_one_write_is_sent_twice():
    bench = Crowded(2, min(REQUESTS, 65_536))  # beyond it the same words are written again
    bench.run()
    assert twice(bench.sent) == 0


def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wire, "owe", lambda *_: None)


def without_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.Gateway, "_possible_us", lambda *_: 0)


@pytest.mark.parametrize("plant", [trusting, without_pace])
def test_a_gateway_that_trusts_whatever_comes_is_caught(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
):
    plant(monkeypatch)
    bench = Crowded(1, 2_000, units=1)
    bench.run()
    assert bench.said["mixed"] > 0


def test_a_gateway_that_repeats_writes_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gateway, "reads", lambda _pdu: True)
    bench = Crowded(2, 2_000)
    bench.run()
    assert twice(bench.sent) > 0
