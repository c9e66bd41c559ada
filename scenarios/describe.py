"""From a scenario file to a ``Scenario``: site, world, faults and expectations as values; every error of a file at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from chargebench.datasheets.errors import BadFile, BadInput
from chargebench.datasheets.forms import fill
from chargebench.datasheets.quantity import show
from chargebench.datasheets.yamlfile import Document, Loc, parse_yaml, read_text, read_yaml
from chargebench.emulator.spec import WorldSpec
from chargebench.manager.site import Policy, Site
from chargebench.manager.site_file import SiteForm, build
from chargebench.scenarios import expectations, faults
from chargebench.scenarios.contacts import with_contacts
from chargebench.scenarios.desk import Desk
from chargebench.scenarios.desk import Reader as DeskReader
from chargebench.scenarios.errors import Errors
from chargebench.scenarios.expectations import Expectation
from chargebench.scenarios.fleet import Fleet, Recorded
from chargebench.scenarios.form import House, Outline
from chargebench.scenarios.gateways import with_gateways
from chargebench.scenarios.moments import Clock
from chargebench.scenarios.network import with_network
from chargebench.scenarios.sessions import parse_sessions
from chargebench.scenarios.tiers import Tier
from chargebench.scenarios.truth import Builder
from chargebench.scenarios.variants import with_variant

LONGEST_US = 31 * 86_400_000_000
LAST_DAY = date(9999, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Source:
    """The files that a scenario was read from, whole, so that a run can keep them. ``site_text`` None: the site is inline.

    ``site`` is the document in which the site stands, at ``site_loc``. ``sessions_text`` None: no sessions are played.
    """

    path: str
    text: str
    site_text: str | None
    document: Document
    site: Document
    site_loc: Loc
    sessions_text: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that a run needs. ``house`` says each step of the house's load in the words of the file, for the story.

    ``seed`` has drawn the cars of ``fleet``, which stand last in ``world``; ``seeded`` draws others.
    """

    name: str
    variant: str | None
    title: str
    seed: int
    clock: Clock
    duration_us: int
    managed: bool
    tiers: tuple[Tier, ...]
    site: Site
    world: WorldSpec
    latency_us: int
    jitter_us: int
    expectations: tuple[Expectation, ...]
    house: tuple[tuple[int, str], ...]
    source: Source
    desk: Desk
    fleet: Fleet | None = None

    @property
    def label(self) -> str:
        """The name by which a person runs it: NAME or NAME/VARIANT."""
        return self.name if self.variant is None else f"{self.name}/{self.variant}"

    def under(self, policy: Policy | None) -> Scenario:
        """The same with its site shared by ``policy``; None: by the site's own."""
        return self if policy is None else replace(self, site=replace(self.site, policy=policy))

    def seeded(self, seed: int | None) -> Scenario:
        """The same with ``seed`` in place of its own, and the cars that it draws; None: as it is."""
        if seed is None or seed == self.seed:
            return self
        world = self.world
        if self.fleet is not None:
            listed = world.cars[: len(world.cars) - len(self.fleet.visits)]
            world = replace(world, cars=(*listed, *(one.car for one in self.fleet.drawn(seed))))
        return replace(self, seed=seed, world=world)


class Kept(NamedTuple):
    """Copies that stand in for the files which a scenario names; None: the file itself is read."""

    site: Path | None = None
    sessions: Path | None = None


NOTHING_KEPT = Kept()


def read_scenario(
    path: Path, variant: str | None = None, *, name: str | None = None, kept: Kept = NOTHING_KEPT
) -> Scenario:
    """The scenario at ``path``; ``BadFile`` or ``BadInput`` with all that is wrong.

    ``name`` is what it is called (the file's stem, if left out).
    """
    text = read_text(path)
    document = parse_yaml(text, str(path))
    if is_site(document):
        raise BadInput(
            document.where(), "", f"expected a scenario, got a bare site; a scenario takes it in with site: {path.name}"
        )
    if variant is not None:
        document = with_variant(document, variant)
    return _scenario(document, text, path, variant, name or path.stem, kept)


def from_document(document: Document, path: Path, name: str) -> Scenario:
    """A scenario that was put together and not read; files that it names lie beside ``path``."""
    return _scenario(document, "", path, None, name, NOTHING_KEPT)


def is_site(document: Document) -> bool:
    """Whether a document is a site by itself, as a master has it, and no scenario."""
    return isinstance(document.value, dict) and "scenario" not in document.value and "evses" in document.value


def titles(path: Path) -> tuple[str, tuple[Tier, ...], tuple[str, ...]]:
    """Title, tiers and names of the variants of the file at ``path``, without reading the rest of it."""
    outline = _outline(read_yaml(path))
    return outline.scenario, outline.tiers, tuple(outline.variants)


def named_files(path: Path) -> tuple[str, ...]:
    """The files beside the one at ``path`` that it and its variants name: sites and recorded sessions."""
    document = read_yaml(path)
    outlines = [_outline(document)]
    outlines += [_outline(with_variant(document, name)) for name in outlines[0].variants]
    found = [one.site for one in outlines if isinstance(one.site, str)]
    found += [one.world.sessions.file for one in outlines if one.world.sessions is not None]
    return tuple(dict.fromkeys(name for name in found if name == Path(name).name))


def _scenario(document: Document, text: str, path: Path, variant: str | None, name: str, kept: Kept) -> Scenario:
    outline = _outline(document)
    errors = Errors(document)
    end_us = outline.for_
    if not 0 < end_us <= LONGEST_US:
        errors.add(("for",), "expected a time of more than nothing and at most 31 d")
        errors.raise_any()  # nothing that has an instant could be judged
    if not outline.scenario.isprintable():  # it is printed as it is, and a terminal obeys what is not
        errors.add(("scenario",), "expected a title of printable characters on one line")
    if outline.start.day >= LAST_DAY:
        errors.add(("start",), f"expected a day before {date.fromordinal(LAST_DAY).isoformat()}")
        errors.raise_any()  # no instant of such a run can be shown
    try:
        read = _site(outline, document, path, kept.site)
    except (BadFile, BadInput) as error:
        errors.include(error)
        errors.raise_any()
        raise
    world = Builder(read.site, outline.world, outline.start, end_us, errors).world()
    world = with_network(with_gateways(world, read.site, outline.world, errors), outline.world, errors)
    fleet, sessions_text = _fleet(outline, path, kept.sessions, world, errors)
    if fleet is not None:
        world = replace(world, cars=(*world.cars, *(one.car for one in fleet.drawn(outline.seed))))
    desk = DeskReader(read.site, outline.start, end_us, errors).read(outline.world.clock, outline.changes)
    world = with_contacts(world, read.site, desk)
    broken = faults.Reader(document, world, outline.start, end_us, errors).read(outline.faults)
    expected = expectations.Reader(document, world, outline.start, end_us, errors).read(outline.expect)
    errors.raise_any()
    return Scenario(
        name=name,
        variant=variant,
        title=outline.scenario,
        seed=outline.seed,
        clock=outline.start,
        duration_us=end_us,
        managed=outline.manager == "on",
        tiers=outline.tiers,
        site=read.site,
        world=replace(world, faults=broken),
        latency_us=outline.world.network.latency,
        jitter_us=outline.world.network.jitter,
        expectations=expected,
        house=_house_words(outline.world.house, outline.start),
        source=Source(str(path), text, read.text, document, read.document, read.loc, sessions_text),
        desk=desk,
        fleet=fleet,
    )


def _outline(document: Document) -> Outline:
    """The outline; where it does not hold, a site that stands in the same file is read as well, for its errors."""
    try:
        return fill(Outline, document)
    except BadFile as error:
        errors = Errors(document)
        errors.include(error)
        if isinstance(document.value, dict) and isinstance(document.value.get("site"), dict):
            try:
                build(fill(SiteForm, document, ("site",)), document, ("site",))
            except BadFile as more:
                errors.include(more)
        errors.raise_any()
        raise


class _SiteRead(NamedTuple):
    site: Site
    text: str | None
    document: Document
    loc: Loc


def _site(outline: Outline, document: Document, path: Path, stand_in: Path | None) -> _SiteRead:
    if isinstance(outline.site, str):
        where = stand_in or path.parent / outline.site
        text = read_text(where)
        apart = parse_yaml(text, str(where))
        return _SiteRead(build(fill(SiteForm, apart), apart), text, apart, ())
    loc: Loc = ("site",)
    return _SiteRead(build(fill(SiteForm, document, loc), document, loc), None, document, loc)


def _fleet(
    outline: Outline, path: Path, stand_in: Path | None, world: WorldSpec, errors: Errors
) -> tuple[Fleet | None, str | None]:
    """The fleet and the text of its file; a file that cannot be read ends the reading, for its cars would be missed."""
    form = outline.world.sessions
    if form is None:
        return None, None
    where = stand_in or path.parent / form.file
    try:
        text = read_text(where)
        sessions = parse_sessions(text, str(where), f"{form.energy}_kwh")
    except (BadFile, BadInput) as error:
        errors.include(error)
        errors.raise_any()
        raise
    return Recorded(form, str(where), sessions).fleet(world, outline.start, outline.for_, errors), text


def _house_words(house: House | None, clock: Clock) -> tuple[tuple[int, str], ...]:
    if house is None:
        return ()
    tail = {"W": "", "mA": " per phase"}
    return tuple((clock.since_start(at), show(amount, unit) + tail[unit]) for at, (unit, amount) in house.load)
