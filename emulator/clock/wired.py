"""What a loop does about sockets, descriptors, threads and programs when all its wires are simulated."""

from __future__ import annotations

import asyncio
import socket
from asyncio import base_events
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn, Protocol, TypeVar, TypeVarTuple

from chargebench.emulator.wires.descriptors import Descriptors
from chargebench.emulator.wires.net import HOST, Factory, Net, Server
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.tcp import Connection

Args = TypeVarTuple("Args")
P = TypeVar("P", bound=asyncio.BaseProtocol)


class HasFileno(Protocol):
    """Something with a descriptor."""

    def fileno(self) -> int: ...


class NotInARun(RuntimeError):
    """The code asks for something that a run does not have; ``args[0]`` is what."""

    def __str__(self) -> str:
        return f"there are no {self.args[0]} in a run"


class Wired(base_events.BaseEventLoop):
    """An event loop whose sockets are ``net`` and whose serial ports hang on ``lines``."""

    net: Net
    lines: dict[str, Line]
    descriptors: Descriptors

    # What asyncio's own loop keeps, and its stubs do not tell.
    _ready: deque[asyncio.Handle]
    _stopping: bool
    _closed: bool
    _debug: bool
    _check_closed: Callable[[], None]

    async def getaddrinfo(self, host: object, port: object, **_hints: object) -> list[Any]:
        """The host itself: names are addresses."""
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]

    async def getnameinfo(self, sockaddr: tuple[Any, ...], flags: int = 0) -> tuple[str, str]:  # noqa: ARG002
        return str(sockaddr[0]), str(sockaddr[1])

    async def create_connection(
        self,
        protocol_factory: Callable[[], P],
        host: str | None = None,
        port: int | None = None,
        *,
        ssl: object = None,
        sock: object = None,
        local_addr: tuple[str, int] | None = None,
        **_ignored: object,
    ) -> tuple[Connection, P]:
        """Connect over the simulated net, from ``HOST`` or from the host in ``local_addr``."""
        _only_plain(ssl, sock)
        if host is None or port is None:
            raise ValueError("a connection needs a host and a port")
        return await self.net.connect(protocol_factory, host, port, local_addr[0] if local_addr else HOST.get())

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Factory,
        host: object = None,
        port: int | None = None,
        *,
        ssl: object = None,
        sock: object = None,
        start_serving: bool = True,
        **_ignored: object,
    ) -> Server:
        """Listen on the simulated net."""
        _only_plain(ssl, sock)
        return self.net.create_server(protocol_factory, host, port, start_serving=start_serving)

    def add_reader(self, fd: int | HasFileno, callback: Callable[[*Args], object], *args: *Args) -> None:
        self.descriptors.add_reader(_number(fd), callback, *args)

    def add_writer(self, fd: int | HasFileno, callback: Callable[[*Args], object], *args: *Args) -> None:
        self.descriptors.add_writer(_number(fd), callback, *args)

    def remove_reader(self, fd: int | HasFileno) -> bool:
        return self.descriptors.remove_reader(_number(fd))

    def remove_writer(self, fd: int | HasFileno) -> bool:
        return self.descriptors.remove_writer(_number(fd))

    def run_in_executor(self, *_args: object) -> NoReturn:
        raise NotInARun("threads")

    def set_default_executor(self, executor: object) -> NoReturn:  # noqa: ARG002
        raise NotInARun("threads")

    def set_task_factory(self, factory: object) -> NoReturn:  # noqa: ARG002
        raise NotInARun("tasks but the loop's own")

    async def create_datagram_endpoint(self, *_args: object, **_more: object) -> NoReturn:
        raise NotInARun("datagrams")

    async def start_tls(self, *_args: object, **_more: object) -> NoReturn:
        raise NotInARun("TLS connections")

    async def connect_accepted_socket(self, *_args: object, **_more: object) -> NoReturn:
        raise NotInARun("sockets of the system")

    async def connect_read_pipe(self, *_args: object, **_more: object) -> NoReturn:
        raise NotInARun("pipes")

    async def connect_write_pipe(self, *_args: object, **_more: object) -> NoReturn:
        raise NotInARun("pipes")

    async def subprocess_shell(self, *_args: object, **_more: object) -> NoReturn:
        raise NotInARun("other programs")

    async def subprocess_exec(self, *_args: object, **_more: object) -> NoReturn:
        raise NotInARun("other programs")

    async def sendfile(self, *_args: object, **_more: object) -> NoReturn:
        raise NotInARun("files to send")


def _only_plain(ssl: object, sock: object) -> None:
    if ssl:
        raise NotInARun("TLS connections")
    if sock is not None:
        raise NotInARun("sockets of the system")


def _number(fd: int | HasFileno) -> int:
    return fd if isinstance(fd, int) else fd.fileno()
