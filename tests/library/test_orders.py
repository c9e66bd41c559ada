"""The scenarios of orders, and that a master which hears none of them breaks each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chargebench.emulator.spec import FaultSpec
from chargebench.manager.orders import NO_ORDERS, Desk
from chargebench.manager.policies.registry import controller_for
from chargebench.manager.sharing import Sharing
from chargebench.scenarios.run import run
from tests.library.weak import shipped


def broken(result):
    return [verdict.name for verdict in result.verdicts if not verdict.kept]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("dimming-order", ["always: connection: at most 59 A", "always: charging: 6"]),
        ("departure-first", ["car: red, energy: at least 7 kWh", "box: yard, limit: at least 16 A"]),
        ("sun-surplus", ["always: charging: 0, to: 10:00", "after: 10:20, time: 30 s, charging: 1"]),
    ],
)
def test_a_master_that_hears_no_orders_breaks_them(label, names, monkeypatch):
    monkeypatch.setattr(Desk, "now", lambda _: NO_ORDERS)
    found = broken(run(shipped(label)))
    for name in names:
        assert any(name in one for one in found), (name, found)


@pytest.mark.slow
def test_a_trip_outlives_a_master_that_starts_anew():
    first = shipped("departure-first")
    gone = FaultSpec("master stops", "master", 1_800_000_000, 30_000_000)
    result = run(replace(first, world=replace(first.world, faults=(gone,))))
    assert not broken(result)
    assert "the master remembers 2 boxes" in result.story


@pytest.mark.slow
def test_a_master_that_knows_no_limit_of_imbalance_loads_one_phase_alone():
    uneven = shipped("uneven-phases")
    found = broken(run(replace(uneven, site=replace(uneven.site, imbalance_ma=None))))
    assert any("connection: at most 20 A, phase: L1" in one for one in found), found


@pytest.mark.slow
def test_a_master_that_lets_a_phase_carry_more_for_what_the_others_might_draw_is_caught(monkeypatch):
    """Counting limits instead of what is drawn would let the others' boxes pay for a car that is gone."""
    monkeypatch.setattr(Sharing, "_drawn_unevenly", lambda *_: (16_000,) * 3)
    assert any("connection: at most 20 A, phase: L1" in one for one in broken(run(shipped("uneven-phases"))))


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["original", "none"])
def test_a_policy_that_knows_no_orders_breaks_them(policy):
    scenario = shipped("departure-first").under(policy)
    assert any("energy: at least 7 kWh" in one or "limit_exceeded" in one for one in broken(run(scenario)))


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["first-come", "equal-split", "rotation"])
def test_a_house_is_as_safe_under_every_policy_that_shares(policy):
    scenario = shipped("house-14kw").under(policy)
    found = broken(run(replace(scenario, duration_us=1_200_000_000), controller=controller_for(policy)))
    assert not [one for one in found if "fuse" in one or "limit_exceeded" in one]


@pytest.mark.slow
def test_a_house_without_management_is_what_it_says():
    found = broken(run(replace(shipped("house-14kw").under("none"), duration_us=900_000_000)))
    assert any("fuse: cannot trip" in one for one in found)
    assert any("limit_exceeded" in one for one in found)
