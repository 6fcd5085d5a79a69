"""Authors as feeds write them: one string for several people, with mail, roles and places around.

A wrong split makes two people who do not exist, so a string is split only where it is a list beyond
doubt; what stays together is still true. Organisations are authors too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

MAX_PEOPLE = 64
MAX_NAME = 200
"""Longest name in characters."""

_MAX_RAW = 4000  # characters of all strings together
_USUAL = 100  # characters of a string that may be met again

_INVISIBLE = re.compile(
    r"[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"
)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_MAIL = re.compile(
    r"(?:mailto:)?[^\s@<>()\[\],;:\"]{1,64}@[^\s@<>()\[\],;:\"]{1,253}", re.IGNORECASE
)
_HANDLE = re.compile(r"\(\s*@\w{1,40}\s*\)")
_EMPTY_BRACKETS = re.compile(r"[(<\[]\s*[)>\]]")
_HIDDEN = re.compile(r"\s*\(hidden\)|^\s*hidden\s*(?=\()", re.IGNORECASE)
_ALL_IN_BRACKETS = re.compile(r"\((.+)\)")
_AGENCY_IN_BRACKETS = re.compile(r"(.{3,}?)\s*\(([^()]{2,20})\)")

_BY = re.compile(
    r"(?:(?:written|reported|text|story|words|posted|edited|photos?|photographs?|photography|video"
    r"|animation|illustrations?|analysis|review|interview|report)\s+)?by[\s:]+",
    re.IGNORECASE,
)
_ROLE_COLON = re.compile(
    r"(?:authors?|aut(?:or|eur|ore|hor)(?:es|s|en|in|innen|rice)?|by(?:line)?|texte?|texto|testo|tekst"
    r"|words|story|fotos?|photos?|redaktion|redacci[oó]n|redaction|editors?|writers?|reporters?"
    r"|von|par|por|di|door|av|автор|текст|作者|記者|记者|文)\s*[:：]\s*",
    re.IGNORECASE,
)
# "by" in other languages is also a part of names (Von Miller, Di Stefano): a full name must follow.
_BY_FULL_NAME = re.compile(
    r"(?i:von|par|por|di|door|av|af|przez)\s+(?=[^\W\d_a-z][\w.'’-]*\s+[^\W\d_a-z])"
)
_PARTICLES = re.compile(
    r"(?:von|di|de|par|por|av|af)\s+(?:der|den|dem|la|le|las|los|zu|und)\b", re.IGNORECASE
)
_ROLE_BEFORE = re.compile(
    r"(?:staff (?:writer|reporter)|(?:special )?correspondent|reporter|editor)\s+(?=[A-Z]\S+\s+[A-Z])",
    re.IGNORECASE,
)

_HARD_SEPARATOR = re.compile(r"\s*[;|\n•·]\s*|\s+[–—]\s+|、|，|؛|،")
_COMMA = re.compile(r"\s*,\s*")
_SLASH = re.compile(r"\s*/\s*")
_AND = re.compile(
    r"\s+(?:and|und|et|y|e|en|og|och|oraz|i|и|та|і|și|ve|ja|és|και|&|\+|mit|with|avec|con|com)\s+",
    re.IGNORECASE,
)
_LEADING_AND = re.compile(r"(?:and|und|et|y|e|en|og|och|oraz|ve|ja|és|&)\s+")

_AGENCIES = frozenset(
    (
        *("aap", "adnkronos", "aa", "afp", "agencies", "agency", "aljazeera.com", "anp", "ansa"),
        *("ap", "apa", "ats", "bbc", "belga", "bloomberg", "bta", "cna", "cnn", "cp", "čtk", "ctk"),
        *(
            "dpa",
            "dpa-afx",
            "dw",
            "dts",
            "efe",
            "epa",
            "epd",
            "europa press",
            "getty images",
            "gna",
        ),
        *("hina", "ians", "ians.", "interfax", "itar-tass", "jiji", "kna", "kyodo", "kyodo news"),
        *("lusa", "map", "mti", "ntb", "npr", "nzz", "pa", "pa media", "pap", "pti", "reuters"),
        *("ria novosti", "ritzau", "rtr", "rts", "sda", "sid", "sputnik", "stt", "swissinfo"),
        *("tanjug", "tass", "the associated press", "associated press", "tt", "unian", "upi"),
        *("ukrinform",),
        *(
            "xinhua",
            "yonhap",
            "тасс",
            "интерфакс",
            "риа новости",
            "укринформ",
            "新华社",
            "共同通信",
        ),
        *("ani", "wam", "spa", "petra", "irna", "isna", "anadolu", "anadolu agency", "dha", "iha"),
        *("news desk", "monitoring desk", "staff", "staff writer", "editorial", "wires"),
    )
)
_NOBODY = frozenset(
    (
        *("", "-", "--", ".", "admin", "administrator", "anonymous", "author", "authors", "by"),
        *("default", "guest", "hidden", "info", "mail", "n/a", "na", "nan", "nil", "no author"),
        *("no-reply", "nobody", "none", "noreply", "null", "root", "superuser", "system", "test"),
        *("undefined", "unknown", "unknown author", "user", "webmaster", "wordpress", "wpadmin"),
        *("[object object]", "super user", "array", "siteadmin", "site admin", "web admin"),
    )
)
_ROLE = re.compile(
    r"\b(?:professor|lecturer|fellow|researcher|editor|editor-in-chief|correspondent|reporter|writer"
    r"|columnist|director|candidate|scientist|journalist|contributor|producer|bureau chief|analyst"
    r"|ph\.?d|m\.?d|phd student|redakteur(?:in)?|korrespondent(?:in)?|rédacteur|rédactrice"
    r"|journaliste|redactor(?:a)?|periodista|corresponsal|giornalista)\b",
    re.IGNORECASE,
)
_FOR_WHOM = re.compile(r"special (?:to|for) (?:the )?\S", re.IGNORECASE)
"""Of "Jane Doe, Special to The Paper" the second part."""
_GENERATION = re.compile(r"(?:jr|sr|ii|iii|iv|esq|md|phd|ph\.d|m\.d)\.?", re.IGNORECASE).fullmatch
_ORGANISATION = re.compile(
    r"\b(?:university|institute|department|ministry|bureau|committee|council|centre|center|office"
    r"|foundation|association|society|agency|commission|college|school|group|team|news|media|press"
    r"|times|post|radio|project|institut|ministerium|universität|université|universidad)\b",
    re.IGNORECASE,
)


def split_authors(raw: Sequence[str]) -> tuple[str, ...]:
    """Return the names of people and agencies in ``raw``, each once, in their order.

    At most `MAX_PEOPLE` of at most `MAX_NAME` characters. Mail addresses, URLs, roles and the names
    of default accounts are no names; a string that is nothing else gives nothing.
    """
    names: dict[str, str] = {}
    budget = _MAX_RAW
    for text in raw:
        if budget <= 0:
            break
        chunk = text[:budget]
        budget -= len(chunk) + 1
        for name in _known_names(chunk) if len(chunk) <= _USUAL else _names(chunk):
            names.setdefault(name.casefold(), name)
            if len(names) >= MAX_PEOPLE:
                return tuple(names.values())
    return tuple(names.values())


@lru_cache(maxsize=4_096)
def _known_names(text: str) -> tuple[str, ...]:
    """The names in a short text: a feed has few authors."""
    return tuple(_names(text))


def _names(text: str) -> Iterator[str]:
    for part in _HARD_SEPARATOR.split(_plain(text)):
        for item in _split_slashes(_without_prefix(part)):
            for piece in _split_commas(item):
                for name in _split_and(piece):
                    yield from _finish(name)


def _plain(text: str) -> str:
    """Return ``text`` without markup, addresses and what is left of their brackets."""
    if "&" in text:
        text = html.unescape(text)
    text = " ".join(_INVISIBLE.sub(" ", text).split())  # before patterns that begin with a space
    if "@" in text:
        text = _HANDLE.sub(" ", _MAIL.sub(" ", text))
    if "<" in text:
        text = _TAG.sub(" ", text)
    text = _HIDDEN.sub(" ", _URL.sub(" ", text))
    text = _EMPTY_BRACKETS.sub(" ", text)
    text = " ".join(text.split()).strip(" ,;|/\"'")
    if whole := _ALL_IN_BRACKETS.fullmatch(text):  # "mail@example.org (Name)" without the mail
        text = whole[1].strip()
    return text


def _without_prefix(text: str) -> str:
    for pattern in (_ROLE_COLON, _BY, _ROLE_BEFORE):
        if match := pattern.match(text):
            text = text[match.end() :]
    if (match := _BY_FULL_NAME.match(text)) and not _PARTICLES.match(text):
        text = text[match.end() :]
    return text


def _split_commas(text: str) -> list[str]:
    items = [item for item in _COMMA.split(text) if item]
    if len(items) < 2:
        return items
    if len(items) == 2 and not _is_list(*items):
        return [", ".join(items)]
    kept = [items[0]]
    title = False  # "Name, Professor of Law, University of Somewhere": one person with a title
    for item in items[1:]:
        if _GENERATION(item):
            kept[-1] += ", " + item
        elif _ROLE.search(item) and not _AND.search(item):
            title = True
        elif not (_FOR_WHOM.match(item) or (title and _ORGANISATION.search(item))):
            kept.append(_LEADING_AND.sub("", item, count=1) if _LEADING_AND.match(item) else item)
            title = False
    return kept


def _is_list(left: str, right: str) -> bool:
    """Say whether "left, right" are two authors, or a name with a title, and not "Doe, Jane"."""
    if _is_agency(left) or _is_agency(right) or _ROLE.search(right) or _GENERATION(right):
        return True
    return _is_author(left) and _is_author(right)


def _split_slashes(text: str) -> list[str]:
    if "/" not in text:
        return [text]
    items = [item for item in _SLASH.split(text) if item]
    if all(_is_author(item) for item in items):
        return items
    if " / " in text and _is_author(items[0]):
        # "Andrew Chow / San Jose, Calif.": what follows is where it was written
        return [item for item in items if _is_author(item)]
    return [text]


def _split_and(text: str) -> list[str]:
    items = _AND.split(text)
    if len(items) == 1:
        return items
    # "Department of Trade and Industry", "Marks & Spencer" and "Emily and Joe Smith" stay one.
    return items if all(_is_author(item) for item in items) else [text]


def _finish(text: str) -> Iterator[str]:
    text = _without_prefix(text.strip(" ,;:|/\"'“”„*_-–—"))
    if (match := _AGENCY_IN_BRACKETS.fullmatch(text)) and _is_agency(match[2]):
        yield from _finish(match[1])
        yield match[2]
        return
    text = _undoubled(text)
    if len(text) > MAX_NAME:
        text = text[: MAX_NAME + 1].rpartition(" ")[0] or text[:MAX_NAME]
    if text.casefold() not in _NOBODY and any(char.isalnum() for char in text):
        yield text


def _undoubled(text: str) -> str:
    """Return "Jane Doe" for "Jane Doe Jane Doe"."""
    words = text.split()
    half = len(words) // 2
    if (
        half
        and len(words) % 2 == 0
        and words[:half] == words[half:]
        and (half > 1 or len(text) > 8)
    ):
        return " ".join(words[:half])
    return text


def _is_author(text: str) -> bool:
    """Say whether ``text`` is the name of an author, or a list of them, beyond doubt."""
    return all(_is_agency(name) or _is_full_name(name) for name in _COMMA.split(text))


def _is_agency(text: str) -> bool:
    return text.casefold() in _AGENCIES


def _is_full_name(text: str) -> bool:
    """Say whether ``text`` has at least a given name and a family name."""
    words = text.split()
    if not 2 <= len(words) <= 7:
        return False
    first, last = words[0].lstrip("'’\"("), words[-1]
    return not first[:1].islower() and not last[:1].islower() and first[:1].isalpha()
