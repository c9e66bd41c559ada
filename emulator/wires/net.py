"""The network of a run: hosts by name, servers on their ports, connections over links that can be made worse."""

from __future__ import annotations

import asyncio
import errno
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from chargebench.emulator.wires.ground import Ground
from chargebench.emulator.wires.links import Link, Path, Way
from chargebench.emulator.wires.tcp import Address, Connection

HOST: ContextVar[str] = ContextVar("chargebench_host", default="master")
"""The host on which code runs: where its connections come from, and where servers without a host listen."""

ANYWHERE = (None, "", "0.0.0.0", "::")  # noqa: S104 a name, nothing is bound
SYN_WAITS_S = (1, 2, 4, 8, 16, 32, 64)  # Linux: a connection that nobody answers is given up after 127 s
EPHEMERAL_FIRST, EPHEMERAL_COUNT = 49_152, 16_384

T = TypeVar("T")
P = TypeVar("P", bound=asyncio.BaseProtocol)

Factory = Callable[[], asyncio.BaseProtocol]
Key = tuple[str | None, str, int]


class Server(asyncio.AbstractServer):
    """A server that listens on one or more addresses of one host."""

    def __init__(self, net: Net, factory: Factory, addresses: list[Address]) -> None:
        self.factory = factory
        self.context = copy_context()
        self.connections: dict[Connection, None] = {}
        self._net = net
        self._addresses = addresses
        self._closed = False
        self._waiters: list[asyncio.Future[object]] = []

    @property
    def sockets(self) -> tuple[Listening, ...]:
        """What is listened on, each with ``getsockname()``."""
        return tuple(Listening(address) for address in self._addresses if self._net.servers.get(address) is self)

    def close(self) -> None:
        """Accept no more connections; those that are open stay open."""
        self._net.unlisten(self)
        self._closed = True
        self._settle()

    def close_clients(self) -> None:
        """Close the connections that are open."""
        for connection in list(self.connections):
            connection.close()

    def abort_clients(self) -> None:
        """Close the connections that are open, without sending what is buffered."""
        for connection in list(self.connections):
            connection.abort()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return cast("asyncio.AbstractEventLoop", self._net.loop)

    def is_serving(self) -> bool:
        return bool(self.sockets)

    async def start_serving(self) -> None:
        self._net.listen(self, self._addresses)

    async def serve_forever(self) -> None:
        await self.start_serving()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.close()

    async def wait_closed(self) -> None:
        """Return once the server is closed and its last connection has ended."""
        while not self._closed or self.connections:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def gone(self, connection: Connection) -> None:
        """For connections alone: this one has ended."""
        self.connections.pop(connection, None)
        self._settle()

    def _settle(self) -> None:
        if self._closed and not self.connections:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters.clear()


class Listening:
    """In place of a listening socket."""

    __slots__ = ("_address",)

    def __init__(self, address: Address) -> None:
        self._address = address

    def getsockname(self) -> Address:
        return self._address


@dataclass(frozen=True, slots=True, eq=False)
class _Syn:
    """What opens a connection, on its way to the server and back."""

    name: str
    number: int
    source: str
    address: Address
    path: Path
    back_us: int
    context: Context
    answer: asyncio.Future[Connection | None]


class Net:
    """All hosts, links, servers and connections of a loop.

    Hosts are names, "localhost" is one like any other. ``defaults`` is the link of which each new one is a copy.
    """

    def __init__(self, loop: Ground) -> None:
        self.loop = loop
        self.defaults = Link()
        self.servers: dict[Address, Server] = {}
        self._links: dict[Key, Link] = {}
        self._paths: dict[Key, Path] = {}
        self._pairs: list[tuple[Connection, Connection]] = []
        self._served: dict[Connection, Server] = {}
        self._numbers: Counter[Key] = Counter()
        self._ports: Counter[str] = Counter()

    # ------------------------------------------------------------------ links

    def link(self, host: str, port: int, *, source: str | None = None) -> Link:
        """The way to ``host:port``, for all clients, or for those on ``source`` alone. Change its fields at any time."""
        key = (source, host, port)
        link = self._links.get(key)
        if link is None:
            shared = self._links.get((None, host, port), self.defaults)
            link = self._links[key] = replace(shared)
            if key in self._paths:
                self._paths[key].link = link
        return link

    def _path(self, source: str, host: str, port: int) -> Path:
        key = (source, host, port)
        path = self._paths.get(key)
        if path is None:
            path = self._paths[key] = Path(self._links.get(key) or self.link(host, port))
        return path

    # ------------------------------------------------------------------ servers

    def create_server(self, factory: Factory, host: object, port: int | None, *, start_serving: bool = True) -> Server:
        """A server for ``host`` (one name or a list; None: the host of the running code); port 0 or None: any that is free."""
        hosts = host if isinstance(host, (list, tuple)) else [host]
        names = [HOST.get() if each in ANYWHERE else str(each) for each in hosts]
        server = Server(self, factory, [(name, port or self._free_port(name)) for name in names])
        if start_serving:
            self.listen(server, server._addresses)  # noqa: SLF001 a part of this module
        return server

    def listen(self, server: Server, addresses: list[Address]) -> None:
        """Let ``server`` have its addresses; refused where another has one of them."""
        for address in addresses:
            if self.servers.get(address, server) is not server:
                raise OSError(errno.EADDRINUSE, f"address already in use: {address[0]}:{address[1]}")
        for address in addresses:
            self.servers[address] = server

    def unlisten(self, server: Server) -> None:
        """Take the addresses of ``server`` from it."""
        for address in [address for address, each in self.servers.items() if each is server]:
            del self.servers[address]

    def _free_port(self, host: str) -> int:
        self._ports[host] += 1
        return EPHEMERAL_FIRST + self._ports[host] % EPHEMERAL_COUNT

    # ------------------------------------------------------------------ connections

    async def connect(self, factory: Callable[[], P], host: str, port: int, source: str) -> tuple[Connection, P]:
        """Connect from ``source``; refused and timed out as a kernel does it."""
        self._numbers[source, host, port] += 1
        number = self._numbers[source, host, port]
        name = f"{source}>{host}:{port}#{number}"
        channel = self.loop.trace.channel(f"tcp {name}")
        stream = self.loop.streams.stream("tcp", name)
        channel.record(self.loop.env.now_us, "syn")
        path = self._path(source, host, port)
        await _find(path, host, port)
        loop = asyncio.get_running_loop()
        syn = _Syn(
            name, number, source, (host, port), path, path.link.delay_us(stream), copy_context(), loop.create_future()
        )
        self.loop.env.after(path.link.delay_us(stream), self._syn_lands, syn)
        client = await syn.answer
        if client is None:
            channel.record(self.loop.env.now_us, "refused")
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"connection to {host}:{port} refused")
        protocol = factory()
        client.start(protocol)
        made: asyncio.Future[None] = loop.create_future()
        self.loop.call_soon(_resolve, made, None)
        try:
            await made
        except asyncio.CancelledError:
            client.close()
            raise
        return client, protocol

    def _syn_lands(self, syn: _Syn) -> None:
        self.loop.env.after(syn.back_us, _answer_lands, syn, self._accept(syn))

    def _accept(self, syn: _Syn) -> Connection | None:
        """The client's end of a new connection; None where the server refuses."""
        server, link = self.servers.get(syn.address), syn.path.link
        if server is None or link.refuse:
            return None
        full = bool(link.clients_max) and len(server.connections) >= link.clients_max
        if full and link.excess == "refuse":
            return None
        if full and link.excess == "replace":
            next(iter(server.connections)).close()
        client, end = self._pair(server, syn)
        end.start(server.context.run(server.factory))
        if full and link.excess == "close":
            end.close()
        return client

    def _pair(self, server: Server, syn: _Syn) -> tuple[Connection, Connection]:
        loop, path, (host, port) = self.loop, syn.path, syn.address
        source = (syn.source, self._free_port(syn.source))
        out = Way(loop, path, out=True, stream=loop.streams.stream("tcp", syn.name, "out"))
        back = Way(loop, path, out=False, stream=loop.streams.stream("tcp", syn.name, "back"))
        client = Connection(
            loop,
            loop.trace.channel(f"tcp {syn.name}"),
            out,
            path,
            here=source,
            there=syn.address,
            context=syn.context,
            asks=True,
            gone=self._gone,
        )
        end = Connection(
            loop,
            loop.trace.channel(f"tcp {host}:{port}>{syn.source}#{syn.number}"),
            back,
            path,
            here=syn.address,
            there=source,
            context=server.context,
            asks=False,
            gone=self._gone,
        )
        client.peer, end.peer = end, client
        out.sender = back.target = client
        out.target = back.sender = end
        server.connections[end] = None
        self._served[end] = server
        self._pairs.append((client, end))
        return client, end

    def _gone(self, connection: Connection) -> None:
        self._pairs = [pair for pair in self._pairs if not (pair[0].lost and pair[1].lost)]
        if (server := self._served.pop(connection, None)) is not None:
            server.gone(connection)

    def close(self) -> None:
        """The run is over: nothing is open any more, and nobody is told."""
        for client, end in self._pairs:
            client.forget()
            end.forget()
        self._pairs.clear()
        self.servers.clear()

    # ------------------------------------------------------------------ faults

    def open_connections(self, host: str, port: int | None = None) -> Iterator[tuple[Connection, Connection]]:
        """Client's and server's end of each connection to ``host``, oldest first."""
        for client, end in list(self._pairs):
            address = end.get_extra_info("sockname")
            if address[0] == host and port in (None, address[1]):
                yield client, end

    def reset(self, host: str, port: int | None = None) -> int:
        """Break every connection to ``host`` with a reset from the server's side; tells how many there were."""
        count = 0
        for _, end in self.open_connections(host, port):
            end.reset()
            count += 1
        return count

    def half_open(self, host: str, port: int | None = None, *, silent: bool = False) -> int:
        """Let the server forget its connections without a word, as when it loses power; tells how many there were.

        A client learns of it by a reset when it writes; with ``silent`` it never does, until its own system gives up.
        """
        count = 0
        for _, end in self.open_connections(host, port):
            end.vanish(silent=silent)
            count += 1
        return count


async def _find(path: Path, host: str, port: int) -> None:
    """Get through to the address, trying again while the way there or back is a hole."""
    for wait_s in SYN_WAITS_S:
        if not (path.link.hole_out or path.link.hole_back):
            return
        await asyncio.sleep(wait_s)
    raise TimeoutError(errno.ETIMEDOUT, f"connection to {host}:{port} timed out")


def _answer_lands(syn: _Syn, client: Connection | None) -> None:
    if not syn.answer.done():
        syn.answer.set_result(client)
    elif client is not None:
        client.abort()  # nobody waits for it any more


def _resolve(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)
