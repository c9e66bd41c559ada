"""Every box that can be emulated keeps every clause of behaviour that applies to it; which apply is a table that is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.datasheets.codec import encode
from chargebench.datasheets.load import load
from chargebench.emulator.slave import Slave
from chargebench.scenarios.clauses.asking import written
from chargebench.scenarios.clauses.catalogue import BEHAVIOUR, check_all, clause
from chargebench.scenarios.clauses.direct import BOX, LoneBox, PduEnd, at_once, spec_of
from chargebench.scenarios.clauses.end import End, read, write
from chargebench.scenarios.clauses.hostile import drawn_forms, is_malformed, malformed
from chargebench.scenarios.clauses.line_wire import SimulatedLine
from chargebench.scenarios.clauses.model import Target
from chargebench.scenarios.clauses.subject import Subject
from chargebench.scenarios.clauses.tcp_wire import StreamWire
from chargebench.scenarios.clauses.wires import Clock
from tests.clauses.behaviour import BOXES, GOLDEN, MORE, block, golden, lone, outcomes
from tests.clauses.ends import POOR, on_line, over_tcp

ROWS = [*BOXES, *MORE]


def broken(found):
    return {id_: one for id_, one in found.items() if one.verdict == "broken"}


@pytest.mark.parametrize("row", ROWS)
def test_it_keeps_every_clause_that_applies_and_those_that_do_not_are_in_the_table(row):
    one = lone(row)
    found = outcomes(one)
    assert broken(found) == {}
    assert block(row, found) == golden()[row], f"{GOLDEN.name} is written anew by python -m tests.clauses.behaviour"
    assert one.world.devices[BOX].early_writes == 0, "a check itself keeps the times that the box wants"


def test_the_table_has_all_boxes_and_no_other():
    assert [*golden()] == ROWS


@pytest.mark.parametrize("row", ["power-brain", "mennekes-compact", "smartevse"])
def test_a_clause_leaves_the_box_so_that_any_other_may_follow(row):
    there, back = outcomes(lone(row)), outcomes(lone(row), BEHAVIOUR[::-1])
    assert {id_: one.verdict for id_, one in there.items()} == {id_: one.verdict for id_, one in back.items()}


@pytest.mark.parametrize("row", ["power-brain", "vestel-evc04", "heidelberg-energy-control"])
def test_a_box_is_left_with_its_settings_and_without_a_car(row):
    one = lone(row)
    box = one.world.boxes[BOX]
    before = (box.idle.after_us, box.failsafe_ma)
    for id_ in ("B01", "B19", "B23"):
        outcomes(one, (clause(id_),))
        assert (box.idle.after_us, box.failsafe_ma) == before
        assert box.car is None


@pytest.mark.parametrize(
    "device", ["alfen-eve", "em2go-home", "keba-p30", "mennekes-compact", "openwb-series2", "smartevse", "vestel-evc04"]
)
def test_the_same_holds_for_a_box_whose_failsafe_overwrites_its_limit(device):
    sheet = load(device)
    one = LoneBox(sheet, replace(spec_of(sheet), profile="overwrite"))
    found = outcomes(one, tuple(one for one in BEHAVIOUR if "B17" <= one.id <= "B31" or one.id == "B35"))
    assert broken(found) == {}
    assert sum(one.verdict == "kept" for one in found.values()) >= 6


def test_clauses_that_set_nothing_wear_nothing():
    one = lone("power-brain")
    outcomes(one, tuple(map(clause, ("B01", "B12", "B15", "B33", "B36"))))
    assert one.world.devices[BOX].flash_writes == 0


def test_each_clause_applies_to_some_box():
    missing = {one.id for one in BEHAVIOUR}
    for lines in golden().values():
        missing &= {line.split()[0] for line in lines.splitlines()[1:]}
    assert missing == set()


# -- what is not there -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id_", "device", "without", "reason"),
    [
        ("B01", "power-brain", {"car": None}, "nobody here can plug a car in"),
        ("B15", "power-brain", {"car": None}, "nobody here can plug a car in"),
        ("B16", "power-brain", {"car": None}, "nobody here can plug a car in"),
        ("B02", "power-brain", {"drawn": None}, "nothing here measures what is drawn"),
        ("B19", "power-brain", {"drawn": None}, "nothing here measures what is drawn"),
        ("B33", "power-brain", {"drawn": None}, "nothing here measures what is drawn"),
        ("B40", "power-brain", {"restart": None}, "nobody here can take its power away"),
        ("B41", "power-brain", {"restart": None}, "nobody here can take its power away"),
        ("B42", "power-brain", {"wear": None}, "nothing here counts what wears its flash"),
        ("B43", "power-brain", {"wear": None}, "nothing here counts what wears its flash"),
        ("B17", "abb-terra-ac", {"failsafe_us": None}, "nobody tells after which time it falls back"),
        ("B19", "abb-terra-ac", {"failsafe_ma": None}, "the datasheet does not tell what it does without its master"),
        ("B17", "abb-terra-ac", {"failsafe_ma": None}, "nobody tells what it falls back to"),
        ("B40", "abb-terra-ac", {"boot_ma": None}, "nobody tells which limit it starts with"),
    ],
)
def test_what_a_bench_lacks_is_told(id_, device, without, reason):
    one = lone(device)
    one.bench = replace(one.bench, **without)
    got = outcomes(one, (clause(id_),))[id_]
    assert (got.verdict, got.reason) == ("not applicable", reason)


def test_patterns_and_settings_are_checked_without_a_car_or_a_meter():
    one = lone("power-brain")
    one.bench = replace(one.bench, car=None, drawn=None, restart=None, wear=None)
    found = outcomes(one)
    assert {id_ for id_, got in found.items() if got.verdict == "kept"} == {"B08", "B23", "B36", "B37"}
    assert broken(found) == {}


def test_without_a_datasheet_none_applies():
    found = {}

    async def run(end: End) -> None:
        found.update(await check_all(end, BEHAVIOUR))

    over_tcp(Slave({1: lone("power-brain").world.devices[BOX]}), POOR, run)
    assert {one.reason for one in found.values()} == {"no datasheet of a box is told"}


# -- on wires --------------------------------------------------------------------------------------------------------

ON_WIRES = tuple(one for one in BEHAVIOUR if one.id in {"B02", "B15", "B16", "B17", "B21", "B33", "B36"})


class Present:
    """The time of a wire that is not there yet when the world is made."""

    def __init__(self):
        self.wire: Clock | None = None

    def now_us(self) -> int:
        return 0 if self.wire is None else self.wire.now_us()

    async def pause(self, us: int) -> None:
        assert self.wire is not None
        await self.wire.pause(us)


@pytest.mark.parametrize("device", ["alfen-eve", "openwb-series2", "power-brain"])
def test_the_same_holds_over_tcp(device):
    clock, found = Present(), {}
    one = LoneBox(load(device), clock=clock)

    async def run(end: End) -> None:
        clock.wire = StreamWire("192.168.2.151", 4701)
        end = End(replace(end.target, unit=one.spec.unit), tcp=clock.wire, bench=one.bench)
        found.update(await check_all(end, ON_WIRES))
        await end.start_afresh()

    over_tcp(one.slave, Target((*one.bench.sheet.reads, *one.bench.sheet.writes)), run)
    assert {id_: got for id_, got in found.items() if got.verdict != "kept"} == {}


@pytest.mark.parametrize("device", ["heidelberg-energy-control", "mennekes-compact"])
def test_the_same_holds_on_a_line(device):
    clock, found = Present(), {}
    one = LoneBox(load(device), clock=clock)
    baud, bits, parity, stops = one.bench.sheet.serial.split(",")

    async def run(end: End) -> None:
        assert isinstance(end.line, SimulatedLine)
        clock.wire = end.line
        end = End(replace(end.target, unit=one.spec.unit), line=end.line, bench=one.bench)
        found.update(await check_all(end, ON_WIRES))

    target = Target((*one.bench.sheet.reads, *one.bench.sheet.writes))
    on_line(one.slave, target, run, setting=(int(baud), int(bits), parity.upper(), int(stops)))
    assert {id_: got for id_, got in found.items() if got.verdict != "kept"} == {}


# -- what is malformed -----------------------------------------------------------------------------------------------


def subject(device):
    one = lone(device)
    return Subject(PduEnd(one), one.bench)


@pytest.mark.parametrize("device", BOXES)
def test_no_proper_request_counts_as_malformed_and_every_one_of_the_table_does(device):
    box = subject(device)
    for register in box.sheet.registers:
        if register.readable:
            assert not is_malformed(read(register.table, register.at, register.count))
        if register.writes and register.type != "str":
            assert not is_malformed(written(register, (0,) * register.count))
    table = malformed(box)
    assert len(table) > 30
    assert all(map(is_malformed, table))


@given(
    first=st.integers(0, 0xFFFF),
    count=st.integers(1, 125),
    values=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=123),
)
def test_what_any_master_may_send_is_not_malformed(first, count, values):
    assert is_malformed(read("holding", first, count)) == (first + count > 0x10000)
    assert not is_malformed(write("holding", first, tuple(values)))
    assert not is_malformed(write("coil", first, tuple(value & 1 for value in values)))
    assert not is_malformed(bytes((5,)) + first.to_bytes(2, "big") + b"\xff\x00")


@pytest.mark.parametrize("device", ["power-brain", "phoenix-ev-cc-eth", "goe-gemini"])
def test_malformed_requests_come_from_a_seed_and_write_nothing(device, monkeypatch):
    box = subject(device)
    drawn = [*drawn_forms(box)]
    assert drawn == [*drawn_forms(box)] != [*drawn_forms(box, 1)]
    assert len({*drawn} - {*malformed(box)}) > 30
    one = lone(device)
    heard = []
    monkeypatch.setattr(one.world.devices[BOX], "write", lambda *request: heard.append(request))
    for pdu in drawn:
        one.answer(one.spec.unit, pdu)
    assert heard == []


# -- how a box is told -----------------------------------------------------------------------------------------------


def test_a_limit_is_told_to_all_nodes_where_the_datasheet_says_so(monkeypatch):
    one = lone("smartevse")
    box, sent = Subject(PduEnd(one), one.bench), []
    monkeypatch.setattr(one, "answer", lambda unit, pdu: sent.append((unit, pdu.hex())))
    at_once(box.take(8_000))
    assert sent == [(9, "10002000081000000050" + 6 * "0000")]


def test_a_coil_is_written_as_a_coil():
    register = load("phoenix-ev-cc-eth").register("enable")
    assert [written(register, encode(register, value)).hex() for value in (1, 0)] == ["050190ff00", "0501900000"]


def test_a_check_that_waits_for_something_else_is_not_run_without_a_wire():
    class Never:
        def __await__(self):
            yield

    async def run():
        await Never()

    with pytest.raises(RuntimeError, match="waits for something else"):
        at_once(run())
