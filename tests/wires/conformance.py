"""What every pair of stream ends has to do, whatever lies between them.

``check_stream_pair`` runs all checks and returns the names of those that were made. What a line cannot do (both directions
at once, the end of a stream, holding a sender back for a reader that sleeps) is not skipped in silence: the check turns into
one of what the line does instead, and has another name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.wires.ends import End, Pair

QUIET_S = 0.05  # nothing came for so long: nothing will
PATIENCE_S = 20.0
STUCK_MAX = 64 << 20  # a connection that takes this much without a reader has no back-pressure

MakePair = Callable[[], Awaitable[Pair]]
Check = Callable[[End, End], Awaitable[None]]


def pattern(size: int, seed: int = 0) -> bytes:
    """Bytes of which each place can be told from its neighbours."""
    return bytes((seed + place * 7 + place // 251) % 256 for place in range(size))


async def receive_all(end: End, size: int, limit: int = 65_536) -> bytes:
    data = b""
    while len(data) < size:
        more = await asyncio.wait_for(end.receive(limit), PATIENCE_S)
        assert more, f"the stream ended after {len(data)} of {size} bytes"
        assert len(more) <= limit
        data += more
    return data


async def nothing_comes(end: End) -> bool:
    try:
        await asyncio.wait_for(end.receive(), QUIET_S)
    except TimeoutError:
        return True
    return False


async def order_is_kept(a: End, b: End) -> None:
    for sender, receiver, seed in ((a, b, 1), (b, a, 2), (a, b, 3)):
        data = pattern(1_000, seed)
        await sender.send(data)
        assert await receive_all(receiver, len(data)) == data


async def chunks_may_be_merged(a: End, b: End) -> None:
    data = pattern(300)
    for place in range(0, len(data), 3):
        await a.send(data[place : place + 3])
    assert await receive_all(b, len(data)) == data


async def chunks_may_be_split(a: End, b: End) -> None:
    data = pattern(300)
    await a.send(data)
    assert await receive_all(b, len(data), limit=7) == data
    assert await nothing_comes(b)


async def empty_chunks_are_nothing(a: End, b: End) -> None:
    await a.send(b"")
    assert await nothing_comes(b)
    await a.send(b"x")
    assert await receive_all(b, 1) == b"x"


async def a_cancelled_receive_loses_nothing(a: End, b: End) -> None:
    assert await nothing_comes(b)
    await a.send(b"still here")
    assert await receive_all(b, 10) == b"still here"


async def closing_twice_is_closing_once(a: End, b: End) -> None:
    await a.close()
    await a.close()
    await b.close()


async def a_closed_end_takes_nothing(a: End, b: End) -> None:
    await a.close()
    with pytest.raises((ConnectionError, RuntimeError)):
        await a.send(b"too late")
    await b.close()


async def both_ways_at_once(a: End, b: End) -> None:
    one, two = pattern(200_000, 1), pattern(200_000, 2)
    sent = asyncio.gather(a.send(one), b.send(two))
    assert tuple(await asyncio.gather(receive_all(b, len(one)), receive_all(a, len(two)))) == (one, two)
    await sent


async def the_end_comes_after_the_data(a: End, b: End) -> None:
    await a.send(b"the last")
    await a.finish()
    assert await receive_all(b, 8) == b"the last"
    assert await asyncio.wait_for(b.receive(), PATIENCE_S) == b""
    assert await asyncio.wait_for(b.receive(), PATIENCE_S) == b""


async def the_other_direction_outlives_the_end(a: End, b: End) -> None:
    await a.finish()
    assert await asyncio.wait_for(b.receive(), PATIENCE_S) == b""
    await b.send(b"one more thing")
    await b.finish()
    assert await receive_all(a, 14) == b"one more thing"
    assert await asyncio.wait_for(a.receive(), PATIENCE_S) == b""


async def closing_sends_what_is_buffered(a: End, b: End) -> None:
    data = pattern(500_000)
    sending = asyncio.ensure_future(a.send(data))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(a.close())
    assert await receive_all(b, len(data)) == data
    assert await asyncio.wait_for(b.receive(), PATIENCE_S) == b""
    await asyncio.gather(sending, closing, return_exceptions=True)


async def a_sleeping_reader_holds_the_sender_back(a: End, b: End) -> None:
    chunk, sent = pattern(65_536), 0
    while sent < STUCK_MAX:
        sent += len(chunk)
        try:
            await asyncio.wait_for(a.send(chunk), QUIET_S)
        except TimeoutError:  # it was buffered, and only waited for room
            break
    else:
        pytest.fail("nothing held the sender back")
    assert await receive_all(b, sent) == chunk * (sent // len(chunk))
    await asyncio.wait_for(a.send(b"!"), PATIENCE_S)
    assert await receive_all(b, 1) == b"!"


async def a_closed_end_leaves_silence(a: End, b: End) -> None:
    await a.send(b"last words")
    assert await receive_all(b, 10) == b"last words"
    await a.close()
    assert await nothing_comes(b)


async def sending_waits_for_the_line(a: End, b: End) -> None:
    data = pattern(20_000)  # several times what a port holds
    sending = asyncio.ensure_future(a.send(data))
    await asyncio.sleep(QUIET_S)
    assert not sending.done()
    assert await receive_all(b, len(data)) == data
    await asyncio.wait_for(sending, PATIENCE_S)


EVERYWHERE: tuple[Check, ...] = (
    order_is_kept,
    chunks_may_be_merged,
    chunks_may_be_split,
    empty_chunks_are_nothing,
    a_cancelled_receive_loses_nothing,
    closing_twice_is_closing_once,
    a_closed_end_takes_nothing,
)
ON_CONNECTIONS: tuple[Check, ...] = (
    both_ways_at_once,
    the_end_comes_after_the_data,
    the_other_direction_outlives_the_end,
    closing_sends_what_is_buffered,
    a_sleeping_reader_holds_the_sender_back,
)
ON_LINES: tuple[Check, ...] = (a_closed_end_leaves_silence, sending_waits_for_the_line)


async def check_stream_pair(make_pair: MakePair, *, line: bool = False) -> list[str]:
    """Run every check on a fresh pair; ``line``: half duplex, without an end of stream. Returns the names of the checks."""
    checks = EVERYWHERE + (ON_LINES if line else ON_CONNECTIONS)
    for check in checks:
        await run_check(check, make_pair)
    return [check.__name__ for check in checks]


async def run_check(check: Check, make_pair: MakePair) -> None:
    """Run one check on a fresh pair."""
    a, b = await make_pair()
    try:
        await check(a, b)
    finally:
        await asyncio.gather(a.close(), b.close())
