"""The live table: what stands in it, that it fits the terminal, and that nobody who holds the terminal holds it up."""

from __future__ import annotations

import asyncio
import os
import pty
import select

from chargebench.manager.proxy.screen import Screen
from chargebench.manager.proxy.table import Look, Row, Table, values
from chargebench.manager.service.outlet import MOST_BYTES, Outlet

WIDE = (120, 50)


def row(name: str, asked: int = 0, waiting: int = 0) -> Row:
    return Row(name, asked, asked - 3, 2, 1, 0, waiting, 42_000, 1_234_567)


def seen(asked: int, busy_us: int, units: int = 2, clients: int = 2, there: bool = True) -> Look:
    return Look(
        row("COM1", asked, 4),
        "/dev/ttyUSB0",
        there,
        asked + 1,
        9,
        busy_us,
        tuple(row(str(unit), asked // 2) for unit in range(1, units + 1)),
        tuple(row(f"10.0.0.{k}:40000", asked * (k + 1)) for k in range(clients)),
    )


def cells(line: str) -> list[str]:
    return line.replace(" ms", "ms").split()


def test_rates_and_load_are_those_since_it_was_last_drawn():
    table = Table()
    table.draw([seen(100, 5_000_000)], 10_000_000, (), WIDE)
    drawn = table.draw([seen(150, 6_500_000)], 12_000_000, (), WIDE)
    head = ["busy", "requests/s", "queue", "p50", "p95", "timeouts", "CRC", "late", "refused", "answers"]
    assert cells(drawn[0]) == head
    assert cells(drawn[1]) == ["COM1", "/dev/ttyUSB0", "75%", "25.0", "4", "42ms", "1235ms", "2", "1", "9", "0", "147"]
    assert cells(drawn[2]) == ["COM1/1", "12.5", "0", "42ms", "1235ms", "2", "1", "0", "72"]
    assert [cells(line)[0] for line in drawn[4:]] == ["10.0.0.1:40000", "10.0.0.0:40000"]


def test_of_two_lines_both_are_seen_before_any_unit_and_one_that_is_gone_says_so():
    other = seen(5, 0, there=False)
    drawn = Table().draw([seen(9, 0), other], 1, ["COM1: /dev/ttyUSB0 is gone"], WIDE)
    assert [cells(line)[0] for line in drawn[1:4]] == ["COM1", "COM1", "COM1/1"]
    assert "gone" in drawn[2]
    assert drawn[-2].split()[1:3] == ["on", "COM1"]
    assert drawn[-1] == "COM1: /dev/ttyUSB0 is gone"


def test_it_fits_the_terminal_and_says_what_it_leaves_out():
    for size in ((80, 24), (30, 8), (1, 1)):
        drawn = Table().draw([seen(1_000, 0, units=30, clients=60)], 1, ["a" * 500] * 9, size)
        assert len(drawn) <= max(size[1] - 1, 7)
        assert all(len(line) < max(size[0], 2) for line in drawn)
    assert Table().draw([seen(1_000, 0, units=30, clients=60)], 1, (), (80, 24))[-1] == "  and 70 more"


def test_a_program_is_told_the_same_in_numbers():
    told = values(seen(150, 6_500_000), seen(100, 5_000_000), 2_000_000)
    assert (told["busy"], told["per_s"], told["queue"], told["p50_us"], told["late"]) == (0.75, 25.0, 4, 42_000, 9)
    assert list(told["units"]) == ["1", "2"]  # type: ignore[call-overload]


def test_it_draws_over_its_last_drawing_and_waits_for_a_terminal_that_is_held():
    async def main() -> None:
        near, far = pty.openpty()
        with os.fdopen(far, "w", encoding="utf-8") as stream:
            outlet = Outlet(stream)
            screen = Screen(outlet, far)
            screen.told("COM1: gone")
            screen.show([seen(1, 0)], 1_000_000)
            first = taken(near)
            assert first.count("\n") == 7
            assert "COM1: gone" in first
            screen.show([seen(2, 0)], 2_000_000)
            assert taken(near).startswith("\x1b[7F")
            for k in range(2_000):  # nobody reads any more
                screen.show([seen(3 + k, 0)], 3_000_000)
            assert outlet.busy
            assert outlet.dropped == 0
            assert len(outlet._waiting) < MOST_BYTES // 100
            await outlet.close()
        os.close(near)

    asyncio.run(main())


def taken(fd: int) -> str:
    data = b""
    while select.select((fd,), (), (), 0.05)[0]:
        data += os.read(fd, 65_536)
    return data.decode()
