"""Faults by name: one registry, one small file for each kind."""

from __future__ import annotations

from chargebench.emulator.faults.access_point_lost import ACCESS_POINT_LOST
from chargebench.emulator.faults.blackout import BLACKOUT
from chargebench.emulator.faults.cars import TAKES_LESS, TAKES_MORE
from chargebench.emulator.faults.frozen import FROZEN
from chargebench.emulator.faults.ignores_writes import IGNORES_WRITES
from chargebench.emulator.faults.kind import FaultKind
from chargebench.emulator.faults.master_forgets import MASTER_FORGETS
from chargebench.emulator.faults.master_reboots import MASTER_REBOOTS
from chargebench.emulator.faults.master_stops import MASTER_STOPS
from chargebench.emulator.faults.one_way_loss import ONE_WAY_LOSS
from chargebench.emulator.faults.phases import BREAKER_OPEN, PHASE_LOST
from chargebench.emulator.faults.reboot import REBOOT
from chargebench.emulator.faults.silence import SILENCE
from chargebench.emulator.faults.wires import ADAPTER_UNPLUGGED, GATEWAY_OFF, LATE_ANSWERS, NOISE
from chargebench.emulator.faults.wrong_numbers import NO_NUMBERS, PHASES_SWAPPED, REVERSED

_ALL = (
    ACCESS_POINT_LOST,
    ADAPTER_UNPLUGGED,
    BLACKOUT,
    BREAKER_OPEN,
    FROZEN,
    GATEWAY_OFF,
    IGNORES_WRITES,
    LATE_ANSWERS,
    MASTER_FORGETS,
    MASTER_REBOOTS,
    MASTER_STOPS,
    NO_NUMBERS,
    NOISE,
    ONE_WAY_LOSS,
    PHASE_LOST,
    PHASES_SWAPPED,
    REBOOT,
    REVERSED,
    SILENCE,
    TAKES_LESS,
    TAKES_MORE,
)
registry: dict[str, FaultKind] = {kind.name: kind for kind in _ALL}
