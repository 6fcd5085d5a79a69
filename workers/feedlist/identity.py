"""Which addresses may stand in a list, when two are one feed, and the id of a feed; pure."""

from __future__ import annotations

import re
from base64 import b32encode
from hashlib import blake2b
from urllib.parse import SplitResult, urlsplit

MAX_URL = 4_096
"""Characters of a feed's address; the contract bounds what it says of a feed by the same number."""

ID_PATTERN = r"[A-Za-z0-9._-]{1,64}"
"""What a given id may look like: it stands in Redis keys, Kafka keys and CloudEvents sources."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://", re.ASCII)
# How nearly every address is written; it is its own comparable form, and a list may hold a million.
_PLAIN = re.compile(
    r"https?://(?=[a-z0-9.-]{1,253}/)[a-z0-9-]+(?:\.[a-z0-9-]+)*/[!-\"$->@-~]*(?:\?[!-\"$-~]+)?"
)
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)*\.?")  # letters of any script; the fetcher encodes them


def check_url(url: str) -> str:
    """The address as it will be dialled: ``url`` without its fragment.

    Raises:
        ValueError: what is wrong and what to do, without the address (it may hold secrets).
    """
    if len(url) <= MAX_URL and _PLAIN.fullmatch(url):
        return url
    if len(url) > MAX_URL:
        raise ValueError(f"the address has {len(url)} characters, {MAX_URL} are allowed")
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise ValueError("not an address; it must begin with http:// or https://")
    if scheme[1].lower() not in _DEFAULT_PORTS:
        raise ValueError(f"{scheme[1][:20]}:// is not polled; only http:// and https:// are")
    if _BLANK_OR_CONTROL.search(url):
        raise ValueError("the address holds a space or a control character; write a space as %20")
    parts = _split(url)
    host = parts.hostname or ""
    if not host:
        raise ValueError("the address has no host")
    if len(host) > 253 or not (":" in host or _HOST.fullmatch(host)):
        raise ValueError("the host of the address is not a host name")
    return url.partition("#")[0]


def feed_id(url: str) -> str:
    """The id of a feed that was given none: ``f`` and 16 base 32 characters (80 bits of BLAKE2b).

    Two spellings of one address give one id: case of scheme and host, a default port, an empty
    path and a fragment do not count. Neither does a password, so that changing it keeps the feed's
    past and a published id says nothing about it.

    Raises:
        ValueError: ``url`` is no address.
    """
    comparable = url if _PLAIN.fullmatch(url) else _comparable(url)
    digest = blake2b(comparable.encode("utf-8", "surrogatepass"), digest_size=10).digest()
    return "f" + b32encode(digest).decode("ascii").lower()


def _comparable(url: str) -> str:
    parts = _split(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    user = f"{parts.username}@" if parts.username else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{user}{host}{port}{parts.path or '/'}{query}"


def _split(url: str) -> SplitResult:
    """``urlsplit`` with its errors in our words; theirs repeat the address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("the host or port of the address is not valid") from None
    if port == 0:
        raise ValueError("port 0 cannot be dialled")
    return parts
