"""Inputs that the master reads: where they stand in a site file, what they order, and what holds while nobody knows them."""

import asyncio
from dataclasses import replace
from typing import cast

import pytest

from chargebench.datasheets.errors import BadFile
from chargebench.emulator.clock import SimLoop
from chargebench.manager.circuits import Circuits
from chargebench.manager.drivers.base import Read
from chargebench.manager.inputs import LOST_US, Inputs, numbers
from chargebench.manager.notes import Note, Teller
from chargebench.manager.orders import NO_ORDERS, Orders
from chargebench.manager.outcomes import Answer, Asker, NoAnswer
from chargebench.manager.readings import BoxView, View
from chargebench.manager.sentences import sentence
from chargebench.manager.shell import Life, manage
from chargebench.manager.site import (
    Circuit,
    Connection,
    Fuse,
    Input,
    Site,
    Switched,
    SwitchedPhases,
    SwitchedPower,
    TcpAddress,
)
from chargebench.manager.site_file import read_site
from chargebench.manager.status import status_of
from tests.manager.house import GARAGE, GARAGE_AT, SECOND, Double, brain
from tests.manager.slaves import Bank, TcpSlave, dead

MODULE_AT = TcpAddress("192.168.2.60", 502)
RIPPLE = Input(3, MODULE_AT, 1, "discrete", 2)
OPENS = Input(4, MODULE_AT, 1, "discrete", 5, inverted=True)
OWN = Input(2, GARAGE_AT, 1, "holding", 8113, 1, box="garage")


def site(*inputs, **more):
    connection = Connection(34_000, 49_275, limit_input=Switched(3, 49_275, 16_000))
    return Site(connection, (GARAGE,), inputs=inputs, **more)


# -- in the file --------------------------------------------------------------------------------

FILE = """\
connection: {max_total_power: 34 kW}
evses:
  - {name: garage, device: power-brain, at: "192.168.2.151:4701"}
  - {name: yard, device: keba-p30, at: "192.168.2.152:502", id: 255}
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "site.yaml"
        path.write_text(f"{FILE}{text}\n")
        return path

    return write


def test_an_input_is_one_of_a_box_or_a_bit_of_any_device(written):
    text = """\
inputs:
  - {number: 2, of: garage}
  - {number: 5, of: garage, terminal: 1, inverted: on}
  - {number: 3, at: "192.168.2.60:502", address: 2}
  - {number: 4, at: "COM1,9600,8,n,1", id: 30, kind: holding, address: 7, bit: 12}"""
    own, other, ripple, bit = read_site(written(text)).inputs
    assert (own, ripple) == (OWN, RIPPLE)
    assert (other.bit, other.inverted, other.register) == (0, True, 8113)
    assert (str(bit.address), bit.unit, bit.table, bit.register, bit.bit) == ("COM1,9600,8,n,1", 30, "holding", 7, 12)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("number: 9, of: garage", "inputs[0].number: expected at most 8, got 9"),
        ("number: 3, of: garage", "inputs[0]: expected the S0 input of the box (terminal), 1 or 2"),
        ("number: 1, of: yard", "inputs[0].of: expected a box with inputs of its own (garage), got yard"),
        ("number: 1, of: hall", "inputs[0].of: expected a box with inputs of its own (garage), got hall"),
        ('number: 1, of: garage, at: "192.168.2.60:502"', "inputs[0]: expected either a box (of) or an address (at)"),
        ('number: 1, at: "192.168.2.60:502"', "inputs[0]: expected either a box (of) or an address (at)"),
        ("number: 1, at: here, address: 1", "inputs[0].at: expected an address such as"),
        ('number: 1, at: "192.168.2.60:502", address: 1, bit: 1', "inputs[0].bit: expected only in a register"),
        (
            'number: 1, at: "192.168.2.151:4701", address: 1',
            "inputs[0].at: expected of: garage, which is the box at unit 1",
        ),
        (
            'number: 1, at: "COM1,9600,8,n,1", id: 250, address: 1',
            "inputs[0].id: expected at most 247 on a serial line",
        ),
        ("number: 1, of: garage}\n  - {number: 1, of: garage", "inputs[1].number: expected a number of its own"),
    ],
)
def test_an_input_that_cannot_be_is_refused_at_its_place(written, entry, why):
    with pytest.raises(BadFile) as told:
        read_site(written(f"inputs:\n  - {{{entry}}}"))
    assert why in str(told.value)


def test_circuits_a_dimming_order_and_a_surplus_go_by_inputs_too(written):
    text = """\
circuits:
  - {name: row, limit: {input: 3, on: 22 kW, off: {L1: 16 A, L2: 10 A, L3: 32 A}}, fuse: {rating: 35 A, curve: gG}}
dimming: {input: 1}
surplus: {input: 2, on: 5 kW, off: stop}"""
    found = read_site(written(text))
    (row,) = found.circuits
    assert row.switched == SwitchedPhases(3, (31_884, 31_884, 31_884), (16_000, 10_000, 32_000))
    assert (row.limit_ma, row.fuse) == ((31_884, 31_884, 32_000), Fuse(35_000, "gG"))
    assert (found.dimming_input, found.surplus_input, found.surplus) == (1, SwitchedPower(2, 5_000, 0), ())
    assert numbers(found) == (1, 2, 3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("dimming: {input: 0}", "dimming.input: expected at least 1, got 0"),
        ("dimming: {input: 1, to: 17:00}", "dimming.from: expected a time of the day such as 17:00, and it is missing"),
        ("surplus: {input: 2, on: 5 kW}", "surplus: expected an input, a power while it is on"),
        (
            "circuits: [{name: row, limit: {input: 2, on: 5 A}}]",
            "circuits[0].limit: expected an input, a limit while it is on",
        ),
        (
            "circuits: [{name: row, limit: {input: 2, on: stop, off: 5}}]",
            "circuits[0].limit: expected a current for each phase",
        ),
    ],
)
def test_what_is_no_such_order_is_refused_at_its_place(written, text, why):
    with pytest.raises(BadFile) as told:
        read_site(written(text))
    assert why in str(told.value)


# -- what holds ---------------------------------------------------------------------------------


def test_the_lower_limit_holds_of_an_input_that_nobody_knows_whichever_that_is():
    by_phase = SwitchedPhases(5, (32_000, 6_000, 10_000), (16_000, 16_000, 10_000))
    where = replace(site(), circuits=(Circuit("row", (32_000, 16_000, 10_000), switched=by_phase),))
    tree = Circuits(where)
    assert tree.limits_at((3, 5)) == (49_275,) * 3 + (32_000, 6_000, 10_000)
    assert tree.limits_at(()) == (16_000,) * 3 + (16_000, 16_000, 10_000)
    assert tree.limits_at((), (3, 5)) == (16_000,) * 3 + (16_000, 6_000, 10_000)
    assert Switched(1, 0, 20_000).stands_ma((), (1,)) == 0
    assert SwitchedPower(1, 0, 9_000).stands_w((1,), ()) == 0


class Line:
    """Answers what a test says, and keeps what it is asked."""

    def __init__(self):
        self.words, self.asked = {}, []

    async def read(self, unit, request):
        self.asked.append((unit, request))
        word = self.words.get(request.address)
        return NoAnswer() if word is None else Answer(0, (word,))


class Bench:
    def __init__(self, where, *, told=False):
        self.now_us, self.line = 0, Line()
        self.notes: list[Note] = []
        teller = Teller(self.notes.append, lambda: self.now_us)
        self.inputs = Inputs(where, lambda *_: cast("Asker", self.line), teller, told=told)

    def round(self, **words):
        self.line.words = {int(at[1:]): word for at, word in words.items()}
        for poll in self.inputs.apart:
            asyncio.run(poll.round())

    def orders(self, orders=NO_ORDERS):
        return self.inputs.over(orders, self.now_us)

    def said(self):
        return [sentence(note) for note in self.notes]


def test_an_input_is_unknown_until_it_was_read_and_again_once_it_was_not_for_a_while():
    bench = Bench(site(RIPPLE, OPENS))
    assert (bench.orders().inputs, bench.orders().unknown) == ((), (3, 4))
    bench.round(_2=1, _5=1)
    assert (bench.orders().inputs, bench.orders().unknown) == ((3,), ())
    bench.now_us = 5 * SECOND
    bench.round(_2=0, _5=0)
    assert (bench.orders().inputs, bench.orders().unknown) == ((4,), ())
    bench.now_us = 8 * SECOND
    bench.round(_5=0)
    bench.now_us = 8 * SECOND + LOST_US - 1
    assert bench.orders() == Orders(inputs=(4,))
    bench.now_us += 1
    assert (bench.orders().inputs, bench.orders().unknown) == ((4,), (3,))
    assert bench.said() == [
        "input 3 is on",
        "input 4 is off",
        "input 3 is off",
        "input 4 is on",
        "the master does not hear input 3: no answer",
        "input 3 was not read for 12.0 s: what is worst for the boxes holds",
    ]
    bench.round(_2=1, _5=0)
    assert (bench.orders().inputs, bench.orders().unknown) == ((3, 4), ())


def test_bits_of_one_register_are_read_at_once():
    low, high = (replace(RIPPLE, number=number, table="input", bit=bit) for number, bit in ((1, 0), (2, 15)))
    bench = Bench(site(low, high), told=True)
    bench.round(_2=0x8000)
    assert bench.line.asked == [(1, Read("input", 2, 1))]
    assert (bench.orders().inputs, bench.orders().unknown) == ((2,), ())


def test_what_nobody_reads_is_told_by_people_or_is_unknown():
    told, alone = Bench(site(), told=True), Bench(site())
    assert told.orders(Orders(inputs=(3,))) == Orders(inputs=(3,))
    assert alone.orders().unknown == (3,)
    assert alone.said() == ["nothing reads input 3: what is worst for the boxes holds"]
    assert told.said() == []


def test_an_input_that_is_read_is_not_what_people_say():
    bench = Bench(site(RIPPLE), told=True)
    bench.round(_2=0)
    assert bench.orders(Orders(inputs=(1, 3))).inputs == (1,)


@pytest.mark.parametrize(("word", "dimmed", "surplus_w"), [(1, True, 5_000), (0, False, 0), (None, True, 0)])
def test_a_dimming_order_and_a_surplus_come_by_input_and_the_worst_of_them_while_it_is_unknown(word, dimmed, surplus_w):
    where = Site(Connection(34_000, 49_275), (GARAGE,), inputs=(RIPPLE,), dimming_input=3)
    bench = Bench(replace(where, surplus_input=SwitchedPower(3, 5_000, 0)))
    bench.round(**({} if word is None else {"_2": word}))
    bench.now_us = LOST_US
    assert (bench.orders().dimmed, bench.orders().surplus_w) == (dimmed, surplus_w)
    assert bench.orders(Orders(surplus_w=700)).surplus_w == 700, "what was told counts in its place"


@pytest.mark.parametrize(
    ("orders", "limit_ma", "inputs"),
    [
        (Orders(inputs=(3,)), 49_275, [(3, True), (4, False)]),
        (Orders(inputs=(4,)), 16_000, [(3, False), (4, True)]),
        (Orders(unknown=(3,)), 16_000, [(3, None), (4, False)]),
    ],
)
def test_a_status_tells_the_inputs_and_the_limit_that_holds_now(orders, limit_ma, inputs):
    status = status_of(site(OPENS), None, 0, View((BoxView(),), orders=orders), 0)
    assert status.limit_ma == limit_ma
    assert status.as_json()["inputs"] == [{"number": number, "on": on} for number, on in inputs]


# -- on the wire --------------------------------------------------------------------------------


OWN_READ = b"\x03\x1f\xb1\x00\x01"


def silenced():
    """What a box is asked before it falls silent and while it is, and what the cycles see of the inputs."""
    loop, double, box, module = SimLoop(seed=1), Double({}), brain(), Bank({2: 1})
    box.words[8113] = 0b10
    where = replace(site(OWN, RIPPLE), management=True)

    async def main():
        slave, other = TcpSlave({1: box}), TcpSlave({1: module})
        await slave.serve(GARAGE_AT)
        await other.serve(MODULE_AT)
        task = loop.create_task(manage(where, lambda _: double, ports={}, note=lambda _: None, life=Life()))
        await asyncio.sleep(7)
        slave.habit = dead
        asked = len(box.asked)
        await asyncio.sleep(200)
        task.cancel()
        return asked

    asked, pdus = loop.run(main()), [pdu for _, _, pdu in box.asked]
    return pdus[:asked], pdus[asked:], [(view.orders.inputs, view.orders.unknown) for _, _, view in double.seen]


def test_the_inputs_of_a_box_are_asked_for_only_after_it_has_answered_itself():
    """A read would end the failsafe of a box that is to fall back."""
    before, while_dead, seen = silenced()
    assert OWN_READ in before
    assert while_dead
    assert OWN_READ not in while_dead[1:], "the round under way may have been its last"
    assert seen[0] == ((), (2, 3))
    assert seen[1] == seen[2] == ((2, 3), ())
    assert seen[-1] == ((3,), (2,))


def test_a_master_that_asks_for_them_whatever_the_box_does_is_caught(monkeypatch):
    async def behind(self, box):
        await box.round()
        for poll in self._polls:
            if poll.box == box.box.name:
                await poll.round()

    monkeypatch.setattr(Inputs, "behind", behind)
    _, while_dead, _ = silenced()
    assert OWN_READ in while_dead[1:]
