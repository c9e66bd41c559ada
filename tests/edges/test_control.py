"""The control socket: for its user alone, found by itself where there is one, gone with its emulation."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from pathlib import Path

import pytest

from chargebench.datasheets.errors import CannotOpen, Complaint
from chargebench.scenarios.emulate.control import Control, private_folder, tell
from chargebench.scenarios.emulate.requests import MOST_BYTES

pytestmark = pytest.mark.serial


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "chargebench"


def echo(line: bytes) -> bytes:
    return json.dumps({"done": json.loads(line)}).encode() + b"\n"


def with_controls(count: int, folder: Path, act):
    """What ``act`` gives while so many emulations are there; the first is at the standard place."""

    async def main():
        controls = [Control(echo) for _ in range(count)]
        for number, control in enumerate(controls):
            await control.open(None if number == 0 else folder / f"{number}.sock")
        try:
            return await asyncio.to_thread(act), [control.path for control in controls]
        finally:
            for control in controls:
                await control.close()

    return asyncio.run(main())


def test_the_only_one_is_found_and_answers(runtime: Path):
    (found, (path,)) = with_controls(1, runtime, lambda: tell({"do": "show"}))
    assert found == {"do": "show"}
    assert path.parent == runtime
    assert not path.exists()


def test_nobody_else_gets_at_it(runtime: Path):
    def modes():
        (path,) = runtime.glob("*.sock")
        return [stat.S_IMODE(one.stat().st_mode) for one in (runtime, path)]

    assert with_controls(1, runtime, modes)[0] == [0o700, 0o600]
    runtime.chmod(0o755)
    with pytest.raises(CannotOpen, match="yours alone"):
        private_folder()


def test_where_there_are_several_one_must_be_named(runtime: Path):
    def act():
        with pytest.raises(Complaint, match="expected --to and one of "):
            tell({})
        return tell({"two": 2}, runtime / "1.sock")

    assert with_controls(2, runtime, act)[0] == {"two": 2}


def test_what_was_left_behind_is_passed_over(runtime: Path):
    private_folder()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(runtime / "1.sock"))
    assert with_controls(1, runtime, lambda: tell({"do": "show"}))[0] == {"do": "show"}
    with pytest.raises(CannotOpen, match="no emulation of yours is running here"):
        tell({})


def test_a_line_without_end_is_hung_up_on(runtime: Path):
    def act():
        (path,) = runtime.glob("*.sock")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(path))
            try:
                client.sendall(b"x" * 20 * MOST_BYTES)
                return client.recv(1)
            except (BrokenPipeError, ConnectionResetError):
                return b""

    assert with_controls(1, runtime, act)[0] == b""
