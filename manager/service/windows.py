"""The manager's windows, through which others may look and nothing comes in: its pages on HTTP, its internal EVSE on Modbus.

Both are off unless somebody asks for them. What is told here is put where it can be fetched, and nobody is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.datasheets.load import load
from chargebench.manager.evse_map import EvseMap
from chargebench.manager.notes import Note
from chargebench.manager.service import modbus_server
from chargebench.manager.service.feed import Feed
from chargebench.manager.service.gate import Gate, Place
from chargebench.manager.site import Site
from chargebench.manager.status import Status, said_of

if TYPE_CHECKING:
    from chargebench.manager.service.web_server import Pages

Say = Callable[[str], None]
Serve = Callable[[Gate, Callable[[], Mapping[str, object]], Feed, Say], "Pages"]
MAP: Final = "power-brain"
SOON_US: Final = 120_000_000
WATCHING: Final = 16
VISITORS: Final = 32


@dataclass(frozen=True, slots=True)
class Openings:
    """Where to open which; None: nowhere."""

    http: Place | None = None
    modbus: Place | None = None


class Windows:
    """What is open, from its making to ``close``. ``CannotOpen`` for a port that cannot be had, ``BadInput`` without its packages.

    ``civil`` is the clock of this machine, with its zone. ``http`` and ``modbus`` say where they are, "" for nowhere.
    """

    def __init__(self, openings: Openings, site: Site, civil: Callable[[], datetime]) -> None:
        self._site = site
        self._civil = civil
        self._status: Status | None = None
        self._feed = Feed(WATCHING)
        self._shown: Mapping[str, object] = {}
        self._pages: Pages | None = None
        self._clients: list[modbus_server.Client] = []
        self._serve_pages = None if openings.http is None else _pages()
        self._http, self._modbus = _gates(openings)
        self.http = "" if self._http is None else f"http://{self._http.place}/"
        self.modbus = "" if self._modbus is None else str(self._modbus.place)

    def open(self, say: Say) -> None:
        """Let others look. ``say`` takes what a person is to know."""
        if self._http is not None and self._serve_pages is not None:
            self._shown = self._standing(self._civil())
            self._pages = self._serve_pages(self._http, lambda: self._shown, self._feed, say)
            say(f"how this site stands can be read at {self.http} by {_whom(self._http)}")
        if self._modbus is not None:
            k = next((k for k, box in enumerate(self._site.boxes) if box.internal), 0)
            box, registers = self._site.boxes[k], EvseMap(load(MAP), self._site.boxes[k])
            self._clients = modbus_server.serve(
                self._modbus, lambda pdu: registers.answer(pdu, None if self._status is None else self._status.boxes[k])
            )
            say(f"the registers of {box.name} can be read at {self.modbus}, unit 1, by {_whom(self._modbus)}")

    def seen(self, status: Status) -> None:
        """How the site stands at a cycle. It is written out once the cycle's commands are on their way."""
        self._status = status
        if self._pages is not None:
            asyncio.get_running_loop().call_soon(self._write_out, self._civil())

    def note(self, note: Note, says: str) -> None:
        """Something happened."""
        if self._pages is not None:
            self._feed.note({"at": self._at(), "kind": note.kind, "of": note.subject, **dict(note.data), "says": says})

    def said(self, says: str) -> None:
        """Something is to be known that is of no box and no meter."""
        if self._pages is not None:
            self._feed.note({"at": self._at(), "kind": "service", "of": "manager", "says": says})

    def close(self) -> None:
        """Let everybody go."""
        for gate in (self._http, self._modbus):
            if gate is not None:
                gate.close()
        if self._pages is not None:
            self._pages.close()
        for client in list(self._clients):
            client.abort()

    # -- what is shown ------------------------------------------------------------------------

    def _at(self) -> str:
        return self._civil().isoformat(timespec="milliseconds")

    def _write_out(self, at: datetime) -> None:
        self._shown = self._standing(at)
        self._feed.cycle(self._shown)

    def _standing(self, at: datetime) -> dict[str, object]:
        """How the site stood at a time of this machine's clock, for programs and for the page."""
        site, status = self._site, self._status
        head: dict[str, object] = {"at": at.isoformat(timespec="milliseconds"), "site": Path(site.path).name}
        head |= {"policy": site.policy, "manages": site.management}
        if status is None:
            return {**head, "cycle": None, "next_us": None, "connection": None, "boxes": [], "meters": []}
        change = _change(at, status.next_us)
        boxes = [
            {**one, "says": said_of(box, change)} for one, box in zip(status.boxes_json(), status.boxes, strict=True)
        ]
        return {**head, **status.as_json(), "boxes": boxes}


def _change(at: datetime, next_us: int | None) -> str:
    """When something may change, as people tell the time."""
    if next_us is None:
        return ""
    then = at + timedelta(microseconds=next_us)
    return f"{then:%H:%M:%S}" if next_us < SOON_US else f"{then:%H:%M}"


def _gates(openings: Openings) -> tuple[Gate | None, Gate | None]:
    """The ports, both or none."""
    http = None if openings.http is None else Gate(openings.http, VISITORS)
    try:
        return http, None if openings.modbus is None else Gate(openings.modbus, modbus_server.CLIENTS)
    except CannotOpen:
        if http is not None:
            http.close()
        raise


def _whom(gate: Gate) -> str:
    return "this machine" if gate.place.loopback else "everybody who reaches this machine"


def _pages() -> Serve:
    """What serves the pages; ``BadInput`` where its packages are not there."""
    try:
        from chargebench.manager.service.web import application  # noqa: PLC0415  (its packages are an extra)
        from chargebench.manager.service.web_server import Pages  # noqa: PLC0415
    except ModuleNotFoundError as error:
        needs = f"expected the packages of chargebench[http] to be installed; there is no {error.name}"
        raise BadInput("--http", "", needs) from error
    return lambda gate, status, feed, say: Pages(gate, application(status, feed), say)
