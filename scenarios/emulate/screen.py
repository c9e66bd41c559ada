"""The live table of a play: what each box does, what masters ask of it, and how busy the lines are."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live as Moving
from rich.table import Table
from rich.text import Text

from chargebench.scenarios.emulate.live import Live
from chargebench.scenarios.laws.law import amperes
from chargebench.scenarios.moments import lasted

EVERY_S = 1.0


class Screen:
    """Draws one play on stderr, again and again while it is entered; rates are those since it was last drawn."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._asked: dict[str, int] = {}
        self._busy: dict[str, int] = {}
        self._moving = Moving(console=Console(stderr=True), auto_refresh=False)

    def __enter__(self) -> Self:
        self._moving.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._moving.stop()

    def show(self, passed_s: float) -> None:
        """Draw it as it is now; it was last drawn so long ago."""
        self._moving.update(self.draw(passed_s), refresh=True)

    def rows(self) -> list[tuple[str, ...]]:
        """A row a box: its name, state, limit, offer, what is drawn, when a master last asked, requests, writes."""
        live, now_us = self._live, self._live.world.now_us
        found: list[tuple[str, ...]] = []
        for name, box in live.world.boxes.items():
            traffic = live.ports.traffic[name]
            limit = amperes(box.limit_ma) if box.enable else "off"
            drawn = max(box.flow.level(now_us)) // 1_000_000
            ago = "never" if traffic.last_us is None else f"{lasted(now_us - traffic.last_us)} ago"
            state = f"{box.pilot.value}{' failsafe' if box.idle.on else ''}{' off' if box.dark else ''}"
            numbers = (amperes(box.pulse.offered_ma), amperes(drawn), ago, str(traffic.requests), str(traffic.writes))
            found.append((name, state, limit, *numbers))
        return found

    def wires(self, passed_s: float) -> list[tuple[str, str, str]]:
        """A row a meter and a line: requests a second, and how much of a line's time is taken."""
        live = self._live
        found = []
        for wire, names in live.wires.items():
            asked = sum(live.ports.traffic[name].requests for name in names)
            rate = (asked - self._asked.get(wire, 0)) / passed_s if passed_s else 0.0
            self._asked[wire] = asked
            load = ""
            if wire in live.ports.lines:
                busy_us = live.ports.busy_us(wire)
                share = (busy_us - self._busy.get(wire, 0)) / passed_s / 1e6 if passed_s else 0.0
                self._busy[wire] = busy_us
                load = f"{min(share, 1):.0%} busy"
            found.append((wire, f"{rate:.1f}/s", load))
        return found

    def draw(self, passed_s: float) -> Group:
        """The whole, for a terminal."""
        live = self._live
        boxes = Table("box", "state", "limit", "offered", "drawn", "master", "requests", "writes", box=None)
        for row in self.rows():
            boxes.add_row(*row)
        wires = Table("wire", "requests", "", box=None)
        for wire in self.wires(passed_s):
            wires.add_row(*wire)
        now = live.play.clock.show(live.world.now_us)
        now_ma = [level // 1_000_000 for level in live.world.connection.flow.level(live.world.now_us)]
        sums = ", ".join(f"L{k + 1} {amperes(ma)}" for k, ma in enumerate(now_ma))
        return Group(Text(f"{now}  connection {sums} of {amperes(live.world.spec.connection.limit_ma)}"), boxes, wires)
