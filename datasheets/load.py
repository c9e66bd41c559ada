"""The datasheets that come with chargebench, by name, and those of others, by path."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from chargebench.datasheets.codec import encode
from chargebench.datasheets.errors import UnknownName, suggest
from chargebench.datasheets.forms import fill
from chargebench.datasheets.metering import meter_faults
from chargebench.datasheets.model import Datasheet
from chargebench.datasheets.rules import check
from chargebench.datasheets.sheet import LikeForm, SheetForm, build
from chargebench.datasheets.yamlfile import Document, Problems, read_yaml

_HERE = Path(__file__).parent
_FOLDERS = ("evse", "meter")


def names() -> list[str]:
    """Names of all datasheets that come with chargebench, sorted."""
    return sorted(_paths())


@cache
def load(name: str) -> Datasheet:
    """The datasheet called ``name``; ``UnknownName`` (a ``LookupError``) with what is known."""
    paths = _paths()
    if name not in paths:
        raise UnknownName("device", name, tuple(sorted(paths)))
    return load_file(paths[name])


def load_file(path: str | Path) -> Datasheet:
    """The datasheet in a file. ``BadInput`` or ``BadFile`` with everything that is wrong with it.

    A sheet that is ``like`` another finds it in its own folder, or among those that come with chargebench.
    """
    document = _read(Path(path))
    return read_sheet(document, Path(path).parent)


def read_sheet(document: Document, folder: Path | None = None) -> Datasheet:
    """The datasheet in a document; ``folder`` is where a sheet that it is ``like`` is looked for first."""
    if isinstance(document.value, dict) and "like" in document.value:
        return _read_like(fill(LikeForm, document), document, folder)
    return build(_read_whole(document), document)


def _read_whole(document: Document) -> SheetForm:
    form = fill(SheetForm, document)
    check(form, document)
    return form


def _read_like(form: LikeForm, document: Document, folder: Path | None) -> Datasheet:
    problems = Problems(document)
    path = _find(form.like, folder)
    if path is None:
        problems.add(("like",), f"unknown device {form.like!r}{suggest(form.like, names())}")
        raise problems.as_file()
    origin = _read(path)
    whole = _read_whole(origin)
    if form.part not in whole.parts:
        problems.add(("part",), f"expected a part of {form.like}, got {form.part!r}{suggest(form.part, whole.parts)}")
        raise problems.as_file()
    sheet = build(whole, origin, form.part)
    registers = {one.name: one for one in sheet.registers}
    for name, value in form.defaults.items():
        try:
            encode(sheet.register(name), value)
        except (LookupError, ValueError) as error:
            problems.add(("defaults", name), f"expected a value of a register of {form.part}: {error}")
            continue
        registers[name] = replace(registers[name], default=value)
    for loc, problem in meter_faults(form.meter, registers) if form.meter else ():
        problems.add(("meter", *loc), problem)
    problems.raise_any()
    return replace(
        sheet,
        name=form.name,
        model=form.model or sheet.model,
        kind=form.kind or sheet.kind,
        unit=form.unit,
        port=form.port,
        limits=form.limits.pairs(),
        meter=form.meter.meter() if form.meter else None,
        registers=tuple(registers.values()),
        path=document.name,
        quirks=tuple(replace(one, name="", rare=False) for one in sheet.quirks),  # the whole device has them, no part
    )


def _find(name: str, folder: Path | None) -> Path | None:
    beside = folder / f"{name}.yaml" if folder else None
    return beside if beside and beside.is_file() else _paths().get(name)


def _read(path: Path) -> Document:
    """The file, called by its place in this package if it is ours, so that a sentence does not depend on the machine."""
    inside = path.is_relative_to(_HERE)
    return read_yaml(path, f"datasheets/{path.relative_to(_HERE)}" if inside else str(path))


@cache
def _paths() -> dict[str, Path]:
    return {path.stem: path for folder in _FOLDERS for path in sorted((_HERE / folder).glob("*.yaml"))}
