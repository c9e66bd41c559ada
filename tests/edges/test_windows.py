"""The manager's windows on real sockets: what is shown, to whom, and that nobody who looks can hold it up."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import struct
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import pytest
from pymodbus.client import AsyncModbusTcpClient

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.manager.notes import Note
from chargebench.manager.service import gate as gates
from chargebench.manager.service import modbus_server, web_server, windows
from chargebench.manager.service.feed import MOST_LETTERS
from chargebench.manager.service.gate import Place
from chargebench.manager.service.windows import Openings, Windows
from chargebench.manager.site import Box, Connection, HouseMeter, Site, TcpAddress
from chargebench.manager.status import BoxStatus, MeterStatus, Status

pytestmark = pytest.mark.serial

AT = TcpAddress("localhost", 4701)
SITE = Site(
    Connection(14_500, 21_000),
    (Box("yard", "power-brain", AT, 2, (0, 1, 2)), Box("own", "power-brain", AT, 1, (0, 1, 2), internal=True)),
    (HouseMeter("house", "eastron-sdm630", AT, 101, "grid supply"),),
    path="/etc/garage.yaml",
)
YARD = BoxStatus("yard", "B", limit_ma=0, age_us=2, why="waits: L2 is full")
OWN = BoxStatus(
    "own", "C", False, 16_000, 16_000, (15_500, 0, 0), 3_565, 9_000, 16_000, 6_000, 180_000_000, 2, "its maximum"
)
HOUSE = MeterStatus("house", "grid supply", False, (17_000, 900, -2_000), None, 1_000_000)
STATUS = Status(7, 21_000, 0, (1_300, 1_300, 300), (16_000, 0, 0), (YARD, OWN), (HOUSE,), 960_000_000)
ANY = Place("127.0.0.1", 0)


def clock():
    return datetime(2026, 1, 12, 2, 25, 5, tzinfo=UTC)


@asynccontextmanager
async def opened(http=None, modbus=None, site=SITE):
    said: list[str] = []
    one = Windows(Openings(http, modbus), site, clock)
    one.open(said.append)
    try:
        yield one, said
    finally:
        one.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def connected(url, receives=0):
    """A connection; ``receives``: so many bytes wait in it at most, roughly."""
    host, _, port = url.removeprefix("http://").strip("/").rpartition(":")
    one = socket.socket()
    if receives:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    one.connect((host, int(port)))
    reader, writer = await asyncio.open_connection(sock=one, limit=1 << 24)
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def asked(url, path="/status", host="127.0.0.1", method="GET", more=""):
    """Status, headers and body of one answer; the connection is closed behind it."""
    async with connected(url) as (reader, writer):
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode())
        answer = await reader.read()
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


async def ends(reader):
    """It is let go, rather than answered."""
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)


async def event(reader):
    """The next event of a stream."""
    while True:
        text = (await reader.readuntil(b"\n\n")).decode()
        found = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
        if "event" in found:
            return found["event"], json.loads(found["data"])


def test_http_shows_how_the_site_stands_and_nothing_else():
    async def main():
        async with opened(http=ANY) as (one, said):
            status, headers, body = await asked(one.http)
            assert (status, json.loads(body)["cycle"], json.loads(body)["boxes"]) == (200, None, [])
            one.seen(STATUS)
            status, headers, body = await asked(one.http)
            shown = json.loads(body)
            assert headers["content-type"] == "application/json"
            assert headers["cache-control"] == "no-store"
            assert [shown[name] for name in ("site", "cycle", "next_us")] == ["garage.yaml", 7, 960_000_000]
            assert [box["says"] for box in shown["boxes"]] == [
                "yard waits: L2 is full, next change 02:41",
                "own may have 16 A: its maximum",
            ]
            assert shown["connection"]["booked_ma"] == [16_000, 0, 0]
            assert shown["meters"][0]["phases_ma"] == [17_000, 900, -2_000]
            status, headers, body = await asked(one.http, "/")
            assert status == 200
            assert b"EventSource" in body
            assert "script-src 'sha256-" in headers["content-security-policy"]
            assert [(await asked(one.http, path, host, method))[0] for path, host, method in REFUSED] == [
                421,
                421,
                404,
                405,
                405,
            ]
            assert (await asked(one.http, "/events", method="HEAD"))[0] == 200
            assert said == [f"how this site stands can be read at {one.http} by this machine"]

    asyncio.run(main())


REFUSED = [
    ("/status", "evil.example", "GET"),
    ("/", "garage.evil.example:80", "GET"),
    ("/../etc/passwd", "127.0.0.1", "GET"),
    ("/status", "127.0.0.1", "POST"),
    ("/", "127.0.0.1", "DELETE"),
]


def test_who_watches_is_told_everything_as_it_happens():
    async def main():
        async with opened(http=ANY) as (one, _):
            one.note(Note(5, "silent", "yard", (("why", "no answer"),)), "the master does not hear yard: no answer")
            one.seen(STATUS)
            async with connected(one.http) as (reader, writer):
                writer.write(WATCH)
                kind, told = await event(reader)
                assert (kind, told["of"], told["why"]) == ("note", "yard", "no answer")
                assert (await event(reader))[0] == "cycle"
                one.said("licences are 0 now")
                kind, told = await event(reader)
                assert (kind, told["says"]) == ("note", "licences are 0 now")
                assert told["at"] == "2026-01-12T02:25:05.000+00:00"

    asyncio.run(main())


WATCH = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_who_watches_and_does_not_listen_holds_nobody_up_and_is_told_how_much_it_missed(monkeypatch):
    monkeypatch.setattr(windows, "WATCHING", 1)

    async def main():
        async with opened(http=ANY) as (one, _):
            async with connected(one.http) as (reader, writer):
                writer.write(WATCH)
                await reader.readuntil(b"retry")
                assert (await asked(one.http, "/events"))[0] == 503
                reader._transport.pause_reading()
                sent = 0
                while len(one._feed._watching[0]._notes) < MOST_LETTERS and sent < 2_000:
                    one.said("x" * 60_000)  # returns at once, whether or not anybody reads
                    sent += 1
                    await asyncio.sleep(0)
                assert sent < 2_000
                for _ in range(10):
                    one.said("more")
                reader._transport.resume_reading()
                got = lost = 0
                while got + lost < sent + 10:
                    kind, told = await event(reader)
                    got, lost = got + (kind == "note"), lost + told.get("dropped", 0)
                assert (got + lost, lost) == (sent + 10, 10)
            status = 503
            for _ in range(100):  # the place of who has left is free once that is noticed
                async with connected(one.http) as (reader, writer):
                    writer.write(WATCH)
                    status = int((await reader.readline()).split()[1])
                if status == 200:
                    break
            assert status == 200

    asyncio.run(main())


def test_who_asks_slowly_or_asks_nonsense_is_let_go(monkeypatch):
    monkeypatch.setattr(web_server, "ASKS_WITHIN_S", 0.05)

    async def main():
        async with opened(http=ANY) as (one, _):
            async with connected(one.http) as (reader, writer):
                writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow:")
                await ends(reader)
            async with connected(one.http) as (reader, writer):
                writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"x" * 20_000)
                assert (await reader.readline()).split()[1] == b"400"
            assert (await asked(one.http, "/status HTTP/1.1\r\nbroken"))[0] == 400
            assert (await asked(one.http))[0] == 200

    asyncio.run(main())


def test_an_error_behind_a_page_is_told_and_its_server_goes_on():
    async def main():
        async with opened(http=ANY) as (one, said):
            good, one._shown = one._shown, {"site": object()}
            assert (await asked(one.http))[0] == 500
            assert said[-1].startswith("an error of the manager's pages: Exception in ASGI application: TypeError(")
            one._shown = good
            assert (await asked(one.http))[0] == 200

    asyncio.run(main())


@asynccontextmanager
async def client_of(at):
    host, _, port = at.rpartition(":")
    async with AsyncModbusTcpClient(host, port=int(port), timeout=10, retries=0) as client:
        yield client


def test_modbus_shows_the_internal_evse_and_takes_no_write():
    async def main():
        async with opened(modbus=ANY) as (one, said):
            async with client_of(one.modbus) as client:
                assert (await client.read_holding_registers(8093, count=1, device_id=1)).exception_code == 0x0B
                one.seen(STATUS)
                for unit in (1, 0, 255):
                    assert (await client.read_holding_registers(8092, count=4, device_id=unit)).registers == [
                        2,
                        160,
                        1,
                        160,
                    ]
                assert (await client.read_holding_registers(8058, count=4, device_id=1)).registers == [0, 0, 0, 9_000]
                assert (await client.write_register(8093, 60, device_id=1)).exception_code == 1
                assert (await client.write_registers(8093, [60, 1], device_id=1)).exception_code == 1
                assert (await client.read_holding_registers(8093, count=1, device_id=2)).exception_code == 0x0B
                assert (await client.read_holding_registers(8093, count=1, device_id=1)).registers == [160]
            assert said == [f"the registers of own can be read at {one.modbus}, unit 1, by this machine"]

    asyncio.run(main())


def request(number, count=1):
    return struct.pack(">HHHBBHH", number, 0, 6, 1, 3, 8093, count)


def test_a_client_that_asks_much_at_once_is_answered_in_its_turn_and_nonsense_ends_it(monkeypatch):
    monkeypatch.setattr(modbus_server, "BURST", 5)
    monkeypatch.setattr(modbus_server, "BREATH_S", 0.01)

    async def main():
        async with opened(modbus=ANY) as (one, _):
            one.seen(STATUS)
            async with connected(one.modbus) as (reader, writer):
                many = b"".join(request(k) for k in range(30))
                writer.write(many[:37])
                await asyncio.sleep(0)
                writer.write(many[37:])
                answers = await reader.readexactly(30 * 11)
                assert [struct.unpack_from(">H", answers, 11 * k)[0] for k in range(30)] == list(range(30))
                assert {answers[11 * k + 9 : 11 * k + 11] for k in range(30)} == {b"\x00\xa0"}
                writer.write(b"GET / HTTP/1.1\r\n\r\n" * 4)
                await ends(reader)

    asyncio.run(main())


def test_a_client_that_asks_too_much_rests_while_others_are_answered(monkeypatch):
    monkeypatch.setattr(modbus_server, "BURST", 5)
    monkeypatch.setattr(modbus_server, "BREATH_S", 3_600)

    async def main():
        async with opened(modbus=ANY) as (one, _), connected(one.modbus) as (reader, writer):
            one.seen(STATUS)
            writer.write(b"".join(request(k) for k in range(30)))
            await reader.readexactly(5 * 11)
            async with connected(one.modbus) as (other, asks):
                for k in range(5):
                    asks.write(request(k))
                    await other.readexactly(11)
            assert len(reader._buffer) == 0

    asyncio.run(main())


def test_a_client_that_takes_no_answer_is_let_go(monkeypatch):
    monkeypatch.setattr(modbus_server, "STUCK_S", 0.05)
    monkeypatch.setattr(modbus_server, "BURST", 1_000_000)

    async def main():
        async with opened(modbus=ANY) as (one, _):
            one.seen(STATUS)
            async with connected(one.modbus, 4_096) as (reader, writer):
                reader._transport.pause_reading()
                flood = b"".join(request(k, 27) for k in range(20_000))
                with pytest.raises(ConnectionError):
                    await asks_on(writer, flood)

    asyncio.run(main())


async def asks_on(writer, flood):
    while True:
        writer.write(flood)
        await writer.drain()


def test_a_client_that_asks_nothing_is_let_go(monkeypatch):
    monkeypatch.setattr(modbus_server, "IDLE_S", 0.05)

    async def main():
        async with opened(modbus=ANY) as (one, _), connected(one.modbus) as (reader, writer):
            writer.write(request(1)[:11])
            await ends(reader)

    asyncio.run(main())


def test_who_comes_beyond_the_most_waits_until_somebody_leaves(monkeypatch):
    monkeypatch.setattr(modbus_server, "CLIENTS", 2)
    monkeypatch.setattr(gates, "PAUSE_S", 0)

    async def main():
        async with opened(modbus=ANY) as (one, _), AsyncExitStack() as stack:
            one.seen(STATUS)
            pairs = [await stack.enter_async_context(connected(one.modbus)) for _ in range(3)]
            for _, writer in pairs:
                writer.write(request(1))
            for reader, writer in pairs[:2] * 3:
                await reader.readexactly(11)
                writer.write(request(2))
            assert len(one._clients) == 2
            pairs[0][1].transport.abort()
            await pairs[2][0].readexactly(11)

    asyncio.run(main())


def test_a_machine_that_is_short_of_descriptors_lets_them_in_later(monkeypatch):
    monkeypatch.setattr(gates, "SHORT_OF_S", 0.01)

    class Short:
        """A listening socket that cannot take a connection at first."""

        def __init__(self, real, *errors):
            self.real, self.errors = real, list(errors)

        def accept(self):
            if self.errors:
                raise self.errors.pop()
            return self.real.accept()

        def __getattr__(self, name):
            return getattr(self.real, name)

    async def main():
        async with opened(modbus=ANY) as (one, _):
            one.seen(STATUS)
            short = Short(one._modbus._socket, OSError(errno.EMFILE, "too many"), BlockingIOError())
            one._modbus._socket = short
            async with connected(one.modbus) as (reader, writer):
                writer.write(request(1))
                await reader.readexactly(11)
            assert short.errors == []

    asyncio.run(main())


def test_a_port_that_cannot_be_had_is_told_and_nothing_stays_open():
    async def main():
        async with opened(http=ANY) as (one, _):
            taken = Place("127.0.0.1", int(one.http.rpartition(":")[2].strip("/")))
            with pytest.raises(CannotOpen) as error:
                Windows(Openings(ANY, taken), SITE, clock)
            assert str(error.value) == f"{taken}: cannot be listened at: Address already in use"
            assert error.value.status == 3

    asyncio.run(main())


def test_pages_without_their_packages_are_told_in_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "chargebench.manager.service.web", None)

    async def main():
        with pytest.raises(BadInput) as error:
            Windows(Openings(ANY), SITE, clock)
        assert str(error.value).startswith(
            "--http: expected the packages of chargebench[http] to be installed; there is no "
        )

    asyncio.run(main())


def test_who_opens_a_window_to_everybody_is_told_so():
    async def main():
        async with opened(modbus=Place("0.0.0.0", 0), site=Site(SITE.connection, SITE.boxes[:1])) as (one, said):
            assert said == [
                f"the registers of yard can be read at {one.modbus}, unit 1, by everybody who reaches this machine"
            ]
            assert gates.Place("::1", 1).loopback

    asyncio.run(main())
