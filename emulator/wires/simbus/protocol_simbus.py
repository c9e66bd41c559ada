"""A serial port of pyserial on a simulated line: ``simbus://COM1`` or ``simbus://COM1/name?rx_latency_us=16000&echo``.

``COM1`` is the line, ``name`` the port's name on it (``port`` where there is none). ``rx_latency_us``: how late the adapter
hands over what it has received; ``echo``: it hears itself. Baud rate and format are the port's own: where they differ from
the line's, both sides read garbage, as on a real line.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import parse_qs, urlsplit

import serial
from serial.serialutil import PortNotOpenError, SerialBase

from chargebench.emulator.wires.descriptors import Descriptors
from chargebench.emulator.wires.ground import Pending
from chargebench.emulator.wires.rs485 import Line, LineLoop
from chargebench.emulator.wires.uart import Setting

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

QUEUE_MAX = 4_096  # bytes that a port holds for the line, as a tty of Linux does
UNREAD_MAX = 65_536  # bytes that it holds for a reader; what comes then is lost, as there
OPTIONS = ("echo", "rx_latency_us")


class PortLoop(LineLoop, Protocol):
    """A loop with lines and with descriptors for their ports."""

    @property
    def descriptors(self) -> Descriptors:
        """The virtual descriptors."""


class _Adapter:
    """The port as the line sees it: a node that is given every byte."""

    hears = None

    def __init__(self, name: str, received: Callable[[bytes], None]) -> None:
        self.name = name
        self._received = received

    def line_busy(self, now_us: int) -> None:
        """A port hands over bytes and keeps no silence."""

    def received(self, now_us: int, data: bytes) -> None:  # noqa: ARG002 the heap tells the time
        self._received(data)


class Serial(SerialBase):
    """The port. It never blocks: reading gives what is there, whatever the timeout."""

    _loop: PortLoop
    _line: Line
    _node: _Adapter
    _late_us: int
    _fd: int
    _gone: bool
    _setting: Setting

    # ------------------------------------------------------------------ opening and closing

    def open(self) -> None:
        if self.is_open:
            raise self._trouble(errno.EBUSY, "the port is open already")
        url = urlsplit(str(self.port))
        options = parse_qs(url.query, keep_blank_values=True)
        if unknown := [name for name in options if name not in OPTIONS]:
            raise self._trouble(errno.EINVAL, f"unknown option {unknown[0]}, known are {', '.join(OPTIONS)}")
        late = options.get("rx_latency_us", ["0"])[0]
        if not (late.isascii() and late.isdigit()):
            raise self._trouble(errno.EINVAL, f"rx_latency_us is a whole number of microseconds, not {late!r}")
        self._late_us = int(late)
        self._loop, self._line = self._find(url.netloc)
        self._node = _Adapter(url.path.strip("/") or "port", self._take)
        self._setting = self._set_up()
        if self._node.name in self._line.pulled:
            raise self._trouble(errno.ENOENT, "its adapter is pulled out")
        try:
            self._line.attach(self._node, setting=self._setting, echo="echo" in options)
        except ValueError:
            raise self._trouble(errno.EBUSY, "the port is in use") from None
        self._unread = bytearray()
        self._sent_us = 0
        self._request: Pending | None = None
        self._fd = self._loop.descriptors.new(self)
        self._gone = False
        self._line.on_pull[self._node.name] = self._pulled
        self.is_open = True

    def _find(self, name: str) -> tuple[PortLoop, Line]:
        try:
            loop = cast("PortLoop", asyncio.get_running_loop())
            return loop, loop.lines[name]
        except (RuntimeError, AttributeError):
            raise self._trouble(errno.ENODEV, "the loop that runs has no lines") from None
        except KeyError:
            known = ", ".join(loop.lines) or "none"
            raise self._trouble(errno.ENOENT, f"there is no line {name}, known are: {known}") from None

    def _trouble(self, number: int, why: str) -> serial.SerialException:
        return serial.SerialException(number, f"could not open port {self.port}: {why}")

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._answered()
            self._line.on_pull.pop(self._node.name, None)
            self._line.detach(self._node)
            self._loop.descriptors.free(self._fd)

    def _pulled(self) -> None:
        self._gone = True
        self._answered()
        self._line.detach(self._node)
        self._loop.descriptors.changed(self._fd)

    def _set_up(self) -> Setting:
        return Setting(self.baudrate, self.bytesize, self.parity, 1 if self.stopbits == 1 else 2)

    def _reconfigure_port(self) -> None:
        self._check_there()
        self._setting = self._set_up()
        self._line.change(self._node, self._setting)

    def _update_rts_state(self) -> None:
        """No line follows RTS: drivers here switch by themselves."""

    def _update_dtr_state(self) -> None:
        """Nothing is wired to DTR."""

    # ------------------------------------------------------------------ reading and writing

    def fileno(self) -> int:
        self._check_open()
        return self._fd

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read."""
        self._check_open()
        return len(self._unread)

    @property
    def out_waiting(self) -> int:
        """Bytes that are not on the line yet."""
        self._check_open()
        left_us = self._sent_us - self._loop.env.now_us
        return self._setting.characters_in(left_us) if left_us > 0 else 0

    def read(self, size: int = 1, /) -> bytes:
        self._check_there()
        data = bytes(self._unread[:size])
        del self._unread[: len(data)]
        return data

    def write(self, data: ReadableBuffer, /) -> int:
        self._check_there()
        taken = bytes(data)[: QUEUE_MAX - self.out_waiting]
        if taken:
            self._sent_us = self._line.send(self._node, taken)
            if not self.can_write():
                room_us = self._sent_us - self._setting.time_us(QUEUE_MAX // 2)
                self._loop.env.at(room_us, self._loop.descriptors.changed, self._fd)
        return len(taken)

    def flush(self) -> None:
        """Nothing is kept back."""

    def reset_input_buffer(self) -> None:
        self._check_open()
        self._unread.clear()

    def reset_output_buffer(self) -> None:
        """What was written is on the line already."""
        self._check_open()

    def _check_open(self) -> None:
        if not self.is_open:
            raise PortNotOpenError

    def _check_there(self) -> None:
        self._check_open()
        if self._gone:
            raise serial.SerialException(errno.EIO, f"{self.port}: input/output error")

    # ------------------------------------------------------------------ for the descriptors and the line

    def can_read(self) -> bool:
        """Reading would give bytes, or an error."""
        return self._gone or bool(self._unread)

    def can_write(self) -> bool:
        """Writing would take bytes, or give an error."""
        return self._gone or self.out_waiting < QUEUE_MAX

    def will_write(self) -> None:
        """The running task has put something into its buffer for this port."""
        self._answered()
        self._request = self._loop.asked(self._line.name, "an answer")

    def _take(self, data: bytes) -> None:
        if self._late_us:
            self._loop.env.after(self._late_us, self._arrive, data)
        else:
            self._arrive(data)

    def _arrive(self, data: bytes) -> None:
        if self.is_open and not self._gone:
            self._answered()
            self._unread += data[: UNREAD_MAX - len(self._unread)]
            self._loop.descriptors.changed(self._fd)

    def _answered(self) -> None:
        if self._request is not None:
            self._request.done()
            self._request = None
