"""What those who watch are told: the last of everything at once, then each thing as it happens, through bounded boxes of letters.

Nobody who watches can hold up who writes: a letter is put into each box at once. Of the cycles only the last is kept until it
is taken; of the notes so many, then the oldest goes and is counted.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

MOST_LETTERS: Final = 64
EARLIER: Final = 20
"""So many notes are shown to who comes later."""

CYCLE, NOTE, DROPPED = "cycle", "note", "dropped"


class Letter(NamedTuple):
    """One event: what kind, and its JSON."""

    kind: str
    body: str


class Mailbox:
    """What waits for one who watches."""

    def __init__(self) -> None:
        self._notes: deque[Letter] = deque()
        self._cycle: Letter | None = None
        self._dropped = 0
        self._filled = asyncio.Event()

    def put(self, letter: Letter) -> None:
        """Keep it until it is taken, or until too much waits."""
        self._filled.set()
        if letter.kind == CYCLE:
            self._cycle = letter
            return
        if len(self._notes) >= MOST_LETTERS:
            self._notes.popleft()
            self._dropped += 1
        self._notes.append(letter)

    def take(self) -> list[Letter]:
        """All that waits: how many notes did not fit, the notes, and the last cycle."""
        lost = [Letter(DROPPED, json.dumps({"dropped": self._dropped}))] if self._dropped else []
        found = [*lost, *self._notes, *([self._cycle] if self._cycle is not None else [])]
        self._notes.clear()
        self._cycle, self._dropped = None, 0
        self._filled.clear()
        return found

    async def wait(self, longest_s: float) -> None:
        """Until something is there, but no longer."""
        try:
            async with asyncio.timeout(longest_s):
                await self._filled.wait()
        except TimeoutError:
            return


class Feed:
    """All who watch, and what is told to them. ``most`` watch at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._watching: list[Mailbox] = []
        self._last: Letter | None = None
        self._earlier: deque[Letter] = deque(maxlen=EARLIER)

    def watch(self) -> Mailbox | None:
        """Begin to watch, with the last of everything; None where nobody more can."""
        if len(self._watching) >= self._most:
            return None
        mailbox = Mailbox()
        for letter in (*self._earlier, *([self._last] if self._last is not None else [])):
            mailbox.put(letter)
        self._watching.append(mailbox)
        return mailbox

    def leave(self, mailbox: Mailbox) -> None:
        """Watch no more."""
        self._watching.remove(mailbox)

    def cycle(self, says: Mapping[str, object]) -> None:
        """How the site stands."""
        self._last = Letter(CYCLE, _json(says))
        for one in self._watching:
            one.put(self._last)

    def note(self, says: Mapping[str, object]) -> None:
        """Something happened."""
        letter = Letter(NOTE, _json(says))
        self._earlier.append(letter)
        for one in self._watching:
            one.put(letter)


def _json(value: Mapping[str, object]) -> str:
    """One line, as an event has to be."""
    return json.dumps(value, ensure_ascii=False)
