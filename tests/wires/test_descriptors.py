from __future__ import annotations

import asyncio

import pytest

from chargebench.emulator.clock import Livelock, SimLoop, running


class Box:
    """A device behind a descriptor: readable while it holds letters, writable while it has room."""

    def __init__(self):
        self.descriptors = running().descriptors
        self.letters, self.room, self.asked = [], 0, 0
        self.fd = self.descriptors.new(self)

    def fileno(self):
        return self.fd

    def can_read(self):
        return bool(self.letters)

    def can_write(self):
        return self.room > 0

    def will_write(self):
        self.asked += 1

    def put(self, letter):
        self.letters.append(letter)
        self.descriptors.changed(self.fd)


def run(main):
    return SimLoop().run(main)


def test_a_reader_is_called_as_long_as_there_is_something_to_read():
    async def main():
        loop, box = running(), Box()
        got: list[object] = []
        box.put("before")
        loop.add_reader(box, lambda: got.append(box.letters.pop(0)))
        box.put("a")
        box.put("b")
        await asyncio.sleep(1)
        box.put("c")
        await asyncio.sleep(1)
        return got

    assert run(main()) == ["before", "a", "b", "c"]


def test_a_writer_is_called_as_long_as_there_is_room():
    async def main():
        loop, box = running(), Box()
        got: list[object] = []

        def write():
            box.room -= 1
            got.append(loop.now_us)

        loop.add_writer(box.fd, write)
        await asyncio.sleep(1)
        box.room = 2
        box.descriptors.changed(box.fd)
        await asyncio.sleep(1)
        return got, box.asked

    assert run(main()) == ([1_000_000, 1_000_000], 1)


def test_removing_a_callback_stops_it_even_where_it_is_due():
    async def main():
        loop, box = running(), Box()
        got: list[object] = []
        box.room = 1
        loop.add_reader(box.fd, got.append, "read")
        loop.add_writer(box.fd, got.append, "written")
        box.put("a")
        assert (loop.remove_reader(box.fd), loop.remove_writer(box.fd)) == (True, True)
        assert (loop.remove_reader(box.fd), loop.remove_writer(box.fd)) == (False, False)
        await asyncio.sleep(1)
        return got

    assert run(main()) == []


def test_a_new_callback_takes_the_place_of_the_old():
    async def main():
        loop, box = running(), Box()
        got: list[object] = []
        loop.add_reader(box.fd, got.append, "old")
        box.put("a")
        loop.add_reader(box.fd, lambda: got.append(box.letters.pop()))
        await asyncio.sleep(1)
        return got

    assert run(main()) == ["a"]


def test_a_descriptor_that_is_freed_is_silent_and_unknown():
    async def main():
        loop, box = running(), Box()
        got: list[object] = []
        loop.add_reader(box.fd, got.append, "read")
        box.put("a")
        box.descriptors.free(box.fd)
        box.put("b")
        await asyncio.sleep(1)
        assert loop.remove_reader(box.fd) is False
        assert loop.remove_writer(box.fd) is False
        with pytest.raises(OSError, match=f"descriptor {box.fd} is not of this loop"):
            loop.add_reader(box.fd, print)
        assert Box().fd != box.fd
        return got

    assert run(main()) == []


def test_real_descriptors_cannot_be_polled_in_a_run():
    async def main():
        with pytest.raises(OSError, match="descriptor 1 is not of this loop"):
            running().add_writer(1, print)

    run(main())


def test_a_reader_that_does_not_read_is_a_livelock_as_it_would_be_a_busy_processor():
    async def main():
        box = Box()
        running().add_reader(box.fd, lambda: None)
        box.put("a")
        await asyncio.sleep(1)

    with pytest.raises(Livelock):
        run(main())
