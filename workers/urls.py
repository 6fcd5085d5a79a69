"""URLs as they may be shown: without credentials. Pure, and safe for any string a feed may hold."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, unquote, urlsplit

MAX_SHOWN = 2_048
"""Characters of a URL that are shown at most; the rest of a longer one says nothing to a person."""

MASK = "***"

_PARTS = re.compile(
    r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*:)?(?P<slashes>[/\\]{2})(?P<authority>[^/\\?#]*)(?P<rest>.*)$",
    re.DOTALL,
)
# Whole words in a parameter's name, and word stems that are telling wherever they stand in it.
_SECRET_WORDS = frozenset(
    {"key", "auth", "sig", "pass", "pwd", "pw", "sid", "hash", "hmac", "code", "jwt", "otp", "pin"}
)
_SECRET_STEMS = re.compile(
    r"token|secret|passw|passphrase|pwd|signature|credential|session|authoriz|apikey|authkey|accesskey|userkey"
    r"|private"
)
_WORD = re.compile(r"[a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NESTED = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:(?://|\\\\)")


def redact_url(url: str) -> str:
    """Return ``url`` fit for a log line or an event: what may be a secret is left out or masked.

    Userinfo and fragment are dropped; the values of query parameters whose name sounds like a
    secret (``token``, ``api_key``, ``sig``, ``X-Amz-Signature``, …) become ``***``, in URLs nested
    in a parameter as well; characters that cannot be printed are dropped. Never raises.
    """
    return _redact(url, depth=2)


def split_userinfo(url: str) -> tuple[str, str]:
    """Split credentials off: ``https://user:pass@host/`` to (``https://host/``, header value).

    The header value is that of ``Authorization`` (``Basic …``), or empty when there is no userinfo.
    Percent-encoded credentials are decoded; they are sent as UTF-8 (RFC 7617).
    """
    match = _PARTS.match(url)
    if match is None or "@" not in match["authority"]:
        return url, ""
    userinfo, _, host = match["authority"].rpartition("@")
    bare = f"{match['scheme'] or ''}{match['slashes']}{host}{match['rest']}"
    user, _, password = userinfo.partition(":")
    if not user and not password:
        return bare, ""
    return bare, basic_authorization(f"{unquote(user)}:{unquote(password)}")


def basic_authorization(login: str) -> str:
    """The value of ``Authorization`` for ``user:password``, as UTF-8 (RFC 7617)."""
    pair = login.encode("utf-8", "surrogatepass")
    return "Basic " + base64.b64encode(pair).decode("ascii")


def credentials_for(url: str, configured: str, headers: dict[str, str]) -> dict[str, str]:
    """Return the feed's own headers as far as they may go to ``url``.

    ``configured`` is the URL that they were configured with; its userinfo becomes ``Authorization``
    unless ``headers`` has one. A feed that has moved to another origin gets none: what a redirect
    may not carry along, the stored redirect may not either. http to https on default ports is no
    other origin.
    """
    bare, authorization = split_userinfo(configured)
    here, there = _origin(bare), _origin(split_userinfo(url)[0])
    upgraded = here is not None and here[::2] == ("http", 80) and there == ("https", here[1], 443)
    if here is None or not (here == there or upgraded):
        return {}
    if authorization and not any(name.lower() == "authorization" for name in headers):
        return {**headers, "Authorization": authorization}
    return headers


def _origin(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url.strip())
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname or "", port)


def _redact(url: str, depth: int) -> str:
    if not url.isprintable():
        url = "".join(char for char in url if char.isprintable())
    url = url.partition("#")[0].strip()
    head, question, query = url.partition("?")
    head = _drop_userinfo(head)
    if question:
        fields = re.split(r"([&;])", query)
        query = "".join(field if field in "&;" else _mask(field, depth) for field in fields)
    shown = f"{head}{question}{query}"
    return shown if len(shown) <= MAX_SHOWN else shown[:MAX_SHOWN] + "…"


def _drop_userinfo(head: str) -> str:
    match = _PARTS.match(head)
    if match is None:
        # Not a URL with an authority (mailto:, a path, a typo): an @ may still end a password.
        return head.rpartition("@")[2] if ":" in head.partition("@")[0] else head
    authority, rest = match["authority"].rpartition("@")[2], match["rest"]
    # A password with an unescaped slash (user:pa/ss@host) spills over into what looks like a path.
    port = authority.rpartition(":")[2] if not authority.endswith("]") else ""
    if ":" in authority and not authority.endswith("]") and not port.isdigit() and "@" in rest:
        authority, rest = rest.rpartition("@")[2], ""
    return f"{match['scheme'] or ''}{match['slashes']}{authority}{rest}"


def _mask(field: str, depth: int) -> str:
    name, equals, value = field.partition("=")
    if not value:
        return field
    if _sounds_secret(unquote(name)):
        return f"{name}={MASK}"
    plain = unquote(value)
    if _NESTED.match(plain):
        if depth == 0:
            return f"{name}={MASK}"
        shown = _redact(plain, depth - 1)
        return f"{name}={shown if plain == value else quote(shown, safe='*')}"
    return f"{name}{equals}{value}"


def _sounds_secret(name: str) -> bool:
    words = set(_WORD.findall(_CAMEL.sub("_", name).lower()))
    return bool(words & _SECRET_WORDS) or bool(
        _SECRET_STEMS.search("".join(char for char in name.lower() if char.isalnum()))
    )
