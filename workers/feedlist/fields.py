"""The fields of one feed: their names, and what each may hold; pure.

``deploy/feeds.schema.json`` says the same for editors; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from workers.feedlist.identity import ID_PATTERN
from workers.units import parse_backfill, parse_duration

KEYS = (
    "id",
    "url",
    "name",
    "tags",
    "language",
    "body",
    "interval",
    "headersFrom",
    "basicAuthFrom",
    "userAgent",
    "proxy",
    "backfill",
    "enabled",
)
"""What a feed may say of itself in YAML."""

MAX_NAME = 1_000
MAX_TAG = 100
MAX_TAGS = 64
MAX_HEADERS = 32
MIN_INTERVAL_S = 1.0
MAX_INTERVAL_S = 30 * 86_400.0

_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
_ID = re.compile(ID_PATTERN, re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", re.ASCII)
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:/[^\x00-\x1f]+", re.ASCII)
_AGENT = re.compile(r"[!-~](?:[ -~]{0,298}[!-~])?", re.ASCII)
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "te", "upgrade", "expect"}
    | {"accept-encoding", "if-none-match", "if-modified-since", "range"}
)
"""What the fetcher sets or what would change how a body is read."""
_YES_NO = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def clean(text: str, most: int) -> str:
    """One line of printable text of at most ``most`` characters."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())[:most].rstrip()


def unknown_key(key: str, known: Iterable[str]) -> str:
    """What to say of a key that nobody reads."""
    known = list(known)
    folded = {name.lower(): name for name in known}
    near = get_close_matches(key.lower().replace("_", "").replace("-", ""), folded, n=1, cutoff=0.7)
    hint = f"did you mean {folded[near[0]]}?" if near else f"known are {', '.join(known)}"
    return f"unknown key {clean(key, 40)!r}; {hint}"


def check_id(text: str) -> str:
    """A feed's given id."""
    if not _ID.fullmatch(text):
        raise ValueError("id: use 1 to 64 of A-Z a-z 0-9 . _ -")
    return text


def check_language(text: str) -> str:
    """A BCP 47 tag; ``en_US`` is read as ``en-US``."""
    tag = text.replace("_", "-")
    if not _LANGUAGE.fullmatch(tag):
        raise ValueError("language: must be a tag such as en, de-CH or zh-Hant")
    return tag


def check_interval(text: str) -> float:
    """Seconds between two polls."""
    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = 0.0
    if not MIN_INTERVAL_S <= seconds <= MAX_INTERVAL_S:
        raise ValueError("interval: must be a duration between 1s and 30d, such as 900, 15m or 24h")
    return seconds


def check_body(text: str) -> str:
    """How much of the feed's text is published."""
    value = text.strip().lower()
    if value not in ("full", "summary", "none"):
        raise ValueError("body: must be full, summary or none")
    return value


def check_backfill(text: str) -> str:
    """What the feed's first poll announces, as ``workers.units.parse_backfill`` reads it."""
    value = text.strip().lower()
    try:
        parse_backfill(value)
    except ValueError:
        raise ValueError("backfill: must be all, none, or a duration such as 24h") from None
    return value


def check_enabled(text: str) -> bool:
    """True or false."""
    value = _YES_NO.get(text.lower())
    if value is None:
        raise ValueError("enabled: must be true or false")
    return value


def check_proxy(text: str) -> bool:
    """True when the feed is fetched through the proxy, if there is one."""
    value = _YES_NO.get(text.lower())
    if value is None:
        raise ValueError("proxy: must be on or off; the proxy itself is NEWSWIRE_PROXY_URL")
    return value


def check_user_agent(text: str) -> str:
    """A User-Agent header: printable ASCII."""
    if not _AGENT.fullmatch(text):
        raise ValueError("userAgent: must be 1 to 300 characters of printable ASCII")
    return text


def check_basic_auth(reference: str) -> str:
    """Where ``user:password`` is kept. No error repeats the value, it may be the secret."""
    if not _REFERENCE.fullmatch(reference):
        raise ValueError(
            "basicAuthFrom: must be env:NAME or file:/path that holds user:password, never the value itself"
        )
    return reference


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Cleaned tags in their order, each once."""
    found = tuple(dict.fromkeys(tag for raw in tags if (tag := clean(raw, MAX_TAG))))
    if len(found) > MAX_TAGS:
        raise ValueError(f"tags: {len(found)} are too many, {MAX_TAGS} are allowed")
    return found


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Header names and where their values are kept. No error repeats a value, it may be secret."""
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"headersFrom: at most {MAX_HEADERS} headers")
    seen: set[str] = set()
    for name, reference in headers.items():
        if not _HEADER.fullmatch(name):
            raise ValueError("headersFrom: a header name may hold letters, digits and - only")
        if name.lower() in _OURS:
            raise ValueError(f"headersFrom: {name} is set by the fetcher itself")
        if name.lower() == "user-agent":
            raise ValueError("headersFrom: a User-Agent is no secret; write it as userAgent")
        if name.lower() in seen:
            raise ValueError(f"headersFrom: {name} is given twice")
        if not _REFERENCE.fullmatch(reference):
            raise ValueError(
                f"headersFrom: {name} must be env:NAME or file:/path, never the value itself"
            )
        seen.add(name.lower())
    return dict(sorted(headers.items()))
