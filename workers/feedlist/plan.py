"""What must change in Redis so that it wants what the list says, and whether that may be; pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec

from workers.model import FeedConfig

AT_ONCE = 200
PER_SECOND = 400
"""How a freshly loaded list is spread: 2,000 feeds begin within 5 s, 100,000 within 5 minutes."""

MAX_LOST = 10
"""So many feeds may always go at once, whatever share of the list they are."""


class Change(msgspec.Struct, frozen=True):
    """A feed to write. ``delay_ms`` is when it is first due at the latest; None leaves its time."""

    feed: FeedConfig
    delay_ms: int | None


class Plan(msgspec.Struct, frozen=True):
    """What to do, or why not. ``add`` and ``change`` hold disabled feeds too: known, not polled.

    ``refused`` is ``""``, or a sentence that says why nothing may be done without force.
    """

    add: list[Change] = []
    change: list[Change] = []
    remove: list[str] = []
    unchanged: int = 0
    refused: str = ""

    @property
    def empty(self) -> bool:
        """True when Redis wants what the list says already."""
        return not (self.add or self.change or self.remove)


def first_due_ms(position: int) -> int:
    """Milliseconds until the first poll of the feed at ``position`` (from 0) of those to begin."""
    return max(0, position - AT_ONCE + 1) * 1_000 // PER_SECOND


class Difference:
    """Compares a list with what is configured, which is shown batch by batch: a million feeds are
    held once, not twice."""

    def __init__(self, wanted: Iterable[FeedConfig]) -> None:
        self._wanted = {feed.id: feed for feed in wanted}
        self._new = dict(self._wanted)
        self._changed: dict[str, bool] = {}  # id → whether it must be polled soon
        self._lost: set[str] = set()

    def see(self, configured: Iterable[FeedConfig]) -> None:
        """Take in feeds that are configured, each at least once, in any order."""
        for old in configured:
            feed = self._wanted.get(old.id)
            if feed is None:
                self._lost.add(old.id)
                continue
            self._new.pop(old.id, None)
            if feed != old:
                self._changed[old.id] = _must_poll(old, feed)

    def plan(self, *, force: bool = False) -> Plan:
        """The plan, once all that is configured was seen. ``force`` refuses nothing."""
        refused = "" if force else self._refusal()
        if refused:
            return Plan(refused=refused)
        # By a hash of the id: feeds of one host stand together in lists, and must not start so.
        begin = [feed for feed in self._new.values() if feed.enabled]
        begin.sort(key=lambda feed: zlib.crc32(feed.id.encode()))
        add = [Change(feed, first_due_ms(at)) for at, feed in enumerate(begin)]
        add += [Change(feed, None) for feed in self._new.values() if not feed.enabled]
        change: list[Change] = []
        at = len(begin)
        for feed_id, soon in self._changed.items():
            change.append(Change(self._wanted[feed_id], first_due_ms(at) if soon else None))
            at += soon
        unchanged = len(self._wanted) - len(self._new) - len(self._changed)
        return Plan(add, change, sorted(self._lost), unchanged)

    def _refusal(self) -> str:
        lost = len(self._lost)
        before = lost + len(self._wanted) - len(self._new)
        if not self._wanted:
            return f"the list holds no feeds ({before} are configured)"
        if lost > MAX_LOST and 2 * lost > before:
            return f"the list lacks {lost} of the {before} feeds that are configured"
        return ""


def _must_poll(old: FeedConfig, new: FeedConfig) -> bool:
    """True when the change may end a failure or begin a feed, so that it must not wait."""
    return new.enabled and (
        not old.enabled
        or old.url != new.url
        or old.headers_from != new.headers_from
        or old.basic_auth_from != new.basic_auth_from
        or old.user_agent != new.user_agent
        or old.direct != new.direct
        or old.interval_s != new.interval_s
    )
