"""Requests and answers that take the way of a serial line as values, as long as nothing can happen to their bytes.

They take the time that their bytes would: the characters of the request, the silence by which a slave knows that it is over,
its turnaround, the characters of the answer. Where more can happen (somebody else talks, hears everything or is set
otherwise, a frame is broken on purpose, an answer comes too late) the bytes are made after all, at whatever point the
exchange has come to, and they go on from there as all bytes do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chargebench.emulator.actions import Send
from chargebench.emulator.adu import Adu, pack_rtu
from chargebench.emulator.clock.env import SimEnv
from chargebench.emulator.framing import RtuEnd
from chargebench.emulator.reel import Reel
from chargebench.emulator.serve import LineNode
from chargebench.emulator.slave import Slave
from chargebench.emulator.wires.rs485 import Line, _Burst, _Busy, _Seat
from chargebench.emulator.wires.simbus.protocol_simbus import Serial

# ruff: noqa: SLF001  it looks into a line, its nodes and their ends, which know nothing of it

FRAME = 3
"""Bytes of an RTU frame around its PDU: unit and CRC."""


class Asker(Protocol):
    """Whoever asks over a line."""

    def as_bytes(self) -> None:
        """The exchange goes on as bytes from here on."""

    def answered(self, pdu: bytes) -> None:
        """The answer has come."""


@dataclass(slots=True)
class Exchange:
    """A request under way and its answer: who is asked for what, and when which part of it is over."""

    seat: _Seat
    node: LineNode
    end: RtuEnd
    slave: Slave
    unit: int
    pdu: bytes
    begun_us: int
    sent_us: int
    latest_us: int
    answer: bytes | None = None
    begins_us: int = 0
    ends_us: int = 0


class StraightLine:
    """A line, from a port on it: to one slave at a time, and back."""

    def __init__(self, reel: Reel, env: SimEnv, port: Serial, asker: Asker) -> None:
        self._reel, self._env = reel, env
        self._asker = asker
        self._port = port
        self._line: Line = port._line
        self._own = self._line._seats[port._node.name]
        self._now: Exchange | None = None
        self._last: Exchange | None = None

    @property
    def used(self) -> bool:
        """Whether anybody has ever sent anything on the line."""
        return self._line.last_end_us is not None or self._line.busy

    def send(self, unit: int, pdu: bytes, latest_us: int) -> bool:
        """Send a request, of which the answer is wanted before ``latest_us``; False where its bytes have to be made."""
        seat, line, now_us = self._alone(unit), self._line, self._env.now_us
        if seat is None:
            return False
        node = seat.node
        assert isinstance(node, LineNode)
        end = node._end
        assert isinstance(end, RtuEnd)
        sent_us = now_us + line.setting.time_us(FRAME + len(pdu))
        self._now = now = Exchange(seat, node, end, end._slave, unit, pdu, now_us, sent_us, latest_us)
        self._reel.at(sent_us, self._sent, now)
        return True

    def leave(self) -> None:
        """Whoever has asked is no more; what is on the line goes on as bytes."""
        self._remember()
        self._leave(ends=False)

    def _leave(self, *, ends: bool) -> None:
        """``ends``: what is being sent ends at this very call."""
        now, self._now = self._now, None
        if now is not None:
            self._become_bytes(now, ends)

    def _alone(self, unit: int) -> _Seat | None:
        """The one slave that hears a unit now, with nobody beside it but this port; None where it is not so simple."""
        line, own, port = self._line, self._own, self._port
        if self._now is not None or line._busy is not None or line.noise_ppm or line._delivering:
            return None
        if line.last_end_us is not None and self._env.now_us - line.last_end_us < line._t35_us:
            return None
        audience = line._audience(unit)
        if len(audience) != 2 or own not in audience or own.echo or own.burst is not None:
            return None
        if port._late_us or port._unread or own.setting is not line.setting:
            return None
        seat = audience[0] if audience[1] is own else audience[1]
        node = seat.node
        if not isinstance(node, LineNode) or node._wake is not None or seat.setting is not line.setting or seat.echo:
            return None
        end = node._end
        idle = isinstance(end, RtuEnd) and end._end_us is None and end._busy_us is None and seat.burst is None
        return seat if idle and end._slave.tamper is None else None

    def _undisturbed(self, now: Exchange) -> bool:
        """Whether what is on the line gets to whom it is for, and to nobody else."""
        line = self._line
        as_set = now.seat.setting is line.setting and self._own.setting is line.setting
        return as_set and not line.noise_ppm and not now.seat.cut and len(line._audience(now.unit)) == 2

    # -- what happens meanwhile -------------------------------------------------------------

    def _sent(self, now: Exchange) -> None:
        """The last bit of the request has ended."""
        if self._now is not now:
            return
        if not self._undisturbed(now):
            self._leave(ends=True)
            return
        self._last = now
        self._carried(now.begun_us, now.sent_us, FRAME + len(now.pdu))
        self._reel.at(now.sent_us + now.end._silence_us, self._judged, now)

    def _judged(self, now: Exchange) -> None:
        """The slave has seen that the request is over."""
        if self._now is not now:
            return
        line, slave, now_us = self._line, now.slave, self._env.now_us
        slave.heard(good=True)
        if slave.tamper is not None:
            self._now = None
            self._asker.as_bytes()
            now.node._do(now.end._exchange(Adu(now.unit, now.pdu), now.sent_us, now_us))
            return
        answer = slave.answer(now.unit, now.pdu, now_us, serial=True)
        if answer is None:
            self._now = None
            return
        now.answer = answer
        now.begins_us = max(now.sent_us + now.end._answer_us, now_us)
        now.ends_us = now.begins_us + line.setting.time_us(FRAME + len(answer))
        if now.ends_us >= now.latest_us:
            self.leave()
        else:
            self._reel.at(now.begins_us, self._answers, now)

    def _answers(self, now: Exchange) -> None:
        """The first bit of the answer begins."""
        if self._now is not now:
            return
        if self._undisturbed(now):
            self._reel.at(now.ends_us, self._answered, now)
        else:
            self.leave()

    def _answered(self, now: Exchange) -> None:
        """The last bit of the answer has ended."""
        if self._now is not now:
            return
        if not self._undisturbed(now):
            self._leave(ends=True)
            return
        self._now = None
        assert now.answer is not None
        self._carried(now.begins_us, now.ends_us, FRAME + len(now.answer))
        self._asker.answered(now.answer)

    def _carried(self, from_us: int, to_us: int, size: int) -> None:
        """The line has carried a burst."""
        line = self._line
        line.last_end_us = to_us
        line.stats.busy_us += to_us - from_us
        line.stats.bursts += 1
        line.stats.bytes += size

    # -- back to bytes ----------------------------------------------------------------------

    def _remember(self) -> None:
        """Have the line know its last burst, which may be part of a frame that goes on."""
        line, last = self._line, self._last
        if last is None or line.last_end_us not in {last.sent_us, last.ends_us}:
            return
        seat, begun_us, adu = self._own, last.begun_us, pack_rtu(last.unit, last.pdu)
        if last.answer is not None and line.last_end_us == last.ends_us:
            seat, begun_us, adu = last.seat, last.begins_us, pack_rtu(last.unit, last.answer)
        busy = _Busy(_Burst(seat, begun_us, adu, line.last_end_us), doubt=False)
        busy.data, busy.given = adu, line._audience(last.unit)
        line._frame = [busy]

    def _become_bytes(self, now: Exchange, ends: bool) -> None:
        """Put line and slave into the state in which they would be."""
        self._asker.as_bytes()
        now_us = self._env.now_us
        if now.answer is not None:
            adu = pack_rtu(now.unit, now.answer)
            if now.begins_us >= now_us:
                now.node._do([Send(adu, now.begins_us - now_us)])
            else:
                self._drive(now.seat, adu, now.begins_us, now.ends_us, ends)
            return
        adu = pack_rtu(now.unit, now.pdu)
        if (
            self._line.last_end_us == now.sent_us
        ):  # the line has carried it, and the slave has not seen yet that it is over
            now.node.received(now.sent_us, adu)
        else:
            self._drive(self._own, adu, now.begun_us, now.sent_us, ends)

    def _drive(self, seat: _Seat, adu: bytes, begun_us: int, end_us: int, ends: bool) -> None:
        """A node has been sending since ``begun_us``."""
        burst = seat.burst = _Burst(seat, begun_us, adu, end_us)
        busy = self._line._busy = _Busy(burst, doubt=False)
        self._line._frame.clear()
        if ends:
            self._line._end(burst, busy)
        else:
            self._env.at(end_us, self._line._end, burst, busy)
