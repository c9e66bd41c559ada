"""All randomness of a run: named streams of numbers, each a pure function of seed, names and place in the stream."""

from __future__ import annotations

from hashlib import blake2b

_WORD = 1 << 64


class Stream:
    """One named stream of 64-bit numbers. Number ``k`` is the same whoever else draws, and however often.

    ``at(k)`` looks up a number; ``next``, ``below`` and ``between`` walk along the stream from ``drawn`` on.
    """

    __slots__ = ("_base", "drawn")

    def __init__(self, seed: int, *names: str) -> None:
        self._base = blake2b(b"chargebench %d" % seed, digest_size=8)
        for name in names:
            data = name.encode()
            self._base.update(b" %d:" % len(data) + data)
        self.drawn = 0

    def at(self, k: int) -> int:
        """Number ``k`` (0 and up) of the stream, 0..2^64-1."""
        digest = self._base.copy()
        digest.update(k.to_bytes(8, "big"))
        return int.from_bytes(digest.digest(), "big")

    def next(self) -> int:
        """The next number, 0..2^64-1."""
        number = self.at(self.drawn)
        self.drawn += 1
        return number

    def below(self, n: int) -> int:
        """A whole number 0..n-1, each equally likely; n is 1..2^64."""
        if not 0 < n <= _WORD:
            raise ValueError(f"expected a bound of 1 to 2^64, got {n}")
        limit = _WORD - _WORD % n  # numbers from here up would favour the small ones
        while True:
            number = self.at(self.drawn)
            self.drawn += 1
            if number < limit:
                return number % n

    def between(self, low: int, high: int) -> int:
        """A whole number low..high, both included, each equally likely."""
        n = high - low + 1
        number = self.at(self.drawn)
        self.drawn += 1
        if n > 0 and number < _WORD - _WORD % n:  # numbers beyond would favour the small ones
            return low + number % n
        return low + self.below(n)


class Streams:
    """The streams of one seed."""

    __slots__ = ("seed",)

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def stream(self, *names: str) -> Stream:
        """The stream of this name, from its beginning; names are parts, ``("a", "bc")`` is not ``("ab", "c")``."""
        return Stream(self.seed, *names)
