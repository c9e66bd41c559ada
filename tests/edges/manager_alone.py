"""A manager in a process of its own, as it runs at an installer's: ``manager_alone.py SITE PORTS``, until SIGTERM.

PORTS is a JSON object from addresses and ports of the site to real ones. On stdout comes one JSON list a line: each note as
kind, subject and data, and at last the loaded modules that no manager needs.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import suppress

from chargebench.manager.controller import Controller
from chargebench.manager.notes import Note
from chargebench.manager.shell import manage
from chargebench.manager.site_file import read_site

STRANGE = ("chargebench.emulator", "chargebench.scenarios", "tests", "pytest", "hypothesis", "simpy")


def tell(kind: str, subject: str, data: object) -> None:
    print(json.dumps([kind, subject, data]), flush=True)  # noqa: T201 its stdout is what it is for


def note(one: Note) -> None:
    tell(one.kind, one.subject, dict(one.data))


async def main(site: str, ports: str) -> None:
    task = asyncio.create_task(manage(read_site(site), Controller, ports=json.loads(ports), note=note))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
    strange = [name for name in sys.modules if any(name == one or name.startswith(f"{one}.") for one in STRANGE)]
    tell("modules", "manager", strange)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
