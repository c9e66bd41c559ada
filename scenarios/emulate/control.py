"""The local control socket of a play: one line of JSON a request, one an answer, for nobody but the user who started it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from chargebench.datasheets.errors import CannotOpen, Complaint
from chargebench.scenarios.emulate.requests import MOST_BYTES

PATIENCE_S: Final = 10
_LONGEST_ANSWER: Final = 1 << 20


class Control:
    """The socket while it is open; ``path`` is where."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._server: asyncio.AbstractServer | None = None
        self._clients: dict[asyncio.StreamWriter, None] = {}
        self.path = Path()

    async def open(self, path: Path | None = None) -> None:
        """Listen at ``path``, or else in the user's private folder; ``CannotOpen`` where that cannot be."""
        self.path = private_folder() / f"{os.getpid()}.sock" if path is None else path
        try:
            if path is None:
                self.path.unlink(missing_ok=True)  # of an earlier process with our number
            self._server = await asyncio.start_unix_server(self._serve, self.path, limit=MOST_BYTES)
            self.path.chmod(0o600)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            raise CannotOpen(f"control socket {self.path}", why or str(error)) from error

    async def close(self) -> None:
        """Hang up and take the socket away."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._clients):
            writer.close()
        await self._server.wait_closed()
        self.path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients[writer] = None
        try:
            while line := await reader.readline():
                writer.write(self._answer(line))
                await writer.drain()
        except (OSError, ValueError):  # the client has gone, or sends more than a line may hold
            pass
        finally:
            self._clients.pop(writer, None)
            writer.close()


def private_folder() -> Path:
    """Where the sockets of this user are; ``CannotOpen`` where somebody else could reach into it."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime) / "chargebench" if runtime else Path("/tmp") / f"chargebench-{os.getuid()}"  # noqa: S108  (owner and mode are checked)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise CannotOpen(f"control socket in {folder}", error.strerror or str(error)) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise CannotOpen(f"control socket in {folder}", "expected a folder that is yours alone (mode 700)")
    return folder


def tell(request: dict[str, object], path: Path | None = None) -> dict[str, object]:
    """What an emulation answers to a request: the one at ``path``, or else the only one of this user. ``Complaint``
    where there is none, where there are several, and where it refuses.
    """
    connection = _connect(path) if path else _only()
    with connection:
        connection.settimeout(PATIENCE_S)
        try:
            connection.sendall(json.dumps(request, ensure_ascii=False).encode() + b"\n")
            answer = json.loads(_line(connection))
        except (OSError, ValueError) as error:
            raise CannotOpen("control socket", f"the emulation does not answer: {error}") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("done"), dict):
        raise Complaint(
            str(answer.get("wrong")) if isinstance(answer, dict) else "the emulation answers something else"
        )
    done: dict[str, object] = answer["done"]
    return done


def _line(connection: socket.socket) -> bytes:
    found = b""
    while not found.endswith(b"\n"):
        more = connection.recv(65_536)
        if not more or len(found) > _LONGEST_ANSWER:
            raise ValueError("it has hung up")
        found += more
    return found


def _only() -> socket.socket:
    """A connection to the one emulation there is."""
    found: list[tuple[Path, socket.socket]] = []
    for path in sorted(private_folder().glob("*.sock")):
        with suppress(CannotOpen):  # left behind by one that was killed
            found.append((path, _connect(path)))
    if len(found) == 1:
        return found[0][1]
    for _, connection in found:
        connection.close()
    if not found:
        raise CannotOpen("control socket", "no emulation of yours is running here: chargebench emulate SITE")
    raise Complaint(f"expected --to and one of {', '.join(str(path) for path, _ in found)}")


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except OSError as error:
        connection.close()
        raise CannotOpen(f"control socket {path}", error.strerror or str(error)) from error
    return connection
