"""A small scenario to spoil: what tests about files start from."""

from __future__ import annotations

from pathlib import Path

SMALL = """\
scenario: one car at one box
seed: 1
start: 2026-01-12 18:00
for: 10 min
site:
  connection: {max_total_power: 34 kW, house_max: 14 A, fuse: {rating: 50 A, curve: SLS-E}}
  evses:
    - {name: internal, device: power-brain}
    - {name: garage, device: power-brain, at: "192.168.2.151:4701"}
world:
  house: {load: [[18:00, 2 kW]]}
  cars:
    - {car: tesla-model-3-lr, as: tesla, at: 18:00:05, plugs: garage, wants: 20 kWh}
expect:
  - always: {fuse: cannot trip}
"""


def spoiled(old: str, new: str) -> str:
    """``SMALL`` with one thing changed, which must be there just once."""
    assert SMALL.count(old) == 1, old
    return SMALL.replace(old, new)


def put(folder: Path, text: str = SMALL, name: str = "small.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path
