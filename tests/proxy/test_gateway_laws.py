"""Laws of the gateway, whatever clients, units and the line do: drawn by hypothesis, on a clock of its own."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.adu import unpack_rtu
from chargebench.manager.links.pace import Pace
from chargebench.manager.proxy.gateway import Action, ToClient, ToLine
from tests.proxy.lines import Bench, Units, read, write

HABITS = ("prompt", "dead", "late", "just late", "twice", "spoilt", "noise", "stranger", "pieces", "refuses")
OWN = (0x06, 0x0A, 0x0B)
KINDS = ("read", "read four", "inputs", "write", "write there", "write some", "unknown")


def pdu_of(kind: str, number: int) -> bytes:
    """A request like no other, though its answer may look like another's."""
    return {
        "read": read(number),
        "read four": read(number, 4),
        "inputs": read(number, 1, 4),
        "write": write(5, number),
        "write there": write(number, 1),
        "write some": struct.pack(">BHHBH", 16, number, 1, 2, 7),
        "unknown": struct.pack(">BH", 0x41, number),
    }[kind]


@dataclass(frozen=True)
class Does:
    """What happens next: ``what`` and, for a request, who asks which unit what kind of thing; then so much time passes."""

    what: str
    client: int
    unit: int
    kind: str
    after_us: int


DOES = st.builds(
    Does,
    st.sampled_from(("ask",) * 12 + ("leave", "down", "close", "garbage")),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(KINDS),
    st.sampled_from((0, 0, 0, 5_000, 60_000, 600_000, 3_000_000)),
)


class Watched(Bench):
    """A bench that knows which client is there, and what may be on the line."""

    def __init__(self, habits: list[str]) -> None:
        super().__init__(Units(habits), Pace(answer_us=450_000, retries=1))
        self.left: set[int] = set()
        self.offline = False

    def act(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, ToLine):
                adu = unpack_rtu(action.data)
                assert adu is not None
                open_ = [
                    token
                    for token, (client, unit, pdu) in self.asked.items()
                    if token not in self.answers and client not in self.left and (unit, pdu) == (adu.unit, adu.pdu)
                ]
                assert open_, "sent what no client waits for"
                assert not self.offline, "sent while there is no line"
            elif isinstance(action, ToClient):
                assert action.client not in self.left, "answered somebody who has gone"
                assert action.token not in self.answers, "answered twice"
        super().act(actions)

    def do(self, step: Does, number: int) -> None:
        if step.what == "ask":
            self.ask(10 * step.client + self.lives(step.client), step.unit, pdu_of(step.kind, len(self.asked)))
        elif step.what == "leave":
            client = 10 * step.client + self.lives(step.client)
            self.left.add(client)
            self.act(self.gateway.gone(client, self.now_us))
        elif step.what == "garbage":
            self.arrive(0, bytes((number * 37 + k * 11) % 251 for k in range(1 + number % 9)))
        elif step.what == "down":
            self.offline = True
            self.act(self.gateway.down(self.now_us))
        if step.what != "down" and self.offline:
            self.offline = False
            self.act(self.gateway.opened(self.now_us))
        self.run(self.now_us + step.after_us)

    def lives(self, client: int) -> int:
        """The how-manieth connection this is."""
        return sum(one // 10 == client for one in self.left) % 10

    def judge(self) -> None:
        for token, (client, unit, pdu) in self.asked.items():
            if client in self.left:
                continue
            answer = self.only(token)
            if answer[0] & 0x80:
                assert len(answer) == 2
                assert answer[1] in {*OWN, 4}
            else:
                assert self.units.given[bytes((unit,)) + answer] == bytes((unit,)) + pdu, "an answer to another request"


@given(st.lists(DOES, min_size=1, max_size=30), st.lists(st.sampled_from(HABITS), max_size=30))
def test_every_request_gets_one_answer_that_is_its_own_unless_its_client_has_gone(steps: list[Does], habits: list[str]):
    bench = Watched(habits)
    for number, step in enumerate(steps):
        bench.do(step, number)
    if bench.offline:
        bench.do(Does("open", 1, 1, "", 0), 0)
    bench.run()
    bench.judge()
    assert bench.gateway.quiet


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=60))
def test_requests_of_one_client_to_one_unit_keep_their_order_and_nobody_waits_for_more_than_a_round(asked):
    bench = Bench()
    for number, (client, unit) in enumerate(asked):
        bench.ask(client, unit, read(number))
    bench.run()
    order = [int.from_bytes(frame[2:4], "big") for _, frame in bench.sent]
    assert sorted(order) == list(range(len(asked)))
    lanes: dict[tuple[int, int], list[int]] = {}
    for number in order:
        lanes.setdefault(asked[number], []).append(order.index(number))
    for (client, unit), lane in lanes.items():
        own = [one for one in order if asked[one] == (client, unit)]
        assert own == sorted(own)
        units = len({one for who, one in asked if who == client})
        clients = len({who for who, _ in asked})
        for before, after in pairwise(lane):
            assert after - before <= units * clients
        assert lane[0] <= units * clients


@given(st.lists(st.sampled_from(HABITS), max_size=12), st.integers(1, 3))
def test_a_write_is_sent_once_whatever_becomes_of_it(habits: list[str], units: int):
    bench = Bench(Units(habits))
    for value in range(8):
        bench.ask(1, 1 + value % units, write(8093, value))
    bench.run()
    frames = [frame for _, frame in bench.sent]
    assert len(frames) == len(dict.fromkeys(frames))
    assert len(bench.answers) == 8


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=20),
    st.lists(st.integers(0, 400_000), min_size=20, max_size=20),
)
def test_whatever_bytes_come_in_a_request_is_answered_within_its_deadlines(parts: list[bytes], after: list[int]):
    bench = Bench(Units(["dead"] * 50))
    for data, after_us in zip(parts, after, strict=False):
        bench.arrive(after_us, data)
    begun_us = bench.now_us
    token = bench.ask(1, 7, read(0))
    bench.run()
    assert len(bench.answers[token]) == 1
    assert bench.now_us - begun_us <= 3_000_000
