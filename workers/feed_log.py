"""The lines about a feed's course, beside those of its polls: moved, retired, silent, recovered."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from workers import logs
from workers.fetcher.conclude import Aftermath
from workers.fetcher.search import HOW
from workers.model import Claim, FeedState

STORM_S = 3_600.0


class FeedLog:
    """Says what a poll changed for good, once it is stored."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log

    def committed(self, claim: Claim, state: FeedState, aftermath: Aftermath) -> None:
        """Compare the feed before the poll, as claimed, with ``state`` after it."""
        before = claim.state
        feed_id, feed = claim.feed_id, claim.config.name or state.title
        if before.search is not None and state.search is None and state.url:
            how = HOW.get(state.found_by, "")
            self._log.info("feed_found", feed_id=feed_id, feed=feed, url=state.url, detail=how)
        elif state.url != before.url:
            self._moved(claim, state, feed)
        if state.status != before.status:
            self._turned(claim, state, feed)
        if count := aftermath.reissued:
            self._log.warning("feed_reissued", feed_id=feed_id, feed=feed, count=count)
        if count := aftermath.letters:
            reason = aftermath.reason
            self._log.warning("dead_letter", feed_id=feed_id, feed=feed, reason=reason, count=count)
        if count := aftermath.held:
            suppressed = logs.once_per(STORM_S, ("edit_storm", feed_id))
            if suppressed is not None:
                self._log.warning("edit_storm", feed_id=feed_id, feed=feed, count=count)

    def _moved(self, claim: Claim, state: FeedState, feed: str) -> None:
        detail = "" if state.url else "the configured URL is asked again"
        url = state.url or claim.config.url
        self._log.info("feed_moved", feed_id=claim.feed_id, feed=feed, url=url, detail=detail)

    def _turned(self, claim: Claim, state: FeedState, feed: str) -> None:
        feed_id, url, was = claim.feed_id, claim.config.url, claim.state.status
        match state.status:
            case "gone":
                self._log.warning("feed_retired", feed_id=feed_id, feed=feed, url=url)
            case "silent":
                self._log.warning("feed_silent", feed_id=feed_id, feed=feed, url=url)
            case "healthy" if was:
                self._log.info("feed_recovered", feed_id=feed_id, feed=feed, state=was)
