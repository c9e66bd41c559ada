"""What a proxy is to do, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from chargebench.manager.links.pace import Pace
from chargebench.manager.proxy.access import Access
from chargebench.manager.site import SerialAddress

SERVED_PACE: Final = Pace(answer_us=450_000)
"""Of a line: a read that is asked twice is over within the second that most clients wait."""

Kind = Literal["serial", "tcp", "rtu-tcp"]
"""Behind a serial port; a Modbus TCP server; a line behind a TCP connection that carries its bytes as they are."""


@dataclass(frozen=True, slots=True)
class Behind:
    """One line, or one server. ``target`` is a port or a URL of pyserial, or ``host:port``; ``address`` None: no line is known.
    ``gap_us`` is kept between an answer and the next request; None: the silence that the standard asks for.
    ``echo``: the adapter hears itself, which else is found out with the first read."""

    name: str
    kind: Kind
    target: str
    address: SerialAddress | None
    pace: Pace
    gap_us: int | None = None
    echo: bool = False


@dataclass(frozen=True, slots=True)
class Before:
    """Where clients of one line connect. Port 0 is any that is free. ``unit``: the only one that is reached there."""

    host: str
    port: int
    line: str
    unit: int | None = None


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many clients may be connected, for how long without a request, and how long half a request is waited for."""

    most: int = 64
    idle_us: int = 300_000_000
    stall_us: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Captured:
    """Where everything that passes is captured, and how large a piece of the file gets before the next is begun."""

    path: str
    piece_bytes: int


@dataclass(frozen=True, slots=True)
class Config:
    """A whole proxy. ``units``: what clients call a unit, and its id on the line; others keep theirs."""

    lines: tuple[Behind, ...]
    listeners: tuple[Before, ...]
    units: Mapping[int, int] = field(default_factory=dict)
    access: Access = field(default_factory=Access)
    crowd: Crowd = field(default_factory=Crowd)
    captured: Captured | None = None
