"""Every kind of wrong input, as a person meets it: place, field and what was expected; exit status 2, and never a traceback."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from chargebench.scenarios.cli import chargebench, status

RIGHT = """\
scenario: two cars at four boxes
seed: 1
start: 2026-01-12 18:00
for: 10 min
site:
  connection: {max_total_power: 34 kW, house_max: 4 A, fuse: {rating: 50 A, curve: SLS-E}}
  evses:
    - {name: internal, device: power-brain, phases: L1 L2 L3}
    - {name: garage, device: power-brain, at: "192.168.2.151:4701", id: 1}
    - {name: yard, device: power-brain, at: "COM1,9600,8,n,1", id: 1, meter: {device: eastron-sdm630, id: 20}}
    - {name: barn, device: power-brain, at: "COM1,9600,8,n,1", id: 2, failsafe: {after: 180 s, current: 0 A}}
  meters:
    - {name: grid, device: eastron-sdm630, at: "192.168.2.250:502", id: 1, role: grid supply}
world:
  house: {load: [[18:00, 2 kW]]}
  cars:
    - {car: tesla-model-3-lr, as: tesla, at: 18:01, plugs: garage, wants: 20 kWh, leaves: 18:05}
    - {car: {phases: 1, power: 3.7 kW}, as: leaf, at: 18:02, plugs: yard, wants: 3 kWh}
faults:
  - {at: 18:03, on: garage, fault: silence, for: 1 min}
expect:
  - always: {fuse: cannot trip}
  - within: {after: 18:01, time: 30 s, car: tesla, charging: yes}
"""
WALL = "expected an address such as 192.168.2.151:4701 or COM1,9600,8,n,1"
COMMA = "expected name: value; text that holds a comma goes in quotes, and numbers have a point (14.5)"
BOX_FIELDS = "name, device, id, at, phases, minimum, maximum, priority, meter, failsafe, boot, circuit and 4 more"


@pytest.fixture
def refused(capsys, tmp_path, monkeypatch):
    """Runs a file that must be refused; gives the complaints, with the folder left out of them."""
    monkeypatch.chdir(tmp_path)

    def run(path: Path | str = "wrong.yaml", verb: str = "run") -> list[str]:
        code = status(lambda: chargebench.main([verb, str(path)], "chargebench", standalone_mode=False))
        out, err = capsys.readouterr()
        assert (code, "Traceback" in err + out) == (2, False), err + out
        assert out == "" or verb == "check"
        assert not (tmp_path / "runs").exists()
        return [line.replace(f"{tmp_path}/", "") for line in (err or out).splitlines()]

    return run


def spoil(old: str, new: str) -> str:
    assert RIGHT.count(old) >= 1, old
    return RIGHT.replace(old, new, 1)


def test_the_file_from_which_all_start_is_right(capsys, tmp_path):
    (tmp_path / "right.yaml").write_text(RIGHT, "utf-8")
    code = status(lambda: chargebench.main(["check", str(tmp_path / "right.yaml")], standalone_mode=False))
    assert (code, " error: " in capsys.readouterr().out) == (1, False)  # not safe, but a scenario


# -- what is no file, no text or no YAML ------------------------------------------------------


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def nested(levels: int) -> bytes:
    return b"scenario: " + b"[" * levels + b"]" * levels


BOMB = b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
FILES: dict[str, tuple[bytes | Callable[[Path], None], str]] = {
    "missing file": (lambda _: None, "wrong.yaml: cannot be read: No such file or directory"),
    "directory": (Path.mkdir, "wrong.yaml: cannot be read: Is a directory"),
    "unreadable file": (loop, "wrong.yaml: cannot be read: Too many levels of symbolic links"),
    "empty file": (b"", "wrong.yaml:1:1: expected a mapping, name: value, got nothing"),
    "only a comment": (b"# nothing\n", "wrong.yaml:1:1: expected a mapping, name: value, got nothing"),
    "top is a list": (b"- scenario: x\n", "wrong.yaml:1:1: expected a mapping, name: value, got a list"),
    "top is text": (b"scenario\n", "wrong.yaml:1:1: expected a mapping, name: value, got 'scenario'"),
    "binary": (b"\x7fELF\x02\x01\x01\0\xf0\xff", "wrong.yaml:1:9: expected text in UTF-8, got byte 0xF0"),
    "UTF-16": ("scenario: x\n".encode("utf-16"), "wrong.yaml:1:1: expected text in UTF-8, got byte 0xFF"),
    "Latin-1": ("scenario: Büro\n".encode("latin-1"), "wrong.yaml:1:12: expected text in UTF-8, got byte 0xFC"),
    "zero byte": (b"scenario: x\0y\n", "wrong.yaml:1:12: expected YAML: the character U+0000 may not stand in a file"),
    "escape": (b"scenario: \x1b[31m\n", "wrong.yaml:1:11: expected YAML: the character U+001B may not stand in a file"),
    "too large": (b"#" * 1_000_001, "wrong.yaml: expected at most 1000000 bytes, and the file is larger"),
    "tab": (b"site:\n\tevses: []\n", "wrong.yaml:2:1: expected spaces, got a tab"),
    "open bracket": (
        b"site: {a: 1\nfor: 3\n",
        "wrong.yaml:2:4: expected a comma or }: the { of line 1, column 7, is still open",
    ),
    "no space after a colon": (
        b"scenario: x\nseed:1\nfor: 1 h\n",
        "wrong.yaml:2:1: expected name: value, with a space after the colon",
    ),
    "anchors that grow": (BOMB, "wrong.yaml:1:4: expected no anchor (&) or alias (*): write it out"),
    "tag": (b"scenario: !!python/object:os.system x\n", "wrong.yaml:1:11: expected no tag (!): text goes in quotes"),
    "two documents": (b"scenario: x\n---\nseed: 1\n", "wrong.yaml:2:1: expected one document, got a second one"),
    "key twice": (b"seed: 1\nseed: 2\n", "wrong.yaml:2:1: seed: expected once, and line 1 has it too"),
    "key that is a list": (b"[1, 2]: x\n", "wrong.yaml:1:1: expected a name or a whole number as key"),
    "deep": (nested(100), "wrong.yaml:1:43: expected at most 32 levels"),
    "half a surrogate": (b'scenario: "\\ud800"\n', "wrong.yaml:1:11: expected text, got half of a surrogate pair"),
    "number without end": (b"seed: " + b"9" * 5000, "wrong.yaml:1:7: expected a number of at most 40 digits"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_no_scenario_at_all_is_refused(refused, tmp_path, kind):
    content, complaint = FILES[kind]
    path = tmp_path / "wrong.yaml"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    (line,) = refused()
    assert line.startswith(complaint)


def test_a_path_without_an_ending_is_told_apart_from_a_name(refused, tmp_path):
    (tmp_path / "wrong.txt").write_text(RIGHT, "utf-8")
    expected = "wrong.txt: expected the name of a shipped scenario, or a file that ends in .yaml"
    assert refused("wrong.txt") == [expected]
    (line,) = refused("house-14-kw")
    assert line == "unknown scenario 'house-14-kw'; did you mean house-14kw?"


@pytest.mark.parametrize("data", [RIGHT.encode("utf-8-sig"), RIGHT.replace("\n", "\r\n").encode()])
def test_a_byte_order_mark_or_windows_lines_change_no_place(refused, tmp_path, data):
    (tmp_path / "wrong.yaml").write_bytes(data.replace(b"seed: 1", b"seed: x").replace(b"scenario:", b"scenaro:"))
    assert refused() == [
        "wrong.yaml:1:1: scenario: expected text, and it is missing",
        "wrong.yaml:1:1: scenaro: unknown field; did you mean scenario?",
        "wrong.yaml:2:7: seed: expected a whole number, got 'x'",
    ]


# -- what is YAML and no scenario --------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        # keys and shapes
        ("seed: 1", "sed: 1", "2:1: sed: unknown field; did you mean seed?"),
        ("start: 2026-01-12 18:00\n", "", "1:1: start: expected a day and a time such as 2026-01-12 18:00, and it is missing"),
        ("world:\n", "world: 3\nworlds:\n", None),
        ("[[18:00, 2 kW]]", "[18:00, 2 kW]", None),
        ("[[18:00, 2 kW]]", "[[18:00]]", "15:18: world.house.load[0]: expected a time and a load, such as [18:00, 2 kW], got a list"),
        ("house_max: 4 A", "house_max: 4 A, max: 3", "6:56: site.connection.max: unknown field; known are max_total_power,"),
        # units and numbers
        ("34 kW", "34", "6:33: site.connection.max_total_power: expected a power with its unit, such as 14.5 kW, got 34"),
        ("34 kW", "34 kA", "6:33: site.connection.max_total_power: expected a power with its unit, such as 14.5 kW, got '34 kA'; units are MW, kW, W"),
        ("34 kW", "34 kw", "6:33: site.connection.max_total_power: expected a power with its unit, such as 14.5 kW, got '34 kw'; did you mean kW?"),
        ("34 kW", "-34 kW", "6:33: site.connection.max_total_power: expected a power with its unit, such as 14.5 kW, and not negative, got '-34 kW'"),
        ("34 kW", "34.0001 kW", "6:33: site.connection.max_total_power: expected a whole number of W, got '34.0001 kW'"),
        ("34 kW", "340 MW", "6:33: site.connection.max_total_power: expected 0 W to 100 MW, got 340 MW"),
        ("34 kW", "99999999999999999999 kW", "6:33: site.connection.max_total_power: expected a power with its unit, such as 14.5 kW, got '99999999999999999999 kW', which is beyond all bounds"),
        ("house_max: 4 A", "house_max: 4 A, voltage: 23 kV", "6:65: site.connection.voltage: expected 100 V to 400 V, got 23 kV"),
        ("house_max: 4 A", "house_max: 999999 A", "6:51: site.connection.house_max: expected 0 A to 100000 A, got 999999 A"),
        ("rating: 50 A", "rating: 0 A", "6:71: site.connection.fuse.rating: expected a fuse of more than 0 A"),
        ("curve: SLS-E", "curve: sls", "6:84: site.connection.fuse.curve: expected gG, SLS-E, SLS-Cs, B or C, got 'sls'; did you mean SLS-E?"),
        ("34 kW", "34,5 kW", None),
        ("for: 10 min", "for: 10", "4:6: for: expected a duration with its unit, such as 3 min, got 10"),
        ("for: 10 min", "for: 0 s", "4:6: for: expected a time of more than nothing and at most 31 d"),
        ("for: 10 min", "for: 32 d", "4:6: for: expected a time of more than nothing and at most 31 d"),
        ("seed: 1", "seed: -1", "2:7: seed: expected at least 0, got -1"),
        ("seed: 1", "seed: 1.5", "2:7: seed: expected a whole number, got 1.5"),
        ("seed: 1", "seed: 9223372036854775808", "2:7: seed: expected at most 9223372036854775807, got 9223372036854775808"),
        # devices, ids, ports and addresses
        ("device: power-brain, at", "device: power-brian, at", "9:30: site.evses[1].device: no datasheet is called 'power-brian'; did you mean power-brain?"),
        ("device: power-brain, at", "device: eastron-sdm630, at", "9:30: site.evses[1].device: expected an EVSE, and eastron-sdm630 is not one"),
        ("id: 2, failsafe", "id: 1, failsafe", "11:68: site.evses[3].id: yard has id 1 at COM1 already; 2 is free there"),
        ("id: 20}", "id: 2}", "11:68: site.evses[3].id: the meter of yard has id 2 at COM1 already; 3 is free there"),
        ("id: 2, failsafe", "id: 248, failsafe", "11:68: site.evses[3].id: expected at most 247 on a serial line, got 248"),
        ("id: 2, failsafe", "id: 0, failsafe", "11:68: site.evses[3].id: expected at least 1, got 0"),
        ("192.168.2.151:4701", "localhost:4701", "9:69: site.evses[1].id: internal has id 1 at localhost:4701 already; 2 is free there"),
        ('COM1,9600,8,n,1", id: 2', 'COM1,19200,8,n,1", id: 2', "11:45: site.evses[3].at: COM1 has one set of parameters, and yard has COM1,9600,8,n,1"),
        ('COM1,9600,8,n,1", id: 2', 'COM1,9600,8,n,1,ascii", id: 2', "11:28: site.evses[3].device: power-brain cannot be reached by ASCII, only by tcp, rtu"),
        ('device: power-brain, at: "COM1,9600,8,n,1", id: 2', 'device: abl-emh1, at: "COM1,9600,8,n,1", id: 2', "11:42: site.evses[3].at: a line speaks either Modbus RTU or Modbus ASCII: abl-emh1 (barn) speaks ASCII, and power-brain (yard) on COM1 speaks RTU; it needs a line of its own"),
        ("192.168.2.151:4701", "192.168.2.151", f"9:47: site.evses[1].at: {WALL}, got '192.168.2.151'"),
        ("192.168.2.151:4701", "999.168.2.152:4701", f"9:47: site.evses[1].at: {WALL}, with four numbers from 0 to 255 before the port, got '999.168.2.152:4701'"),
        ("192.168.2.151:4701", "192.168.2.151:70000", f"9:47: site.evses[1].at: {WALL}, with a port from 1 to 65535, got '192.168.2.151:70000'"),
        ("COM1,9600,8,n,1", "COM1,9600,8,x,1", f"10:45: site.evses[2].at: {WALL}, got 'COM1,9600,8,x,1'"),
        ('"COM1,9600,8,n,1", id: 2', "COM1,9600,8,n,1, id: 2", None),
        ("name: barn", "name: garage", "11:14: site.evses[3].name: expected a name of its own, garage is one of the evses"),
        ("name: barn", "name: Barn", "11:14: site.evses[3].name: expected a name of lower-case letters, digits, - and _, such as garage-2, got 'Barn'"),
        ('at: "192.168.2.151:4701", ', "", "9:7: site.evses[1]: expected an address (at), since the internal EVSE stands above already"),
        ("role: grid supply", "role: grid", "13:82: site.meters[0].role: expected grid supply, consumption, generation, consumption of cars or display, got 'grid'"),
        # phases and times
        ("L1 L2 L3", "L1 L2 L4", "8:53: site.evses[0].phases: expected one to three different phases, such as L1 L2 L3, got 'L1 L2 L4'"),
        ("L1 L2 L3", "L1 L1", "8:53: site.evses[0].phases: expected one to three different phases, such as L1 L2 L3, got 'L1 L1'"),
        ("L1 L2 L3", "3", "8:53: site.evses[0].phases: expected one to three different phases, such as L1 L2 L3, got 3"),
        ("start: 2026-01-12 18:00", "start: 12.1.2026 18:00", "3:8: start: expected a day and a time such as 2026-01-12 18:00, got '12.1.2026 18:00'"),
        ("start: 2026-01-12 18:00", "start: 2026-02-30 18:00", "3:8: start: expected a day and a time such as 2026-01-12 18:00, got '2026-02-30 18:00'"),
        ("at: 18:01", "at: 6 pm", "17:46: world.cars[0].at: expected a time such as 18:12 or 18:12:05, got '6 pm'"),
        ("at: 18:01", "at: 24:00", "17:46: world.cars[0].at: expected a time between 00:00:00 and 23:59:59, got 24:00"),
        ("at: 18:01", "at: 17:59", "17:46: world.cars[0].at: expected a time within the run, from 18:00:00 to 18:10:00"),
        ("leaves: 18:05", "leaves: 18:01", "17:91: world.cars[0].leaves: expected a later time than the one at which the car plugs in"),
        # cars
        ("tesla-model-3-lr", "tesla-modell-3-lr", "17:13: world.cars[0].car: unknown car 'tesla-modell-3-lr'; did you mean tesla-model-3-lr? (chargebench cars list shows all)"),
        ("tesla-model-3-lr", "tesla-model-3", "17:13: world.cars[0].car: 'tesla-model-3' may be several cars: tesla-model-3-lr, tesla-model-3-performance, tesla-model-3-sr"),
        ("phases: 1, power", "phases: 4, power", "18:22: world.cars[1].car.phases: expected 1, 2 or 3, got 4"),
        ("plugs: yard", "plugs: jard", "18:69: world.cars[1].plugs: unknown box 'jard'; did you mean yard?"),
        ("plugs: yard", "plugs: garage", "18:69: world.cars[1].plugs: expected a box that is free, and tesla is still plugged in at garage"),
        ("as: leaf", "as: tesla", "18:7: world.cars[1]: expected a name of its own (as: …), and there is another car tesla"),
        ("wants: 3 kWh", "wants: 3 kWh, delay: 1 h", "18:96: world.cars[1].delay: expected 0 s to 5 min, got 1 h"),
        # faults and expectations
        ("fault: silence", "fault: silent", "20:36: faults[0].fault: unknown fault 'silent'; did you mean silence?"),
        ("on: garage", "on: master", "20:21: faults[0].on: expected a box or a meter for silence, got 'master'; known are"),
        ("always: {", "allways: {", "22:5: expect[0]: expected one of always, never, within, finally, and a law; did you mean always?"),
        ("{fuse: cannot", "{fuze: cannot", "22:14: expect[0].always.fuze: unknown law; did you mean fuse?; the laws are fuse,"),
        ("car: tesla, ch", "car: leef, ch", "23:45: expect[1].within.car: unknown car 'leef'; did you mean leaf?"),
        ("time: 30 s", "time: 30 min", "23:34: expect[1].within.time: expected a deadline within the run, which ends at 18:10:00"),
        # other files
        ("  cars:\n", "  sessions: {file: nowhere.csv}\n  cars:\n", "nowhere.csv: cannot be read: No such file or directory"),
    ],
)  # fmt: skip
def test_each_kind_of_mistake_is_said_with_its_place_and_what_was_expected(refused, tmp_path, old, new, complaint):
    (tmp_path / "wrong.yaml").write_text(spoil(old, new), "utf-8")
    found = refused()
    if complaint is None:
        assert [line.split(": ", 1)[0] for line in found] == PLACES[new]
        return
    where = complaint if complaint.startswith("nowhere") else f"wrong.yaml:{complaint}"
    assert len(found) == 1, found
    assert found[0].startswith(where)


PLACES = {
    "world: 3\nworlds:\n": ["wrong.yaml:14:8", "wrong.yaml:15:1"],
    "[18:00, 2 kW]": ["wrong.yaml:15:18", "wrong.yaml:15:25"],
    "34,5 kW": ["wrong.yaml:6:33", "wrong.yaml:6:36"],
    "COM1,9600,8,n,1, id: 2": [f"wrong.yaml:11:{column}" for column in (45, 50, 55, 57, 59)],
}
"""Of mistakes that are more than one: where each is told."""


def test_a_comma_in_text_without_quotes_is_told_as_what_it_is(refused, tmp_path):
    (tmp_path / "wrong.yaml").write_text(spoil('"COM1,9600,8,n,1", id: 2', "COM1,9600,8,n,1, id: 2"), "utf-8")
    first, *rest = refused()
    assert first.endswith(f"site.evses[3].at: {WALL}, got 'COM1'")
    assert [line.split(": ", 2)[2] for line in rest] == [COMMA] * 4
    (tmp_path / "wrong.yaml").write_text(spoil("id: 2, failsafe", "id: 2, naem: x, failsafe"), "utf-8")
    (line,) = refused()
    assert line.endswith("site.evses[3].naem: unknown field; did you mean name?")
    (tmp_path / "wrong.yaml").write_text(spoil("id: 2, failsafe", "id: 2, colour: red, failsafe"), "utf-8")
    (line,) = refused()
    assert line.endswith(f"site.evses[3].colour: unknown field; known are {BOX_FIELDS}")


# -- more than one mistake, more than one file --------------------------------------------------


def test_a_26th_slave_is_refused(refused, tmp_path):
    more = "".join(f'    - {{name: s{k}, device: power-brain, at: "10.0.0.{k}:4701"}}\n' for k in range(1, 24))
    (tmp_path / "wrong.yaml").write_text(spoil("  meters:\n", f"{more}  meters:\n"), "utf-8")
    assert refused() == ["wrong.yaml:34:7: site.evses[26]: expected at most 25 slave EVSEs, this is one more"]


SIX_OF_FORM = [
    ("seed: 1", "seed: one"),
    ("for: 10 min", "for: 10"),
    ("34 kW", "34"),
    ("phases: L1 L2 L3", "phases: L4"),
    ("id: 20}", "id: 256}"),
    ("wants: 3 kWh", "wants: 3"),
]
SIX_OF_WORLD = [
    ("tesla-model-3-lr", "tesla"),
    ("plugs: yard", "plugs: jard"),
    ("[[18:00, 2 kW]]", "[[18:00, 2 kW], [18:00, 3 kW]]"),
    ("on: garage", "on: garag"),
    ("fuse: cannot trip", "fuse: never trips"),
    ("car: tesla, ch", "car: tesle, ch"),
]


@pytest.mark.parametrize("six", [SIX_OF_FORM, SIX_OF_WORLD], ids=["form", "world"])
def test_a_file_with_six_mistakes_reports_six_in_its_order(refused, tmp_path, six):
    text = RIGHT
    for old, new in six:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (tmp_path / "wrong.yaml").write_text(text, "utf-8")
    found = refused()
    places = [tuple(map(int, re.findall(r":(\d+):(\d+): ", line)[0])) for line in found]
    assert len(places) == 6, found
    assert places == sorted(places)
    assert [line.replace(" error:", "") for line in refused(verb="check")] == found


def test_mistakes_in_three_files_come_at_once_each_under_the_name_of_its_file(refused, tmp_path):
    start, end = RIGHT.index("site:\n"), RIGHT.index("world:\n")
    site = "\n".join(line[2:] for line in RIGHT[start:end].splitlines()[1:]) + "\n"
    (tmp_path / "home.yaml").write_text(site, "utf-8")
    (tmp_path / "day.csv").write_text("session,arrival,departure,requested_kwh\n1,today,tomorrow,all\n", "utf-8")
    text = (
        RIGHT[:start] + "site: home.yaml\n" + RIGHT[end:].replace("  cars:\n", "  sessions: {file: day.csv}\n  cars:\n")
    )
    (tmp_path / "wrong.yaml").write_text(text.replace("plugs: yard", "plugs: jard"), "utf-8")
    assert [line.split(": ")[0] for line in refused()] == [
        "day.csv:2:3",
        "day.csv:2:9",
        "day.csv:2:18",
        "wrong.yaml:11:69",
    ]
    (tmp_path / "home.yaml").write_text(site.replace("id: 2,", "idd: 2,"), "utf-8")
    assert [line.split(": ")[0] for line in refused()] == ["home.yaml:6:62"]
