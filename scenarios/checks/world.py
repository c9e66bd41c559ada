"""What the world of a scenario makes impossible: what cannot be built, and devices that are not where they are looked for."""

from __future__ import annotations

from collections.abc import Iterator

from chargebench.datasheets.load import load
from chargebench.datasheets.yamlfile import field_text
from chargebench.emulator.spec import At, TcpAt
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from chargebench.scenarios.checks.finding import Finding, devices_of
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.gateways import place

_METER_OF = "the meter of "


def cannot_be(scenario: Scenario) -> Iterator[Finding]:
    """What the emulator cannot build."""
    try:
        World(scenario.world, Streams(0), lambda _: None, load)
    except (ValueError, LookupError) as error:
        yield Finding("error", scenario.source.document.where(("world",), key=True), "world", str(error))


def out_of_reach(scenario: Scenario) -> Iterator[Finding]:
    """Devices that the world has put elsewhere than the master looks for them."""
    source = scenario.source
    behind: dict[At, At] = {one.at: one.line for one in scenario.world.gateways}
    truth: dict[str, tuple[At | None, int]] = {box.name: (box.at, box.unit) for box in scenario.world.boxes}
    for meter in scenario.world.meters:
        truth[meter.name] = (meter.at, meter.unit)
    for one in devices_of(scenario.site, source.site_loc):
        name = f"{one.name.removeprefix(_METER_OF)}-meter" if one.name.startswith(_METER_OF) else one.name
        at, unit = truth[name]
        asked = place(one.address)
        if at == behind.get(asked, asked) and unit == one.unit:
            continue
        loc = ("world", "boxes" if one.kind == "evse" else "meters", name)
        sentence = (
            f"the master asks {one.address} id {one.unit}, and it is at {_place_text(at)} id {unit}: it stays silent"
        )
        where = source.document.where(loc, key=True)
        yield Finding("danger", where, field_text(loc), sentence, f"{one.address} id {one.unit}")


def _place_text(at: At | None) -> str:
    if at is None:
        return "no place of its own"
    if isinstance(at, TcpAt):
        return f"{at.host}:{at.port}"
    mode = "" if at.mode == "rtu" else f",{at.mode}"
    return f"{at.line},{at.baud},{at.bits},{at.parity.lower()},{at.stops}{mode}"
