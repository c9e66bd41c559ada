"""Who is answered: units, broadcasts, gateways, mute slaves, listen-only mode and what is counted meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.device import Refused
from chargebench.emulator.slave import Slave
from tests.emulator.bank import Bank

READ = bytes.fromhex("03 0065 0001")
READ_ANSWER = bytes.fromhex("03 02 0007")
WRITE = bytes.fromhex("06 0064 0102")


def count(slave: Slave, sub: int, unit: int = 1) -> int:
    answer = slave.answer(unit, bytes((8, 0, sub, 0, 0)), 0, serial=True)
    assert answer is not None
    assert answer[:3] == bytes((8, 0, sub))
    return int.from_bytes(answer[3:], "big")


@given(st.integers(0, 255), st.binary(min_size=1, max_size=20), st.booleans())
def test_a_unit_that_is_not_here_is_neither_answered_nor_obeyed(unit, pdu, serial):
    banks = {17: Bank(), 200: Bank()}
    if unit in banks or (serial and unit == 0):
        return
    assert Slave(banks).answer(unit, pdu, 0, serial=serial) is None
    assert banks[17].calls == banks[200].calls == []


def test_each_unit_has_its_own_registers():
    banks = {1: Bank(), 2: Bank()}
    slave = Slave(banks)
    slave.answer(2, WRITE, 0)
    assert (banks[1].tables["holding"][0], banks[2].tables["holding"][0]) == (0, 0x0102)


@pytest.mark.parametrize("unit", [0, 3, 255])
def test_a_gateway_has_no_path_to_an_unknown_unit(unit):
    assert Slave({1: Bank()}, gateway=True).answer(unit, READ, 0) == b"\x83\x0a"


def test_a_gateway_is_silent_on_a_line_all_the_same():
    assert Slave({1: Bank()}, gateway=True).answer(3, READ, 0, serial=True) is None


def test_a_gateway_passes_on_that_its_target_did_not_answer():
    class Dead(Bank):
        def read(self, *_):
            raise Refused(0x0B)

    assert Slave({1: Dead()}, gateway=True).answer(1, READ, 0) == b"\x83\x0b"


@pytest.mark.parametrize(
    ("unit", "answer"), [(0, READ_ANSWER), (255, READ_ANSWER), (1, READ_ANSWER), (2, None), (254, None)]
)
def test_units_0_and_255_mean_the_device_itself_where_declared(unit, answer):
    assert Slave({1: Bank()}, tcp_any_unit=True).answer(unit, READ, 0) == answer


@pytest.mark.parametrize("unit", [0, 255])
def test_units_0_and_255_are_strangers_over_tcp_where_not_declared(unit):
    bank = Bank()
    assert Slave({1: bank}).answer(unit, WRITE, 0) is None
    assert bank.calls == []


def test_unit_255_is_a_stranger_on_a_line_even_where_declared():
    assert Slave({1: Bank()}, tcp_any_unit=True).answer(255, READ, 0, serial=True) is None


def test_only_one_device_can_be_the_device_itself():
    with pytest.raises(AssertionError):
        Slave({1: Bank(), 2: Bank()}, tcp_any_unit=True)


@pytest.mark.parametrize(
    "write", ["05 0065 ff00", "06 0065 0102", "0f 0065 0001 01 01", "10 0065 0001 02 0102", "16 0065 0000 0102"]
)
def test_a_broadcast_write_is_obeyed_by_all_and_answered_by_none(write):
    banks = {1: Bank(), 2: Bank()}
    assert Slave(banks).answer(0, bytes.fromhex(write), 0, serial=True) is None
    for bank in banks.values():
        assert (bank.tables["holding"][1], bank.tables["coil"][1]) in {(0x0102, 0), (7, 1)}


@pytest.mark.parametrize(
    "request_pdu", ["03 0065 0001", "17 0064 0001 0065 0001 02 0009", "08 0000 1234", "2b 0e 01 00", "41"]
)
def test_a_broadcast_that_is_not_only_a_write_does_nothing(request_pdu):
    bank = Bank()
    assert Slave({1: bank}).answer(0, bytes.fromhex(request_pdu), 0, serial=True) is None
    assert bank.calls == []


def test_a_device_moves_with_the_clock_before_it_is_read():
    class Clock(Bank):
        def read(self, _table, _address, count):
            return (self.now_us // 1_000_000,) * count

    slave = Slave({1: Clock()})
    assert slave.answer(1, READ, 7_000_000) == bytes.fromhex("03 02 0007")
    assert slave.answer(1, READ, 9_000_000) == bytes.fromhex("03 02 0009")


@pytest.mark.parametrize("code", [2, 3, 4, 6, 0x0B])
def test_a_refusal_becomes_its_exception(code):
    class Stubborn(Bank):
        def write(self, *_):
            raise Refused(code)

    assert Slave({1: Stubborn()}).answer(1, WRITE, 0) == bytes((0x86, code))


def test_a_mute_slave_hears_nothing_and_answers_nothing():
    bank = Bank()
    slave = Slave({1: bank})
    slave.mute = True
    assert slave.answer(1, WRITE, 0) is None
    assert slave.answer(1, WRITE, 0, serial=True) is None
    assert slave.answer(0, WRITE, 0, serial=True) is None
    slave.heard(good=True)
    slave.mute = False
    assert bank.calls == []
    assert count(slave, 0x0B) == count(slave, 0x0F) == 0
    assert slave.answer(1, READ, 0) == READ_ANSWER


def test_one_deaf_unit_leaves_the_others_behind_its_port_alone():
    deaf, other = Bank(), Bank()
    slave = Slave({1: deaf, 2: other})
    slave.reach(1, hears=False, speaks=True)
    assert slave.answer(1, WRITE, 0) is None
    assert slave.answer(1, WRITE, 0, serial=True) is None
    assert slave.answer(2, READ, 0) == READ_ANSWER
    slave.heard(good=True)
    slave.answer(0, WRITE, 0, serial=True)
    assert (len(deaf.calls), len(other.calls)) == (0, 2)
    slave.reach(1, hears=True, speaks=True)
    assert slave.answer(1, READ, 0) == READ_ANSWER
    assert (count(slave, 0x0B), count(slave, 0x0B, 2)) == (0, 1)


@pytest.mark.parametrize("serial", [False, True])
def test_a_unit_that_cannot_speak_does_what_it_is_told(serial):
    bank, other = Bank(), Bank()
    slave = Slave({1: bank, 2: other})
    slave.reach(1, hears=True, speaks=False)
    assert slave.answer(1, WRITE, 0, serial=serial) is None
    assert len(bank.calls) == 1
    assert slave.answer(2, READ, 0, serial=serial) == READ_ANSWER
    slave.reach(1, hears=True, speaks=True)
    assert slave.answer(1, READ, 0, serial=serial) == READ_ANSWER


def test_the_one_device_behind_any_unit_is_deaf_under_each_of_them():
    slave = Slave({7: Bank()}, tcp_any_unit=True)
    slave.reach(7, hears=False, speaks=True)
    assert [slave.answer(unit, READ, 0) for unit in (7, 0, 255)] == [None] * 3


# ---- diagnostics -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_pdu", "answer"),
    [
        ("08 0000 a537", "08 0000 a537"),
        ("08 0000 a537 0102", "08 0000 a537 0102"),
        ("08 0000", "08 0000"),
        ("08 0001 0000", "08 0001 0000"),
        ("08 0001 ff00", "08 0001 ff00"),
        ("08 0001 1234", "88 03"),
        ("08 0001", "88 03"),
        ("08 0004 0001", "88 03"),
        ("08 000a 0000", "08 000a 0000"),
        ("08 000a 0001", "88 03"),
        ("08 000b 0001", "88 03"),
        ("08 000b", "88 03"),
        ("08 0002 0000", "88 01"),
        ("08 0099 0000", "88 01"),
        ("08 00", "88 03"),
    ],
)
def test_diagnostics_on_a_line(request_pdu, answer):
    got = Slave({1: Bank()}).answer(1, bytes.fromhex(request_pdu), 0, serial=True)
    assert got == bytes.fromhex(answer)


def test_a_unit_that_only_listens_obeys_nothing_until_it_is_restarted():
    bank, other = Bank(), Bank()
    slave = Slave({1: bank, 2: other})
    assert slave.answer(1, bytes.fromhex("08 0004 0000"), 0, serial=True) is None
    assert slave.answer(1, WRITE, 0, serial=True) is None
    assert slave.answer(0, WRITE, 0, serial=True) is None
    assert slave.answer(1, bytes.fromhex("08 0000 a537"), 0, serial=True) is None
    assert slave.answer(1, bytes.fromhex("08 0001 1234"), 0, serial=True) is None
    assert bank.calls == []
    assert slave.answer(2, READ, 0, serial=True) == READ_ANSWER
    assert slave.answer(1, bytes.fromhex("08 0001 0000"), 0, serial=True) is None
    assert slave.answer(1, READ, 0, serial=True) == READ_ANSWER
    assert count(slave, 0x0F) == 0


def test_counters_count_what_the_serial_line_specification_says():
    class Busy(Bank):
        def write(self, _table, _address, values):
            raise Refused(6 if values == (1,) else 7)

    slave = Slave({1: Busy(), 2: Bank()})
    for good in (True, True, False):
        slave.heard(good=good)
    for unit, request in [
        (1, "03 0064 0001"),
        (1, "03 0064 0000"),
        (1, "06 0064 0001"),
        (1, "06 0064 0002"),
        (2, "03 0064 0000"),
        (0, "06 0064 0001"),
        (0, "03 0064 0001"),
        (9, "03 0064 0001"),
    ]:
        slave.answer(unit, bytes.fromhex(request), 0, serial=True)
    counted = [count(slave, sub) for sub in (0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x12)]
    # messages, errors, exceptions (one in a broadcast), served (four, two broadcasts and these questions), unanswered, NAK, busy, overrun
    assert counted == [2, 1, 4, 10, 2, 1, 2, 0]
    assert count(slave, 0x0D, unit=2) == 1


def test_clearing_the_counters_clears_those_of_one_unit():
    slave = Slave({1: Bank(), 2: Bank()})
    slave.heard(good=True)
    slave.heard(good=False)
    slave.answer(1, bytes.fromhex("08 000a 0000"), 0, serial=True)
    assert (count(slave, 0x0B), count(slave, 0x0C), count(slave, 0x0B, unit=2)) == (0, 0, 1)


def test_a_counter_wraps_at_16_bits():
    slave = Slave({1: Bank()})
    for _ in range(0x10001):
        slave.heard(good=True)
    assert count(slave, 0x0B) == 1


@pytest.mark.parametrize("serial", [False, True])
def test_every_request_to_write_that_arrives_is_heard_of_whether_or_not_anybody_minds(serial):
    heard = []
    slave = Slave({1: Bank(), 2: Bank()})
    slave.on_write = lambda at_us, unit, function: heard.append((at_us, unit, function))
    refused = bytes.fromhex("06 ffff 0001")
    for at_us, unit, pdu in ((1, 1, READ), (2, 2, WRITE), (3, 1, refused), (4, 9, WRITE), (5, 1, b"")):
        slave.answer(unit, pdu, at_us, serial=serial)
    slave.mute = True
    slave.answer(1, bytes.fromhex("10 0064 0001 02 0001"), 6, serial=serial)
    assert heard == [(2, 2, 6), (3, 1, 6), (4, 9, 6), (6, 1, 16)]
