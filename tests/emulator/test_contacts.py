"""Contacts that somebody else switches, on a module of inputs and at the S0 inputs of a Power Brain."""

from dataclasses import replace

import pytest

from chargebench.datasheets.load import load
from chargebench.datasheets.model import Table
from chargebench.emulator.device import Refused
from chargebench.emulator.devices.contacts import ContactDevice
from chargebench.emulator.slave import Slave
from chargebench.emulator.spec import ConnectionSpec, ContactSpec, FaultSpec, ModuleSpec, PointSpec, TcpAt, WorldSpec
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from tests.emulator.worlds import box_spec

SECOND = 1_000_000
TURNS = ContactSpec((5 * SECOND, 9 * SECOND))
PLAIN = WorldSpec(ConnectionSpec(32_000), (box_spec(),))
MODULE = ModuleSpec("input-3", TcpAt("192.168.2.60", 502), 1, (PointSpec("discrete", 2, 0, TURNS),))


class Clock:
    now_us = 0

    def advance(self, to_us):
        self.now_us = to_us
        return 1 << 62


def test_a_contact_is_open_then_closed_then_open_from_each_of_its_turns_on():
    closed = [TURNS.closed(at) for at in (0, 5 * SECOND - 1, 5 * SECOND, 9 * SECOND - 1, 9 * SECOND)]
    assert closed == [False, False, True, True, False]
    assert ContactSpec((0,)).closed(0)


def test_a_module_shows_its_contacts_and_refuses_everything_else():
    points = (*MODULE.points, PointSpec("holding", 7, 1, TURNS), PointSpec("holding", 7, 15, ContactSpec((0,))))
    device = ContactDevice(replace(MODULE, points=points), Clock())
    assert device.functions == (2, 3)
    assert (device.read("discrete", 2, 1), device.read("holding", 7, 1)) == ([0], [0x8000])
    device.advance(6 * SECOND)
    assert (device.read("discrete", 2, 1), device.read("holding", 7, 1)) == ([1], [0x8002])
    wrong: tuple[tuple[Table, int, int], ...] = (
        ("discrete", 1, 1),
        ("discrete", 2, 2),
        ("holding", 2, 1),
        ("coil", 2, 1),
    )
    for table, at, count in wrong:
        with pytest.raises(Refused):
            device.read(table, at, count)
    with pytest.raises(Refused):
        device.write("holding", 7, (1,))
    slave = Slave({1: ContactDevice(MODULE, Clock())})
    assert slave.answer(1, b"\x02\x00\x02\x00\x01", 6 * SECOND) == b"\x02\x01\x01"
    assert slave.answer(1, b"\x03\x00\x02\x00\x01", 6 * SECOND) == b"\x83\x01"


def test_the_s0_inputs_of_a_power_brain_show_what_is_wired_to_them():
    plain = PLAIN
    (box, *others) = plain.boxes
    spec = replace(plain, boxes=(replace(box, contacts=(ContactSpec((0,)), TURNS)), *others), modules=(MODULE,))
    world = World(spec, Streams(1), lambda _: None, load)
    shown = []
    for at_us in (SECOND, 6 * SECOND, 9 * SECOND):
        world.advance(at_us)
        shown.append(world.devices[box.name].read("holding", 8113, 1)[0] & 0b11)
    assert shown == [0b01, 0b11, 0b01]


def test_a_module_may_fall_silent_and_is_off_in_a_blackout():
    faults = (
        FaultSpec("silence", "input-3", SECOND, 2 * SECOND),
        FaultSpec("blackout", "connection", 4 * SECOND, 2 * SECOND),
    )
    world = World(replace(PLAIN, modules=(MODULE,), faults=faults), Streams(1), lambda _: None, load)
    mute = []
    for at_us in (0, 2 * SECOND, 3 * SECOND, 5 * SECOND, 7 * SECOND):
        world.advance(at_us)
        mute.append(world.reach("input-3").mute)
    assert mute == [False, True, False, True, False]
    assert [server.name for server in world.servers()][-1] == "input-3"


def test_a_module_needs_a_name_of_its_own():
    plain = PLAIN
    with pytest.raises(ValueError, match="two of the box or meter"):
        World(replace(plain, modules=(replace(MODULE, name=plain.boxes[0].name),)), Streams(1), lambda _: None, load)
