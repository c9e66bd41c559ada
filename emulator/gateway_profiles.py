"""What gateways between TCP and a serial line are like, by name: how patient, how fair, how careful each of them is.

Where a maker is silent, what is worst for the master holds: writes are tried again like reads, and what a client has asked is
carried out though the client is gone. ``power-brain`` is the documented one; of its times and counts nothing is said, and they
are taken as for the common ones. ``mbusd`` is the C gateway with its own defaults, whose pause between two requests is 100 ms:
its next request waits while it goes on asking a dead box, and it takes any frame with a good CRC for the answer.
``closes-on-timeout`` is the way of modbus-proxy: in place of an exception the client loses its connection; its time is one in
which its client still waits, since nobody could tell it from a silent one else. ``cached`` answers a read from memory for as
long as it believes what it has once read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chargebench.emulator.flow import SECOND_US

MS: Final = 1_000
NOT_UNDERSTOOD, NO_ANSWER = 0x04, 0x0B


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of gateway.

    ``answer_us``: how long a unit may take beside the time on the wire; ``tries``: so often a request goes out at most;
    ``pause_us``: kept between an answer and the next request, no less than 3.5 characters. ``turns``: clients take turns, else
    who came first is first. ``careful``: only a frame of the unit and the function asked for is the answer. ``forgets``: what a
    client that is gone had asked is dropped. ``hangs_up``: who gets no answer loses the connection. ``spoilt``: the exception
    for an answer that cannot be read. ``idle_us``: a client that says nothing for so long is closed; None: never.
    ``memory_us``: reads are answered by what was read no longer ago.
    """

    answer_us: int = SECOND_US
    tries: int = 2
    pause_us: int = 0
    clients_most: int = 4
    turns: bool = False
    careful: bool = True
    forgets: bool = True
    hangs_up: bool = False
    spoilt: int = NO_ANSWER
    idle_us: int | None = None
    memory_us: int = 0


PROFILES: Final[dict[str, Profile]] = {
    "power-brain": Profile(forgets=False),
    "mbusd": Profile(
        answer_us=500 * MS,
        tries=4,
        pause_us=100 * MS,
        clients_most=32,
        turns=True,
        careful=False,
        spoilt=NOT_UNDERSTOOD,
        idle_us=60 * SECOND_US,
    ),
    "closes-on-timeout": Profile(answer_us=300 * MS, clients_most=64, hangs_up=True),
    "cached": Profile(answer_us=450 * MS, clients_most=64, memory_us=20 * SECOND_US),
}
"""Those that are played here, by name."""
