"""What happened on every channel of a run, as one hash: the evidence that two runs were the same.

One SHA-256 for each channel, combined in the order of their names: in which order *different* channels act within one
instant is not hashed, because asyncio's inner steps, which differ between Python versions, decide it. What one
channel does is hashed to the microsecond and the byte.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

CHECKPOINT_EVERY = 1_000  # records of a channel from one checkpoint hash to the next
LAST_KEPT = 32  # records of a channel that are kept for reports

Sink = Callable[[str, int, str, bytes], None]


@dataclass(frozen=True, slots=True)
class Record:
    """Something that happened on ``channel`` at ``at_us``."""

    channel: str
    at_us: int
    kind: str
    data: bytes = b""

    def __str__(self) -> str:
        return f"{self.at_us} us {self.channel}: {self.kind} {self.data.hex(' ')}".rstrip()


class Channel:
    """One channel of a trace. ``count`` records so far, the last one at ``last_us``.

    ``checkpoints[i]`` is the hash (hexadecimal) after ``(i + 1) * CHECKPOINT_EVERY`` records.
    """

    __slots__ = ("_hash", "_last", "_sink", "checkpoints", "count", "last_us", "name")

    def __init__(self, name: str, sink: Sink | None) -> None:
        self.name = name
        self._sink = sink
        self._hash = sha256(name.encode() + b"\n")
        self._last: deque[tuple[int, str, bytes]] = deque(maxlen=LAST_KEPT)
        self.checkpoints: list[str] = []
        self.count = 0
        self.last_us = -1

    def record(self, at_us: int, kind: str, data: bytes = b"") -> None:
        """``kind`` happened at ``at_us`` with ``data`` (the bytes on a wire, or a rendering of what was decided)."""
        # Lengths go before contents, so that no two different sequences of records feed the hash the same bytes.
        self._hash.update(b"%d %d %d\n%b%b" % (at_us, len(kind), len(data), kind.encode(), data))
        self._last.append((at_us, kind, data))
        self.last_us = at_us
        self.count = count = self.count + 1
        if not count % CHECKPOINT_EVERY:
            self.checkpoints.append(self._hash.hexdigest())
        if self._sink is not None:
            self._sink(self.name, at_us, kind, data)

    def hexdigest(self) -> str:
        """Hash of the channel as it stands."""
        return self._hash.hexdigest()

    def last(self) -> list[Record]:
        """The latest records, oldest first, at most ``LAST_KEPT``."""
        return [Record(self.name, *entry) for entry in self._last]


class Trace:
    """All channels of a run. ``sink``, where given, is called with every record: channel, at_us, kind, data."""

    def __init__(self, sink: Sink | None = None) -> None:
        self._sink = sink
        self._taps: dict[str, Sink] = {}
        self._channels: dict[str, Channel] = {}

    def tap(self, begins: str, sink: Sink) -> None:
        """Give ``sink`` every record, too, of the channels whose names begin so and that are made from now on."""
        self._taps[begins] = sink

    def channel(self, name: str) -> Channel:
        """The channel of this name, made when it is first asked for."""
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = Channel(name, self._to(name))
        return channel

    def _to(self, name: str) -> Sink | None:
        """Whoever is given the records of a channel."""
        found = [tap for begins, tap in self._taps.items() if name.startswith(begins)]
        sinks = found if self._sink is None else [self._sink, *found]
        if len(sinks) < 2:
            return sinks[0] if sinks else None

        def all_of_them(channel: str, at_us: int, kind: str, data: bytes) -> None:
            for sink in sinks:
                sink(channel, at_us, kind, data)

        return all_of_them

    def record(self, channel: str, at_us: int, kind: str, data: bytes = b"") -> None:
        """Record on a channel by its name."""
        self.channel(channel).record(at_us, kind, data)

    def last_us(self, channel: str) -> int:
        """When the channel's last record was made; -1 where there is none."""
        known = self._channels.get(channel)
        return -1 if known is None else known.last_us

    def channels(self) -> list[Channel]:
        """The channels that have records, in the order of their names."""
        return [channel for _, channel in sorted(self._channels.items()) if channel.count]

    def counts(self) -> dict[str, int]:
        """Number of records of each channel, in the order of their names."""
        return {channel.name: channel.count for channel in self.channels()}

    def hexdigest(self) -> str:
        """The hash of the run: every channel's name and hash, in the order of their names."""
        whole = sha256()
        for channel in self.channels():
            name = channel.name.encode()
            whole.update(b"%d:%s=%s\n" % (len(name), name, channel.hexdigest().encode()))
        return whole.hexdigest()

    def last(self, count: int = LAST_KEPT) -> list[Record]:
        """The latest records of all channels, oldest first; within one instant in the order of the channels' names."""
        records = [record for channel in self.channels() for record in channel.last()]
        records.sort(key=lambda record: record.at_us)
        return records[-count:] if count else []
