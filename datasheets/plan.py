"""Read plans: which runs of registers one asks for, computed from the sheet."""

from __future__ import annotations

from collections.abc import Sequence

from chargebench.datasheets.model import Datasheet, Register, Table

Run = tuple[Table, int, int]  # one read request: table, first PDU address, number of words


def plan(sheet: Datasheet, names: Sequence[str], *, max_gap: int = 0) -> tuple[Run, ...]:
    """The fewest runs that hold the registers called ``names``, in the order of tables and addresses.

    Registers at most ``max_gap`` words apart share a run of at most ``sheet.max_read`` words; none is cut in two. Where the
    sheet refuses gaps none is read across, where it wants one value a request each has its own, and a block is read whole.
    ``LookupError`` for an unknown register, ``ValueError`` for one that cannot be read.
    """
    registers = [sheet.register(name) for name in names]
    for one in registers:
        if not one.readable:
            raise ValueError(f"{sheet.name}: {one.name} can only be written")
    gap = 0 if sheet.reading.gaps == "refused" else max_gap
    runs: list[Run] = []
    joins = False  # whether the last run may grow
    for one in sorted(registers, key=lambda one: (one.table, one.at)):
        if runs and _holds(runs[-1], one):
            continue
        if joins and _fits(runs[-1], one, gap, sheet.max_read):
            table, address, count = runs[-1]
            runs[-1] = (table, address, max(count, one.at + one.count - address))
            continue
        block = next((run for run in _blocks(sheet) if _holds(run, one)), None)
        runs.append(block or (one.table, one.at, one.count))
        joins = block is None and not sheet.reading.single
    return tuple(runs)


def _blocks(sheet: Datasheet) -> list[Run]:
    """What is read whole; blocks are of holding registers."""
    return [("holding", at, count) for at, count in sheet.reading.blocks]


def _holds(run: Run, register: Register) -> bool:
    table, address, count = run
    return table == register.table and address <= register.at and register.at + register.count <= address + count


def _fits(run: Run, register: Register, max_gap: int, max_read: int) -> bool:
    table, address, count = run
    gap = register.at - (address + count)
    return table == register.table and gap <= max_gap and register.at + register.count - address <= max_read


def cut(run: Run, words: Sequence[int], register: Register) -> tuple[int, ...] | None:
    """The words of ``register`` in ``words``, the answer to ``run``; None if the run does not hold all of it."""
    table, address, count = run
    start = register.at - address
    if table != register.table or start < 0 or start + register.count > count:
        return None
    return tuple(words[start : start + register.count])
