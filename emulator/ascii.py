"""Modbus ASCII: frames as text, and a slave's place on a line that speaks it. Bytes and times in, actions out.

A frame is ``:``, two hexadecimal digits for each byte of unit id, PDU and LRC, then CR and LF. Silence means nothing here:
characters may come up to a second apart. The states of ``AsciiEnd``:

    idle ── ":" ──► hearing ── LF ──► idle, frame judged
                     ▲   │ └── a pause of more than a second, or more characters than a frame has ──► idle, frame lost
                     └─":"┘  (what was heard before is lost)

Digits are taken in either case and sent in capitals. What is no digit spoils its frame; what stands outside of frames is
nothing. An answer starts ``turnaround_us`` after the end of its request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chargebench.emulator.actions import Action, Exchange, Send, settle
from chargebench.emulator.adu import Adu, burst_us
from chargebench.emulator.slave import Slave
from chargebench.emulator.spec import Mode

ASCII_MIN, ASCII_MAX = 9, 513
ASCII_CHARACTER_BITS = 10
PAUSE_US = 1_000_000
COLON, GREATER, LF = b":", b">", b"\n"
_FRAME = re.compile(rb":((?:[0-9A-Fa-f]{2}){3,255})\r\n")


@dataclass(frozen=True, slots=True)
class Speech:
    """How a slave on a line frames what it says; ``lead`` begins its answers in ASCII mode."""

    mode: Mode = "rtu"
    lead: bytes = COLON


RTU = Speech()


def lrc(data: bytes) -> int:
    """The longitudinal redundancy check of an ASCII frame: what brings the sum of its bytes to 0."""
    return -sum(data) & 0xFF


def pack_ascii(unit: int, pdu: bytes, lead: bytes = COLON) -> bytes:
    body = bytes((unit,)) + pdu
    return lead + (body + bytes((lrc(body),))).hex().upper().encode("ascii") + b"\r\n"


def unpack_ascii(frame: bytes) -> Adu | None:
    """The ADU in one whole frame; None where its length (9 to 513 characters), a character or its LRC is wrong."""
    text = _FRAME.fullmatch(frame)
    if text is None:
        return None
    body = bytes.fromhex(text[1].decode("ascii"))
    return None if sum(body) & 0xFF else Adu(body[0], body[1:-1])


class AsciiEnd:
    """A slave's place on a line in ASCII mode. ``lead`` is what its answers begin with.

    ``receive`` tells that a burst has ended just now, with its bytes; it is taken to have begun its own length earlier, so
    that the pause before it can be judged. Nothing is due by itself: a frame that was given up is noticed with what follows.
    """

    next_us: int | None = None

    def __init__(
        self,
        slave: Slave,
        baud: int,
        character_bits: int = ASCII_CHARACTER_BITS,
        turnaround_us: int = 0,
        *,
        lead: bytes = COLON,
    ) -> None:
        self._slave = slave
        self._baud, self._character_bits = baud, character_bits
        self._turnaround_us = turnaround_us
        self._lead = lead
        self._frame = bytearray()
        self._end_us = 0

    def busy(self, now_us: int) -> list[Action]:  # noqa: ARG002 a burst is judged when it has ended
        """A burst begins."""
        return []

    def advance(self, now_us: int) -> list[Action]:  # noqa: ARG002 nothing is due
        """Let pass what time there is."""
        return []

    def receive(self, data: bytes, now_us: int) -> list[Action]:
        """A burst has ended just now; ``data`` is what was understood of it."""
        if not data:
            return []
        if now_us - burst_us(len(data), self._baud, self._character_bits) > self._end_us + PAUSE_US:
            self._lose()
        self._end_us = now_us
        actions: list[Action] = []
        *lines, rest = data.split(LF)
        for line in lines:
            actions += self._judge(self._begun(line), now_us)
        self._frame = self._begun(rest)
        if len(self._frame) > ASCII_MAX:
            self._lose()
        return actions

    def _begun(self, text: bytes) -> bytearray:
        """What is left of the open frame and ``text`` when every colon has begun a frame anew."""
        before, *frames = text.split(COLON)
        if self._frame:
            self._frame += before
        for frame in frames:
            self._lose()
            self._frame += COLON + frame
        return self._frame

    def _lose(self) -> None:
        """The open frame, if there is one, comes to nothing."""
        if self._frame:
            self._slave.heard(good=False)
            self._frame = bytearray()

    def _judge(self, frame: bytearray, now_us: int) -> list[Action]:
        """A line has ended: with a frame, or with nothing that had begun as one."""
        if not frame:
            return []
        adu = unpack_ascii(bytes(frame) + LF)
        self._frame = bytearray()
        self._slave.heard(good=adu is not None)
        return [] if adu is None else self._exchange(adu, now_us)

    def _exchange(self, adu: Adu, now_us: int) -> list[Action]:
        answer = self._slave.answer(adu.unit, adu.pdu, now_us, serial=True)
        if answer is None:
            return []
        send = Send(pack_ascii(adu.unit, answer, self._lead), self._turnaround_us)
        exchange = Exchange(now_us, adu.unit, None, adu.pdu, answer)
        return settle(self._slave.tamper, exchange, (send,))
