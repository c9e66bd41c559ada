"""Sites as text, for tests of what ``check`` proves about them."""

from __future__ import annotations

from chargebench.datasheets.forms import fill
from chargebench.datasheets.yamlfile import parse_yaml
from chargebench.manager.site import Site
from chargebench.manager.site_file import SiteForm, build
from chargebench.scenarios.check import Finding, check_site

SAFE = "failsafe: {after: 180 s, current: 0 A}, boot: {enable: off}"


def slave(k: int, more: str = SAFE) -> str:
    return f'  - {{name: box{k}, device: power-brain, at: "192.168.2.{k}:4701", {more}}}\n'


def internal(more: str = SAFE) -> str:
    return f"  - {{name: internal, device: power-brain, {more}}}\n"


def on_line(k: int, more: str = SAFE, line: str = "COM1,9600,8,n,1") -> str:
    return f'  - {{name: box{k}, device: power-brain, at: "{line}", id: {k}, {more}}}\n'


def meter(role: str = "grid supply", unit: int = 101, at: str = "192.168.2.250:502") -> str:
    return f'  - {{name: house{unit}, device: eastron-sdm630, at: "{at}", id: {unit}, role: {role}}}\n'


def text(connection: str, *boxes: str, meters: tuple[str, ...] = (), more: str = "") -> str:
    below = "meters:\n" + "".join(meters) if meters else ""
    return f"connection: {{{connection}}}\nevses:\n{''.join(boxes)}{below}{more}"


def site_of(whole: str) -> Site:
    document = parse_yaml(whole, "site.yaml")
    return build(fill(SiteForm, document), document)


def findings(whole: str) -> list[Finding]:
    document = parse_yaml(whole, "site.yaml")
    return check_site(build(fill(SiteForm, document), document), document, ())


def dangers(whole: str) -> list[Finding]:
    return [one for one in findings(whole) if one.severity == "danger"]


def power(amps: int) -> str:
    """The greatest total power of so many amperes on each phase at 230 V."""
    return f"max_total_power: {amps * 690} W"
