"""A world's slaves on ports: where they are, what is behind them, and who is refused. Net, lines and time are virtual here."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from chargebench.datasheets.errors import CannotOpen, Complaint, UnknownName
from chargebench.emulator.adu import Adu, pack_mbap, pack_rtu, unpack_rtu
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.ports import Listen, Ports, Tty, open_ports
from chargebench.emulator.pump import Pump
from chargebench.emulator.serve import LOOPBACK
from chargebench.emulator.spec import FaultSpec, LineAt, TcpAt
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.uart import Setting
from chargebench.scenarios.clauses.line_wire import SimulatedLine
from chargebench.scenarios.clauses.tcp_wire import StreamWire
from tests.emulator.boxes import Bank as BoxBank
from tests.emulator.worlds import Bench, S, box_spec, car_spec, grid_meter, s0_spec

COM1 = LineAt("COM1")
LIMIT = bytes.fromhex("03 1f9d 0001")  # 8093
VOLTAGE = bytes.fromhex("04 0000 0002")
STOP = bytes.fromhex("06 1f9e 0000")  # 8094
TTY = {"COM1": Tty("simbus://COM1/bench")}


def boxes(at=COM1, **changes):
    return [box_spec(f"box{unit}", at=at, unit=unit, **changes) for unit in (1, 2)]


@asynccontextmanager
async def served(bench, speed=1.0, **options):
    pump = Pump(bench.world, asyncio.get_running_loop(), speed)
    ports = await open_ports(pump, **options)
    try:
        yield ports
    finally:
        ports.close()
        await ports.wait_closed()
        pump.stop()


async def over_tcp(where, pdu, unit=1):
    """The answer PDU of whoever listens at ``where``, nothing where none comes within a second."""
    host, port = where.split(":")
    connection = await StreamWire(host, int(port)).connect()
    await connection.send(pack_mbap(Adu(unit, pdu, 1)))
    answer = await connection.read(1 * S)
    await connection.close()
    return answer[7:]


class Master:
    """A master on the line that hears everything."""

    def __init__(self, loop, line):
        self.line = SimulatedLine(loop, line)

    async def ask(self, unit, pdu):
        await self.line.pause(5_000)
        sent_us = await self.line.send(pack_rtu(unit, pdu))
        burst = await self.line.hear(sent_us + 500_000)
        if burst is None:
            return b""
        adu = unpack_rtu(burst.data)
        return b"garbled" if adu is None else bytes((adu.unit,)) + adu.pdu


# ---- TCP -------------------------------------------------------------------------------------------------------------


def test_every_tcp_address_of_the_world_has_an_alias_behind_which_it_answers():
    loop = SimLoop()
    bench = Bench(
        [box_spec(boot_limit_ma=10_000), box_spec("other", at=TcpAt("localhost", 4701))], (), [s0_spec(), grid_meter()]
    )

    async def main() -> None:
        async with served(bench) as ports:
            assert list(ports.aliases) == ["box.lan:4701", "localhost:4701", "box.lan:4702", "grid.lan:502"]
            assert len(set(ports.aliases.values())) == 4
            assert all(where.startswith(f"{LOOPBACK}:") for where in ports.aliases.values())
            assert await over_tcp(ports.aliases["box.lan:4701"], LIMIT) == bytes.fromhex("03 02 0064")
            assert await over_tcp(ports.aliases["localhost:4701"], LIMIT) == bytes.fromhex("03 02 00a0")
            assert await over_tcp(ports.aliases["grid.lan:502"], VOLTAGE) == bytes.fromhex("04 04 4366 0000")
            assert await over_tcp(ports.aliases["box.lan:4702"], bytes.fromhex("03 1f43 0001"), 2) == bytes.fromhex(
                "03 02 0101"
            )

    loop.run(main())


def test_port_that_is_asked_for_is_used():
    loop = SimLoop()

    async def main() -> None:
        async with served(Bench([box_spec()]), tcp={"box.lan:4701": Listen("10.0.0.1", 14701)}) as ports:
            assert ports.aliases == {"box.lan:4701": "10.0.0.1:14701"}
            assert await over_tcp("10.0.0.1:14701", LIMIT) == bytes.fromhex("03 02 00a0")

    loop.run(main())


def test_devices_live_in_the_time_of_the_world_and_turnarounds_in_that_of_the_loop():
    loop, bench = SimLoop(), Bench([box_spec()], [car_spec()])

    async def main() -> None:
        async with served(bench, 60.0) as ports:
            for _ in range(3):
                await asyncio.sleep(1)
                asked_us = loop.now_us
                assert await over_tcp(ports.aliases["box.lan:4701"], LIMIT) == bytes.fromhex("03 02 00a0")
                assert 20_000 <= loop.now_us - asked_us < 25_000
                assert bench.world.now_us >= asked_us * 60
            await over_tcp(ports.aliases["box.lan:4701"], STOP)
            await asyncio.sleep(1)
            (write, down, _) = bench.story("write", "offer")[-3:]
            assert write[1:] == ("write", "charging_enable", 0)
            assert down == (write[0] + 200_000, "offer", 6_000)

    loop.run(main())


def test_a_box_that_a_second_client_crashes_restarts_in_the_time_of_the_world():
    loop, bench = SimLoop(), BoxBank("em2go-home").to(60 * S)
    (server,) = bench.world.servers()
    assert isinstance(server.at, TcpAt)
    at = server.at

    async def main() -> None:
        async with served(bench, 10.0) as ports:
            await asyncio.sleep(5)
            host, port = ports.aliases[f"{at.host}:{at.port}"].split(":")
            wire = StreamWire(host, int(port))
            first, second = await wire.connect(), await wire.connect()
            assert await second.read(1 * S) == b""
            assert bench.box.restarts == 1
            assert bench.world.now_us <= 60 * S + 10 * loop.now_us
            await first.close()

    loop.run(main())


def test_a_lockout_lasts_as_long_as_the_watchdog_of_the_world():
    loop, bench = SimLoop(), BoxBank("vestel-evc04", failsafe_us=20 * S)
    (server,) = bench.world.servers()
    assert isinstance(server.at, TcpAt)
    at = server.at
    state = bytes.fromhex("04 03e8 0001")

    async def main() -> None:
        async with served(bench, 10.0) as ports:
            where = ports.aliases[f"{at.host}:{at.port}"]
            assert await over_tcp(where, state, server.members[0].unit)
            await asyncio.sleep(1.5)
            assert not await over_tcp(where, state, server.members[0].unit)
            await asyncio.sleep(1)
            assert await over_tcp(where, state, server.members[0].unit)

    loop.run(main())


def test_closed_ports_are_free_again_and_leave_the_world_alone():
    loop, bench = SimLoop(), Bench([box_spec()])
    listeners = list(bench.world.reaches.listeners)

    async def main() -> None:
        for _ in range(2):
            async with served(bench, tcp={"box.lan:4701": Listen(port=14701)}) as ports:
                pass
            ports.close()
        assert bench.world.reaches.listeners == listeners
        with pytest.raises(OSError, match="14701"):
            await over_tcp(f"{LOOPBACK}:14701", LIMIT)

    loop.run(main())


# ---- lines -----------------------------------------------------------------------------------------------------------


def test_all_units_of_a_line_answer_on_its_one_port():
    loop, bench = SimLoop(), Bench(boxes(), (), [grid_meter(at=COM1, unit=101)])
    master = Master(loop, Line(loop, "COM1"))

    async def main() -> None:
        async with served(bench, ttys=TTY) as ports:
            assert ports.aliases == {}
            for _ in range(2):
                assert await master.ask(1, LIMIT) == bytes.fromhex("01 03 02 00a0")
                assert await master.ask(2, LIMIT) == bytes.fromhex("02 03 02 00a0")
                assert await master.ask(101, VOLTAGE) == bytes.fromhex("65 04 04 4366 0000")
                assert await master.ask(3, LIMIT) == b""
            assert await master.ask(0, STOP) == b""
            assert [box.enable for box in bench.world.boxes.values()] == [False, False]
            assert ports.lost == {}

    loop.run(main())


def test_boxes_of_one_id_are_not_understood():
    loop, bench = SimLoop(), Bench([box_spec(name, at=COM1) for name in ("one", "two")])
    master = Master(loop, Line(loop, "COM1"))

    async def main() -> None:
        async with served(bench, ttys=TTY):
            assert await master.ask(1, LIMIT) == b"garbled"

    loop.run(main())


def test_port_is_set_as_most_slaves_are_and_the_others_stay_silent():
    loop = SimLoop()
    fast = LineAt("COM1", 19_200)
    bench = Bench([box_spec("slow", at=COM1, unit=3), *boxes(fast)])
    master = Master(loop, Line(loop, "COM1", 19_200))

    async def main() -> None:
        async with served(bench, ttys=TTY):
            assert await master.ask(2, LIMIT) == bytes.fromhex("02 03 02 00a0")
            assert await master.ask(3, LIMIT) == b""

    loop.run(main())


def test_port_is_set_as_it_is_told():
    loop = SimLoop()
    master = Master(loop, Line(loop, "COM1", 19_200))

    async def main() -> None:
        async with served(Bench(boxes()), ttys={"COM1": Tty("simbus://COM1/bench", Setting(19_200))}):
            assert await master.ask(1, LIMIT) == b""

    loop.run(main())


def test_line_whose_port_goes_away_is_told(monkeypatch):
    loop = SimLoop()
    master = Master(loop, Line(loop, "COM1"))

    async def main() -> None:
        async with served(Bench(boxes()), ttys=TTY) as ports:

            def unplugged(_size):
                raise OSError("the adapter is gone")

            monkeypatch.setattr(ports._lines["COM1"]._port, "read", unplugged)
            assert await master.ask(1, LIMIT) == b""
            assert ports.lost == {"COM1": "the adapter is gone"}

    loop.run(main())


# ---- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [1, 10])
def test_silent_slave_is_silent_alone_and_for_its_time(speed):
    loop = SimLoop()
    bench = Bench(
        [*boxes(), box_spec()], faults=[FaultSpec("silence", name, 100 * S, 100 * S) for name in ("box1", "box")]
    )
    master = Master(loop, Line(loop, "COM1"))

    async def answers(ports):
        return [
            bool(await master.ask(1, LIMIT)),
            bool(await master.ask(2, LIMIT)),
            bool(await over_tcp(ports.aliases["box.lan:4701"], LIMIT)),
        ]

    async def main() -> None:
        async with served(bench, speed, ttys=TTY) as ports:
            assert await answers(ports) == [True, True, True]
            await asyncio.sleep(100 / speed)
            assert await answers(ports) == [False, True, False]
            await asyncio.sleep(100 / speed)
            assert await answers(ports) == [True, True, True]

    loop.run(main())


def test_slave_that_is_silent_already_is_served_silent():
    loop, bench = SimLoop(), Bench([box_spec()], faults=[FaultSpec("silence", "box", 0, 10 * S)])

    async def main() -> None:
        async with served(bench) as ports:
            assert await over_tcp(ports.aliases["box.lan:4701"], LIMIT) == b""
            await asyncio.sleep(10)
            assert await over_tcp(ports.aliases["box.lan:4701"], LIMIT) != b""

    loop.run(main())


def test_slave_that_falls_silent_while_the_ports_open_is_silent():
    loop, bench = SimLoop(), Bench([box_spec()], faults=[FaultSpec("silence", "box", 1, None)])

    async def main() -> None:
        pump = Pump(bench.world, loop)
        ports = Ports(pump)
        await asyncio.sleep(1)
        (server,) = bench.world.servers()
        await ports.serve_tcp(server, Listen())
        assert await over_tcp(ports.aliases["box.lan:4701"], LIMIT) == b""
        ports.close()
        pump.stop()

    loop.run(main())


@pytest.mark.parametrize(
    ("kind", "way", "carried_out"),
    [
        ("one-way loss", None, True),
        ("access point lost", None, False),
        ("access point lost", "answers", True),
        ("access point lost", "requests", False),
    ],
)
def test_what_a_network_would_not_carry_a_real_port_does_not_hear_or_say(kind, way, carried_out):
    params = () if way is None else (("way", way),)
    loop, bench = SimLoop(), Bench([box_spec()], faults=[FaultSpec(kind, "box", 0, 10 * S, params=params)])

    async def main() -> None:
        async with served(bench) as ports:
            assert await over_tcp(ports.aliases["box.lan:4701"], STOP) == b""
            assert bool(bench.story("write")) == carried_out
            await asyncio.sleep(10)
            assert await over_tcp(ports.aliases["box.lan:4701"], LIMIT) != b""

    loop.run(main())


# ---- what cannot be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        ({}, Complaint, "line COM1 needs a serial port of this machine, such as /dev/ttyUSB0"),
        ({"ttys": TTY | {"COM2": Tty("/dev/ttyS0")}}, UnknownName, "unknown line 'COM2'; did you mean COM1?"),
        (
            {"ttys": TTY, "tcp": {"box.lan:502": Listen()}},
            UnknownName,
            "unknown address 'box.lan:502'; did you mean box.lan:4701?",
        ),
        ({"ttys": TTY, "tcp": {"box.lan:4701": Listen(port=14702)}}, CannotOpen, f"{LOOPBACK}:14702 for box: "),
        ({"ttys": {"COM1": Tty("simbus://COM1/taken")}}, CannotOpen, "simbus://COM1/taken for COM1: "),
        ({"ttys": {"COM1": Tty("/dev/nothing")}}, CannotOpen, "/dev/nothing for COM1: no such file or directory"),
    ],
    ids=["no port", "another line", "another address", "address in use", "port in use", "port not there"],
)
def test_what_cannot_be_opened_is_told_and_nothing_is_left_open(options, kind, sentence):
    loop, bench = SimLoop(), Bench([*boxes(), box_spec()])
    line = Line(loop, "COM1")
    listeners = list(bench.world.reaches.listeners)

    async def main() -> None:
        SimulatedLine(loop, line, "taken")
        busy = await asyncio.start_server(lambda _reader, _writer: None, LOOPBACK, 14702)
        pump = Pump(bench.world, loop)
        with pytest.raises(Complaint) as caught:
            await open_ports(pump, **options)
        assert type(caught.value) is kind
        assert str(caught.value).startswith(sentence)
        assert bench.world.reaches.listeners == listeners
        async with served(bench, ttys=TTY, tcp={"box.lan:4701": Listen(port=14701)}):
            pass
        busy.close()

    loop.run(main())


def test_answers_that_are_late_in_the_world_are_late_on_a_port_by_its_speed():
    late = FaultSpec("late answers", "box", 0, 10 * S, params=(("by", 400_000),))
    loop, bench = SimLoop(), Bench([box_spec()], faults=[late])

    async def main() -> tuple[float, float]:
        took = []
        async with served(bench, speed=2) as ports:
            for _ in range(2):
                begun = loop.time()
                assert await over_tcp(ports.aliases["box.lan:4701"], LIMIT) != b""
                took.append(loop.time() - begun)
                await asyncio.sleep(10)
        assert bench.world.wires.listeners == []
        return took[0], took[1]

    slow, quick = loop.run(main())
    assert 0.199 < slow - quick < 0.201
