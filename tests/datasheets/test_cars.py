"""Cars by name."""

import re

import pytest

from chargebench.datasheets.cars import CarSheet, car, car_names
from chargebench.datasheets.errors import AmbiguousName, UnknownName


@pytest.mark.parametrize(
    ("name", "phases", "ac_max_w", "battery_wh"),
    [
        ("tesla-model-3-lr", 3, 11_000, 74_000),
        ("volkswagen-id-3-58-kwh", 3, 11_000, 58_000),
        ("renault-zoe-r110-ze50", 3, 22_000, 52_000),
        ("mercedes-benz-eqv-300-long", 3, 11_000, 90_000),
        ("citroen-e-c4", 3, 11_000, 46_000),
        ("fiat-500e-2014", 1, 6_600, 19_200),
        ("fiat-500e-2020", 3, 11_000, 42_000),
        ("volkswagen-e-golf-2017", 2, 7_200, 31_500),
        ("zero-motorcycles-fx-zf7-2", 1, 650, 6_300),
        ("zero-motorcycles-s-zf7-2-11-kw-2019-7-3", 2, 7_300, 6_300),
    ],
)
def test_a_car_is_found_by_brand_model_and_variant(name, phases, ac_max_w, battery_wh):
    assert car(name) == CarSheet(name, phases, ac_max_w, battery_wh)


def test_every_car_of_the_table_has_a_name_of_its_own_and_sane_figures():
    assert len(set(car_names())) == len(car_names()) == 293
    for name in car_names():
        one = car(name)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert one.phases in (1, 2, 3)
        assert 500 <= one.ac_max_w <= 43_000
        assert 5_000 <= one.battery_wh <= 200_000


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("tesla-model-3", "tesla-model-3-lr, tesla-model-3-performance, tesla-model-3-sr"),
        ("fiat-500e", "fiat-500e-2014, fiat-500e-2020"),
    ],
)
def test_an_ambiguous_name_lists_what_it_could_be(name, choices):
    with pytest.raises(AmbiguousName) as refused:
        car(name)
    assert str(refused.value) == f"'{name}' may be several cars: {choices}"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tesla-model-3-lrr", "tesla-model-3-lr"),
        ("Renault-Zoe-R110-ZE50", "renault-zoe-r110-ze50"),
        ("volkswagen-id3-58-kwh", "volkswagen-id-3-58-kwh"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(name, meant):
    with pytest.raises(UnknownName) as refused:
        car(name)
    assert str(refused.value) == f"unknown car {name!r}; did you mean {meant}?"


def test_the_beginning_of_only_one_name_is_not_enough_but_is_told():
    with pytest.raises(UnknownName, match="mercedes-benz-eqv-300-long"):
        car("mercedes-benz-eqv")


def test_no_name_is_no_car():
    with pytest.raises(UnknownName):
        car("")
