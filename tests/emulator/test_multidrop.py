"""Slaves behind one serial port: each hears for itself, and what they say at one time nobody can read."""

from __future__ import annotations

import pytest

from chargebench.emulator.actions import Send
from chargebench.emulator.adu import pack_rtu, unpack_rtu
from chargebench.emulator.serve import tolerant_end
from chargebench.emulator.slave import Slave
from chargebench.emulator.streams import Stream
from chargebench.emulator.wires.multidrop import Drop, Multidrop
from chargebench.emulator.wires.uart import Setting
from tests.emulator.bank import Bank

PORT = Setting(9_600)
READ = bytes.fromhex("03 0065 0001")
GOOD = bytes.fromhex("03 02 0007")
LONG, LONG_ANSWER_BYTES = bytes.fromhex("03 0065 000a"), 25
SILENCE_US = 5_000


def shared(*places, seed=1):
    """A port with a slave at each place: (unit, turnaround in us, setting)."""
    banks = [Bank() for _ in places]
    drops = [
        Drop(tolerant_end(Slave({unit: bank}), setting, turnaround_us, SILENCE_US), setting)
        for bank, (unit, turnaround_us, setting) in zip(banks, places, strict=True)
    ]
    return Multidrop(drops, PORT, Stream(seed, "port")), banks


def asked(port, frame, at_us=0):
    """What comes back on a frame that has come in two pieces."""
    assert port.receive(frame[:3], at_us) == []
    assert port.receive(frame[3:], at_us + 2_000) == []
    assert port.advance(at_us + 2_000 + SILENCE_US - 1) == []
    assert port.next_us == at_us + 2_000 + SILENCE_US
    actions = port.advance(port.next_us)
    assert port.next_us is None
    return actions


@pytest.mark.parametrize("unit", [1, 2, 101])
def test_each_slave_answers_for_itself_after_its_own_turnaround(unit):
    port, banks = shared((1, 20_000, PORT), (2, 30_000, PORT), (101, 40_000, PORT))
    turnarounds = {1: 20_000, 2: 30_000, 101: 40_000}
    for at_us in (0, 1_000_000):
        (send,) = asked(port, pack_rtu(unit, READ), at_us)
        assert send == Send(pack_rtu(unit, GOOD), turnarounds[unit] - SILENCE_US)
    assert sorted(len(bank.calls) for bank in banks) == [0, 0, 2]


def test_stranger_is_not_answered():
    port, banks = shared((1, 0, PORT), (2, 0, PORT))
    assert asked(port, pack_rtu(3, READ)) == []
    assert [len(bank.calls) for bank in banks] == [0, 0]


def test_broadcast_reaches_all_and_none_answers():
    port, banks = shared((1, 0, PORT), (2, 0, PORT))
    assert asked(port, pack_rtu(0, bytes.fromhex("06 0064 0102"))) == []
    assert [bank.tables["holding"][0] for bank in banks] == [0x0102, 0x0102]


def test_two_slaves_of_one_id_garble_each_other():
    port, banks = shared((1, 20_000, PORT), (1, 20_000, PORT), (2, 20_000, PORT))
    (send,) = asked(port, pack_rtu(1, READ))
    assert isinstance(send, Send)
    assert len(send.data) == len(pack_rtu(1, GOOD))
    assert unpack_rtu(send.data) is None
    assert [len(bank.calls) for bank in banks] == [1, 1, 0]
    (send,) = asked(port, pack_rtu(2, READ), 1_000_000)
    assert isinstance(send, Send)
    assert send.data == pack_rtu(2, GOOD)


def test_answer_can_be_read_until_another_begins_in_it():
    port, _ = shared((1, 10_000, PORT), (1, 15_000, PORT))
    (send,) = asked(port, pack_rtu(1, LONG))
    assert isinstance(send, Send)
    clear = PORT.characters_in(5_000)
    alone = shared((1, 10_000, PORT))[0]
    (whole,) = asked(alone, pack_rtu(1, LONG))
    assert isinstance(whole, Send)
    assert 0 < clear < LONG_ANSWER_BYTES == len(whole.data)
    assert send.data[:clear] == whole.data[:clear]
    assert send.data[clear:] != whole.data[clear:]
    assert len(send.data) == PORT.characters_in(5_000 + PORT.time_us(LONG_ANSWER_BYTES))
    assert send.after_us == whole.after_us


def test_answers_that_do_not_meet_are_both_read():
    apart_us = PORT.time_us(len(pack_rtu(1, GOOD)))
    port, _ = shared((1, 10_000, PORT), (1, 10_000 + apart_us, PORT))
    assert asked(port, pack_rtu(1, READ)) == [
        Send(pack_rtu(1, GOOD), 10_000 - SILENCE_US),
        Send(pack_rtu(1, GOOD), 10_000 - SILENCE_US + apart_us),
    ]


@pytest.mark.parametrize("other", [Setting(19_200), Setting(9_600, 8, "E"), Setting(4_800)])
def test_slave_that_is_set_otherwise_than_the_port_understands_nothing(other):
    port, banks = shared((1, 0, other), (2, 0, PORT))
    for place, unit in enumerate((1, 2)):
        port.receive(pack_rtu(unit, READ), place * 1_000_000)
        answers = []
        while port.next_us is not None:
            answers += port.advance(port.next_us)
        assert [send.data for send in answers] == ([] if unit == 1 else [pack_rtu(2, GOOD)])
    assert [len(bank.calls) for bank in banks] == [0, 1]


def test_noise_of_a_collision_comes_from_its_stream():
    first, again, other = (
        asked(shared((1, 0, PORT), (1, 0, PORT), seed=seed)[0], pack_rtu(1, LONG)) for seed in (1, 1, 2)
    )
    assert first == again != other
