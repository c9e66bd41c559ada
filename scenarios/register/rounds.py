"""All the rounds of a cycle side by side, with no task for each: whoever waits for a read goes on in the call that brings it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from chargebench.emulator.clock.loop import SimLoop, running
from chargebench.emulator.reel import Reel
from chargebench.manager.links.link import Link
from chargebench.manager.notes import Teller
from chargebench.manager.shell import Links
from chargebench.manager.site import Address, Site
from chargebench.scenarios.register.image_link import ImageLink, Turn


class ImageLinks(Links):
    """The links of a site, with masters that make no bytes where nothing can happen to them."""

    def __init__(self, site: Site, ports: Mapping[str, str], teller: Teller) -> None:
        super().__init__(site, ports, teller)
        self._loop = running()
        self._reel = Reel(self._loop.env, self._loop._ready)  # noqa: SLF001  time waits for them

    def make(self, address: Address, target: str) -> Link:
        return ImageLink(address, target, self._teller, self._loop.env, self._reel)

    async def all_at_once(self, rounds: Sequence[Coroutine[Any, Any, None]]) -> None:
        """As on the wire; an error of one is raised as soon as it is there."""
        together = Together(self._loop, rounds)
        try:
            await together.done
        finally:
            together.end()


class Together:
    """Coroutines that are under way; ``done`` when all are."""

    def __init__(self, loop: SimLoop, rounds: Sequence[Coroutine[Any, Any, None]]) -> None:
        self.done: asyncio.Future[None] = loop.create_future()
        self._left = len(rounds)
        self._all = [Round(self, one) for one in rounds]
        if rounds:
            loop.call_soon(self._begin)
        else:
            self.done.set_result(None)

    def over(self, error: BaseException | None) -> None:
        """One of them has ended."""
        self._left -= 1
        if self.done.done():
            return
        if isinstance(error, asyncio.CancelledError):
            self.done.cancel()
        elif error is not None:
            self.done.set_exception(error)
        elif not self._left:
            self.done.set_result(None)

    def end(self) -> None:
        """Nobody waits for them any more."""
        for one in self._all:
            one.close()

    def _begin(self) -> None:
        for one in self._all:
            one.go_on()


class Round:
    """One coroutine, a step at a time."""

    def __init__(self, together: Together, coroutine: Coroutine[Any, Any, None]) -> None:
        self._together = together
        self._coroutine: Coroutine[Any, Any, None] | None = coroutine

    def go_on(self) -> None:
        """What it has waited for is there."""
        coroutine = self._coroutine
        if coroutine is None:
            return
        try:
            waits = coroutine.send(None)
        except StopIteration:
            self._coroutine = None
            self._together.over(None)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  it is for whoever waits for all of them
            self._coroutine = None
            self._together.over(error)
        else:
            self._wait(waits)

    def _wait(self, waits: object) -> None:
        if isinstance(waits, Turn):
            waits.waiter = self
        else:
            assert isinstance(waits, asyncio.Future), f"a round waits for a future, not for {waits!r}"
            waits._asyncio_future_blocking = False  # noqa: SLF001  as a task says that it waits for one
            waits.add_done_callback(self._woken)

    def _woken(self, _future: asyncio.Future[Any]) -> None:
        self.go_on()

    def close(self) -> None:
        coroutine, self._coroutine = self._coroutine, None
        if coroutine is not None:
            coroutine.close()
