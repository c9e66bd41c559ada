"""The live table of a manager: how each box and each meter stands, why, and what was logged last."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import IO, Final, cast

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from chargebench.datasheets.words import amperes, lasted
from chargebench.manager.service.outlet import Outlet
from chargebench.manager.status import BoxStatus, MeterStatus, Status
from chargebench.manager.units import Amps3

LOGGED: Final = 6


class Screen:
    """Draws on a terminal between ``start`` and ``stop``. ``civil`` is the clock of this machine."""

    def __init__(self, outlet: Outlet, title: str, civil: Callable[[], datetime]) -> None:
        self._outlet = outlet
        self._title = title
        self._civil = civil
        self._status: Status | None = None
        self._seen_s = 0.0
        self._logged: deque[str] = deque(maxlen=LOGGED)
        console = Console(file=cast("IO[str]", outlet), force_terminal=True)
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)

    def start(self) -> None:
        """Begin to draw."""
        self._live.start()

    def stop(self) -> None:
        """Leave the last drawing where it is."""
        self._live.stop()

    def seen(self, status: Status, at_s: float) -> None:
        """How the site stood at a time of the loop."""
        self._status, self._seen_s = status, at_s

    def logged(self, line: str) -> None:
        """What goes into the log."""
        self._logged.append(line)

    def show(self, now_s: float) -> None:
        """Draw, unless the terminal has not taken the last drawing yet."""
        if not self._outlet.busy:
            self._live.update(self.draw(now_s), refresh=True)

    def draw(self, now_s: float) -> Group:
        """The whole, for a terminal."""
        head = f"{self._civil():%H:%M:%S}  {self._title}"
        log = [Text(line, overflow="ellipsis", no_wrap=True) for line in self._logged]
        status = self._status
        if status is None:
            return Group(Text(head), *log)
        since_us = round((now_s - self._seen_s) * 1e6)
        boxes = Table("box", "state", "limit", "drawn", "booked", "read", "why", box=None)
        for box in status.boxes:
            boxes.add_row(*_box(box, since_us))
        meters = Table("meter", "measures", "read", "", box=None)
        for meter in status.meters:
            meters.add_row(*_meter(meter, since_us))
        parts: list[Text | Table] = [Text(head), Text(_connection(status)), boxes]
        return Group(*parts, *([meters] if status.meters else []), *log)


def _connection(status: Status) -> str:
    limit = f"limit {amperes(status.limit_ma)}"
    limit += f" less {amperes(status.reserve_ma)} of reserve" if status.reserve_ma else ""
    if status.background is None or status.booked is None:
        return limit
    return f"{limit}  house {_phases(status.background)}  boxes booked {_phases(status.booked)}"


def _box(box: BoxStatus, since_us: int) -> tuple[str, ...]:
    state = f"{box.pilot or '?'}{' silent' if box.silent else ''}"
    limit = "?" if box.limit_ma is None else amperes(box.limit_ma) if box.limit_ma else "off"
    drawn = _drawn(box.drawn_ma, box.power_w)
    booked = "" if box.booked_ma is None else amperes(box.booked_ma)
    return box.name, state, limit, drawn, booked, _ago(box.age_us, since_us), box.why


def _meter(meter: MeterStatus, since_us: int) -> tuple[str, ...]:
    measured = _drawn(meter.phases_ma, meter.power_w)
    return meter.name, measured, _ago(meter.age_us, since_us), f"{meter.role}{', silent' if meter.silent else ''}"


def _drawn(phases: Amps3 | None, power_w: int | None) -> str:
    if phases is not None:
        return _phases(phases)
    return "" if power_w is None else f"{power_w / 1000:.1f} kW"


def _phases(phases: Amps3) -> str:
    return " / ".join(amperes(ma).removesuffix(" A") for ma in phases) + " A"


def _ago(age_us: int | None, since_us: int) -> str:
    return "never" if age_us is None else f"{lasted(max(0, age_us + since_us))} ago"
