"""The rules that hold for announcing what a poll finds: news, old news, or what is only remembered. Pure."""

from __future__ import annotations

from workers.fetcher.decide import DAY_MIN, DAY_MS, REVERT_LEAST_MIN, Policy
from workers.fetcher.identity import owner_key
from workers.fetcher.memory import MINUTE_MS
from workers.fetcher.newness import after_opening, is_archive, is_opening, is_reissued
from workers.fetcher.reading import Reading
from workers.model import Article, Claim
from workers.units import Backfill, parse_backfill

REVERT_POLLS = 2


def policy_for(
    claim: Claim,
    reading: Reading,
    backfill: Backfill,
    now_ms: int,
    edit_window_min: int,
    window_ms: int,
    horizon_ms: int = 0,
) -> Policy:
    """What a first sight of an article comes to in this poll.

    Old news of a feed that is known is announced, and marked: what is dated before its first poll would have
    announced anything, or so long ago (``window_ms``) that it may have been forgotten.

    ``horizon_ms`` is not 0 after a rebuild: what is dated before it, or undated on a first poll, may have
    been announced by the history that is lost, and is remembered only.
    """
    before = claim.state
    first = is_opening(before)
    rule = parse_backfill(claim.config.backfill) if claim.config.backfill else backfill
    span_ms = rule * 1000 if isinstance(rule, int | float) else DAY_MS
    archive_ms = max(before.first_polled_ms - span_ms, now_ms - window_ms)

    def announce(article: Article) -> bool:
        at_ms = article.published_ms
        if horizon_ms and (first if at_ms is None else at_ms < horizon_ms):
            return False
        if not first or rule == "all" or after_opening(article, before):
            return True
        if rule == "none":
            return False
        return at_ms is None or at_ms >= now_ms - float(rule) * 1000

    def old_news(article: Article) -> bool:
        if first:
            return not after_opening(article, before)
        if reading.reissued and is_reissued(article, before, moved=reading.moved):
            return True
        return is_archive(article, before, archive_ms)

    gap_min = (now_ms - (before.last_success_ms or now_ms)) // MINUTE_MS
    return Policy(
        claim.feed_id,
        owner_key(claim.feed_id),
        now_ms,
        announce,
        old_news,
        edit_window_min,
        reading.restamped,
        revert_min=min(max(REVERT_LEAST_MIN, REVERT_POLLS * gap_min), DAY_MIN),
    )
