"""Numbers of an hour to the shapes of a chart. Pure: what is drawn, not how it looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 600, 120
"""The drawing's own units; it is scaled to the page."""
_DECADES = (0.01, 0.1, 1, 10, 60, 600, 3600)
_DECADE_NAMES = ("10 ms", "100 ms", "1 s", "10 s", "1 min", "10 min", "1 h")


class Bar(NamedTuple):
    """A rectangle of one series; ``kind`` is its number in the stack."""

    x: float
    y: float
    width: float
    height: float
    kind: int


class Mark(NamedTuple):
    """A line across with its label."""

    y: float
    label: str


class Chart(NamedTuple):
    """Bars or lines (``points`` of SVG polylines, one a stretch without a gap) and the marks behind."""

    bars: list[Bar]
    lines: list[tuple[int, list[str]]]
    marks: list[Mark]


def stacked(series: Sequence[Sequence[int]]) -> Chart:
    """Bars over each other, a column a minute."""
    columns = list(zip(*series, strict=True))
    top = nice(max((sum(column) for column in columns), default=0))
    step = WIDTH / max(1, len(columns))
    bars = []
    for index, column in enumerate(columns):
        floor = 0
        for kind, value in enumerate(column):
            if value:
                floor += value
                y, high = HEIGHT * (1 - floor / top), HEIGHT * value / top
                x = index * step + 1
                bars.append(Bar(round(x, 1), round(y, 1), round(step - 2, 1), round(high, 1), kind))
    marks = [Mark(0, f"{top:,}")]
    if top % 2 == 0:
        marks.append(Mark(HEIGHT / 2, f"{top // 2:,}"))
    return Chart(bars, [], marks)


def delays(series: Sequence[Sequence[float | None]]) -> Chart:
    """Seconds on a logarithmic scale, a line each; minutes without a value are gaps."""
    known = [v for values in series for v in values if v is not None]
    high = max(known, default=1.0)
    last = next((n for n, bound in enumerate(_DECADES) if high <= bound), len(_DECADES) - 1)
    last = max(last, 2)
    low = math.log10(_DECADES[0] / 10)
    span = math.log10(_DECADES[last]) - low

    def y_of(value: float) -> float:
        share = (math.log10(max(value, _DECADES[0] / 10)) - low) / span
        return round(HEIGHT * (1 - min(1.0, share)), 1)

    lines = [(kind, _stretches(values, y_of)) for kind, values in enumerate(series)]
    marks = [Mark(y_of(_DECADES[n]), _DECADE_NAMES[n]) for n in range(last + 1)]
    return Chart([], lines, marks)


def _stretches(values: Sequence[float | None], y_of: Callable[[float], float]) -> list[str]:
    step = WIDTH / max(1, len(values))
    found: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            if found[-1]:
                found.append([])
            continue
        x, y = index * step, y_of(value)
        # A flat piece a minute wide: a lone value is seen too.
        found[-1] += [f"{x + 1:.1f},{y}", f"{x + step - 1:.1f},{y}"]
    return [" ".join(points) for points in found if points]


def nice(value: int) -> int:
    """The next of 1, 2, 3, 4, 6, 8, 10, 20, … that is not below."""
    size = 1
    while True:
        for step in (1, 2, 3, 4, 6, 8):
            if value <= step * size:
                return step * size
        size *= 10
