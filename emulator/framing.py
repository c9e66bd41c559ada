"""The two ends of a slave: bytes and times in, actions out. ``TcpEnd`` for one connection, ``RtuEnd`` for one place on a line.

An RTU frame is what lies between two silences of 3.5 characters. The states of ``RtuEnd``:

    idle ── burst begins ──► hearing ── burst ends ──► waiting ── 3.5 characters of silence ──► idle, frame judged
                                 ▲                        │
                                 └──── burst begins ──────┘  (after more than 1.5 characters: the frame is spoilt)

A frame is judged once it is over: spoilt, too long, too short or with a wrong CRC it is counted and forgotten; so two
bursts less than 3.5 characters apart are one frame, and lost. An answer starts no earlier than 3.5 characters and the
device's own turnaround after the end of its request.
"""

from __future__ import annotations

from collections import deque

from chargebench.emulator.actions import Action, Close, Exchange, Send, settle
from chargebench.emulator.adu import (
    RTU_MAX,
    Adu,
    MbapSplitter,
    burst_us,
    one_adu,
    pack_mbap,
    pack_rtu,
    t15_us,
    t35_us,
    unpack_rtu,
)
from chargebench.emulator.slave import Slave

TRANSACTIONS_MAX = 16
STALL_US = 5_000_000


class TcpEnd:
    """One Modbus TCP connection to a slave.

    Requests are carried out in their order, each answer ``turnaround_us`` after its request or after the answer before
    it. At most 16 answers are owed at a time: what comes on top waits unread, ``full`` says that no more should be read,
    and ``advance`` goes on at ``next_us``. A message of which the rest does not come within ``stall_us`` ends the
    connection, so that a stream that lost its step cannot hang for ever.
    """

    def __init__(self, slave: Slave, *, turnaround_us: int = 0, stall_us: int = STALL_US) -> None:
        self._slave = slave
        self._turnaround_us = turnaround_us
        self._stall_us = stall_us
        self._splitter = MbapSplitter()
        self._owed: deque[int] = deque()
        self._free_us = 0
        self._half_since_us: int | None = None
        self._ended = False
        self._tampered = 0
        self.closed = False

    @property
    def full(self) -> bool:
        return len(self._owed) >= TRANSACTIONS_MAX

    @property
    def next_us(self) -> int | None:
        """When ``advance`` is due; None while nothing waits."""
        if self.closed:
            return None
        if len(self._owed) >= TRANSACTIONS_MAX:
            return self._owed[0]
        return None if self._half_since_us is None else self._half_since_us + self._stall_us

    def receive(self, data: bytes, now_us: int) -> list[Action]:
        if self.closed or self._ended:
            return []
        if not self._splitter.held and not self._fills(now_us) and (adu := one_adu(data)) is not None:
            return self._exchange(adu, now_us)  # as requests mostly come: one, and whole
        self._splitter.feed(data)
        return self.advance(now_us)

    def eof(self, now_us: int) -> list[Action]:
        """The client sends no more: it gets what it is owed, then the connection ends."""
        self._ended = True
        return self.advance(now_us)

    def advance(self, now_us: int) -> list[Action]:
        """Carry out what has come as far as answers may be owed, and notice what has waited too long."""
        actions: list[Action] = []
        while not self.closed and not self._fills(now_us):
            adu = self._splitter.take()
            if adu is None:
                if self._ended or self._splitter.held or self._splitter.broken:
                    return actions + self._pause(now_us)
                self._half_since_us = None
                return actions
            self._half_since_us = None
            actions += self._exchange(adu, now_us)
        return actions

    def _fills(self, now_us: int) -> bool:
        owed = self._owed
        while owed and owed[0] <= now_us:
            owed.popleft()
        return len(owed) >= TRANSACTIONS_MAX

    def _pause(self, now_us: int) -> list[Action]:
        """No whole message is left: end here, or wait for the rest."""
        if not self._splitter.held:
            self._half_since_us = None
        elif self._half_since_us is None:
            self._half_since_us = now_us
        stalled = self._half_since_us is not None and now_us >= self._half_since_us + self._stall_us
        if not (self._ended or self._splitter.broken or stalled):
            return []
        self.closed = True
        return [Close(max(0, self._free_us - now_us))]

    def _exchange(self, adu: Adu, now_us: int) -> list[Action]:
        answer = self._slave.answer(adu.unit, adu.pdu, now_us)
        if answer is None:
            return []
        self._free_us = max(self._free_us, now_us) + self._turnaround_us
        self._owed.append(self._free_us)
        send = Send(pack_mbap(Adu(adu.unit, answer, adu.transaction)), self._free_us - now_us)
        if self._slave.tamper is None:
            return [send]
        self._tampered += 1
        exchange = Exchange(now_us, adu.unit, adu.transaction, adu.pdu, answer, self._tampered)
        return settle(self._slave.tamper, exchange, (send,))


class RtuEnd:
    """A slave's place on a line.

    ``busy`` tells that a burst begins (its first start bit), ``receive`` that one has ended, with its bytes; without a
    ``busy`` before it, the burst is taken to have begun its own length earlier. ``tolerant`` is for ends that learn of
    bytes late and in pieces, as behind a USB adapter: pauses inside a frame are not judged, and only ``advance`` (a timer
    that ran out) ends a frame. ``silence_us`` replaces 3.5 characters as the end of a frame.
    """

    def __init__(
        self,
        slave: Slave,
        baud: int,
        character_bits: int = 11,
        turnaround_us: int = 0,
        *,
        tolerant: bool = False,
        silence_us: int | None = None,
    ) -> None:
        self._slave = slave
        self._baud, self._character_bits = baud, character_bits
        self._t15_us = t15_us(baud)
        self._silence_us = t35_us(baud) if silence_us is None else silence_us
        self._answer_us = max(turnaround_us, t35_us(baud))
        self._tolerant = tolerant
        self._frame = bytearray()
        self._spoilt = False
        self._busy_us: int | None = None
        self._end_us: int | None = None

    @property
    def next_us(self) -> int | None:
        """When ``advance`` is due; None while nothing runs out."""
        if self._busy_us is not None or self._end_us is None:
            return None
        return self._end_us + self._silence_us

    def busy(self, now_us: int) -> list[Action]:
        """A burst begins."""
        return [] if self._busy_us is not None else self._begin(now_us, now_us)

    def receive(self, data: bytes, now_us: int) -> list[Action]:
        """A burst has ended just now; ``data`` is what was understood of it."""
        begin_us = now_us - burst_us(len(data), self._baud, self._character_bits)
        actions: list[Action] = []
        if self._busy_us is None:
            actions = self._begin(begin_us, now_us)
        elif begin_us >= self._busy_us + self._silence_us and not self._tolerant:
            self._forget()
        self._frame += data[: RTU_MAX + 1 - len(self._frame)]
        self._busy_us, self._end_us = None, now_us
        return actions

    def advance(self, now_us: int) -> list[Action]:
        """Judge the frame if its silence is over."""
        due_us = self.next_us
        if due_us is None or now_us < due_us or self._end_us is None:
            return []
        frame, spoilt, end_us = bytes(self._frame), self._spoilt, self._end_us
        self._frame.clear()
        self._spoilt, self._end_us = False, None
        adu = None if spoilt else unpack_rtu(frame)
        self._slave.heard(good=adu is not None)
        return [] if adu is None else self._exchange(adu, end_us, now_us)

    def _begin(self, begin_us: int, now_us: int) -> list[Action]:
        actions: list[Action] = []
        if self._end_us is not None and not self._tolerant:
            if begin_us >= self._end_us + self._silence_us:
                actions = self.advance(now_us)
            elif begin_us > self._end_us + self._t15_us:
                self._spoilt = True
        self._busy_us = begin_us
        return actions

    def _forget(self) -> None:
        """What began last was never heard to its end: whatever frame it fell into is lost."""
        if self._frame:
            self._slave.heard(good=False)
        self._frame.clear()
        self._spoilt = False

    def _exchange(self, adu: Adu, end_us: int, now_us: int) -> list[Action]:
        answer = self._slave.answer(adu.unit, adu.pdu, now_us, serial=True)
        if answer is None:
            return []
        send = Send(pack_rtu(adu.unit, answer), max(0, end_us + self._answer_us - now_us))
        if self._slave.tamper is None:
            return [send]
        exchange = Exchange(now_us, adu.unit, None, adu.pdu, answer)
        return settle(self._slave.tamper, exchange, (send,))
