"""The state of a feed as consumers of ``news.feeds`` need it, so that "no news" is not "broken". Pure."""

from __future__ import annotations

import msgspec

from schemas.events import TYPE_FEED, FeedStatusEvent, encode
from workers.clock import rfc3339
from workers.cloudevents import headers
from workers.fetcher.cadence import expected
from workers.fetcher.event import feed_name, public_url
from workers.fetcher.schedule import Bounds
from workers.model import FeedConfig, FeedState, OutboxEvent, Pause

DAY_MS = 86_400_000
FAILING_AFTER = 3
REFUSED_MS = DAY_MS
"""To be refused (429, 503) for a while is no failure; for so long without a good answer it is one."""
SILENT_GAPS = 20.0
SILENT_INTERVALS = 48.0
"""Silent: no news while so many entries were to be expected, and for so many of the longest intervals
or two days at least: offices close on weekends."""


def condition(state: FeedState, bounds: Bounds, now_ms: int) -> str:
    """One of healthy, failing, silent, gone."""
    if state.retired:
        return "gone"
    if state.failures >= (FAILING_AFTER if state.last_success_ms else 1):
        return "failing"
    if state.refused_since_ms and now_ms - state.refused_since_ms >= REFUSED_MS:
        return "failing"
    return "silent" if is_silent(state, bounds, now_ms) else "healthy"


def is_silent(state: FeedState, bounds: Bounds, now_ms: int) -> bool:
    """True when the feed answers, but has shown nothing new for far longer than its cadence."""
    since_ms = state.last_new_ms or state.first_polled_ms
    if not since_ms:
        return False
    least_ms = min(2 * DAY_MS, SILENT_INTERVALS * bounds.max_s * 1000)
    long_enough = now_ms - since_ms > least_ms
    return long_enough and expected(state, since_ms, now_ms) > SILENT_GAPS


def status_event(
    instance: str,
    config: FeedConfig,
    state: FeedState,
    bounds: Bounds,
    due_ms: int,
    now_ms: int,
) -> OutboxEvent | None:
    """The event to publish now, or None: written when the condition changes or the feed has moved, and at
    least daily."""
    now_is = condition(state, bounds, now_ms)
    same = state.status == now_is and state.status_url == state.url
    if same and now_ms - state.status_at_ms < DAY_MS:
        return None
    return _event(instance, config, state, now_is, due_ms, now_ms)


def paused_event(
    instance: str, config: FeedConfig, state: FeedState, pause: Pause, now_ms: int
) -> OutboxEvent:
    """The event that says that the operator has paused the feed."""
    return _event(instance, config, state, "paused", 0, now_ms, pause)


def resumed_event(
    instance: str, config: FeedConfig, state: FeedState, bounds: Bounds, now_ms: int
) -> OutboxEvent:
    """The event that says how a feed was when it is polled again, from now on."""
    return _event(instance, config, state, condition(state, bounds, now_ms), now_ms, now_ms)


def _event(
    instance: str,
    config: FeedConfig,
    state: FeedState,
    now_is: str,
    due_ms: int,
    now_ms: int,
    pause: Pause | None = None,
) -> OutboxEvent:
    bad = now_is in ("failing", "gone")
    value = FeedStatusEvent(
        feed_id=config.id,
        state=now_is,  # type: ignore[arg-type]  # a member of the Literal
        changed_at=rfc3339(now_ms),
        name=feed_name(config, state),
        url=public_url(config.url),
        moved_to=public_url(state.url),
        reason=state.history[-1][1] if state.history and bad else "",
        since=_time(pause.since_ms if pause else _since_ms(state) if bad else 0),
        note=pause.reason if pause else "",
        last_success=_time(state.last_success_ms),
        last_new=_time(state.last_new_ms),
        next_poll=_time(due_ms),
        entries_per_day=round(state.rate, 3) or msgspec.UNSET,
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


def _since_ms(state: FeedState) -> int:
    """Since when nothing good came."""
    return min(filter(None, (state.failing_since_ms, state.refused_since_ms)), default=0)


def _time(ms: int) -> str | msgspec.UnsetType:
    return rfc3339(ms) if ms else msgspec.UNSET
