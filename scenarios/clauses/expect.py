"""What an answer may be, as values that say themselves in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expect:
    """``holds`` gets the request PDU and the answer PDU, None for no answer."""

    text: str
    holds: Callable[[bytes, bytes | None], bool]


def exactly(pdu: bytes) -> Expect:
    return Expect(spell(pdu), lambda _, answer: answer == pdu)


def refused(*codes: int) -> Expect:
    """An exception response to the function that was asked, with one of these codes."""
    text = "exception " + " or ".join(f"{code:02x}" for code in codes)

    def holds(request: bytes, answer: bytes | None) -> bool:
        return answer is not None and len(answer) == 2 and answer[0] == request[0] | 0x80 and answer[1] in codes

    return Expect(text, holds)


def data(octets: int) -> Expect:
    """The answer to a read: function, byte count and so many bytes."""

    def holds(request: bytes, answer: bytes | None) -> bool:
        return answer is not None and answer[:2] == bytes((request[0], octets)) and len(answer) == 2 + octets

    return Expect(f"{octets} data bytes", holds)


ECHO = Expect("the request again", lambda request, answer: answer == request)
WRITTEN = Expect("address and quantity again", lambda request, answer: answer == request[:5])
SILENCE = Expect("silence", lambda _, answer: answer is None)
ANSWER = Expect("an answer", lambda _, answer: answer is not None)
FULFILLED = Expect("an answer that is no exception", lambda _, answer: answer is not None and answer[0] < 0x80)
NO_SUCH_FUNCTION = refused(1)


def spell(data: bytes) -> str:
    """Bytes for a reader; the middle of long ones is left out. A frame in ASCII mode is text already."""
    if data[:1] in (b":", b">") and data.isascii() and len(data) <= 48:
        return data.decode("ascii").rstrip("\r\n")
    text = data.hex(" ")
    return text if len(data) <= 48 else f"{data[:24].hex(' ')} … {data[-8:].hex(' ')} ({len(data)} bytes)"
