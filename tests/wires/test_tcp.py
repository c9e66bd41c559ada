from __future__ import annotations

import asyncio

import pytest

from chargebench.emulator.clock import SimLoop, running
from tests.wires.peers import Noting, connected, newest_at

MS = 1_000
LATENCY = 500


def run(main, **options):
    return SimLoop(**options).run(main)


def link():
    return running().net.link("box", 4701)


# ---------------------------------------------------------------------- connecting


def test_connecting_takes_a_way_out_and_a_way_back():
    async def main():
        client, server = await connected()
        return client.seen, server.seen

    assert run(main()) == ([(1_000, "made")], [(500, "made")])


def test_a_connection_knows_both_addresses():
    async def main():
        client, server = await connected()
        near, far = client.transport.get_extra_info("sockname"), client.transport.get_extra_info("peername")
        assert (near[0], far) == ("master", ("box", 4701))
        assert server.transport.get_extra_info("sockname") == far
        assert server.transport.get_extra_info("peername") == near
        again, _ = await connected()
        assert again.transport.get_extra_info("sockname") != near

    run(main())


def test_an_end_tells_its_state_to_who_debugs():
    async def main():
        client, _ = await connected()
        states = [repr(client.transport)]
        client.transport.close()
        return [*states, repr(client.transport)]

    assert run(main()) == [
        "<Connection tcp master>box:4701#1 open, 0 unsent, 0 unread>",
        "<Connection tcp master>box:4701#1 lost, 0 unsent, 0 unread>",
    ]


def test_a_server_may_reset_before_the_client_knows_that_it_is_connected():
    class Hasty(Noting):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.reset()

    async def main():
        link().jitter_us = 2_000  # the reset may overtake the answer, which was sent first
        await running().create_server(Hasty, "box", 4701)
        seen = []
        for _ in range(20):
            _, client = await running().create_connection(Noting, "box", 4701)
            await client.over
            seen.append(client.kinds())
        return seen

    assert run(main()) == [["made", "lost"]] * 20


def test_a_connect_that_is_cancelled_at_its_last_step_closes_what_it_has():
    async def main():
        _, _ = await connected()

        def connected_and_cancelled():
            connecting.cancel()
            return Noting()

        connecting = asyncio.create_task(running().create_connection(connected_and_cancelled, "box", 4701))
        with pytest.raises(asyncio.CancelledError):
            await connecting
        server = newest_at("box", 4701)
        await server.over
        return server.kinds()

    assert run(main()) == ["made", "eof", "lost"]


def test_a_server_may_write_first():
    class Greeting(Noting):
        def connection_made(self, transport):
            transport.write(b"hello")

    async def main():
        loop = running()
        await loop.create_server(Greeting, "box", 4701)
        _, client = await loop.create_connection(Noting, "box", 4701)
        await asyncio.sleep(0.1)
        return client.seen

    assert run(main()) == [(1_000, "made"), (1_000, "data", b"hello")]


# ---------------------------------------------------------------------- data


def test_bytes_arrive_one_latency_later_and_never_inside_write():
    async def main():
        client, server = await connected()
        client.transport.write(b"ask")
        assert server.data() == b""
        await asyncio.sleep(0.01)
        server.transport.writelines([b"ans", b"wer"])
        assert client.data() == b""
        await asyncio.sleep(0.01)
        return client.seen[1:], server.seen[1:]

    assert run(main()) == ([(11_500, "data", b"answer")], [(1_500, "data", b"ask")])


@pytest.mark.parametrize("data", ["text", 5, None])
def test_only_bytes_can_be_written(data):
    async def main():
        client, _ = await connected()
        with pytest.raises(TypeError, match="bytes-like"):
            client.transport.write(data)

    run(main())


def test_a_paused_reader_is_given_all_at_once_when_it_resumes():
    async def main():
        client, server = await connected()
        server.transport.pause_reading()
        assert not server.transport.is_reading()
        client.transport.write(b"one")
        await asyncio.sleep(1)
        client.transport.write(b"two")
        await asyncio.sleep(1)
        assert server.data() == b""
        server.transport.resume_reading()
        assert server.transport.is_reading()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return server.seen[1:]

    assert run(main()) == [(2_001_000, "data", b"onetwo")]


def test_a_reader_that_pauses_just_before_it_is_given_bytes_is_given_none():
    async def main():
        client, server = await connected()
        link().merge_us = 10_000
        client.transport.write(b"a")
        running().env.after(5_000, server.transport.pause_reading)
        await asyncio.sleep(1)
        before = server.data()
        server.transport.resume_reading()
        await asyncio.sleep(1)
        return before, server.data()

    assert run(main()) == (b"", b"a")


def test_a_full_window_fills_the_buffer_and_pauses_the_writer():
    async def main():
        client, server = await connected()
        link().window = 1_000
        client.transport.set_write_buffer_limits(high=500, low=100)
        assert client.transport.get_write_buffer_limits() == (100, 500)
        server.transport.pause_reading()
        client.transport.write(bytes(1_400))
        assert (client.transport.get_write_buffer_size(), client.kinds()) == (400, ["made"])
        client.transport.write(bytes(200))
        assert (client.transport.get_write_buffer_size(), client.kinds()) == (600, ["made", "pause"])
        await asyncio.sleep(10)
        assert client.transport.get_write_buffer_size() == 600
        server.transport.resume_reading()
        await asyncio.sleep(1)
        assert (client.kinds(), len(server.data())) == (["made", "pause", "resume"], 1_600)

    run(main())


@pytest.mark.parametrize(
    ("high", "low", "limits"),
    [(None, None, (16_384, 65_536)), (1_000, None, (250, 1_000)), (None, 10, (10, 40)), (0, 0, (0, 0))],
)
def test_water_marks_are_those_of_asyncio(high, low, limits):
    async def main():
        client, _ = await connected()
        client.transport.set_write_buffer_limits(high, low)
        assert client.transport.get_write_buffer_limits() == limits
        with pytest.raises(ValueError, match="high water 1"):
            client.transport.set_write_buffer_limits(1, 2)

    run(main())


def test_a_buffered_protocol_is_fed_into_its_buffer():
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self):
            self.buffer, self.got = bytearray(4), b""

        def get_buffer(self, sizehint):
            assert sizehint > 0
            return self.buffer

        def buffer_updated(self, nbytes):
            self.got += self.buffer[:nbytes]

    async def main():
        loop = running()
        await connected()
        _, client = await loop.create_connection(Buffered, "box", 4701)
        newest_at("box", 4701).transport.write(b"0123456789")
        await asyncio.sleep(1)
        return client.got

    assert run(main()) == b"0123456789"


def test_a_buffered_protocol_that_gives_no_buffer_ends_the_run():
    class Stingy(asyncio.BufferedProtocol):
        def get_buffer(self, sizehint):
            return bytearray(min(sizehint, 0))

        def buffer_updated(self, nbytes):
            pass

    async def main():
        await connected()
        await running().create_connection(Stingy, "box", 4701)
        newest_at("box", 4701).transport.write(b"0123456789")
        await asyncio.sleep(1)

    with pytest.raises(RuntimeError, match="empty buffer"):
        run(main())


# ---------------------------------------------------------------------- ending


def test_closing_ends_both_sides():
    async def main():
        client, server = await connected()
        client.transport.write(b"last")
        client.transport.close()
        assert client.transport.is_closing()
        await asyncio.gather(client.over, server.over)
        return client.seen, server.seen

    client, server = run(main())
    assert client == [(1_000, "made"), (1_000, "lost", None)]
    assert server == [(500, "made"), (1_500, "data", b"last"), (1_500, "eof"), (1_500, "lost", None)]


def test_closing_waits_for_the_buffer_and_aborting_forgets_it():
    async def main(end):
        client, server = await connected()
        link().window = 100
        server.transport.pause_reading()
        client.transport.write(bytes(500))
        getattr(client.transport, end)()
        await asyncio.sleep(1)
        assert client.over.done() == (end == "abort")
        server.transport.resume_reading()
        await asyncio.gather(client.over, server.over)
        return len(server.data()), server.kinds()[-1]

    assert run(main("close")) == (500, "lost")
    assert run(main("abort")) == (100, "lost")


def test_closing_with_bytes_unread_resets_the_other_side():
    async def main():
        client, server = await connected()
        client.transport.pause_reading()
        server.transport.write(b"never read")
        await asyncio.sleep(1)
        client.transport.close()
        await server.over
        return client.seen[-1][1:], server.seen[-1][1:]

    assert run(main()) == (("lost", None), ("lost", ConnectionResetError))


def test_writing_to_a_closed_side_is_answered_by_a_reset():
    async def main():
        client, server = await connected(keep_open=True)
        client.transport.close()
        await asyncio.sleep(1)
        server.transport.write(b"anyone?")
        await server.over
        return server.seen[1:]

    assert run(main()) == [(1_500, "eof"), (1_002_000, "lost", ConnectionResetError)]


def test_half_closing_leaves_the_other_direction_open():
    async def main():
        client, server = await connected(keep_open=True)
        assert client.transport.can_write_eof()
        client.transport.write(b"question")
        client.transport.write_eof()
        client.transport.write_eof()
        with pytest.raises(RuntimeError, match="write_eof"):
            client.transport.write(b"more")
        await asyncio.sleep(1)
        server.transport.write(b"answer")
        server.transport.close()
        await asyncio.sleep(1)
        assert client.kinds() == ["made", "data", "eof"]
        client.transport.close()
        await client.over
        return server.kinds()

    assert run(main()) == ["made", "data", "eof", "lost"]


def test_an_end_of_stream_waits_behind_bytes_that_are_not_read():
    async def main():
        client, server = await connected()
        server.transport.pause_reading()
        client.transport.write(b"data")
        client.transport.close()
        await asyncio.sleep(1)
        assert server.kinds() == ["made"]
        server.transport.resume_reading()
        await server.over
        return server.kinds()

    assert run(main()) == ["made", "data", "eof", "lost"]


def test_writing_after_the_end_is_ignored_as_asyncio_does():
    async def main():
        client, server = await connected()
        client.transport.close()
        await client.over
        client.transport.write(b"late")
        client.transport.close()
        client.transport.abort()
        await asyncio.sleep(1)
        return server.data(), client.kinds()

    assert run(main()) == (b"", ["made", "lost"])


def test_a_protocol_can_be_exchanged():
    async def main():
        client, server = await connected()
        other = Noting()
        client.transport.set_protocol(other)
        assert client.transport.get_protocol() is other
        server.transport.write(b"x")
        await asyncio.sleep(1)
        return client.data(), other.data()

    assert run(main()) == (b"", b"x")


def test_an_exception_of_a_protocol_ends_the_run():
    class Broken(Noting):
        def data_received(self, data):
            raise ZeroDivisionError(data)

    async def main():
        loop = running()
        await loop.create_server(Broken, "box", 4701)
        transport, _ = await loop.create_connection(Noting, "box", 4701)
        transport.write(b"x")
        await asyncio.sleep(10)

    with pytest.raises(ZeroDivisionError):
        run(main())


# ---------------------------------------------------------------------- records


def test_bytes_are_recorded_once_as_sent_and_once_as_received():
    async def main():
        client, server = await connected()
        client.transport.write(b"ask")
        await asyncio.sleep(0.01)
        server.transport.write(b"answer")
        await asyncio.sleep(0.01)
        client.transport.close()
        await server.over

    loop = SimLoop()
    loop.run(main())
    told = {channel.name: [(r.at_us, r.kind, r.data) for r in channel.last()] for channel in loop.trace.channels()}
    assert told == {
        "tcp box:4701>master#1": [
            (500, "open", b""),
            (1_500, "rx", b"ask"),
            (11_000, "tx", b"answer"),
            (21_500, "end", b""),
            (21_500, "close", b""),
        ],
        "tcp master>box:4701#1": [
            (0, "syn", b""),
            (1_000, "open", b""),
            (1_000, "tx", b"ask"),
            (11_500, "rx", b"answer"),
            (21_000, "close", b""),
        ],
    }
