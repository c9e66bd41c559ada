"""Runs that do not go on: what they raise."""

from __future__ import annotations

from datetime import datetime, timedelta

PATIENCE_US = 60_000_000  # how long a request may stay open, and how long an exception may stay untaken
NEVER_US = 1 << 62


class Hang(Exception):
    """The run cannot go on: ``args`` are the instant, as text, and the names of who waits or spins."""

    says = "stuck at {at}: {who}"

    def __init__(self, at: str, who: tuple[str, ...]) -> None:
        super().__init__(at, who)

    def __str__(self) -> str:
        at, who = self.args
        return self.says.format(at=at, who=", ".join(who) or "nobody")


class Deadlock(Hang):
    """Nothing is left to happen, and somebody waits."""

    says = "deadlock at {at}, waiting: {who}"


class Livelock(Hang):
    """Time stands still while callbacks follow one another without end."""

    says = "livelock at {at}, spinning: {who}"


class Starved(Hang):
    """A request has been open for a minute in which nothing happened on its channel."""

    says = "starved at {at}, waiting: {who}"


class Unwilling(Hang):
    """Tasks that were cancelled at the end of a run have not ended within a minute."""

    says = "unwilling to end at {at}: {who}"


class Broken(Exception):
    """The loop was told of trouble that came without an exception; ``args[0]`` says what."""


def instant(start: datetime | None, now_us: int) -> str:
    """``now_us`` as a time of day, ``12:03:07.2`` (with the date from the second day on), or as time since the start."""
    seconds, us = divmod(now_us, 1_000_000)
    if start is None:
        text, date = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}", ""
    else:
        then = start + timedelta(microseconds=now_us)
        us, text = then.microsecond, f"{then:%H:%M:%S}"
        date = "" if then.date() == start.date() else f"{then:%Y-%m-%d} "
    return f"{date}{text}.{f'{us:06}'.rstrip('0') or '0'}"
