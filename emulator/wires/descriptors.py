"""File descriptors without files: ``add_reader`` and ``add_writer`` for devices that live in the simulation.

Level triggered, as a selector is: as long as a device is readable its reader is called again, pass after pass.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from chargebench.emulator.wires.ground import Ground

FIRST = 1_000_000  # above any descriptor that the system hands out


class Pollable(Protocol):
    """A device behind a descriptor."""

    def can_read(self) -> bool:
        """Reading would give bytes, or an error."""

    def can_write(self) -> bool:
        """Writing would take at least one byte."""

    def will_write(self) -> None:
        """The code that runs now has asked to be told when it may write."""


class _Callback:
    """What is called when a device is ready; ``due``: it will be."""

    def __init__(self, fn: Callable[..., object], args: tuple[object, ...]) -> None:
        self.fn = fn
        self.args = args
        self.context = copy_context()
        self.due = False


@dataclass(slots=True)
class _Entry:
    device: Pollable
    reader: _Callback | None = None
    writer: _Callback | None = None


class Descriptors:
    """The descriptors of one loop."""

    def __init__(self, loop: Ground) -> None:
        self._loop = loop
        self._entries: dict[int, _Entry] = {}
        self._next = count(FIRST)

    def new(self, device: Pollable) -> int:
        """A descriptor for ``device``, never given before."""
        fd = next(self._next)
        self._entries[fd] = _Entry(device)
        return fd

    def free(self, fd: int) -> None:
        """Forget ``fd``; its callbacks are not called any more."""
        self._entries.pop(fd, None)

    def changed(self, fd: int) -> None:
        """The device may have become readable or writable."""
        entry = self._entries.get(fd)
        if entry is None:
            return
        reader, writer = entry.reader, entry.writer
        if reader is not None and not reader.due and entry.device.can_read():
            self._soon(fd, reader)
        if writer is not None and not writer.due and entry.device.can_write():
            self._soon(fd, writer)

    def _soon(self, fd: int, callback: _Callback) -> None:
        callback.due = True
        self._loop.call_soon(self._call, fd, callback, context=callback.context)

    def add_reader(self, fd: int, fn: Callable[..., object], *args: object) -> None:
        """Call ``fn`` whenever ``fd`` is readable."""
        self._entry(fd).reader = _Callback(fn, args)
        self.changed(fd)

    def add_writer(self, fd: int, fn: Callable[..., object], *args: object) -> None:
        """Call ``fn`` whenever ``fd`` is writable."""
        entry = self._entry(fd)
        entry.writer = _Callback(fn, args)
        entry.device.will_write()
        self.changed(fd)

    def remove_reader(self, fd: int) -> bool:
        """Stop; tells whether there was one."""
        entry = self._entries.get(fd)
        if entry is None or entry.reader is None:
            return False
        entry.reader = None
        return True

    def remove_writer(self, fd: int) -> bool:
        """Stop; tells whether there was one."""
        entry = self._entries.get(fd)
        if entry is None or entry.writer is None:
            return False
        entry.writer = None
        return True

    def _entry(self, fd: int) -> _Entry:
        entry = self._entries.get(fd)
        if entry is None:
            raise OSError(9, f"descriptor {fd} is not of this loop: only simulated devices can be polled here")
        return entry

    def _call(self, fd: int, callback: _Callback) -> None:
        callback.due = False
        entry = self._entries.get(fd)
        if entry is None:
            return
        ready = (callback is entry.reader and entry.device.can_read()) or (
            callback is entry.writer and entry.device.can_write()
        )
        if ready:
            callback.fn(*callback.args)
            self.changed(fd)
