"""What an HTTP answer means for a poll. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from workers.model import Reason

MAX_VALUE = 1_024
"""Characters of a response header that are kept; a longer value is as good as none."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})
PERMANENT = frozenset({301, 308})

_KEPT = frozenset(
    {
        b"etag", b"last-modified", b"content-type", b"content-length", b"content-encoding",
        b"retry-after", b"cache-control", b"expires", b"age", b"date", b"location",
    }
)  # fmt: skip

_BY_STATUS: dict[int, Reason] = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    407: "unauthorized",
    410: "gone",
    429: "throttled",
}


def reason_of(status: int, *, conditional: bool, asked_to_wait: bool) -> Reason | None:
    """Map a status that is no redirect to its reason, or ``None`` when a document follows.

    ``conditional`` says that the request carried a validator: a 304 to any other is nonsense.
    ``asked_to_wait`` says that the answer carries ``Retry-After``.
    """
    if status in (200, 203):
        return None
    if status == 304:
        return "not_modified" if conditional else "unexpected_status"
    if asked_to_wait and status in (403, 503):
        return "throttled"
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return "server_error"
    return "client_error" if status >= 400 else "unexpected_status"


def kept_values(raw_headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, str]:
    """Take the headers that matter by lower-case name, the first of each, where harmless text."""
    values: dict[bytes, str] = {}
    for raw_name, raw in raw_headers:
        name = raw_name.lower()
        if name not in _KEPT or name in values:
            continue
        # A Location may be UTF-8 and long; a validator that is not ASCII could not be sent back.
        is_location = name == b"location"
        value = raw.decode("utf-8" if is_location else "ascii", "replace").strip()
        if value.isprintable() and (is_location or (value.isascii() and len(value) <= MAX_VALUE)):
            values[name] = value
    return values
