"""Requests and answers that take the way of a TCP connection as values, as long as nothing can happen to their bytes.

Each arrives at the instant at which its bytes would: behind what is under way, with the latency of the link and its chance,
after the turnaround of the slave. What a slave hears and says is the same. Where more can happen (a hole, a connection that
is gone, a server that reads no more, a frame that is broken on purpose) whoever asks makes the bytes after all, and they go
on from there as all bytes do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chargebench.emulator.adu import Adu, pack_mbap
from chargebench.emulator.reel import Reel
from chargebench.emulator.serve import SlaveProtocol
from chargebench.emulator.wires.links import Way
from chargebench.emulator.wires.tcp import Connection

# ruff: noqa: SLF001  it looks into the ends of a connection and its ways, which know nothing of it


class Asker(Protocol):
    """Whoever asks over a connection; ``number`` is the transaction of a request."""

    def as_bytes(self, number: int, unit: int) -> None:
        """The request, or its answer, goes on as bytes from here on."""

    def answered(self, number: int, unit: int, pdu: bytes) -> None:
        """An answer has come."""


class Straight:
    """One connection, from its client's end: there and back."""

    def __init__(self, env: Reel, client: Connection, slave: SlaveProtocol, asker: Asker) -> None:
        self._env = env
        self._asker = asker
        self._client, self._server = client, client.peer
        self._out, self._back = client._out, client.peer._out
        self._path = client._path
        self._protocol, self._end = slave, slave._end
        self._slave = slave._end._slave
        self._turnaround_us = slave._end._turnaround_us
        self._watched = slave._service.limits.idle_us is not None

    @classmethod
    def over(cls, env: Reel, client: Connection, asker: Asker) -> Straight | None:
        """The straight way over a connection; None where there is no slave of ours at its end."""
        protocol = client.peer.get_protocol()
        return cls(env, client, protocol, asker) if isinstance(protocol, SlaveProtocol) else None

    @property
    def clear(self) -> bool:
        """Whether a request may take it now."""
        link, out, client = self._path.link, self._out, self._client
        return not (
            link.hole_out
            or link.split
            or link.loss_permille
            or link.bandwidth_bps
            or link.merge_us
            or link.idle_close_us
            or out._waiting
            or out.dead_end
            or client._closing
            or client._unsent
        )

    def send(self, number: int, unit: int, pdu: bytes) -> None:
        """Send a request; what becomes of it is told to the asker."""
        self._take(self._out, self._there, number, unit, pdu)

    def _take(
        self, way: Way, arrive: Callable[[int, int, int, bytes], None], number: int, unit: int, pdu: bytes
    ) -> None:
        """Take a place on a way, and arrive in its turn. Where values go, a way asks nobody how long they are."""
        place = way._sent
        way._sent = place + 1
        self._env.at(way.arrival_us(0), arrive, place, number, unit, pdu)

    # -- what happens meanwhile -------------------------------------------------------------

    def _there(self, place: int, number: int, unit: int, pdu: bytes) -> None:
        now_us, end = self._env.now_us, self._end
        if not self._taken():
            self._asker.as_bytes(number, unit)
            adu = pack_mbap(Adu(unit, pdu, number))
            self._client._untaken += len(adu)
            self._out._land((place, adu))
            return
        if self._watched:
            self._protocol._heard_us = now_us
        answer = self._slave.answer(unit, pdu, now_us)
        if answer is None:
            return
        turnaround_us = self._turnaround_us
        if not turnaround_us and end._free_us <= now_us:
            end._free_us = now_us
            self._leaves(number, unit, answer)
            return
        end._fills(now_us)
        end._free_us = max(end._free_us, now_us) + turnaround_us
        end._owed.append(end._free_us)
        self._env.at(end._free_us, self._leaves, number, unit, answer)

    def _taken(self) -> bool:
        """Whether a request that arrives now is read and carried out at once."""
        link, out, server, protocol, end = self._path.link, self._out, self._server, self._protocol, self._end
        if link.hole_out or out._waiting or out.dead_end or server._lost or server._closing or server._paused:
            return False
        if server._unread or server._read_due or not server._reading or self._slave.tamper is not None:
            return False
        stopped = protocol._transport is None or protocol._deaf or protocol._stuffed or end.closed or end._ended
        return not (stopped or end._splitter.held or len(end._owed) > 1)

    def _leaves(self, number: int, unit: int, answer: bytes) -> None:
        """An answer leaves the slave, where its connection is still open."""
        server, back, link = self._server, self._back, self._path.link
        if self._protocol._transport is None or server._closing:
            return
        strange = link.hole_back or link.split or link.loss_permille or link.bandwidth_bps or link.merge_us
        if strange or back._waiting or back.dead_end or server._unsent or self._protocol._deaf:
            self._asker.as_bytes(number, unit)
            server.write(pack_mbap(Adu(unit, answer, number)))
            return
        self._take(back, self._came, number, unit, answer)

    def _came(self, place: int, number: int, unit: int, answer: bytes) -> None:
        client, back = self._client, self._back
        stopped = client._lost or client._closing or client._paused or client._unread or client._read_due
        if stopped or self._path.link.hole_back or back._waiting or back.dead_end or not client._reading:
            self._asker.as_bytes(number, unit)
            adu = pack_mbap(Adu(unit, answer, number))
            self._server._untaken += len(adu)
            back._land((place, adu))
            return
        self._asker.answered(number, unit, answer)
