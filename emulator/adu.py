"""Modbus ADUs, both ways: the MBAP header of TCP, and RTU with its CRC and its silences. Bytes in, values out."""

from __future__ import annotations

import struct
from typing import NamedTuple

PDU_MAX = 253
MBAP_MAX = 260
RTU_MIN, RTU_MAX = 4, 256
RTU_CHARACTER_BITS = 11
_HEADER = struct.Struct(">HHH")


class Adu(NamedTuple):
    """A PDU with the unit id it is for or from; ``transaction`` stays 0 on a serial line."""

    unit: int
    pdu: bytes
    transaction: int = 0


def _crc_of_octet(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ 0xA001 if octet & 1 else octet >> 1
    return octet


_CRC = tuple(_crc_of_octet(octet) for octet in range(256))


def crc16(data: bytes) -> int:
    """The CRC of an RTU frame; its low byte goes onto the line first."""
    crc, table = 0xFFFF, _CRC
    for octet in data:
        crc = crc >> 8 ^ table[(crc ^ octet) & 0xFF]
    return crc


def pack_rtu(unit: int, pdu: bytes) -> bytes:
    body = bytes((unit,)) + pdu
    return body + crc16(body).to_bytes(2, "little")


def unpack_rtu(frame: bytes) -> Adu | None:
    """The ADU in one whole frame; None where its length (4 to 256 bytes) or its CRC is wrong."""
    if not RTU_MIN <= len(frame) <= RTU_MAX:
        return None
    if crc16(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
        return None
    return Adu(frame[0], frame[1:-2])


def burst_us(octets: int, baud: int, character_bits: int) -> int:
    """How long so many characters take on the line, back to back."""
    return -(-octets * character_bits * 1_000_000 // baud)


def t15_us(baud: int, character_bits: int = RTU_CHARACTER_BITS) -> int:
    """The longest pause inside a frame: 1.5 characters, fixed above 19200 baud."""
    return 750 if baud > 19_200 else -(-3 * character_bits * 1_000_000 // (2 * baud))


def t35_us(baud: int, character_bits: int = RTU_CHARACTER_BITS) -> int:
    """The shortest pause between frames: 3.5 characters, fixed above 19200 baud."""
    return 1_750 if baud > 19_200 else -(-7 * character_bits * 1_000_000 // (2 * baud))


def pack_mbap(adu: Adu) -> bytes:
    return _HEADER.pack(adu.transaction, 0, len(adu.pdu) + 1) + bytes((adu.unit,)) + adu.pdu


def one_adu(data: bytes) -> Adu | None:
    """The ADU in ``data`` if that is one Modbus TCP message from its first byte to its last; None where it is not."""
    if not _HEADER.size + 2 <= len(data) <= MBAP_MAX:
        return None
    transaction, protocol, length = _HEADER.unpack_from(data)
    if protocol or length != len(data) - _HEADER.size:
        return None
    return Adu(data[6], data[7:], transaction)


class MbapSplitter:
    """Cuts the byte stream of one connection into ADUs.

    A header with a foreign protocol id is believed as to its length, and the whole message is skipped. A length outside
    2..254 cannot be a Modbus message: where the next one begins is then unknown for good, ``broken`` says so, and
    nothing more comes out; the connection is of no further use.
    """

    __slots__ = ("_held", "broken")

    def __init__(self) -> None:
        self._held = bytearray()
        self.broken = ""

    @property
    def held(self) -> int:
        """Bytes that wait, for the rest of their message or for someone to take it."""
        return len(self._held)

    def feed(self, data: bytes) -> None:
        if not self.broken:
            self._held += data

    def take(self) -> Adu | None:
        """The next whole message, None where there is none (yet)."""
        held = self._held
        while len(held) >= _HEADER.size and not self.broken:
            transaction, protocol, length = _HEADER.unpack_from(held)
            if not 2 <= length <= PDU_MAX + 1:
                self.broken = f"length field {length}"
                held.clear()
                return None
            end = _HEADER.size + length
            if len(held) < end:
                return None
            adu = Adu(held[6], bytes(held[7:end]), transaction)
            del held[:end]
            if protocol == 0:
                return adu
        return None
