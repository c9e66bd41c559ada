"""A manager as a process: from an order to the last sentence, with its hold on the site, its store, its log and its signals.

SIGTERM and Ctrl-C end it, SIGHUP has it ask for licences and open its log anew. It ends within a second, whatever does not
answer meanwhile; what the boxes do then is told. Nobody who reads or does not read what it writes can hold it up.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.manager.holder import Held, Hold, Holder
from chargebench.manager.ledger import name_of
from chargebench.manager.log import Log
from chargebench.manager.notes import Note
from chargebench.manager.orders import of_the_day
from chargebench.manager.policies.registry import controller_for
from chargebench.manager.service.licences import Licences
from chargebench.manager.service.lines import Lines
from chargebench.manager.service.log_file import LogFile
from chargebench.manager.service.outlet import Outlet
from chargebench.manager.service.screen import Screen
from chargebench.manager.service.told import OrdersFile
from chargebench.manager.service.watched import Watched
from chargebench.manager.service.windows import Openings, Windows
from chargebench.manager.shell import Life, manage
from chargebench.manager.site import Site
from chargebench.manager.status import Status, left_behind
from chargebench.manager.store import SqliteStore

DRAWN_EVERY_S: Final = 1.0
LAST_S: Final = 0.3
"""So long its links may take to let go, and after that its loop: a name that is being looked up can hold up both."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be managed and how. ``ports``: where ports and addresses of the site really lead, as in ``shell.manage``.

    ``store`` and ``usual_store``: where the memory is, and where it would be if nobody had said so; a site is held at both.
    ``openings``: through which ports others may look. ``told``: who says what people order. ``prove``, asked once the site is held, gives the dangers of it, or raises a ``Complaint`` for what must not be managed.
    """

    site: Site
    ports: Mapping[str, str]
    store: Path
    usual_store: Path
    licences: Licences
    log: Path | None = None
    as_json: bool = False
    prove: Callable[[], Sequence[str]] = tuple
    openings: Openings = field(default_factory=Openings)
    told: OrdersFile | None = None


def civil() -> datetime:
    """What the clock of this machine shows, with its zone: for people, and for what a site plans by the time of day."""
    return datetime.now().astimezone()  # noqa: TID251  (the one place where it is taken)


def run(order: Order) -> None:
    """Manage until somebody ends it. ``Complaint`` for what keeps it from beginning."""
    holds = _hold(order)
    try:
        store = SqliteStore(order.store, order.site.path)
        try:
            _refuse_foreign(order, store)
            asyncio.run(_serve(order, store, holds, order.prove()))
            signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            store.close()
    finally:
        for one in holds:
            one.release()


def _hold(order: Order) -> list[Hold]:
    """Hold the site, at its store and where another manager would look for it; ``CannotOpen`` if somebody does."""
    who = Holder(os.getpid(), socket.gethostname(), civil().isoformat(" ", "seconds"))
    holds = [Hold(_lock(order.store), who)]
    if order.usual_store != order.store:
        try:
            holds.append(Hold(_lock(order.usual_store), who))
        except Held:
            holds[0].release()
            raise
        except CannotOpen:  # the folder of the site cannot be written, so nobody else holds it there either
            return holds
    return holds


def _lock(store: Path) -> Path:
    return store.with_name(f"{store.name}.lock")


def _refuse_foreign(order: Order, store: SqliteStore) -> None:
    """A store of another site is not written over."""
    remembered = store.load()
    known = {name_of(box): None for box in order.site.boxes}
    if remembered and store.site != order.site.path and not any(name in known for name in remembered):
        raise BadInput(
            str(order.store),
            "",
            f"remembers the boxes of {store.site or 'another site'}; name another file for this one",
        )


async def _serve(order: Order, store: SqliteStore, holds: Sequence[Hold], dangers: Sequence[str]) -> None:
    service = Service(order, dangers, Windows(order.openings, order.site, civil))
    ended = "an error"
    try:
        service.begin(next((one.earlier for one in holds if one.earlier is not None), None))
        ended = await service.manage(store)
    finally:
        await service.end(ended)
    store.close()
    for one in holds:
        one.release()
    _end_soon()


def _end_soon() -> None:
    """Everything is closed and said: end, even if the loop still waits for a thread that looks up the name of a host."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.setitimer(signal.ITIMER_REAL, LAST_S)


class Service:
    """One manager under way, and all that hears of it."""

    def __init__(self, order: Order, dangers: Sequence[str], windows: Windows) -> None:
        self._order = order
        self._windows = windows
        self._dangers = dangers
        self._site = order.site
        self._loop = asyncio.get_running_loop()
        self._stop: asyncio.Future[str] = self._loop.create_future()
        self._status: Status | None = None
        self._out, self._err = Outlet(sys.stdout), Outlet(sys.stderr)
        self._file = LogFile(order.log) if order.log is not None else None
        self._log = Log(lambda: civil().replace(tzinfo=None), self._write_log)
        self._lines = Lines(civil, self._out.write) if order.as_json else None
        drawn = not order.as_json and self._err.isatty()
        self._screen = Screen(self._err, f"{order.site.path}  Ctrl-C ends it", civil) if drawn else None

    def begin(self, earlier: Holder | None) -> None:
        """Take the signals, and say who was there before."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, partial(self._ends, signal.Signals(number).name))
        self._loop.add_signal_handler(signal.SIGHUP, self._anew)
        self._loop.set_exception_handler(self._wrong)
        self._order.licences.start(self._say)
        if self._order.told is not None:
            self._order.told.start(self._say)
        if earlier is not None:
            self._say(f"takes over from {earlier}, which did not end by itself")
        for danger in self._dangers if self._file is not None else ():
            self._log.say(danger)
        self._windows.open(self._say)

    async def manage(self, store: SqliteStore) -> str:
        """Manage the site until it is ended; by which signal."""
        told = self._order.told
        orders = None if told is None else told.now
        life = Life(self._order.licences.now, store, orders, lambda: of_the_day(civil()))
        coroutine = manage(self._site, self._watched, ports=self._order.ports, note=self._note, life=life)
        task = self._loop.create_task(coroutine, name="manager")
        if self._screen is not None:
            self._screen.start()
        try:
            while not self._stop.done() and not task.done():
                await asyncio.wait((self._stop, task), timeout=DRAWN_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
                if self._screen is not None:
                    self._screen.show(self._loop.time())
        finally:
            if self._screen is not None:
                self._screen.stop()
            task.cancel()
            await asyncio.wait((task,), timeout=LAST_S)  # what does not let go by then ends with the process
        if not self._stop.done():
            await task  # it has failed
        return self._stop.result()

    async def end(self, by: str) -> None:
        """Say what is left, and let go of everything that was opened."""
        self._windows.close()
        says: tuple[str, ...] = ()
        if self._status is not None and self._site.management:
            says = left_behind(self._status)
        self._log.say(f"ended by {by}{': ' if says else ''}{'; '.join(says)}")
        if self._lines is not None:
            self._lines.ended(by, self._status.boxes if self._status is not None else (), says)
        elif self._screen is not None or self._file is not None:
            self._err.write("".join(f"{one}\n" for one in says))
        for outlet in (self._out, self._err):
            await outlet.close()
        if self._file is not None:
            self._file.close()

    # -- what is heard ----------------------------------------------------------------------

    def _watched(self, site: Site) -> Watched:
        """The controller, looked at; from here on every port is known and the first cycle is next."""
        if self._lines is not None:
            windows = {"http": self._windows.http or None, "modbus": self._windows.modbus or None}
            self._lines.ready(site, str(self._order.store), os.getpid(), self._dangers, windows)
        return Watched(site, controller_for(site.policy)(site), self._seen)

    def _seen(self, status: Status) -> None:
        self._status = status
        if self._screen is not None:
            self._screen.seen(status, self._loop.time())
        if self._lines is not None:
            self._lines.status(status)
        self._windows.seen(status)

    def _note(self, note: Note) -> None:
        text = self._log.note(note)
        if text is None:
            return
        if self._lines is not None:
            self._lines.note(note, text)
        self._windows.note(note, text)

    def _say(self, text: str) -> None:
        self._log.say(text)
        if self._lines is not None:
            self._lines.said(text)
        self._windows.said(text)

    def _write_log(self, line: str) -> None:
        if self._file is not None:
            self._file.write(line)
        if self._screen is not None:
            self._screen.logged(line)
        elif self._file is None and self._lines is None:
            self._err.write(f"{line}\n")

    # -- what comes from outside --------------------------------------------------------------

    def _ends(self, by: str) -> None:
        if not self._stop.done():
            self._stop.set_result(by)

    def _anew(self) -> None:
        """Somebody wants to be heard."""
        if self._file is not None:
            self._file.reopen()
        self._order.licences.refresh()
        self._say(f"asked for licences anew: there are {self._order.licences.now()}")

    def _wrong(self, _: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
        """An error that nobody waited for. It is told and changes nothing else."""
        self._say(f"an error of the manager itself: {context.get('message')}: {context.get('exception')!r}")
