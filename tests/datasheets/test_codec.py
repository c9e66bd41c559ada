"""The codec: words to integers and back, exactly, for every type and word order."""

import struct
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chargebench.datasheets.codec import absence, decode, down_to_step, encode, raw_range, scaled, value_range
from chargebench.datasheets.model import WORDS, Register

INTEGERS = ["u16", "i16", "bits", "u32", "i32", "u64", "i64"]
FLOATS = ["f32", "f64"]


def register(kind, *, scale=1, unit="mA", count=None, **fields):
    return Register("limit", 0, "holding", kind, count or WORDS[kind], unit, Fraction(scale), **fields)


def scales():
    return st.builds(Fraction, st.integers(1, 1000), st.sampled_from([1, 1, 1, 2, 10, 1000]))


@st.composite
def integer_registers(draw):
    kind = draw(st.sampled_from(INTEGERS))
    return register(kind, scale=draw(scales()), little=draw(st.booleans()) and WORDS[kind] > 1)


@pytest.mark.parametrize(
    ("kind", "scale", "value", "words"),
    [
        ("u16", 100, 15_900, [0x009F]),
        ("u16", 100, 6_000, [0x003C]),
        ("u16", 1000, 230_000, [0x00E6]),
        ("i16", 1, -1, [0xFFFF]),
        ("u32", 1, 300, [0x0000, 0x012C]),
        ("u32", 1, 0xCF05_0000, [0xCF05, 0x0000]),
        ("i32", 1, -1, [0xFFFF, 0xFFFF]),
        ("i32", Fraction(1, 10), -1_234, [0xFFFF, 0xCFCC]),
        ("u64", 1, 123_456_789, [0, 0, 0x075B, 0xCD15]),
        ("i64", 1, -2, [0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE]),
        ("bits", 1, 0x0101, [0x0101]),
        ("f32", 1000, 230_000, [0x4366, 0x0000]),
        ("f32", 1000, 15_930, [0x417E, 0xE148]),
        ("f32", 1, -500, [0xC3FA, 0x0000]),
        ("f32", 1000, 0, [0, 0]),
        ("f64", 1000, 230_000, [0x406C, 0xC000, 0, 0]),
    ],
)
def test_words_and_value_mean_each_other(kind, scale, value, words):
    for little in (False, True):
        one = register(kind, scale=scale, little=little)
        wire = tuple(reversed(words)) if little else tuple(words)
        assert decode(one, wire) == value
        assert encode(one, value) == wire


@given(integer_registers(), st.data())
def test_every_value_that_an_integer_register_can_hold_comes_back(one, data):
    raw = data.draw(st.integers(*raw_range(one)))
    value = raw * one.scale
    assume(value.denominator == 1)
    words = encode(one, int(value))
    assert len(words) == one.count
    assert all(0 <= word <= 0xFFFF for word in words)
    assert decode(one, words) == value


@given(integer_registers(), st.data())
def test_any_words_of_an_integer_register_are_its_nearest_house_unit(one, data):
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=one.count, max_size=one.count))
    value = decode(one, words)
    big = list(reversed(words)) if one.little else words
    raw = int.from_bytes(b"".join(word.to_bytes(2, "big") for word in big), "big", signed=one.type.startswith("i"))
    assert abs(value - raw * one.scale) <= Fraction(1, 2)


@given(integer_registers(), st.integers(-(2**70), 2**70))
def test_an_integer_register_takes_just_the_values_that_it_holds(one, value):
    raw = value / one.scale
    low, high = raw_range(one)
    if raw.denominator == 1 and low <= raw <= high:
        assert decode(one, encode(one, value)) == value
    else:
        with pytest.raises(ValueError, match=r"limit (counts in steps|cannot hold)"):
            encode(one, value)


@given(st.sampled_from(FLOATS), scales(), st.booleans(), st.integers(-(2**40), 2**40))
def test_a_float_register_takes_the_nearest_float(kind, scale, little, value):
    one = register(kind, scale=scale, little=little)
    words = encode(one, value)
    big = words[::-1] if little else words
    form = {"f32": ">f", "f64": ">d"}[kind]
    bits = int.from_bytes(b"".join(word.to_bytes(2, "big") for word in big), "big")
    exact = value / scale

    def error(pattern):
        (number,) = struct.unpack(form, pattern.to_bytes(2 * one.count, "big"))
        return abs(Fraction(number) - exact)

    assert all(error(bits) <= error(near) for near in (bits - 1, bits + 1) if bits)
    assert not (value == 0 and bits)


@pytest.mark.parametrize(
    ("value", "scale", "words"),
    [
        (16_777_217, 1, (0x4B80, 0x0000)),
        (16_777_219, 1, (0x4B80, 0x0002)),
        (16_777_217 * 10**12 + 1, 10**12, (0x4B80, 0x0001)),
        (-16_777_217 * 10**12 - 1, 10**12, (0xCB80, 0x0001)),
    ],
)
def test_a_value_between_two_floats_goes_to_the_nearest_once_and_a_tie_to_the_even_one(value, scale, words):
    assert encode(register("f32", scale=scale), value) == words


@given(st.sampled_from([1, 10, 1000]), st.booleans(), st.integers(-(2**22), 2**22))
def test_what_a_float_can_tell_apart_comes_back(scale, little, value):
    one = register("f32", scale=scale, little=little)
    assert decode(one, encode(one, value)) == value


@pytest.mark.parametrize(
    ("raw", "scale", "value"),
    [
        (0.5, 1, 0),
        (1.5, 1, 2),
        (2.5, 1, 2),
        (-0.5, 1, 0),
        (-1.5, 1, -2),
        (0.0625, 1000, 62),
        (0.1875, 1000, 188),
        (0.25, 10, 2),
    ],
)
def test_a_float_between_two_house_units_goes_to_the_nearest_and_a_tie_to_the_even_one(raw, scale, value):
    words = struct.unpack(">2H", struct.pack(">f", raw))
    assert decode(register("f32", scale=scale), words) == value


@given(integer_registers(), st.data())
def test_an_integer_means_its_exact_value_to_the_nearest_house_unit_and_a_tie_is_even(one, data):
    low, high = raw_range(one)
    raw = data.draw(st.integers(low, high) | st.integers(max(low, -2000), 2000))
    packed = raw.to_bytes(2 * one.count, "big", signed=low < 0)
    words = struct.unpack(f">{one.count}H", packed)
    assert decode(one, words[::-1] if one.little else words) == round(raw * one.scale)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), scales())
def test_a_float_means_its_exact_value_to_the_nearest_house_unit(number, scale):
    words = struct.unpack(">2H", struct.pack(">f", number))
    assert decode(register("f32", scale=scale), words) == round(Fraction(number) * scale)


@pytest.mark.parametrize("words", [(0x7FC0, 0), (0x7F80, 0), (0xFF80, 0), (0xFFFF, 0xFFFF)])
def test_a_float_that_is_no_number_is_none(words):
    assert decode(register("f32"), words) is None


@pytest.mark.parametrize(("kind", "value"), [("f32", 10**39), ("f32", -(10**39)), ("f64", 10**400)])
def test_a_float_register_refuses_what_is_beyond_it(kind, value):
    with pytest.raises(ValueError, match="limit cannot hold"):
        encode(register(kind), value)


def test_the_largest_floats_come_back():
    (largest,) = struct.unpack(">f", bytes.fromhex("7F7FFFFF"))
    assert encode(register("f32"), int(largest)) == (0x7F7F, 0xFFFF)


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12))
def test_text_comes_back_padded_with_nul_and_the_first_character_high(text):
    one = register("str", unit="", count=6)
    words = encode(one, text)
    assert len(words) == 6
    assert decode(one, words) == text
    if text:
        assert words[0] >> 8 == ord(text[0])


def test_the_serial_number_of_a_dump_is_read():
    one = register("str", unit="", count=8)
    assert decode(one, (26211, 26165, 11619, 13366, 25645, 13105, 12387, 0)) == "fcf5-c46d-310c"
    assert decode(one, (0x6663, 0x0061, 0xFFFF, 0, 0, 0, 0, 0)) == "fc"


@pytest.mark.parametrize("words", [(0xC3A9, 0), (0x0700, 0), (0x6180, 0), (0x7F00, 0)])
def test_text_that_is_not_printable_ascii_is_none(words):
    assert decode(register("str", unit="", count=2), words) is None


@pytest.mark.parametrize("text", ["12345", "é", "a\0b", "a\n"])
def test_text_that_does_not_fit_is_refused(text):
    with pytest.raises(ValueError, match="limit holds at most 4 printable ASCII characters, got"):
        encode(register("str", unit="", count=2), text)


@pytest.mark.parametrize(("kind", "value"), [("str", 5), ("u16", "5"), ("f32", "5")])
def test_a_number_is_no_text_and_a_text_no_number(kind, value):
    with pytest.raises(ValueError, match=r"limit holds (text|a number), got"):
        encode(register(kind, count=None if kind != "str" else 2), value)


@pytest.mark.parametrize("words", [(), (1,), (1, 2, 3), (0x10000, 0), (-1, 0)])
def test_words_that_are_not_one_whole_register_are_refused(words):
    with pytest.raises(ValueError, match="limit is 2 words of 16 bits, got"):
        decode(register("u32"), words)


def test_a_refusal_names_step_and_value_with_their_unit():
    one = register("u16", scale=100)
    with pytest.raises(ValueError, match=r"^limit counts in steps of 0.1 A, got 15.95 A$"):
        encode(one, 15_950)
    with pytest.raises(ValueError, match=r"^limit cannot hold 7000 A: 70000 is not in 0..65535$"):
        encode(one, 7_000_000)


@pytest.mark.parametrize(
    ("value", "step", "down"),
    [
        (15_942, 100, 15_900),
        (15_900, 100, 15_900),
        (15_899, 100, 15_800),
        (15_942, 1000, 15_000),
        (70_000, 100, 63_000),
    ],
)
def test_a_limit_is_brought_down_to_the_step_and_the_range(value, step, down):
    one = register("u16", scale=100, low=6_000, high=63_000, step=step)
    assert down_to_step(one, value) == down
    assert decode(one, encode(one, down)) == down


def test_below_the_range_nothing_can_be_written_that_is_not_more():
    with pytest.raises(ValueError, match=r"^limit takes no less than 6 A, got 5.95 A$"):
        down_to_step(register("u16", scale=100, low=6_000, high=63_000, step=100), 5_950)
    with pytest.raises(ValueError, match="limit takes no less than 0 A"):
        down_to_step(register("u16", scale=100), -1)


@given(integer_registers() | st.builds(register, st.just("f32"), scale=scales()), st.data())
def test_bringing_down_never_rounds_up_and_loses_less_than_a_step(one, data):
    low, high = value_range(one)
    value = data.draw(st.integers(-(2**70) if low is None else low, 2**70 if high is None else 2 * abs(high) + 1))
    step = one.scale.numerator if one.type in INTEGERS else 1
    try:
        down = down_to_step(one, value)
    except ValueError:
        assert value - value % step < low
        return
    assert down <= value
    assert down > min(value, high if high is not None else value) - step
    if one.type in INTEGERS:
        assert decode(one, encode(one, down)) == down


def test_the_bits_that_stand_for_no_value_are_none_and_all_others_are_numbers():
    one = register("i32", absent=0x7FFF_FFFF)
    assert absence(one) == (0x7FFF, 0xFFFF)
    assert decode(one, absence(one)) is None
    assert decode(one, (0x7FFF, 0xFFFE)) == 0x7FFF_FFFE
    assert decode(one, (0xFFFF, 0xFFFF)) == -1


def test_no_value_stands_in_the_order_of_the_words():
    one = register("i32", absent=0x8000_0000, little=True)
    assert absence(one) == (0, 0x8000)
    assert decode(one, (0, 0x8000)) is None
    assert decode(one, (0x8000, 0)) == 0x8000


def test_a_register_that_always_has_a_value_has_no_words_for_none():
    with pytest.raises(LookupError, match=r"^limit always has a value$"):
        absence(register("u16"))


@pytest.mark.parametrize(("exponent", "value"), [(-3, 16), (-2, 160), (0, 16_000), (1, 160_000), (10, 16 * 10**13)])
def test_a_register_with_an_exponent_means_what_its_exponent_says(exponent, value):
    one = register("i16", scale=1000, exponent="a_sf")
    assert decode(scaled(one, exponent), (16,)) == value
    assert encode(scaled(one, exponent), value) == (16,)


@pytest.mark.parametrize("exponent", [-11, 11, -32768])
def test_an_exponent_beyond_ten_is_refused(exponent):
    with pytest.raises(ValueError, match=f"^limit has an exponent from -10 to 10, got {exponent}$"):
        scaled(register("i16", exponent="a_sf"), exponent)


def test_a_register_is_neither_read_nor_written_while_its_exponent_is_open():
    one = register("i16", exponent="a_sf")
    for call in (lambda: decode(one, (16,)), lambda: encode(one, 16)):
        with pytest.raises(ValueError, match=r"^limit cannot be read or written before a_sf is known$"):
            call()
