"""The blocks about behaviour: what they mean, and each fault of one refused where it stands."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.behaviour import LETTERS, Codes, Limit, Quirk, Setting, States, Tcp
from chargebench.datasheets.errors import BadFile
from chargebench.datasheets.load import load_file, read_sheet
from chargebench.datasheets.yamlfile import parse_yaml

HEADER = """\
name: box
maker: Someone
model: One
kind: evse
transports: [tcp]
unit: 1
port: 502
functions: {read: [3, 4], write: [6, 16]}
max_read: 20
sources: [a page]
"""
REGISTERS = """\
registers:
  state: {at: 1, in: holding, type: u16}
  plugged: {at: 2, in: input, type: u16}
  mode: {at: 3, in: holding, type: str, count: 2}
  limit: {at: 10, in: holding, type: u16, unit: mA, scale: 100, write: [6]}
  limit_2: {at: 11, in: holding, type: u16, unit: mA, scale: 100, write: [6]}
  limit_3: {at: 12, in: holding, type: u16, unit: mA, scale: 100, write: [6]}
  hidden: {at: 13, in: holding, type: u16, unit: mA, read: false, write: [6]}
  pause: {at: 14, in: holding, type: u16, write: [6]}
  time: {at: 15, in: holding, type: u16, unit: s, write: [6]}
  wide: {at: 20, in: holding, type: u32}
"""


def read(block, registers=REGISTERS, header=HEADER):
    return read_sheet(parse_yaml(header + textwrap.dedent(block) + "\n" + registers, "box.yaml"))


def wrong(block, header=HEADER):
    with pytest.raises(BadFile) as refused:
        read(block, header=header)
    return str(refused.value).splitlines()


def test_a_sheet_without_blocks_says_nothing_of_behaviour():
    sheet = read("")
    assert (sheet.states, sheet.control, sheet.watchdog) == (None, None, None)
    assert sheet.tcp == Tcp(clients=None, excess="unknown", idle_close_us=None, lockout=False)
    assert not sheet.reading.single
    assert sheet.timing.apart_us is None


def test_all_blocks_are_read():
    sheet = read("""\
        states: {register: state, A: [1], B: [2], C: [3, 4], F: {state: {from: 9}}, paused: {B: 2}}
        control:
          limit: {register: limit, zero: stops, below: minimum, shown: limit, default: limit_2}
          pause: {pause: 0, limit: 0}
          resume: {pause: 1}
          phases: {register: pause, one: 1, three: 3, before: {pause: 2}, after: {pause: 4}, while: paused, takes: 2 min, shown: {register: state, one: 5, three: 6}}
        watchdog: {kind: toggle, register: pause, value: 1, timeout: {register: time, time: 20 s}, failsafe: {register: limit_3, current: 6 A}, then: limit, zero: stops, left: time, recovery: [pause, limit], recovers: 10 s, keeps: flash, store: {pause: 7}, refresh: 5 s}
        tcp: {clients: 2, excess: queue, idle_close: 60 s, lockout: watchdog}
        reads: {gaps: zero, single: true, shared: true, blocks: [[10, 3]]}
        timing: {apart: 5 s, settle: 20 s, latency: 300 ms, boot: 1 min}
        quirks:
          - {name: forgets, rare: true, says: It forgets., source: a page}
          - {says: It hums., source: another}
    """)
    assert [letter for letter, _ in sheet.states.cases] == ["F", "C", "B", "A"]
    assert sheet.states.letter({"state": 9}) == "F"
    assert sheet.control.limit == Limit(("limit",), "stops", "minimum", "limit", "limit_2", "default")
    assert (sheet.control.pause, sheet.control.resume) == ((("pause", 0), ("limit", 0)), (("pause", 1),))
    phases = sheet.control.phases
    assert (phases.before, phases.after, phases.during) == ((("pause", 2),), (("pause", 4),), "paused")
    assert (phases.takes_us, phases.shown, phases.shown_one, phases.shown_three) == (120_000_000, "state", 5, 6)
    watchdog = sheet.watchdog
    assert (watchdog.kind, watchdog.register, watchdog.value) == ("toggle", "pause", 1)
    assert watchdog.timeout == Setting("time", "", 20_000_000)
    assert watchdog.failsafe == Setting("limit_3", "", 6_000)
    assert (watchdog.then, watchdog.zero, watchdog.left, watchdog.keeps) == ("limit", "stops", "time", "flash")
    assert (watchdog.recovery, watchdog.recovers_us, watchdog.refresh_us) == (("pause", "limit"), 10_000_000, 5_000_000)
    assert sheet.tcp == Tcp(2, "queue", 60_000_000, lockout=True)
    assert (sheet.reading.gaps, sheet.reading.single, sheet.reading.shared) == ("zero", True, True)
    assert sheet.reading.blocks == ((10, 3),)
    times = (sheet.timing.apart_us, sheet.timing.settle_us, sheet.timing.latency_us, sheet.timing.boot_us)
    assert times == (5_000_000, 20_000_000, 300_000, 60_000_000)
    assert sheet.quirks == (Quirk("It forgets.", "a page", "forgets", rare=True), Quirk("It hums.", "another"))


@pytest.mark.parametrize(
    ("block", "sentences"),
    [
        ("states: {register: stat, A: [1], B: [2], C: [3]}", ["states.register: unknown register 'stat'; did you mean state?"]),
        ("states: {register: hidden, A: [1], B: [2], C: [3]}", ["states.register: expected a register that can be read, and hidden cannot"]),
        ("states: {register: state, A: [1], B: [2]}", ["states.C: expected a list of codes, such as [2, 3], or"]),
        ("states: {register: state, A: 1, B: [2], C: [3]}", ["states.A: expected a list of codes, such as [2, 3], or"]),
        ("states: {register: state, A: [], B: [2], C: [3]}", ["states.A: expected a list of codes"]),
        ("states: {register: state, A: [true], B: [2], C: [3]}", ["states.A: expected a list of codes"]),
        ("states: {register: state, A: {}, B: [2], C: [3]}", ["states.A: expected a list of codes"]),
        ("states: {register: state, A: {plugged: {above: 3}}, B: [2], C: [3]}", ["states.A: expected a list of codes"]),
        ("states: {A: [1], B: {plugged: [1]}, C: {state: [1]}}", ["states.A: expected codes of a register, such as {plugged: [1]}, or a register"]),
        ("states: {mask: 0xFF, A: {state: [1]}, B: {state: [2]}, C: {state: [3]}}", ["states: expected a register, to which mask and paused belong"]),
        ("states: {register: state, A: [1], B: [2], C: {plugd: [1]}}", ["states.C.plugd: unknown register 'plugd'; did you mean plugged?"]),
        ("states: {register: state, A: [A], B: [2], C: [3]}", ["states.A: expected raw numbers as state holds, got 'A'"]),
        ("states: {register: mode, A: [A], B: [2], C: [C]}", ["states.B: expected text as mode holds, got 2"]),
        ("states: {register: state, A: [70000], B: [2], C: [3]}", ["states.A: expected a raw number that state can hold, 0 to 65535, got 70000"]),
        ("states: {register: state, mask: 0xFF00, A: [256], B: [2], C: [3]}", ["states.A: expected a code within the mask, 0 to 255, got 256"]),
        ("states: {register: state, A: [1], B: [1], C: [3]}", ["states.A: expected codes that mean A, and state 1 means B"]),
        ("states: {register: state, A: [1], B: [2], C: {plugged: [1]}}", []),
        ("states: {register: state, A: {plugged: [0]}, B: {plugged: [1]}, C: {plugged: [1]}}", ["states.B: expected codes that mean B, and plugged 1 means C"]),
        ("states: {register: state, A: [1], B: [2], C: [3], paused: {B: 4}}", ["states.paused.B: expected codes that mean B, and state 4 means no state"]),
        ("states: {register: state, A: [1], B: [2], C: [3], paused: {F: 4}}", ["states.paused.F: expected A, B or C, got 'F'"]),
        ("control: {limit: {register: limit, registers: [limit, limit_2, limit_3]}}", ["control.limit: expected either a register or three registers, one for each phase"]),
        ("control: {limit: {zero: stops}}", ["control.limit: expected either a register or three registers"]),
        ("control: {limit: {registers: [limit, limit_2]}}", ["control.limit.registers: expected at least 3 entries, got 2"]),
        ("control: {limit: {register: state}}", ["control.limit.register: expected a register that can be written, and state cannot", "control.limit.register: expected a register in mA, and state is in no unit"]),
        ("control: {limit: {register: limit, zero: stop}}", ["control.limit.zero: expected stops, no limit, refused or unknown, got 'stop'; did you mean stops?"]),
        ("control: {limit: {register: limit, shown: hidden}}", ["control.limit.shown: expected a register that can be read, and hidden cannot"]),
        ("control: {limit: {register: limit, shown: time}}", ["control.limit.shown: expected a register in mA, and time is in s"]),
        ("control: {limit: {register: limit, mask: 0x0FFF}}", ["control.limit.mask: expected the register that shows the limit, to which it belongs"]),
        ("control: {limit: {register: limit, shown: limit, mask: 0x0FF0}}", ["control.limit.mask: expected bits from bit 0 up, such as 0x0FFF, got 0x0ff0"]),
        ("control: {limit: {register: limit, shown: limit, mask: 0xFFFFFFFF}}", ["control.limit.mask: expected a raw number that limit can hold, 0 to 65535, got 4294967295"]),
        ("control: {limit: {register: limit, shown: limit, mask: 0x0FFF}}", []),
        ("control: {limit: {register: limit, unit: 9}}", ["control.limit: expected both or none of unit and nodes, which tell how several boxes are told at once"]),
        ("control: {limit: {register: limit, nodes: 8}}", ["control.limit: expected both or none of unit and nodes"]),
        ("control: {limit: {register: limit, unit: 9, nodes: 8}}", []),
        ("control: {limit: {register: limit}, leave: {register: state, answers: {4: 5}}}", ["control.leave.register: expected a register that can be written, and state cannot"]),
        ("control: {limit: {register: limit}, leave: {register: pause, answers: {4: 5}, also: {state: 0}}}", ["control.leave.also.state: expected a register that can be written, and state cannot"]),
        ("control: {limit: {register: limit}, leave: {register: pause, answers: {}}}", ["control.leave.answers: expected at least 1"]),
        ("control: {limit: {register: limit}, leave: {register: pause, answers: {4: 5}, also: {pause: 0}}}", []),
        ("control: {limit: {register: limit}, pause: {state: 0}}", ["control.pause.state: expected a register that can be written, and state cannot"]),
        ("control: {limit: {register: limit}, pause: {pause: 65536}}", ["control.pause.pause: expected a raw number that pause can hold, 0 to 65535, got 65536"]),
        ("control: {limit: {register: limit}, pause: {pause: off}}", ["control.pause.pause: expected a whole number, got 'off'"]),
        ("control: {limit: {register: limit}, wake: {paus: 1}}", ["control.wake.paus: unknown register 'paus'; did you mean pause?"]),
        ("control: {limit: {register: limit}, resume: {paus: 0}}", ["control.resume.paus: unknown register 'paus'; did you mean pause?"]),
        ("control: {limit: {register: limit}, phases: {register: state, one: 1, three: 3}}", ["control.phases.register: expected a register that can be written, and state cannot"]),
        ("control: {limit: {register: limit}, phases: {register: pause, one: 1}}", ["control.phases.three: expected a whole number, and it is missing"]),
        ("control: {limit: {register: limit}, phases: {register: pause, one: 1, three: 70000}}", ["control.phases.three: expected a raw number that pause can hold"]),
        ("control: {limit: {register: limit}, phases: {register: pause, one: 1, three: 3, while: idle}}", ["control.phases.while: expected any, paused, unplugged or unknown, got 'idle'"]),
        ("control: {limit: {register: limit}, phases: {register: pause, one: 1, three: 3, takes: 5}}", ["control.phases.takes: expected a duration with its unit, such as 3 min, got 5"]),
        ("control: {}", ["control.limit: expected a mapping, name: value, and it is missing"]),
        ("watchdog: {kind: tokn}", ["watchdog.kind: expected none, request, read, limit, timeout, token, toggle, broadcast or unknown, got 'tokn'; did you mean token?"]),
        ("watchdog: {kind: token}", ["watchdog.register: expected the register whose write feeds a watchdog of the kind token", "watchdog.value: expected the number that feeds it"]),
        ("watchdog: {kind: broadcast}", ["watchdog.register: expected the register whose write feeds a watchdog of the kind broadcast"]),
        ("watchdog: {kind: toggle, register: state, value: 1}", ["watchdog.register: expected a register that can be written, and state cannot"]),
        ("watchdog: {kind: toggle, register: pause, value: 70000}", ["watchdog.value: expected a raw number that pause can hold, 0 to 65535, got 70000"]),
        ("watchdog: {kind: read}", ["watchdog.span: expected the addresses whose read feeds it for the kind read, and only there"]),
        ("watchdog: {kind: request, span: [1, 2]}", ["watchdog.span: expected the addresses whose read feeds it for the kind read, and only there"]),
        ("watchdog: {kind: limit}", ["watchdog.kind: expected a control block, whose limit feeds it"]),
        ("watchdog: {kind: timeout}", ["watchdog.timeout: expected the register of the time, whose write feeds it"]),
        ("watchdog: {kind: request, timeout: {register: limit}}", ["watchdog.timeout.register: expected a register in s or ms, and limit is in mA"]),
        ("watchdog: {kind: request, timeout: {register: time, write: state}}", ["watchdog.timeout.write: expected a register that can be written, and state cannot", "watchdog.timeout.write: expected a register in s or ms, and state is in no unit"]),
        ("watchdog: {kind: request, timeout: {time: 20}}", ["watchdog.timeout.time: expected a duration with its unit, such as 3 min, got 20"]),
        ("watchdog: {kind: request, failsafe: {register: time}}", ["watchdog.failsafe.register: expected a register in mA, and time is in s"]),
        ("watchdog: {kind: request, failsafe: {current: 6 W}}", ["watchdog.failsafe.current: expected a current with its unit, such as 16 A, got '6 W'"]),
        ("watchdog: {kind: request, left: limit}", ["watchdog.left: expected a register in s or ms, and limit is in mA"]),
        ("watchdog: {kind: request, recovery: [pause, state]}", ["watchdog.recovery[1]: expected a register that can be written, and state cannot"]),
        ("watchdog: {kind: request, store: {stare: 1}}", ["watchdog.store.stare: unknown register 'stare'; did you mean state?"]),
        ("tcp: {clients: 0}", ["tcp.clients: expected at least 1, got 0"]),
        ("tcp: {excess: drop}", ["tcp.excess: expected refuse, queue, replace, crash or unknown, got 'drop'"]),
        ("tcp: {lockout: watchdog}", ["tcp.lockout: expected a watchdog block, whose time it is"]),
        ("reads: {gaps: none}", ["reads.gaps: expected refused, zero, filled or unknown, got 'none'"]),
        ("reads: {blocks: [[10, 3], [20, 3]]}", ["reads.blocks[1]: expected whole registers, and 20 to 22 cuts one"]),
        ("reads: {blocks: [[10, 6]]}", []),
        ("reads: {blocks: [[1, 21]]}", ["reads.blocks[0]: expected no more words than max_read, 20, got 21"]),
        ("timing: {apart: 5}", ["timing.apart: expected a duration with its unit, such as 3 min, got 5"]),
        ("quirks: [{name: Loud, says: x, source: y}]", ["quirks[0].name: expected a name of lower-case letters"]),
        ("quirks: [{name: a, says: x, source: y}, {name: a, says: x, source: y}]", ["quirks[1].name: expected a name of its own, and a is another quirk's"]),
        ("quirks: [{rare: true, says: x, source: y}]", ["quirks[0].rare: expected a name: what is rare must be switched on by it"]),
    ],
)  # fmt: skip
def test_a_wrong_block_is_refused_where_it_is_wrong(block, sentences):
    if not sentences:
        read(block)
        return
    found = wrong(block)
    assert len(found) == len(sentences), found
    for line, sentence in zip(found, sentences, strict=True):
        where, _, said = line.partition(": ")
        assert where.startswith("box.yaml:11:")
        assert said.startswith(sentence)


@pytest.mark.parametrize(
    ("control", "stops"),
    [
        ("{limit: {register: limit}, pause: {limit: 1000}}", {"limit": 1000}),
        ("{limit: {register: limit}, pause: {pause: 1}, resume: {pause: 0}}", {}),
        ("{limit: {register: limit}, pause: {limit: 1000}, resume: {pause: 0}}", {}),
        ("{limit: {registers: [limit, limit_2, limit_3]}, pause: {limit: 1000}}", {}),
        ("{limit: {register: limit}}", {}),
    ],
)
def test_a_box_is_stopped_by_its_limit_where_a_number_there_means_it_and_nothing_else_is_asked_for(control, stops):
    assert read(f"control: {control}").control.stops == stops


def test_a_block_is_for_boxes_and_a_connection_for_tcp():
    meter = HEADER.replace("kind: evse", "kind: meter")
    assert wrong("watchdog: {kind: none}", meter) == [
        "box.yaml:11:11: watchdog: expected it in the sheet of an evse only, and this is a meter"
    ]
    serial = HEADER.replace("transports: [tcp]", "transports: [ascii]\nserial: 38400,8,e,1")
    assert wrong("tcp: {clients: 1}", serial) == ["box.yaml:12:6: tcp: expected tcp among the transports"]


@pytest.mark.parametrize("transport", ["rtu", "ascii"])
def test_a_device_on_a_line_has_serial_parameters(transport):
    (found,) = wrong("", HEADER.replace("[tcp]", f"[{transport}]"))
    assert found.endswith(
        f"serial: expected serial parameters for a device that speaks {transport}, and they are missing"
    )


def test_blocks_are_of_the_part_that_the_sheet_stands_for(tmp_path):
    parts = "parts: [evse, other]\npart: evse\n"
    (tmp_path / "box.yaml").write_text(HEADER + parts + "watchdog: {kind: none}\n" + REGISTERS, encoding="utf-8")
    other = tmp_path / "other.yaml"
    other.write_text("name: other\nlike: box\npart: other\nunit: 2\nport: 503\n", encoding="utf-8")
    assert load_file(tmp_path / "box.yaml").watchdog is not None
    assert load_file(other).watchdog is None


@pytest.mark.parametrize(
    ("codes", "code", "holds"),
    [
        (Codes("r", (1, 2)), 2, True),
        (Codes("r", (1, 2)), 3, False),
        (Codes("r", ("A", "B")), "B", True),
        (Codes("r", ("A",)), None, False),
        (Codes("r", low=5), 5, True),
        (Codes("r", low=5), 4, False),
        (Codes("r", high=5), 6, False),
        (Codes("r", low=5, high=6), 6, True),
        (Codes("r", low=5), None, False),
        (Codes("r", low=5), "A", False),
    ],
)
def test_codes_hold_what_they_name(codes, code, holds):
    assert codes.hold(code) is holds


@given(st.integers(0, 0xFFFF), st.sampled_from([0, 0xFF, 0xFF00, 0x7F00, 0x0FF0, 0x8000]))
def test_a_mask_selects_bits_and_shifts_them_down(raw, mask):
    code = States((), "state", mask).code("state", raw)
    shift = (mask & -mask).bit_length() - 1 if mask else 0
    assert code == ((raw & mask) >> shift if mask else raw)


def test_states_are_looked_for_from_the_gravest_down():
    assert LETTERS == ("F", "E", "D", "C", "B", "A")
    states = States(tuple((letter, (Codes("state", (1,)),)) for letter in LETTERS), "state")
    assert states.letter({"state": 1}) == "F"
