"""What may stand between a gateway and its port: something that changes what passes. Sans-IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Later(NamedTuple):
    """Bytes, and in how many us they are passed on; 0: at once."""

    after_us: int
    data: bytes


class Passed(NamedTuple):
    """What goes on to the port now, and what comes back from there, or seems to."""

    out: bytes
    back: tuple[Later, ...] = ()


class Between(Protocol):
    """Sees every request that leaves, and all bytes that come. ``done`` counts what it did, by name."""

    @property
    def done(self) -> Mapping[str, int]: ...
    def leaves(self, adu: bytes) -> Passed: ...
    def comes(self, data: bytes) -> tuple[Later, ...]: ...
