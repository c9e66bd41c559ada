"""Protocols that note what happens to them, and a pair of them over the memory net."""

from __future__ import annotations

import asyncio

from chargebench.emulator.clock import running


class Noting(asyncio.Protocol):
    """Notes every call with its time in microseconds."""

    def __init__(self, *, keep_open=False):
        self.loop = running()
        self.seen: list[tuple[object, ...]] = []
        self.got = bytearray()
        self.keep_open = keep_open
        self.over = self.loop.create_future()

    def note(self, *what):
        self.seen.append((self.loop.now_us, *what))

    def connection_made(self, transport):
        self.transport = transport
        self.note("made")

    def data_received(self, data):
        self.note("data", data)
        self.got += data

    def eof_received(self):
        self.note("eof")
        return self.keep_open

    def pause_writing(self):
        self.note("pause")

    def resume_writing(self):
        self.note("resume")

    def connection_lost(self, exc):
        self.note("lost", exc if exc is None else type(exc))
        if not self.over.done():
            self.over.set_result(exc)

    def kinds(self):
        return [what[1] for what in self.seen]

    def data(self):
        return bytes(self.got)


async def connected(*, keep_open=False, host="box", port=4701):
    """Client's and server's protocol of a fresh connection."""
    loop = running()

    def serve():
        return Noting(keep_open=keep_open)

    if (host, port) not in loop.net.servers:
        await loop.create_server(serve, host, port)
    _, client = await loop.create_connection(lambda: Noting(keep_open=keep_open), host, port)
    return client, newest_at(host, port)


def newest_at(host="box", port=4701):
    """Server's protocol of the newest connection to an address."""
    *_, (_, end) = running().net.open_connections(host, port)
    return end.get_protocol()
