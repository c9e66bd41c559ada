"""What flows on a circuit is the sum of the boxes on it, piece by piece, and nothing else."""

from __future__ import annotations

from chargebench.emulator.circuits import Circuits
from chargebench.emulator.events import Segment
from chargebench.emulator.spec import CircuitSpec

FRONT = CircuitSpec("front", (32_000,) * 3, ("a", "b"))
ROW = CircuitSpec("row", (16_000,) * 3, ("b",))
UP = ((5, 0, 0), (1, 0, 0))
FLAT = ((0, 7, 0), (0, 0, 0))


def ignore(_at_us, _by):
    """A house that nobody looks at."""


def test_a_circuit_carries_its_boxes_and_those_of_the_circuits_below_it():
    seen, fed = [], []
    circuits = Circuits((FRONT, ROW))
    circuits.watch.append(lambda name, piece: seen.append((name, piece)))

    def house(at_us, by):
        fed.append((at_us, by))

    a, b = circuits.behind("a", house), circuits.behind("b", house)
    a(10, FLAT)
    b(20, UP)
    circuits.close(30)
    assert fed == [(10, FLAT), (20, UP)]
    assert [piece for name, piece in seen if name == "front"] == [
        Segment(0, 10, (0, 0, 0), (0, 0, 0)),
        Segment(10, 20, (0, 7, 0), (0, 0, 0)),
        Segment(20, 30, (5, 7, 0), (1, 0, 0)),
    ]
    assert [piece for name, piece in seen if name == "row"] == [
        Segment(0, 20, (0, 0, 0), (0, 0, 0)),
        Segment(20, 30, (5, 0, 0), (1, 0, 0)),
    ]


def test_a_box_on_no_circuit_feeds_the_house_as_if_there_were_none():
    assert Circuits((FRONT,)).behind("c", ignore) is ignore


def test_a_ramp_goes_on_where_another_box_changes():
    seen = []
    circuits = Circuits((FRONT,))
    circuits.watch.append(lambda _name, piece: seen.append(piece))
    a, b = (circuits.behind(name, ignore) for name in "ab")
    a(0, ((0, 0, 0), (0, 0, 3)))
    b(4, FLAT)
    circuits.close(6)
    assert seen == [Segment(0, 4, (0, 0, 0), (0, 0, 3)), Segment(4, 6, (0, 7, 12), (0, 0, 3))]
