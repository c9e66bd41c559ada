"""The clock of a run: a heap of things to come, and an asyncio loop that lives by it."""

from chargebench.emulator.clock.env import Call, SimEnv
from chargebench.emulator.clock.hangs import Broken, Deadlock, Hang, Livelock, Starved, Unwilling, instant
from chargebench.emulator.clock.loop import SimLoop, running
from chargebench.emulator.clock.watches import Watch
from chargebench.emulator.clock.wired import NotInARun

__all__ = [
    "Broken",
    "Call",
    "Deadlock",
    "Hang",
    "Livelock",
    "NotInARun",
    "SimEnv",
    "SimLoop",
    "Starved",
    "Unwilling",
    "Watch",
    "instant",
    "running",
]
