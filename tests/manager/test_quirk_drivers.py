"""What drivers do for boxes and meters that may have quirks, whether or not this one has."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.codec import encode
from chargebench.datasheets.load import load
from chargebench.manager.drivers.base import Divisible, Read
from chargebench.manager.drivers.fields import tiny
from chargebench.manager.drivers.registry import gap_us, meter_driver
from chargebench.manager.meter_poll import MeterPoll
from chargebench.manager.notes import Teller
from chargebench.manager.outcomes import Answer, Refusal
from chargebench.manager.readings import Pilot
from chargebench.manager.rounds import GREETINGS, BoxPoll
from chargebench.manager.site import Box, TcpAddress
from tests.manager.test_sheet_boxes import made, understood

AT = TcpAddress("192.168.2.151", 502)


def test_floats_whose_words_stand_the_other_way_round_are_no_reading():
    driver, image = made("alfen-eve")
    image.put_state("C")
    image.put("current_l1", (0x4180, 0x0000))
    assert understood(driver, image).phases_ma == (16_000, 0, 0)
    image.put("current_l1", (0x0000, 0x4180))
    with pytest.raises(ValueError, match="current_l1 is 0000 4180: its words stand the other way round"):
        understood(driver, image)


@pytest.mark.parametrize("name", ["em_current", "energy"])
@given(value=st.integers(0, 10_000_000))
def test_no_float_that_a_device_means_is_taken_for_one_in_the_wrong_order(name, value):
    register = load("mennekes-compact").register(name)
    words = encode(register, value)
    assert not tiny(register, words)
    assert tiny(register, (0x0000, 0x0001))
    assert not tiny(register, (0x8000, 0x0000)), "minus 0"


def test_currents_that_make_sense_while_charging_only_are_read_then_only():
    driver, image = made("innogy-ebox")
    for letter, phases_ma in (("B", (0, 0, 0)), ("C", (10_000, 0, 0))):
        image.put_state(letter)
        image.put("current_l1", encode(image.sheet.register("current_l1"), 10_000))
        assert understood(driver, image).phases_ma == phases_ma


@pytest.mark.parametrize("name", ["alfen-eve", "innogy-ebox"])
def test_a_state_e_may_be_a_car_that_waits(name):
    driver, image = made(name)
    image.put_state("A")
    assert understood(driver, image).pilot is Pilot.A
    register = image.sheet.register(image.sheet.states.register)
    image.put(register.name, encode(register, "E"))
    assert understood(driver, image).pilot is Pilot.B


def test_a_box_that_may_forget_its_limit_at_a_start_is_told_it_again_in_whole_amperes():
    driver, _ = made("em2go-home")
    assert driver.step_ma == 1_000
    limit = (16, 91, (80,))
    assert [tuple(one) for one in driver.writes(8_900)] == [limit, (16, 95, (1,)), limit]
    assert [tuple(one) for one in driver.writes(0)] == [(16, 95, (2,))]


def test_an_energy_that_a_box_may_lack_is_read_only_where_it_answered_to_it():
    driver, image = made("mennekes-compact")
    greeted = image.answers(driver.greet())
    (energy,) = (one for one in greeted if one.address == 4096)
    assert energy in driver.reads(greeted)
    del greeted[energy]
    assert driver.reads(greeted) == tuple(one for one in driver.reads(image.answers(driver.greet())) if one != energy)
    image.put_state("B")
    assert understood(driver, image, greeted).energy_wh is None


class Refusing:
    """A link whose unit refuses the first reads, or reads of too many words."""

    epoch = 1

    def __init__(self, first=0, most=125):
        self._first, self._most = first, most
        self.asked: list[Read] = []

    async def _answer(self, request):
        self.asked.append(request)
        if len(self.asked) <= self._first or request.count > self._most:
            return Refusal(2)
        return Answer(0, (0,) * request.count)

    def ask(self, _unit, request, _rank):
        return self._answer(request)

    async def read(self, _unit, request):
        return await self._answer(request)

    def heard_us(self, _unit):
        return 0


def teller():
    return Teller(lambda _note: None, lambda: 0)


@pytest.mark.parametrize(("refused", "known"), [(0, 2), (3, 2), (5, 1), (6, 0)])
def test_what_a_box_refuses_to_tell_after_a_connect_is_asked_again_some_times(refused, known):
    driver, _ = made("webasto-next")
    link = Refusing(refused)
    poll = BoxPoll(Box("garage", "webasto-next", AT, 255, (0, 1, 2)), driver, link, teller(), None)  # type: ignore[arg-type]
    asyncio.run(poll._greet())
    assert poll._greeted is not None
    assert len(poll._greeted) == known
    assert len(link.asked) == min(refused + 2, GREETINGS * len(driver.greet()))


def test_a_meter_that_refuses_to_tell_so_much_at_once_is_asked_for_less():
    driver, link = meter_driver("eastron-sdm72-v2", load), Refusing(most=10)
    assert isinstance(driver, Divisible)
    assert max(one.count for one in driver.reads()) > 10
    poll = MeterPoll("grid", 1, driver, link, teller())  # type: ignore[arg-type]
    asyncio.run(poll.round())
    assert poll.presence.silent_us is None
    wide = len(link.asked)
    asyncio.run(poll.round())
    assert all(one.count <= 10 for one in link.asked[wide:])


def test_a_meter_that_may_restart_when_hurried_is_left_its_silence():
    assert gap_us(load("eastron-sdm72-v2")) == gap_us(load("eastron-sdm72")) == 100_000
    assert gap_us(load("eastron-sdm630")) == 0
    assert gap_us(load("em2go-home")) == 60_000
