"""The live table: what it shows of boxes and wires."""

from __future__ import annotations

import asyncio

import pytest
from rich.console import Console

from chargebench.emulator.adu import Adu, pack_mbap
from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.wires.rs485 import Line
from chargebench.scenarios.clauses.tcp_wire import StreamWire
from chargebench.scenarios.emulate.live import Live
from chargebench.scenarios.emulate.places import OTHER_END, Wish
from chargebench.scenarios.emulate.play import read_play
from chargebench.scenarios.emulate.screen import Screen
from tests.scenarios.files import put

READ, STOP = bytes.fromhex("03 1f9c 0004"), bytes.fromhex("06 1f9e 0000")


def test_table_shows_boxes_masters_and_wires(tmp_path):
    loop, play = SimLoop(1), read_play(str(put(tmp_path)))

    async def main():
        live = Live(play, Wish(), 1)
        await live.open()
        screen = Screen(live)
        await asyncio.sleep(60)
        host, port = live.ports.aliases["192.168.2.151:4701"].split(":")
        connection = await StreamWire(host, int(port)).connect()
        for transaction, pdu in enumerate((READ, READ, STOP)):
            await connection.send(pack_mbap(Adu(1, pdu, transaction)))
            assert await connection.read(1_000_000)
        await connection.close()
        await asyncio.sleep(1)
        live.pump.advance()
        first = (screen.rows(), screen.wires(2.0), screen.wires(2.0))
        console = Console(width=100)
        with console.capture() as captured:
            console.print(screen.draw(1.0))
        await live.close()
        return (*first, captured.get())

    rows, wires, later, drawn = loop.run(main())
    assert rows[0] == ("internal", "A", "16 A", "0 A", "0 A", "never", "0", "0")
    assert rows[1][:3] == ("garage", "C", "off")
    assert rows[1][6:] == ("3", "1")
    assert rows[1][5].endswith(" s ago")
    assert wires == [("localhost:4701", "0.0/s", ""), ("192.168.2.151:4701", "1.5/s", "")]
    assert later[1] == ("192.168.2.151:4701", "0.0/s", "")
    assert "garage" in drawn
    assert drawn.startswith("18:01:01  connection L1 ")
    assert "of 49.3 A" in drawn


MANY = """\
connection: {max_total_power: 500 kW}
evses:
  - {name: yard, device: power-brain, at: "COM1,9600,8,n,1", id: 2}
"""


@pytest.mark.parametrize(
    ("addresses", "wires"),
    [
        (2, ["COM1", "192.168.2.1:4701", "192.168.2.2:4701"]),
        (9, ["COM1", "9 TCP addresses"]),
    ],
)
def test_lines_stand_first_and_many_addresses_are_one_row(tmp_path, addresses, wires):
    boxes = [f'  - {{name: box{k}, device: power-brain, at: "192.168.2.{k}:4701"}}\n' for k in range(1, addresses + 1)]
    loop = SimLoop(1)
    Line(loop, "COM1")
    play = read_play(str(put(tmp_path, MANY + "".join(boxes), "site.yaml")))

    async def main():
        live = Live(play, Wish(lines=("COM1=simbus://COM1/bench",)), 1)
        await live.open()
        where = [one.first_read.split()[-1] for one in live.places if one.name == "yard"]
        host, port = live.ports.aliases["192.168.2.2:4701"].split(":")
        connection = await StreamWire(host, int(port)).connect()
        await connection.send(pack_mbap(Adu(1, READ, 1)))
        assert await connection.read(1_000_000)
        await connection.close()
        found = Screen(live).wires(1.0)
        await live.close()
        return found, where

    found, where = loop.run(main())
    assert [wire for wire, _, _ in found] == wires
    assert found[-1][1] == "1.0/s"
    assert found[0][1:] == ("0.0/s", "0% busy")
    assert where == [OTHER_END]
