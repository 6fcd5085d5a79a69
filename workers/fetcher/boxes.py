"""Runs of short lines that are one box together: an appeal, or a form for a newsletter. Pure.

A line of a box may say nothing by itself ("No fear"): what counts is that the lines around it plead, and that
between them they speak of most of what an appeal speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from workers.fetcher.pleas import ASK, CRAFT, HELP, MAIL, MONEY, READER, US, Plea, is_told
from workers.fetcher.text import Block

MIN_POINTS = 8
_GAP = 7  # lines between two that plead
_ITEM, _LINE = 160, 90  # characters of a line that says nothing by itself
_HEAD = 60
_BUTTON = 30
_EDGE = 2  # points of the first and the last line of a box
_SENTENCE = re.compile(r".{60,}[.!?]$", re.DOTALL)
_QUOTED = re.compile(r"[\"“”„«»]")


def boxes(
    blocks: Sequence[Block], pleas: Mapping[int, Plea], found: Collection[int]
) -> dict[int, str]:
    """Index to kind of all lines of boxes. ``pleas``: the lines that plead; ``found``: known boilerplate."""
    result: dict[int, str] = {}
    run: list[int] = []
    for index in [*sorted(pleas), -1]:
        if run and (index < 0 or not _is_filled(blocks, run[-1], index, found)):
            result |= _box(blocks, run, pleas)
            run = []
        run.append(index)
    return result


def _is_filled(blocks: Sequence[Block], start: int, end: int, found: Collection[int]) -> bool:
    """True when nothing but short lines stand between two that plead: items, or lines said twice."""
    between = range(start + 1, end)
    return len(between) <= _GAP and all(i in found or _is_filler(blocks[i]) for i in between)


def _is_filler(block: Block) -> bool:
    text = block.text
    if block.kind in ("pre", "cell", "caption") or _QUOTED.search(text):
        return False
    if block.kind == "li":
        return len(text) <= _ITEM
    return len(text) <= _LINE and not _SENTENCE.match(text) and not is_told(text.lower())


def _box(blocks: Sequence[Block], run: Sequence[int], pleas: Mapping[int, Plea]) -> dict[int, str]:
    edges = [i for i in run if _is_edge(blocks[i], pleas[i])]
    if len(edges) < 2:
        return {}
    lines = [i for i in run if edges[0] <= i <= edges[-1]]
    topics = 0
    for i in lines:
        topics |= pleas[i].topics
    somebody, giving = topics & (US | READER), topics & (MONEY | HELP | MAIL)
    points = sum(pleas[i].points for i in lines)
    if not (
        topics & ASK and topics & (CRAFT | MAIL) and somebody and giving and points >= MIN_POINTS
    ):
        return {}
    mail = sum(bool(pleas[i].topics & MAIL) for i in lines)
    money = sum(bool(pleas[i].topics & MONEY) for i in lines)
    kind = "newsletter" if mail and mail * 2 >= money else "appeal"
    return dict.fromkeys(_extent(blocks, lines, pleas), kind)


def _is_edge(block: Block, said: Plea) -> bool:
    """True for a line that a box may begin or end with."""
    return said.points >= _EDGE or (bool(said.topics & CRAFT) and len(block.text) <= _LINE)


def _extent(blocks: Sequence[Block], lines: Sequence[int], pleas: Mapping[int, Plea]) -> range:
    """The lines with their heading, the rest of a list that they end in, and buttons below."""
    first, last = lines[0], lines[-1]
    for _ in range(2):
        first -= bool(first) and _is_head(blocks[first - 1])
    while last + 1 < len(blocks):
        after = blocks[last + 1]
        item = after.kind == "li" == blocks[last].kind and _is_filler(after)
        button = len(after.text) <= _BUTTON and last + 1 in pleas
        if not (item or button):
            break
        last += 1
    return range(first, last + 1)


def _is_head(block: Block) -> bool:
    text = block.text
    short = len(text) <= _HEAD and block.kind in ("p", "h") and _is_filler(block)
    return short and text[-1] not in ".,;"
