"""Faults by name: one registry, one small file for each kind."""

from __future__ import annotations

from chargebench.emulator.faults.frozen import FROZEN
from chargebench.emulator.faults.kind import FaultKind
from chargebench.emulator.faults.master_stops import MASTER_STOPS
from chargebench.emulator.faults.reboot import REBOOT
from chargebench.emulator.faults.silence import SILENCE

registry: dict[str, FaultKind] = {kind.name: kind for kind in (FROZEN, MASTER_STOPS, REBOOT, SILENCE)}
