"""Text that goes out without anybody being waited for: pipes that nobody reads, readers that go, terminals that are held."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import socket
import termios
from pathlib import Path

import pytest

from chargebench.manager.service.outlet import MOST_BYTES, Outlet

pytestmark = pytest.mark.serial
MOST_TURNS = 10_000


def stream(fd):
    return io.TextIOWrapper(os.fdopen(os.dup(fd), "wb"), encoding="utf-8")


def with_outlet(fd, act):
    async def main():
        with stream(fd) as text:
            outlet = Outlet(text)
            try:
                return await act(outlet)
            finally:
                await outlet.close()

    return asyncio.run(main())


def taken(fd):
    """What can be read now."""
    try:
        return os.read(fd, 1 << 16)
    except BlockingIOError:
        return b""


@pytest.fixture
def pipe():
    ends = os.pipe()
    os.set_blocking(ends[0], False)
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:  # the reader that went
            continue


def test_what_a_pipe_takes_is_there_at_once_and_the_pipe_itself_stays_as_it_was(pipe):
    reads, writes = pipe

    async def act(outlet):
        assert outlet.write("16 A, für zoe\n") == 14
        assert not outlet.busy
        assert os.get_blocking(writes)
        return taken(reads).decode()

    assert with_outlet(writes, act) == "16 A, für zoe\n"


def test_a_pipe_that_nobody_reads_holds_nobody_up_and_loses_whole_texts_only(pipe):
    reads, writes = pipe
    line = "x" * 999 + "\n"

    async def act(outlet):
        for _ in range(2 * MOST_BYTES // 1000):
            outlet.write(line)
        assert outlet.busy
        assert outlet.dropped > 0
        got = b""
        while outlet.busy:
            got += taken(reads)
            await asyncio.sleep(0)
        outlet.write("after\n")
        while data := taken(reads):
            got += data
        return got.decode(), outlet.dropped

    got, dropped = with_outlet(writes, act)
    lines = got.splitlines(keepends=True)
    assert lines[-1] == "after\n"
    assert set(lines[:-1]) == {line}
    assert len(lines) - 1 + dropped == 2 * MOST_BYTES // 1000


def test_what_still_waits_in_the_end_is_written_where_somebody_takes_it(pipe):
    reads, writes = pipe

    async def act(outlet):
        outlet.write("x" * 200_000)
        asyncio.get_running_loop().add_reader(reads, lambda: got.append(taken(reads)))

    got: list[bytes] = []
    with_outlet(writes, act)
    while sum(map(len, got)) < 200_000:
        got.append(taken(reads))
    assert sum(map(len, got)) == 200_000


def test_a_reader_that_goes_is_no_trouble(pipe):
    reads, writes = pipe

    async def act(outlet):
        os.close(reads)
        outlet.write("one\n")
        outlet.write("two\n")
        return outlet.gone, outlet.busy

    assert with_outlet(writes, act) == (True, False)


def test_a_file_is_written_and_one_that_is_full_is_tried_again(tmp_path, monkeypatch):
    path = tmp_path / "out"
    real = os.write
    full = OSError(28, "No space left on device")

    def fails(*_):
        raise full

    async def act(outlet):
        outlet.write("one\n")
        monkeypatch.setattr(os, "write", fails)
        outlet.write("two\n")
        monkeypatch.setattr(os, "write", real)
        outlet.write("three\n")
        return outlet.gone, outlet.dropped

    with path.open("wb") as file:
        assert with_outlet(file.fileno(), act) == (False, 1)
    assert path.read_text() == "one\nthree\n"


def test_a_socket_blocks_again_for_those_who_come_after():
    here, there = socket.socketpair()
    with here, there:

        async def act(outlet):
            outlet.write("x" * (MOST_BYTES - 1))
            return os.get_blocking(here.fileno()), outlet.busy

        assert with_outlet(here.fileno(), act) == (False, True)
        assert os.get_blocking(here.fileno())


def test_a_terminal_that_is_held_takes_nothing_and_holds_nothing_up():
    ours, theirs = pty.openpty()

    async def act(outlet):
        assert outlet.isatty()
        termios.tcflow(theirs, termios.TCOOFF)
        outlet.write("held\n")
        held = outlet.busy
        termios.tcflow(theirs, termios.TCOON)
        for _ in range(MOST_TURNS):
            await asyncio.sleep(0)
            if not outlet.busy:
                break
        return held, os.read(ours, 100)

    assert with_outlet(theirs, act) == (True, b"held\r\n")
    os.close(ours)
    os.close(theirs)


def test_nothing_is_left_open(tmp_path):
    def descriptors():
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    async def act(outlet):
        outlet.write("one\n")

    before = descriptors()
    with (tmp_path / "out").open("wb") as file:
        with_outlet(file.fileno(), act)
    assert descriptors() == before
