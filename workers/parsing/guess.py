"""The encoding of text that is no UTF-8 and declares nothing that fits. Pure.

Few encodings are left undeclared, and each has letters that its languages use all the time; a detector
for all of them guesses where this one says that it does not know. Documents in Western encodings are left to
windows-1252, as browsers do.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_SAMPLE = 20_000  # bytes
_LEAST = 24  # characters beyond ASCII: fewer prove nothing

_HAN = re.compile("[\u4e00-\u9fff]")
_KANA = re.compile("[\u3040-\u30fc]")
_HALF_KANA = re.compile("[\uff61-\uff9f]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_SIMPLIFIED = re.compile(
    "[的一是在不了有和人这中大为上个国我以要时来用们到于出就会可发年动同能过说对后行]"
)
_TRADITIONAL = re.compile(
    "[的一是在不了有和人這中大為上個國我以要時來用們到於出就會可發年動同能過說對後行]"
)
_KOREAN = re.compile("[이다는을를에의가은고지한하로기사]")
_CYRILLIC_WORDS = re.compile("[А-яЁёІіЇїЄєҐґ]{3,}")
_CYRILLIC_COMMON = re.compile("[оеаинтсрвл]")


def _share(pattern: re.Pattern[str], text: str) -> float:
    return sum(map(len, pattern.findall(text))) / max(len(text), 1)


def _japanese(text: str) -> float:
    return _share(_KANA, text) + _share(_HAN, text) if _share(_KANA, text) > 0.2 else 0.0


def _cyrillic(text: str) -> float:
    words = _CYRILLIC_WORDS.findall(text)
    share = sum(map(len, words)) / max(sum(c > "\x7f" for c in text), 1)
    return share if _share(_CYRILLIC_COMMON, "".join(words)) > 0.45 else 0.0


def _chinese(common: re.Pattern[str]) -> Callable[[str], float]:
    return lambda text: _share(_HAN, text) if _share(common, text) > 0.08 else 0.0


_SCORES: tuple[tuple[str, Callable[[str], float]], ...] = (
    ("euc_jp", _japanese),
    ("cp932", lambda text: _japanese(text) - _share(_HALF_KANA, text)),
    ("cp949", lambda text: _share(_HANGUL, text) if _share(_KOREAN, text) > 0.15 else 0.0),
    ("gb18030", _chinese(_SIMPLIFIED)),
    ("big5", _chinese(_TRADITIONAL)),
    ("cp1251", _cyrillic),
    ("koi8_r", _cyrillic),
)
_SURE = 0.6


def guess(body: bytes) -> str:
    """Return the encoding that makes common words of ``body``, or nothing."""
    best, encoding = _SURE, ""
    for name, score in _SCORES:
        try:
            text = body[:_SAMPLE].decode(name, "ignore")
            body.decode(name)
        except UnicodeDecodeError:
            continue
        wide = text if score is _cyrillic else "".join(c for c in text if c > "\x7f")
        if sum(c > "\x7f" for c in wide) < _LEAST:
            continue
        if (points := score(wide)) > best:
            best, encoding = points, name
    return encoding
