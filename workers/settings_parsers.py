"""Kinds of settings: each a parser and the words that say what it accepts."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from ipaddress import IPv6Address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from workers.routes import FORM, Route, parse_routes
from workers.units import (
    format_duration,
    format_size,
    parse_backfill,
    parse_duration,
    parse_size,
)

CODEC_MODULES = {"lz4": "lz4.frame", "zstd": "zstandard", "snappy": "snappy"}
"""The module that the Kafka client needs for each codec that Python does not bring."""

_HOST = re.compile(r"(\[[0-9a-fA-F:.%]+\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252}))(?::(\d{1,5}))?")
_REDIS_SCHEMES = (
    "redis",
    "rediss",
    "redis+cluster",
    "rediss+cluster",
    "redis+sentinel",
    "rediss+sentinel",
)
_REDIS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_WORDS = {"true": True, "1": True, "yes": True, "on": True}
_WORDS |= {"false": False, "0": False, "no": False, "off": False}


class Kind(msgspec.Struct, frozen=True):
    """How a text becomes a value.

    ``form`` completes "must be …". ``parse`` raises ``ValueError``; what the error says is only for
    developers, people are told ``form``, unless it is an ``ExplainedError``.
    """

    form: str
    parse: Callable[[str], Any]


class ExplainedError(ValueError):
    """A refusal whose own words say more than the form does."""


def text(form: str = "a text of at most 2,000 characters") -> Kind:
    """Any printable text."""

    def parse(raw: str) -> str:
        if len(raw) > 2000:
            raise ValueError("too long")
        return raw

    return Kind(form, parse)


def pattern(regex: str, form: str, *, lower: bool = False) -> Kind:
    """A text that matches ``regex`` as a whole, lower-cased first where wished."""
    compiled = re.compile(regex, re.ASCII)

    def parse(raw: str) -> str:
        value = raw.lower() if lower else raw
        if not compiled.fullmatch(value):
            raise ValueError("does not match")
        return value

    return Kind(form, parse)


def duration(low: str, high: str) -> Kind:
    """Seconds between two bounds, both included."""
    least, most = parse_duration(low), parse_duration(high)

    def parse(raw: str) -> float:
        return _within(parse_duration(raw), least, most)

    bounds = f"{format_duration(least)} to {format_duration(most)}"
    return Kind(f"a duration from {bounds} (seconds, or 500ms, 30s, 15m, 24h, 14d)", parse)


def size(low: str, high: str) -> Kind:
    """Bytes between two bounds, both included."""
    least, most = parse_size(low), parse_size(high)

    def parse(raw: str) -> int:
        return int(_within(parse_size(raw), least, most))

    bounds = f"{format_size(least)} to {format_size(most)}"
    return Kind(f"a size from {bounds} (bytes, or 64KiB, 256MiB)", parse)


def whole(low: int, high: int, *, also: int | None = None) -> Kind:
    """A whole number between two bounds, both included, or the one special value ``also``."""

    def parse(raw: str) -> int:
        if not re.fullmatch(r"[+-]?\d{1,18}", raw, re.ASCII):
            raise ValueError("not a whole number")
        value = int(raw)
        return value if value == also else int(_within(value, low, high))

    special = "" if also is None else f", or {also}"
    return Kind(f"a whole number from {low} to {high}{special}", parse)


def port() -> Kind:
    """A TCP port, 0 for any free one."""
    return whole(0, 65535)


def choice(*values: str, upper: bool = False) -> Kind:
    """One of a few words, in any case."""

    def parse(raw: str) -> str:
        value = raw.upper() if upper else raw.lower()
        if value not in values:
            raise ValueError("not one of them")
        return value

    return Kind("one of " + ", ".join(values), parse)


def boolean() -> Kind:
    """``true`` or ``false`` and their usual synonyms."""

    def parse(raw: str) -> bool:
        try:
            return _WORDS[raw.lower()]
        except KeyError:
            raise ValueError("neither") from None

    return Kind("true or false", parse)


def codec() -> Kind:
    """A Kafka compression codec whose module is installed."""
    known = choice("gzip", "none", *CODEC_MODULES)

    def parse(raw: str) -> str:
        value: str = known.parse(raw)
        module = CODEC_MODULES.get(value)
        if module and find_spec(module.partition(".")[0]) is None:
            package = {"snappy": "python-snappy"}.get(value, module.partition(".")[0])
            raise ExplainedError(
                f"{value} needs the Python package {package}, which is not installed"
            )
        return value

    return Kind(known.form + " (lz4, zstd and snappy only where their package is installed)", parse)


def backfill() -> Kind:
    """``all``, ``none`` or a duration."""

    def parse(raw: str) -> object:
        value = parse_backfill(raw)
        return value if isinstance(value, str) else _within(value, 0, 36500 * 86400)

    return Kind("all, none, or a duration such as 24h or 7d", parse)


def networks() -> Kind:
    """Addresses and networks, separated by commas."""

    def parse(raw: str) -> tuple[object, ...]:
        found = []
        for part in _split(raw):
            try:
                found.append(ip_network(part, strict=True))
            except ValueError:
                try:
                    wider = ip_network(part, strict=False)
                except ValueError:
                    raise ExplainedError(f"“{part}” is neither an address nor a network") from None
                raise ExplainedError(
                    f"“{part}” has host bits set; the network is {wider}"
                ) from None
        return tuple(found)

    return Kind("addresses or networks such as 10.0.0.0/8,fd00::/8,192.168.1.7", parse)


def routes() -> Kind:
    """Routing rules."""

    def parse(raw: str) -> tuple[Route, ...]:
        try:
            return parse_routes(raw)
        except ValueError as error:
            raise ExplainedError(str(error)) from None

    return Kind(FORM, parse)


def host() -> Kind:
    """A host name or address to listen on."""

    def parse(raw: str) -> str:
        if ":" in raw:
            return str(IPv6Address(raw.strip("[]")))
        if not _HOST.fullmatch(raw):
            raise ValueError("no host")
        return raw

    return Kind("a host name or address without a port, such as 127.0.0.1, 0.0.0.0 or ::", parse)


def servers(default_port: int) -> Kind:
    """``host:port`` pairs, separated by commas; a missing port becomes ``default_port``."""

    def parse(raw: str) -> tuple[str, ...]:
        found = tuple(_server(part, default_port) for part in _split(raw))
        if not found:
            raise ValueError("none")
        return found

    return Kind(
        f"host:port, several separated by commas; {default_port} where no port is given", parse
    )


def redis_url() -> Kind:
    """A Redis URL in its plain, TLS, cluster or sentinel form."""
    form = (
        "redis://host:port/db, rediss://…, redis+cluster://host:port,host:port, "
        "rediss+cluster://… or redis+sentinel://host:port,host:port/service/db"
    )

    def parse(raw: str) -> str:
        scheme, sep, rest = raw.partition("://")
        if not sep or scheme.lower() not in _REDIS_SCHEMES:
            raise ValueError("no such scheme")
        tail = rest.rpartition("@")[2]
        hosts = re.split(r"[/?#]", tail, maxsplit=1)[0]
        path = tail[len(hosts) :]
        pairs = [_server(part, 6379) for part in _split(hosts)]
        parts = [part for part in urlsplit(path).path.split("/") if part]
        sentinel, cluster = "sentinel" in scheme.lower(), "cluster" in scheme.lower()
        if not pairs:
            raise ExplainedError("it names no host")
        if len(pairs) > 1 and not (sentinel or cluster):
            raise ExplainedError("several hosts need redis+cluster:// or redis+sentinel://")
        numbers = parts[1:] if sentinel else parts
        if (sentinel and not parts) or len(numbers) > 1:
            raise ExplainedError(
                "a Sentinel's service is named behind the hosts"
                if sentinel
                else "no more than the database goes behind the host"
            )
        if any(not re.fullmatch(r"\d{1,4}", number, re.ASCII) for number in numbers):
            raise ExplainedError("the database must be a number")
        if cluster and numbers not in ([], ["0"]):
            raise ExplainedError("a cluster has only database 0")
        _redis_options(dict(parse_qsl(urlsplit(path).query)), scheme.lower())
        return f"{scheme.lower()}://{rest}"

    return Kind(form, parse)


def _redis_options(options: dict[str, str], scheme: str) -> None:
    """What stands behind the ``?``: which options there are at all, the client says."""
    for name, value in options.items():
        if "+" in scheme and name != "ssl_ca_certs":
            raise ExplainedError(f"behind the ? of {scheme}:// only ssl_ca_certs is taken")
        if name.startswith("ssl_") and not scheme.startswith("rediss"):
            raise ExplainedError(f"{name} is for TLS: rediss{scheme[5:]}://")
        if name in _REDIS_FILES:
            try:
                readable_file().parse(value)
            except ExplainedError as error:
                raise ExplainedError(f"{name}={value} {error}") from None


def proxy_url() -> Kind:
    """The URL of an HTTP or SOCKS5 proxy."""

    def parse(raw: str) -> str:
        return _url(raw, "http", "socks5", "socks5h")

    return Kind("a proxy's URL, such as http://proxy:3128 or socks5://proxy:1080", parse)


def path_or_url() -> Kind:
    """A path of this machine, or an http(s) URL."""

    def parse(raw: str) -> str:
        return _url(raw, "http", "https") if "://" in raw else raw

    return Kind("a path, or an http(s) URL", parse)


def readable_file() -> Kind:
    """A path of a file that can be opened now."""

    def parse(raw: str) -> str:
        try:
            with Path(raw).open("rb"):
                return raw
        except OSError as error:
            raise ExplainedError(f"cannot be read: {error.strerror}") from None

    return Kind("the path of a readable file", parse)


def _url(raw: str, *schemes: str) -> str:
    parts = urlsplit(raw)
    if parts.scheme.lower() not in schemes or not parts.hostname or len(raw) > 4096:
        raise ValueError("not such a URL")
    _ = parts.port  # raises ValueError when out of range
    return raw


def _split(raw: str) -> list[str]:
    return [part.strip() for part in raw.split(",") if part.strip()]


def _server(raw: str, default_port: int) -> str:
    found = _HOST.fullmatch(raw)
    if found is None or not 0 < int(found[2] or default_port) < 65536:
        raise ExplainedError(f"“{raw}” is no host:port")
    return f"{found[1]}:{found[2] or default_port}"


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError("out of range")
    return value
