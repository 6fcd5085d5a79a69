"""What may stand in a log line: bounded plain text without secrets, whatever a feed says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from workers.urls import redact_url

MAX_TEXT = 2_000  # characters of one value
MAX_ITEMS = 50  # of one list or mapping
MAX_DEPTH = 4
MASK = "***"
# A URL is redacted before the text is cut to its bound, or the cut could fall between a password
# and the @ that gives it away; what lies further back than this can no longer reach the line.
_WINDOW = 4 * MAX_TEXT

_SPACES = re.compile(r"[\t\n\r\v\f\x85\u2028\u2029]+")
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: terminal escapes
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidi controls: they reorder what is read
    "\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\uffff\U000e0000-\U000e007f]"  # no characters, tags
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,30}://[^\s\"'<>]+")
# Repetitions are bounded: open ones cost 170 ms for a text of 8,000 characters made to hurt.
_PAIR = re.compile(
    r"((?:authorization|cookie|passw(?:or)?d|secret|token|api[_-]?key|access[_-]?key)"
    r"[\w-]{0,24}['\"]?\s{0,4}[:=]\s{0,4}['\"]?)(?:(?:bearer|basic|digest)\s{1,4})?[^\s'\",;&]+",
    re.IGNORECASE,
)
_SECRET_KEYS = frozenset({"password", "authorization", "cookie", "secret", "token", "headers"})
_OWN = frozenset({"reason", "next_due", "next_why"})  # made by us, in every line of a poll
_INT64 = 1 << 63


class Cleaner:
    """Cleans the values of log fields.

    Args:
        secrets: values that are blotted out wherever they turn up; those under 4 characters are
            left alone, they would blot out half the log.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(s for s in secrets if len(s) >= 4)

    def text(self, value: str) -> str:
        """One bounded line of printable text without secrets."""
        cut = len(value) > MAX_TEXT
        if cut:
            value = value[:_WINDOW]
        if not value.isprintable():
            value = _UNSAFE.sub("\ufffd", _SPACES.sub(" ", value))
        if ":" in value or "=" in value:
            value = redact(value)
        for secret in self._secrets:
            if secret in value:
                value = value.replace(secret, MASK)
        return value[:MAX_TEXT] + "…" if cut else value

    def value(self, value: Any, depth: int = 0) -> Any:
        """The value as JSON types, cleaned at every depth."""
        kind = type(value)
        if kind is str:
            return self.text(value)
        if kind is bool or value is None or kind is float:
            return value
        if kind is int:
            return value if -_INT64 <= value < _INT64 else str(value)
        if depth < MAX_DEPTH:
            if isinstance(value, Mapping):
                return self.fields(value, depth + 1)
            if isinstance(value, (list, tuple, set, frozenset)):
                items = list(value)
                more = [f"… {len(items) - MAX_ITEMS} more"] if len(items) > MAX_ITEMS else []
                return [self.value(item, depth + 1) for item in items[:MAX_ITEMS]] + more
        if isinstance(value, (bytes, bytearray)):
            value = bytes(value[:_WINDOW]).decode("utf-8", "replace")
        return self.text(str(value))

    def field(self, name: str, value: Any) -> Any:
        """The value of a field that the code itself named."""
        if name in _SECRET_KEYS:
            return MASK
        if type(value) is int and -_INT64 <= value < _INT64:
            return value
        return value if name in _OWN else self.value(value)

    def fields(self, fields: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
        """A mapping with cleaned keys and values; values of secret names are hidden."""
        clean: dict[str, Any] = {}
        for key, value in fields.items():
            if len(clean) == MAX_ITEMS:
                clean["…"] = f"{len(fields) - MAX_ITEMS} more"
                break
            name = self.text(str(key))
            clean[name] = MASK if name.lower() in _SECRET_KEYS else self.value(value, depth)
        return clean


def redact(value: str) -> str:
    """``value`` without userinfo and secret parameters of URLs and without ``password=…`` pairs."""
    if "://" in value:
        value = _URL.sub(_redact_match, value)
    return _PAIR.sub(rf"\1{MASK}", value)


def _redact_match(match: re.Match[str]) -> str:
    url = match[0]
    if url[:7].lower() == "http://" or url[:8].lower() == "https://":
        return redact_url(url)
    scheme, separator, rest = url.partition("://")
    _, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{MASK}@{host}" if at else url
