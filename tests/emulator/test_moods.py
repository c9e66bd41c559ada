"""Quirks that act by themselves: how long they take, what ends them, what they leave alone."""

from __future__ import annotations

from chargebench.emulator.moods import DROPS_US, FORGETS_US, PAUSES, SWITCH_US
from tests.emulator.boxes import Bank
from tests.emulator.worlds import S

SETTLED_S = 20


def bank(name, quirk, **changes):
    return Bank(name, quirks=(quirk,), **changes).to(1 * S).limit(10_000).to(60 * S)


def pause(one):
    return one.limit(0).after(40).limit(10_000).after(40)


def test_a_stop_is_forgotten_for_the_failsafe_current_or_the_least():
    for failsafe_ma, goes_on_ma in ((0, 6_000), (9_000, 9_000)):
        one = bank("vestel-evc04", "forgets-stop", failsafe_ma=failsafe_ma).limit(0)
        assert one.to(60 * S + FORGETS_US - 1).drawn_ma() == (0, 0, 0)
        assert one.after(SETTLED_S).drawn_ma() == (goes_on_ma,) * 3


def test_a_stop_that_is_told_again_is_forgotten_no_later_and_a_limit_not_at_all():
    one = bank("vestel-evc04", "forgets-stop").limit(0).after(200).limit(0)
    assert one.after(FORGETS_US / S - 200 + SETTLED_S).drawn_ma() == (6_000,) * 3
    assert one.limit(7_000).after(2 * FORGETS_US / S).drawn_ma() == (7_000,) * 3


def test_pauses_are_counted_for_one_car_and_a_fault_stays_until_a_restart():
    one = bank("webasto-next", "faults-after-pauses", restarts_s=(800,))
    for _ in range(PAUSES - 1):
        pause(one)
    assert one.drawn_ma() == (10_000,) * 3
    assert pause(one).letter() == "F"
    assert one.drawn_ma() == (0, 0, 0)
    assert one.limit(8_000).to(790 * S).letter() == "F"
    assert one.to(850 * S).limit(8_000).after(40).drawn_ma() == (8_000,) * 3


def test_a_box_that_has_dropped_to_one_phase_comes_back_well_above_the_least_current():
    one = bank("alfen-eve", "drops-to-one-phase").limit(6_000)
    assert one.after(DROPS_US / S - 1).drawn_ma() == (6_000,) * 3
    assert one.after(SWITCH_US / S + SETTLED_S).drawn_ma() == (6_000, 0, 0)
    assert one.limit(7_500).after(60).drawn_ma() == (7_500, 0, 0)
    assert one.limit(9_000).after(60).drawn_ma() == (9_000,) * 3


def test_leave_to_charge_is_asked_for_anew_after_each_stop_and_nothing_else_is_an_answer():
    one = Bank("smartevse", without=()).to(1 * S).limit(10_000).to(20 * S)
    assert one.value("state") == 4
    assert one.put("state", 7).after(SETTLED_S).value("state") == 4
    assert one.put("state", 5).after(1).value("state") == 6
    assert one.put("state", 5).after(SETTLED_S).drawn_ma() == (0, 0, 0)
    assert one.put("state", 7).after(SETTLED_S).drawn_ma() == (10_000,) * 3
    one.limit(0).after(40).limit(10_000).after(SETTLED_S)
    assert (one.value("state"), one.drawn_ma()) == (6, (0, 0, 0))


def test_writes_that_come_sooner_than_a_box_wants_them_are_taken_and_counted():
    keba = Bank("keba-p30").to(10 * S).put("enable", 1).after(5).put("set_charging_current", 9_000)
    assert (keba.device().early_writes, keba.after(1).box.limit_ma) == (0, 9_000)
    keba.after(3.9).put("set_failsafe_timeout", 60)
    assert keba.device().early_writes == 1
    menn = Bank("mennekes-compact").to(10 * S).put("em_current", 9_000).put("heartbeat", 0x55AA).after(4)
    assert menn.put("charging_release", 1).device().early_writes == 0
    assert menn.put("em_current", 8_000).device().early_writes == 1
    assert menn.world.figures()["early_writes"] == {"box": 1}


def test_writes_to_flash_are_among_the_figures():
    one = Bank("keba-p30").to(10 * S).put("failsafe_persist", 1).after(10).put("failsafe_persist", 1)
    assert one.world.figures()["flash_writes"] == {"box": 2}
