"""A run as a capture: everything that was on the buses, when it was there, and what happened meanwhile."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.emulator.adu import MbapSplitter, pack_rtu, unpack_rtu
from chargebench.emulator.clock import SimLoop
from chargebench.emulator.wires.rs485 import Line
from chargebench.manager.proxy.config import Captured
from chargebench.manager.proxy.pcapng import BAD_CRC, IN, OUT
from chargebench.scenarios.capture import RunCapture
from chargebench.scenarios.capture_file import captured as captured_in
from chargebench.scenarios.capture_file import refuse_capture
from chargebench.scenarios.cli import chargebench
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.result import Result
from chargebench.scenarios.run import run
from chargebench.scenarios.tiers import Tier
from chargebench.scenarios.verbs_proxy import Wish, config_of
from tests.pcapng import RAW_IP, UPPER_PDU, File, read, streams
from tests.scenarios.captured import BUSES, captured
from tests.scenarios.files import put
from tests.scenarios.test_cli_proxy import LINE

START_US = round(datetime(2026, 1, 12, 18, tzinfo=UTC).timestamp() * 1e6)
MASTER, GARAGE = bytes((198, 18, 0, 1)), bytes((192, 168, 2, 151))
SHARED_ID = """\
scenario: two boxes with one id
start: 2026-01-12 18:00
for: 6 s
site:
  connection: {max_total_power: 34 kW, house_max: 14 A, fuse: {rating: 50 A, curve: SLS-E}}
  evses:
    - {name: first, device: power-brain, at: "COM1,9600,8,n,1", id: 1}
    - {name: second, device: power-brain, at: "COM1,9600,8,n,1", id: 2}
world:
  boxes: {second: {id: 1}}
expect: [always: {fuse: cannot trip}]
"""


class Run(NamedTuple):
    result: Result
    data: bytes
    file: File


@pytest.fixture(scope="module")
def buses(tmp_path_factory: pytest.TempPathFactory) -> Run:
    result, data = captured(tmp_path_factory.mktemp("buses"))
    return Run(result, data, read(data))


def test_a_capture_follows_from_the_scenario_and_changes_nothing_in_its_run(buses: Run, tmp_path: Path):
    result, data = captured(tmp_path)
    assert hashlib.sha256(data).hexdigest() == hashlib.sha256(buses.data).hexdigest()
    alone = run(read_scenario(put(tmp_path, BUSES)))
    assert alone.hash == result.hash == buses.result.hash
    assert alone.story == buses.result.story


def test_every_bus_has_an_interface_and_packets_stand_in_the_order_of_time_within_the_run(buses: Run):
    assert [(one.name, one.link) for one in buses.file.interfaces] == [
        ("COM1", UPPER_PDU),
        ("COM2", UPPER_PDU),
        ("192.168.2.151:4701", RAW_IP),
        ("192.168.2.152:4701", RAW_IP),
        ("told", UPPER_PDU),
    ]
    times = [one.at_us for one in buses.file.packets]
    assert times == sorted(times)
    assert (times[0], times[-1] <= START_US + 60_000_000) == (START_US, True)


def test_every_frame_of_a_line_is_there_whole(buses: Run):
    records = {name: count for name, count, _ in buses.result.channels}
    for line, slaves in (("COM1", {1, 2, 101}), ("COM2", {1})):
        packets = buses.file.of(line)
        assert 2 * len(packets) == records[line]  # the trace holds the beginning and the end of each
        for one in packets:
            adu = unpack_rtu(one.frame)
            assert adu is not None
            assert adu.unit in slaves
            slave = one.tags[21] if one.tags[20] == MASTER else one.tags[20]
            assert buses.file.names[slave] == f"{line}/{adu.unit}"


def test_a_line_in_ascii_mode_shows_its_characters(buses: Run):
    first = next(one for one in buses.file.of("COM2") if one.comments)
    characters = next(text for text in first.comments if text.startswith("in ASCII mode: :"))
    assert bytes.fromhex(characters.removeprefix("in ASCII mode: :"))[:-1] == first.frame[:-2]


def test_connections_carry_whole_messages_and_each_answer_has_a_request(buses: Run):
    found = streams([one.data for one in buses.file.of("192.168.2.151:4701")])
    answered = {way: _messages(data) for way, data in found.items() if way[0][0] == GARAGE}
    assert sum(map(len, answered.values())) > 15
    for (server, client), answers in answered.items():
        requests = _messages(found[client, server])
        assert answers == requests[: len(answers)]


def _messages(data: bytes) -> list[tuple[int | None, int, int]]:
    """Transaction, unit and function of each message."""
    splitter = MbapSplitter()
    found: list[tuple[int | None, int, int]] = []
    splitter.feed(data)
    while (adu := splitter.take()) is not None:
        found.append((adu.transaction, adu.unit, adu.pdu[0]))
    assert not splitter.held
    return found


@pytest.mark.parametrize(
    "told",
    [
        "18:00:05 tesla plugs in at garage and wants 20.0 kWh",
        "18:00:09 the master sets garage to 16 A (cycle 3)",
        "18:00:20 fault: silence on barn, carport",
        "18:00:40 fault over: silence on barn, carport",
    ],
)
def test_steps_faults_and_commands_are_comments_of_the_next_packet(buses: Run, told: str):
    ((before, one),) = [pair for pair in pairwise(buses.file.packets) if told in pair[1].comments]
    at_us = START_US + int(told[6:8]) * 1_000_000
    assert before.at_us < at_us <= one.at_us


def test_what_two_slaves_say_at_once_is_marked(tmp_path: Path):
    _, data = captured(tmp_path, SHARED_ID)
    garbled = [one for one in read(data).of("COM1") if one.flags & BAD_CRC]
    assert garbled
    assert all(one.comments[-2:] == ("wrong CRC", "collision of first and second") for one in garbled)


def test_who_begins_as_another_ends_and_who_is_heard_by_nobody_are_told_apart(tmp_path: Path):
    blocks: list[bytes] = []

    def keep(block: bytes, must: bool) -> bool:  # noqa: ARG001 all of it is kept
        blocks.append(block)
        return True

    capture = RunCapture(read_scenario(put(tmp_path, SHARED_ID)), keep)
    loop = SimLoop()
    capture.begin({"COM1": Line(loop, "COM1")}, frozenset(("first",)))
    long, short = pack_rtu(1, b"\x03\x1f\x9c\0\2"), pack_rtu(1, b"\x03\2\0\7")
    for at_us, kind, data in (
        (1, "tx port", short),  # its wire is cut
        (2, "tx port", long[:3]),
        (2, "tx port", long[3:]),
        (9, "tx first", short),
        (9, "rx", long),
        (15, "rx", short),
    ):
        capture.record("COM1", at_us, kind, data)
    capture.end()
    capture.record("COM1", 16, "rx", short)
    loop.close()
    found = [(one.at_us - START_US, one.frame, one.flags) for one in read(b"".join(blocks)).packets]
    assert found == [(9, long, OUT), (15, short, IN)]


def test_a_capture_is_refused_where_no_bytes_are_made_or_several_runs_would_share_it():
    tiers: tuple[Tier, ...] = ("register", "leap")
    for tier in tiers:
        with pytest.raises(BadInput, match=f"--pcap: expected --tier wire with it: at {tier} the bytes"):
            refuse_capture(tier, 1)
    with pytest.raises(BadInput, match=r"--pcap: expected one scenario with it, .*, got 2"):
        refuse_capture("wire", 2)
    refuse_capture("wire", 1)


def test_run_with_pcap_writes_the_same_file(buses: Run, tmp_path: Path):
    path, out = tmp_path / "all.pcapng", tmp_path / "run"
    words = ["run", str(put(tmp_path, BUSES)), "--pcap", str(path), "--out", str(out)]
    done = CliRunner().invoke(chargebench, words, standalone_mode=False)
    assert done.return_value == 0, done.output
    assert f"captured  {path}" in done.output
    assert path.read_bytes() == buses.data


def test_a_disk_that_is_full_ends_a_run_with_a_sentence(tmp_path: Path):
    scenario = read_scenario(put(tmp_path, SHARED_ID))
    full = pytest.raises(CannotOpen, match="/dev/full: cannot be written: No space left on device")
    with full, captured_in(scenario, Path("/dev/full")) as capture:
        run(scenario, capture=capture)
    with captured_in(scenario, None) as capture:
        assert capture is None


def test_a_proxy_is_told_where_to_capture_and_how_large_a_piece_gets():
    wish = Wish((LINE,), (), (), (), False, None, None, False, 1, 64, None, True, pcap="line.pcapng", pcap_mb=2)
    assert config_of(wish).captured == Captured("line.pcapng", 2_000_000)
    assert config_of(replace(wish, pcap=None)).captured is None
