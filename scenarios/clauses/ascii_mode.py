"""Clauses C01 to C05: Modbus on a serial line in ASCII mode. SL is Modbus over Serial Line V1.02."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from chargebench.emulator.ascii import ASCII_MIN, PAUSE_US, lrc
from chargebench.scenarios.clauses.end import SILENT, End
from chargebench.scenarios.clauses.expect import spell
from chargebench.scenarios.clauses.model import Broken, Clause, NotApplicable
from chargebench.scenarios.clauses.rtu import answered, frame, silent

FRAME: Final = re.compile(rb":((?:[0-9A-F]{2})+)\r\n")
BEGUN: Final = 7
NO_DIGITS: Final = (b"G", b" ", b"\x80")


async def _answered_as_is_due(end: End) -> None:
    """The frame of the answer is taken apart to the character, as a strict master does."""
    await end.line.pause(end.target.gap_us)
    heard = await answered(end, frame(end))
    text = FRAME.fullmatch(heard.data)
    body = b"" if text is None else bytes.fromhex(text[1].decode("ascii"))
    if not body or lrc(body[:-1]) != body[-1]:
        expected = ": and capital digits with their LRC, CR and LF"
        raise Broken(spell(frame(end)), expected, repr(heard.data.decode("latin-1")))


async def _spoilt_frames(end: End) -> None:
    data = frame(end)
    check = b"00" if data[-4:-2] != b"00" else b"01"
    await silent(end, data[:-4] + check + data[-2:])
    for strange in NO_DIGITS:
        await silent(end, data[:5] + strange + data[6:])


async def _begun_anew(end: End) -> None:
    """What stands before the last colon is no part of the frame, and the frame is answered once."""
    data = frame(end)
    await end.line.pause(end.target.gap_us)
    await answered(end, data[:BEGUN] + data)
    more = await end.line.hear(end.line.now_us() + end.target.timeout_us)
    if more is not None:
        raise Broken(spell(data[:BEGUN] + data), "one answer", f"another one, {spell(more.data)}")


async def _pause_inside(end: End) -> None:
    data = frame(end)
    margin_us = 1 if end.line.exact else 2 * end.target.gap_us
    await silent(end, data[: ASCII_MIN // 2], data[ASCII_MIN // 2 :], gap_us=PAUSE_US + margin_us)


def _with_letters(end: End) -> bytes:
    """A frame whose digits are not all decimal: of a read of one value, or of a few more."""
    for count in range(1, 17):
        data = end.pack(end.target.unit, end.ordinary(count))
        if data != data.lower():
            return data
    raise NotApplicable("no short read of the device has a letter among its digits")


async def _lower_case(end: End) -> None:
    data = _with_letters(end).lower()
    await end.line.pause(end.target.gap_us)
    heard = await end.hear(await end.line.send(data))
    adu = None if heard is None else end.unpack(heard.data)
    if heard is not None and (adu is None or adu.unit != end.target.unit or adu.pdu[0] & 0x80):
        raise Broken(spell(data), f"{SILENT} or the answer to capitals", spell(heard.data))
    await end.expect_alive(spell(data))


def _clause(id_: str, text: str, reference: str, body: Callable[[End], Awaitable[None]], *, must: bool) -> Clause:
    return Clause(id_, text, reference, body, severity="must" if must else "should", over=("ascii",))


CLAUSES = (
    _clause(
        "C01",
        "An ASCII frame with a good LRC is answered by one, ending in CR LF.",
        "SL 2.5.2",
        _answered_as_is_due,
        must=True,
    ),
    _clause(
        "C02",
        "An ASCII frame with a wrong LRC or a character that is no digit is not answered.",
        "SL 2.5.2.2",
        _spoilt_frames,
        must=True,
    ),
    _clause("C03", "A colon inside an ASCII frame begins it anew.", "SL 2.5.2.1", _begun_anew, must=True),
    _clause(
        "C04",
        "An ASCII frame with a pause of more than a second inside is discarded.",
        "SL 2.5.2.1",
        _pause_inside,
        must=False,
    ),
    _clause("C05", "Lower-case digits in ASCII are accepted or not answered.", "SL 2.5.2", _lower_case, must=False),
)
