"""A gateway between Modbus TCP and a serial line, as others build them: requests in, frames out, and the answers back. Sans-IO.

One request is on the line at a time:

    idle ── a request, and the pause is over ──► asked ── its answer ──► idle
                                                 │   ▲
                                                 └───┘ none in time, or one that cannot be read: the same again, while tries are left

What becomes of a request without an answer, whose turn is next and what is taken for an answer is in its ``Profile``. What
comes on the line while nothing is asked is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from chargebench.emulator.adu import RTU_MAX, RTU_MIN, Adu, burst_us, pack_mbap, pack_rtu, t35_us, unpack_rtu
from chargebench.emulator.gateway_profiles import NO_ANSWER, Profile

BUSY: Final = 0x06
QUEUE_MOST: Final = 256
KNOWN_MOST: Final = 1_024
BROADCAST: Final = 0
TURNAROUND_US: Final = 100_000
"""Left to those who heard a broadcast, which nobody answers."""

END_US: Final = 20_000
"""So long a silence ends an answer of a length that cannot be told."""

_READS: Final = (1, 2, 3, 4)
_COUNTED: Final = (1, 2, 3, 4, 23)
_ECHOES: Final = (5, 6, 15, 16)


class Forward(NamedTuple):
    """A frame for the line, now."""

    data: bytes


class Answer(NamedTuple):
    """Bytes for a client, now."""

    client: int
    data: bytes


class HangUp(NamedTuple):
    """A client's connection is to end, now."""

    client: int


Action = Forward | Answer | HangUp


@dataclass(slots=True, eq=False)
class _Request:
    client: int
    adu: Adu
    tries: int


class Gateway:
    """One gateway with its line. Clients are numbers; ``advance`` is due at ``next_us``. ``memory_us`` in place of its profile's."""

    def __init__(self, profile: Profile, baud: int, character_bits: int, memory_us: int | None = None) -> None:
        self._profile, self._baud, self._bits = profile, baud, character_bits
        self._t35_us = t35_us(baud)
        self._memory_us = profile.memory_us if memory_us is None else memory_us
        self._gap_us = max(profile.pause_us, self._t35_us)
        self._known: dict[tuple[int, bytes], tuple[int, bytes]] = {}
        self.forget()

    def forget(self) -> None:
        """It has restarted: nothing is under way, and nothing is known."""
        self._queue: list[_Request] = []
        self._head: _Request | None = None
        self._asked = False
        self._frame = bytearray()
        self._free_us = self._due_us = 0
        self._served = 0
        self._known.clear()

    @property
    def next_us(self) -> int | None:
        """When ``advance`` is due; None while nothing waits."""
        if self._asked:
            return self._due_us
        return self._free_us if self._head is not None or self._queue else None

    # -- clients --------------------------------------------------------------------------------------------------------

    def request(self, client: int, adu: Adu, now_us: int) -> list[Action]:
        """A client asks."""
        known = self._known.get((adu.unit, adu.pdu)) if self._memory_us else None
        if known is not None and now_us < known[0] + self._memory_us:
            return [_answer(client, adu, adu.unit, known[1])]
        if len(self._queue) >= QUEUE_MOST:
            return [_answer(client, adu, adu.unit, _exception(adu.pdu, BUSY))]
        self._queue.append(_Request(client, adu, self._profile.tries))
        return self._go_on(now_us, [])

    def gone(self, client: int) -> None:
        """A client's connection has ended."""
        if self._profile.forgets:
            self._queue = [one for one in self._queue if one.client != client]

    # -- the line -------------------------------------------------------------------------------------------------------

    def received(self, data: bytes, now_us: int) -> list[Action]:
        """Bytes came on the line."""
        if not self._asked:
            return []
        self._frame += data[: RTU_MAX + 1 - len(self._frame)]
        size = _size(self._frame)
        if size is None:
            self._due_us = now_us + END_US if len(self._frame) > RTU_MIN else self._due_us
            return []
        return self._judge(bytes(self._frame[:size]), now_us) if len(self._frame) >= size else []

    def advance(self, now_us: int) -> list[Action]:
        """Do what is due."""
        if not self._asked:
            return self._go_on(now_us, [])
        if now_us < self._due_us:
            return []
        return self._judge(bytes(self._frame), now_us) if self._frame else self._unanswered(now_us, spoilt=False)

    def _judge(self, frame: bytes, now_us: int) -> list[Action]:
        """A whole frame, or what has come of one."""
        head = self._head
        assert head is not None
        adu = unpack_rtu(frame)
        if adu is None:
            return self._unanswered(now_us, spoilt=True)
        asked = head.adu
        if self._profile.careful and (adu.unit != asked.unit or adu.pdu[0] & 0x7F != asked.pdu[0]):
            self._frame.clear()
            return [] if now_us < self._due_us else self._unanswered(now_us, spoilt=False)
        if self._memory_us and asked.pdu[0] in _READS and adu.pdu[0] == asked.pdu[0]:
            self._remember(asked, adu.pdu, now_us)
        return self._over(now_us, [_answer(head.client, asked, adu.unit, adu.pdu)])

    def _remember(self, asked: Adu, pdu: bytes, now_us: int) -> None:
        if len(self._known) >= KNOWN_MOST:
            self._known.clear()
        self._known[asked.unit, asked.pdu] = now_us, pdu

    def _unanswered(self, now_us: int, *, spoilt: bool) -> list[Action]:
        """No answer, or one that cannot be read."""
        head = self._head
        assert head is not None
        if head.tries:
            self._asked = False
            self._free_us = now_us + self._t35_us
            return self._go_on(now_us, [])
        if self._profile.hangs_up:
            self.gone(head.client)
            return self._over(now_us, [HangUp(head.client)])
        code = self._profile.spoilt if spoilt else NO_ANSWER
        return self._over(now_us, [_answer(head.client, head.adu, head.adu.unit, _exception(head.adu.pdu, code))])

    def _over(self, now_us: int, actions: list[Action]) -> list[Action]:
        self._head, self._asked = None, False
        self._free_us = now_us + self._gap_us
        return self._go_on(now_us, actions)

    def _go_on(self, now_us: int, actions: list[Action]) -> list[Action]:
        """Send what may be sent now."""
        while not self._asked and now_us >= self._free_us and (self._head is not None or self._queue):
            head = self._head or self._next()
            adu, head.tries = head.adu, head.tries - 1
            frame = pack_rtu(adu.unit, adu.pdu)
            actions.append(Forward(frame))
            sent_us = now_us + burst_us(len(frame), self._baud, self._bits)
            if adu.unit == BROADCAST:
                self._head, self._free_us = None, sent_us + TURNAROUND_US
                continue
            self._head, self._asked = head, True
            self._frame.clear()
            answer_us = burst_us(_expected(adu.pdu), self._baud, self._bits)
            self._due_us = sent_us + self._profile.answer_us + answer_us
        return actions

    def _next(self) -> _Request:
        """Whose turn it is."""
        place = 0
        if self._profile.turns:
            after = [k for k, one in enumerate(self._queue) if one.client > self._served]
            among = after or range(len(self._queue))
            place = min(among, key=lambda k: (self._queue[k].client, k))
        request = self._queue.pop(place)
        self._served = request.client
        return request


def _answer(client: int, asked: Adu, unit: int, pdu: bytes) -> Answer:
    return Answer(client, pack_mbap(Adu(unit, pdu, asked.transaction)))


def _exception(pdu: bytes, code: int) -> bytes:
    return bytes((pdu[0] | 0x80, code))


def _expected(pdu: bytes) -> int:
    """About how many bytes the frame of the answer has."""
    if pdu[0] in _COUNTED and len(pdu) >= 5:
        count = int.from_bytes(pdu[3:5], "big")
        return min(RTU_MAX, 5 + (-(-count // 8) if pdu[0] <= 2 else 2 * count))
    return 8


def _size(frame: bytearray) -> int | None:
    """How long the answer that begins so must be; None where that cannot be told (yet)."""
    if len(frame) < 3:
        return None
    function = frame[1]
    if function & 0x80:
        return RTU_MIN + 1
    if function in _COUNTED:
        return 5 + frame[2]
    if function in _ECHOES:
        return 8
    return None
