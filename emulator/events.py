"""What the world tells: state changes as events, the house connection's currents as linear segments."""

from __future__ import annotations

from dataclasses import dataclass

Value = int | str


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened at ``at_us`` on ``channel`` ("box garage", "car zoe", "meter house", "connection", "fault").

    Kinds and data: box: ``state`` (was, now: A..F) · ``limit`` (limit_ma, enable) · ``offer`` (offered_ma) ·
    ``contactor`` (closed 0/1, drawn_ma) · ``failsafe`` (on 0/1, limit_ma) · ``boot`` (count) · ``standby`` (on 0/1) · ``write`` (register, value).
    car: ``plugged`` (box) · ``draw`` (drawn_ma, phases) · ``full`` (energy_wh) · ``unplugged`` (energy_wh).
    connection: ``house`` (l1_ma, l2_ma, l3_ma) · ``verdict`` (phase, was, now) · ``tripped`` (phases, by) .
    fault: ``begins``, ``ends`` (fault, on). master: ``stops``, ``starts`` · ``licences`` (count) · ``clock`` (was, now).
    reader: ``reads`` (box, every_us). slave: ``write request`` (unit, function).
    """

    at_us: int
    channel: str
    kind: str
    data: tuple[tuple[str, Value], ...] = ()

    def get(self, name: str) -> Value:
        return dict(self.data)[name]


@dataclass(frozen=True, slots=True)
class Segment:
    """The connection's current per phase from ``from_us`` to ``to_us``: ``na + rate * (t - from_us)``, nA and nA per us."""

    from_us: int
    to_us: int
    na: tuple[int, int, int]
    rate: tuple[int, int, int]
