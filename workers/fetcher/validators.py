"""Conditional requests, stored redirects, and servers that lie about either. Pure."""

from __future__ import annotations

import msgspec

from workers.articles.canonical import canonical_url
from workers.fetcher.cadence import expected
from workers.fetcher.wishes import http_date_ms
from workers.model import DEFERRED, FeedConfig, FeedState, Fetched, FetchRequest

WHOLE_EVERY = 100
"""Every so many 304s in a row the document is fetched whole, to find a server that always says 304."""
OVERDUE_LEAST, OVERDUE_MOST = 2.0, 3.0
"""Sooner when so many entries were to be expected meanwhile, fewer where a document holds few."""
DOUBTED_304S = 3
"""After so many 304s at least; twice as many after each suspicion that came to nothing."""
MOVE_SIGHTINGS = 3
"""A permanent redirect is stored when it was seen so often in a row, and for as long as the longest wait
between two polls, unless it leads to another form of the same address: one that somebody set by mistake must
be gone by then, for who follows it for good never learns that it is."""
MOVE_FAILURES = 3
"""So many failures at a stored redirect's target, and the configured URL is asked again; at an address that
redirected, and its target is."""
REFRESH_MS = 2 * 86_400_000
"""So often the records of a feed's articles are touched, for which the whole document is needed."""
WEAK_DATE_MS = 2_000
"""A Last-Modified so close to the answer's own Date may stand for two documents of one second
(RFC 9110, section 8.8.2.2)."""


def for_config(state: FeedState, config: FeedConfig) -> FeedState:
    """The state without what was learned from another URL than the configured one."""
    if state.config_url == config.url:
        return state
    if not state.config_url:
        return msgspec.structs.replace(state, config_url=config.url)
    return msgspec.structs.replace(
        without_validators(state),
        config_url=config.url,
        unread=True,
        search=None,
        found_by="",
        searched_ms=0,
        no_feeds=(),
        url="",
        moved_to="",
        moved_seen=0,
        moved_since_ms=0,
        gone_seen=0,
        retired=False,
        failures=0,
        failing_since_ms=0,
        refused_since_ms=0,
        validator_distrust=False,
        min_interval_s=0,
        update_base_ms=0,
        update_period_s=0,
        skip_hours=(),
        skip_days=(),
    )


def request_for(url: str, state: FeedState, now_ms: int) -> FetchRequest:
    """The next request: conditional unless there is a reason to see the whole document."""
    if state.probe_etag or state.probe_last_modified:
        etag, last_modified = state.probe_etag, state.probe_last_modified
    elif conditional(state, now_ms):
        etag, last_modified = state.etag, state.last_modified
    else:
        etag, last_modified = "", ""
    return FetchRequest(url=url, etag=etag, last_modified=last_modified)


def conditional(state: FeedState, now_ms: int) -> bool:
    """True when the validators should be sent."""
    if state.validator_distrust or state.conditional_polls >= WHOLE_EVERY:
        return False
    if refresh_due(state, now_ms):
        return False
    if state.conditional_polls < DOUBTED_304S * 2**state.whole_checks:
        return True
    overdue = min(max(state.listed / 4, OVERDUE_LEAST), OVERDUE_MOST)
    return expected(state, state.last_new_ms or state.first_polled_ms, now_ms) < overdue


def refresh_due(state: FeedState, now_ms: int) -> bool:
    """True when the records of the feed's articles should be touched, or they would be forgotten."""
    return now_ms - state.refreshed_ms > REFRESH_MS


def after_not_modified(state: FeedState) -> FeedState:
    """The state after a 304. To the validators of a document that is known to be old it is a lie."""
    if state.probe_etag or state.probe_last_modified:
        return msgspec.structs.replace(without_validators(state), validator_distrust=True)
    return msgspec.structs.replace(state, conditional_polls=state.conditional_polls + 1)


def after_document(
    state: FeedState,
    fetched: Fetched,
    body_hash: bytes,
    *,
    news: bool,
    whole: bool,
    asked_whole: bool,
) -> FeedState:
    """The state after a document was read.

    News in a document that was asked for whole, right after a run of 304s, may have come since the last
    of them, or those 304s were lies. Where the document has the old validators still, they are of no
    use. Else they are sent once more: an honest server answers with the document, since it has
    another one now; a 304 is proof. A document that was not used to its end (cut, or an edit waits)
    leaves no validators, so that the next poll sees it whole.
    """
    suspected = asked_whole and state.conditional_polls > 0
    old = (state.etag, state.last_modified)
    seen = (fetched.etag, fetched.last_modified)
    doubted = suspected and news and state.conditional_polls >= DOUBTED_304S and any(old)
    probe = old if doubted and old != seen and whole else ("", "")
    checks = 0 if news else min(state.whole_checks + suspected, 5)
    return msgspec.structs.replace(
        state,
        etag=fetched.etag if whole else "",
        last_modified=_telling_date(fetched) if whole else "",
        body_hash=body_hash if whole else b"",
        conditional_polls=0,
        whole_checks=checks,
        probe_etag=probe[0],
        probe_last_modified=probe[1],
        validator_distrust=state.validator_distrust or (doubted and old == seen),
    )


def _telling_date(fetched: Fetched) -> str:
    """``Last-Modified``, but for one that may stand for a later document of the same second too."""
    if fetched.etag:
        return fetched.last_modified
    modified, date = http_date_ms(fetched.last_modified), http_date_ms(fetched.date)
    if modified is None or date is None or date - modified >= WEAK_DATE_MS:
        return fetched.last_modified
    return ""


def moved(
    state: FeedState, config: FeedConfig, fetched: Fetched, now_ms: int, longest_ms: int
) -> FeedState:
    """Follow a permanent move once it was seen often enough, and for ``longest_ms`` or until the address that
    said so fails; go back when its target fails.

    A feed that was found on a page goes back to the page.

    ``fetched`` has the reason of the poll: a redirect to what is no feed is no move.
    """
    usable = not fetched.reason or fetched.reason == "not_modified"
    target = fetched.permanent_url
    if usable and target:
        again = target == state.moved_to
        seen = state.moved_seen + 1 if again else 1
        since_ms = (again and state.moved_since_ms) or now_ms
        if seen < MOVE_SIGHTINGS or (
            now_ms - since_ms < longest_ms and not _is_same(target, config)
        ):
            return _watching(state, target, seen, since_ms)
        url = "" if target == config.url else target
        return msgspec.structs.replace(_watching(state), url=url)
    if usable and state.moved_to:
        return _watching(state)
    failed = not usable and fetched.reason not in DEFERRED
    if not failed or state.failures + 1 < MOVE_FAILURES:
        return state
    if state.moved_seen >= MOVE_SIGHTINGS:
        return msgspec.structs.replace(_watching(state), url=state.moved_to)
    if state.url:
        return msgspec.structs.replace(_watching(without_validators(state)), url="")
    return state


def _is_same(target: str, config: FeedConfig) -> bool:
    """True when a redirect changes the form of the address only (https, ``www.``): no other feed is there."""
    return canonical_url(target) == canonical_url(config.url) != ""


def _watching(state: FeedState, target: str = "", seen: int = 0, since_ms: int = 0) -> FeedState:
    """The state with the permanent redirect that is watched: by default none."""
    return msgspec.structs.replace(state, moved_to=target, moved_seen=seen, moved_since_ms=since_ms)


def without_validators(state: FeedState) -> FeedState:
    """The state with nothing to compare the next document with."""
    return msgspec.structs.replace(
        state,
        etag="",
        last_modified="",
        body_hash=b"",
        pieces=b"",
        conditional_polls=0,
        whole_checks=0,
        probe_etag="",
        probe_last_modified="",
    )
