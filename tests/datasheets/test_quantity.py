"""Quantities: text with a unit to integers in house units, exactly, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.quantity import Kind, decimal, got, parse, show


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("16 A", "current", 16_000),
        ("15.93 A", "current", 15_930),
        ("100 mA", "current", 100),
        ("0 A", "current", 0),
        ("16A", "current", 16_000),
        ("14.5 kW", "power", 14_500),
        ("0.65 kW", "power", 650),
        ("1.5 MW", "power", 1_500_000),
        ("30 kWh", "energy", 30_000),
        ("7 Wh", "energy", 7),
        ("230 V", "voltage", 230_000),
        ("229.7 V", "voltage", 229_700),
        ("180 s", "duration", 180_000_000),
        ("3 h", "duration", 10_800_000_000),
        ("40 min", "duration", 2_400_000_000),
        ("5 ms", "duration", 5_000),
        ("1 h 30 min", "duration", 5_400_000_000),
        ("1h30min", "duration", 5_400_000_000),
        ("2 d 1 us", "duration", 172_800_000_001),
        ("18:00", "time", 64_800),
        ("18:00:05", "time", 64_805),
        ("7:05", "time", 25_500),
        ("00:00", "time", 0),
        ("23:59:59", "time", 86_399),
    ],
)
def test_a_quantity_is_an_integer_in_house_units(text, kind, value):
    assert parse(text, kind) == value


@pytest.mark.parametrize(
    ("value", "kind", "sentence"),
    [
        (16, "current", "expected a current with its unit, such as 16 A, got 16"),
        ("16", "current", "expected a current with its unit, such as 16 A, got '16'"),
        (14.5, "power", "expected a power with its unit, such as 14.5 kW, got 14.5"),
        (None, "energy", "expected an energy with its unit, such as 30 kWh, got nothing"),
        (True, "voltage", "expected a voltage with its unit, such as 230 V, got true"),
        ([1], "duration", "expected a duration with its unit, such as 3 min, got a list"),
        ({}, "time", "expected a time of day, such as 18:00 or 18:00:05, got a mapping"),
        ("14,5 kW", "power", "expected a power with its unit, such as 14.5 kW, got '14,5 kW'"),
        ("16 a", "current", "expected a current with its unit, such as 16 A, got '16 a'; did you mean A?"),
        ("16 kW", "current", "expected a current with its unit, such as 16 A, got '16 kW'; units are A, mA"),
        ("0.0001 A", "current", "expected a whole number of mA, got '0.0001 A'"),
        ("-5 A", "current", "expected a current with its unit, such as 16 A, and not negative, got '-5 A'"),
        ("1 A 2 mA", "current", "expected a current with its unit, such as 16 A, got '1 A 2 mA'"),
        ("30 min 1 h", "duration", "expected the larger unit first, such as 1 h 30 min, got '30 min 1 h'"),
        ("1 h 1 h", "duration", "expected the larger unit first, such as 1 h 30 min, got '1 h 1 h'"),
        ("1e3 s", "duration", "expected a duration with its unit, such as 3 min, got '1e3 s'; units are"),
        ("24:00", "time", "expected a time of day from 00:00 to 23:59:59, got '24:00'"),
        ("12:60", "time", "expected a time of day from 00:00 to 23:59:59, got '12:60'"),
        ("12", "time", "expected a time of day, such as 18:00 or 18:00:05, got '12'"),
        ("٣ A", "current", "expected a current with its unit, such as 16 A, got '٣ A'"),
        ("99999999999999999999 A", "current", "which is beyond all bounds"),
        ("1" * 4000 + " A", "current", "expected a current with its unit, such as 16 A, got '1111"),
        ("", "current", "expected a current with its unit, such as 16 A, got ''"),
    ],
)
def test_what_is_no_quantity_is_refused_in_a_sentence(value, kind, sentence):
    with pytest.raises(ValueError, match="expected") as refused:
        parse(value, kind)
    assert sentence in str(refused.value)
    assert len(str(refused.value)) < 200


def test_a_negative_amount_is_taken_where_it_is_asked_for():
    assert parse("-4.5 kW", "power", signed=True) == -4500


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (16_000, "mA", "16 A"),
        (15_930, "mA", "15.93 A"),
        (500, "mA", "0.5 A"),
        (1, "mA", "1 mA"),
        (14_500, "W", "14.5 kW"),
        (100, "W", "100 W"),
        (-500, "W", "-500 W"),
        (0, "mA", "0 A"),
        (0, "us", "0 s"),
        (230_000, "mV", "230 V"),
        (30_000, "Wh", "30 kWh"),
        (180_000_000, "us", "3 min"),
        (10_800_000_000, "us", "3 h"),
        (5_000, "us", "5 ms"),
        (300, "s", "300 s"),
        (7, "", "7"),
    ],
)
def test_a_value_is_shown_in_its_shortest_exact_text(value, unit, text):
    assert show(value, unit) == text


KINDS: list[tuple[Kind, str]] = [
    ("current", "mA"),
    ("power", "W"),
    ("energy", "Wh"),
    ("voltage", "mV"),
    ("duration", "us"),
]


@pytest.mark.parametrize(("kind", "unit"), KINDS)
@given(value=st.integers(min_value=-(2**62), max_value=2**62))
def test_what_is_shown_reads_back_as_the_same_value(kind, unit, value):
    assert parse(show(value, unit), kind, signed=True) == value


@given(st.text(max_size=30) | st.from_regex(r"-?[0-9]{1,3}[.,]?[0-9]{0,3} ?[kmM]?(A|W|Wh|V|s|h|min)"))
def test_any_text_is_a_quantity_or_a_sentence(text):
    for kind, unit in KINDS:
        try:
            value = parse(text, kind)
        except ValueError as error:
            sentence = str(error)
        else:
            sentence = "expected " if parse(show(value, unit), kind) == value else "another value"
        assert sentence.startswith("expected ")


@given(st.fractions(max_denominator=10**6))
def test_a_decimal_text_is_exact_or_none(number):
    text = decimal(number)
    assert (text is None) == (10**30 % number.denominator != 0)
    if text is not None:
        assert type(number)(text) == number
        assert not text.endswith("0") or "." not in text


def test_what_was_found_is_told_on_one_short_line():
    assert got("x" * 500).endswith("…'")
    assert "\n" not in got("a\nb")
    assert got(10**100).endswith("…")
