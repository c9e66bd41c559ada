"""A small house for the tests of the shell: two boxes, a meter, their registers, and a controller double."""

import struct
from dataclasses import dataclass, field

from chargebench.manager.links.master import now_us
from chargebench.manager.readings import Command, View
from chargebench.manager.site import Box, Connection, HouseMeter, Site, TcpAddress
from tests.manager.slaves import COM1, Bank

SECOND = 1_000_000
CYCLE = 3 * SECOND
GARAGE_AT = TcpAddress("192.168.2.151", 4701)
YARD_AT = TcpAddress("192.168.2.152", 4701)
S0_AT = TcpAddress("192.168.2.151", 4702)
GARAGE = Box("garage", "power-brain", GARAGE_AT, 1, (0, 1, 2))
YARD = Box("yard", "power-brain", YARD_AT, 1, (1, 2, 0))
HOUSE = HouseMeter("house", "eastron-sdm630", COM1, 101, "grid supply", (2, 0, 1))


def site(*boxes, meters=(), management=True):
    return Site(Connection(34_000, 49_275), boxes, meters, management, "here.yaml")


def brain(limit=160, enable=1, state=2, has_meter=0):
    """The registers of a Power Brain that the driver asks for."""
    state = {8092: state, 8093: limit, 8094: enable, 8095: limit * enable}
    hello = {8000: 0xCF05, 8081: 160, 8082: 1, 8084: 300, 8085: 60, 8112: has_meter, 8121: 3}
    return Bank(hello | state)


def floats(at, *values):
    return {
        at + k: word
        for k, word in enumerate(struct.unpack(f">{2 * len(values)}H", struct.pack(f">{len(values)}f", *values)))
    }


def sdm(watts=(230, -460, 690)):
    return Bank(floats(6, 1, 2, 3, *watts) | floats(52, 460) | floats(72, 12.5))


@dataclass
class Double:
    """Gives the commands planned for a cycle, {box: limit_ma}; keeps what it was shown and when."""

    plan: dict[int, dict[int, int]] = field(default_factory=dict)
    seen: list[tuple[int, int, View]] = field(default_factory=list)
    cycle_us: int = CYCLE

    def cycle(self, n, view):
        self.seen.append((n, now_us(), view))
        return [Command(n, box, limit_ma) for box, limit_ma in self.plan.get(n, {}).items()]

    def view(self, n):
        return next(view for at, _, view in self.seen if at == n)
