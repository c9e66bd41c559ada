"""A TCP port of the manager's own, at which others may look. Whoever comes costs little, however many come and how often.

One connection is taken at a time, so many a second and so many at once; who comes beyond that waits in the kernel. What a
connection may cost once it is taken is up to its protocol, which says when it has ended.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.datasheets.quantity import got

LOOPBACK: Final = "127.0.0.1"
PAUSE_S: Final = 0.02
"""So long after one connection no other is taken."""
SHORT_OF_S: Final = 1.0
"""The same where this machine could not give one, for want of descriptors, say."""
WAITING: Final = 16
KERNEL_BYTES: Final = 1 << 16
"""So much of each way of a connection waits in the kernel."""

PORT_MOST: Final = 65_535


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen: an address of this machine and a port, 0 for a free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def place(option: str, text: str) -> Place:
    """Read ``[HOST:]PORT``; on the loopback where no host is told. ``BadInput``."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if colon else LOOPBACK
    host = LOOPBACK if host == "localhost" else host
    with suppress(ValueError):
        host = str(ipaddress.ip_address(host))
        if port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= PORT_MOST:
            return Place(host, int(port))
    raise BadInput(
        option,
        "",
        f"expected a port, or an address of this machine and a port, such as 127.0.0.1:8080, got {got(text)}",
    )


class Gate:
    """A port, from its making on its own. ``CannotOpen`` where it cannot be had. ``most``: so many connections at once."""

    def __init__(self, where: Place, most: int) -> None:
        self._most = most
        self._make: Callable[[], asyncio.Protocol] | None = None
        self._loop = asyncio.get_running_loop()
        self._inside = 0
        self._listens = False
        self._later: asyncio.TimerHandle | None = None
        self._entering: list[asyncio.Task[object]] = []
        self._socket = _bound(where)
        host, port = self._socket.getsockname()[:2]
        self.place = Place(host, port)

    def open(self, make: Callable[[], asyncio.Protocol]) -> None:
        """Let them in, each to a protocol of its own, which has to call ``ended`` once it has lost its connection."""
        self._make = make
        self._listen()

    def ended(self) -> None:
        """A connection is no more."""
        self._inside -= 1
        if self._later is None:
            self._listen()

    def close(self) -> None:
        """Let nobody in any more."""
        self._make = None
        self._deaf()
        if self._later is not None:
            self._later.cancel()
        for task in self._entering:
            task.cancel()
        self._socket.close()

    def _listen(self) -> None:
        self._later = None
        if self._make is not None and not self._listens and self._inside < self._most:
            self._loop.add_reader(self._socket, self._accept)
            self._listens = True

    def _deaf(self) -> None:
        if self._listens:
            self._loop.remove_reader(self._socket)
            self._listens = False

    def _accept(self) -> None:
        self._deaf()
        try:
            one, _ = self._socket.accept()
        except (BlockingIOError, ConnectionError):  # who came has left again
            self._later = self._loop.call_later(PAUSE_S, self._listen)
            return
        except OSError:
            self._later = self._loop.call_later(SHORT_OF_S, self._listen)
            return
        self._later = self._loop.call_later(PAUSE_S, self._listen)
        self._inside += 1
        one.setblocking(False)
        if self._make is not None:
            task = self._loop.create_task(self._loop.connect_accepted_socket(self._make, one))
            self._entering.append(task)
            task.add_done_callback(self._entered)

    def _entered(self, task: asyncio.Task[object]) -> None:
        self._entering.remove(task)
        if not task.cancelled() and task.exception() is not None:
            self.ended()


def _bound(where: Place) -> socket.socket:
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    try:
        one = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise CannotOpen(str(where), f"cannot be listened at: {error.strerror}") from error
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):  # what is accepted there has the same
            one.setsockopt(socket.SOL_SOCKET, buffer, KERNEL_BYTES)
        one.bind((where.host, where.port))
        one.listen(WAITING)
    except OSError as error:
        one.close()
        raise CannotOpen(str(where), f"cannot be listened at: {error.strerror}") from error
    one.setblocking(False)
    return one
