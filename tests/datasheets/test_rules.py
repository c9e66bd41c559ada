"""What a datasheet may not say: each fault of a sheet is refused with file, line and column."""

import textwrap

import pytest

from chargebench.datasheets.errors import BadFile, BadInput
from chargebench.datasheets.load import load_file, read_sheet
from chargebench.datasheets.yamlfile import parse_yaml

HEADER = """\
name: box
maker: Someone
model: One
kind: evse
transports: [tcp, rtu]
serial: 9600,8,n,1
unit: 1
port: 502
functions: {read: [1, 3, 4], write: [6, 16]}
max_read: 20
sources: [a page]
parts: [evse, s0]
part: evse
"""
GOOD = """\
registers:
  limit: {at: 10, in: holding, type: u16, unit: mA, scale: 100, write: [6, 16], stores: volatile, range: [6000, 63000], step: 100, on: [evse]}
  power: {at: 12, in: input, type: i32, unit: W, scale: "1/10"}
  label: {at: 20, in: holding, type: str, count: 4}
golden:
  - {register: limit, value: 16000, words: [0x00A0]}
  - {register: power, value: -1, words: [0xFFFF, 0xFFF6]}
  - {register: label, value: abc, words: [0x6162, 0x6300, 0, 0]}
"""


def read(text: str, header: str = HEADER):
    return read_sheet(parse_yaml(header + textwrap.dedent(text), "box.yaml"))


def wrong(text: str, header: str = HEADER) -> list[str]:
    with pytest.raises(BadFile) as refused:
        read(text, header)
    return str(refused.value).splitlines()


def test_a_good_sheet_is_read_with_its_lines():
    sheet = read(GOOD)
    assert [(one.name, one.line, one.count) for one in sheet.registers] == [
        ("limit", 15, 1),
        ("power", 16, 2),
        ("label", 17, 4),
    ]
    assert (sheet.register("limit").low, sheet.register("limit").high, sheet.register("limit").step) == (
        6_000,
        63_000,
        100,
    )
    first = sheet.golden[0]
    assert (first.register, first.value, first.words, first.line) == ("limit", 16_000, (160,), 19)
    assert (sheet.name, sheet.part, sheet.path, sheet.serial) == ("box", "evse", "box.yaml", "9600,8,n,1")


LIMIT = "at: 10, in: holding, type: u16, unit: mA, scale: 100"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "at: 10, in: holding, type: u16, unit: A",
            ".unit: expected a house unit, got 'A'; write mA and 1000 times the scale",
        ),
        ("at: 10, in: holding, type: u16, unit: mAmp", ".unit: expected a house unit, got 'mAmp'; did you mean mA?"),
        ("at: 10, in: holding, type: u16, count: 2", ".count: expected 1 for u16, got 2"),
        ("at: 10, in: holding, type: f32, count: 1", ".count: expected 2 for f32, got 1"),
        ("at: 10, in: holding, type: str", ".count: expected a count of registers for text, and it is missing"),
        ("at: 10, in: holding, type: str, count: 21", ".count: expected no more than max_read, 20, got 21"),
        ("at: 65535, in: holding, type: u32", ".at: expected all 2 words up to 65535, got 65535"),
        ("at: 70000, in: holding, type: u32", ".at: expected at most 65535, got 70000"),
        (
            "at: 10, in: holding, type: u16, scale: 0",
            '.scale: expected a whole number above 0, or an exact fraction such as "1/10", got 0',
        ),
        ("at: 10, in: holding, type: u16, scale: 0.1", ".scale: expected a whole number above 0, or an exact fraction"),
        ("at: 10, in: holding, type: u16, scale: -1", ".scale: expected a whole number above 0, or an exact fraction"),
        (
            'at: 10, in: holding, type: u16, scale: "1/0"',
            ".scale: expected a whole number above 0, or an exact fraction",
        ),
        (
            "at: 10, in: holding, type: u8",
            ".type: expected u16, i16, u32, i32, u64, i64, f32, f64, str or bits, got 'u8'",
        ),
        (
            "at: 10, in: holdings, type: u16",
            ".in: expected holding, input, coil or discrete, got 'holdings'; did you mean holding?",
        ),
        ("at: 10, in: holding, type: u16, words: little", ".words: expected little only for numbers of several words"),
        (
            "at: 10, in: holding, type: str, count: 2, words: little",
            ".words: expected little only for numbers of several words",
        ),
        (
            "at: 10, in: holding, type: str, count: 2, unit: mA",
            ".type: expected neither unit, scale, range nor step with text",
        ),
        (
            "at: 10, in: discrete, type: bits",
            ".in: expected function 2 among the sheet's functions, which reads discrete",
        ),
        ("at: 10, in: coil, type: u16", ".type: expected bits in the table coil, got u16"),
        ("at: 10, in: holding, type: u16, read: false", ".read: expected a register that can be read or written"),
        (
            "at: 10, in: input, type: u16, write: [6]",
            ".write[0]: expected a function of the sheet that writes input, got 6",
        ),
        (
            "at: 10, in: holding, type: u16, write: [5]",
            ".write[0]: expected a function of the sheet that writes holding, got 5",
        ),
        (
            "at: 10, in: holding, type: u32, write: [16, 6]",
            ".write[1]: expected 16 for 2 words, got 6, which writes one",
        ),
        (f"{LIMIT}, range: [6000, 16000]", ".range: expected write as well: it is about what may be written"),
        (f"{LIMIT}, stores: flash", ".stores: expected write as well: it is about what may be written"),
        (
            f"{LIMIT}, write: [6], range: [6000, 7000000]",
            ".range[1]: expected what the type can hold, got 7000000; u16 with scale 100 holds 0 to 6553500",
        ),
        (f"{LIMIT}, write: [6], range: [-100, 6000]", ".range[0]: expected what the type can hold, got -100"),
        (f"{LIMIT}, write: [6], range: [6000, 100]", ".range: expected the smaller number first, got [6000, 100]"),
        (f"{LIMIT}, write: [6], step: 50", ".step: expected a multiple of the scale 100, got 50"),
        (
            f"{LIMIT}, default: 15950",
            ".default: expected a value that the register can hold: limit counts in steps of 0.1 A, got 15.95 A",
        ),
        (
            f"{LIMIT}, default: sixteen",
            ".default: expected a value that the register can hold: limit holds a number, got 'sixteen'",
        ),
        (f"{LIMIT}, values: {{70000: A}}", ".values[70000]: expected a raw number up to 65535, got 70000"),
        ("at: 10, in: holding, type: bits, values: {16: x}", ".values[16]: expected a raw number up to 15, got 16"),
        (f"{LIMIT}, on: [evsse]", ".on[0]: expected a part that has the register, got 'evsse'; did you mean evse?"),
        (
            f"{LIMIT}, write: [6], on: [evse], write_on: [s0]",
            ".write_on[0]: expected a part that has the register, got 's0'",
        ),
        (f"{LIMIT}, skale: 3", ".skale: unknown field; did you mean scale?"),
        ("in: holding, type: u16", ".at: expected a whole number, and it is missing"),
    ],
)
def test_a_wrong_line_is_refused_where_it_is_wrong(line, sentence):
    (found,) = wrong(f"registers:\n  limit: {{{line}}}\n")
    where, _, said = found.partition(": registers.limit")
    assert where.startswith("box.yaml:15:")
    assert said.startswith(sentence)


def test_overlapping_registers_are_refused_within_a_part_and_a_table_only():
    assert wrong("""\
        registers:
          first: {at: 10, in: holding, type: u32, on: [evse]}
          inputs: {at: 11, in: input, type: u16}
          meter: {at: 11, in: holding, type: u16, on: [s0]}
          second: {at: 11, in: holding, type: u16, on: [evse]}
          both: {at: 9, in: holding, type: u32}
          after: {at: 12, in: holding, type: u16}
    """) == [
        "box.yaml:18:3: registers.second: expected addresses of its own, and first has 10 to 11",
        "box.yaml:19:3: registers.both: expected addresses of its own, and first has 10 to 11",
    ]


def test_a_name_given_twice_is_refused():
    with pytest.raises(BadInput) as refused:
        read("registers:\n  a: {at: 1, in: holding, type: u16}\n  a: {at: 2, in: holding, type: u16}\n")
    assert str(refused.value) == "box.yaml:16:3: a: expected once, and line 15 has it too"


@pytest.mark.parametrize(
    "text",
    [
        "limit: {at: 10,\n          in: holding, type: u16}",
        "limit:\n          at: 10\n          in: holding\n          type: u16",
    ],
)
def test_a_register_stands_on_one_line(text):
    assert wrong(f"registers:\n        {text}\n".replace("        ", "  ", 1)) == [
        "box.yaml:15:3: registers.limit: expected the whole register on one line, {…}"
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "register: limit, value: 16000, words: [0x00A1]",
            "golden[0]: expected 00A1 to mean 16000, and it means 16100",
        ),
        (
            "register: limit, value: 16050, words: [0x00A0]",
            "golden[0]: expected a proof of the line: limit counts in steps of 0.1 A, got 16.05 A",
        ),
        (
            "register: limit, value: 16000, words: [0, 0xA0]",
            "golden[0]: expected a proof of the line: limit is 1 words of 16 bits, got [0, 160]",
        ),
        (
            "register: limt, value: 16000, words: [0xA0]",
            "golden[0].register: unknown register 'limt'; did you mean limit?",
        ),
        ("register: limit, value: 16000, words: [65536]", "golden[0].words[0]: expected at most 65535, got 65536"),
        ("register: power, value: 1, words: [0x3F80, 1]", "golden[0]: expected 1 to be written 3F80 0000"),
    ],
)
def test_a_golden_line_holds_in_both_directions(line, sentence):
    found = wrong(f"""\
        registers:
          limit: {{{LIMIT}}}
          power: {{at: 30, in: input, type: f32, unit: W}}
        golden:
          - {{{line}}}
    """)
    assert len(found) == (2 if "16100" in sentence else 1)
    assert found[0].startswith("box.yaml:18:")
    assert sentence in found[0]


def test_a_golden_line_of_a_wrong_register_is_not_told_as_well():
    assert (
        len(
            wrong(
                "registers:\n  a: {at: 1, in: holding, type: u16, unit: A}\ngolden:\n  - {register: a, value: 1, words: [1]}\n"
            )
        )
        == 1
    )


ONE = "registers:\n  a: {at: 1, in: holding, type: u16}\n"


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        ("kind: evse", "kind: evs", "box.yaml:4:7: kind: expected evse or meter, got 'evs'; did you mean evse?"),
        (
            "serial: 9600,8,n,1",
            "serial: 9600 8n1",
            "serial: expected serial parameters, such as 9600,8,n,1, got '9600 8n1'",
        ),
        (
            "serial: 9600,8,n,1\n",
            "",
            "serial: expected serial parameters for a device that speaks rtu, and they are missing",
        ),
        ("port: 502\n", "", "port: expected a port for a device that speaks tcp, and it is missing"),
        ("part: evse", "part: evs", "part: expected one of the sheet's parts, got 'evs'; did you mean evse?"),
        ("transports: [tcp, rtu]", "transports: []", "transports: expected at least 1 entry, got 0"),
        ("max_read: 20", "max_read: 126", "max_read: expected at most 125, got 126"),
        ("unit: 1", "unit: 0", "unit: expected at least 1, got 0"),
        (
            "sources: [a page]",
            "limits: {minimum: 6}\nsources: [a page]",
            "limits.minimum: expected a current with its unit, such as 16 A, got 6",
        ),
    ],
)
def test_a_wrong_header_is_refused(was, now, sentence):
    (found,) = wrong(ONE, HEADER.replace(was, now))
    assert sentence in found


def test_all_faults_of_a_sheet_are_told_at_once():
    found = wrong("""\
        registers:
          a: {at: 1, in: holding, type: u16, unit: A, default: -1}
          b: {at: 1, in: holding, type: u32, count: 1}
        golden:
          - {register: c, value: 1, words: [1]}
    """)
    assert [one.split(": ")[1] for one in found] == [
        "registers.a.unit",
        "registers.a.default",
        "registers.b",
        "registers.b.count",
        "golden[0].register",
    ]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "box.yaml").write_text(HEADER + GOOD, encoding="utf-8")
    return tmp_path


def like(folder, text):
    path = folder / "other.yaml"
    path.write_text(f"name: other\nlike: box\npart: s0\nunit: 2\nport: 503\n{text}", encoding="utf-8")
    return path


def test_a_sheet_may_be_like_another_for_another_part(folder):
    sheet = load_file(like(folder, "kind: meter\ndefaults: {label: two}\nlimits: {silence: 5 ms}\n"))
    assert [one.name for one in sheet.registers] == ["power", "label"]
    assert [one.register for one in sheet.golden] == ["power", "label"]
    assert (sheet.name, sheet.part, sheet.kind, sheet.unit, sheet.port) == ("other", "s0", "meter", 2, 503)
    assert sheet.register("label").default == "two"
    assert sheet.limits == (("silence_us", 5_000),)
    assert sheet.maker == "Someone"


@pytest.mark.parametrize(
    ("was", "now", "sentence"),
    [
        ("like: box", "like: bux", "other.yaml:2:7: like: unknown device 'bux'; known are "),
        ("part: s0", "part: s1", "other.yaml:3:7: part: expected a part of box, got 's1'; known are evse, s0"),
        (
            "unit: 2",
            "unit: 2\ndefaults: {limit: 1}",
            "defaults.limit: expected a value of a register of s0: box has no register limit",
        ),
        (
            "unit: 2",
            "unit: 2\ndefaults: {label: 1}",
            "defaults.label: expected a value of a register of s0: label holds text, got 1",
        ),
    ],
)
def test_a_sheet_like_another_is_refused_where_it_is_wrong(folder, was, now, sentence):
    path = like(folder, "")
    path.write_text(path.read_text(encoding="utf-8").replace(was, now), encoding="utf-8")
    with pytest.raises(BadFile) as refused:
        load_file(path)
    assert sentence in str(refused.value)


def test_a_fault_of_the_other_sheet_is_told_in_its_own_file(folder):
    path = like(folder, "")
    (folder / "box.yaml").write_text(HEADER + GOOD.replace("unit: W", "unit: Watt"), encoding="utf-8")
    with pytest.raises(BadFile, match=r"box.yaml:16:\d+: registers.power.unit: expected a house unit"):
        load_file(path)
