"""Whether meters of a world show what flows: the reserve must bear what they show too little, and signs must be the site's."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from chargebench.datasheets.load import load
from chargebench.datasheets.quantity import decimal, show
from chargebench.datasheets.yamlfile import Loc, field_text
from chargebench.emulator.accuracy import CLASSES, PPM
from chargebench.emulator.spec import MeterSpec
from chargebench.manager.site import HouseMeter, Site
from chargebench.scenarios.checks.amounts import at_least, at_most
from chargebench.scenarios.checks.finding import Finding
from chargebench.scenarios.describe import Scenario

STEP_W: Final = 100
OTHER_SIGN: Final = "power-of-other-sign"


def reads_backwards(scenario: Scenario) -> Iterator[Finding]:
    """A meter that tells the manager what flows shows what is drawn as fed in, and the site does not turn it."""
    specs = {one.name: one for one in scenario.world.meters}
    for k, meter in enumerate(scenario.site.meters):
        turned = OTHER_SIGN in specs[meter.name].quirks
        if not meter.tells_house or turned == (meter.factor < 0):
            continue
        right = str(-meter.factor)
        sentence = (
            f"{meter.name} would show what is drawn as fed in, so nothing is kept free for it; {right} would be right"
        )
        source = scenario.source
        loc: Loc = (*source.site_loc, "meters", k)
        yield Finding("danger", source.site.where(loc), field_text((*loc, "factor")), sentence, right)


def reads_low(scenario: Scenario) -> Iterator[Finding]:
    """A meter that tells the manager what flows may show less of it than is kept back."""
    site, specs = scenario.site, {one.name: one for one in scenario.world.meters}
    for meter in site.meters:
        spec = specs[meter.name]
        ppm = _low_ppm(spec)
        missing_ma = _missing_ma(site, meter, ppm)
        if missing_ma <= site.connection.reserve_ma:
            continue
        watts = missing_ma * 3 * site.connection.voltage_mv
        right = show(-(-watts // (STEP_W * PPM)) * STEP_W, "W")
        verb = "may show" if spec.accuracy == "class" else "shows"
        sentence = (
            f"{meter.name} {verb} {decimal(Fraction(ppm * 100, PPM))} % less than what flows, so up to {at_least(missing_ma)}"
            f" more can flow than the limit of {at_most(site.connection.limit_ma)}; a reserve of {right} would bear it"
        )
        loc: Loc = ("world", "meters", meter.name, "accuracy")
        yield Finding("danger", scenario.source.document.where(loc), field_text(loc), sentence, right)


def _low_ppm(spec: MeterSpec) -> int:
    """The most that a meter may show too little at full currents, in millionths."""
    if spec.accuracy == "class":
        block = load(spec.device).meter
        return CLASSES[block.accuracy].unity.ppm if block is not None and block.accuracy else 0
    return max(0, -spec.accuracy)


def _missing_ma(site: Site, meter: HouseMeter, ppm: int) -> int:
    """What the manager lets flow beyond what it means to: of everything where the meter sees everything, else of the house."""
    seen_ma = {"grid supply": site.connection.limit_ma, "consumption": site.connection.house_max_ma}
    return -(-seen_ma.get(meter.role, 0) * ppm // PPM)
