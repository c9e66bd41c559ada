"""The live table of a play: what each box does, what masters ask of it, and how busy the lines are."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live as Moving
from rich.text import Text

from chargebench.datasheets.words import amperes, lasted
from chargebench.emulator.flow import NA_PER_MA
from chargebench.scenarios.emulate.live import Live
from chargebench.scenarios.render import table

EVERY_S = 1.0
_BOXES = ("box", "state", "limit", "offered", "drawn", "master", "requests", "writes")
_WIRES = ("wire", "requests", "")
FEW = 8
"""More TCP addresses than these are one row: a site of 25 boxes is to fit on a screen, with its lines."""


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
            drawn = max(box.flow.level(now_us)) // NA_PER_MA
            ago = "never" if traffic.last_us is None else f"{lasted(now_us - traffic.last_us)} ago"
            state = f"{box.pilot.value}{' failsafe' if box.idle.on else ''}{' off' if box.dark else ''}"
            numbers = (amperes(box.pulse.offered_ma), amperes(drawn), ago, str(traffic.requests), str(traffic.writes))
            found.append((name, state, limit, *numbers))
        return found

    def wires(self, passed_s: float) -> list[tuple[str, str, str]]:
        """A row a line and a TCP address: requests a second, and how much of a line's time is taken."""
        live = self._live
        found = []
        for wire, names in self._wires():
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

    def _wires(self) -> list[tuple[str, list[str]]]:
        """The devices on each line, then those at each TCP address, or at all of them."""
        wires, lines = self._live.wires, self._live.ports.lines
        tcp = [(wire, names) for wire, names in wires.items() if wire not in lines]
        if len(tcp) > FEW:
            tcp = [(f"{len(tcp)} TCP addresses", [name for _, names in tcp for name in names])]
        return [(line, wires[line]) for line in lines] + tcp

    def draw(self, passed_s: float) -> Text:
        """The whole, for a terminal. The slaves wait for it, so it is plain text: tables of rich take a hundred times as long."""
        world, clock = self._live.world, self._live.play.clock
        limit_ma = world.spec.connection.limit_ma
        now_ma = [level // NA_PER_MA for level in world.connection.flow.level(world.now_us)]
        sums = ", ".join(f"L{k + 1} {amperes(ma)}" for k, ma in enumerate(now_ma))
        text = Text(no_wrap=True, overflow="crop")
        text.append(f"{clock.show(world.now_us)}  ")
        text.append(f"connection {sums} of {amperes(limit_ma)}\n", style="bold red" if max(now_ma) > limit_ma else "")
        for head, rows in ((_BOXES, self.rows()), (_WIRES, self.wires(passed_s))):
            first, *others = table([head, *rows]).split("\n")
            text.append(f"\n{first}\n", style="bold")
            text.append("".join(f"{line}\n" for line in others))
        return text
