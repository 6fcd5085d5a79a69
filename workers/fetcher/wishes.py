"""What a server or a feed asks of those who poll it: waits, freshness, hours to leave out. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from workers.model import FeedState, Fetched

DAY_S = 86_400.0
HOUR_MS = 3_600_000
SKIPPED_SPREAD_MS = 600_000
_SECONDS = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)
_LEAST_MS, _MOST_MS = 0, 4_102_444_800_000  # 1970 to 2100


def retry_after_s(fetched: Fetched, now_ms: int) -> float:
    """Seconds that ``Retry-After`` asks for (a number or a date), 0 when it says nothing; at most a day.

    A date is taken by the server's own clock where it tells the time.
    """
    raw = fetched.retry_after.strip()
    if not raw:
        return 0.0
    if _SECONDS.fullmatch(raw):
        return min(float(raw), DAY_S)
    at_ms = http_date_ms(raw)
    if at_ms is None:
        return 0.0
    base_ms = http_date_ms(fetched.date) or now_ms
    return min(max(0.0, (at_ms - base_ms) / 1000), DAY_S)


def freshness_s(fetched: Fetched, now_ms: int) -> float:
    """For how long the document stays as it is by ``max-age`` less ``Age``, else by ``Expires``.

    Seconds, at most a day; 0 when the server does not say (RFC 9111, section 4.2).
    """
    directives: dict[str, str] = {}
    for part in fetched.cache_control.lower().split(","):
        name, _, value = part.strip().partition("=")
        directives.setdefault(name.strip(), value.strip('" '))
    if "no-cache" in directives or "no-store" in directives:
        return 0.0
    max_age = directives.get("max-age", "")
    if _is_count(max_age):
        age = float(fetched.age) if _is_count(fetched.age) else 0.0
        return min(max(float(max_age) - age, 0.0), DAY_S)
    expires_ms = http_date_ms(fetched.expires)
    if expires_ms is None:
        return 0.0
    base_ms = http_date_ms(fetched.date) or now_ms
    return min(max(0.0, (expires_ms - base_ms) / 1000), DAY_S)


def update_base_ms(raw: str) -> int:
    """``sy:updateBase`` as epoch ms, 0 when it is none (RSS 1.0 syndication module)."""
    try:
        at = datetime.fromisoformat(raw.strip())
        ms = int(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0
    return ms if _LEAST_MS <= ms < _MOST_MS else 0


def own_wish_s(state: FeedState, now_ms: int) -> float:
    """For how long the feed itself asks to be left alone, in seconds; 0 when it does not.

    Where it says at what moments it publishes, that is until the next of them.
    """
    if not state.update_base_ms:
        return float(state.min_interval_s)
    period_ms = state.update_period_s * 1000
    until_s = (period_ms - (now_ms - state.update_base_ms) % period_ms) / 1000
    ttl_s = state.min_interval_s if state.min_interval_s > state.update_period_s else 0
    return max(until_s, float(ttl_s))


def after_skipped(state: FeedState, due_ms: int, jitter: float) -> int:
    """The first time from ``due_ms`` on that is in none of the feed's skipped hours and days (UTC).

    Feeds that wait for the same hour come back spread over its first ten minutes. Where everything is
    skipped, the wish makes no sense and is not heard.
    """
    if not _skipped(state, due_ms):
        return due_ms
    hour = due_ms // HOUR_MS
    for later in range(hour + 1, hour + 24 * 7 + 1):
        if not _skipped(state, later * HOUR_MS):
            return later * HOUR_MS + int(jitter * SKIPPED_SPREAD_MS)
    return due_ms


def _skipped(state: FeedState, at_ms: int) -> bool:
    if not state.skip_hours and not state.skip_days:
        return False
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.hour in state.skip_hours or at.weekday() in state.skip_days


def http_date_ms(raw: str) -> int | None:
    """An HTTP date as epoch ms, or None when it is none."""
    try:
        at = parsedate_to_datetime(raw)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    try:
        # A zone of "-0000" gives a time without a zone; HTTP dates are UTC.
        ms = int(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return ms if _LEAST_MS <= ms < _MOST_MS else None


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12
