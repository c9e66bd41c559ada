"""What a box of any make does before anybody could have spoken to it, and what stands where there is nothing to tell."""

from __future__ import annotations

from tests.emulator.boxes import FACTORY_MA, Bank
from tests.emulator.worlds import S


def test_a_watchdog_runs_only_once_the_box_has_booted():
    one = Bank("smartevse", failsafe_us=11 * S, restarts_s=(60,)).to(1 * S).limit(10_000)
    one.every(5, 60, lambda it: it.limit(10_000)).to(90 * S)
    assert one.drawn_ma() == (FACTORY_MA,) * 3
    assert one.story("failsafe") == []
    assert [at_us // S for at_us, *_ in one.to(120 * S).story("failsafe")] == [91]


def test_addresses_without_a_register_hold_no_value_where_the_datasheet_says_so():
    one = Bank("alfen-eve").to(1 * S)
    assert list(one.device().read("holding", 330, 4)) == [0xFFFF] * 4
    power_factor = list(one.device().read("holding", 328, 4))
    assert power_factor[2:] == [0xFFFF] * 2
    assert power_factor[:2] != [0xFFFF] * 2
