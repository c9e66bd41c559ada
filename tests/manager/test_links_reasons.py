"""Why something could not be opened: in words, and from real ports of this machine."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

import pytest

from chargebench.manager.links.master import line_master, tcp_master
from chargebench.manager.links.reasons import NOT_THERE, reason
from chargebench.manager.site import SerialAddress

LINE = SerialAddress("COM1", 9600, 8, "N", 1)


@pytest.mark.parametrize(
    ("error", "tcp", "said"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"), True, NOT_THERE),
        (OSError("Multiple exceptions"), True, NOT_THERE),
        (OSError(errno.EHOSTUNREACH, "x"), True, "no way to the host"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), True, "Name or service not known"),
        (OSError(errno.ENOENT, "could not open port"), False, "there is no such port"),
        (PermissionError(errno.EACCES, "could not open port"), False, "permission denied"),
        (OSError(errno.EAGAIN, "Could not exclusively lock port"), False, "another program has it open"),
        (OSError("Could not configure port"), False, "Could not configure port"),
        (OSError(), False, NOT_THERE),
        (OSError(errno.EIO, "Input/output error"), False, "Input/output error"),
    ],
)
def test_an_error_of_opening_is_told_in_words(error, tcp, said):
    assert reason(error, tcp=tcp).startswith(said)


def opened(master):
    async def main():
        why = await master.open(2_000_000)
        master.close()
        return why

    return asyncio.run(main())


@pytest.mark.serial
def test_real_ports_say_why_they_cannot_be_opened(tmp_path):
    def line(path):
        return opened(line_master(str(path), LINE, lambda _: None))

    assert line(tmp_path / "ttyUSB0") == "there is no such port"
    (tmp_path / "file").write_bytes(b"")
    assert line(tmp_path / "file").startswith("Could not configure port")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert opened(tcp_master("127.0.0.1", port, lambda _: None)) == NOT_THERE
    slave, ours = os.openpty()
    name = os.ttyname(ours)
    first = line_master(name, LINE, lambda _: None)

    async def twice():
        assert await first.open(2_000_000) == ""
        second = line_master(name, LINE, lambda _: None)
        try:
            return await second.open(2_000_000)
        finally:
            first.close()
            second.close()

    assert asyncio.run(twice()) == "another program has it open"
    os.close(slave)
    os.close(ours)
