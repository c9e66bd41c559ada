"""Planted bugs of phase switching, each caught by a named law on a fixed play or by a shipped scenario."""

from __future__ import annotations

import pytest

from chargebench.emulator.spec import BoxSpec, CarSpec, ConnectionSpec, HouseSpec, TcpAt, WorldSpec
from chargebench.manager import switching
from chargebench.manager.memory import Memory
from chargebench.manager.orders import Orders
from chargebench.manager.site import Box, Connection, Site, TcpAddress
from chargebench.manager.switching import Switch, Switching
from chargebench.scenarios.run import run
from tests.laws.switching_laws import RESTS_US, Loss, whoever_switches_keeps_to_the_laws
from tests.library.weak import shipped

FOR_EVER = 1 << 60
ENOUGH, LITTLE = Orders(surplus_w=9_000), Orders(surplus_w=2_800)


def clouds(orders, losses=(), cycles=560):
    """One box and its car under a sky with clouds."""
    box = Box("yard", "power-brain", TcpAddress("192.168.2.151", 4701), 1, (1, 2, 0), switch_us=RESTS_US)
    site = Site(Connection(24_000, 34_782), (box,), surplus=((0, 0),))
    spec = BoxSpec(
        "yard", "power-brain", TcpAt("192.168.2.151", 4701), wiring=box.phases, max_ma=16_000, boot_limit_ma=6_000,
        boot_enable=True, failsafe_us=180_000_000, failsafe_ma=6_000, quirks=("phase-switching",),
    )  # fmt: skip
    car = CarSpec("zoe", "yard", 5_000_000, None, 3, 16_000, 40_000)
    world = WorldSpec(ConnectionSpec(34_782), (spec,), (), (car,), HouseSpec())
    return whoever_switches_keeps_to_the_laws(site, world, orders, losses, cycles)


def a_box_changes_without_current_and_rests():
    """To one phase and back."""
    assert clouds({0: ENOUGH, 20: LITTLE, 150: ENOUGH}) == 2


def two_changes_lie_ten_minutes_apart():
    """Three clouds of six minutes, six minutes apart."""
    assert clouds({0: ENOUGH, 20: LITTLE, 140: ENOUGH, 260: LITTLE, 380: ENOUGH}) >= 2


def a_lost_box_counts_at_its_worst():
    """It is lost while it changes, and after it has changed, and restarts: on three phases, at 6 A."""
    assert clouds({0: LITTLE}, [Loss(0, 60, 30, restarts=True)], cycles=110) == 1
    assert clouds({0: LITTLE}, [Loss(0, 120, 30, restarts=True)], cycles=170) == 1


def does_not_wait_until_the_car_has_stopped(patch):
    patch.setattr(Switch, "_stopped", lambda *_: True)
    patch.setattr(Switching, "busy", lambda *_: False)


def changes_as_often_as_the_clouds(patch):
    patch.setattr(switching, "APART_US", 0)
    patch.setattr(switching, "AMPLE_US", 30_000_000)


def counts_one_phase_as_soon_as_it_is_told(patch):
    count = Switch._count

    def at_once(self, reading, now_us):
        found = count(self, reading, now_us)
        if self.told == 1:
            self.live, self.memory.phases = 1, self.memory.box.phases[:1]
        return found

    patch.setattr(Switch, "_count", at_once)
    patch.setattr(Memory, "booked", lambda self: self._spread(self.booked_ma(), self.phases))


def does_not_wait_for_the_box(patch):
    patch.setattr(switching, "MARGIN_US", -RESTS_US)


def never_goes_to_one_phase(patch):
    patch.setattr(switching, "SHORT_US", FOR_EVER)


def never_goes_back_to_three(patch):
    patch.setattr(switching, "AMPLE_US", FOR_EVER)


LAWS = (
    (does_not_wait_until_the_car_has_stopped, a_box_changes_without_current_and_rests),
    (changes_as_often_as_the_clouds, two_changes_lie_ten_minutes_apart),
    (counts_one_phase_as_soon_as_it_is_told, a_lost_box_counts_at_its_worst),
    (does_not_wait_for_the_box, a_box_changes_without_current_and_rests),
)
SCENARIOS = (
    (never_goes_to_one_phase, "surplus-three-to-one", "energy: at least 1.7 kWh"),
    (never_goes_back_to_three, "surplus-three-to-one", "connection: at least 9.1 A, phase: L1"),
    (counts_one_phase_as_soon_as_it_is_told, "switch-lost-midway", "limit_exceeded"),
    (changes_as_often_as_the_clouds, "switch-lost-midway", "never: box: yard, told: phases"),
)


@pytest.mark.parametrize(
    "law", [a_box_changes_without_current_and_rests, two_changes_lie_ten_minutes_apart, a_lost_box_counts_at_its_worst]
)
def test_the_laws_hold(law):
    law()


@pytest.mark.parametrize(("bug", "law"), LAWS, ids=lambda one: one.__name__)
def test_a_bug_of_switching_breaks_a_law(bug, law, monkeypatch):
    bug(monkeypatch)
    with pytest.raises(AssertionError):
        law()


@pytest.mark.slow
@pytest.mark.parametrize(("bug", "scenario", "law"), SCENARIOS, ids=lambda one: getattr(one, "__name__", one))
def test_a_bug_of_switching_breaks_a_scenario(bug, scenario, law, monkeypatch):
    bug(monkeypatch)
    broken = [verdict.name for verdict in run(shipped(scenario)).verdicts if not verdict.kept]
    assert any(law in name for name in broken), broken
