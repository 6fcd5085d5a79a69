"""The state of a feed as consumers of ``news.feeds`` need it, so that "no news" is not "broken". Pure."""

from __future__ import annotations

import msgspec

from schemas.events import TYPE_FEED, FeedStatusEvent, encode
from workers.clock import rfc3339
from workers.cloudevents import headers
from workers.model import FeedConfig, FeedState, OutboxEvent
from workers.urls import redact_url

DAY_MS = 86_400_000
FAILING_AFTER = 3
SILENT_FACTOR = 20.0
"""Silent: no news for so many times the mean gap between two articles, and for two days at least."""


def condition(state: FeedState, now_ms: int) -> str:
    """One of healthy, failing, silent, gone."""
    if state.retired:
        return "gone"
    if state.failures >= FAILING_AFTER:
        return "failing"
    return "silent" if is_silent(state, now_ms) else "healthy"


def is_silent(state: FeedState, now_ms: int) -> bool:
    """True when the feed answers, but has shown nothing new for far longer than its cadence."""
    since = state.last_new_ms or state.first_polled_ms
    if not since or state.rate <= 0:
        return False
    return now_ms - since > max(SILENT_FACTOR * DAY_MS / state.rate, 2 * DAY_MS)


def status_event(
    instance: str, config: FeedConfig, state: FeedState, due_ms: int, now_ms: int
) -> OutboxEvent | None:
    """The event to publish now, or None: it is written when the condition changes and at least daily."""
    now_is = condition(state, now_ms)
    if state.status == now_is and now_ms - state.status_at_ms < DAY_MS:
        return None
    value = FeedStatusEvent(
        feed_id=config.id,
        state=now_is,  # type: ignore[arg-type]  # a member of the Literal
        changed_at=rfc3339(now_ms),
        name=(config.name or state.title)[:1_000],
        url=redact_url(config.url)[:4_096],
        moved_to=redact_url(state.url)[:4_096] if state.url else "",
        reason=state.history[-1][1] if state.history else "",
        since=_time(state.failing_since_ms),
        last_success=_time(state.last_success_ms),
        last_new=_time(state.last_new_ms),
        next_poll=rfc3339(due_ms),
        entries_per_day=round(state.rate, 3),
        tags=list(config.tags[:64]),
    )
    ce = status_headers(instance, config.id, now_ms)
    return OutboxEvent("feeds", config.id.encode(), encode(value), ce)


def status_headers(instance: str, feed_id: str, now_ms: int) -> tuple[tuple[str, bytes], ...]:
    """The headers of a status event; a tombstone carries them too."""
    return headers(
        instance,
        feed_id,
        id=f"{feed_id}-{now_ms}",
        type=TYPE_FEED,
        subject=feed_id,
        time_ms=now_ms,
        schema="feed-status",
    )


def _time(ms: int) -> str | msgspec.UnsetType:
    return rfc3339(ms) if ms else msgspec.UNSET
