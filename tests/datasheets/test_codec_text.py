"""The codec: text of every kind, and words whose low byte comes first."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.codec import decode, encode
from chargebench.datasheets.model import Register


@pytest.mark.parametrize(
    ("register", "words", "value"),
    [
        (Register("r", 0, "input", "str", 2, swapped=True), (0x2E31, 0x3131), "1.11"),
        (Register("r", 0, "input", "str", 3, text="wide"), (0x45, 0x56, 0), "EV"),
        (Register("r", 0, "input", "str", 3, text="wide"), (0x45, 0x20AC, 0), None),
        (Register("r", 0, "input", "str", 3, text="wide"), (0x45, 0xD800, 0), None),
        (Register("r", 0, "input", "str", 2, text="hex"), (0x04A1, 0x00C3), "04a100c3"),
        (Register("r", 0, "input", "u32", 2, little=True, swapped=True), (0x0403, 0x0201), 0x01020304),
        (Register("r", 0, "input", "u16", 1, swapped=True), (0x3412,), 0x1234),
    ],
)
def test_text_and_bytes_are_read_as_their_line_says(register, words, value):
    assert decode(register, words) == value
    if value is not None:
        assert encode(register, value) == words


@pytest.mark.parametrize(
    ("text", "value", "sentence"),
    [
        ("wide", "four", "r holds at most 3 printable ASCII characters, got 'four'"),
        ("wide", "€", "r holds at most 3 printable ASCII characters, got '€'"),
        ("hex", "04a1", "r holds 12 hexadecimal digits, got '04a1'"),
        ("hex", "04A1B2C3D4E5", "r holds 12 hexadecimal digits, got '04A1B2C3D4E5'"),
        ("hex", "card", "r holds 12 hexadecimal digits, got 'card'"),
        ("ascii", "sevenup", "r holds at most 6 printable ASCII characters, got 'sevenup'"),
    ],
)
def test_text_that_a_register_cannot_hold_is_refused(text, value, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        encode(Register("r", 0, "holding", "str", 3, text=text), value)


@given(st.sampled_from(["ascii", "wide", "hex"]), st.booleans(), st.data())
def test_text_of_any_kind_comes_back(text, swapped, data):
    register = Register("r", 0, "holding", "str", 4, text=text, swapped=swapped)
    printable = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
    values = {
        "ascii": st.text(printable, max_size=8),
        "wide": st.text(printable, max_size=4),
        "hex": st.text("0123456789abcdef", min_size=16, max_size=16),
    }
    value = data.draw(values[text])
    assert decode(register, encode(register, value)) == value
