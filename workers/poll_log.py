"""The line of each poll and the line of each minute."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from structlog.typing import FilteringBoundLogger

from workers.clock import rfc3339
from workers.model import DEFERRED, SUCCESS, PollResult

FULL_RATE = 100
"""Polls a second up to which every line is written."""

_QUIET = frozenset({"unchanged", "not_modified", "no_news"})
_NEWS = frozenset({"new", "updated"})
_MAX_DELAYS = 20_000


class PollLog:
    """Writes ``feed_polled`` lines as NEWSWIRE_LOG_POLLS says.

    Above ``FULL_RATE`` polls a second, lines of polls without news are sampled; a written line then
    has ``sampled``, the number of such polls that it stands for, so that sums stay right.

    Args:
        mode: ``all``, ``changed`` (news and failures) or ``failed``.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        log: FilteringBoundLogger,
        mode: Literal["all", "changed", "failed"] = "all",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._mode = mode
        self._clock = clock
        self._second = 0
        self._polls = 0  # in this second
        self._held = 0  # quiet polls that the next quiet line stands for

    def poll(self, feed_id: str, name: str, result: PollResult) -> None:
        """Write the line of one poll, unless the mode or the rate says otherwise."""
        reason = result.reason
        failed = reason not in SUCCESS and reason not in DEFERRED
        if not failed and (
            self._mode == "failed" or (self._mode == "changed" and reason not in _NEWS)
        ):
            return
        sampled = self._sample(reason in _QUIET)
        if sampled == 0:
            return
        fields = _fields(feed_id, name, result)
        if sampled > 1:
            fields["sampled"] = sampled
        if reason == "internal_error":
            self._log.error("feed_polled", **fields)
        elif failed or reason == "store_error":
            self._log.warning("feed_polled", **fields)
        else:
            self._log.info("feed_polled", **fields)

    def _sample(self, quiet: bool) -> int:
        """How many polls a line written now stands for; 0: write none."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._polls = second, 0
        self._polls += 1
        if not quiet:
            return 1
        self._held += 1
        if self._polls > FULL_RATE and self._held * FULL_RATE < self._polls:
            return 0
        held, self._held = self._held, 0
        return held


class Summary:
    """What one worker did since its last ``summary`` line."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._reasons: Counter[str] = Counter()
        self._new = self._changed = self._published = 0
        self._delays: list[float] = []
        self._lag = 0.0

    def polled(self, result: PollResult) -> None:
        """Count one poll."""
        self._reasons[result.reason] += 1
        self._new += result.new
        self._changed += result.changed

    def put_off(self, count: int) -> None:
        """Count feeds that went to their hosts' lines without a poll."""
        if count:
            self._reasons["host_busy"] += count

    def published(self, delays_s: list[float]) -> None:
        """Count published events by the seconds from their admission to their commit."""
        self._published += len(delays_s)
        self._delays.extend(delays_s[: _MAX_DELAYS - len(self._delays)])

    def lagged(self, seconds: float) -> None:
        """Note how late the event loop was."""
        self._lag = max(self._lag, seconds)

    def tick(self, extra: Mapping[str, Any]) -> None:
        """Write the line and begin anew; ``extra`` is what only the store knows: outbox, due."""
        reasons, self._reasons = self._reasons, Counter()
        delays, self._delays = sorted(self._delays), []
        failed = {r: n for r, n in reasons.most_common() if r not in SUCCESS and r not in DEFERRED}
        deferred = {r: n for r, n in reasons.most_common() if r in DEFERRED}
        fields: dict[str, Any] = {
            "polls": sum(reasons.values()),
            "new": self._new,
            "updated": self._changed,
            "failed": failed,
            "deferred": deferred,
            "published": self._published,
        }
        if delays:
            fields["delay_p50_s"] = round(_percentile(delays, 0.50), 3)
            fields["delay_p99_s"] = round(_percentile(delays, 0.99), 3)
        fields |= extra
        fields["loop_lag_max_ms"] = round(self._lag * 1000)
        if (memory := resident_bytes()) is not None:
            fields["rss_mb"] = round(memory / 1e6, 1)
        self._new = self._changed = self._published = 0
        self._lag = 0.0
        self._log.info("summary", **fields)


def resident_bytes() -> int | None:
    """Resident memory of this process in bytes; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _fields(feed_id: str, name: str, result: PollResult) -> dict[str, Any]:
    fields: dict[str, Any] = {"feed_id": feed_id}
    if name:
        fields["feed"] = name
    fields["reason"] = result.reason
    if result.status:
        fields["status"] = result.status
    fields["bytes"] = result.bytes
    fields["entries"] = result.entries
    fields["new"] = result.new
    fields["changed"] = result.changed
    if result.remembered:
        fields["remembered"] = result.remembered
    fields["ms"] = result.elapsed_ms
    if result.next_due_ms:
        fields["next_due"] = rfc3339(result.next_due_ms)
        fields["next_why"] = result.next_why
    if result.reason not in SUCCESS:
        if result.url:
            fields["url"] = result.url
        if result.detail:
            fields["detail"] = result.detail
    return fields
