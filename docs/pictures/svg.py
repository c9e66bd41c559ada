"""As much of SVG as the pictures need: text, lines, rectangles, areas; classes for looks, one style sheet, no script."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle by its edges, in pixels; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


class Svg:
    """A picture that grows line by line; ``looks`` is always the class or classes of the style sheet."""

    def __init__(self, width: int, height: int, style: str, title: str, description: str) -> None:
        size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        self._lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title description">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{escape(description)}</desc>',
            f"<style>\n{style}</style>",
        ]

    def text(self, x: float, y: float, words: str, looks: str) -> None:
        self._lines.append(f'<text x="{_n(x)}" y="{_n(y)}" class="{looks}">{escape(words)}</text>')

    def line(self, start: Point, end: Point, looks: str) -> None:
        (x1, y1), (x2, y2) = start, end
        self._lines.append(f'<path d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}" class="{looks}"/>')

    def rect(self, box: Box, looks: str, round_by: int = 0) -> None:
        corners = f' rx="{round_by}"' if round_by else ""
        where = f'x="{_n(box.left)}" y="{_n(box.top)}" width="{_n(box.width)}" height="{_n(box.height)}"'
        self._lines.append(f'<rect {where}{corners} class="{looks}"/>')

    def path(self, points: Iterable[Point], looks: str) -> None:
        """A line from point to point."""
        self._lines.append(f'<path d="{_course(points)}" class="{looks}"/>')

    def area(self, upper: list[Point], lower: list[Point], looks: str) -> None:
        """What lies between two lines that run from left to right."""
        self._lines.append(f'<path d="{_course([*upper, *reversed(lower)])}Z" class="{looks}"/>')

    def whole(self) -> str:
        """The file's text."""
        return "\n".join([*self._lines, "</svg>", ""])


def _course(points: Iterable[Point]) -> str:
    """``M… L…`` without a point twice in a row, and without those in the midst of a straight line along an axis."""
    kept: list[tuple[str, str]] = []
    for x, y in points:
        point = (_n(x), _n(y))
        if kept and point == kept[-1]:
            continue
        if len(kept) > 1 and any(kept[-2][axis] == kept[-1][axis] == point[axis] for axis in (0, 1)):
            kept[-1] = point
        else:
            kept.append(point)
    return "M" + "L".join(f"{x} {y}" for x, y in kept)


def _n(value: float) -> str:
    """A coordinate to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")
