"""Phase switching over random sites, orders and losses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.spec import CarSpec
from chargebench.manager.orders import Orders
from chargebench.scenarios.run import run
from tests.laws.switching_laws import CYCLES, RESTS_US, Loss, SwitchingLoop, whoever_switches_keeps_to_the_laws
from tests.library.weak import shipped
from tests.strategies import examples, parks

ENOUGH_W, LITTLE_W = 9_000, 2_800


def switching(site, spec):
    """The same with every box of three phases released for it, which starts switched off and falls back to nothing."""
    boxes = tuple(replace(box, switch_us=RESTS_US if len(box.phases) > 1 else None) for box in site.boxes)
    specs = tuple(
        replace(box, quirks=("phase-switching",), boot_enable=False, failsafe_us=0, failsafe_ma=0) for box in spec.boxes
    )
    return replace(site, boxes=boxes, surplus=((0, 0),)), replace(spec, boxes=specs)


@st.composite
def switching_parks(draw):
    """A park of up to two boxes, a car that stays at each, clouds over the roof, and boxes that are lost."""
    site, spec = switching(*draw(parks(most_boxes=2)))
    cars = [
        CarSpec(
            f"car-{box.name}",
            box.name,
            plugs_us=draw(st.integers(0, 300)) * 1_000_000,
            leaves_us=None,
            phases=draw(st.sampled_from([len(box.wiring), len(box.wiring), 1])),
            wanted_wh=40_000,
            max_ma=draw(st.sampled_from([16_000, 32_000])),
            delay_us=draw(st.integers(1, 6)) * 1_000_000,
            ramp_ma_per_s=draw(st.sampled_from([4_000, 16_000])),
        )
        for box in spec.boxes
    ]
    spec = replace(spec, cars=tuple(cars))
    orders, at = {0: Orders(surplus_w=draw(st.sampled_from([LITTLE_W, ENOUGH_W])))}, 0
    for _ in range(draw(st.integers(1, 3))):
        at += draw(st.integers(150, 300))
        orders[at] = Orders(surplus_w=draw(st.sampled_from([LITTLE_W, ENOUGH_W, 0])))
    losses = [
        Loss(
            k,
            draw(st.integers(60, CYCLES)),
            *draw(st.sampled_from([(1, False), (20, True), (100, True), (100, False)])),
        )
        for k in range(len(site.boxes))
        if draw(st.booleans())
    ]
    return site, spec, orders, losses


@given(switching_parks())
@examples(6)
def test_phases_change_without_current_rarely_and_counted_at_their_worst(park):
    whoever_switches_keeps_to_the_laws(*park)


@given(switching_parks())
@examples(2)
def test_asking_only_when_a_cycle_is_not_quiet_gives_the_same_commands(park):
    every = SwitchingLoop(*park).run(CYCLES)
    some = SwitchingLoop(*park)
    controller = some.controller
    decide = controller.cycle
    controller.cycle = lambda n, view: [] if controller.quiet(n, view) else decide(n, view)
    assert some.run(CYCLES).commands == every.commands


@pytest.mark.slow
@pytest.mark.parametrize("label", ["surplus-three-to-one", "switch-lost-midway"])
def test_at_both_tiers_the_manager_says_the_same_at_the_same_times(label):
    logs = {run(shipped(label), tier=tier).log for tier in ("wire", "register")}
    assert len(logs) == 1
    assert "is told to charge on one phase" in logs.pop()
