"""How many requests a second go through a slave, a PDU in and a PDU out, with no wire: ten registers of a box in its world."""

from __future__ import annotations

import struct
import time
from itertools import repeat

from chargebench.datasheets.load import load
from chargebench.emulator.slave import Slave
from chargebench.emulator.spec import BoxSpec, CarSpec, ConnectionSpec, MeterSpec, TcpAt, WorldSpec
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World

REQUESTS = 100_000
EVERY_US = 1_000
BOX, METER = struct.pack(">BHH", 3, 8086, 10), struct.pack(">BHH", 4, 0, 10)
"""The state of a Power Brain, its limit and what it offers; voltages and currents of a meter."""


def box_rate() -> float:
    """Requests per second of wall time to a box."""
    return _rate("garage", BOX)


def meter_rate() -> float:
    """Requests per second of wall time to a meter."""
    return _rate("house", METER)


def _rate(name: str, pdu: bytes) -> float:
    """While a car charges, and the world goes on by a millisecond a request."""
    world = World(
        WorldSpec(
            ConnectionSpec(35_000),
            (BoxSpec("garage", "power-brain", TcpAt("192.168.2.151", 4701), 1),),
            (MeterSpec("house", "eastron-sdm630", TcpAt("192.168.2.160", 502), 1, "connection"),),
            (CarSpec("zoe", "garage", 0, None, 3, 16_000, 100_000),),
        ),
        Streams(0),
        lambda _event: None,
        load,
    )
    (server,) = (one for one in world.servers() if one.name == name)
    slave = Slave(server.units)
    begun = time.perf_counter()
    for number, request in enumerate(repeat(pdu, REQUESTS)):
        answer = slave.answer(1, request, number * EVERY_US)
    took = time.perf_counter() - begun
    assert answer is not None
    assert answer[:2] == bytes((pdu[0], 20)), answer
    return REQUESTS / took
