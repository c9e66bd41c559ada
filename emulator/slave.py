"""The slave engine: a request PDU for a unit in, an answer PDU or nothing out. No wire, no clock, no framing.

Who is answered, and how:

- Function code 0 and codes from 0x80 up are no requests: no answer.
- A unit that is not here stays silent, as on a line; behind a gateway the answer is exception 0x0A.
- Unit 0 on a serial line is a broadcast: every unit executes it if it is a write, none answers. Over TCP, units 0 and 255
  mean the device itself where it is declared so and is alone.
- A unit answers the functions its device lists, everything else with exception 01. Diagnostics (8) and report server id
  (0x11) exist on serial lines only.
- While ``mute``, the slave neither hears nor answers; so does each unit that is deaf. A unit that cannot speak does all that
  it is told, and its answers are lost. A drowsy device says of each request whether it hears it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chargebench.emulator.actions import Tamper
from chargebench.emulator.device import Device, Drowsy, Refused, Silent
from chargebench.emulator.diagnostics import DIAGNOSTICS, Diagnostics
from chargebench.emulator.functions import FUNCTIONS, ILLEGAL_FUNCTION, WRITES
from chargebench.emulator.identity import identify, report

NO_PATH = 0x0A
REPORT, IDENTIFY = 0x11, 0x2B
BROADCAST = 0
_ITSELF = (0, 255)


class Slave:
    """The devices behind one port or on one place of a line, by unit id (1..247 on a line, 0..255 over TCP).

    ``gateway``: unknown units over TCP are answered with exception 0x0A. ``tcp_any_unit``: over TCP, units 0 and 255 mean
    the one device there is. ``mute`` and ``tamper`` may be set at any time.
    ``on_write`` (when, unit, function) hears of each request to write that arrives, answered or not; ``on_answer`` (when, unit,
    request, answer) of each request on a line and what came of it.
    """

    def __init__(
        self,
        units: Mapping[int, Device],
        *,
        gateway: bool = False,
        tcp_any_unit: bool = False,
        tamper: Tamper | None = None,
    ) -> None:
        assert units, "a slave without a device"
        assert all(0 <= unit <= 255 for unit in units), "a unit id outside 0..255"
        assert not tcp_any_unit or len(units) == 1, "unit 0 and 255 can mean only one device"
        self.units = dict(units)
        self.gateway = gateway
        self.tcp_any_unit = tcp_any_unit
        self.tamper = tamper
        self.mute = False
        self.on_write: Callable[[int, int, int], None] | None = None
        self.on_answer: Callable[[int, int, bytes, bytes | None], None] | None = None
        self.diagnostics = {unit: Diagnostics() for unit in self.units}
        self._deaf: set[int] = set()
        self._silent = {unit: device.shares for unit, device in self.units.items() if isinstance(device, Silent)}
        self._speechless: set[int] = {*self._silent}
        self._drowsy = {unit: device for unit, device in self.units.items() if isinstance(device, Drowsy)}

    def answer(self, unit: int, pdu: bytes, now_us: int, *, serial: bool = False) -> bytes | None:
        """The answer PDU to ``pdu``, None where there is none. ``now_us`` never goes back; ``pdu`` is at most 253 bytes."""
        if self.on_write is not None and pdu and pdu[0] in WRITES:
            self.on_write(now_us, unit, pdu[0])
        if self.mute or not pdu or not 0 < pdu[0] < 0x80:
            return None
        if serial:
            answer = self._serial(unit, pdu, now_us)
            if self.on_answer is not None:
                self.on_answer(now_us, unit, pdu, answer)
            return answer
        if self.tcp_any_unit and unit in _ITSELF and unit not in self.units:
            (unit,) = self.units
        device = self.units.get(unit)
        if device is None:
            return bytes((pdu[0] | 0x80, NO_PATH)) if self.gateway else None
        if not self._hears(unit, now_us):
            return None
        answer = _guarded(device, unit, pdu, now_us)
        return None if unit in self._speechless else answer

    def reach(self, unit: int, *, hears: bool, speaks: bool) -> None:
        """From now on the unit hears or does not, and its answers leave it or are lost."""
        for without, able in ((self._deaf, hears), (self._speechless, speaks)):
            (without.discard if able else without.add)(unit)
        for other, shared in self._silent.items():
            if shared == unit:
                (self._deaf.discard if hears else self._deaf.add)(other)

    def heard(self, *, good: bool) -> None:
        """A frame ended on the line, well or broken, for whomever: the units count it."""
        if not self.mute:
            for unit, diagnostics in self.diagnostics.items():
                if unit not in self._deaf:
                    diagnostics.heard(good=good)

    def _hears(self, unit: int, now_us: int) -> bool:
        if unit in self._deaf:
            return False
        drowsy = self._drowsy.get(unit)
        return drowsy is None or drowsy.hears(now_us)

    def _serial(self, unit: int, pdu: bytes, now_us: int) -> bytes | None:
        if unit == BROADCAST:
            for one in self.units:
                if one not in self._silent and self._hears(one, now_us):
                    self._broadcast(one, pdu, now_us)
            return None
        device = self.units.get(unit)
        if device is None or not self._hears(unit, now_us):
            return None
        diagnostics = self.diagnostics[unit]
        diagnostics.server_messages += 1
        if diagnostics.listen_only and diagnostics.restarts(pdu):
            return None
        answer = None
        if not diagnostics.listen_only:
            answer = _guarded(device, unit, pdu, now_us, diagnostics)
        diagnostics.answered(answer)
        return None if unit in self._speechless else answer

    def _broadcast(self, unit: int, pdu: bytes, now_us: int) -> None:
        diagnostics = self.diagnostics[unit]
        diagnostics.server_messages += 1
        diagnostics.answered(None)
        if pdu[0] in WRITES and not diagnostics.listen_only:
            answer = _guarded(self.units[unit], unit, pdu, now_us)
            if answer is not None and answer[0] & 0x80:
                diagnostics.refused(answer[1])


def _guarded(
    device: Device, unit: int, pdu: bytes, now_us: int, diagnostics: Diagnostics | None = None
) -> bytes | None:
    code = pdu[0]
    if code not in device.functions:
        return bytes((code | 0x80, ILLEGAL_FUNCTION))
    try:
        device.advance(now_us)
        function = FUNCTIONS.get(code)
        return _other(device, unit, pdu, diagnostics) if function is None else function(device, pdu)
    except Refused as refusal:
        return bytes((code | 0x80, refusal.code))


def _other(device: Device, unit: int, pdu: bytes, diagnostics: Diagnostics | None) -> bytes | None:
    """A function that is not about registers."""
    code = pdu[0]
    if code == IDENTIFY:
        return identify(device, pdu)
    if diagnostics is not None and code == DIAGNOSTICS:
        return diagnostics.run(pdu)
    if diagnostics is not None and code == REPORT:
        return report(device, unit, pdu)
    raise Refused(ILLEGAL_FUNCTION)
