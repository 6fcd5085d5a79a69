"""A bar chart of costs as SVG, on a logarithmic scale: one picture for the README."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

_WIDTH, _LEFT, _BAR, _GAP = 760, 190, 14, 20
_LEAST, _MOST = 0.1, 100.0


def chart(rows: Sequence[tuple[str, float, float]]) -> str:
    """``rows``: (name, ms of the worker, ms of the baseline or 0)."""
    height = 64 + len(rows) * (2 * _BAR + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'font-family="system-ui, sans-serif" font-size="12" role="img">',
        "<title>CPU milliseconds a poll, Newswire and a plain loop of the same libraries</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<rect x="{_LEFT}" y="10" width="12" height="12" fill="#0b6e4f"/><text x="{_LEFT + 18}" y="20" '
        'fill="#222">Newswire</text>',
        f'<rect x="{_LEFT + 100}" y="10" width="12" height="12" fill="#b9b9b9"/><text '
        f'x="{_LEFT + 118}" y="20" fill="#222">plain loop; CPU ms a poll, logarithmic</text>',
    ]
    y = 40
    for name, worker, baseline in rows:
        parts.append(
            f'<text x="{_LEFT - 10}" y="{y + _BAR + 4}" text-anchor="end" fill="#222">{escape(name)}</text>'
        )
        for value, colour in ((worker, "#0b6e4f"), (baseline, "#b9b9b9")):
            if value:
                parts.append(_bar(y, value, colour))
            y += _BAR
        y += _GAP
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(y: int, value: float, colour: str) -> str:
    share = math.log(max(value, _LEAST) / _LEAST) / math.log(_MOST / _LEAST)
    width = max(2.0, share * (_WIDTH - _LEFT - 70))
    return (
        f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" fill="{colour}"/>'
        f'<text x="{_LEFT + width + 6:.1f}" y="{y + _BAR - 3}" fill="#222">{value:.2f}</text>'
    )
