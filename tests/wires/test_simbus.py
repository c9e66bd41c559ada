from __future__ import annotations

import asyncio

import pytest
import serial

from chargebench.emulator.clock import Deadlock, SimLoop, Starved, running
from chargebench.emulator.wires import simbus
from chargebench.emulator.wires.rs485 import Line
from chargebench.emulator.wires.uart import Setting


def port(name="COM1", **settings):
    return serial.serial_for_url(f"simbus://{name}", exclusive=True, timeout=0, **settings)


def run(main, **options):
    return SimLoop(**options).run(main)


def line(**settings):
    return Line(running(), "COM1", **settings)


def test_the_handler_is_found_through_pyserials_own_list():
    simbus.install()
    simbus.install()
    assert serial.protocol_handler_packages.count(simbus.__name__) == 1


def test_a_port_sends_and_receives_bursts_of_its_line():
    async def main():
        line()
        a, b = port("COM1/a"), port("COM1/b")
        assert a.write(b"hello") == 5
        assert (b.in_waiting, a.out_waiting) == (0, 5)
        await asyncio.sleep(0.005_209)
        assert (b.in_waiting, a.in_waiting, a.out_waiting) == (5, 0, 0)
        return b.read(2), b.read(100), b.read(1)

    assert run(main()) == (b"he", b"llo", b"")


def test_the_descriptor_tells_when_there_is_something_to_read():
    async def main():
        loop, got = running(), []
        line()
        a, b = port("COM1/a"), port("COM1/b")
        loop.add_reader(b, lambda: got.append((loop.now_us, b.read(3))))
        a.write(b"hello")
        await asyncio.sleep(1)
        return got

    assert run(main()) == [(5_209, b"hel"), (5_209, b"lo")]


def test_an_adapter_hands_over_late():
    async def main():
        line()
        a, b = port("COM1/a"), port("COM1/b?rx_latency_us=16000")
        a.write(b"x")
        await asyncio.sleep(0.017_041)
        assert b.in_waiting == 0
        await asyncio.sleep(0.000_001)
        return b.read(1)

    assert run(main()) == b"x"


def test_an_adapter_with_echo_hears_itself():
    async def main():
        line()
        a, b = port("COM1/a?echo"), port("COM1/b")
        a.write(b"x")
        await asyncio.sleep(1)
        return a.read(9), b.read(9)

    assert run(main()) == (b"x", b"x")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("simbus://COM9", "could not open port simbus://COM9: there is no line COM9, known are: COM1"),
        ("simbus://COM1?speed=3", "unknown option speed, known are echo, rx_latency_us"),
        ("simbus://COM1?rx_latency_us=-3", "rx_latency_us is a whole number of microseconds, not '-3'"),
    ],
)
def test_a_port_that_cannot_be_opened_says_why(url, told):
    async def main():
        line()
        with pytest.raises(serial.SerialException) as caught:
            serial.serial_for_url(url)
        return str(caught.value)

    assert told in run(main())


def test_a_port_is_opened_once_and_again_after_closing():
    async def main():
        line()
        one = port()
        with pytest.raises(serial.SerialException, match="in use"):
            port()
        with pytest.raises(serial.SerialException, match="open already"):
            one.open()
        one.close()
        one.close()
        with pytest.raises(serial.SerialException):
            one.read(1)
        with pytest.raises(serial.SerialException):
            one.write(b"x")
        with pytest.raises(serial.SerialException):
            one.fileno()
        two = port()
        assert two.is_open
        one.open()

    with pytest.raises(serial.SerialException, match="in use"):
        run(main())


def test_without_a_loop_with_lines_there_is_no_port():
    simbus.install()
    with pytest.raises(serial.SerialException, match="the loop that runs has no lines"):
        port()

    async def main():
        with pytest.raises(serial.SerialException, match="the loop that runs has no lines"):
            port()

    asyncio.run(main())


def test_a_wrong_baud_rate_is_garbage_on_the_line_and_no_exception():
    async def main():
        line()
        a, b = port("COM1/a", baudrate=9_600), port("COM1/b", baudrate=19_200)
        a.write(b"\x01\x03\x00\x04")
        await asyncio.sleep(1)
        garbage = b.read(100)
        b.baudrate = 9_600
        a.write(b"\x01\x03\x00\x04")
        await asyncio.sleep(1)
        return garbage.hex(" "), b.read(100).hex(" ")

    assert run(main()) == ("06 1e 00 60", "01 03 00 04")


def test_a_port_takes_the_time_of_its_own_setting():
    async def main():
        loop = running()
        line(baud=19_200, parity="E")
        a, b = port("COM1/a", baudrate=19_200, parity="E", stopbits=1), port("COM1/b", baudrate=19_200, parity="E")
        loop.add_reader(b, lambda: got.append((loop.now_us, b.read(100))))
        a.write(bytes(8))
        await asyncio.sleep(1)

    got: list[object] = []
    run(main())
    assert got == [(Setting(19_200, 8, "E").time_us(8), bytes(8))] == [(4_584, bytes(8))]


def test_a_port_holds_so_much_and_no_more():
    async def main():
        line(baud=115_200)
        a = port("COM1/a", baudrate=115_200)
        b = port("COM1/b", baudrate=115_200)
        assert a.write(bytes(5_000)) == 4_096
        assert a.write(b"x") == 0
        assert not a.can_write()
        room = asyncio.Event()
        running().add_writer(a, room.set)
        await room.wait()
        running().remove_writer(a)
        assert a.out_waiting == 2_048
        a.write(b"x")
        await asyncio.sleep(1)
        assert running().lines["COM1"].stats.bursts == 1
        return b.in_waiting

    assert run(main()) == 4_097


def test_buffers_can_be_emptied():
    async def main():
        line()
        a, b = port("COM1/a"), port("COM1/b")
        a.write(b"old")
        a.flush()
        a.reset_output_buffer()
        a.rts = a.dtr = False
        await asyncio.sleep(1)
        b.reset_input_buffer()
        return b.in_waiting

    assert run(main()) == 0


def test_a_client_that_waits_for_ever_for_an_answer_is_starved():
    async def ticking():
        def clock(env):
            while True:
                yield env.timeout(1_000_000)

        env = running().env
        env.process(clock(env))

    async def main():
        await ticking()
        loop = running()
        line()
        a = port()
        loop.add_writer(a, lambda: (loop.remove_writer(a), a.write(b"?")))
        await loop.create_future()

    with pytest.raises(Starved, match=r"waiting: task-1<.*main> for an answer on COM1"):
        run(main())


def test_an_answer_ends_the_wait_of_a_client():
    async def main():
        loop = running()
        line()
        a, b = port("COM1/a"), port("COM1/b")
        loop.add_reader(b, lambda: b.write(b.read(9)))
        loop.add_writer(a, lambda: (loop.remove_writer(a), a.write(b"?")))
        await loop.create_future()

    with pytest.raises(
        Deadlock
    ):  # answered, and then the client waits for something else, in a world that does not tick
        run(main())
