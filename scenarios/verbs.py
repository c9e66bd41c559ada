"""The verbs that look at files and change nothing: check, scenarios, devices, cars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from chargebench.datasheets import cars, load
from chargebench.datasheets.errors import BadInput, CannotOpen, UnknownName
from chargebench.datasheets.quantity import show
from chargebench.scenarios import check as checks
from chargebench.scenarios import render, sheets, shelf
from chargebench.scenarios.cli import FAILED, print_json
from chargebench.scenarios.describe import named_files, titles


def check(targets: Sequence[str], *, as_json: bool) -> int:
    """Print what is wrong; the worst decides the exit status."""
    found = []
    for target in targets:
        where = shelf.find(target)
        found.append((target, checks.check_file(where.path, where.variant)))
    if as_json:
        print_json([{"target": target, "findings": [asdict(one) for one in findings]} for target, findings in found])
    else:
        for target, findings in found:
            click.echo("\n".join(str(one) for one in findings) if findings else f"{target}: nothing to find fault with")
    severities = {one.severity for _, findings in found for one in findings}
    return BadInput.status if "error" in severities else FAILED if "danger" in severities else 0


def list_scenarios(*, as_json: bool) -> int:
    """Names, titles and tiers; variants stand behind a slash."""
    listed = []
    for name in shelf.names():
        title, tiers, variants = titles(shelf.find(name).path)
        listed.append({"name": name, "title": title, "tiers": list(tiers), "variants": list(variants)})
    if as_json:
        print_json(listed)
    else:
        rows = [(str(one["name"]), str(one["title"]), _variants(one["variants"])) for one in listed]
        click.echo(render.table(rows))
    return 0


def _variants(names: object) -> str:
    return f"variants: {', '.join(map(str, names))}" if isinstance(names, list) and names else ""


def show_scenario(name: str, *, as_json: bool) -> int:
    """The file, as it is."""
    path = _file(name)
    text = _text(path)
    if as_json:
        title, tiers, variants = titles(path)
        print_json({"name": name, "title": title, "tiers": list(tiers), "variants": list(variants), "text": text})
    else:
        click.echo(text, nl=False)
    return 0


def copy_scenario(name: str, target: Path | None, *, as_json: bool) -> int:
    """The file, to be changed, and beside it those that it names; all or, where one is there already, none."""
    path = _file(name)
    target = Path(path.name) if target is None else target / path.name if target.is_dir() else target
    copies = {target: _text(path)}
    for beside in named_files(path):
        copies[target.with_name(beside)] = _text(path.with_name(beside))
    for copy in copies:
        if copy.exists():
            raise CannotOpen(str(copy), "it is there already, and nothing is overwritten; choose another name")
    for copy, text in copies.items():
        _write_new(copy, text)
    if as_json:
        print_json({"path": str(target), "beside": [str(copy) for copy in copies if copy != target]})
    else:
        click.echo("\n".join(str(copy) for copy in copies))
    return 0


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise CannotOpen(str(path), f"cannot be written: {error.strerror or error}") from error


def list_devices(*, as_json: bool) -> int:
    """Name, kind and transports of every datasheet."""
    found = [load.load(name) for name in load.names()]
    if as_json:
        listed = [{"name": one.name, "kind": one.kind, "transports": list(one.transports)} for one in found]
        print_json(listed)
    else:
        click.echo(
            render.table([(one.name, one.kind, ", ".join(one.transports), f"{one.maker} {one.model}") for one in found])
        )
    return 0


def show_device(name: str, *, as_json: bool) -> int:
    """What a datasheet says of its device: how it behaves, its quirks, every register."""
    sheet = load.load(name)
    if as_json:
        print_json(sheets.as_json(sheet))
    else:
        click.echo(sheets.as_text(sheet))
    return 0


def list_cars(*, as_json: bool) -> int:
    """Name, phases, power and battery of every car that has a name."""
    known = [cars.car(name) for name in cars.car_names()]
    if as_json:
        print_json([asdict(one) for one in known])
    else:
        rows = [
            (
                one.name,
                f"{one.phases} phase{'' if one.phases == 1 else 's'}",
                show(one.ac_max_w, "W"),
                show(one.battery_wh, "Wh"),
            )
            for one in known
        ]
        click.echo(render.table(rows))
    return 0


def _file(name: str) -> Path:
    """The file of a scenario; a variant stands in the file of its scenario, and must be there if it is named."""
    found = shelf.find(name)
    if found.variant is not None and found.variant not in (known := titles(found.path)[2]):
        raise UnknownName("variant", name, tuple(f"{found.name}/{one}" for one in known))
    return found.path


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise BadInput(str(path), "", f"cannot be read: {error.strerror or error}") from error
