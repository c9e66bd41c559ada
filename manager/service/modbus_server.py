"""The manager's own Modbus TCP server: its internal EVSE, for whoever asks. Nothing can be written.

A client costs at most ``BURST`` answers in ``BREATH_S``; what it asks beyond that waits in its connection. One that does not
take its answers, asks nothing for long or sends what is no request loses its connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from chargebench.manager.proxy.answers import refusal
from chargebench.manager.proxy.mbap import Splitter, answer
from chargebench.manager.service.gate import Gate

CLIENTS: Final = 8
BURST: Final = 20
BREATH_S: Final = 0.1
IDLE_S: Final = 120.0
STUCK_S: Final = 30.0
UNITS: Final = (1, 0, 255)
"""The EVSE's unit, and those with which a client on TCP says that it means the device itself."""

NO_SUCH_UNIT: Final = 0x0B
_UNSENT_BYTES: Final = 4_096

Answers = Callable[[bytes], bytes]


def serve(gate: Gate, answers: Answers) -> list[Client]:
    """Let clients in at ``gate``; ``answers`` gives the response to the PDU of a request. The list holds those that are there."""
    clients: list[Client] = []
    gate.open(lambda: Client(gate, answers, clients))
    return clients


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, gate: Gate, answers: Answers, clients: list[Client]) -> None:
        self._gate = gate
        self._answers = answers
        self._clients = clients
        self._loop = asyncio.get_running_loop()
        self._asked = Splitter()
        self._began_s = 0.0
        self._given = 0
        self._rests = self._choked = False
        self._breath: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(_UNSENT_BYTES)
        self._clients.append(self)
        self._idle = self._loop.call_later(IDLE_S, self.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Over."""
        del exc
        for timer in (self._idle, self._breath, self._stuck):
            if timer is not None:
                timer.cancel()
        self._clients.remove(self)
        self._gate.ended()

    def data_received(self, data: bytes) -> None:
        """Answer what has come whole."""
        self._asked.feed(data)
        self._serve()

    def pause_writing(self) -> None:
        """It does not take its answers."""
        self._choked = True
        self._transport.pause_reading()
        self._stuck = self._loop.call_later(STUCK_S, self.abort)

    def resume_writing(self) -> None:
        """It takes them again."""
        if self._stuck is not None:
            self._stuck.cancel()
        self._choked = False
        self._go_on()

    def abort(self) -> None:
        """Let go at once."""
        self._transport.abort()

    def _serve(self) -> None:
        now_s, answered = self._loop.time(), False
        if now_s - self._began_s >= BREATH_S:
            self._began_s, self._given = now_s, 0
        while not self._held():
            one = self._asked.take()
            if one is None:
                break
            pdu = self._answers(one.pdu) if one.unit in UNITS else refusal(one.pdu, NO_SUCH_UNIT)
            self._transport.write(answer(one.transaction, one.unit, pdu))
            self._given += 1
            answered = True
            if self._given >= BURST:
                self._rest()
        if answered:
            self._idle.cancel()
            self._idle = self._loop.call_later(IDLE_S, self.abort)
        if self._asked.broken:
            self.abort()

    def _held(self) -> bool:
        return self._rests or self._choked

    def _rest(self) -> None:
        self._rests = True
        self._transport.pause_reading()
        self._breath = self._loop.call_later(BREATH_S, self._rested)

    def _rested(self) -> None:
        self._rests, self._breath = False, None
        self._go_on()

    def _go_on(self) -> None:
        """Answer what waits; read on, if nothing keeps it from that any more."""
        if self._held() or self._transport.is_closing():
            return
        self._serve()
        if not self._held() and not self._transport.is_closing():
            self._transport.resume_reading()
