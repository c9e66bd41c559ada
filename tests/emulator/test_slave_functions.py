"""The functions of one device, PDU by PDU: facts of the application protocol, and pymodbus' PDUs as the second reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.pdu import DecodePDU, bit_message, register_message
from pymodbus.pdu.pdu import ModbusPDU

from chargebench.datasheets.model import Table
from chargebench.emulator.slave import Slave
from tests.emulator.bank import ALL_FUNCTIONS, Bank

RESPONSES = DecodePDU(is_server=False)
LAST = 499  # the bank's addresses are 100..499


def ask(request: str | bytes, bank: Bank | None = None, *, serial: bool = False) -> str:
    pdu = bytes.fromhex(request) if isinstance(request, str) else request
    answer = Slave({1: bank or Bank(read_only=(102,), most={103: 160})}).answer(1, pdu, 5, serial=serial)
    return "silence" if answer is None else answer.hex(" ")


@pytest.mark.parametrize(
    ("request_pdu", "answer"),
    [
        pytest.param("03 0064 0001", "03 02 00 00", id="one register"),
        pytest.param("03 0065 0002", "03 04 00 07 00 0e", id="two registers"),
        pytest.param("03 01f3 0001", "03 02 0a e9", id="last register"),
        pytest.param("04 0065 0001", "04 02 00 0b", id="input register"),
        pytest.param("03 0064 0000", "83 03", id="no register"),
        pytest.param("03 0064 007e", "83 03", id="126 registers"),
        pytest.param("03 0064 ffff", "83 03", id="65535 registers"),
        pytest.param("03 01f4 0001", "83 02", id="behind the last"),
        pytest.param("03 01f3 0002", "83 02", id="straddling the end"),
        pytest.param("03 ffff 0001", "83 02", id="address 65535"),
        pytest.param("03 ffff 0002", "83 02", id="no wrap"),
        pytest.param("03 ffff 0000", "83 03", id="quantity before address"),
        pytest.param("04 0064 007e", "84 03", id="126 input registers"),
        pytest.param("01 0064 0009", "01 02 49 00", id="nine coils"),
        pytest.param("02 0064 000b", "02 02 21 04", id="eleven discrete inputs"),
        pytest.param("01 0064 0000", "81 03", id="no coil"),
        pytest.param("02 0064 07d1", "82 03", id="2001 discrete inputs"),
        pytest.param("05 0065 ff00", "05 00 65 ff 00", id="coil on"),
        pytest.param("05 0065 0000", "05 00 65 00 00", id="coil off"),
        pytest.param("05 0065 1234", "85 03", id="coil neither on nor off"),
        pytest.param("05 ffff 0001", "85 03", id="coil value before address"),
        pytest.param("05 01f4 ff00", "85 02", id="coil behind the last"),
        pytest.param("06 0064 0102", "06 00 64 01 02", id="write register"),
        pytest.param("06 0066 0102", "86 02", id="write read-only"),
        pytest.param("06 0067 00a1", "86 03", id="write too much"),
        pytest.param("06 01f4 0102", "86 02", id="write behind the last"),
        pytest.param("10 0064 0002 04 0001 0002", "10 00 64 00 02", id="write registers"),
        pytest.param("10 0064 0000 00", "90 03", id="write none"),
        pytest.param("10 0064 0002 03 0001 00", "90 03", id="odd byte count"),
        pytest.param("10 0064 0002 04 0001", "90 03", id="byte count above payload"),
        pytest.param("10 0064 0002 04 0001 0002 00", "90 03", id="payload above byte count"),
        pytest.param("10 0064 0001 04 0001 0002", "90 03", id="quantity below byte count"),
        pytest.param("10 0064 0002 03 0001 0002", "90 03", id="byte count below payload and quantity"),
        pytest.param("10 01f3 0002 04 0001 0002", "90 02", id="write straddling the end"),
        pytest.param("10 ffff 0002 04 0001 0002", "90 02", id="write does not wrap"),
        pytest.param("10 0064", "90 03", id="write cut short"),
        pytest.param("0f 0064 000a 02 cd01", "0f 00 64 00 0a", id="write coils"),
        pytest.param("0f 0064 000a 01 cd", "8f 03", id="coils with a wrong byte count"),
        pytest.param("0f 0064 07b1 f7" + "00" * 247, "8f 03", id="1969 coils"),
        pytest.param("16 0064 00f2 0025", "16 00 64 00 f2 00 25", id="mask write"),
        pytest.param("16 01f4 00f2 0025", "96 02", id="mask write behind the last"),
        pytest.param("16 0064 00f2", "96 03", id="mask write cut short"),
        pytest.param("17 0064 0002 0065 0001 02 0009", "17 04 00 00 00 09", id="exchange writes first"),
        pytest.param("17 0064 007e 0065 0001 02 0009", "97 03", id="exchange reads 126"),
        pytest.param("17 0064 0001 0065 007a f4" + "00" * 244, "97 03", id="exchange writes 122"),
        pytest.param("03 0064", "83 03", id="cut short"),
        pytest.param("03", "83 03", id="only a function code"),
        pytest.param("03 0064 0001 00", "83 03", id="trailing byte"),
        pytest.param("06 0064 0102 00", "86 03", id="trailing byte of a write"),
        pytest.param("09", "89 01", id="function 9"),
        pytest.param("41 00", "c1 01", id="function 65"),
        pytest.param("7f", "ff 01", id="function 127"),
        pytest.param("18 0064", "98 01", id="fifo"),
        pytest.param("00", "silence", id="function 0"),
        pytest.param("80", "silence", id="function 128"),
        pytest.param("83 02", "silence", id="an exception response"),
        pytest.param("", "silence", id="nothing"),
        pytest.param("08 0000 1234", "88 01", id="diagnostics over TCP"),
        pytest.param("11", "91 01", id="report over TCP"),
        pytest.param("2b 0d 01 00", "ab 01", id="unknown MEI"),
        pytest.param("2b 0e 05 00", "ab 03", id="unknown read code"),
        pytest.param("2b 0e 00 00", "ab 03", id="read code 0"),
        pytest.param("2b 0e 04 30", "ab 02", id="unknown object"),
        pytest.param("2b 0e 04 05", "2b 0e 04 83 00 00 01 05 02 42 31", id="one object"),
        pytest.param("2b 0e 01", "ab 03", id="identification cut short"),
        pytest.param("2b", "ab 03", id="MEI missing"),
    ],
)
def test_answers_are_those_of_the_application_protocol(request_pdu, answer):
    assert ask(request_pdu) == answer


@pytest.mark.parametrize("function", ALL_FUNCTIONS)
def test_a_function_that_the_device_lacks_is_exception_01_whatever_follows(function):
    bank = Bank(functions=set(ALL_FUNCTIONS) - {function})
    for rest in ("", "0064 0001", "ffff ffff ff"):
        assert ask(f"{function:02x} {rest}", bank, serial=True) == f"{function | 0x80:02x} 01"
    assert bank.calls == []


def test_masks_keep_and_set_the_bits_of_the_specification():
    bank = Bank()
    bank.tables["holding"][0] = 0x0012
    ask("16 0064 00f2 0025", bank)
    assert bank.tables["holding"][0] == 0x0017


@pytest.mark.parametrize(
    ("request_pdu", "answer"),
    [
        ("03 ffff 0001", "03 02 ff ff"),
        ("03 ffff 0002", "83 02"),
        ("01 ffff 0001", "01 01 00"),
        ("01 ffff 0002", "81 02"),
        ("10 ffff 0001 02 0001", "10 ff ff 00 01"),
        ("10 ffff 0002 04 0001 0002", "90 02"),
        ("0f ffff 0002 01 03", "8f 02"),
        ("17 ffff 0002 0000 0001 02 0001", "97 02"),
        ("17 0000 0001 ffff 0002 04 0001 0002", "97 02"),
    ],
)
def test_addresses_end_at_65535_even_for_a_device_that_does_not_look(request_pdu, answer):
    class Trusting(Bank):
        def read(self, table, _address, count):
            return [0xFFFF if table == "holding" else 0] * count

        def write(self, _table, _address, _values):
            pass

    assert ask(request_pdu, Trusting()) == answer


def test_an_exchange_with_a_bad_read_writes_nothing():
    bank = Bank()
    before = list(bank.tables["holding"])
    assert ask("17 01f4 0001 0065 0001 02 0009", bank) == "97 02"
    assert bank.tables["holding"] == before


def test_a_refused_write_leaves_no_part_behind():
    bank = Bank(read_only=(102,))
    before = list(bank.tables["holding"])
    assert ask("10 0065 0002 04 0001 0002", bank) == "90 02"
    assert bank.tables["holding"] == before


def test_a_device_without_identity_refuses_to_identify_itself():
    bank = Bank()
    del bank.identity
    assert ask("2b 0e 01 00", bank) == "ab 01"
    assert ask("11", bank, serial=True) == "91 01"


@pytest.mark.parametrize(
    ("identity", "level"),
    [
        ({0: b"m", 1: b"p", 2: b"1"}, "81"),
        ({0: b"m", 1: b"p", 2: b"1", 4: b"n"}, "82"),
        ({0: b"m", 1: b"p", 2: b"1", 200: b"z"}, "83"),
    ],
)
def test_the_conformity_level_tells_what_objects_there_are(identity, level):
    for code in (1, 2, 3, 4):
        assert ask(f"2b 0e 0{code} 00", Bank(identity=identity)).split()[3] == level


def test_a_long_identity_comes_in_several_answers():
    slave, objects, number, rounds = Slave({1: Bank()}), {}, 0, 0
    while rounds == 0 or number:
        answer = slave.answer(1, bytes((0x2B, 0x0E, 3, number)), 0)
        assert answer is not None
        assert len(answer) <= 253
        more, number, count = answer[4:7]
        assert bool(number) == bool(more)
        rest = answer[7:]
        for _ in range(count):
            objects[rest[0]] = rest[2 : 2 + rest[1]]
            rest = rest[2 + rest[1] :]
        assert rest == b""
        rounds += 1
    assert objects == Bank().identity
    assert rounds == 2


def test_the_longest_object_fits_an_answer():
    identity = {0: b"m", 1: b"p" * 244, 2: b"1"}
    for number, value in identity.items():
        answer = Slave({1: Bank(identity=identity)}).answer(1, bytes((0x2B, 0x0E, 1, number)), 0)
        assert answer is not None
        assert answer[7:9] == bytes((number, len(value)))
    assert len(ask("2b 0e 04 01", Bank(identity=identity)).split()) == 253


def test_an_identification_stream_with_an_unknown_start_begins_anew():
    assert ask("2b 0e 01 77") == ask("2b 0e 01 00")


def test_a_report_counts_its_bytes_and_says_that_the_device_runs():
    assert ask("11", serial=True) == "11 06 01 ff " + b"bank".hex(" ")


# ---- a second reader -------------------------------------------------------------------------------------------------


def pdu_of(message: ModbusPDU) -> bytes:
    return bytes((message.function_code,)) + message.encode()


def exchange(bank: Bank, message: ModbusPDU) -> ModbusPDU:
    answer = Slave({1: bank}).answer(1, pdu_of(message), 0)
    assert answer is not None
    decoded = RESPONSES.decode(answer)
    assert decoded is not None
    assert pdu_of(decoded) == answer
    return decoded


WINDOWS = st.integers(100, LAST).flatmap(lambda at: st.tuples(st.just(at), st.integers(1, min(125, LAST + 1 - at))))
WORDS = st.integers(0, 0xFFFF)


@given(WINDOWS)
def test_another_decoder_reads_the_registers_that_were_served(window):
    address, count = window
    bank = Bank()
    asked: list[tuple[type[ModbusPDU], Table]] = [
        (register_message.ReadHoldingRegistersRequest, "holding"),
        (register_message.ReadInputRegistersRequest, "input"),
    ]
    for request, table in asked:
        got = exchange(bank, request(address=address, count=count))
        assert got.registers == bank.tables[table][address - 100 : address - 100 + count]


@given(WINDOWS)
def test_another_decoder_reads_the_bits_that_were_served(window):
    address, count = window
    bank = Bank()
    asked: list[tuple[type[ModbusPDU], Table]] = [
        (bit_message.ReadCoilsRequest, "coil"),
        (bit_message.ReadDiscreteInputsRequest, "discrete"),
    ]
    for request, table in asked:
        got = exchange(bank, request(address=address, count=count))
        expected = bank.tables[table][address - 100 : address - 100 + count]
        assert [int(bit) for bit in got.bits] == expected + [0] * (-count % 8)


@given(st.integers(100, 370), st.lists(WORDS, min_size=1, max_size=121), st.data())
def test_another_encoders_writes_arrive(address, values, data):
    bank, place = Bank(), address - 100
    exchange(bank, register_message.WriteMultipleRegistersRequest(address=address, registers=values))
    assert bank.tables["holding"][place : place + len(values)] == values
    exchange(bank, register_message.WriteSingleRegisterRequest(address=address, registers=[values[-1]]))
    assert bank.tables["holding"][place] == values[-1]
    bits = data.draw(st.lists(st.booleans(), min_size=1, max_size=130))
    exchange(bank, bit_message.WriteMultipleCoilsRequest(address=address, bits=bits))
    assert bank.tables["coil"][place : place + len(bits)] == bits
    exchange(bank, bit_message.WriteSingleCoilRequest(address=address, bits=[not bits[0]]))
    assert bank.tables["coil"][place] == (not bits[0])


@given(st.integers(100, 370), st.integers(100, 370), st.lists(WORDS, min_size=1, max_size=121), st.integers(1, 125))
def test_an_exchange_by_another_encoder_reads_what_it_wrote(read_at, write_at, values, count):
    bank = Bank()
    got = exchange(
        bank,
        register_message.ReadWriteMultipleRegistersRequest(
            read_address=read_at, read_count=count, write_address=write_at, write_registers=values
        ),
    )
    assert got.registers == bank.tables["holding"][read_at - 100 : read_at - 100 + count]
    assert bank.tables["holding"][write_at - 100 : write_at - 100 + len(values)] == values


@given(WORDS, WORDS, WORDS)
def test_a_mask_write_by_another_encoder_follows_the_formula(current, and_mask, or_mask):
    bank = Bank()
    bank.tables["holding"][0] = current
    exchange(bank, register_message.MaskWriteRegisterRequest(address=100, and_mask=and_mask, or_mask=or_mask))
    assert bank.tables["holding"][0] == (current & and_mask) | (or_mask & (and_mask ^ 0xFFFF))


@given(st.binary(max_size=253), st.booleans())
def test_whatever_is_asked_the_answer_fits_a_frame_and_names_its_function(pdu, serial):
    answer = Slave({1: Bank()}).answer(1, pdu, 0, serial=serial)
    if answer is not None:
        assert answer[0] & 0x7F == pdu[0]
        assert len(answer) <= 253
        assert answer[0] < 0x80 or (len(answer) == 2 and answer[1] in (1, 2, 3))


@given(st.sampled_from(ALL_FUNCTIONS), st.binary(max_size=252))
def test_known_functions_with_any_data_never_raise(function, data):
    for serial in (False, True):
        Slave({1: Bank()}).answer(1, bytes((function,)) + data, 0, serial=serial)
