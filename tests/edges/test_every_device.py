"""Every device that can be emulated, on a real port of its own, before foreign clients: they read what the model holds."""

from __future__ import annotations

import os
import re
import shlex
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from chargebench.datasheets.codec import encode
from chargebench.datasheets.model import Register
from chargebench.scenarios.emulate.places import first_register
from tests.edges.every import DEADLINE_S, LIMIT_MA, WAYS, Every, Way, colon, everything, limit_ma, limit_of
from tests.edges.tap import CLIENT, Tap, server_of, write_pcap

pytestmark = pytest.mark.serial
READS = 4
PAUSE_S = 0.02
TABLES = {"coil": "0", "discrete": "1", "input": "3", "holding": "4"}


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Every]:
    with everything(tmp_path_factory.mktemp("every")) as found:
        yield found


by_name = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
by_name_without_ascii = pytest.mark.parametrize(
    "way", [way for way in WAYS if way.wire != "ascii"], ids=lambda way: way.name
)
"""mbpoll does not speak it."""


def patiently(act: Callable[[], Any]) -> Any:
    """What ``act`` gives at last: a box may be locked against new clients for the time of its watchdog, or not hear a request."""
    until_s = time.monotonic() + DEADLINE_S
    while (found := act()) is None:
        assert time.monotonic() < until_s, "no answer"
        time.sleep(PAUSE_S)
    return found


# ---- pymodbus -------------------------------------------------------------------------------------------------------


class Sync:
    """pymodbus' sync client before one device; whoever does not answer is asked anew, as a master would."""

    def __init__(self, way: Way, at: str) -> None:
        self.unit = way.sheet.unit
        if way.wire == "ascii":  # its first answer is lost, and begins with what pymodbus does not know
            known: dict[str, Any] = {"framer": FramerType.ASCII, "trace_packet": colon}
            self.client: Any = ModbusSerialClient(
                at, baudrate=int(way.setting.split(",")[0]), timeout=0.5, retries=0, **known
            )
        elif way.wire == "rtu":
            self.client = ModbusSerialClient(at, baudrate=9600, timeout=2, retries=0)
        else:
            host, _, port = at.rpartition(":")
            self.client = ModbusTcpClient(host, port=int(port), timeout=2, retries=0)

    def read(self, register: Register) -> list[int]:
        calls = {
            "holding": self.client.read_holding_registers,
            "input": self.client.read_input_registers,
            "coil": self.client.read_coils,
            "discrete": self.client.read_discrete_inputs,
        }
        answer = self._ask(calls[register.table], register.at, count=register.count)
        if register.table in {"coil", "discrete"}:
            return [int(bit) for bit in answer.bits[: register.count]]
        return list(answer.registers)

    def write(self, register: Register, words: list[int]) -> None:
        if 6 in register.writes and register.count == 1:
            self._ask(self.client.write_register, register.at, words[0])
        else:
            self._ask(self.client.write_registers, register.at, words)

    def _ask(self, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        def once() -> Any:
            try:
                if not self.client.connected and not self.client.connect():
                    return None
                answer = call(*given, device_id=self.unit, **named)
            except Exception:  # noqa: BLE001  (whatever a foreign client makes of silence)
                self.client.close()
                return None
            return None if answer.isError() else answer

        return patiently(once)


@by_name
def test_pymodbus_reads_what_the_model_holds_and_sets_a_limit(every: Every, way: Way):
    told, limit = every.model(way).steady(way, READS), limit_of(way.sheet)
    assert told
    sync = Sync(way, every.at[way.name])
    with sync.client:
        for register, words in told:
            assert sync.read(register) == words, register.name
        if limit is not None:
            sync.write(limit, list(encode(limit, limit_ma(limit))))
    if limit is not None:
        assert every.box(way)["limit_ma"] in {limit_ma(limit), 0}  # 0: another register enables it


# ---- mbpoll ---------------------------------------------------------------------------------------------------------


class Mbpoll:
    """mbpoll before one device."""

    def __init__(self, program: str, at: str, unit: int) -> None:
        line = at.startswith(os.sep)
        host, _, port = at.rpartition(":")
        mode = ("-m", "rtu", "-b", "9600", "-P", "none") if line else ("-m", "tcp", "-p", port)
        self._words = (program, "-0", "-1", "-o", "2", *mode, "-a", str(unit))
        self._where = at if line else host

    def read(self, register: Register) -> list[int]:
        out = self._run("-t", TABLES[register.table], "-r", str(register.at), "-c", str(register.count))
        found = re.findall(r"^\[(\d+)\]:\s+(\d+)", out, re.MULTILINE)
        assert [int(at) for at, _ in found] == [*range(register.at, register.at + register.count)]
        return [int(word) for _, word in found]

    def write(self, register: Register, words: list[int]) -> None:
        self._run("-t", TABLES[register.table], "-r", str(register.at), values=[str(word) for word in words])

    def _run(self, *options: str, values: Sequence[str] = ()) -> str:
        return run([*self._words, *options, self._where, *values])


def run(words: Sequence[str]) -> str:
    """What a program prints once it succeeds."""

    def once() -> str | None:
        done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        return done.stdout if done.returncode == 0 else None

    found: str = patiently(once)
    return found


@by_name_without_ascii
def test_mbpoll_reads_what_the_model_holds_and_sets_a_limit(every: Every, way: Way, debian: Callable[..., str]):
    mbpoll = Mbpoll(debian("mbpoll"), every.at[way.name], way.sheet.unit)
    limit = limit_of(way.sheet)
    ((register, words),) = every.model(way).steady(way, 1)
    assert mbpoll.read(register) == words, register.name
    if limit is not None and (6 if limit.count == 1 else 16) in limit.writes:  # mbpoll writes one word by function 6
        mbpoll.write(limit, list(encode(limit, LIMIT_MA)))
        assert every.box(way)["limit_ma"] in {LIMIT_MA, 0}


@by_name_without_ascii
def test_the_line_to_type_for_a_first_read_reads_what_the_model_holds(
    every: Every, way: Way, debian: Callable[..., str]
):
    debian("mbpoll")
    register = first_register(way.sheet)
    assert register is not None
    words = shlex.split(every.first_read[way.name])
    values = re.findall(r"^\[\d+\]:\s+(\S+)", run(words), re.MULTILINE)
    held = every.model(way).words(way.name, register)
    assert len(values) == (1 if register.type == "f32" else register.count)
    if held is not None and register.type == "f32":
        assert float(values[0]) == pytest.approx(single(held, little=register.little), rel=1e-5)  # it prints six digits
    elif held is not None:
        assert [int(value) for value in values] == held


def single(words: list[int], *, little: bool) -> float:
    high, low = reversed(words) if little else words
    found: float = struct.unpack(">f", struct.pack(">HH", high, low))[0]
    return found


# ---- tshark ---------------------------------------------------------------------------------------------------------


class Decoded(NamedTuple):
    """A Modbus message as tshark understands it; "" for a field that it does not have. ``wrong``: an exception, or malformed."""

    source: str
    target: str
    unit: str
    function: str
    reference: str
    quantity: str
    values: str
    data: str
    wrong: str = ""


FIELDS = (
    "ip.src",
    "ip.dst",
    "mbtcp.unit_id",
    "modbus.func_code",
    "modbus.reference_num",
    "modbus.word_cnt",
    "modbus.regval_uint16",
    "modbus.data",
    "modbus.exception_code",
    "_ws.malformed",
)
READ_BY = {"holding": "3", "input": "4"}


def decoded(tshark: str, pcap: Path) -> list[Decoded]:
    command = [tshark, "-r", str(pcap), "-T", "fields", *(word for field in FIELDS for word in ("-e", field))]
    rows = [line.split("\t") for line in run(command).splitlines()]
    return [Decoded._make([*row[:8], "".join(row[8:])]) for row in rows]


def written(way: Way, server: str, limit: Register) -> list[Decoded]:
    """What writes the limit, and the answer to it."""
    words, unit, at = encode(limit, LIMIT_MA), str(way.sheet.unit), str(limit.at)
    if 6 in limit.writes and limit.count == 1:
        data = f"{words[0]:04x}"
        ends = ((CLIENT, server), (server, CLIENT))
        return [Decoded(*end, unit, "6", at, "", "", data) for end in ends]
    values, count = ",".join(map(str, words)), str(limit.count)
    return [
        Decoded(CLIENT, server, unit, "16", at, count, values, ""),
        Decoded(server, CLIENT, unit, "16", at, count, "", ""),
    ]


def read(way: Way, server: str, register: Register, words: list[int]) -> list[Decoded]:
    """What asks for a register, and the answer with what the model holds."""
    unit, function = str(way.sheet.unit), READ_BY[register.table]
    return [
        Decoded(CLIENT, server, unit, function, str(register.at), str(register.count), "", ""),
        Decoded(server, CLIENT, unit, function, "", "", ",".join(map(str, words)), ""),
    ]


def test_tshark_understands_what_boxes_say_to_pymodbus_and_meters_to_mbpoll(
    every: Every, debian: Callable[..., str], tmp_path: Path
):
    tshark, mbpoll = debian("tshark"), debian("mbpoll")
    taps, due = [], []
    for way in [one for one in WAYS if one.wire == "tcp"]:
        tap = Tap(every.at[way.name])
        taps.append(tap)
        server = server_of(len(taps))
        limit, steady = limit_of(way.sheet), every.model(way).steady(way, most=1_000)
        register, words = next((one, words) for one, words in steady if one.table in READ_BY)
        due += read(way, server, register, words)
        if way.sheet.kind == "meter":
            Mbpoll(mbpoll, tap.at, way.sheet.unit).read(register)
        else:
            sync = Sync(way, tap.at)
            with sync.client:
                sync.read(register)
                if limit is not None:
                    sync.write(limit, list(encode(limit, LIMIT_MA)))
                    due += written(way, server, limit)
        tap.close()
    write_pcap(tmp_path / "all.pcap", taps)
    found = decoded(tshark, tmp_path / "all.pcap")
    assert [one for one in found if one.wrong] == []
    assert [one for one in due if one not in found] == []


def test_limits_are_written_to_most_boxes():
    boxes = [way.sheet for way in WAYS if way.sheet.kind == "evse"]
    assert len([sheet for sheet in boxes if limit_of(sheet) is not None]) > len(boxes) / 2
