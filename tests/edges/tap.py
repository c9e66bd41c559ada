"""A tap between a client and a server on TCP, and its record as a capture file that any protocol analyser reads."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import NamedTuple

LOOPBACK = "127.0.0.1"
CLIENT, MODBUS_PORT = "10.0.0.1", 502
_RAW_IP, _LONGEST = 101, 65_535
_PUSH_ACK = 0x18


class Passed(NamedTuple):
    """Bytes that came from the client, or went to it."""

    asked: bool
    data: bytes


class Tap:
    """Listens in the place of one server, passes everything on, one connection after the other, and keeps it."""

    def __init__(self, at: str) -> None:
        host, _, port = at.rpartition(":")
        self._server = (host, int(port))
        self._listening = socket.create_server((LOOPBACK, 0))
        self.at = "{}:{}".format(*self._listening.getsockname())
        self.connections: list[list[Passed]] = []
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more connections; what has passed is complete."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with suppress(OSError), client, socket.create_connection(self._server) as server:  # a reset ends it, too
                self._pass(client, server)

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        passed: list[Passed] = []
        self.connections.append(passed)
        while True:
            ready, _, _ = select.select((client, server), (), ())
            for one in ready:
                data = one.recv(_LONGEST)
                if not data:
                    return
                (server if one is client else client).sendall(data)
                passed.append(Passed(one is client, data))


def server_of(number: int) -> str:
    """The address of the server behind the first tap of a record (1), the second, and so on."""
    return f"10.0.1.{number}"


def write_pcap(path: Path, taps: Iterable[Tap]) -> None:
    """The record of each tap as that of a server of its own, at the port of Modbus."""
    packets = [packet for number, tap in enumerate(taps, 1) for packet in _packets(server_of(number), tap)]
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, _LONGEST, _RAW_IP))
        for number, packet in enumerate(packets):
            file.write(struct.pack("<IIII", number // 1_000, number % 1_000 * 1_000, len(packet), len(packet)) + packet)


def _packets(server: str, tap: Tap) -> Iterator[bytes]:
    for number, passed in enumerate(tap.connections):
        port, sent = 40_000 + number, {True: 1, False: 1}
        for one in passed:
            ends = ((CLIENT, port), (server, MODBUS_PORT))
            source, target = ends if one.asked else (ends[1], ends[0])
            yield _tcp(source, target, sent[one.asked], sent[not one.asked], one.data)
            sent[one.asked] += len(one.data)


def _tcp(source: tuple[str, int], target: tuple[str, int], sent: int, heard: int, data: bytes) -> bytes:
    """An IPv4 packet; checksums are left out, as by a network card that makes them itself."""
    tcp = struct.pack(">HHIIBBHHH", source[1], target[1], sent, heard, 5 << 4, _PUSH_ACK, _LONGEST, 0, 0) + data
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, socket.IPPROTO_TCP, 0) + addresses + tcp
