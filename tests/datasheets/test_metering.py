"""The blocks about measuring: what they give, and each fault of one refused with file, line and column."""

import textwrap

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.datasheets.load import load_file, read_sheet
from chargebench.datasheets.model import Meter, SunSpec
from chargebench.datasheets.yamlfile import parse_yaml

HEADER = """\
name: meter
maker: Someone
model: One
kind: meter
transports: [tcp]
unit: 1
port: 502
functions: {read: [3, 4], write: [16]}
max_read: 20
sources: [a page]
"""
REGISTERS = """\
registers:
  volt_1: {at: 0, in: input, type: u16, unit: mV, scale: 1000}
  volt_2: {at: 1, in: input, type: u16, unit: mV, scale: 1000}
  volt_3: {at: 2, in: input, type: u16, unit: mV, scale: 1000}
  amp_1: {at: 3, in: input, type: u16, unit: mA, scale: 100}
  amp_2: {at: 4, in: input, type: u16, unit: mA, scale: 100}
  amp_3: {at: 5, in: input, type: u16, unit: mA, scale: 100}
  watt_1: {at: 6, in: input, type: i16, unit: W}
  watt_2: {at: 7, in: input, type: i16, unit: W}
  watt_3: {at: 8, in: input, type: i16, unit: W}
  watt: {at: 9, in: input, type: i16, unit: W}
  back: {at: 10, in: input, type: u16, unit: W}
  drawn: {at: 11, in: input, type: u32, unit: Wh}
  fed: {at: 13, in: input, type: u32, unit: Wh}
  both: {at: 15, in: input, type: u32, unit: Wh}
  guess: {at: 17, in: input, type: u32, unit: Wh, unverified: true}
  reset: {at: 18, in: holding, type: u32, unit: Wh, read: false, write: [16]}
"""
BLOCK = """\
meter:
  phases: 3
  voltages: [volt_1, volt_2, volt_3]
  currents: [amp_1, amp_2, amp_3]
  powers: [watt_1, watt_2, watt_3]
  power: watt
  imported: drawn
  exported: fed
  total: both
  sign: import
  current_sign: none
  interval: 1 s
  accuracy: B
"""


def read(block: str, registers: str = REGISTERS, header: str = HEADER):
    return read_sheet(parse_yaml(header + block + registers, "meter.yaml"))


def wrong(block: str, registers: str = REGISTERS) -> list[str]:
    with pytest.raises(BadFile) as refused:
        read(block, registers)
    return str(refused.value).splitlines()


def test_a_meter_block_names_registers_and_says_what_signs_mean():
    assert read(BLOCK).meter == Meter(
        phases=3,
        sign="import",
        current_sign="none",
        voltages=("volt_1", "volt_2", "volt_3"),
        currents=("amp_1", "amp_2", "amp_3"),
        powers=("watt_1", "watt_2", "watt_3"),
        power="watt",
        imported="drawn",
        exported="fed",
        total="both",
        interval_us=1_000_000,
        accuracy="B",
    )


def test_a_sheet_without_the_block_measures_nothing_that_is_known():
    sheet = read("")
    assert (sheet.meter, sheet.sunspec) == (None, None)


@pytest.mark.parametrize(
    ("accuracy", "permille"),
    [("0.2", 2), ("0.2S", 2), ("0.5", 5), ("0.5S", 5), ("1", 10), ("2", 20), ("A", 20), ("B", 10), ("C", 5)],
)
def test_a_class_is_a_greatest_error(accuracy, permille):
    meter = read(BLOCK.replace("accuracy: B", f'accuracy: "{accuracy}"')).meter
    assert meter.accuracy_permille == permille


def test_without_a_class_there_is_no_greatest_error():
    meter = read(BLOCK.replace("  accuracy: B\n", "")).meter
    assert (meter.accuracy, meter.accuracy_permille) == ("", None)


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        ("[amp_1, amp_2, amp_3]", "[amp_1]", "14:13: meter.currents: expected one register for each phase, 3, got 1"),
        ("phases: 3", "phases: 1", "13:13: meter.voltages: expected one register for each phase, 1, got 3"),
        ("amp_2", "amp_4", "14:21: meter.currents[1]: unknown register 'amp_4'; did you mean amp_"),
        ("imported: drawn", "imported: guess", "meter.imported: expected a verified register, and guess is unverified"),
        ("total: both", "total: reset", "meter.total: expected a register that can be read, and reset cannot"),
        ("total: both", "total: watt", "meter.total: expected a register in Wh or VAh, and watt is in W"),
        ("power: watt", "power: amp_1", "meter.power: expected a register in W or VA, and amp_1 is in mA"),
        ("sign: import\n", "sign: +\n", "meter.sign: expected import, export, none or unknown, got '+'"),
        ("  sign: import\n", "", "meter.sign: expected import, export, none or unknown, and it is missing"),
        ("current_sign: none", "current_sign: plus", "meter.current_sign: expected own, none or unknown, got 'plus'"),
        ("accuracy: B", "accuracy: D", "meter.accuracy: expected 0.2, 0.2S, 0.5, 0.5S, 1, 2, A, B or C, got 'D'"),
        ("interval: 1 s", "interval: 1", "meter.interval: expected a duration with its unit, such as 3 min, got 1"),
        ("phases: 3", "phases: 4", "meter.phases: expected 1, 2 or 3, got 4"),
        (
            "exported: fed",
            "feed_in: back",
            "meter.sign: expected none, as feed_in is a register of its own, got import",
        ),
    ],
)
def test_a_wrong_meter_block_is_refused(was, now, sentence):
    assert BLOCK.count(was) == 1
    assert sentence in wrong(BLOCK.replace(was, now))[0]


def test_a_meter_that_measures_neither_current_nor_power_is_refused():
    (found,) = wrong("meter: {phases: 3, imported: drawn, sign: none}\n")
    assert "meter: expected currents or power, or both, and they are missing" in found


def test_drawn_and_fed_in_may_be_two_powers_without_sign():
    meter = read("meter: {phases: 3, power: watt, feed_in: back, sign: none}\n").meter
    assert (meter.power, meter.feed_in, meter.sign, meter.current_sign) == ("watt", "back", "none", "unknown")


PARTS = "parts: [whole, half]\npart: whole\n"


@pytest.fixture
def folder(tmp_path):
    registers = REGISTERS.replace("unit: mA, scale: 100}", "unit: mA, scale: 100, on: [whole]}")
    (tmp_path / "meter.yaml").write_text(HEADER + PARTS + BLOCK + registers, encoding="utf-8")
    return tmp_path


def like(folder, block: str):
    path = folder / "other.yaml"
    path.write_text(f"name: other\nlike: meter\npart: half\nunit: 2\n{block}", encoding="utf-8")
    return path


def test_a_sheet_like_another_has_a_block_of_its_own_or_none(folder):
    assert load_file(like(folder, "")).meter is None
    other = load_file(like(folder, "meter: {phases: 3, power: watt, sign: none}\n"))
    assert other.meter == Meter(phases=3, sign="none", power="watt")


def test_a_block_names_registers_of_its_own_part_only(folder):
    with pytest.raises(BadFile, match=r"other\.yaml:5:31: meter\.currents\[0\]: unknown register 'amp_1'"):
        load_file(like(folder, "meter: {phases: 1, currents: [amp_1], sign: none}\n"))


SCALED = """\
registers:
  a_sf: {at: 1, in: holding, type: i16, default: -2, absent: 0x8000}
  amps: {at: 2, in: holding, type: i16, unit: mA, scale: 1000, exponent: a_sf, absent: 0x8000}
golden:
  - {register: amps, value: 16000, exponent: -2, words: [0x0640]}
  - {register: amps, value: 16000, exponent: 0, words: [0x0010]}
"""


def test_a_line_may_take_its_exponent_from_another_register():
    sheet = read("", SCALED)
    assert sheet.register("amps").exponent == "a_sf"
    assert [one.exponent for one in sheet.golden] == [-2, 0]


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        ("exponent: a_sf", "exponent: b_sf", "amps.exponent: unknown register 'b_sf'; did you mean a_sf?"),
        ("exponent: a_sf", "exponent: amps", "amps.exponent: expected a plain i16 that can be read, and amps is none"),
        ("type: i16, default", "type: u16, default", "expected a plain i16 that can be read, and a_sf is none"),
        (
            "type: i16, unit: mA, scale: 1000, exponent: a_sf, absent: 0x8000",
            "type: f32, unit: mA, exponent: a_sf",
            "amps.exponent: expected it with whole numbers only, not with f32",
        ),
        (
            "exponent: a_sf, absent",
            "exponent: a_sf, default: 0, absent",
            "amps.exponent: expected neither range, step nor default with it: what they count is not known",
        ),
        (
            "exponent: -2, words: [0x0640]",
            "exponent: -1, words: [0x0640]",
            "golden[0]: expected 0640 to mean 16000, and it means 160000",
        ),
        ("exponent: -2, words", "exponent: -11, words", "golden[0].exponent: expected at least -10, got -11"),
        ("exponent: -2, words", "words", "golden[0]: expected an exponent in a proof of amps"),
        (
            "register: amps, value: 16000, exponent: 0, words: [0x0010]",
            "register: a_sf, value: 1, exponent: 0, words: [1]",
            "golden[1]: expected no exponent in a proof of a_sf",
        ),
        (
            "value: 16000, exponent: 0",
            "value: 16500, exponent: 0",
            "golden[1]: expected a proof of the line: amps counts in steps of 1 A, got 16.5 A",
        ),
        ("default: -2, absent: 0x8000", "absent: 0x18000", "a_sf.absent: expected bits that i16 can hold, got 98304"),
    ],
)
def test_a_wrong_exponent_or_proof_of_it_is_refused(was, now, sentence):
    assert SCALED.count(was) == 1
    assert sentence in "\n".join(wrong("", SCALED.replace(was, now)))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("type: f32, absent: 0", "absent: expected it with whole numbers only, not with f32"),
        ("type: str, count: 2, absent: 0", "absent: expected it with whole numbers only, not with str"),
        ("type: u16, absent: -1", "absent: expected at least 0, got -1"),
        ("type: u16, also_absent: [1]", "also_absent: expected absent as well, to which it adds"),
        ("type: u16, absent: 0, also_absent: [65536]", "also_absent[0]: expected bits that u16 can hold, got 65536"),
        ("type: u16, absent: 0, also_absent: [-1]", "also_absent[0]: expected at least 0, got -1"),
        ("type: bits, count: 3", "count: expected 1 for bits, got 3"),
        ("type: bits, count: 2, values: {32: last}", "values[32]: expected a raw number up to 31, got 32"),
    ],
)
def test_a_wrong_mark_of_no_value_or_a_wrong_row_of_flags_is_refused(line, sentence):
    (found,) = wrong("", f"registers:\n  one: {{at: 1, in: holding, {line}}}\n")
    assert sentence in found


def test_flags_may_fill_several_words():
    one = read("", "registers:\n  one: {at: 1, in: holding, type: bits, count: 2, values: {31: last}}\n").register(
        "one"
    )
    assert (one.count, one.values) == (2, ((31, "last"),))


SUNS = textwrap.dedent("""\
    sunspec: {bases: [100, 0], models: {1: 2, 203: 3}}
    registers:
      mark: {at: 100, in: holding, type: u32, default: 0x53756E53}
      first: {at: 102, in: holding, type: u16, default: 1}
      first_length: {at: 103, in: holding, type: u16, default: 2}
      second: {at: 106, in: holding, type: u16, default: 203}
      second_length: {at: 107, in: holding, type: u16, default: 3}
      last: {at: 111, in: holding, type: u16, default: 0xFFFF}
      last_length: {at: 112, in: holding, type: u16, default: 0}
""")


def test_a_map_of_models_tells_where_each_begins_and_where_all_end():
    sunspec = read("", SUNS).sunspec
    assert sunspec == SunSpec((100, 0), ((1, 2), (203, 3)))
    assert (sunspec.start(1), sunspec.start(203), sunspec.end) == (102, 106, 111)
    with pytest.raises(LookupError, match="there is no model 2"):
        sunspec.start(2)


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        (
            "bases: [100, 0]",
            "bases: [0, 100]",
            "expected a holding register at 0 of type u32 with the default 1400204883",
        ),
        ("{1: 2, 203: 3}", "{1: 2, 203: 4}", "expected a holding register at 107 of type u16 with the default 4"),
        ("default: 203", "default: 213", "expected a holding register at 106 of type u16 with the default 203"),
        ("default: 0xFFFF", "default: 1", "expected a holding register at 111 of type u16 with the default 65535"),
        ("bases: [100, 0]", "bases: []", "sunspec.bases: expected at least 1 entry, got 0"),
        ("{1: 2, 203: 3}", "{}", "sunspec.models: expected at least 1 entry, got 0"),
    ],
)
def test_a_map_of_models_that_stands_elsewhere_is_refused(was, now, sentence):
    assert SUNS.count(was) == 1
    assert sentence in "\n".join(wrong("", SUNS.replace(was, now)))
