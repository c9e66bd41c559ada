from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.wires.uart import Setting, heard, levels

BAUDS = st.sampled_from([1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200])
SETTINGS = st.builds(Setting, BAUDS, st.sampled_from([7, 8]), st.sampled_from("NEO"), st.sampled_from([1, 2]))


@pytest.mark.parametrize(
    ("setting", "characters", "us"),
    [
        (Setting(9_600), 8, 8_334),  # 80 bits, 8333.3 us
        (Setting(9_600), 1, 1_042),
        (Setting(9_600, 8, "E"), 8, 9_167),  # 88 bits, 9166.7 us
        (Setting(9_600, 8, "N", 2), 8, 9_167),
        (Setting(19_200), 25, 13_021),
        (Setting(115_200), 256, 22_223),
        (Setting(9_600), 0, 0),
    ],
)
def test_time_on_the_line_is_rounded_up_once(setting, characters, us):
    assert setting.time_us(characters) == us


@pytest.mark.parametrize(
    ("baud", "t15_us", "t35_us"),
    [(9_600, 1_719, 4_011), (19_200, 860, 2_006), (19_201, 750, 1_750), (115_200, 750, 1_750), (1_200, 13_750, 32_084)],
)
def test_silent_intervals_are_those_of_the_specification(baud, t15_us, t35_us):
    assert (Setting(baud).t15_us, Setting(baud).t35_us) == (t15_us, t35_us)


@given(SETTINGS, st.integers(0, 300))
def test_as_many_characters_fit_as_take_the_time(setting, characters):
    assert setting.characters_in(setting.time_us(characters)) == characters
    assert setting.characters_in(max(setting.time_us(characters) - 2, 0)) == max(characters - 1, 0)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"baud": 0}, "above 0, got 0"),
        ({"bits": 9}, "5 to 8 data bits, got 9"),
        ({"parity": "X"}, "got 'X'"),
        ({"stops": 3}, "1 or 2 stop bits, got 3"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        Setting(**wrong)


def test_levels_are_start_data_parity_stop():
    assert levels(b"\x53", Setting(9_600, 8, "E", 2)) == [0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1]
    assert levels(b"\x53", Setting(9_600, 7, "O", 1)) == [0, 1, 1, 0, 0, 1, 0, 1, 1, 1]
    assert levels(b"\x00", Setting(9_600, 8, "M")) == [0] * 9 + [1, 1]


@given(st.binary(max_size=40), SETTINGS)
def test_an_equal_setting_reads_what_was_sent_as_far_as_a_character_holds_it(data, setting):
    told = bytes(byte % (1 << setting.bits) for byte in data)
    assert heard(data, setting, setting) == told
    assert heard(data, setting, replace(setting, stops=3 - setting.stops)) == told


@given(st.binary(max_size=40), st.sampled_from("NEOMS"), st.sampled_from([1, 2]), st.integers(-2, 2))
def test_a_receiver_that_is_a_little_fast_or_slow_reads_what_was_sent(data, parity, stops, percent):
    sent = Setting(10_000, 8, parity, stops)
    assert heard(data, sent, Setting(10_000 + 100 * percent, 8, parity, 2)) == data


@given(st.binary(max_size=40), SETTINGS, SETTINGS)
def test_a_wrong_setting_never_breaks_the_receiver(data, sent, read):
    got = heard(data, sent, read)
    assert len(got) <= -(-len(data) * sent.character_bits * read.baud // sent.baud)


@pytest.mark.parametrize(
    ("sent", "read", "got"),
    [
        ("01 03 00 04", Setting(19_200), "06 1e 00 60"),  # every bit is read twice, and the upper ones are not read
        ("01 03 00 04", Setting(4_800), "8c f9"),  # every other bit, after a start bit that was too short
        ("01 03 00 04", Setting(9_600, 8, "E"), "01 20 04"),  # start bits are taken for stop bits
        ("01 03 00 04", Setting(9_600, 7), "01 03 00 04"),  # the eighth bit stands where a stop bit should
        ("01 03 00 04", Setting(300), "ff"),
        ("ff", Setting(300), ""),
    ],
)
def test_a_wrong_setting_reads_garbage_or_nothing(sent, read, got):
    assert heard(bytes.fromhex(sent), Setting(9_600), read).hex(" ") == got
