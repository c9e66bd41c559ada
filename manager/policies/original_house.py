"""What the original makes of the house: its background by meter, the last of a lost meter, the cut after an overdraft.

With a meter of the grid supply the house is what it shows less what the boxes draw, and below nothing where the sun
feeds; the meters of consumption count only where there is none. Without any meter the house is its planning figure.

A meter is lost: its last value holds for 12 s, then for 3 min the highest of the 5 min before; from then on every box
is to have its minimum. That is a default, since nothing is documented.

An overdraft is what a metered connection carries beyond limit less reserve. It cuts what is available on its phase by as
much, until 300 s after the last one; several do not add, the greatest holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chargebench.manager.readings import MeterReading, MeterView
from chargebench.manager.site import Connection, HouseMeter, Site
from chargebench.manager.units import NOTHING, Amps3, add, minus, per_phase_ma

COOL_US = 300_000_000
LAST_HOLDS_US = 12_000_000
HIGHEST_HOLDS_US = LAST_HOLDS_US + 180_000_000
LOOKS_BACK_US = 300_000_000


@dataclass(frozen=True, slots=True)
class Background:
    """The house beside its boxes, mA per phase. ``measured``: by meters that answer; ``blind``: a meter is lost for good."""

    amps: Amps3
    measured: bool
    blind: bool


class House:
    """All meters of a site that count, with what each said of the house in the last minutes."""

    def __init__(self, site: Site) -> None:
        roles = [meter.role for meter in site.meters]
        role = "grid supply" if "grid supply" in roles else "consumption"
        self._connection = site.connection
        self._meters = [(k, _Meter(one)) for k, one in enumerate(site.meters) if one.role == role]

    def look(self, meters: Sequence[MeterView], boxes: Amps3, now_us: int, due: list[int]) -> Background:
        """The background, given what the boxes draw together; the times at which it changes by itself join ``due``."""
        if not self._meters:
            return Background((self._connection.house_max_ma,) * 3, measured=False, blind=False)
        amps, measured, blind = NOTHING, True, False
        for k, meter in self._meters:
            one = meter.look(meters[k], self._connection, boxes, now_us, due)
            amps = add(amps, one.amps)
            measured, blind = measured and one.measured, blind or one.blind
        return Background(amps, measured, blind)


class _Meter:
    def __init__(self, meter: HouseMeter) -> None:
        self._meter = meter
        self._said: list[tuple[int, Amps3]] = []  # (from when on, what), oldest first

    def look(self, seen: MeterView, connection: Connection, boxes: Amps3, now_us: int, due: list[int]) -> Background:
        since_us = seen.silent_since_us
        shown = None if seen.reading is None or since_us is not None else self._shown(seen.reading, connection)
        if shown is not None:
            self._keep(minus(shown, boxes) if self._meter.role == "grid supply" else shown, now_us)
            return Background(self._said[-1][1], measured=True, blind=False)
        if not self._said:
            return Background((connection.house_max_ma,) * 3, measured=False, blind=True)
        if since_us is None:
            return Background(self._said[-1][1], measured=False, blind=True)
        due += [since_us + LAST_HOLDS_US, since_us + HIGHEST_HOLDS_US]
        if now_us < since_us + LAST_HOLDS_US:
            return Background(self._said[-1][1], measured=False, blind=False)
        return Background(self._highest(since_us), measured=False, blind=now_us >= since_us + HIGHEST_HOLDS_US)

    def _shown(self, reading: MeterReading, connection: Connection) -> Amps3 | None:
        """Its currents; a total is shared out equally, since the original trusts the phases that it was told."""
        if reading.phases_ma is not None:
            return reading.phases_ma
        if reading.power_w is None:
            return None
        return (per_phase_ma(reading.power_w, connection.voltage_mv),) * 3

    def _keep(self, amps: Amps3, now_us: int) -> None:
        if self._said and self._said[-1][1] == amps:
            return
        self._said.append((now_us, amps))
        while len(self._said) > 1 and self._said[1][0] <= now_us - LOOKS_BACK_US:
            del self._said[0]

    def _highest(self, until_us: int) -> Amps3:
        """The highest of each phase in the time before ``until_us``."""
        ends = [since_us for since_us, _ in self._said[1:]]
        held = [
            amps for (_, amps), end in zip(self._said, [*ends, until_us], strict=True) if end > until_us - LOOKS_BACK_US
        ]
        l1, l2, l3 = (max(amps[phase] for amps in held) for phase in range(3))
        return l1, l2, l3


@dataclass(frozen=True, slots=True)
class Overdraft:
    """The cut of each phase in mA, and until when it holds."""

    cut: Amps3 = NOTHING
    until_us: Amps3 = NOTHING

    def after(self, over: Amps3, now_us: int) -> Overdraft:
        """The cut from now on, where so much is drawn beyond limit less reserve (0 or less: nothing is)."""
        held = [ma if now_us < until else 0 for ma, until in zip(self.cut, self.until_us, strict=True)]
        c1, c2, c3 = (max(0, ma, was) for ma, was in zip(over, held, strict=True))
        u1, u2, u3 = (
            now_us + COOL_US if ma > 0 else until if was else 0
            for ma, was, until in zip(over, held, self.until_us, strict=True)
        )
        return Overdraft((c1, c2, c3), (u1, u2, u3))
