"""How busy ``chargebench proxy`` keeps a line, what a dead box costs, and how many requests it bears: on ptys and loopback TCP.

A line is a pty whose slave takes as long as characters do, and does not hear a request that comes less than t3.5 after its
answer. The limit is 33 characters and two silences for a read of ten registers.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import time
import tty
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from chargebench.emulator.adu import pack_rtu
from chargebench.emulator.wires.uart import Setting
from tests.bench.ports import COUNT, FIRST, REQUEST, Served, asked, medians, running

CONNECTIONS = (1, 10, 32)
BAUDS = (9_600, 19_200)
LIVING, DEAD = (1, 2, 3, 4), 9
REQUEST_SIZE, ANSWER_SIZE = 8, 5 + 2 * COUNT
SILENCES = 7
"""Characters of the two times three and a half that nobody speaks."""

LINE_SECONDS, QUICK_SECONDS = 4.0, 1.0
SETTLE_S, DEAD_SECONDS, POLL_S = 60.0, 20.0, 1.0
CHARGEBENCH = (sys.executable, "-c", "from chargebench.scenarios.cli import main; main()")
OTHER = "modbus-proxy"
ANSWER = bytes((3, 2 * COUNT)) + bytes(2 * COUNT)


class Row(NamedTuple):
    """What was measured with so many connections; ``limit`` is the most that the line could carry, 0 where there is no line."""

    what: str
    connections: int
    limit: float
    rounds: list[Served]


def main() -> None:
    what, *given = sys.argv[1:] or ["5"]
    if what == "line":
        line(int(given[0]))
    elif what == "server":
        asyncio.run(serve())
    elif what == "dead":
        dead(int(given[0]))
    elif what == "living":
        print(living(int(given[0]), float(given[1])))
    elif what == "cost":
        cost()
    else:
        table(int(what))
        cost()


def cost() -> None:
    alone, beside = dead_cost()
    print(
        f"\none dead box among five: {alone:.2f} answers a second of the four others without it, {beside:.2f} after its "
        f"first minute, {1 - beside / alone:.1%} less"
    )


def table(times: int) -> None:
    """All rows in turn, ``times`` times over; medians."""
    rows = measure(times)
    print(f"| medians of {times} | connections | requests / s | of the line's limit | p50, ms | p99, ms |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        if row.rounds:
            rate, p50_us, p99_us = medians(row.rounds)
            share = f"{rate / row.limit:.1%}" if row.limit else ""
            print(
                f"| {row.what} | {row.connections} | {rate:,.1f} | {share} | {p50_us / 1e3:,.2f} | {p99_us / 1e3:,.2f} |"
            )
        else:
            print(f"| {row.what} | {row.connections} | not here | | | |")


def measure(times: int) -> list[Row]:
    with ExitStack() as stack:
        rows: list[tuple[Row, int, float]] = []
        for baud in (*BAUDS, 0):
            port = stack.enter_context(on_a_line(baud))
            name = f"a line at {baud:,} baud, 8N1" if baud else "a line that takes no time"
            seconds = LINE_SECONDS if baud else QUICK_SECONDS
            rows += [(Row(name, connections, limit(baud), []), port, seconds) for connections in CONNECTIONS]
        server = int(stack.enter_context(running((sys.executable, "-m", "tests.bench.proxies", "server"))))
        ours = stack.enter_context(proxied(f"box=tcp://127.0.0.1:{server}"))
        rows.append((Row("TCP to TCP", 10, 0, []), ours, QUICK_SECONDS))
        theirs = stack.enter_context(other(server))
        rows.append((Row("TCP to TCP, `modbus-proxy` 0.8.0", 10, 0, []), theirs, QUICK_SECONDS))
        for _ in range(times):
            for row, port, seconds in rows:
                if port:
                    row.rounds.append(asked(port, row.connections, seconds))
    return [row for row, _, _ in rows]


def limit(baud: int) -> float:
    """Reads of ten registers per second that a line carries at the most; 0 for one that takes no time.

    Silences are counted in the line's own characters. The standard, and the proxy, count them in characters of 11 bits.
    """
    if not baud:
        return 0
    return 1e6 / Setting(baud).time_us(REQUEST_SIZE + ANSWER_SIZE + SILENCES)


@contextmanager
def on_a_line(baud: int) -> Iterator[int]:
    """A proxy before such a line; its port."""
    gap = () if baud else ("--gap", "0 s")
    with running((sys.executable, "-m", "tests.bench.proxies", "line", str(baud))) as path:
        shown = f"COM1,{baud or 115_200},8,n,1={path.strip()}"
        with proxied(shown, *gap) as port:
            yield port


@contextmanager
def proxied(line_: str, *options: str) -> Iterator[int]:
    with running((*CHARGEBENCH, "proxy", "--json", "--line", line_, *options)) as first:
        yield int(json.loads(first)["listening"][0].rpartition(":")[2])


@contextmanager
def other(server: int) -> Iterator[int]:
    """The other proxy; 0 where it is not installed."""
    program = shutil.which(OTHER) or shutil.which(OTHER, path=str(Path(sys.executable).parent))
    if program is None:
        yield 0
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = (program, "-b", f"tcp://127.0.0.1:{port}", "--modbus", f"tcp://127.0.0.1:{server}")
    with subprocess.Popen((*command, "--modbus-connection-time", "0"), stderr=subprocess.DEVNULL) as process:
        try:
            until_s = time.monotonic() + 10
            while time.monotonic() < until_s and not _listens(port):
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


# -- what is behind the proxies ---------------------------------------------------------------------


def line(baud: int) -> None:
    """Answer reads of the living units on a new pty, in the time that characters take; 0 baud: at once."""
    near, far = os.openpty()
    tty.setraw(far)
    print(os.ttyname(far), flush=True)
    read = struct.pack(">BHH", 3, FIRST, COUNT)
    answers = {pack_rtu(unit, read): pack_rtu(unit, ANSWER) for unit in LIVING}
    setting = Setting(baud) if baud else None
    silent_us = setting.t35_us if setting else 0
    took_us = setting.time_us(REQUEST_SIZE + ANSWER_SIZE) + silent_us if setting else 0
    ended_ns = 0
    while True:
        select.select((near,), (), ())
        frame, begun_ns = os.read(near, 512), time.perf_counter_ns()
        answer = answers.get(frame)
        if answer is None or begun_ns < ended_ns + silent_us * 1_000:
            continue
        ended_ns = begun_ns + took_us * 1_000
        _wait_until(ended_ns)
        ended_ns = time.perf_counter_ns()  # before the write, behind which this process may be put aside
        os.write(near, answer)


def _wait_until(due_ns: int) -> None:
    """Sleep, and look at the clock for the last bit of it."""
    while (left_ns := due_ns - time.perf_counter_ns()) > 0:
        if left_ns > 300_000:
            time.sleep((left_ns - 200_000) / 1e9)


class Server(asyncio.Protocol):
    """A Modbus TCP server that knows one answer."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data[:4] + struct.pack(">HB", len(ANSWER) + 1, data[6]) + ANSWER)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


# -- a dead box ----------------------------------------------------------------------------------------


def dead_cost() -> tuple[float, float]:
    """Answers per second of four boxes, each asked by a client of its own: alone, and beside a dead one after its first minute."""
    with on_a_line(BAUDS[0]) as port:
        alone = rate_of_living(port, DEAD_SECONDS)
        command = (sys.executable, "-m", "tests.bench.proxies", "dead", str(port))
        with subprocess.Popen(command) as process:
            rate_of_living(port, SETTLE_S)
            beside = rate_of_living(port, 2 * DEAD_SECONDS)
            process.terminate()
    return alone, beside


def rate_of_living(port: int, seconds: float) -> float:
    command = (sys.executable, "-m", "tests.bench.proxies", "living", str(port), str(seconds))
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def asking(unit: int) -> bytes:
    return REQUEST[:6] + bytes((unit,)) + REQUEST[7:]


def living(port: int, seconds: float) -> float:
    """Have each living box be asked by a client that asks again when it is answered; answers per second."""
    socks = {socket.create_connection(("127.0.0.1", port)): asking(unit) for unit in LIVING}
    for sock, request in socks.items():
        sock.sendall(request)
    answers, begun_s = 0, time.monotonic()
    while time.monotonic() < begun_s + seconds:
        for sock in select.select(tuple(socks), (), ())[0]:
            assert sock.recv(300)[7:] == ANSWER
            answers += 1
            sock.sendall(socks[sock])
    return answers / (time.monotonic() - begun_s)


def dead(port: int) -> None:
    """Ask the dead unit once a second; it must be said to be silent."""
    with socket.create_connection(("127.0.0.1", port)) as one:
        while True:
            one.sendall(asking(DEAD))
            assert one.recv(300)[7:] == b"\x83\x0b"
            time.sleep(POLL_S)


if __name__ == "__main__":
    main()
