"""A car that sleeps is woken: one that charged, was paused, and does not come back; no other."""

import pytest

from chargebench.datasheets.load import load
from chargebench.manager.drivers.base import Wakeable, Write
from chargebench.manager.drivers.registry import box_driver
from chargebench.manager.readings import BoxReading, Pilot
from chargebench.manager.waking import PATIENCE_US, TIMES, Waking

A, B, C = Pilot.A, Pilot.B, Pilot.C
STEP_US = 3_000_000
PATIENCE = PATIENCE_US // STEP_US


def wakes(*story):
    """After how many readings of a story its pilot is interrupted: (pilot, limit in A, how many readings)."""
    waking = Waking((Write(6, 8086, (5,)),), 6_000)
    found, k = [], 0
    for pilot, limit, times in story:
        for _ in range(times):
            if waking.due(BoxReading(k * STEP_US, pilot, limit * 1_000)):
                found.append(k)
            k += 1
    return found


def test_a_car_that_does_not_come_back_after_a_pause_is_woken_so_often_and_no_more():
    found = wakes((C, 16, 5), (C, 0, 2), (B, 0, 100), (B, 10, 1_000))
    assert found == [107 + PATIENCE * (k + 1) for k in range(TIMES)]


@pytest.mark.parametrize(
    "story",
    [
        [(C, 16, 5), (C, 0, 2), (B, 0, 100), (B, 10, PATIENCE), (C, 10, 100)],  # it comes
        [(C, 16, 5), (B, 16, 1_000)],  # it stops by itself: it is full, or has a timer
        [(B, 0, 50), (B, 16, 1_000)],  # it has never charged
        [(C, 16, 5), (C, 0, 2), (B, 0, 1_000)],  # nothing is offered
        [(C, 16, 5), (C, 0, 2), (B, 0, 9), (A, 0, 9), (B, 10, 1_000)],  # another car
        [(C, 16, 5), (B, 16, 50), (B, 0, 50), (B, 16, 1_000)],  # it was full before the pause
    ],
)
def test_other_cars_are_left_alone(story):
    assert wakes(*story) == []


def test_a_car_that_sleeps_again_in_the_next_pause_is_woken_again():
    pause = [(C, 16, 5), (C, 0, 2), (B, 0, 50), (B, 16, PATIENCE + 5)]
    assert len(wakes(*pause, *pause)) == 2


@pytest.mark.parametrize(
    ("device", "writes"),
    [
        ("power-brain", (Write(6, 8086, (5,)),)),
        ("openwb-series2", (Write(6, 10198, (1,)),)),
        ("alfen-eve", ()),
    ],
)
def test_a_box_that_can_interrupt_the_pilot_says_how(device, writes):
    driver = box_driver(device, load)
    assert isinstance(driver, Wakeable)
    assert driver.wakes == writes
