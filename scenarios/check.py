"""``check``: what is wrong with a site or a scenario before the first byte is sent, and what would be right instead.

Structure first (devices, ids, ports, lines): its errors make everything else pointless, and a run is refused for them. Then
the proofs, each in a small file of ``checks``: a proof that does not hold is a danger, what is worth knowing a note.
"""

from __future__ import annotations

from pathlib import Path

from chargebench.datasheets.errors import BadFile, BadInput
from chargebench.datasheets.forms import fill
from chargebench.datasheets.yamlfile import Document, Loc, field_text, read_yaml
from chargebench.manager.site import Site
from chargebench.manager.site_file import SiteForm, build
from chargebench.scenarios.checks import devices, ids, reaction
from chargebench.scenarios.checks.accuracy import reads_backwards, reads_low
from chargebench.scenarios.checks.blackout import blackout_sum
from chargebench.scenarios.checks.circuits import circuits
from chargebench.scenarios.checks.failsafe import failsafe_sum
from chargebench.scenarios.checks.fed import fed_in_time
from chargebench.scenarios.checks.finding import Finding, Found, Ground, Proof, Severity
from chargebench.scenarios.checks.holds import lines_run, registers_hold, truth_holds
from chargebench.scenarios.checks.house import fuse_and_limit, house
from chargebench.scenarios.checks.imbalance import imbalance
from chargebench.scenarios.checks.inputs import input_places, inputs
from chargebench.scenarios.checks.licences import licences
from chargebench.scenarios.checks.memory import remembered
from chargebench.scenarios.checks.minimums import minimums
from chargebench.scenarios.checks.observation import observation
from chargebench.scenarios.checks.policies import unmanaged
from chargebench.scenarios.checks.readers import readers
from chargebench.scenarios.checks.rounds import poll_rounds
from chargebench.scenarios.checks.unforeseen import unforeseen
from chargebench.scenarios.checks.world import cannot_be, out_of_reach
from chargebench.scenarios.describe import Scenario, is_site, read_scenario, titles

__all__ = ["Finding", "Severity", "check_file", "check_scenario", "check_site", "refuse_errors"]

STRUCTURE: tuple[Proof, ...] = (
    devices.known,
    ids.clashes,
    ids.parameters,
    devices.broadcasts,
    ids.loads,
    ids.ranges,
    devices.s0_meters,
    reaction.fuse_is_known,
    input_places,
    lines_run,
    registers_hold,
)
PROOFS: tuple[Proof, ...] = (
    house,
    failsafe_sum,
    blackout_sum,
    reaction.reaction,
    reaction.circuits_bear,
    fuse_and_limit,
    poll_rounds,
    fed_in_time,
    licences,
    imbalance,
    minimums,
    circuits,
    inputs,
    unmanaged,
)
OBSERVED: tuple[Proof, ...] = (observation, poll_rounds)
"""What remains where nothing is written."""


def check_file(path: Path, variant: str | None = None) -> list[Finding]:
    """All findings on the scenario or the bare site at ``path``; what cannot be read at all is an error among them.

    A scenario is checked with all its variants, or with ``variant`` alone.
    """
    try:
        document = read_yaml(path)
        if is_site(document):
            return check_site(build(fill(SiteForm, document), document), document, ())
        _, _, variants = titles(path)
    except (BadFile, BadInput) as error:
        return _as_findings(error)
    found = [one for name in ([variant] if variant else [None, *variants]) for one in _check_variant(path, name)]
    return list(dict.fromkeys(found))


def _check_variant(path: Path, variant: str | None) -> list[Finding]:
    try:
        return check_scenario(read_scenario(path, variant))
    except (BadFile, BadInput) as error:
        return _as_findings(error)


def _as_findings(error: BadFile | BadInput) -> list[Finding]:
    found = error.args if isinstance(error, BadFile) else (error,)
    return [Finding("error", *one.args) for one in found]


def check_scenario(scenario: Scenario) -> list[Finding]:
    """Findings on the site, and on what the world makes impossible."""
    source = scenario.source
    found = check_site(scenario.site, source.site, source.site_loc)
    if not any(one.severity == "error" for one in found):  # they would only be told twice
        found.extend([*truth_holds(scenario)] or cannot_be(scenario))
        found.extend(readers(scenario))
        found.extend(remembered(scenario))
        found.extend(reads_low(scenario))
        found.extend(reads_backwards(scenario))
    return [*found, *out_of_reach(scenario), *unforeseen(scenario)]


def check_site(site: Site, document: Document, loc: Loc) -> list[Finding]:
    """Findings on a site that stands at ``loc`` of ``document``: its structure, and where that is right, its proofs."""
    ground = Ground.of(site, document, loc)
    found = [one for proof in STRUCTURE for one in proof(ground)]
    if not any(one.severity == "error" for one in found):
        found += [one for proof in (PROOFS if site.management else OBSERVED) for one in proof(ground)]
    return [_finding(document, one) for one in found]


def refuse_errors(scenario: Scenario) -> list[Finding]:
    """Raise ``BadFile`` with the findings that make a run pointless; give the others."""
    found = check_scenario(scenario)
    errors = [one for one in found if one.severity == "error"]
    if errors:
        raise BadFile(*(BadInput(one.where, one.field, one.sentence) for one in errors))
    return found


def _finding(document: Document, found: Found) -> Finding:
    return Finding(found.severity, document.where(found.loc), field_text(found.loc), found.sentence, found.right)
