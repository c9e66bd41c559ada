"""The picture of the first screen: one house, the same three cars, without load management and with it.

``python -m docs.pictures.house_14kw`` runs both scenarios and writes ``docs/house-14kw.svg``. The picture holds no script and asks
for nothing from outside; it paints its own ground, so that it can be read on any page, by day and by night.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

from chargebench.datasheets.words import amperes, kilowatt_hours
from docs.pictures.flows import Night, Span, watch
from docs.pictures.svg import Box, Point, Svg

PICTURE = Path(__file__).parent.parent / "house-14kw.svg"
MINUTE_US = 60_000_000
TICK_US = 30 * MINUTE_US
UNIT = " kWh"

WIDTH, HEIGHT = 900, 660
LEFT, RIGHT = 66, 880
UPPER, LOWER = Box(LEFT, 60, RIGHT, 340), Box(LEFT, 416, RIGHT, 611)
AMPERE = 5.1  # so many pixels
INDENT = 12
NAME_WIDTH = 84  # a block narrower than this stays without its name
STYLE: Final = """\
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:20px;fill:#1f2933}
.ground{fill:#fff;stroke:#d5dbe1}
.head{font-size:25px;font-weight:700}
.scale{fill:#52606d}
.mid{text-anchor:middle}
.end{text-anchor:end}
.grid{stroke:#e4e8ec}
.axis{stroke:#9aa5b1}
.house{fill:#b4bec8}
.c0{fill:#7cb0ea}
.c1{fill:#6fcdb1}
.c2{fill:#f3c769}
.on{fill:#10202e}
.part{fill:none;stroke:#fff;stroke-width:1.5}
.over{fill:#d92638;fill-opacity:.88}
.on-over{fill:#fff}
.limit{stroke:#d92638;stroke-width:2.5}
.says-limit{fill:#c01a2c}
.rating{stroke:#52606d;stroke-width:2;stroke-dasharray:9 6}
.says-rating{fill:#52606d}
.dark{fill:#141c24}
.in-dark{fill:#e6edf3}
.alarm{font-size:25px;font-weight:700;fill:#ff7b89}
.dark-limit{stroke:#ff5c6e;stroke-width:2.5}
.says-dark-limit{fill:#ff7b89}
.dark-rating{stroke:#9fb0c0;stroke-width:2;stroke-dasharray:9 6}
.says-dark-rating{fill:#9fb0c0}
@media(prefers-color-scheme:dark){
text{fill:#e6edf3}
.ground{fill:#1b232c;stroke:#303a45}
.scale,.says-rating{fill:#9fb0c0}
.grid{stroke:#2a343f}
.axis{stroke:#5b6875}
.house{fill:#75828f}
.c0{fill:#5a99de}
.c1{fill:#45b392}
.c2{fill:#dcab47}
.on{fill:#06121c}
.part{stroke:#1b232c}
.over{fill:#e8384c}
.limit{stroke:#ff5c6e}
.says-limit{fill:#ff7b89}
.rating{stroke:#9fb0c0}
.dark{fill:#04070a}
}
"""


def main() -> None:
    PICTURE.write_text(picture(), encoding="utf-8")


def picture() -> str:
    """Both runs, one above the other on one scale; the same text whenever and wherever it is drawn."""
    managed = watch("house-14kw")
    return draw(watch("without-load-management", managed.scenario.duration_us), managed)


def draw(alone: Night, managed: Night) -> str:
    """``alone`` trips, ``managed`` does not; both last equally long."""
    tripped_us = alone.tripped_us
    assert tripped_us is not None
    assert managed.tripped_us is None
    assert alone.scenario.duration_us == managed.scenario.duration_us
    svg = Svg(WIDTH, HEIGHT, STYLE, "Three cars at one house", _description(alone, managed))
    svg.rect(Box(1, 1, WIDTH - 1, HEIGHT - 1), "ground", round_by=12)
    svg.text(24, 40, f"Three cars without load management: dark after {tripped_us // MINUTE_US} minutes", "head")
    _panel(svg, UPPER, alone)
    _darkness(svg, UPPER, alone, tripped_us)
    svg.text(24, 392, "The same three with load management: each gets its turn", "head")
    _panel(svg, LOWER, managed)
    _levels(svg, LOWER, managed, LEFT, "")
    svg.text(RIGHT - INDENT, _y(LOWER, managed.limit_ma) - 9, _energies(managed), "end")
    _times(svg, LOWER, managed)
    return svg.whole()


# --- one panel ------------------------------------------------------------------------------------------------------


def _panel(svg: Svg, box: Box, night: Night) -> None:
    """Scale, stack, and what is above the limit."""
    _grid(svg, box, night)
    _stack(svg, box, night)


def _levels(svg: Svg, box: Box, night: Night, left: float, tone: str) -> None:
    """The limit and the breaker's rating, as lines with their names from ``left`` on; ``tone`` is that of the ground."""
    connection = night.scenario.world.connection
    rating_ma = connection.rating_ma or 0
    for kind, ma, words, down in (
        ("rating", rating_ma, "main breaker", 21),
        ("limit", connection.limit_ma, "limit", -9),
    ):
        y = _y(box, ma)
        svg.line((left, y), (box.right, y), f"{tone}{kind}")
        svg.text(left + INDENT, y + down, f"{words} {ma // 1000} A", f"says-{tone}{kind}")


def _grid(svg: Svg, box: Box, night: Night) -> None:
    for ma in range(0, round(box.height / AMPERE * 1000) + 1, 10_000):
        y = _y(box, ma)
        svg.line((box.left, y), (box.right, y), "grid" if ma else "axis")
        svg.text(box.left - 8, y + 6, f"{ma // 1000} A" if ma else "0", "scale end")
    for at_us in range(TICK_US, night.scenario.duration_us, TICK_US):
        x = _x(box, night, at_us)
        svg.line((x, box.top), (x, box.bottom), "grid")


def _times(svg: Svg, box: Box, night: Night) -> None:
    for at_us in range(0, night.scenario.duration_us + 1, TICK_US):
        x = _x(box, night, at_us)
        svg.text(
            x, box.bottom + 28, night.scenario.clock.show(at_us)[:5], "scale mid" if x < box.right else "scale end"
        )


def _darkness(svg: Svg, box: Box, night: Night, at_us: int) -> None:
    """From the trip on there is nothing but what there is to say."""
    x = _x(box, night, at_us)
    for kind, ma in (("rating", night.scenario.world.connection.rating_ma or 0), ("limit", night.limit_ma)):
        svg.line((box.left, _y(box, ma)), (x, _y(box, ma)), kind)
    svg.rect(Box(x, box.top, box.right, box.bottom), "dark")
    _levels(svg, box, night, x, "dark-")
    svg.text(x + INDENT, box.top + 32, f"{night.scenario.clock.show(at_us)} the main breaker opens", "alarm")
    told = f"{night.peak_ma // 1000} A flow where {night.limit_ma // 1000} A is the limit"
    svg.text(x + INDENT, box.top + 64, told, "in-dark")
    svg.text(x + INDENT, box.bottom - 14, _energies(night), "in-dark")


# --- the stack ------------------------------------------------------------------------------------------------------


def _stack(svg: Svg, box: Box, night: Night) -> None:
    """House and boxes on each other, red above the limit, and each block's name where there is room."""
    spans = night.spans()
    edges = [_edge(box, night, spans, count) for count in range(len(night.boxes) + 2)]
    for k, (lower, upper) in enumerate(pairwise(edges)):
        svg.area(upper, lower, f"c{k - 1}" if k else "house")
    if night.peak_ma > night.limit_ma:
        limit = _y(box, night.limit_ma)
        svg.area([(x, min(y, limit)) for x, y in edges[-1]], [(box.left, limit), (box.right, limit)], "over")
    for edge in edges[1:]:
        svg.path(edge, "part")
    _names(svg, box, night, spans)


def _edge(box: Box, night: Night, spans: tuple[Span, ...], count: int) -> list[Point]:
    """The line above the first ``count`` layers."""
    points = []
    for span in spans:
        for at_us, levels in ((span.from_us, span.first), (span.to_us, span.last)):
            points.append((_x(box, night, at_us), _y(box, sum(levels[:count]))))
    return points


def _names(svg: Svg, box: Box, night: Night, spans: tuple[Span, ...]) -> None:
    """The name of each layer in the midst of its blocks, where there is room."""
    names = ("house", *(name for name, _ in night.boxes))
    limit = _y(box, night.limit_ma)
    for k, name in enumerate(names):
        for block in _blocks(spans, k):
            left, right = _x(box, night, block[0].from_us), _x(box, night, block[-1].to_us)
            middle = max(block, key=lambda span: span.to_us - span.from_us)
            height = (_y(box, sum(middle.first[:k])) + _y(box, sum(middle.first[: k + 1]))) / 2
            if right - left >= NAME_WIDTH:
                svg.text((left + right) / 2, height + 7, name, f"{'on' if height > limit else 'on-over'} mid")


def _blocks(spans: tuple[Span, ...], layer: int) -> list[list[Span]]:
    """The stretches in which a layer carries something and lies at one height, but for an ampere."""
    blocks: list[list[Span]] = []
    height_ma: int | None = None
    for span in spans:
        low_ma = sum(span.first[:layer])
        carries = min(span.first[layer], span.last[layer]) > 0
        if carries and height_ma is not None and abs(low_ma - height_ma) < 1_000:
            blocks[-1].append(span)
        elif carries:
            blocks.append([span])
        height_ma = low_ma if carries else None
    return blocks


# --- where and what -------------------------------------------------------------------------------------------------


def _x(box: Box, night: Night, at_us: int) -> float:
    return box.left + box.width * at_us / night.scenario.duration_us


def _y(box: Box, ma: int) -> float:
    return box.bottom - AMPERE * ma / 1000


def _description(alone: Night, managed: Night) -> str:
    """The picture in words, for those who cannot see it."""
    opened = alone.scenario.clock.show(alone.tripped_us or 0)
    return (
        f"Current of the heaviest phase over time. Without load management it stands at {alone.peak_ma // 1000} A, above the limit"
        f" of {alone.limit_ma // 1000} A, until the main breaker opens at {opened}. With load management it stays within"
        f" {amperes(managed.peak_ma)} and the cars take turns; {_energies(managed)}."
    )


def _energies(night: Night) -> str:
    """``charged by 21:00: internal 11.3, carport 9.0, yard 6.8 kWh``."""
    got = [
        f"{name} {kilowatt_hours(wh).removesuffix(UNIT)}"
        for (name, _), wh in zip(night.boxes, night.energies_wh(), strict=True)
    ]
    return f"charged by {night.scenario.clock.show(night.scenario.duration_us)[:5]}: {', '.join(got)}{UNIT}"


if __name__ == "__main__":
    main()
