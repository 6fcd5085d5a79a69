"""The way out: do names resolve, do feeds answer, through the proxy if there is one."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Iterable, Sequence
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from workers.doctor.clocks import judge_clock
from workers.doctor.findings import Finding, fail, ok, warn
from workers.http.fetch import Fetcher
from workers.http.net import host_key, literal_address
from workers.log_fields import REASONS
from workers.model import FeedConfig, FetchRequest
from workers.urls import redact_url

SAMPLE = 3
"""Feeds that are asked, each of another host: enough to tell our trouble from theirs, and no burden."""
DNS_S = 5.0
OURS = frozenset(
    {"dns_error", "connect_error", "connect_refused", "tls_error", "timeout", "protocol_error",
     "connection_reset", "address_forbidden"}
)  # fmt: skip
"""Reasons that, met with every feed, are trouble on our side."""


class Answered(NamedTuple):
    """What asking one feed came to; ``ahead_s``: its server's clock against ours, None: unsaid."""

    url: str
    reason: str
    detail: str
    ahead_s: float | None


def chosen(feeds: Iterable[FeedConfig]) -> list[FeedConfig]:
    """A few feeds to ask: enabled, without credentials, of different hosts, by chance."""
    plain = [f for f in feeds if f.enabled and not (f.headers_from or f.basic_auth_from)]
    random.shuffle(plain)
    by_host = {host_key(urlsplit(f.url).hostname or ""): f for f in plain}
    return list(by_host.values())[:SAMPLE]


async def look_at_web(fetcher: Fetcher, feeds: Sequence[FeedConfig], proxy: str) -> list[Finding]:
    """Ask a few feeds as a worker does; ``proxy`` without its login, empty for none."""
    if not feeds:
        return [warn("http", "no feed can be asked: the list has none without credentials")]
    resolved = [f for f in feeds if not proxy or f.direct]
    found = [judge_names(await _unresolved(resolved), proxy)]
    answers = [await _ask(fetcher, feed) for feed in feeds]
    found += judge_answers(answers, proxy)
    ahead = [a.ahead_s for a in answers if a.ahead_s is not None]
    if ahead:
        found.append(judge_clock("clock", "the web", statistics.median(ahead)))
    return found


async def _unresolved(feeds: Sequence[FeedConfig]) -> tuple[list[str], list[str]]:
    """The hosts that were looked up, and of them those that do not resolve."""
    hosts = [host for f in feeds if (host := urlsplit(f.url).hostname or "")]
    named = [host for host in hosts if literal_address(host) is None]

    async def fails(host: str) -> bool:
        try:
            async with asyncio.timeout(DNS_S):
                await asyncio.get_running_loop().getaddrinfo(host, None)
        except (OSError, UnicodeError, TimeoutError):
            return True
        return False

    failed = await asyncio.gather(*(fails(host) for host in named))
    return named, [host for host, bad in zip(named, failed, strict=True) if bad]


def judge_names(looked: tuple[Sequence[str], Sequence[str]], proxy: str) -> Finding:
    """Names that were looked up, and those that do not resolve."""
    named, failed = looked
    if not named:
        return ok(
            "dns", f"names are resolved by the proxy {proxy}" if proxy else "nothing to resolve"
        )
    if not failed:
        return ok("dns", f"{', '.join(named)}: resolved")
    text = f"{', '.join(failed)}: the name does not resolve"
    if len(failed) < len(named):
        return warn("dns", text, "Other names do: is the address in the feed list right?")
    todo = (
        "No name does: check /etc/resolv.conf, the container's DNS, the network policy (port 53)."
    )
    return fail("dns", text, todo)


async def _ask(fetcher: Fetcher, feed: FeedConfig) -> Answered:
    request = FetchRequest(feed.url, user_agent=feed.user_agent, direct=feed.direct)
    got = await fetcher.fetch(request)
    ahead_s = None
    try:
        ahead_s = parsedate_to_datetime(got.date).timestamp() - time.time() if got.date else None
    except ValueError:  # servers write anything
        ahead_s = None
    return Answered(redact_url(feed.url), got.reason, got.detail, ahead_s)


def judge_answers(answers: Sequence[Answered], proxy: str) -> list[Finding]:
    """An answer of any kind proves the way out; that none came, and why, is told."""
    through = f" through the proxy {proxy}" if proxy else ""
    bad = [a for a in answers if a.reason in OURS]
    if not bad:
        return [ok("http", f"{len(answers)} feeds of the list answer{through}")]
    told = fail if len(bad) == len(answers) else warn
    return [
        told("http", f"{a.url}{through}: {a.reason} {a.detail}".rstrip(), REASONS[a.reason])
        for a in bad
    ]
