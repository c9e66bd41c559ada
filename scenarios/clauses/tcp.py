"""Clauses T01 to T23: Modbus over TCP. TCP is the Messaging on TCP/IP Implementation Guide V1.0b, AP the protocol itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from chargebench.emulator.adu import Adu, MbapSplitter, pack_mbap
from chargebench.scenarios.clauses.end import SILENT, End
from chargebench.scenarios.clauses.expect import FULFILLED, SILENCE, refused, spell
from chargebench.scenarios.clauses.model import Broken, Clause, NotApplicable
from chargebench.scenarios.clauses.wires import Connection

GARBAGE = bytes((73 * place + 41) & 0xFF for place in range(512))
CONNECTIONS, CHURN, STALLED_REQUESTS, TIMED_REQUESTS = 64, 200, 4000, 100
_HEADER = 6
_GLANCE_US = 1_000


def message(end: End, transaction: int, *, count: int = 1, unit: int | None = None, protocol: int = 0) -> bytes:
    """An ordinary read as it goes onto the wire."""
    data = pack_mbap(Adu(end.target.unit if unit is None else unit, end.ordinary(count), transaction))
    return data[:2] + protocol.to_bytes(2, "big") + data[4:]


@asynccontextmanager
async def connected(end: End) -> AsyncIterator[Connection]:
    """A connection of its own, closed at the end. That it is refused breaks the clause under check."""
    try:
        connection = await end.tcp.connect()
    except OSError as why:
        raise Broken("a connection", "that it is taken", str(why) or "refused") from why
    try:
        yield connection
    finally:
        await connection.close()


async def collect(end: End, connection: Connection, count: int) -> list[Adu]:
    """So many messages, or as many as come before the device is silent for a timeout or ends the connection."""
    splitter = MbapSplitter()
    got: list[Adu] = []
    while len(got) < count and not splitter.broken:
        data = await connection.read(end.target.timeout_us)
        if not data:
            break
        splitter.feed(data)
        got += iter(splitter.take, None)
    return got


async def _insist(end: End, connection: Connection, sent: bytes, transactions: Sequence[int]) -> None:
    """Good answers with these transaction ids, in this order, and no others."""
    got = [adu.transaction for adu in await collect(end, connection, len(transactions))]
    if got != list(transactions):
        how = f", then connection {connection.ended}" if connection.ended else ""
        raise Broken(spell(sent), f"answers to transactions {list(transactions)}", f"to {got}{how}")


async def _alive_anew(end: End, after: str) -> None:
    """A new connection is taken and answered."""
    async with connected(end) as connection:
        data = message(end, 0x4321)
        await connection.send(data)
        if not await collect(end, connection, 1):
            raise Broken(f"{after}, then {spell(data)} on a new connection", "an answer", connection.ended or SILENT)


def _segments(
    cut: Callable[[End], tuple[Sequence[bytes], int]], transactions: Sequence[int]
) -> Callable[[End], Awaitable[None]]:
    """Requests in certain segments, so many us apart, each answered in order."""

    async def body(end: End) -> None:
        segments, gap_us = cut(end)
        async with connected(end) as connection:
            await connection.send(*segments, gap_us=gap_us)
            await _insist(end, connection, b"".join(segments), transactions)

    return body


def _in_a_row(end: End, count: int) -> bytes:
    return b"".join(message(end, transaction) for transaction in range(1, count + 1))


async def _transactions(end: End) -> None:
    async with connected(end) as connection:
        for transaction in (0, 0xBEEF):
            data = message(end, transaction)
            await connection.send(data)
            await _insist(end, connection, data, (transaction,))


async def _unit_echoed(end: End) -> None:
    async with connected(end) as connection:
        data = message(end, 1)
        await connection.send(data)
        got = [adu.unit for adu in await collect(end, connection, 1)]
        if got != [end.target.unit]:
            raise Broken(spell(data), f"an answer of unit {end.target.unit}", f"of {got}")


async def _foreign_protocol(end: End) -> None:
    async with connected(end) as connection:
        data = message(end, 1, protocol=1)
        await connection.send(data)
        if got := await connection.read(end.target.timeout_us):
            raise Broken(spell(data), SILENT, spell(got))


async def _after_foreign_protocol(end: End) -> None:
    async with connected(end) as connection:
        sent = message(end, 1, protocol=1) + message(end, 2)
        await connection.send(sent)
        got = [adu.transaction for adu in await collect(end, connection, 1)]
        if not connection.ended and got != [2]:
            raise Broken(
                spell(sent), "the second answered, or the connection closed", f"answers to {got}" if got else SILENT
            )
    await _alive_anew(end, "protocol id 1")


def _wrong_lengths(*lengths: int) -> Callable[[End], Awaitable[None]]:
    """A wrong length field: the device finds back into step or closes; it does not wait for ever."""

    async def body(end: End) -> None:
        for length in lengths:
            async with connected(end) as connection:
                data = message(end, 1)
                wrong = data[:4] + length.to_bytes(2, "big") + data[_HEADER:]
                await connection.send(wrong)
                await _closes_or_answers(end, connection, wrong)
            await _alive_anew(end, spell(wrong))

    return body


async def _closes_or_answers(end: End, connection: Connection, sent: bytes) -> None:
    until_us = end.tcp.now_us() + end.target.stall_us
    while not connection.ended and end.tcp.now_us() < until_us:
        await connection.read(end.target.timeout_us)
        probe = message(end, 0x5A5A)
        await connection.send(probe)
        if any(adu.transaction == 0x5A5A for adu in await collect(end, connection, 1)):
            return
    if not connection.ended:
        raise Broken(
            f"{spell(sent)}, then good requests", "an answer, or the connection closed", "silence all the time"
        )


async def _half_close(end: End) -> None:
    async with connected(end) as connection:
        data = message(end, 1)
        await connection.send(data)
        await connection.half_close()
        await _insist(end, connection, data, (1,))
        while await connection.read(end.target.timeout_us):
            pass
        if connection.ended != "closed":
            raise Broken(
                f"{spell(data)}, end of stream", "an answer, then the end of the stream", connection.ended or SILENT
            )


async def _reset_inside(end: End) -> None:
    async with connected(end) as connection:
        await connection.send(message(end, 1)[:9])
        await connection.reset()
    await _alive_anew(end, "half a message and a reset")


async def _many_connections(end: End) -> None:
    held = []
    try:
        for _ in range(CONNECTIONS):
            try:
                held.append(await end.tcp.connect())
            except OSError:
                break
    finally:
        for connection in held:
            await connection.close()
    await end.tcp.pause(end.target.timeout_us)
    await _alive_anew(end, f"{len(held)} connections at a time")


async def _churn(end: End) -> None:
    for _ in range(CHURN):
        async with connected(end):
            pass
    await _alive_anew(end, f"{CHURN} connections opened and closed")


async def _idle(end: End) -> None:
    async with connected(end) as connection:
        await connection.send(message(end, 1))
        await collect(end, connection, 1)
        await end.tcp.pause(end.target.idle_us)
        await connection.read(_GLANCE_US)
        await connection.send(message(end, 2))
        got = await collect(end, connection, 1)
        if not got and not connection.ended:
            raise Broken(
                f"nothing for {end.target.idle_us // 1_000_000} s, then a request",
                "an answer or a closed connection",
                SILENT,
            )
        if connection.ended == "reset":
            raise Broken("nothing for a while", "a connection that lives or is closed in good order", "a reset")
    await _alive_anew(end, "an idle connection")


async def _garbage(end: End) -> None:
    async with connected(end) as connection:
        await connection.send(GARBAGE)
        await connection.read(end.target.timeout_us)
    await _alive_anew(end, f"{len(GARBAGE)} bytes of garbage")


async def _itself(end: End) -> None:
    if not end.target.itself:
        raise NotApplicable("the device is not said to answer unit 0 or 255")
    for unit in (0, 255):
        await end.expect(end.ordinary(), FULFILLED, unit=unit)


async def _stranger(end: End) -> None:
    if end.target.strangers == "answers":
        raise NotApplicable("the device looks at no unit id")
    also = () if end.target.strangers == "gateway" else (SILENCE,)
    await end.expect(end.ordinary(), refused(0x0A, 0x0B), *also, unit=end.target.stranger)


async def _dead_unit(end: End) -> None:
    if end.target.dead_unit is None:
        raise NotApplicable("no unit behind the device that does not answer is described")
    await end.expect(end.ordinary(), refused(0x0B), unit=end.target.dead_unit)


def _needs_clients(end: End, count: int) -> None:
    if end.target.clients < count:
        raise NotApplicable(f"the device takes {end.target.clients} connection at a time")


async def _same_transaction(end: End) -> None:
    _needs_clients(end, 2)
    async with connected(end) as one, connected(end) as other:
        await one.send(message(end, 7, count=1))
        await other.send(message(end, 7, count=2))
        both = [await collect(end, connection, 1) for connection in (one, other)]
    wide = end.ordinary()[0] in (3, 4)
    expected = [[4], [6]] if wide else [[3], [3]]
    sizes = [[len(adu.pdu) for adu in one_side] for one_side in both]
    if sizes != expected:
        raise Broken("transaction 7 on two connections", f"to each its own answer, PDU lengths {expected}", f"{sizes}")


async def _stalled_reader(end: End) -> None:
    _needs_clients(end, 2)
    async with connected(end) as stalled:
        await stalled.send(message(end, 1, count=_most(end)) * STALLED_REQUESTS)
        await _alive_anew(end, f"{STALLED_REQUESTS} requests of a client that reads nothing")


def _most(end: End) -> int:
    """As many registers as one answer holds, where the device has them."""
    areas = [area for area in (end.target.holding, end.target.input) if area is not None]
    return 125 if any(area.run >= 125 for area in areas) else 1


async def _latency(end: End) -> None:
    times = []
    for _ in range(TIMED_REQUESTS):
        reply = await end.ask(end.ordinary())
        if reply.pdu is None:
            raise Broken(spell(end.ordinary()), "an answer", reply.how)
        times.append(reply.us)
    slow_us = sorted(times)[TIMED_REQUESTS * 99 // 100 - 1]
    if slow_us > end.target.latency_us:
        raise Broken(
            f"{TIMED_REQUESTS} requests", f"99 of 100 answered within {end.target.latency_us} us", f"{slow_us} us"
        )


def _clause(
    id_: str, text: str, reference: str, body: Callable[[End], Awaitable[None]], *, must: bool = True
) -> Clause:
    return Clause(id_, text, reference, body, severity="must" if must else "should", over=("tcp",))


CLAUSES = (
    _clause("T01", "The transaction id comes back as it was sent.", "TCP 3.1.3", _transactions),
    _clause("T02", "The unit id comes back as it was sent.", "TCP 3.1.3", _unit_echoed),
    _clause("T03", "A message of another protocol id is not answered.", "TCP 4.4.2", _foreign_protocol),
    _clause(
        "T04",
        "After a message of another protocol id the device answers or closes.",
        "TCP 4.4.2",
        _after_foreign_protocol,
        must=False,
    ),
    _clause(
        "T05",
        "After a length field that is too small the device answers again or closes.",
        "TCP 4.4.2",
        _wrong_lengths(0, 1, 2, 5),
        must=False,
    ),
    _clause(
        "T06",
        "After a length field that is too large the device answers again or closes.",
        "TCP 4.4.2",
        _wrong_lengths(255, 300, 65535),
        must=False,
    ),
    _clause(
        "T07",
        "A request that comes byte by byte is answered.",
        "TCP 4.4.2",
        _segments(lambda end: ([bytes((octet,)) for octet in message(end, 1)], 2_000), (1,)),
    ),
    _clause(
        "T08",
        "A request whose PDU comes 300 ms after its header is answered.",
        "TCP 4.4.2",
        _segments(lambda end: ((message(end, 1)[:7], message(end, 1)[7:]), 300_000), (1,)),
    ),
    _clause(
        "T09",
        "Five requests in one segment get five answers.",
        "TCP 4.4.2",
        _segments(lambda end: ((_in_a_row(end, 5),), 0), range(1, 6)),
    ),
    _clause(
        "T10",
        "Sixteen requests that do not wait for each other get sixteen answers.",
        "TCP 4.4.2",
        _segments(lambda end: ([message(end, transaction) for transaction in range(1, 17)], 0), range(1, 17)),
    ),
    _clause(
        "T11",
        "One and a half requests, then the rest, get two answers.",
        "TCP 4.4.2",
        _segments(lambda end: ((_in_a_row(end, 2)[:18], _in_a_row(end, 2)[18:]), 50_000), (1, 2)),
    ),
    _clause(
        "T12",
        "A client that ends its side after a request still gets its answer.",
        "TCP; RFC 9293",
        _half_close,
        must=False,
    ),
    _clause("T13", "A reset in the middle of a message harms no later connection.", "TCP 4.2", _reset_inside),
    _clause("T14", "After 64 connections at a time a new one is taken.", "TCP 4.2", _many_connections, must=False),
    _clause("T15", "After 200 connections opened and closed a new one is answered.", "TCP 4.2", _churn),
    _clause("T16", "An idle connection lives on or is closed in good order.", "TCP 4.2", _idle, must=False),
    _clause("T17", "512 bytes of garbage harm no later connection.", "TCP 4.2", _garbage),
    _clause("T18", "A device answers for itself as unit 0 and 255.", "TCP 4.4.2", _itself, must=False),
    _clause("T19", "An unknown unit is silence or exception 0A or 0B, never 04.", "AP 7", _stranger),
    _clause("T20", "A dead unit behind a gateway is exception 0B.", "AP 7", _dead_unit),
    _clause("T21", "Two clients with one transaction id each get their own answer.", "TCP 4.4.2", _same_transaction),
    _clause("T22", "A client that reads nothing holds up no other.", "TCP 4.2", _stalled_reader, must=False),
    _clause("T23", "Answers come within the time that the maker states.", "the maker's manual", _latency, must=False),
)
