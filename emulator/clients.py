"""How many TCP clients a slave bears, for how long, and what becomes of one too many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from chargebench.datasheets.behaviour import Excess, Tcp
from chargebench.emulator.framing import STALL_US

CLIENTS_MAX = 64
LOST_US = 120_000_000


def _nothing(_at_us: int) -> None:
    """It bears it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a TCP server bears: so many connections, one that is idle for so long (None: for ever), half a message for so long.

    ``excess``: one too many is not listened to until another ends (queue), or the oldest is closed for it (replace), else
    it is closed at once; ``crash`` (when) is called where that is too much for the device (crash). ``lockout_us``: for how
    long none is taken once one has ended.
    """

    clients_max: int = CLIENTS_MAX
    idle_us: int | None = None
    stall_us: int = STALL_US
    excess: Excess = "refuse"
    crash: Callable[[int], None] = _nothing
    lockout_us: Callable[[], int] = lambda: 0


@dataclass(frozen=True, slots=True)
class Bearing:
    """What a device bears of clients, as its datasheet says (``tcp``), with the time of its watchdog and what makes it crash."""

    tcp: Tcp = field(default_factory=Tcp)
    watchdog_us: Callable[[], int] = lambda: 0
    crash: Callable[[int], None] = _nothing

    def limits(self) -> Limits:
        """What its server bears.

        One of few clients that says nothing is dropped after a while, known or not: else a lost one would keep all others
        out for good.
        """
        tcp = self.tcp
        return Limits(
            clients_max=tcp.clients or CLIENTS_MAX,
            idle_us=tcp.idle_close_us or (None if tcp.clients is None else LOST_US),
            excess=tcp.excess,
            crash=self.crash,
            lockout_us=self.watchdog_us if tcp.lockout else lambda: 0,
        )
