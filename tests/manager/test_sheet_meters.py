"""Meters that are driven by their datasheets: golden words become readings, signs become directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.codec import encode, scaled
from chargebench.datasheets.load import load
from chargebench.manager.drivers.registry import METERS, meter_driver
from chargebench.manager.drivers.sheet_meter import block_of
from chargebench.scenarios.checks.devices import drivable
from tests.manager.test_sheet_boxes import Image

DRIVEN = [name for name in drivable("meter") if name not in METERS]
EXPONENT = {"a_sf": -2, "w_sf": 1, "totwh_sf": 0}


def put(image, name, value):
    """A value in house units, whatever the sheet makes of it."""
    register = image.sheet.register(name)
    if register.exponent:
        exponent = EXPONENT[register.exponent]
        image.put(register.exponent, encode(image.sheet.register(register.exponent), exponent))
        register = scaled(register, exponent)
    image.put(name, encode(register, value))


def made(name):
    image = Image(load(name))
    if image.sheet.sunspec:
        for one in ("m203_id", "m203_length"):
            fixed = image.sheet.register(one).default
            assert fixed is not None
            image.put(one, encode(image.sheet.register(one), fixed))
    meter = block_of(image.sheet)
    for one in (*meter.currents, *meter.powers, meter.power, meter.imported, meter.total):
        if one:
            put(image, one, 0)
    return meter_driver(name, load), image


def understood(driver, image):
    return driver.understand(0, image.answers(driver.reads()))


def test_every_meter_of_the_catalogue_has_a_driver():
    assert len(DRIVEN) == 17


@pytest.mark.parametrize("name", DRIVEN)
def test_currents_power_and_energy_are_what_the_meter_measures(name):
    driver, image = made(name)
    meter = block_of(image.sheet)
    amps = (11_000, 2_000, 7_000)[: len(meter.currents)]
    for one, ma in zip(meter.currents, amps, strict=True):
        put(image, one, ma)
    for one, watts in zip(meter.powers, (2_530, 460, 1_610), strict=False):
        put(image, one, watts)
    put(image, meter.power, 4_600)
    if meter.imported or meter.total:
        put(image, meter.imported or meter.total, 12_000)
    reading = understood(driver, image)
    assert reading.phases_ma == ((*amps, 0, 0)[:3] if amps else None)
    assert reading.power_w == 4_600
    assert reading.energy_wh == (12_000 if meter.imported or meter.total else None)


def knows_direction(name):
    sheet = load(name)
    meter = block_of(sheet)
    powers = meter.powers or (meter.power,)
    return bool(meter.currents) and not any(sheet.register(one).type.startswith("u") for one in powers)


@pytest.mark.parametrize("name", [name for name in DRIVEN if knows_direction(name)])
def test_what_is_fed_in_is_negative_where_the_meter_tells_and_drawn_where_it_does_not(name):
    driver, image = made(name)
    meter = block_of(image.sheet)
    tells = meter.sign == "import" and meter.powers
    put(image, meter.currents[0], 11_000)
    for one in (meter.powers[0], meter.power):
        put(image, one, -2_530)
    reading = understood(driver, image)
    assert reading.phases_ma == (-11_000 if tells else 11_000, 0, 0)
    assert reading.power_w == (-2_530 if tells else 2_530)


def test_a_register_of_its_own_for_what_is_fed_in_is_taken_off():
    driver, image = made("dzg-dvh4013")
    put(image, "export_power", 2_300)
    assert understood(driver, image).power_w == -2_300


@given(words=st.lists(st.integers(0, 0xFFFF), min_size=40, max_size=40), name=st.sampled_from(DRIVEN))
def test_no_words_whatever_are_read_beyond_any_house(words, name):
    driver = meter_driver(name, load)
    answers = {one: tuple(words[(one.address + k) % 40] for k in range(one.count)) for one in driver.reads()}
    try:
        reading = driver.understand(0, answers)
    except ValueError:
        return
    assert reading.phases_ma is None or all(abs(ma) <= 1_000_000 for ma in reading.phases_ma)
    assert reading.power_w is None or abs(reading.power_w) <= 3 * 700_000
