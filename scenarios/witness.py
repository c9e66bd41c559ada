"""Who sees what goes in at a gateway and what comes out of it, and tells whether every answer belongs to its question.

An answer belongs to a question where the unit that was asked gave it, to this very request, since the question came; behind a
gateway that answers from memory also before. An exception that a gateway gives by itself belongs to any question. Whatever has no open
question is mixed up, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from chargebench.emulator.adu import Adu, MbapSplitter
from chargebench.emulator.events import Event
from chargebench.emulator.spec import GatewaySpec

OWN_EXCEPTIONS: Final = (0x04, 0x06, 0x0A, 0x0B)
KEPT: Final = 64


class Witness:
    """Of one gateway. ``tell`` is told of every answer that it gives: ``answer`` (client, mixed 0/1)."""

    def __init__(self, spec: GatewaySpec, tell: Callable[[Event], None]) -> None:
        self.prefix = f"tcp {spec.at.host}:{spec.at.port}>"
        self._name, self._tell = spec.name, tell
        self._remembers = spec.profile == "cached"
        self._given: dict[tuple[int, bytes], deque[tuple[int, bytes]]] = {}
        self._talks: dict[str, _Talk] = {}

    def answered(self, at_us: int, unit: int, request: bytes, answer: bytes | None) -> None:
        """A unit on the line has given an answer, or none, to a request."""
        if answer is not None:
            self._given.setdefault((unit, request), deque(maxlen=KEPT)).append((at_us, answer))

    def record(self, channel: str, at_us: int, kind: str, data: bytes) -> None:
        """Something was recorded of the gateway's end of a connection."""
        if kind not in {"rx", "tx"}:
            return
        talk = self._talks.get(channel)
        if talk is None:
            talk = self._talks[channel] = _Talk()
        if kind == "rx":
            talk.asked(data, at_us)
            return
        client = channel.removeprefix(self.prefix).partition("#")[0]
        for adu, question in talk.answered(data):
            mixed = question is None or not self._belongs(adu, *question)
            self._tell(Event(at_us, f"gateway {self._name}", "answer", (("client", client), ("mixed", int(mixed)))))

    def _belongs(self, answer: Adu, question: Adu, since_us: int) -> bool:
        if answer.pdu[0] & 0x80 and answer.pdu[1] in OWN_EXCEPTIONS and answer.pdu[0] & 0x7F == question.pdu[0]:
            return True
        if answer.unit != question.unit:
            return False
        given = self._given.get((question.unit, question.pdu), ())
        return any(pdu == answer.pdu and (self._remembers or at_us >= since_us) for at_us, pdu in given)


class _Talk:
    """One connection: its open questions by transaction id, each with when it came."""

    def __init__(self) -> None:
        self._in, self._out = MbapSplitter(), MbapSplitter()
        self._open: dict[int, deque[tuple[Adu, int]]] = {}

    def asked(self, data: bytes, at_us: int) -> None:
        self._in.feed(data)
        while (adu := self._in.take()) is not None:
            self._open.setdefault(adu.transaction, deque()).append((adu, at_us))

    def answered(self, data: bytes) -> list[tuple[Adu, tuple[Adu, int] | None]]:
        """Each answer with its question, None where nobody has asked."""
        self._out.feed(data)
        found: list[tuple[Adu, tuple[Adu, int] | None]] = []
        while (adu := self._out.take()) is not None:
            questions = self._open.get(adu.transaction)
            found.append((adu, questions.popleft() if questions else None))
        return found
