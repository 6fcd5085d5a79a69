"""Runs of short lines that are one box together: an appeal, or a form for a newsletter. Pure.

A line of a box may say nothing by itself ("No fear"): what counts is that the lines around it plead, and that
between them they speak of most of what an appeal speaks of.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from workers.articles.pleas import ASK, CRAFT, HELP, MAIL, MONEY, READER, US, WORK, Plea, is_told
from workers.articles.text import Block

_GAP, _GAP_LINES = 7, 2  # lines between two that plead, and how many of them may be no items
_ITEM, _LINE = 160, 90  # characters of a line that says nothing by itself
_LONGEST, _LARGEST = 240, 1_500  # characters of a line of a box, and of the whole box
_HEAD = 60
_BUTTON = 30
_FEW = 8  # lines
_ALL_ELSE = READER | MONEY | WORK
ENOUGH = 7
"""Of the score of a box: topics once each, journalism and requests twice, and its form."""
_DENSE = 0.12  # points a word
_SHORT_SENTENCES = re.compile(r"(?:[^.!?。！]{2,45}[.!。！]\s*){2,3}").fullmatch
_SENTENCE = re.compile(r".{60,}[.!?]$", re.DOTALL)
_QUOTED = re.compile(r"[\"“”„«»]")


def boxes(
    blocks: Sequence[Block], pleas: Mapping[int, Plea], found: Collection[int]
) -> dict[int, str]:
    """Index to kind of all lines of boxes. ``pleas``: the lines that plead; ``found``: known boilerplate."""
    topics = 0
    for said in pleas.values():
        topics |= said.topics
    if not topics & (CRAFT | WORK | MAIL):
        return {}
    lines = {**_formed(blocks, pleas), **pleas}
    result: dict[int, str] = {}
    run: list[int] = []
    for index in [*sorted(lines), -1]:
        if run and (index < 0 or not _is_filled(blocks, run[-1], index, found)):
            result |= _box(blocks, run, lines)
            run = []
        run.append(index)
    return result


def _formed(blocks: Sequence[Block], pleas: Mapping[int, Plea]) -> dict[int, Plea]:
    """Lines near pleas that their form gives away: slogans, and lines that the article says twice."""
    near = {i for at in pleas for i in range(max(0, at - _GAP), min(len(blocks), at + _GAP + 1))}
    texts = Counter(blocks[i].text for i in near)
    return {
        i: Plea(0, 0)
        for i in near
        if i not in pleas and (texts[blocks[i].text] > 1 or _is_slogan(blocks[i]))
    }


def _is_slogan(block: Block) -> bool:
    """ "Join us." or "Support The Harbour Post. Save the truth.": short sentences on a line of their own."""
    text = block.text
    if len(text) > _LINE or block.kind not in ("p", "h") or text[-1] not in ".!。！":
        return False
    return (len(text) <= _BUTTON or bool(_SHORT_SENTENCES(text))) and _is_filler(block)


def _is_filled(blocks: Sequence[Block], start: int, end: int, found: Collection[int]) -> bool:
    """True when nothing but short lines stand between two that plead: items, or lines said twice."""
    between = range(start + 1, end)
    items = sum(blocks[i].kind == "li" for i in between)
    if len(between) > _GAP or len(between) - items > _GAP_LINES:
        return False
    return all(i in found or _is_filler(blocks[i]) for i in between)


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
    if not _pleads(blocks, lines, pleas):
        return {}
    mail = sum(bool(pleas[i].topics & MAIL) for i in lines)
    money = sum(bool(pleas[i].topics & (MONEY | HELP)) for i in lines)
    kind = "newsletter" if mail > money else "appeal"
    return dict.fromkeys(_extent(blocks, lines, pleas), kind)


def _pleads(blocks: Sequence[Block], lines: Sequence[int], pleas: Mapping[int, Plea]) -> bool:
    """True when the lines are few and short, and plead densely for journalism or for readers of mail."""
    whole = blocks[lines[0] : lines[-1] + 1]
    if max(len(b.text) for b in whole) > _LONGEST or sum(len(b.text) for b in whole) > _LARGEST:
        return False
    topics = asks = mail = points = words = 0
    for i in lines:
        said = pleas[i]
        topics |= said.topics
        asks += bool(said.topics & ASK)
        mail += bool(said.topics & MAIL)
        points += said.points
        words += blocks[i].text.count(" ") + 1
    form = _form(whole)
    small = len(whole) <= _FEW and max(len(b.text) for b in whole) <= _LINE
    said_all = asks > 1 and topics & _ALL_ELSE == _ALL_ELSE and small
    formed = topics & ASK and topics & WORK and topics & (MONEY | HELP) and form > 2
    about = topics & CRAFT or mail > 1 or said_all or formed
    somebody = topics & (US | READER) or form > 2
    if not (about and somebody and (topics & ASK or form > 2)):
        return False
    score = topics.bit_count() + bool(topics & CRAFT) + bool(topics & ASK) + form
    return score >= ENOUGH and points + form >= words * _DENSE


def _form(whole: Sequence[Block]) -> int:
    """How much the lines look like a box: slogans, a list, a list said twice, a sentence broken in two."""
    slogans = sum(map(_is_slogan, whole))
    items = [b.text for b in whole if b.kind == "li"]
    broken = any(a.text[-1] == ":" and b.text[:1].islower() for a, b in pairwise(whole))
    twice = len(items) > len(set(items)) + 1
    return min(slogans, 2) + bool(items) + 3 * twice + broken


def _is_edge(block: Block, said: Plea) -> bool:
    """True for a line that a box may begin or end with."""
    topics = said.topics
    if not said.points:
        return _is_slogan(block)
    if (
        topics & ASK
        or (topics & MONEY and topics & (US | READER))
        or (topics & HELP and topics & US)
    ):
        return True
    short = len(block.text) <= _LINE
    return short and (bool(topics & CRAFT) or (said.points > 1 and topics & READER > 0))


def _extent(blocks: Sequence[Block], lines: Sequence[int], pleas: Mapping[int, Plea]) -> range:
    """The lines with their heading and the buttons below."""
    first, last = lines[0], lines[-1]
    for _ in range(2):
        first -= bool(first) and _is_head(blocks[first - 1])
    while last + 1 < len(blocks) and last + 1 in pleas and len(blocks[last + 1].text) <= _BUTTON:
        last += 1
    return range(first, last + 1)


def _is_head(block: Block) -> bool:
    text = block.text
    short = len(text) <= _HEAD and block.kind in ("p", "h") and _is_filler(block)
    return short and text[-1] not in ".,;!" and "://" not in text
