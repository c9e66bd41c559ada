from __future__ import annotations

import asyncio
import errno

import pytest

from chargebench.emulator.clock import SimLoop, running
from chargebench.emulator.wires.net import HOST
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


# ---------------------------------------------------------------------- servers and hosts


def test_code_runs_on_a_host_and_what_it_starts_runs_there_too():
    async def relay():
        HOST.set("gateway")
        loop = running()
        seen = []

        class Relay(Noting):
            def connection_made(self, transport):
                super().connection_made(transport)
                seen.append(HOST.get())
                self.task = loop.create_task(onwards())

        async def onwards():
            transport, _ = await loop.create_connection(Noting, "box", 4701)
            seen.append(transport.get_extra_info("sockname")[0])

        server = await loop.create_server(Relay, None, 502)
        return seen, server.sockets[0].getsockname()

    async def main():
        await connected()
        seen, address = await asyncio.create_task(relay())
        assert HOST.get() == "master"
        transport, _ = await running().create_connection(Noting, *address)
        await asyncio.sleep(1)
        return seen, address, transport.get_extra_info("sockname")[0]

    assert run(main()) == (["gateway", "gateway"], ("gateway", 502), "master")


def test_a_clients_callbacks_run_on_its_host_and_a_servers_on_its_own():
    seen = []

    class Telling(Noting):
        name = ""

        def data_received(self, data):
            seen.append((self.name, HOST.get()))
            super().data_received(data)

        def connection_made(self, transport):
            seen.append((self.name, HOST.get()))
            super().connection_made(transport)

        def connection_lost(self, exc):
            seen.append((self.name, HOST.get()))
            super().connection_lost(exc)

    class Server(Telling):
        name = "server"

        def data_received(self, data):
            super().data_received(data)
            self.transport.write(data)

    class Client(Telling):
        name = "client"

    async def serve():
        HOST.set("box")
        await running().create_server(Server, None, 4701)

    async def ask():
        HOST.set("laptop")
        transport, client = await running().create_connection(Client, "box", 4701)
        transport.write(b"?")
        await asyncio.sleep(1)
        transport.close()
        await client.over

    async def main():
        await asyncio.create_task(serve())
        await asyncio.create_task(ask())
        await asyncio.sleep(1)

    run(main())
    assert sorted(seen) == [("client", "laptop")] * 3 + [("server", "box")] * 3


def test_a_client_may_name_the_host_it_comes_from():
    async def main():
        await connected()
        transport, _ = await running().create_connection(Noting, "box", 4701, local_addr=("laptop", 0))
        return transport.get_extra_info("sockname")[0]

    assert run(main()) == "laptop"


def test_a_port_is_taken_once_and_free_after_closing():
    async def main():
        loop = running()
        server = await loop.create_server(Noting, "box", 4701)
        with pytest.raises(OSError, match="already in use: box:4701") as caught:
            await loop.create_server(Noting, ["other", "box"], 4701)
        assert caught.value.errno == errno.EADDRINUSE
        assert loop.net.servers.keys() == {("box", 4701)}
        server.close()
        assert not server.is_serving()
        assert server.sockets == ()
        await loop.create_server(Noting, "box", 4701)

    run(main())


def test_a_port_that_is_not_named_is_a_free_one():
    async def main():
        loop = running()
        servers = [await loop.create_server(Noting, "box", 0) for _ in range(3)]
        return len({server.sockets[0].getsockname() for server in servers})

    assert run(main()) == 3


def test_a_server_that_does_not_serve_yet_refuses():
    async def main():
        loop = running()
        server = await loop.create_server(Noting, "box", 4701, start_serving=False)
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Noting, "box", 4701)
        serving = asyncio.create_task(server.serve_forever())
        await asyncio.sleep(1)
        await loop.create_connection(Noting, "box", 4701)
        serving.cancel()
        await asyncio.sleep(1)
        assert not server.is_serving()

    run(main())


def test_waiting_for_a_closed_server_waits_for_its_connections():
    async def main():
        client, _ = await connected()
        server = running().net.servers["box", 4701]
        server.close()
        running().call_later(5, client.transport.close)
        await server.wait_closed()
        return now_us()

    assert run(main()) == 5 * S + 1_500


def test_a_server_can_close_its_clients():
    async def main():
        client, _ = await connected()
        server = running().net.servers["box", 4701]
        server.close_clients()
        await client.over
        other, _ = await connected()
        server.abort_clients()
        await other.over
        return client.kinds(), other.kinds()

    assert run(main()) == (["made", "eof", "lost"], ["made", "eof", "lost"])


# ---------------------------------------------------------------------- connecting to what is not well


def test_a_refused_connection_is_refused_after_a_round_trip():
    async def main():
        await running().create_server(Noting, "box", 4701)
        link(refuse=True)
        with pytest.raises(ConnectionRefusedError, match="box:4701 refused") as caught:
            await asyncio.open_connection("box", 4701)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("nobody", 1)
        return caught.value.errno, now_us()

    assert run(main()) == (errno.ECONNREFUSED, 2_000)


def test_connecting_into_a_hole_times_out_as_linux_does():
    async def main():
        link(hole_back=True)
        with pytest.raises(TimeoutError) as caught:
            await asyncio.open_connection("box", 4701)
        return caught.value.errno, now_us()

    assert run(main()) == (errno.ETIMEDOUT, 127 * S)


def test_connecting_succeeds_at_the_next_try_after_a_hole():
    async def main():
        link(hole_out=True)
        running().env.at(5 * S, lambda: link(hole_out=False))
        client, _ = await connected()
        return client.seen

    assert run(main()) == [(7 * S + 1_000, "made")]


def test_a_cancelled_connect_leaves_nothing_behind():
    async def main():
        await connected()
        loop = running()
        connecting = asyncio.create_task(loop.create_connection(Noting, "box", 4701))
        await asyncio.sleep(0.0007)
        server = newest_at("box", 4701)
        connecting.cancel()
        await asyncio.sleep(1)
        return server.kinds(), len(list(loop.net.open_connections("box")))

    assert run(main()) == (["made", "eof", "lost"], 1)


@pytest.mark.parametrize(
    ("excess", "first", "second"),
    [
        ("refuse", ["made"], None),
        ("close", ["made"], ["made", "eof", "lost"]),
        ("replace", ["made", "eof", "lost"], ["made"]),
    ],
)
def test_one_client_at_a_time(excess, first, second):
    async def main():
        link(clients_max=1, excess=excess)
        one, _ = await connected()
        try:
            two, _ = await connected()
        except ConnectionRefusedError:
            two = None
        await asyncio.sleep(1)
        return one.kinds(), two and two.kinds()

    assert run(main()) == (first, second)


def test_the_next_client_is_welcome_when_the_first_has_gone():
    async def main():
        link(clients_max=1)
        one, _ = await connected()
        one.transport.close()
        await asyncio.sleep(1)
        two, _ = await connected()
        return two.kinds()

    assert run(main()) == ["made"]
