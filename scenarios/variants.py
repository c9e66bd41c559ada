"""Variants of a scenario: named changes of one file, merged into it before it is read; every part keeps its place."""

from __future__ import annotations

from chargebench.datasheets.errors import BadInput, suggest
from chargebench.datasheets.yamlfile import Document, Loc, Place, Value

MAY_CHANGE = ("scenario", "seed", "start", "for", "manager", "tiers", "site", "world", "faults", "changes", "expect")


def with_variant(document: Document, name: str) -> Document:
    """``document`` with the changes of its variant ``name``. Mappings are merged, everything else is replaced.

    ``BadInput`` where there is no such variant, or where it changes what no variant may.
    """
    whole = document.value if isinstance(document.value, dict) else {}
    variants = whole.get("variants")
    known = [str(one) for one in variants] if isinstance(variants, dict) else []
    if not isinstance(variants, dict) or name not in known:
        raise BadInput(document.where(("variants",)), "variants", f"there is no variant {name!r}{suggest(name, known)}")
    changes = variants[name]
    origin: Loc = ("variants", name)
    if not isinstance(changes, dict):
        raise BadInput(document.where(origin), f"variants.{name}", "expected a mapping of what changes")
    for field in changes:
        if field not in MAY_CHANGE:
            sentence = f"a variant may not change it{suggest(str(field), MAY_CHANGE)}"
            raise BadInput(document.where((*origin, field), key=True), f"variants.{name}.{field}", sentence)
    places = dict(document.places)
    value = _merge(dict(whole), changes, (), origin, places)
    return Document(document.name, value, places)


def _merge(
    base: dict[str | int, Value], changes: dict[str | int, Value], here: Loc, origin: Loc, places: dict[Loc, Place]
) -> dict[str | int, Value]:
    for key, change in changes.items():
        loc, source = (*here, key), (*origin, key)
        old = base.get(key)
        if isinstance(old, dict) and isinstance(change, dict):
            base[key] = _merge(dict(old), change, loc, source, places)
        else:
            base[key] = change
            _move(places, source, loc)
    return base


def _move(places: dict[Loc, Place], source: Loc, target: Loc) -> None:
    for loc in [one for one in places if one[: len(target)] == target]:
        del places[loc]
    for loc in [one for one in places if one[: len(source)] == source]:
        places[(*target, *loc[len(source) :])] = places[loc]
