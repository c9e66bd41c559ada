"""The Modbus functions that read and write one device's registers, each a request PDU in and an answer PDU out.

Every function checks in the order of the specification's flow charts: lengths and quantities first (exception 03), then
addresses (02), then values (03), then it acts; ``Refused`` carries the exception code. A PDU that is too short or too
long for what it says is a wrong quantity. Function codes: 1-6, 15, 16, 22, 23.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from chargebench.datasheets.model import Table
from chargebench.emulator.device import Device, Refused

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
READ_BITS_MAX, WRITE_BITS_MAX = 2000, 1968
READ_WORDS_MAX, WRITE_WORDS_MAX, EXCHANGE_WRITE_MAX = 125, 123, 121
WRITES = (5, 6, 15, 16, 22)
"""The functions that only write: what a broadcast may carry."""

_ON = 0xFF00
_ADDRESSES = 0x10000
_READ_SIZE = 5
_Function = Callable[[Device, bytes], bytes]


def _head(layout: struct.Struct, pdu: bytes) -> tuple[int, ...]:
    """The fixed fields behind the function code, where the PDU is long enough to hold them."""
    if len(pdu) < 1 + layout.size:
        raise Refused(ILLEGAL_VALUE)
    return layout.unpack_from(pdu, 1)


def _whole(layout: struct.Struct, pdu: bytes) -> tuple[int, ...]:
    """The fixed fields of a PDU that has nothing behind them."""
    if len(pdu) != 1 + layout.size:
        raise Refused(ILLEGAL_VALUE)
    return layout.unpack_from(pdu, 1)


_TWO = struct.Struct(">HH")
_THREE = struct.Struct(">HHH")
_COUNTED = struct.Struct(">HHB")
_EXCHANGE = struct.Struct(">HHHHB")
_ANSWERS = tuple(struct.Struct(f">BB{count}H") for count in range(READ_WORDS_MAX + 1))


def _in_quantity(count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise Refused(ILLEGAL_VALUE)


def _in_range(address: int, count: int) -> None:
    """Addresses end at 65535 and do not wrap."""
    if address + count > _ADDRESSES:
        raise Refused(ILLEGAL_ADDRESS)


def _payload(pdu: bytes, begin: int, stated: int, due: int) -> bytes:
    """The values of a write, where the byte count, the quantity and the PDU's length agree."""
    if stated != due or len(pdu) != begin + due:
        raise Refused(ILLEGAL_VALUE)
    return pdu[begin:]


def _words(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(data) // 2}H", data)


def _read(device: Device, table: Table, address: int, count: int) -> Sequence[int]:
    values = device.read(table, address, count)
    assert len(values) == count, f"a device gave {len(values)} values for {count}"
    return values


def _read_bits(table: Table) -> _Function:
    def run(device: Device, pdu: bytes) -> bytes:
        address, count = _whole(_TWO, pdu)
        _in_quantity(count, READ_BITS_MAX)
        _in_range(address, count)
        bits = 0
        for place, value in enumerate(_read(device, table, address, count)):
            bits |= bool(value) << place
        size = (count + 7) // 8
        return bytes((pdu[0], size)) + bits.to_bytes(size, "little")

    return run


def _read_words(table: Table) -> _Function:
    def run(device: Device, pdu: bytes) -> bytes:
        """The most frequent request by far, so the checks stand here in one piece."""
        if len(pdu) != _READ_SIZE:
            raise Refused(ILLEGAL_VALUE)
        address, count = _TWO.unpack_from(pdu, 1)
        if not 1 <= count <= READ_WORDS_MAX:
            raise Refused(ILLEGAL_VALUE)
        if address + count > _ADDRESSES:
            raise Refused(ILLEGAL_ADDRESS)
        answer: bytes = _ANSWERS[count].pack(pdu[0], 2 * count, *device.read(table, address, count))
        return answer

    return run


def _write_coil(device: Device, pdu: bytes) -> bytes:
    address, value = _whole(_TWO, pdu)
    if value not in (0, _ON):
        raise Refused(ILLEGAL_VALUE)
    device.write("coil", address, (int(value == _ON),))
    return pdu


def _write_word(device: Device, pdu: bytes) -> bytes:
    address, value = _whole(_TWO, pdu)
    device.write("holding", address, (value,))
    return pdu


def _write_coils(device: Device, pdu: bytes) -> bytes:
    address, count, stated = _head(_COUNTED, pdu)
    _in_quantity(count, WRITE_BITS_MAX)
    bits = int.from_bytes(_payload(pdu, 6, stated, (count + 7) // 8), "little")
    _in_range(address, count)
    device.write("coil", address, tuple(bits >> place & 1 for place in range(count)))
    return pdu[:5]


def _write_words(device: Device, pdu: bytes) -> bytes:
    address, count, stated = _head(_COUNTED, pdu)
    _in_quantity(count, WRITE_WORDS_MAX)
    values = _words(_payload(pdu, 6, stated, 2 * count))
    _in_range(address, count)
    device.write("holding", address, values)
    return pdu[:5]


def _mask_write(device: Device, pdu: bytes) -> bytes:
    address, and_mask, or_mask = _whole(_THREE, pdu)
    (current,) = _read(device, "holding", address, 1)
    device.write("holding", address, (current & and_mask | or_mask & ~and_mask & 0xFFFF,))
    return pdu


def _exchange(device: Device, pdu: bytes) -> bytes:
    """Function 23 writes before it reads; a read that will be refused is found out before anything is written."""
    from_address, read_count, to_address, write_count, stated = _head(_EXCHANGE, pdu)
    _in_quantity(read_count, READ_WORDS_MAX)
    _in_quantity(write_count, EXCHANGE_WRITE_MAX)
    values = _words(_payload(pdu, 10, stated, 2 * write_count))
    _in_range(from_address, read_count)
    _in_range(to_address, write_count)
    _read(device, "holding", from_address, read_count)
    device.write("holding", to_address, values)
    fresh = _read(device, "holding", from_address, read_count)
    return struct.pack(f">BB{read_count}H", pdu[0], 2 * read_count, *fresh)


FUNCTIONS: dict[int, _Function] = {
    1: _read_bits("coil"),
    2: _read_bits("discrete"),
    3: _read_words("holding"),
    4: _read_words("input"),
    5: _write_coil,
    6: _write_word,
    15: _write_coils,
    16: _write_words,
    22: _mask_write,
    23: _exchange,
}
