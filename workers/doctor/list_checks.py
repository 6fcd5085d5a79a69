"""The feed list: can it be read whole, what does it hold, would it be taken over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from workers.doctor.findings import Finding, fail, ok, warn
from workers.errors import ConfigError, FeedListError, StoreError
from workers.feedlist.formats import parse_list
from workers.feedlist.plan import Difference
from workers.feedlist.source import ListSource
from workers.http.net import host_key
from workers.model import FeedConfig
from workers.store.listing import configured
from workers.store.store import Store

MOST = 5
"""Secrets that cannot be read are named up to so many."""


class Seen(NamedTuple):
    """What the list holds."""

    findings: list[Finding]
    feeds: list[FeedConfig]


async def look_at_list(
    source: ListSource,
    read_secret: Callable[[str], str],
    *,
    gap_s: float,
    longest_s: float,
) -> Seen:
    """Read the list as a worker does. ``longest_s``: the longest interval between polls of a feed."""
    try:
        loaded = await source.reload()
        listed = await asyncio.to_thread(parse_list, loaded.data, name=source.shown)
    except FeedListError as error:
        todo = "Workers go on with the list that was in force; correct this one."
        return Seen([fail("feeds", str(error), todo)], [])
    on = [feed for feed in listed.feeds if feed.enabled]
    off = len(listed.feeds) - len(on)
    hosts = Counter(host_key(urlsplit(feed.url).hostname or "") for feed in on)
    disabled = f" and {off} disabled" if off else ""
    if on:
        found = [ok("feeds", f"{source.shown}: {len(on)} feeds{disabled}, of {len(hosts)} hosts")]
    else:
        found = [warn("feeds", f"{source.shown}: it names no feed to poll{disabled}")]
    found += [warn("feeds", f"{source.shown}: {text}") for text in listed.warnings]
    found += _secrets(on, read_secret)
    found += _crowds(hosts, gap_s, longest_s)
    return Seen(found, listed.feeds)


def _secrets(feeds: Iterable[FeedConfig], read_secret: Callable[[str], str]) -> Iterator[Finding]:
    wanted: dict[str, str] = {}  # reference to the first feed that has it
    for feed in feeds:
        for reference in (*feed.headers_from.values(), feed.basic_auth_from):
            if reference:
                wanted.setdefault(reference, feed.id)
    unread = 0
    for reference, feed_id in wanted.items():
        try:
            read_secret(reference)
        except ConfigError as error:
            unread += 1
            if unread <= MOST:
                yield warn("feeds", f"feed {feed_id}: {error}", "Its polls fail until then.")
    if unread > MOST:
        yield warn("feeds", f"and {unread - MOST} more secrets that cannot be read")


def _crowds(hosts: Counter[str], gap_s: float, longest_s: float) -> Iterator[Finding]:
    for host, count in hosts.most_common(1):
        if count * gap_s > longest_s:
            yield warn(
                "feeds",
                f"{count} feeds of {host} with {gap_s:g} s between two requests: each is polled every "
                f"{count * gap_s / 3600:.1f} h at best",
                "If the host allows it, shorten NEWSWIRE_HOST_GAP.",
            )


async def compare_with_store(store: Store, feeds: Iterable[FeedConfig]) -> list[Finding]:
    """Whether workers would take the list over, beside what is in force."""
    difference = Difference(feeds)
    try:
        async for batch in configured(store):
            difference.see(batch)
    except StoreError as error:
        return [fail("feeds", f"what is in force cannot be read: {error}")]
    plan = await asyncio.to_thread(difference.plan)
    if plan.refused:
        todo = "If that is meant: newswire feeds apply --force"
        return [fail("feeds", f"workers refuse the list: {plan.refused}", todo)]
    if plan.empty:
        return [ok("feeds", "the list is in force")]
    text = f"{len(plan.add)} to add, {len(plan.change)} to change, {len(plan.remove)} to remove"
    return [ok("feeds", f"not in force yet: {text}; workers take it over at their next look")]
