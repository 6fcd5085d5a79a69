"""Lines that ask the reader for something, told by the company their words keep. Pure.

No list of sentences is ever complete: appeals say the same in ever new words, and in every language. But
they speak as "we" to a "you", in imperatives, of money and of their own craft, while a report *tells of* all
that in the third person ("readers gave", "the editor said"). Each of these is a topic; one means nothing,
most of them together in a few short lines mean a box. Words are known by their first `STEM` letters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache, reduce
from operator import or_
from typing import NamedTuple

from workers.fetcher import pleas_words as vocabulary

US, READER, MONEY, HELP, CRAFT, WORK, MAIL, ASK = (1 << n for n in range(8))
"""Topics, as bits: the publisher, the reader; giving (money; help of any kind); journalism (its own words;
words that it shares with others); mail; a request."""
_TOLD, _DISTANT = 1 << 8, 1 << 9
"""Somebody is quoted or reported; a third person or the past is spoken of."""
_STARTS, _NEEDS = 1 << 10, 1 << 11
"""No topics: a word may begin a request, or belong to one that is no imperative; most lines have none."""

STEM = 6
MAX_PLEA = 320
"""Characters: a longer block is prose."""

DENSE = 0.15
"""Points a word that pleading comes to; prose that mentions all of it in passing has less."""
_WHOLE_PLEA = US | READER | MONEY | CRAFT
_NO_PROSE = ("://", "www.", "@", "©")
_SENTENCE_ENDS = (".", "?", "。", "？")
_CLOSING = " \"'”’»)]"
_SHORT = 60
_LINKED = 120

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_DIGIT = re.compile(r"\d")
_SUM = re.compile(r"[$€£₴₽]\s?\d|\b\d+(?:[.,]\d\d)?\s?(?:€|£|euros?\b|zł|kr\b|₽|руб|грн|tl\b)")
_START = re.compile(
    r"(?:^|[.!?…:;,–—»]\s+|\b(?:please|bitte|пожалуйста)\s+)[^\w\"“„«]*"
    r"(?:(?:please|(?:will|can|could|would|won't) you|and|so|but|then|now|today|yes|bitte|et|y|e|и)[ ,]+)*"
    r"([^\W\d_]+(?:'[^\W\d_]+)?)(?:[- ]([^\W\d_]+))?"
)
_IMPERATIVE = re.compile(r"[^\W\d_]{3,}(?:ez|(?:ите|йте|[иеь]тесь|йтесь)|(?:іть|йте|іться|йтесь))")
"""Forms that are imperatives whatever the verb, at the start of a sentence: French, Russian, Ukrainian."""
_OTHERWISE = re.compile(rf"\b(?:{vocabulary.LAST_ASKS})\W*(?:$|[.!])|{vocabulary.NEEDS}")
_LETTERS = bytes(n if chr(n).isalpha() else 32 for n in range(256))
_KNOWN_WORDS, _USUAL = 16_384, 24  # words, and characters of one
_FIRST = (
    vocabulary.ASKS_YOU
    | vocabulary.ASKS_SIE
    | vocabulary.ASKS
    | vocabulary.ASK_BUT.keys()
    | vocabulary.ASK_PAIRS.keys()
)
_LAST = frozenset(vocabulary.LAST_ASKS.split("|"))
_NEEDED = (
    "need", "brauchen", "besoin", "necesitamos", "bisogno", "precisamos", "нужна", "потрібна", "potrzebujemy",
)  # fmt: skip
"""How a word ends that ``vocabulary.NEEDS`` begins with, or has near its beginning."""
_WE_DO = ("amos", "emos", "imos", "iamo")  # "we …" in Spanish, Portuguese, Italian
_TARGET = re.compile(
    r"donat|/give\b|//give\.|//support\.|/support(?:-us)?\b|membership|/members?\b|/join\b|"
    r"patreon|ko-fi|buymeacoffee|paypal|liberapay|opencollective|subscri|newsletter|sign-?up|"
    r"spende|/abo\b|soutenir|/dons?\b|donacion|hazte-?soci|sostieni|doacao|apoie|steun|wesprzyj|wspieraj",
    re.IGNORECASE,
)


class Plea(NamedTuple):
    """What a line says: ``topics`` as bits, and how much of a plea that is (0: none)."""

    points: int
    topics: int


NONE = Plea(0, 0)


def _known(whole: Mapping[int, str], begun: Mapping[int, str]) -> dict[str, int]:
    """Words to their topics: as they are, or by their first letters."""
    known: dict[str, int] = {}
    for cut, topics in ((None, whole), (STEM, begun)):
        for topic, words in topics.items():
            for word in {w[:cut] for w in words.split()}:
                known[word] = known.get(word, 0) | topic
    return known


_WHOLE = _known(
    {
        US: vocabulary.US,
        READER: vocabulary.READER,
        CRAFT: vocabulary.CRAFT_WHOLE,
        _TOLD: vocabulary.TOLD,
        _DISTANT: vocabulary.DISTANT,
    },
    {},
)
_BEGUN = _known(
    {},
    {
        MONEY: vocabulary.MONEY,
        HELP: vocabulary.HELP,
        CRAFT: vocabulary.CRAFT,
        WORK: vocabulary.WORK,
        MAIL: vocabulary.MAIL,
    },
)


def is_told(low: str) -> bool:
    """True when the line tells of a request: who said it, or of others with no word to the reader."""
    topics = _signs(low)
    return bool(topics & _TOLD) or topics & (_DISTANT | READER) == _DISTANT


def tells(text: str) -> bool:
    """True when a line is prose about others: whole sentences that name neither the publisher nor the
    reader, ask for nothing, and lead nowhere."""
    if any(mark in text for mark in _NO_PROSE) or not text.rstrip(_CLOSING).endswith(
        _SENTENCE_ENDS
    ):
        return False
    low = text.lower().replace("’", "'").replace("‘", "'")
    signs = _signs(low)
    return not (signs & (US | READER) or _asks(low, signs))


def plea(low: str, href: str = "") -> Plea:
    """How much a line (lower case, straight apostrophes) pleads; ``href`` is its first link."""
    if len(low) > MAX_PLEA:
        return NONE
    signs = _signs(low)
    if signs & _TOLD:
        return NONE
    topics = signs & ~(_STARTS | _NEEDS)
    if topics or href or len(low) <= _SHORT:
        topics |= _asks(low, signs)
        if _DIGIT.search(low) and _SUM.search(low):
            topics |= MONEY
        if href and len(low) <= _LINKED and _TARGET.search(href):
            topics |= MONEY | ASK
    said = topics & ~(_DISTANT | ASK)
    points = said.bit_count() + 2 * bool(topics & ASK) - 2 * bool(topics & _DISTANT)
    return Plea(points, topics) if points > 0 else NONE


def _signs(low: str) -> int:
    """The topics of a line, and whether it may hold a request."""
    if low.isascii() and "'" not in low:
        return reduce(or_, map(_PLAIN.__getitem__, low.encode().translate(_LETTERS).split()), 0)
    return reduce(or_, map(_signs_of, _WORD.findall(low)), 0)


@lru_cache(maxsize=16_384)
def _signs_of(word: str) -> int:
    signs = _WHOLE.get(word, 0) | _BEGUN.get(word[:STEM], 0)
    if word.endswith(_WE_DO):
        signs |= US
    if word in _FIRST or _IMPERATIVE.fullmatch(word):
        signs |= _STARTS
    if word.rpartition("'")[2] in _LAST or word.endswith(_NEEDED):
        signs |= _NEEDS
    return signs


class _Plain(dict[bytes, int]):
    """Signs by word, of words in ASCII: what is known is found without a call."""

    def __missing__(self, word: bytes) -> int:
        signs = _signs_of(word.decode())
        if len(self) < _KNOWN_WORDS and len(word) <= _USUAL:
            self[word] = signs
        return signs


_PLAIN = _Plain()


def _asks(low: str, signs: int) -> int:
    for first, second in _START.findall(low) if signs & _STARTS else ():
        if first in vocabulary.ASKS_YOU or (second == "sie" and first in vocabulary.ASKS_SIE):
            return ASK | READER
        if _is_imperative(first, second):
            return ASK | READER
        but = vocabulary.ASK_BUT.get(first)
        if first in vocabulary.ASKS or (but is not None and second not in but):
            return ASK
        if second in vocabulary.ASK_PAIRS.get(first, ()):
            return ASK
    return ASK if signs & _NEEDS and _OTHERWISE.search(low) else 0


def _is_imperative(first: str, second: str) -> bool:
    if not _IMPERATIVE.fullmatch(first) or first in vocabulary.NO_ASKS:
        return False
    return first[-1] != "z" or second in vocabulary.AFTER_EZ


def stands_alone(low: str, found: Plea) -> bool:
    """True when one line is enough: it asks for money, for journalism, as somebody to somebody."""
    topics, points = found.topics, found.points
    if points < 5 or points < (low.count(" ") + 1) * DENSE:
        return False
    if not topics & ASK:
        return topics & _WHOLE_PLEA == _WHOLE_PLEA
    if not topics & (MONEY | HELP):
        return False
    if topics & CRAFT:
        return bool(topics & (US | READER))
    return bool(topics & MONEY and topics & WORK and topics & US)
