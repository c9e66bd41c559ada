"""What is wrong with wires: several faults at once, late answers, a port whose adapter is pulled out."""

from __future__ import annotations

import asyncio

import pytest
import serial

from chargebench.emulator.actions import Exchange, Send
from chargebench.emulator.clock import running
from chargebench.emulator.disturbance import Disturbances
from chargebench.emulator.late_answers import late_answers
from chargebench.emulator.spec import FaultSpec, GatewaySpec, LineAt, TcpAt
from chargebench.emulator.trace import Trace
from chargebench.emulator.wires.rs485 import Line
from tests.emulator.worlds import HOUR, Bench, S, box_spec
from tests.wires.test_simbus import port, run

CELLAR = GatewaySpec("cellar", TcpAt("box.lan", 4710), LineAt("CELLAR"), "mbusd", "box")


def told(wires):
    heard = []
    wires.listeners.append(lambda: heard.append(1))
    return heard


def test_noise_adds_up_the_latest_answer_counts_and_an_adapter_is_back_when_the_last_lets_go():
    wires = Disturbances()
    heard = told(wires)
    wires.disturb("COM1", 300)
    wires.disturb("COM1", 50)
    assert (wires.noise_ppm("COM1"), wires.noise_ppm("COM2")) == (350, 0)
    wires.disturb("COM1", -300)
    assert wires.noise_ppm("COM1") == 50
    wires.delay("yard", 700, on=True)
    wires.delay("yard", 500, on=True)
    assert (wires.late_us("yard"), wires.late_us("garage")) == (700, 0)
    wires.delay("yard", 700, on=False)
    assert wires.late_us("yard") == 500
    wires.unplug("cellar", on=True)
    wires.unplug("cellar", on=True)
    wires.unplug("cellar", on=False)
    assert wires.unplugged("cellar")
    wires.unplug("cellar", on=False)
    assert not wires.unplugged("cellar")
    assert len(heard) == 10


def test_faults_do_it_to_the_world_and_take_it_back():
    faults = (
        FaultSpec("noise", "CELLAR", 10 * S, 5 * S, params=(("per_million", 70),)),
        FaultSpec("late answers", "box", 10 * S, 5 * S),
        FaultSpec("adapter unplugged", "cellar", 10 * S, 5 * S),
        FaultSpec("gateway off", "cellar", 20 * S, 5 * S),
        FaultSpec("reboot", "box", 30 * S, params=(("takes", 4 * S),)),
    )
    one = Bench([box_spec(failsafe_us=60 * S)], faults=faults, gateways=(CELLAR,))
    wires, seen = one.world.wires, []
    one.world.reaches.listeners.append(lambda name, now: seen.append((one.world.now_us, name, now.powered)))
    one.to(12 * S)
    assert (wires.noise_ppm("CELLAR"), wires.late_us("box"), wires.unplugged("cellar")) == (70, 1_200_000, True)
    one.to(HOUR)
    assert (wires.noise_ppm("CELLAR"), wires.late_us("box"), wires.unplugged("cellar")) == (0, 0, False)
    of_it = [(at_us, powered) for at_us, name, powered in seen if name == "cellar"]
    assert of_it == [(20 * S, False), (25 * S, True), (30 * S, False), (34 * S, True)], "and it shares its box's fate"


def test_late_answers_leave_later_and_those_of_others_as_always():
    sends = [Send(b"x", 20)]

    def twice(_exchange, actions):
        return [*actions, *actions]

    def of(unit):
        return Exchange(0, unit, None, b"q", b"x")

    assert late_answers({1: 0}, None) is None
    assert late_answers({1: 0}, twice) is twice
    late = late_answers({1: 500}, twice)
    assert late is not None
    assert late(of(1), sends) == [Send(b"x", 520)] * 2
    assert late(of(2), sends) == [Send(b"x", 20)] * 2


def test_who_has_a_port_open_whose_adapter_is_pulled_out_gets_an_error_and_can_open_it_when_it_is_back():
    async def main():
        loop, line, lost = running(), Line(running(), "COM1"), []
        one, other = port("COM1/cellar"), port("COM1/other")

        def readable():
            try:
                one.read(9)
            except serial.SerialException as error:
                lost.append(str(error))
                loop.remove_reader(one)

        loop.add_reader(one, readable)
        line.pull("cellar")
        other.write(b"x")
        await asyncio.sleep(1)
        with pytest.raises(serial.SerialException, match="input/output"):
            one.write(b"x")
        one.close()
        with pytest.raises(serial.SerialException, match="pulled out"):
            one.open()
        line.put_back("cellar")
        one.open()
        other.write(b"y")
        await asyncio.sleep(1)
        return lost, one.read(9)

    lost, read = run(main())
    assert (len(lost), read) == (1, b"y")
    assert "input/output error" in lost[0]


def test_a_tap_is_given_what_its_channels_record_beside_the_sink():
    everything, tapped = [], []
    trace = Trace(lambda *record: everything.append(record))
    trace.tap("tcp a", lambda *record: tapped.append(record))
    for name in ("tcp a#1", "tcp b#1"):
        trace.record(name, 5, "rx", b"x")
    assert [record[0] for record in everything] == ["tcp a#1", "tcp b#1"]
    assert tapped == [("tcp a#1", 5, "rx", b"x")]
