"""What of a text is compared: the words a reader would call the article, without what changes by itself.

An edit is a change that a reader could care about: a number, a name, a word. No edit are white space and
typography, addresses and tokens in them, counters and ages ("12 comments", "5 min read", "3 hours ago").
A counter within a sentence is the sentence's own ("drew 12 comments from the minister") and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

from workers.articles import wording

HASH_BYTES = 4
NO_HASH = bytes(HASH_BYTES)
_LOOKED_AT = 150  # lines at each end of a body that may be counters
_COMPARED = 100_000  # characters that are searched for tokens

_TYPOGRAPHY = (
    *((c, "'") for c in "‘’‚‛ʼ′`´‹›"), *((c, '"') for c in "“”„‟″«»"), *((c, "-") for c in "‐‑‒–—―−"),
    ("…", "..."), *((c, "") for c in "\u200c\u200d\ufe0e\ufe0f"),
)  # fmt: skip
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"]+")
# "ad-id=77", "token=x9", "ad:1234", "slot#4": a name that only machines read, and its value.
_ASSIGNED = re.compile(r"\b([A-Za-z][\w-]{0,30}+)(=|#|: ?)([\w.+/=-]+)")
_AD_COLON = (
    "ad:",
    "ads:",
    "Ad:",
    "AD:",
    "id:",
    "token:",
    "slot:",
    "unit:",
    "ref:",
    "banner:",
    "advert:",
)
_AD_NAME = re.compile(
    r"(?:ads?|advert|banner)(?:[-_]?(?:id|token|slot|unit|ref|key))?", re.IGNORECASE
)
_MACHINE_NAME = re.compile(
    r"(?:slot|placement|impression|creative|campaign|cb|cachebust\w*|nonce|token|session|sess|sid|uid|"
    r"uuid|cid|gclid|fbclid|utm_\w+|rnd|rand|ts|ref|tracking)(?:[-_]?(?:id|token|slot|unit|ref|key))?",
    re.IGNORECASE,
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DIGIT = re.compile(r"[0-9]")
_LONG = 13  # characters of the shortest word that may be a token
_LONG_WORD = b"a" * _LONG
_SPACES = bytes(n for n in range(128) if chr(n).isspace())
_SHAPE = bytes(32 if n in _SPACES else 97 for n in range(256))
"""White space to spaces, all else to one letter."""
_TOKEN = re.compile(r"(?<![\w-])[A-Za-z0-9+/_-]{13,}=*")
_HEX = re.compile(r"(?:[a-z_]{2,6}[-_])?(?:[0-9a-f]{16,}|[0-9A-F]{16,})")
_CASES = re.compile(r"[a-z](?=[A-Z])|[A-Z](?=[a-z])|[a-zA-Z](?=\d)|\d(?=[a-zA-Z])")


def compared(text: str) -> str:
    """``text`` as it is compared: without what is never an edit."""
    return " ".join(_without_noise(text).split())


def _without_noise(text: str) -> str:
    text = _plain(text)
    if "://" in text or "www." in text:
        text = _URL.sub("", text)
    if _is_assigned(text):
        text = _ASSIGNED.sub(_drop_assigned, text)
    if not _DIGIT.search(text):
        return text
    if text.isascii():
        return _without_tokens(text)
    return " ".join([_without_token(w) if len(w) >= _LONG else w for w in text.split()])


def _without_tokens(text: str) -> str:
    """ASCII text without the tokens in it: runs of letters are found sooner than words are split."""
    shape = text.encode().translate(_SHAPE)
    at, done = shape.find(_LONG_WORD), 0
    pieces: list[str] = []
    while at >= 0:
        end = shape.find(b" ", at)
        end = len(text) if end < 0 else end
        if _DIGIT.search(text, at, end):
            pieces += text[done:at], _without_token(text[at:end])
            done = end
        at = shape.find(_LONG_WORD, end)
    return "".join((*pieces, text[done:])) if done else text


def _is_assigned(text: str) -> bool:
    """True where ``_ASSIGNED`` may find what goes: a cheap first look at each sign."""
    for sign in "=#":
        at = text.find(sign)
        while at >= 0:
            if (before := text[at - 1 : at]).isalnum() or before in ("_", "-"):
                return True
            at = text.find(sign, at + 1)
    at = text.find(":")
    while at >= 0:
        if text.endswith(_AD_COLON, 0, at + 1):
            return True
        at = text.find(":", at + 1)
    return False


def _without_token(word: str) -> str:
    if word.isalpha() or not _DIGIT.search(word):
        return word
    return _TOKEN.sub(_drop_token, word)


def _plain(text: str) -> str:
    """``text`` with the typography of a typewriter."""
    if not text.isascii():
        for character, plain in _TYPOGRAPHY:
            if character in text:
                text = text.replace(character, plain)
    return text


def title_hash(text: str) -> bytes:
    """4 bytes over a headline: all that it says, since it also tells articles apart; only typography goes."""
    return text_hash(_plain(text).replace("`", "'"))


def body_hash(lines: Iterable[str]) -> bytes:
    """4 bytes over the lines of a body, in order, as they are compared."""
    kept = list(lines)
    last = len(kept) - _LOOKED_AT
    for index, line in enumerate(kept):
        if index < _LOOKED_AT or index >= last:
            kept[index] = _without_counters(line)
    text = " ".join(kept)
    if len(text) > _COMPARED:
        return text_hash(compared(text[:_COMPARED]) + text[_COMPARED:])
    return text_hash(_without_noise(text))


def _without_counters(line: str) -> str:
    if not _DIGIT.search(line) and "ago" not in line:
        return line
    if len(line) <= wording.MAX_COUNTER and wording.COUNTER.match(line.lower()):
        return ""
    start = max(0, len(line) - 80)
    tail = line[start:]
    if _may_count(tail) and (cut := wording.TRAILING_COUNTER.search(tail)):
        return line[: start + cut.start()]
    return wording.STAMPED_AGO.sub("", line) if not start else line


def _may_count(tail: str) -> bool:
    """True for every end of a line that ``TRAILING_COUNTER`` finds: a word is last, and an age alone may have
    a number that is spelt."""
    last = tail[:-1].rstrip()[-1:] if tail.endswith((")", "]")) else tail[-1:]
    if not (last.isalnum() or last == "_"):
        return False
    if _DIGIT.search(tail) or not tail.isascii():
        return True
    low = tail.lower()
    return "ago" in low or "vor ein" in low or "y a un" in low or "ace un" in low


def text_hash(text: str) -> bytes:
    """4 bytes over ``text`` with all white space left out: where it stands is layout."""
    if text.isascii():
        folded = text.encode().translate(None, _SPACES)
    else:  # few pieces are left to be joined without the spaces
        folded = "".join(text.replace(" ", "").split()).encode("utf-8", "replace")
    return blake2b(folded, digest_size=HASH_BYTES).digest()


def _drop_assigned(match: re.Match[str]) -> str:
    name, sign, value = match.groups()
    if sign[0] == ":":  # prose has colons too
        return "" if _DIGIT.search(value) and _AD_NAME.fullmatch(name) else match[0]
    return "" if _AD_NAME.fullmatch(name) or _MACHINE_NAME.fullmatch(name) else match[0]


def _drop_token(match: re.Match[str]) -> str:
    """Nothing for a long id that a machine made; words with a number in them ("covid-19", "G20") stay.

    Short ones stay as well: "build w95f6r2" is as likely a fact as a token, and an edit storm is
    coalesced anyway, while an edit that is not seen is lost.
    """
    token = match[0]
    if _UUID.fullmatch(token):
        return ""
    if _HEX.fullmatch(token):
        letters = any(c.isalpha() for c in token)
        return "" if letters or len(token) >= 16 else token
    if token.isdigit():
        return "" if len(token) >= 13 else token
    if "-" in token or "/" in token:
        parts = re.split(r"[-/]", token)
        if len(token) < 24 or any(p.isalpha() and len(p) > 2 for p in parts):
            return token
    changes = len(_CASES.findall(token))
    numbers = len(re.findall(r"\d+", token))
    made = len(token) >= 20 and numbers >= 2 and changes >= 4 and changes * 5 >= len(token)
    return "" if made else token
