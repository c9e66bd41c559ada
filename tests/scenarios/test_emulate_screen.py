"""The live table: what it shows of boxes and wires."""

from __future__ import annotations

import asyncio

from rich.console import Console

from chargebench.emulator.adu import Adu, pack_mbap
from chargebench.emulator.clock.loop import SimLoop
from chargebench.scenarios.clauses.tcp_wire import StreamWire
from chargebench.scenarios.emulate.live import Live
from chargebench.scenarios.emulate.places import Wish
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
    assert drawn.startswith("18:01:01  connection L1 ")
    assert "of 49.3 A" in drawn
    assert "garage" in drawn
