"""What goes wrong on the way: time, holes, resets, dead ends."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.clock import SimLoop, running
from tests.wires.peers import Noting, connected, newest_at

S = 1_000_000


def run(main, **options):
    return SimLoop(**options).run(main)


def link(**settings):
    link = running().net.link("box", 4701)
    for name, value in settings.items():
        assert hasattr(link, name)
        setattr(link, name, value)
    return link


def now_us():
    return running().now_us


# ---------------------------------------------------------------------- time on the way


def test_latency_changes_while_a_connection_is_open():
    async def main():
        client, server = await connected()
        link(latency_us=200_000)
        client.transport.write(b"a")
        await asyncio.sleep(1)
        return server.seen[1:]

    assert run(main()) == [(201_000, "data", b"a")]


def test_what_is_sent_later_never_overtakes():
    async def main():
        client, server = await connected()
        link(latency_us=200_000)
        client.transport.write(b"a")
        await asyncio.sleep(0.001)
        link(latency_us=500)
        client.transport.write(b"b")
        await asyncio.sleep(1)
        return server.seen[1:]

    assert run(main()) == [(201_000, "data", b"a"), (201_000, "data", b"b")]


def test_bandwidth_takes_its_time_for_every_byte():
    async def main():
        client, server = await connected()
        link(bandwidth_bps=8_000)  # a byte a millisecond
        client.transport.write(bytes(100))
        client.transport.write(bytes(50))
        await asyncio.sleep(1)
        return [(at_us, len(data)) for at_us, _, data in server.seen[1:]]

    assert run(main()) == [(101_500, 100), (151_500, 50)]


@given(st.integers(0, 1000), st.integers(1, 10_000))
def test_jitter_stays_in_its_bounds_and_keeps_the_order(seed, jitter_us):
    async def main():
        client, server = await connected()
        link(jitter_us=jitter_us)
        sent = []
        for k in range(20):
            client.transport.write(bytes([k]))
            sent.append(now_us())
            await asyncio.sleep(0.011)
        await asyncio.sleep(1)
        assert server.data() == bytes(range(20))
        return [at_us - begun_us for (at_us, *_), begun_us in zip(server.seen[1:], sent, strict=True)]

    delays = run(main(), seed=seed)
    assert all(500 <= delay <= 500 + jitter_us for delay in delays)


def test_loss_costs_a_retransmission():
    async def main():
        client, server = await connected()
        link(loss_permille=500)
        times = []
        for _ in range(200):
            begun_us = now_us()
            client.transport.write(b"x")
            await asyncio.sleep(300)
            times.append((server.seen[-1][0] - begun_us - 500) / 200_000)
        return times

    times = run(main())
    assert set(times) <= {2.0**k - 1 for k in range(12)}
    assert 70 < times.count(0.0) < 130


@given(st.integers(0, 1000), st.binary(min_size=1, max_size=300), st.integers(1, 50))
def test_a_split_stream_has_the_same_bytes_in_pieces(seed, data, split):
    async def main():
        client, server = await connected()
        link(split=split, jitter_us=3_000)
        client.transport.write(data)
        await asyncio.sleep(2)
        return server

    server = run(main(), seed=seed)
    assert server.data() == data
    assert all(len(piece) <= split for _, _, piece in server.seen[1:])


def test_merged_bytes_come_in_one_piece():
    async def main():
        client, server = await connected()
        link(merge_us=10_000)
        for data in (b"a", b"b", b"c"):
            client.transport.write(data)
            await asyncio.sleep(0.004)
        await asyncio.sleep(1)
        return server.seen[1:]

    assert run(main()) == [(11_500, "data", b"abc")]


# ---------------------------------------------------------------------- holes


def test_a_hole_delays_what_was_sent_until_a_later_try():
    async def main():
        client, server = await connected()
        link(hole_out=True)
        client.transport.write(b"a")
        await asyncio.sleep(0.1)
        client.transport.write(b"b")
        await asyncio.sleep(0.9)
        link(hole_out=False)
        await asyncio.sleep(10)
        return server.seen[1:]

    tries_us = 1_000 + 200_000 * (1 + 2 + 4)
    assert run(main()) == [(tries_us + 500, "data", b"a"), (tries_us + 500, "data", b"b")]


def test_what_was_sent_into_a_hole_is_lost_even_if_the_hole_is_short():
    async def main():
        client, server = await connected()
        link(latency_us=50_000, hole_out=True)
        client.transport.write(b"a")
        await asyncio.sleep(0.01)
        link(hole_out=False)
        await asyncio.sleep(10)
        return server.seen[1:]

    assert run(main()) == [(1_000 + 200_000 + 50_000, "data", b"a")]


def test_what_was_under_way_when_the_hole_came_is_sent_again_in_its_order():
    async def main():
        client, server = await connected()
        link(latency_us=50_000)
        client.transport.write(b"a")
        await asyncio.sleep(0.01)
        link(hole_out=True)
        client.transport.write(b"b")
        await asyncio.sleep(0.1)
        link(hole_out=False)
        client.transport.write(b"c")
        await asyncio.sleep(10)
        return server.data()

    assert run(main()) == b"abc"


@pytest.mark.parametrize(("lingers", "arrives"), [(True, b"old limit"), (False, b"")])
def test_what_met_a_hole_is_not_sent_again_once_its_sender_has_reset_the_connection(lingers, arrives):
    """As with a socket that is closed under SO_LINGER (1, 0): an old limit cannot come after a newer one."""

    async def main():
        client, server = await connected()
        link(hole_out=True)
        client.transport.write(b"old limit")
        await asyncio.sleep(0.3)
        if not lingers:
            options = client.transport.get_extra_info("socket")
            options.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.transport.abort()
        link(hole_out=False)
        await asyncio.sleep(5)
        return client.kinds()[-1], server.data()

    assert run(main()) == ("lost", arrives)


def test_a_hole_one_way_lets_the_other_way_through():
    async def main():
        client, server = await connected()
        link(hole_back=True)
        client.transport.write(b"heard")
        await asyncio.sleep(0.1)
        server.transport.write(b"not heard")
        await asyncio.sleep(0.1)
        return client.data(), server.data()

    assert run(main()) == (b"", b"heard")


def test_a_connection_into_a_hole_is_given_up_after_fifteen_tries():
    async def main():
        client, _ = await connected()
        link(hole_out=True)
        client.transport.write(b"a")
        failure = await asyncio.wait_for(client.over, 3_600)
        return type(failure), now_us() // S

    doubled_us = sum(min(200_000 << k, 120_000_000) for k in range(16))
    assert run(main()) == (TimeoutError, doubled_us // S)


def test_nothing_is_sent_again_where_nobody_is_left():
    async def main():
        client, server = await connected()
        link(hole_out=True, hole_back=True)
        client.transport.write(b"a")
        client.transport.abort()
        server.transport.abort()
        await asyncio.sleep(0.2)
        return running().env.next_us()

    assert run(main()) is None


def test_the_end_of_a_connection_gets_lost_in_a_hole_too():
    async def main():
        client, server = await connected()
        link(hole_out=True)
        client.transport.close()
        await asyncio.sleep(1)
        assert server.kinds() == ["made"]
        link(hole_out=False)
        await server.over
        return server.kinds()

    assert run(main()) == ["made", "eof", "lost"]


# ---------------------------------------------------------------------- resets and dead ends


def test_a_reset_breaks_both_sides():
    async def main():
        client, server = await connected()
        other, _ = await connected(port=4702)
        count = running().net.reset("box", 4701)
        await asyncio.gather(client.over, server.over)
        assert running().net.reset("nobody") == 0
        return count, client.seen[-1][1:], server.seen[-1][1:], other.kinds()

    assert run(main()) == (1, ("lost", ConnectionResetError), ("lost", ConnectionResetError), ["made"])


def test_a_reset_into_a_hole_leaves_the_client_half_open():
    async def main():
        client, server = await connected()
        link(hole_back=True)
        running().net.reset("box")
        await server.over
        await asyncio.sleep(100)
        assert client.kinds() == ["made"]
        link(hole_back=False)
        client.transport.write(b"still there?")
        failure = await client.over
        return type(failure)

    assert run(main()) is ConnectionResetError


def test_a_client_of_a_server_that_lost_power_learns_of_it_when_it_writes():
    async def main():
        client, server = await connected()
        assert running().net.half_open("box") == 1
        await server.over
        await asyncio.sleep(100)
        assert client.kinds() == ["made"]
        client.transport.write(b"?")
        return type(await client.over), now_us() - 100 * S

    assert run(main()) == (ConnectionResetError, 2_000)


def test_a_client_of_a_server_that_is_gone_for_good_never_hears_of_it():
    async def main():
        client, _ = await connected()
        running().net.half_open("box", silent=True)
        client.transport.write(b"?")
        await asyncio.sleep(600)
        assert client.kinds() == ["made"]
        return type(await client.over)

    assert run(main()) is TimeoutError


def test_an_idle_connection_is_closed_by_the_server():
    async def main():
        link(idle_close_us=30 * S)
        client, server = await connected()
        await asyncio.sleep(20)
        client.transport.write(b"x")
        await client.over
        return now_us() // S, server.kinds()

    assert run(main()) == (50, ["made", "data", "lost"])


def test_idleness_that_is_switched_on_later_counts_from_the_next_byte():
    async def main():
        client, _ = await connected()
        await asyncio.sleep(100)
        link(idle_close_us=30 * S)
        await asyncio.sleep(100)
        client.transport.write(b"x")
        await client.over
        return now_us() // S

    assert run(main()) == 230


def test_a_link_for_one_client_leaves_the_others_alone():
    async def main():
        client, server = await connected()
        loop = running()
        laptop, _ = await loop.create_connection(Noting, "box", 4701, local_addr=("laptop", 0))
        loop.net.link("box", 4701, source="laptop").latency_us = 100_000
        begun_us = now_us()
        laptop.write(b"slow")
        client.transport.write(b"fast")
        await asyncio.sleep(1)
        other = newest_at("box", 4701)
        return server.seen[-1][0] - begun_us, other.seen[-1][0] - begun_us

    assert run(main()) == (500, 100_000)


def test_defaults_are_those_of_every_new_link():
    async def main():
        net = running().net
        net.defaults.latency_us = 5_000
        client, _ = await connected()
        net.defaults.latency_us = 9_000
        assert net.link("box", 4701).latency_us == 5_000
        return client.seen

    assert run(main()) == [(10_000, "made")]
