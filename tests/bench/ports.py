"""Requests per second on real TCP ports: an emulated box beside pymodbus' server with the same registers, asked in turn.

Server and client are processes of their own. Each connection asks for ten registers, waits for the answer, asks again.
"""

from __future__ import annotations

import asyncio
import gc
import json
import select
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

CONNECTIONS = (1, 10, 32)
SECONDS, WARM_S = 1.0, 0.2
FIRST, COUNT = 8080, 10
REQUEST = struct.pack(">HHHBBHH", 1, 0, 6, 1, 3, FIRST, COUNT)
ANSWER_SIZE = 9 + 2 * COUNT
CHARGEBENCH = (sys.executable, "-c", "from chargebench.scenarios.cli import main; main()")
SCENARIO = """\
scenario: a car at a box that answers at once
start: 2026-01-12 18:00
for: 1 h
site:
  connection: {max_total_power: 14 kW}
  evses:
    - {name: garage, device: power-brain, at: "192.168.2.151:14701"}
world:
  boxes: {garage: {turnaround: 0 s}}
  cars:
    - {car: {phases: 3, power: 11 kW}, as: zoe, at: 18:00, plugs: garage, wants: 20 kWh}
expect:
  - always: {fuse: cannot trip}
"""


class Served(NamedTuple):
    """What was measured of one server: requests per second, latencies in µs."""

    rate: float
    p50_us: float
    p99_us: float


class Rows(NamedTuple):
    """All rounds of both servers with so many connections."""

    connections: int
    ours: list[Served]
    theirs: list[Served]


def measure(times: int, seconds: float = SECONDS) -> list[Rows]:
    """Both servers in turn, with each number of connections, ``times`` times over."""
    rows = [Rows(connections, [], []) for connections in CONNECTIONS]
    with ExitStack() as stack:
        ours = stack.enter_context(emulated())
        theirs = stack.enter_context(pymodbus(words(ours)))
        for _ in range(times):
            for row in rows:
                row.ours.append(asked(ours, row.connections, seconds))
                row.theirs.append(asked(theirs, row.connections, seconds))
    return rows


def table(times: int) -> None:
    """Print the medians."""
    print(f"| served on loopback TCP, medians of {times} | connections | requests / s | p50, µs | p99, µs |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for row in measure(times):
        for name, values in (("`chargebench emulate`", row.ours), ("pymodbus' server", row.theirs)):
            print(f"| {name} | {row.connections} | {' | '.join(f'{one:,.0f}' for one in medians(values))} |")


def medians(values: Sequence[Served]) -> Served:
    return Served(*(statistics.median(column) for column in zip(*values, strict=True)))


@contextmanager
def emulated() -> Iterator[int]:
    """A box as ``chargebench emulate`` serves it; its port."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "at-once.yaml")
        path.write_text(SCENARIO, "utf-8")
        command = (*CHARGEBENCH, "emulate", str(path), "--json", "--control", str(Path(folder, "socket")))
        with running(command) as line:
            yield int(json.loads(line)["serving"][0]["at"].rpartition(":")[2])


@contextmanager
def pymodbus(values: Sequence[int]) -> Iterator[int]:
    """pymodbus' server with what stands in the box's registers; its port."""
    with running((sys.executable, "-m", "tests.bench.ports", "serve", *map(str, values))) as line:
        yield int(line)


@contextmanager
def running(command: Sequence[str]) -> Iterator[str]:
    """A server in a process of its own, and the first line that it prints."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline()
        finally:
            process.terminate()


def asked(port: int, connections: int, seconds: float) -> Served:
    """Have a client of its own process ask."""
    command = (sys.executable, "-m", "tests.bench.ports", "ask", str(port), str(connections), str(seconds))
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Served(*json.loads(done.stdout))


def answer_of(port: int) -> bytes:
    """What one read gets."""
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(REQUEST)
        return one.recv(ANSWER_SIZE)


def words(port: int) -> tuple[int, ...]:
    return struct.unpack(f">{COUNT}H", answer_of(port)[9:])


def ask(port: int, connections: int, seconds: float) -> Served:
    """Keep so many connections asking, and time each answer."""
    good = answer_of(port)
    assert len(good) == ANSWER_SIZE, good
    socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    poll, by_fd = select.epoll(), {sock.fileno(): sock for sock in socks}
    for fd, sock in by_fd.items():
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(fd, select.EPOLLIN)
    gc.disable()
    _rounds(by_fd, poll, good, WARM_S)
    begun_ns = time.perf_counter_ns()
    took_ns = _rounds(by_fd, poll, good, seconds)
    spent_s = (time.perf_counter_ns() - begun_ns) / 1e9
    took_ns.sort()
    last = len(took_ns) - 1
    return Served(len(took_ns) / spent_s, took_ns[last // 2] / 1e3, took_ns[last * 99 // 100] / 1e3)


def _rounds(by_fd: dict[int, socket.socket], poll: select.epoll, good: bytes, seconds: float) -> list[int]:
    """Ask by all connections, over and over; how long each answer took. In the end nothing is under way."""
    clock, took_ns, sent_ns = time.perf_counter_ns, list[int](), dict[int, int]()
    until_ns = clock() + int(seconds * 1e9)
    for fd, sock in by_fd.items():
        sent_ns[fd] = clock()
        sock.send(REQUEST)
    while sent_ns:
        for fd, _ in poll.poll():
            sock = by_fd[fd]
            answer = sock.recv(512)
            now_ns = clock()
            took_ns.append(now_ns - sent_ns[fd])
            assert answer == good, answer
            if now_ns < until_ns:
                sent_ns[fd] = now_ns
                sock.send(REQUEST)
            else:
                del sent_ns[fd]
    return took_ns


async def serve(values: list[int]) -> None:
    """Serve these registers, and say where, until the process is ended."""
    block = SimData(FIRST, values=values, datatype=DataType.REGISTERS)
    server = ModbusTcpServer(SimDevice(1, simdata=[block]), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    listening = server.transport
    assert isinstance(listening, asyncio.Server)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    if what == "serve":
        asyncio.run(serve([int(value) for value in given]))
    else:
        print(json.dumps(ask(int(given[0]), int(given[1]), float(given[2]))))
