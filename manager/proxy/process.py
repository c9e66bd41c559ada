"""A proxy as a process: from its configuration to its last sentence. SIGTERM and Ctrl-C end it within a second."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Final

from chargebench.manager.proxy.config import Config
from chargebench.manager.proxy.shell import Proxy
from chargebench.manager.service.outlet import Outlet

DRAIN_S: Final = 0.5
LAST_S: Final = 0.3
"""So long its loop may take to let go after that: a name that is being looked up could hold it up."""


def run(config: Config, *, as_json: bool) -> None:
    """Serve until somebody ends it; ``Complaint`` for what keeps it from beginning."""
    asyncio.run(_serve(config, as_json=as_json))
    signal.setitimer(signal.ITIMER_REAL, 0)


async def _serve(config: Config, *, as_json: bool) -> None:
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[str] = loop.create_future()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, partial(_ends, stop, signal.Signals(number).name))
    out, err = Outlet(sys.stdout), Outlet(sys.stderr)

    def line(**fields: object) -> None:
        out.write(json.dumps(fields, ensure_ascii=False) + "\n")

    def tell(text: str) -> None:
        if as_json:
            line(note=text)
        else:
            err.write(f"{text}\n")

    proxy = Proxy(config, tell)
    try:
        places = await proxy.open()
        if as_json:
            line(listening=places)
        else:
            for place, at in zip(config.listeners, places, strict=True):
                out.write(f"{place.line} is at {at}{'' if place.unit is None else f', unit {place.unit} alone'}\n")
        by = await stop
        await proxy.drain(DRAIN_S)
        _report(proxy, by, line if as_json else None, tell)
    finally:
        proxy.close()
        for outlet in (out, err):
            await outlet.close()
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, LAST_S)


def _ends(stop: asyncio.Future[str], by: str) -> None:
    if not stop.done():
        stop.set_result(by)


def _report(proxy: Proxy, by: str, line: Callable[..., None] | None, tell: Callable[[str], None]) -> None:
    """What every line has carried."""
    carried = {name: {**asdict(counts), "late": late} for name, (counts, late) in proxy.carried.items()}
    if line is not None:
        line(ended={"by": by, "lines": carried})
        return
    for name, one in carried.items():
        tell(
            f"{name}: {one['sent']} requests sent, {one['answered']} answered, {one['silent']} not, "
            f"{one['spoilt']} answers spoilt, {one['late']} late"
        )
