"""One end of an in-memory TCP connection, as an asyncio transport.

It behaves as asyncio's transports over sockets do: ``close`` sends what is buffered, ``abort`` forgets it, and
with SO_LINGER (1, 0) resets the connection, so that nothing is sent again any more; after
``write_eof`` the other direction goes on; a reader that pauses fills the window, and a full window the writer's buffer,
whose high and low water pause and resume the writing protocol. Bytes arrive by events of the heap, never inside ``write``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextvars import Context
from typing import cast

from chargebench.emulator.trace import Channel
from chargebench.emulator.wires.ground import Ground, Pending, Ticket
from chargebench.emulator.wires.links import Path, Way
from chargebench.emulator.wires.options import SocketOptions

HIGH_WATER = 65_536
READ_MAX = 262_144

Address = tuple[str, int]


class Connection(asyncio.Transport):
    """One end.

    ``channel`` records what it sends (tx), what arrives (rx), its beginning (open), the other side's end of stream (end), its
    own (eof), and how it goes: close, rst (broken, by whomever), gone (without a word).
    """

    def __init__(  # noqa: PLR0913 built in one place only, from what that place knows
        self,
        loop: Ground,
        channel: Channel,
        out: Way,
        path: Path,
        *,
        here: Address,
        there: Address,
        context: Context,
        asks: bool,
        gone: Callable[[Connection], None],
    ) -> None:
        self._options = SocketOptions()
        super().__init__({"sockname": here, "peername": there, "socket": self._options})
        self.channel = channel
        self.context = context
        self.peer: Connection
        self._loop = loop
        self._out = out
        self._path = path
        self._asks = asks
        self._gone = gone
        self._protocol: asyncio.BaseProtocol | None = None
        self._request: Pending | None = None
        self._reading = False  # connection_made has been called
        self._paused = self._read_due = False
        self._closing = self._lost = False
        self._failure: OSError | None = None
        self._end_written = self._end_sent = self._end_came = False
        self._unsent = bytearray()
        self._untaken = 0  # bytes sent that the other end's protocol has not taken yet
        self._unread = bytearray()
        self._writing_paused = False
        self._high, self._low = HIGH_WATER, HIGH_WATER // 4
        self._heard_us = loop.env.now_us
        self._idle: Ticket | None = None

    def __repr__(self) -> str:
        state = "lost" if self._lost else "closing" if self._closing else "open"
        return f"<Connection {self.channel.name} {state}, {len(self._unsent)} unsent, {len(self._unread)} unread>"

    # ------------------------------------------------------------------ beginning

    def start(self, protocol: asyncio.BaseProtocol) -> None:
        """Give this end its protocol: it is told, and reads from then on."""
        self._protocol = protocol
        self._record("open")
        self._soon(protocol.connection_made, self)
        if self._lost:
            self._soon(protocol.connection_lost, self._failure)
        else:
            self._soon(self._begin_reading)

    def _begin_reading(self) -> None:
        self._reading = True
        self.watch_idle()
        self._read_soon()

    def _soon(self, fn: Callable[..., object], *args: object) -> None:
        self._loop.call_soon(fn, *args, context=self.context)

    def _record(self, kind: str, data: bytes = b"") -> None:
        self.channel.record(self._loop.env.now_us, kind, data)

    # ------------------------------------------------------------------ protocol and state

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return cast("asyncio.BaseProtocol", self._protocol)

    def is_closing(self) -> bool:
        return self._closing

    @property
    def lost(self) -> bool:
        """This end is no more."""
        return self._lost

    # ------------------------------------------------------------------ writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data is bytes-like, not {type(data).__name__}")
        if self._end_written:
            raise RuntimeError("cannot write after write_eof()")
        if self._lost or not data:
            return
        if self._asks:
            self._answered()
            self._request = self._loop.asked(self.channel.name, "an answer")
        if not self._unsent and self._untaken + len(data) <= self._path.link.window:
            self._send(bytes(data))
            return
        self._unsent += data
        self._pump()
        if len(self._unsent) > self._high and not self._writing_paused:
            self._writing_paused = True
            cast("asyncio.Protocol", self._protocol).pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._closing and not self._end_written:
            self._end_written = True
            self._pump()

    def get_write_buffer_size(self) -> int:
        return len(self._unsent)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if high is None:
            high = HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high water {high} is at or above low water {low}, and neither is below 0")
        self._high, self._low = high, low

    def _pump(self) -> None:
        """Send what the window allows, and what had to wait for the buffer to run empty."""
        unsent = self._unsent
        while unsent and (room := self._path.link.window - self._untaken) > 0:
            data = bytes(unsent[:room])
            del unsent[: len(data)]
            self._send(data)
        if self._writing_paused and len(unsent) <= self._low:
            self._writing_paused = False
            self._soon(cast("asyncio.Protocol", self._protocol).resume_writing)
        if unsent:
            return
        if self._closing and not self._lost:
            self._leave(None)
        elif self._end_written and not self._end_sent:
            self._send_end()

    def _send(self, data: bytes) -> None:
        self._untaken += len(data)
        self.channel.record(self._loop.env.now_us, "tx", data)
        self._out.send(data)

    def _send_end(self) -> None:
        self._end_sent = True
        self._record("eof")
        self._out.send_end()

    def taken(self, count: int) -> None:
        """The other end's protocol has taken ``count`` bytes: the window opens, one latency later."""
        self._untaken -= count
        if self._unsent and not self._lost:
            self._loop.env.after(self._path.link.latency_us, self._pump_if_there)

    def _pump_if_there(self) -> None:
        if not self._lost:
            self._pump()

    # ------------------------------------------------------------------ reading

    def pause_reading(self) -> None:
        if self.is_reading():
            self._paused = True

    def resume_reading(self) -> None:
        if self._paused and not self._closing:
            self._paused = False
            self._read_soon()

    def is_reading(self) -> bool:
        return not self._closing and not self._paused

    def arrived(self, data: bytes) -> None:
        """For the way alone."""
        if self._lost:
            self._out.send_reset()
            return
        now_us = self._loop.env.now_us
        self.channel.record(now_us, "rx", data)
        if self._request is not None:
            self._answered()
        self._heard_us = now_us
        if self._idle is None and self._path.link.idle_close_us:
            self.watch_idle()
        waits = self._unread or self._read_due or self._path.link.merge_us
        if waits or not self._reading or self._closing or self._paused:
            self._unread += data
            self._read_soon()
        else:  # as it nearly always is: the protocol takes all of it, at once
            self.peer.taken(len(data))
            self.context.run(self._feed, data)

    def ended(self) -> None:
        """For the way alone."""
        if not self._lost:
            self._record("end")
            self._answered()
            self._end_came = True
            self._read_soon()

    def broken(self, failure: OSError) -> None:
        """For the way alone."""
        if not self._lost:
            self._record("rst")
            self._unread.clear()
            self._drop(failure)

    def _answered(self) -> None:
        if self._request is not None:
            self._request.done()
            self._request = None

    def _read_soon(self) -> None:
        if self._read_due or not (self._unread or self._end_came) or not self._reading or self._closing or self._paused:
            return
        self._read_due = True
        if self._unread and (merge_us := self._path.link.merge_us):
            self._loop.env.after(merge_us, self._soon, self._read)
        else:
            self._soon(self._read)

    def _read(self) -> None:
        self._read_due = False
        if self._closing or self._paused:
            return
        if self._unread:
            data = bytes(self._unread[:READ_MAX])
            del self._unread[: len(data)]
            self.peer.taken(len(data))
            self._feed(data)
            if self._unread or self._end_came:
                self._read_soon()
        elif self._end_came:
            self._end_came = False
            if not cast("asyncio.Protocol", self._protocol).eof_received():
                self.close()

    def _feed(self, data: bytes) -> None:
        protocol = self._protocol
        if not isinstance(protocol, asyncio.BufferedProtocol):
            cast("asyncio.Protocol", protocol).data_received(data)
            return
        while data and not self._lost:
            buffer = memoryview(protocol.get_buffer(len(data)))
            size = min(len(buffer), len(data))
            if not size:
                raise RuntimeError("get_buffer() returned an empty buffer")
            buffer[:size] = data[:size]
            protocol.buffer_updated(size)
            data = data[size:]

    # ------------------------------------------------------------------ ending

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            if not self._unsent:
                self._leave(None)

    def abort(self) -> None:
        self._unsent.clear()
        if not self._lost and not self._options.lingers:
            self._record("rst")
            self._out.forget()
            self._out.send_reset()
            self._drop(None)
        elif not self._lost:
            self._closing = True
            self._leave(None)

    def reset(self) -> None:
        """Break the connection here and, if the way is free, there."""
        if not self._lost:
            self._record("rst")
            self._out.send_reset()
            self._drop(ConnectionResetError(104, "connection reset by peer"))

    def vanish(self, *, silent: bool) -> None:
        """This end is gone without a word to the other, which learns of it from a reset when it writes, or never."""
        if not self._lost:
            self._record("gone")
            self.peer.strand(silent=silent)
            self._drop(None)

    def forget(self) -> None:
        """For the net alone: the run is over."""
        self._closing = self._lost = True
        self._protocol = None

    def strand(self, *, silent: bool) -> None:
        """Nobody is at the other end any more; with ``silent``, nothing there will say so."""
        self._out.dead_end = silent

    def _leave(self, failure: OSError | None) -> None:
        """Give the connection up as a socket does that is closed: a reset where something is left unread."""
        self._record("close")
        if self._unread:
            self._out.send_reset()
        elif not self._end_sent:
            self._out.send_end()
        self._drop(failure)

    def _drop(self, failure: OSError | None) -> None:
        self._closing = self._lost = True
        self._failure = failure
        self._unsent.clear()
        self._answered()
        if self._idle is not None:
            self._idle.cancel()
        self._gone(self)
        if self._protocol is not None:
            self._soon(self._protocol.connection_lost, failure)

    # ------------------------------------------------------------------ idle

    def watch_idle(self) -> None:
        """Close this end when it has heard nothing for as long as the link says, if it is the server's end."""
        idle_us = self._path.link.idle_close_us
        if not self._asks and idle_us and not self._lost:
            self._idle = self._loop.env.at(self._heard_us + idle_us, self._check_idle)

    def _check_idle(self) -> None:
        self._idle = None
        idle_us = self._path.link.idle_close_us
        if idle_us and self._loop.env.now_us - self._heard_us >= idle_us:
            self.close()
        else:
            self.watch_idle()
