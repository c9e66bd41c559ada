"""Access points and readers of a world: read from a file, refused with a sentence where they cannot be, judged by check."""

from __future__ import annotations

import pytest

from chargebench.datasheets.errors import Complaint
from chargebench.emulator.spec import AccessPoint, FaultSpec, ReaderSpec
from chargebench.scenarios.check import check_scenario
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run
from tests.scenarios.files import SMALL, put, spoiled

S = 1_000_000
LINE = '    - {name: yard, device: power-brain, at: "COM1,9600,8,n,1"}\n'


def world_with(folder, more, faults=""):
    text = spoiled("world:\n", f"{LINE}world:\n{more}")
    return read_scenario(put(folder, text.replace("expect:\n", f"{faults}expect:\n")))


def test_an_access_point_has_boxes_and_a_fault_may_be_on_it(tmp_path):
    faults = "faults:\n  - {at: 18:01, on: hall, fault: access point lost, for: 30 s, way: requests}\n"
    world = world_with(tmp_path, "  access_points: {hall: [garage]}\n", faults).world
    assert world.access_points == (AccessPoint("hall", ("garage",)),)
    fault = FaultSpec("access point lost", "hall", 60 * S, 30 * S, params=(("way", "requests"),))
    assert world.faults == (fault,)


def test_a_fault_may_be_on_a_list(tmp_path):
    world = world_with(tmp_path, "", "faults:\n  - {at: 18:01, on: [garage, yard], fault: silence}\n").world
    assert world.faults == (FaultSpec("silence", "garage", 60 * S, also=("yard",)),)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("{hall: [garag]}", "access_points.hall[0]: unknown box or meter 'garag'; did you mean garage?"),
        ("{hall: [garage, garage]}", "access_points.hall[1]: expected each name once, and garage stands there twice"),
        ("{hall: [yard]}", "access_points.hall[0]: expected a box or a meter on the network, and yard is on a line"),
        (
            "{hall: [internal]}",
            "access_points.hall[0]: expected a box or a meter on the network, and internal is in the",
        ),
        (
            "{garage: [garage]}",
            "access_points.garage: expected a name of its own, and there is a box or a meter garage",
        ),
        ("{hall: []}", "access_points.hall: "),
        ("{Hall: [garage]}", "expected a name of lower-case letters"),
    ],
)
def test_an_access_point_that_cannot_be_is_refused_with_its_place(tmp_path, more, complaint):
    with pytest.raises(Complaint) as caught:
        world_with(tmp_path, f"  access_points: {more}\n")
    assert complaint in str(caught.value)
    assert "small.yaml:12:" in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("on: [garage, garag], fault: silence", "on[1]: expected a box or a meter for silence, got 'garag'"),
        ("on: [garage, garage], fault: silence", "on[1]: expected each name once, and garage stands there twice"),
        ("on: [], fault: silence", "on: expected what it is on, such as a box, or a list such as [garage, yard]"),
        ("on: 7, fault: silence", "on: expected what it is on, such as a box"),
        (
            "on: yard, fault: access point lost",
            "on: expected something that access point lost can be on, and yard is on",
        ),
        ("on: hal, fault: access point lost", "expected an access point or a box or a meter for access point lost"),
        ("on: garage, fault: access point lost, way: up", "way: expected both, requests or answers, got 'up'"),
        ("on: garage, fault: blackout", "on: expected a connection for blackout, got 'garage'"),
        ("on: connection, fault: blackout, master_boot: 3 s", "master_boot: unknown field; did you mean master_boots?"),
    ],
)
def test_a_fault_that_cannot_be_there_is_refused_with_its_place(tmp_path, fault, complaint):
    with pytest.raises(Complaint) as caught:
        world_with(tmp_path, "", f"faults:\n  - {{at: 18:01, {fault}}}\n")
    (line,) = str(caught.value).splitlines()
    assert complaint in line
    assert "faults[0]." in line
    assert "small.yaml:16:" in line


@pytest.mark.parametrize(
    ("written", "spec"),
    [
        ("", ("holding", 8000, 2)),
        (", register: charge_pilot_state", ("holding", 8092, 1)),
        (", register: charge_pilot_state, words: 4", ("holding", 8092, 4)),
    ],
)
def test_a_reader_reads_from_a_register_on_so_many_words(tmp_path, written, spec):
    world = world_with(tmp_path, f"  readers: [{{name: monitor, reads: garage, every: 10 s{written}}}]\n").world
    (reader,) = world.readers
    assert reader == ReaderSpec("monitor", "garage", 10 * S, *spec)


@pytest.mark.parametrize(
    ("reader", "complaint"),
    [
        ("{name: monitor, reads: garag, every: 10 s}", "readers[0].reads: unknown box 'garag'; did you mean garage?"),
        (
            "{name: monitor, reads: yard, every: 10 s}",
            "readers[0].reads: expected a box on the network, and yard is on a",
        ),
        ("{name: monitor, reads: garage, every: 10 ms}", "readers[0].every: expected at least 0.1 s"),
        ("{name: monitor, reads: garage}", "readers[0].every: "),
        ("{name: monitor, reads: garage, every: 10 s, register: energie}", "readers[0].register: unknown register"),
        (
            "{name: monitor, reads: garage, every: 10 s, register: charge_pilot_state, words: 120}",
            "readers[0].words: expected at most 30 words from charge_pilot_state on, got 120",
        ),
        ("{name: monitor, reads: garage, every: 10 s, words: 126}", "readers[0].words: "),
        (
            "{name: monitor, reads: garage, every: 10 s}, {name: monitor, reads: internal, every: 10 s}",
            "readers[1].name: expected a name of its own, and there is another reader monitor",
        ),
    ],
)
def test_a_reader_that_cannot_be_is_refused_with_its_place(tmp_path, reader, complaint):
    with pytest.raises(Complaint) as caught:
        world_with(tmp_path, f"  readers: [{reader}]\n")
    assert complaint in str(caught.value)
    assert "small.yaml:12:" in str(caught.value)


# -- check -----------------------------------------------------------------------------------------------------------

SITE = """\
  connection: {{max_total_power: 34 kW, house_max: {house}, fuse: {{rating: 50 A, curve: SLS-E}}}}
  evses:
    - {{name: internal, device: power-brain, failsafe: {{after: 180 s, current: 6 A}}, boot: {{enable: off}}}}
    - {{name: garage, device: power-brain, at: "192.168.2.151:4701", failsafe: {{after: 180 s, current: {current}}}, boot: {{enable: off}}}}
    - {{name: yard, device: power-brain, at: "192.168.2.152:4701", failsafe: {{after: 180 s, current: 6 A}}, boot: {{enable: off}}}}
"""


def found_on_readers(folder, house, current, readers):
    head, tail = SMALL.split("  connection:")
    body = (
        tail[tail.index("world:\n") :].replace("world:\n", f"world:\n  readers: [{readers}]\n").replace("2 kW", "1 A")
    )
    scenario = read_scenario(put(folder, head + SITE.format(house=house, current=current) + body))
    found = check_scenario(scenario)
    return [(one.severity, one.sentence) for one in found if one.field.startswith("world.readers")]


MONITOR = "{name: monitor, reads: garage, every: 10 s}"


def test_a_reader_that_keeps_too_much_alive_is_a_danger_with_its_sum(tmp_path):
    ((severity, sentence),) = found_on_readers(tmp_path, "22 A", "6 A", MONITOR)
    assert severity == "danger"
    assert sentence == (
        "monitor reads garage every 10 s, which feeds its watchdog: its failsafe never holds, and with a dead master "
        "up to 50 A can flow on L1 (boxes 28 A, the house 22 A), and the limit is 49.2 A"
    )


def test_a_reader_is_a_danger_too_where_only_a_lost_way_would_show_it(tmp_path):
    ((severity, sentence),) = found_on_readers(tmp_path, "14 A", "6 A", MONITOR)
    assert severity == "danger"
    assert sentence.endswith("; when the master loses the way to it, up to 10 A more than is counted can flow there")


@pytest.mark.parametrize(("house", "current"), [("1 A", "6 A"), ("14 A", "16 A")])
def test_a_reader_that_changes_nothing_is_a_note(tmp_path, house, current):
    """Everything fits at its maximum; or the failsafe current is the maximum."""
    ((severity, sentence),) = found_on_readers(tmp_path, house, current, MONITOR)
    assert (severity, sentence.endswith("its failsafe never holds")) == ("note", True)


def test_a_reader_of_a_device_that_is_unknown_is_not_judged(tmp_path):
    text = spoiled("world:\n", f"world:\n  readers: [{MONITOR}]\n")
    text = text.replace("name: garage, device: power-brain", "name: garage, device: power-brine")
    found = check_scenario(read_scenario(put(tmp_path, text)))
    assert [one.severity for one in found if "power-brine" in one.sentence] == ["error"]
    assert not any("monitor" in one.sentence for one in found)


def test_nothing_hangs_on_a_failsafe_where_nothing_is_written(tmp_path):
    text = spoiled("site:\n", "site:\n  load_management: observation\n")
    text = text.replace("world:\n", f"world:\n  readers: [{MONITOR}]\n")
    found = check_scenario(read_scenario(put(tmp_path, text)))
    assert not any("monitor" in one.sentence for one in found)


def test_each_reader_is_told_of_and_no_reader_of_nobody(tmp_path):
    two = f"{MONITOR}, {{name: proxy, reads: yard, every: 1 s}}"
    assert [severity for severity, _ in found_on_readers(tmp_path, "14 A", "6 A", two)] == ["danger", "danger"]
    assert found_on_readers(tmp_path, "14 A", "6 A", "") == []


# -- run -------------------------------------------------------------------------------------------------------------


def test_a_reader_in_a_run_is_told_traced_and_repeats(tmp_path):
    reader = "{name: monitor, reads: garage, every: 10 s}"
    scenario = world_with(tmp_path, f"  readers: [{reader}]\n")
    one, two = run(scenario), run(scenario)
    assert one.hash == two.hash
    assert "18:00:00  monitor reads garage every 10 s, beside the master" in one.story
    records = [count for name, count, _ in one.channels if name.startswith("tcp monitor>192.168.2.151:4701")]
    assert sum(records) >= 2 * 60  # a request and an answer every 10 s for 10 min
    assert run(world_with(tmp_path, "")).hash != one.hash
