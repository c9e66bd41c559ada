"""Which clauses of a box's behaviour apply to which box, as a table: ``python -m tests.clauses.behaviour`` writes it anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from chargebench.datasheets.load import load, names
from chargebench.emulator.devices.general import refusal
from chargebench.emulator.kinds import KINDS
from chargebench.scenarios.clauses.catalogue import BEHAVIOUR, check_all
from chargebench.scenarios.clauses.direct import LoneBox, PduEnd, at_once, spec_of
from chargebench.scenarios.clauses.model import Clause, Outcome

GOLDEN = Path(__file__).with_name("behaviour.txt")
BOXES = [name for name in names() if load(name).kind == "evse" and (name in KINDS or not refusal(load(name)))]
MORE = ["power-brain with phase-switching"]
"""Boxes with a quirk that lets clauses apply that do not without."""


def lone(row: str) -> LoneBox:
    """The box of a row: a device, and the quirk that it has."""
    device, _, quirk = row.partition(" with ")
    sheet = load(device)
    if quirk == "phase-switching":
        assert sheet.control is not None
        assert sheet.control.phases is not None
        at_any_time = replace(sheet.control.phases, during="any")
        sheet = replace(sheet, control=replace(sheet.control, phases=at_any_time))
    return LoneBox(sheet, replace(spec_of(sheet), quirks=(quirk,) if quirk else ()))


def outcomes(one: LoneBox, clauses: tuple[Clause, ...] = BEHAVIOUR) -> dict[str, Outcome]:
    """What comes out for each clause, checked one after the other on one and the same box."""
    found: dict[str, Outcome] = {}

    async def run() -> None:
        found.update(await check_all(PduEnd(one), clauses))

    at_once(run())
    return found


def block(row: str, found: dict[str, Outcome]) -> str:
    """The lines of a row: how many clauses are kept, and why the others do not apply."""
    kept = sum(one.verdict == "kept" for one in found.values())
    others = [f"  {id_} {one.reason}" for id_, one in found.items() if one.verdict == "not applicable"]
    return "\n".join((f"{row}: {kept} kept", *others))


def golden() -> dict[str, str]:
    """The blocks of the table by row."""
    blocks = GOLDEN.read_text("utf-8").strip().split("\n\n")
    return {one.split(":", 1)[0]: one for one in blocks}


if __name__ == "__main__":
    GOLDEN.write_text("\n\n".join(block(row, outcomes(lone(row))) for row in (*BOXES, *MORE)) + "\n", "utf-8")
