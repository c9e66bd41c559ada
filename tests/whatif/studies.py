"""A small study to spoil, and its reading."""

from __future__ import annotations

from pathlib import Path

from chargebench.scenarios.whatif.study import Study, read_study

SMALL = """\
study: how big a fuse for three boxes
park: {boxes: 3, connection: {fuse: {rating: 25 A}, house_max: 6 A}}
start: 2026-01-12 06:30
for: 40 min
seeds: 1-2
world:
  preset: workplace
  cars_per_day: 12
  house: {shape: office, peak: 3 kW}
vary:
  connection.fuse: [20 A, 35 A, 63 A]
  meters: [on, off]
answer: smallest connection.fuse with served_share >= 0.85
"""


def changed(*changes: tuple[str, str]) -> str:
    """``SMALL`` with some things changed, each of which must be there just once."""
    text = SMALL
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def put(folder: Path, text: str = SMALL) -> Path:
    path = folder / "small.yaml"
    path.write_text(text, "utf-8")
    return path


def read(folder: Path, *changes: tuple[str, str]) -> Study:
    return read_study(put(folder, changed(*changes)))
