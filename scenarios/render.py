"""A run and its findings as text for a terminal; plain, so that it reads the same in a log."""

from __future__ import annotations

from collections.abc import Sequence

from chargebench.datasheets.words import kilowatt_hours, lasted
from chargebench.emulator.figures import Figures, FuseFigures
from chargebench.scenarios.result import Result

MANY = 10  # cars, beyond which nobody adds up in his head what they have got


def report(result: Result) -> str:
    """Story, verdict of each expectation, figures and hash of one run."""
    scenario = result.scenario
    took = f"{lasted(scenario.duration_us)} simulated in {result.wall_s:.1f} s"
    policy = scenario.site.policy
    head = f"{scenario.label}: {scenario.title}\nseed {result.seed}, {took}"
    head += "" if policy == "fair" else f", by the rules of policy {policy}"
    head += "\n" if result.tier == "wire" else f", at tier {result.tier}\n"
    parts = [head, result.story, *verdicts(result), *figures(result.figures, len(result.commands))]
    parts.append(f"  hash      {result.hash}")
    if not result.passed:
        parts.extend([f"  why       {result.why or 'nothing stands out before it'}", f"  again     {result.again}"])
    return "\n".join(parts) + "\n"


def verdicts(result: Result) -> list[str]:
    """A line for each expectation, and for a broken one when and why."""
    clock = result.scenario.clock
    lines = []
    for verdict in result.verdicts:
        lines.append(f"  {'ok  ' if verdict.kept else 'FAIL'}  {verdict.name}")
        if verdict.first_us is not None:
            lines.append(f"        at {clock.show(verdict.first_us, exact=True)}: {verdict.because}")
    lines.append("")
    return lines


def figures(known: Figures, commands: int) -> list[str]:
    """The figures of a run: limit, fuse, cars, contactors, commands."""
    limit = known["limit"]
    lines = [f"  limit     exceeded by {limit['exceeded_a']:g} A at most, for {limit['exceeded_s']:g} s in all"]
    for phase, fuse in known["fuse"].items():
        lines.append(f"  fuse {phase}   {fuse_text(fuse)}")
    for name, car in known["cars"].items():
        lines.append(f"  car       {name}: {kilowatt_hours(car['energy_wh'])} of {kilowatt_hours(car['wanted_wh'])}")
    if len(known["cars"]) >= MANY:
        got, wanted = (sum(car[what] for car in known["cars"].values()) for what in ("energy_wh", "wanted_wh"))
        lines.append(f"  cars      all {len(known['cars'])}: {kilowatt_hours(got)} of {kilowatt_hours(wanted)}")
    starts = ", ".join(f"{name} {count}" for name, count in known["contactor_starts"].items())
    lines.append(f"  starts    {starts or 'none'} of contactors; {commands} commands")
    return lines


def fuse_text(fuse: FuseFigures) -> str:
    """One phase in words: verdict, peak, and how near the next worse verdict was at the worst moment."""
    peak = f"peak {fuse['peak_a']:g} A"
    worse = {"cannot": "may", "may": "must"}.get(fuse["verdict"] or "")
    if fuse["verdict"] is None:
        return f"no fuse is known, {peak}"
    if worse is None or fuse["margin_s"] is None:
        return f"{fuse['verdict']} trip, {peak}"
    return f"{fuse['verdict']} trip, {peak}; at its worst {fuse['margin_s']:.1f} s from where it {worse} trip"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns that stand under each other."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))] if rows else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
