"""A proxy as a process: from its configuration to its last sentence. SIGTERM and Ctrl-C end it within a second."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from chargebench.manager.proxy.between import Between
from chargebench.manager.proxy.config import Behind, Config
from chargebench.manager.proxy.recording import Recording
from chargebench.manager.proxy.screen import Screen
from chargebench.manager.proxy.shell import Proxy
from chargebench.manager.proxy.table import Look, totals, values
from chargebench.manager.service.outlet import Outlet

DRAIN_S: Final = 0.5
LAST_S: Final = 0.3
"""So long its loop may take to let go after that: a name that is being looked up could hold it up."""

DRAWN_US: Final = 1_000_000
TOLD_US: Final = 10_000_000
"""How often the table is drawn, or told to a program."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What is said of it: lines of JSON or text, how often (None: as usual), and what stands between it and a line."""

    as_json: bool = False
    every_us: int | None = None
    between: Callable[[Behind], Between | None] | None = None


def run(config: Config, telling: Telling) -> None:
    """Serve until somebody ends it; ``Complaint`` for what keeps it from beginning."""
    asyncio.run(_serve(config, telling))
    signal.setitimer(signal.ITIMER_REAL, 0)


async def _serve(config: Config, telling: Telling) -> None:
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[str] = loop.create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, partial(_ends, stop, signal.Signals(number).name))
    voice = _Voice(telling)
    recording: Recording | None = None
    proxy: Proxy | None = None
    try:
        recording = None if config.captured is None else Recording(config.captured, voice.tell)
        proxy = Proxy(config, voice.tell, telling.between, None if recording is None else recording.recorder)
        voice.begins(config, await proxy.open(), proxy)
        by = await stop
        await proxy.drain(DRAIN_S)
        voice.ends(by, proxy, recording)
    finally:
        if proxy is not None:
            proxy.close()
        await asyncio.gather(voice.close(), *(() if recording is None else (recording.close(),)))
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, LAST_S)


def _ends(stop: asyncio.Future[str], by: str) -> None:
    if not stop.done():
        stop.set_result(by)


class _Voice:
    """What it says, to a person or to a program. Nobody who does not read it holds it up."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._loop = asyncio.get_running_loop()
        self._out, self._err = Outlet(sys.stdout), Outlet(sys.stderr)
        self._screen: Screen | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._then: dict[str, Look] = {}
        self._at_us = 0

    def tell(self, text: str) -> None:
        """A sentence of a port or a server."""
        if self._telling.as_json:
            self._line(note=text)
        elif self._screen is not None:
            self._screen.told(text)
        else:
            self._err.write(f"{text}\n")

    def begins(self, config: Config, places: list[str], proxy: Proxy) -> None:
        """It serves."""
        if self._telling.as_json:
            self._line(listening=places)
        else:
            for place, at in zip(config.listeners, places, strict=True):
                only = "" if place.unit is None else f", unit {place.unit} alone"
                self._out.write(f"{place.line} is at {at}{only}\n")
            if self._err.isatty():
                self._screen = Screen(self._err, sys.stderr.fileno())
        if self._telling.as_json or self._screen is not None:
            self._look(proxy)

    def _look(self, proxy: Proxy) -> None:
        """Draw the table, or tell it; the first look only begins the rates."""
        looks, now_us = proxy.look(), round(self._loop.time() * 1e6)
        if self._screen is not None:
            self._screen.show(looks, now_us)
        elif self._at_us:
            passed_us = now_us - self._at_us
            self._line(carried={now.line.name: values(now, self._then.get(now.line.name), passed_us) for now in looks})
        self._then, self._at_us = {now.line.name: now for now in looks}, now_us
        every_us = self._telling.every_us or (DRAWN_US if self._screen is not None else TOLD_US)
        self._timer = self._loop.call_later(every_us / 1e6, self._look, proxy)

    def ends(self, by: str, proxy: Proxy, recording: Recording | None = None) -> None:
        """What every line has carried."""
        if self._timer is not None:
            self._timer.cancel()
        if self._telling.as_json:
            lines = {name: {**asdict(counts), "late": late} for name, (counts, late) in proxy.carried.items()}
            meddled = {"meddled": proxy.meddled} if self._telling.between else {}
            captured = {"captured": recording.told} if recording is not None else {}
            self._line(ended={"by": by, "lines": lines, **meddled, **captured})
            return
        if self._screen is not None:
            self._screen.show(proxy.look(), round(self._loop.time() * 1e6))
        for name, (counts, late) in proxy.carried.items():
            self._err.write(f"{name}: {totals(counts, late)}\n")
        for name, done in proxy.meddled.items():
            said = ", ".join(f"{count} {what}" for what, count in done.items())
            self._err.write(f"{name}: made to go wrong: {said or 'nothing'}\n")
        if recording is not None:
            self._err.write(f"{recording.said}\n")

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for outlet in (self._out, self._err):
            await outlet.close()

    def _line(self, **fields: object) -> None:
        self._out.write(json.dumps(fields, ensure_ascii=False) + "\n")
