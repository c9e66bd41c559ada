"""The file of a live capture: what it overwrites, its pieces, and that nobody ever waits for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chargebench.datasheets.errors import CannotOpen
from chargebench.manager.proxy import pcapng
from chargebench.manager.proxy.capture_file import OLDER, WAITING_MOST, CaptureFile, open_capture, piece
from tests.pcapng import read

HEAD = pcapng.section() + pcapng.interface(pcapng.RAW_IP, "bus", "")
LARGE = 100_000


def block(number: int, size: int = LARGE) -> bytes:
    return pcapng.packet(0, number, bytes(size))


def captured(path: Path, story: Callable[[CaptureFile], Awaitable[None]], most: int = 64_000_000) -> list[str]:
    """Capture a story; what was told to a person."""
    told: list[str] = []

    async def main() -> None:
        file = CaptureFile(path, lambda: HEAD, told.append, most)
        assert file.put(HEAD, True)
        await story(file)
        await file.close()

    asyncio.run(main())
    return told


def test_a_file_is_cut_into_pieces_each_of_which_can_be_read_and_the_oldest_go(tmp_path: Path):
    async def story(file: CaptureFile) -> None:
        for number in range(3 * (OLDER + 3)):
            assert file.put(block(number), False)

    path = tmp_path / "line.pcapng"
    assert captured(path, story, most=3 * LARGE + 10_000) == []
    pieces = [piece(path, k) for k in range(OLDER, -1, -1)]
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(one.name for one in pieces)
    assert pieces[-2].name == "line.1.pcapng"
    assert [packet.at_us for one in pieces for packet in read(one).packets] == [*range(6, 3 * (OLDER + 3))]
    assert [one.name for one in read(pieces[0]).interfaces] == ["bus"]


def test_what_is_put_is_in_the_file_a_moment_later_with_nobody_closing_it(tmp_path: Path):
    path = tmp_path / "line.pcapng"

    async def story(file: CaptureFile) -> None:
        file.put(block(1), False)
        while path.stat().st_size < LARGE:  # noqa: ASYNC110 a thread writes it
            await asyncio.sleep(0.01)
        assert [one.at_us for one in read(path).packets] == [1]

    captured(path, story)


def test_a_pipe_that_nobody_empties_holds_up_nobody_and_what_has_no_room_is_counted(tmp_path: Path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    async def story(file: CaptureFile) -> None:
        file.put(block(0), False)
        await asyncio.sleep(0.3)  # by now the pipe is full
        taken = [file.put(block(number), False) for number in range(WAITING_MOST // LARGE + 5)]
        assert taken.count(False) == file.dropped > 0
        assert file.put(block(99, 8), True)
        loop, emptied = asyncio.get_running_loop(), asyncio.Event()

        def empty() -> None:
            while os.read(reader, 1 << 20):
                emptied.set()

        loop.add_reader(reader, lambda: _quietly(empty))
        await emptied.wait()
        loop.call_later(1, loop.remove_reader, reader)

    told = captured(path, story)
    os.close(reader)
    assert told == [f"{path} does not take packets in time; those that have no room are left out"]


def _quietly(read_all: Callable[[], None]) -> None:
    try:
        read_all()
    except BlockingIOError:
        return


def test_a_disk_that_is_full_is_told_once_and_ends_the_capture_alone():
    async def story(file: CaptureFile) -> None:
        file.put(block(0), False)
        while file.put(block(1, 8), False):  # noqa: ASYNC110 a thread writes it
            await asyncio.sleep(0.01)
        assert file.dropped == 1

    assert captured(Path("/dev/full"), story) == ["/dev/full cannot be written any more: No space left on device"]


def test_only_captures_are_overwritten(tmp_path: Path):
    path = tmp_path / "thesis.txt"
    path.write_text("years of work")
    with pytest.raises(CannotOpen, match="it is no capture, and nothing else is overwritten"):
        open_capture(path)
    assert path.read_text() == "years of work"
    path.write_bytes(HEAD)
    os.close(open_capture(path))
    assert path.read_bytes() == b""


def test_a_pipe_without_a_reader_and_a_folder_are_told(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CannotOpen, match="nobody reads this pipe"):
        open_capture(tmp_path / "pipe")
    with pytest.raises(CannotOpen, match="cannot be written: Is a directory"):
        open_capture(tmp_path)
    with pytest.raises(CannotOpen, match="No such file or directory"):
        open_capture(tmp_path / "none" / "line.pcapng")
