"""What one unit on a serial line counts and lets be asked for with function 8 (diagnostics).

Frames with a good CRC, whoever they are for, count as bus messages; frames that are too short or fail their CRC as
communication errors. Messages for this unit, broadcasts included, count as server messages, those that it left
unanswered also as no response. In listen-only mode a unit counts and does nothing else until it is restarted.
"""

from __future__ import annotations

from dataclasses import dataclass

from chargebench.emulator.device import Refused
from chargebench.emulator.functions import ILLEGAL_FUNCTION, ILLEGAL_VALUE

DIAGNOSTICS = 0x08
_ECHO, _RESTART, _LISTEN_ONLY, _CLEAR = 0x00, 0x01, 0x04, 0x0A
_BUSY, _NAK = 6, 7


@dataclass(slots=True)
class Diagnostics:
    """The counters of one unit (16 bits each on the wire) and whether it only listens."""

    bus_messages: int = 0
    bus_errors: int = 0
    exceptions: int = 0
    server_messages: int = 0
    no_responses: int = 0
    naks: int = 0
    busies: int = 0
    overruns: int = 0
    listen_only: bool = False

    def heard(self, *, good: bool) -> None:
        """A frame ended on the line, for whomever."""
        if good:
            self.bus_messages += 1
        else:
            self.bus_errors += 1

    def answered(self, answer: bytes | None) -> None:
        """A message for this unit was dealt with; None where it stayed unanswered."""
        if answer is None:
            self.no_responses += 1
        elif answer[0] & 0x80:
            self.refused(answer[1])

    def refused(self, code: int) -> None:
        """An exception arose, also in a broadcast, where nobody is told."""
        self.exceptions += 1
        self.busies += code == _BUSY
        self.naks += code == _NAK

    def run(self, pdu: bytes) -> bytes | None:
        """Function 8. None: no answer is due."""
        if len(pdu) < 3:
            raise Refused(ILLEGAL_VALUE)
        sub, data = int.from_bytes(pdu[1:3], "big"), pdu[3:]
        if sub == _ECHO:
            return pdu
        if sub == _RESTART:
            return self._restart(pdu, data)
        if sub not in (_LISTEN_ONLY, _CLEAR) and sub not in _COUNTERS:
            raise Refused(ILLEGAL_FUNCTION)
        if data != b"\x00\x00":
            raise Refused(ILLEGAL_VALUE)
        if sub == _LISTEN_ONLY:
            self.listen_only = True
            return None
        if sub == _CLEAR:
            self._clear()
            return pdu
        return pdu[:3] + (self._count(sub) & 0xFFFF).to_bytes(2, "big")

    def restarts(self, pdu: bytes) -> bool:
        """Whether this is the one request that a unit in listen-only mode obeys; it does so without an answer."""
        if pdu not in (b"\x08\x00\x01\x00\x00", b"\x08\x00\x01\xff\x00"):
            return False
        self._clear()
        self.listen_only = False
        return True

    def _restart(self, pdu: bytes, data: bytes) -> bytes:
        if data not in (b"\x00\x00", b"\xff\x00"):
            raise Refused(ILLEGAL_VALUE)
        self._clear()
        return pdu

    def _clear(self) -> None:
        self.bus_messages = self.bus_errors = self.exceptions = self.server_messages = 0
        self.no_responses = self.naks = self.busies = self.overruns = 0

    def _count(self, sub: int) -> int:
        count: int = getattr(self, _COUNTERS[sub])
        return count


_COUNTERS = {
    0x0B: "bus_messages",
    0x0C: "bus_errors",
    0x0D: "exceptions",
    0x0E: "server_messages",
    0x0F: "no_responses",
    0x10: "naks",
    0x11: "busies",
    0x12: "overruns",
}
