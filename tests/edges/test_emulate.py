"""``chargebench emulate`` and ``tell`` as programs: real ports, foreign clients, Ctrl-C, and a judgement by exit status."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pymodbus.client import ModbusTcpClient

pytestmark = pytest.mark.serial
DEADLINE_S = 60
MOST_READS = 2_000
PROGRAM = (sys.executable, "-c", "from chargebench.scenarios.cli import main; main()")

SITE = """\
connection: {max_total_power: 14 kW}
evses:
  - {name: internal, device: power-brain}
  - {name: garage, device: power-brain, at: "192.168.2.151:14701"}
  - {name: yard, device: power-brain, at: "COM1,9600,8,n,1", id: 2}
meters:
  - {name: house, device: eastron-sdm630, at: "COM1,9600,8,n,1", id: 101, role: grid supply}
"""

# 13 kW are 18.8 A: the car and the house are above it together, unless somebody holds the car back.
SCENARIO = """\
scenario: a car that must be held back
start: 2026-01-12 18:00
for: 3 min
site:
  connection: {max_total_power: 13 kW}
  evses:
    - {name: garage, device: power-brain, at: "192.168.2.151:14701"}
world:
  house: {load: [[18:00, 5 A]]}
  cars:
    - {car: {phases: 3, power: 11 kW}, as: zoe, at: 18:01, plugs: garage, wants: 20 kWh, below: 0 A}
expect:
  - never: {limit_exceeded: above 0 A}
  - finally: {car: zoe, energy: at least 0.1 kWh}
  - finally: {commands: at least 1}
"""


class Started(NamedTuple):
    """An emulation that serves: its process, where its devices are, its control socket."""

    process: subprocess.Popen[str]
    at: dict[str, str]
    serving: list[dict[str, Any]]
    control: str | None

    def ctrl_c(self) -> tuple[int, str]:
        """Exit status and the rest of stdout."""
        self.process.send_signal(signal.SIGINT)
        out, _ = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out

    def tell(self, *words: str) -> dict[str, Any]:
        assert self.control is not None
        command = (*PROGRAM, "tell", "--to", self.control, *words, "--json")
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {"status": done.returncode, "wrong": done.stderr}


@contextmanager
def emulated(tmp_path: Path, *words: str) -> Iterator[Started]:
    env = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    pipe = subprocess.PIPE
    with subprocess.Popen((*PROGRAM, "emulate", *words, "--json"), stdout=pipe, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            first = json.loads(process.stdout.readline())
            found = {one["name"]: one["at"] for one in first["serving"]}
            yield Started(process, found, first["serving"], first.get("control"))
        finally:
            if process.poll() is None:
                process.kill()


def in_its_turn(begin: Callable[[], Started]) -> Started:
    """What begins once no other test has the port of an internal EVSE, which others take only where it is free."""
    late = time.monotonic() + DEADLINE_S
    while True:
        try:
            return begin()
        except json.JSONDecodeError:
            if time.monotonic() > late:
                raise
        time.sleep(0.2)


def client(at: str) -> ModbusTcpClient:
    host, _, port = at.rpartition(":")
    found = ModbusTcpClient(host, port=int(port), timeout=5)
    assert found.connect()
    return found


def comes_to(master: ModbusTcpClient, address: int, word: int) -> None:
    """Read until the register holds this."""
    for _ in range(MOST_READS):
        if master.read_holding_registers(address, device_id=1).registers == [word]:
            return
    raise AssertionError(f"{address} has not come to {word}")


@pytest.fixture
def site(tmp_path: Path) -> str:
    path = tmp_path / "site.yaml"
    path.write_text(SITE, "utf-8")
    return str(path)


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "held-back.yaml"
    path.write_text(SCENARIO, "utf-8")
    return str(path)


def test_a_foreign_client_reads_writes_and_sees_what_people_do(tmp_path: Path, site: str):
    with emulated(tmp_path, site, "--speed", "50") as one:
        assert list(one.at) == ["internal", "garage", "yard", "house"]
        assert one.tell("plug", "garage", "--as", "zoe") == {"plugged": "zoe", "box": "garage"}
        with client(one.at["garage"]) as master:
            comes_to(master, 8092, 2)  # state C: the car charges
            assert not master.write_register(8093, 100, device_id=1).isError()
            comes_to(master, 8095, 100)  # what its pilot offers
        shown = one.tell("show")["boxes"]["garage"]
        assert (shown["car"], shown["limit_ma"], shown["drawn_ma"]) == ("zoe", 10_000, 9_500)
        assert one.tell("fault", "silence", "garage") == {"fault": "silence", "on": "garage"}
        refused = one.tell("plug", "garage")
        assert refused == {"status": 2, "wrong": "expected a box that is free, and zoe is plugged in at garage\n"}
        assert one.tell("unplug", "garage") == {"unplugged": "zoe", "box": "garage"}
        assert one.ctrl_c() == (0, "")
        assert not Path(str(one.control)).exists()


def test_the_line_to_type_for_a_first_read_reads(tmp_path: Path, site: str, debian: Callable[..., str]):
    debian("mbpoll")
    command = (*PROGRAM, "emulate", site, "--speed", "50", "--control", str(tmp_path / "socket"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout is not None
        head: list[str] = []
        while not head or not head[-1].startswith("chargebench tell"):
            head.append(process.stdout.readline())
        lines = {line.split()[0]: line[line.index("mbpoll") :].strip() for line in head if "mbpoll" in line}
        assert list(lines) == ["internal", "garage", "yard", "house"]
        for name, line in lines.items():
            polled = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=DEADLINE_S, check=False)
            assert polled.returncode == 0, polled.stderr
            value = "230" if name == "house" else "0"  # volts, and state A
            assert re.findall(r"^\[\d+\]:\s+(\S+)", polled.stdout, re.MULTILINE) == [value], name
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0


def test_own_addresses_are_those_of_the_site_but_for_their_first_number(tmp_path: Path, site: str):
    with ExitStack() as stack:
        one = in_its_turn(lambda: stack.enter_context(emulated(tmp_path, site, "--own-addresses")))
        assert (one.at["internal"], one.at["garage"]) == ("127.0.0.1:4701", "127.168.2.151:14701")
        with client("127.168.2.151:14701") as master:
            assert master.read_holding_registers(8093, device_id=1).registers == [160]


def test_a_master_that_holds_the_car_back_passes_and_none_fails(tmp_path: Path, scenario: str):
    with emulated(tmp_path, scenario, "--judge", "--speed", "30") as one:
        assert one.control is None
        with client(one.at["garage"]) as master:
            assert not master.write_register(8093, 120, device_id=1).isError()
        out, _ = one.process.communicate(timeout=DEADLINE_S)
        verdict = json.loads(out)
        assert (one.process.returncode, verdict["verdict"], verdict["hash"], verdict["tier"]) == (
            0,
            "pass",
            None,
            "real time",
        )
        judged = [(expected["name"].split(":")[0], expected["verdict"]) for expected in verdict["expectations"]]
        assert judged == [("never", "pass"), ("finally", "pass"), ("finally", "not judged")]
    with emulated(tmp_path, scenario, "--judge", "--speed", "3600") as one:
        out, _ = one.process.communicate(timeout=DEADLINE_S)
        verdict = json.loads(out)
        assert (one.process.returncode, verdict["verdict"]) == (1, "fail")
        assert verdict["expectations"][0]["first_violation"].startswith("18:01:")
        assert verdict["again"] == f"chargebench emulate {scenario} --judge --speed 3600"


def test_a_judgement_that_is_broken_off_judges_nothing(tmp_path: Path, scenario: str):
    with emulated(tmp_path, scenario, "--judge") as one:
        assert one.ctrl_c() == (130, "")


def refused(*words: str) -> tuple[int, str]:
    done = subprocess.run((*PROGRAM, *words), capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_port_in_use_is_one_sentence_and_exit_3(site: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = refused("emulate", site, "--port", f"garage={port}")
        assert (status, said) == (3, f"127.0.0.1:{port} for garage: address already in use\n")
    status, said = refused("emulate", site, "--line", "COM1=/dev/no-such-port")
    assert status == 3
    assert said.startswith("/dev/no-such-port for COM1: ")
    assert said.count("\n") == 1


def test_what_cannot_be_served_is_told_before_a_port_is_opened(tmp_path: Path, site: str):
    assert refused("emulate", site, "--judge") == (2, f"{site}: expected a scenario to judge by, got a bare site\n")
    assert refused("emulate", site, "--own-addresses", "--listen", "0.0.0.0")[0] == 2
    status, said = refused("tell", "--to", str(tmp_path / "nobody"), "show")
    assert (status, said) == (3, f"control socket {tmp_path / 'nobody'}: No such file or directory\n")


def test_listening_to_other_machines_is_warned_of(tmp_path: Path, site: str):
    command = (*PROGRAM, "emulate", site, "--listen", "0.0.0.0", "--json", "--control", str(tmp_path / "socket"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith('{"serving": [')
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=DEADLINE_S)
        assert (process.returncode, said.splitlines()[0].partition(".")[0]) == (0, "warning: served at 0")
        assert "Modbus has no authentication" in said
