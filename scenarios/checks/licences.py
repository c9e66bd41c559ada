"""Licences: boxes of other makers beyond the third need one each; without it they are never written."""

from __future__ import annotations

from collections.abc import Iterator

from chargebench.datasheets.load import load
from chargebench.manager.licence import FREE_THIRD_PARTY, missing, third_party
from chargebench.scenarios.checks.amounts import at_least, flows, managed, model_ma, worst
from chargebench.scenarios.checks.finding import Found, Ground


def licences(ground: Ground) -> Iterator[Found]:
    """Each box without a licence; a danger where they and the house are too much by themselves."""
    site = ground.site
    allowed = managed(site)
    if all(allowed):
        return
    count = missing(third_party(site.boxes, load), site.licences)
    node = worst(site, [0 if one else model_ma(box) for box, one in zip(site.boxes, allowed, strict=True)])
    right = f"licences: {site.licences + count}"
    short = "1 licence is missing" if count == 1 else f"{count} licences are missing"
    for k, (box, one) in enumerate(zip(site.boxes, allowed, strict=True)):
        if not one and not box.observed:
            sentence = (
                f"{box.name} is not licensed: {FREE_THIRD_PARTY} boxes of other makers are free, {short} ({right}); until"
                f" then it is never written and counted at {at_least(model_ma(box))}"
            )
            yield Found("note", ground.box(k, "device"), sentence, right)
    if node is not None:
        k = next(k for k, one in enumerate(allowed) if not one and k in node.on)
        sentence = f"by the boxes that nobody may manage {flows(node)}"
        sentence += f"; {right} would be right" if count else ""
        yield Found("danger", ground.box(k, "device"), sentence, right)
