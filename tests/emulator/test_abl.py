"""An ABL eMH1 behind its registers: a duty cycle for a limit, a block that tells everything, E0, and how it answers on a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.ascii import Speech
from chargebench.emulator.device import Refused
from chargebench.emulator.spec import LineAt
from tests.emulator.boxes import Bank
from tests.emulator.worlds import S

SETTLED_S = 8
OFF = 1000


class Abl(Bank):
    """One with a car that takes all."""

    def __init__(self, **changes):
        super().__init__("abl-emh1", **changes)

    def duty(self, raw):
        self.device().write("holding", 20, (raw,))
        return self

    def modify(self, code):
        self.device().write("holding", 5, (code,))
        return self

    def words(self, at, count):
        return list(self.device().read("holding", at, count))

    @property
    def state(self):
        return self.words(4, 1)[0]

    @property
    def system(self):
        return self.words(15, 5)

    @property
    def status(self):
        return self.words(46, 5)


def charging(raw=200, **changes):
    """It charges at a duty cycle since a while."""
    return Abl(**changes).to(1 * S).duty(raw).to(60 * S)


def test_a_car_is_shown_from_a_over_b_to_c_in_the_low_byte_and_in_the_block():
    one = Abl().to(1 * S).duty(OFF)
    assert (one.state, one.status[0]) == (0xA1, 0x2EA1)
    assert (one.to(30 * S).state, one.status[0]) == (0xB2, 0x2EB2)
    one.duty(200).to(60 * S)
    assert (one.state, one.status[0]) == (0xC2, 0x2EC2)
    assert one.drawn_ma() == (12_000,) * 3
    assert one.status[2:] == [120, 120, 120]


@given(st.lists(st.sampled_from([100, 101, 150, 200, 233, 266, OFF]), min_size=1, max_size=4))
def test_it_follows_each_duty_cycle_and_draws_never_more(duties):
    one, before = charging(), 12_000
    for raw in duties:
        limit_ma = 0 if raw == OFF else raw * 60
        one.duty(raw)
        assert one.words(20, 1) == [raw]
        for _ in range(45):
            assert one.after(1).drawn_ma()[0] <= max(before, limit_ma)
        assert one.drawn_ma() == (limit_ma,) * 3
        assert (one.system[3], one.status[1]) == (raw, 0x9000 | raw)
        before = limit_ma


def test_a_limit_that_was_told_before_a_stop_is_the_one_after_the_next():
    one = charging().duty(OFF).after(40)
    assert one.drawn_ma() == (0,) * 3
    assert one.box.limit_ma == 12_000
    assert one.duty(150).after(40).drawn_ma() == (9_000,) * 3


def test_a_duty_cycle_above_what_the_box_bears_is_what_it_bears():
    one = charging(max_ma=10_000).duty(533).after(SETTLED_S)
    assert one.drawn_ma() == (9_960,) * 3
    assert one.system[3] == 166


@pytest.mark.parametrize("raw", [0, 1, 99, 1001, 0xFFFF])
def test_what_is_no_duty_cycle_is_refused_and_changes_nothing(raw):
    one = charging()
    with pytest.raises(Refused) as refusal:
        one.duty(raw)
    assert refusal.value.code == 3
    assert one.after(SETTLED_S).drawn_ma() == (12_000,) * 3


@pytest.mark.parametrize(("at", "count"), [(15, 4), (16, 1), (46, 1), (47, 4), (4, 2), (1, 1), (20, 2), (0, 1)])
def test_its_blocks_are_read_whole_and_all_else_one_by_one(at, count):
    with pytest.raises(Refused) as refusal:
        charging().words(at, count)
    assert refusal.value.code == 2


def test_in_e0_it_stays_off_whatever_it_is_told_until_it_is_sent_back():
    one = charging().modify(0xE0E0).after(40)
    assert (one.state, one.status[0]) == (0xE0, 0x2EE0)
    assert one.drawn_ma() == (0,) * 3
    assert one.duty(150).after(40).drawn_ma() == (0,) * 3
    assert one.modify(0xA1A1).after(40).drawn_ma() == (9_000,) * 3
    assert one.state == 0xC2
    with pytest.raises(Refused):
        one.modify(0xB2B2)


def test_a_restart_ends_e0():
    one = charging(restarts_s=(90,), boot_us=5 * S).modify(0xE0E0).to(140 * S)
    assert one.state == 0xC2


@pytest.mark.parametrize(("without", "lead"), [((), b">"), (("answers-with-gt",), b":")])
def test_its_answers_begin_with_gt_unless_the_world_says_otherwise(without, lead):
    at = LineAt("COM1", 38_400, 8, "E", 1, "ascii")
    (server,) = Abl(at=at, without=without).world.servers()
    assert server.speech == Speech("ascii", lead)


def test_it_loses_the_request_that_ends_its_rest_unless_the_world_says_otherwise():
    for without, heard in (((), [False, True, True, False]), (("loses-first-request",), [True] * 4)):
        device = Abl(without=without).device()
        hears = getattr(device, "hears", lambda _us: True)
        assert [hears(at) for at in (1 * S, 2 * S, 5 * S, 90 * S)] == heard
