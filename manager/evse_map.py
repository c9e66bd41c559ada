"""The manager's internal EVSE as others on Modbus TCP see it: the register map of a Power Brain, to be read only. Sans-IO.

The registers stand in the datasheet and their values in the box's status as of the last cycle. What a manager cannot know of
a box (its serial number, its cards, its restarts) stands there as the sheet says, or is 0. While the box is not heard, nothing
is shown in its place: every read is answered like that of a gateway whose target is silent.

- A read that starts in a hole, or ends beyond the last register, is refused with 02; a hole inside a block is 0.
- Without a meter, any read that touches the registers of the attached meter is refused with 02.
- Every function but 03 is refused with 01, writes too: who decides here is the manager.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from chargebench.datasheets.codec import encode, raw_range
from chargebench.datasheets.model import Datasheet, Register
from chargebench.manager.proxy.answers import refusal
from chargebench.manager.site import Box
from chargebench.manager.status import BoxStatus

READ: Final = 3
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, SILENT = 0x01, 0x02, 0x03, 0x0B
PILOTS: Final = {"A": 0, "B": 1, "C": 2, "D": 3, "E": 4, "F": 5}
METER: Final = ("meter_flags", "energy", "power", "current_l1", "current_l2", "current_l3")
NO_POWER: Final = -1
_WORDS_MOST: Final = 125


class EvseMap:
    """One box of a site behind the map of ``sheet``, the EVSE of a Power Brain."""

    def __init__(self, sheet: Datasheet, box: Box) -> None:
        self._box = box
        self._registers = {
            one.name: one for one in sheet.registers if one.readable and "evse" in (one.parts or ("evse",))
        }
        lines = self._registers.values()
        self._defaults = {one.name: 0 if one.type != "str" else "" for one in lines}
        self._defaults |= {one.name: one.default for one in lines if one.default is not None}
        self._held = frozenset(at for one in lines for at in range(one.at, one.at + one.count))
        self._metered = frozenset(at for name in METER for at in _span(self._registers[name]))
        self._end = max(self._held) + 1
        self._seen: BoxStatus | None = None
        self._words: Mapping[int, int] = {}

    def answer(self, pdu: bytes, seen: BoxStatus | None) -> bytes:
        """The response to a request, any bytes of at least one, while the box stands as in ``seen``."""
        function = pdu[0]
        if function != READ:
            return refusal(pdu, ILLEGAL_FUNCTION)
        if len(pdu) != 5:
            return refusal(pdu, ILLEGAL_VALUE)
        address, count = struct.unpack_from(">HH", pdu, 1)
        if not 1 <= count <= _WORDS_MOST:
            return refusal(pdu, ILLEGAL_VALUE)
        if seen is None or seen.silent or seen.pilot is None or seen.limit_ma is None:
            return refusal(pdu, SILENT)
        asked = range(address, address + count)
        unmetered = not _has_meter(seen) and any(at in self._metered for at in asked)
        if address not in self._held or asked.stop > self._end or unmetered:
            return refusal(pdu, ILLEGAL_ADDRESS)
        if seen != self._seen:
            self._seen, self._words = seen, self._shown(seen, seen.pilot, seen.limit_ma)
        return struct.pack(f">BB{count}H", function, 2 * count, *(self._words.get(at, 0) for at in asked))

    def _shown(self, seen: BoxStatus, pilot: str, limit_ma: int) -> dict[int, int]:
        values = self._defaults | self._settings(seen) | _measured(seen)
        values |= {
            "charge_pilot_state": PILOTS[pilot],
            "charging_cur_limit": limit_ma or self._box.minimum_ma,
            "charging_enable": int(limit_ma > 0),
            "charging_current": seen.offered_ma or 0,
            "cable_current": 0 if pilot == "A" else self._box.maximum_ma,
        }
        words: dict[int, int] = {}
        for name, register in self._registers.items():
            words |= dict(zip(_span(register), encode(register, _fitting(register, values[name])), strict=True))
        return words

    def _settings(self, seen: BoxStatus) -> dict[str, int | str]:
        box = self._box
        failsafe_us = seen.failsafe_us if seen.failsafe_us is not None else box.failsafe_us
        failsafe_ma = seen.failsafe_ma if seen.failsafe_ma is not None else box.failsafe_ma
        return {
            "name": box.name,
            "def_charging_cur_limit": box.boot_ma or box.maximum_ma,
            "def_charging_enable": int(box.boot_enable is not False and box.boot_ma != 0),
            "fail_safe_duration": (failsafe_us or 0) // 1_000_000,
            "fail_safe_current": failsafe_ma or 0,
            "has_meter": int(_has_meter(seen)),
        }


def _has_meter(seen: BoxStatus) -> bool:
    return not (seen.drawn_ma is None and seen.power_w is None and seen.energy_wh is None)


def _measured(seen: BoxStatus) -> dict[str, int | str]:
    """What its meter shows; currents that it does not measure are 0, and the flag says so."""
    currents = seen.drawn_ma or (0, 0, 0)
    return {
        "meter_flags": int(seen.drawn_ma is not None),
        "energy": seen.energy_wh or 0,
        "power": NO_POWER if seen.power_w is None else seen.power_w,
        **dict(zip(METER[3:], currents, strict=True)),
    }


def _fitting(register: Register, value: int | str) -> int | str:
    """The value as the register can hold it: of text the printable beginning, of a number the nearest that is not more."""
    if isinstance(value, str):
        text = "".join(one if " " <= one <= "~" else "?" for one in value)
        return text[: 2 * register.count]
    least, most = raw_range(register)
    return max(least, min(most, value // register.scale)) * register.scale.numerator


def _span(register: Register) -> range:
    return range(register.at, register.at + register.count)
