"""``phase_switching: on`` of a box in a site file: whether it may be, and how long its car is not to charge for it."""

from __future__ import annotations

from collections.abc import Sequence

from chargebench.datasheets.load import load, names
from chargebench.datasheets.yamlfile import Problems
from chargebench.manager.drivers.phases import PhaseSwitch, unswitchable

THREE = 3


def switch_us(device: str, phases: Sequence[int], loc: tuple[str | int, ...], problems: Problems) -> int | None:
    """How long a change of phases takes at this device; a device that is not known is somebody else's complaint."""
    if device not in names():
        return None
    if len(phases) < THREE:
        problems.add(loc, "expected off, since the box is wired to fewer than three phases")
        return None
    if why := unswitchable(load(device)):
        problems.add(loc, f"expected off, since {why}; phases can be switched by {', '.join(able())}")
        return None
    return PhaseSwitch(load(device)).takes_us


def able() -> list[str]:
    """The devices whose phases can be switched."""
    sheets = [load(name) for name in names()]
    return [sheet.name for sheet in sheets if sheet.kind == "evse" and not unswitchable(sheet)]
