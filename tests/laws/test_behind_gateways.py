"""Boxes behind every kind of gateway, and whatever breaks there: the limit is never exceeded, and no answer of ours is mixed up.

No meter tells what the house draws, so it is counted at its most, and nothing that happens to wires, gateways or boxes excuses an excess.
Only where a failsafe gives current to boxes that were told none, it does so while the cars of the others still follow it down.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.form import OWN_PROXY
from chargebench.scenarios.run import run
from tests.strategies import examples

KEPT = 40
"""s: for so long the one from memory believes what it has read."""

TEXT = """\
scenario: three boxes behind a gateway
seed: {seed}
start: 2026-01-12 18:00
for: 7 min
site:
  connection: {{max_total_power: {kw} kW, house_max: 6 A, fuse: {{rating: 63 A, curve: gG}}}}
  evses:
{boxes}  gateways: [{memory}]
world:
  gateways: {{cellar: {{at: "192.168.2.160:4701", line: "CELLAR,{baud},8,n,1", profile: {profile}{kept}}}}}
  house: {{load: [[18:00, 6 A]]}}
  cars:
{cars}faults:
{faults}expect:
  - never: {{limit_exceeded: above 0 A{longer_than}}}
{mixed}"""
BOX = (
    '    - {{name: box{k}, device: power-brain, at: "192.168.2.160:4701", id: {k}, phases: {phases}{meter},'
    " failsafe: {{after: {after} s, current: {falls_to} A}}, boot: {{enable: off}}}}\n"
)
PHASES = ("L1 L2 L3", "L2 L3 L1", "L3 L1 L2")
FAULTS = (
    "on: CELLAR, fault: noise, per_million: 400",
    "on: cellar, fault: adapter unplugged",
    "on: cellar, fault: gateway off",
    "on: cellar, fault: access point lost",
    "on: cellar, fault: access point lost, way: answers",
    "on: box1, fault: late answers",
    "on: [box1, box2], fault: late answers, by: 600 ms",
    "on: box2, fault: silence",
    "on: box3, fault: one-way loss",
    "on: master, fault: master stops",
)


def clock(seconds):
    return f"18:{seconds // 60:02}:{seconds % 60:02}"


@st.composite
def worlds(draw):
    """A site with its world and what breaks in it, as the text of a scenario."""
    profile = draw(st.sampled_from((OWN_PROXY, "power-brain", "mbusd", "closes-on-timeout", "cached")))
    after, falls_to = draw(st.sampled_from((30, 60, 120))), draw(st.sampled_from((0, 6)))
    metered = [draw(st.booleans()) for _ in range(3)]
    meters = [f", meter: {{device: eastron-sdm630, id: {20 + k}}}" if one else "" for k, one in enumerate(metered)]
    cars = []
    for k in range(3):
        comes, stays = draw(st.integers(5, 200)), draw(st.integers(60, 400))
        leaves = f", leaves: {clock(comes + stays)}" if comes + stays < 415 else ""
        car = f"{{phases: {draw(st.sampled_from((1, 2, 3)))}, current: 16 A}}"
        cars.append(f"    - {{car: {car}, as: car{k}, at: {clock(comes)}, plugs: box{k + 1}, wants: 20 kWh{leaves}}}\n")
    faults = [
        f"  - {{at: {clock(draw(st.integers(10, 300)))}, {one}, for: {draw(st.integers(3, 150))} s}}\n"
        for one in draw(st.lists(st.sampled_from(FAULTS), min_size=1, max_size=2, unique=True))
    ]
    return TEXT.format(
        seed=draw(st.integers(0, 99)),
        kw=draw(st.sampled_from((18, 22, 26))),
        boxes="".join(
            BOX.format(k=k + 1, phases=PHASES[k], meter=meters[k], after=after, falls_to=falls_to) for k in range(3)
        ),
        longer_than=", longer_than: 12 s" if falls_to else "",
        memory=f'{{at: "192.168.2.160:4701", memory: {KEPT} s}}' if profile == "cached" else "",
        baud=draw(st.sampled_from((9600, 19200))),
        profile=profile,
        kept=f", memory: {KEPT} s" if profile == "cached" else "",
        cars="".join(cars),
        faults="".join(faults),
        mixed="  - always: {gateway: cellar, mixed: 0}\n" if profile == OWN_PROXY else "",
    )


@pytest.mark.slow
def test_the_limit_holds_behind_every_gateway_whatever_breaks_there(tmp_path_factory):
    path = Path(tmp_path_factory.mktemp("gateways")) / "world.yaml"

    @given(worlds())
    @examples(15)
    def draw(text):
        path.write_text(text, "utf-8")
        result = run(read_scenario(path))
        assert [verdict.name for verdict in result.verdicts if not verdict.kept] == [], text + result.story

    draw()
