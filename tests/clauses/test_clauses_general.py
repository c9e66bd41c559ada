"""Every box and meter that is made by its datasheet keeps every clause that applies to it, on the wire that it is made for."""

from __future__ import annotations

import pytest

from chargebench.datasheets.codec import encode
from chargebench.datasheets.load import load
from chargebench.emulator.slave import Slave
from chargebench.scenarios.clauses.catalogue import PROTOCOL, check_all
from chargebench.scenarios.clauses.end import End
from chargebench.scenarios.clauses.model import Area, Target
from tests.clauses.ends import in_ascii, on_line, over_tcp
from tests.emulator.boxes import GENERAL, Bank
from tests.emulator.test_general_meters import METERS
from tests.emulator.worlds import Bench, grid_meter

ONE_WORD = {"A01", "T21"}  # that one word of a value of two can be read
LAST_ALONE = {"A03", "A27", "A28"}  # that the last register can be read without those before it
ANYWHERE = {"A07", "A08", "A09"}  # that what lies outside the map is refused


def area(sheet, table):
    """What may be told of one table: a register that is read, its end, and a limit that is written and read back."""
    held = sorted((one for one in sheet.registers if one.table == table), key=lambda one: one.at)
    readable = [one for one in held if one.readable]
    if not readable:
        return None
    last = held[-1].at + held[-1].count - 1
    limits = [] if sheet.control is None else [*sheet.control.limit.registers]
    for one in readable:
        if one.name in limits and one.count == 1:
            refused = None if one.high is None else encode(one, one.high)[0] + 1
            return Area(one.at, 1, last, one.at, (encode(one, 6_000), encode(one, 9_000)), refused=refused)
    return Area(readable[0].at, readable[0].count, last)


def target(sheet):
    return Target(
        (*sheet.reads, *sheet.writes),
        holding=area(sheet, "holding"),
        input=area(sheet, "input"),
        coil=area(sheet, "coil"),
    )


def verdicts(name):
    """What comes out for each clause."""
    sheet = load(name)
    found = {}
    line = "tcp" not in sheet.transports
    device = Bank(name).device() if sheet.kind == "evse" else Bench(meters=[grid_meter(device=name)]).device("grid")

    async def run(end: End) -> None:
        found.update(await check_all(end))

    if line:
        baud, bits, parity, stops = sheet.serial.split(",")
        setting = (int(baud), int(bits), parity.upper(), int(stops))
        on_line(Slave({1: device}), target(sheet), run, setting=setting)
    else:
        over_tcp(Slave({1: device}), target(sheet), run)
    return found


def in_ascii_mode(without):
    """The same of the box that speaks ASCII, without some of its quirks; its answers begin as its server has it."""
    sheet, one, found = load("abl-emh1"), Bank("abl-emh1", without=without), {}
    (server,) = one.world.servers()

    async def run(end: End) -> None:
        found.update(await check_all(end, PROTOCOL))

    in_ascii(Slave({1: one.device()}), target(sheet), run, setting=(38_400, 8, "E", 1), lead=server.lead)
    return found


@pytest.mark.parametrize(
    ("without", "broken"),
    [
        (("loses-first-request", "answers-with-gt"), set()),
        (("loses-first-request",), {"C01"}),
    ],
)
def test_a_box_that_speaks_ascii_keeps_every_clause_that_applies_but_for_how_it_begins(without, broken):
    found = in_ascii_mode(without)
    assert {id_ for id_, one in found.items() if one.verdict == "broken"} == broken | LAST_ALONE
    assert {id_ for id_, one in found.items() if one.verdict == "kept"} >= {f"C0{n}" for n in range(1, 6)} - broken


@pytest.mark.parametrize("name", [*GENERAL, *METERS])
def test_it_keeps_every_clause_that_applies(name):
    found = verdicts(name)
    broken = {id_: one for id_, one in found.items() if one.verdict == "broken"}
    reading = load(name).reading
    excused = (ANYWHERE if reading.gaps in {"zero", "filled"} else set()) | (ONE_WORD if reading.single else set())
    assert broken.keys() <= excused, broken
    assert sum(one.verdict == "kept" for one in found.values()) >= 15
