"""The picture of ``docs/policies.md``: what each policy makes of the same nights. Drawn by ``python -m tests.bench.policies``."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final, Protocol

from docs.pictures.svg import Box, Svg

STYLE: Final = """\
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:20px;fill:#1f2933}
.ground{fill:#fff;stroke:#d5dbe1}
.head{font-size:25px;font-weight:700}
.scale{fill:#52606d}
.mid{text-anchor:middle}
.end{text-anchor:end}
.grid{stroke:#e4e8ec}
.bound{stroke:#52606d;stroke-width:2;stroke-dasharray:9 6}
.spread{fill:#7cb0ea}
.worst{fill:#f3c769}
.mean{stroke:#1f2933;stroke-width:3}
.over{fill:#d92638}
@media(prefers-color-scheme:dark){
text{fill:#e6edf3}
.ground{fill:#1b232c;stroke:#303a45}
.scale{fill:#9fb0c0}
.grid{stroke:#2a343f}
.bound{stroke:#9fb0c0}
.spread{fill:#5a99de}
.worst{fill:#dcab47}
.mean{stroke:#e6edf3}
.over{fill:#ff7b89}
}
"""
WIDTH: Final = 1000
LEFT, RIGHT, TOP, EACH = 170, 870, 142, 66
MOST: Final = 1.02
NINE_TENTHS: Final = 20
"""Nine tenths of the nights lie between the first and the last of so many parts."""


class Row(Protocol):
    """One night under one policy."""

    @property
    def policy(self) -> str: ...
    @property
    def of_bound(self) -> float: ...
    @property
    def worst(self) -> float: ...
    @property
    def over_min(self) -> float: ...


def draw(rows: Sequence[Row]) -> str:
    """The whole picture; best first, who breaks the limit last."""
    policies = sorted(dict.fromkeys(row.policy for row in rows), key=lambda policy: _rank(rows, policy))
    height = TOP + EACH * len(policies) + 66
    svg = Svg(WIDTH, height, STYLE, "Policies compared", _description(rows, policies))
    svg.rect(Box(1, 1, WIDTH - 1, height - 1), "ground", round_by=12)
    svg.text(24, 40, "The same nights of 13 boxes on 25 A under each policy", "head")
    svg.rect(Box(24, 58, 52, 74), "spread")
    svg.text(60, 73, "energy, of the most that was possible", "scale")
    svg.rect(Box(24, 88, 52, 104), "worst")
    svg.text(60, 103, "what the worst driver got of what was wanted", "scale")
    svg.text(WIDTH - 24, 73, "bars hold nine nights of ten, lines are means", "scale end")
    bottom = TOP + EACH * len(policies)
    for percent in range(0, 101, 20):
        x = _x(percent / 100)
        svg.line((x, TOP - 8), (x, bottom), "bound" if percent == 100 else "grid")
        svg.text(x, bottom + 28, f"{percent} %", "scale mid")
    for place, policy in enumerate(policies):
        _policy(svg, TOP + EACH * place, policy, [row for row in rows if row.policy == policy])
    return svg.whole()


def _policy(svg: Svg, top: float, policy: str, nights: Sequence[Row]) -> None:
    svg.text(24, top + 31, policy, "name")
    mean = statistics.mean(row.of_bound for row in nights)
    svg.text(RIGHT + 20, top + 21, f"{100 * mean:.1f} %", "name")
    over_min = statistics.mean(row.over_min for row in nights)
    if over_min >= 1:
        svg.text(
            LEFT + 8, top + 21, f"flows above 25 A for {over_min / 60:.0f} hours a night: a fuse would end it", "over"
        )
        return
    _bar(svg, top + 4, [row.of_bound for row in nights], "spread")
    _bar(svg, top + 30, [row.worst for row in nights], "worst")


def _bar(svg: Svg, top: float, shares: Sequence[float], looks: str) -> None:
    low, high = _spread(shares)
    svg.rect(Box(_x(low), top, max(_x(high), _x(low) + 2), top + 22), looks, round_by=3)
    mean = _x(statistics.mean(shares))
    svg.line((mean, top - 2), (mean, top + 24), "mean")


def _spread(shares: Sequence[float]) -> tuple[float, float]:
    """Between which nine tenths of the nights lie."""
    if len(shares) < NINE_TENTHS:
        return min(shares), max(shares)
    parts = statistics.quantiles(shares, n=NINE_TENTHS, method="inclusive")
    return parts[0], parts[-1]


def _x(share: float) -> float:
    return LEFT + (RIGHT - LEFT) * min(share, MOST) / MOST


def _rank(rows: Sequence[Row], policy: str) -> tuple[bool, float]:
    nights = [row for row in rows if row.policy == policy]
    return any(row.over_min > 0 for row in nights), -statistics.mean(row.of_bound for row in nights)


def _description(rows: Sequence[Row], policies: Sequence[str]) -> str:
    """The picture in words, for those who cannot see it."""
    told = []
    for policy in policies:
        nights = [row for row in rows if row.policy == policy]
        bound, worst = (statistics.mean(getattr(row, what) for row in nights) for what in ("of_bound", "worst"))
        told.append(
            f"{policy} gives {100 * bound:.1f} % of the bound, its worst driver {100 * worst:.0f} % of the wish"
        )
    return f"Means of the same nights: {'; '.join(told)}."
