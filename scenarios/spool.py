"""What grows with every hour of a run, kept in order: the first rows in memory, and all of them on disk when they are many.

The disk is a private temporary database of SQLite, which is gone with the spool. So a day of 25 boxes needs no more memory
than an hour.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload
from weakref import finalize

IN_MEMORY = 20_000
BATCH = 2_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shape(Generic[T]):
    """How things of one kind are ordered, written down (beside their key) and read again."""

    key: Callable[[T], tuple[int, str]]
    write: Callable[[T], str]
    read: Callable[[int, str, str], T]


class Spool(Sequence[T]):
    """A sequence in the order of its things' keys, and else as they came."""

    def __init__(self, form: Shape[T]) -> None:
        self._form = form
        self._new: list[T] = []
        self._sorted = True
        self._stored = 0
        self._disk: sqlite3.Connection | None = None

    def add(self, thing: T) -> None:
        """One more; it may be read from now on."""
        self._new.append(thing)
        self._sorted = False
        if len(self._new) >= (IN_MEMORY if self._disk is None else BATCH):
            self._store()

    def _store(self) -> None:
        if self._disk is None:
            self._disk = sqlite3.connect("")  # private, on disk as far as it is large, deleted when it is closed
            finalize(self, self._disk.close)
            self._disk.execute("CREATE TABLE rows (first INTEGER, second TEXT, number INTEGER, body TEXT)")
        rows = ((*self._form.key(one), self._stored + k, self._form.write(one)) for k, one in enumerate(self._new))
        self._disk.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", rows)
        self._disk.commit()
        self._stored += len(self._new)
        self._new.clear()

    def _ordered(self) -> list[T]:
        """What is in memory, where nothing is on disk."""
        if not self._sorted:
            self._new.sort(key=self._form.key)
            self._sorted = True
        return self._new

    def _rows(self, count: int = -1, offset: int = 0) -> Iterator[T]:
        if self._new:
            self._store()
        assert self._disk is not None
        select = "SELECT first, second, body FROM rows ORDER BY first, second, number LIMIT ? OFFSET ?"
        return (self._form.read(*row) for row in self._disk.execute(select, (count, offset)))

    def __len__(self) -> int:
        return self._stored + len(self._new)

    def __iter__(self) -> Iterator[T]:
        return iter(self._ordered() if self._disk is None else self._rows())

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...

    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        if self._disk is None or isinstance(at, slice):
            return list(self)[at]
        place = range(len(self))[at]
        return next(self._rows(1, place))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(one == its for one, its in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # it grows
