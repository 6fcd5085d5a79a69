"""Conditional requests, stored redirects, and servers that lie about either. Pure."""

from __future__ import annotations

import msgspec

from workers.model import FeedConfig, FeedState, Fetched, FetchRequest

WHOLE_EVERY = 100
"""Every so many 304s in a row the document is fetched whole, to find a server that always says 304."""
SILENT_GAPS = 4.0
"""Sooner when the feed is silent for so many times its mean gap between articles."""
SILENT_POLLS = 5
MOVE_SIGHTINGS = 3
"""A permanent redirect is stored when it was seen so often in a row."""
MOVE_FAILURES = 3
"""So many failures at a stored redirect's target, and the configured URL is asked again."""
REFRESH_MS = 2 * 86_400_000
DAY_MS = 86_400_000


def request_for(
    url: str, state: FeedState, config: FeedConfig, headers: dict[str, str], now_ms: int
) -> FetchRequest:
    """The next request: conditional unless there is a reason to see the whole document."""
    if not conditional(state, now_ms):
        return FetchRequest(url=url, headers=headers)
    return FetchRequest(
        url=url, etag=state.etag, last_modified=state.last_modified, headers=headers
    )


def conditional(state: FeedState, now_ms: int) -> bool:
    """True when the validators should be sent."""
    if state.validator_distrust or state.conditional_polls >= WHOLE_EVERY:
        return False
    if now_ms - state.refreshed_ms > REFRESH_MS:
        return False
    quiet_ms = now_ms - (state.last_new_ms or state.first_polled_ms)
    gap_ms = DAY_MS / state.rate if state.rate > 0 else float("inf")
    suspicious = quiet_ms > SILENT_GAPS * gap_ms and state.conditional_polls >= SILENT_POLLS
    return not suspicious


def after_not_modified(state: FeedState) -> FeedState:
    """The state after a 304."""
    return msgspec.structs.replace(state, conditional_polls=state.conditional_polls + 1)


def after_document(
    state: FeedState, fetched: Fetched, body_hash: bytes, *, news: bool, whole: bool
) -> FeedState:
    """The state after a document was read.

    News right after a run of 304s, in a document that was asked for whole, means that those 304s were
    lies: such a feed is not asked conditionally again. A document that was not used to its end (cut,
    or an edit waits) leaves no validators, so that the next poll sees it whole.
    """
    lied = news and state.conditional_polls >= SILENT_POLLS
    return msgspec.structs.replace(
        state,
        etag=fetched.etag if whole else "",
        last_modified=fetched.last_modified if whole else "",
        body_hash=body_hash if whole else b"",
        conditional_polls=0,
        validator_distrust=state.validator_distrust or lied,
    )


def moved(state: FeedState, config: FeedConfig, fetched: Fetched) -> FeedState:
    """Follow a permanent move once it was seen often enough; go back when its target fails."""
    usable = not fetched.reason or fetched.reason == "not_modified"
    if usable and fetched.permanent_url:
        again = fetched.permanent_url == state.moved_to
        seen = state.moved_seen + 1 if again else 1
        if seen >= MOVE_SIGHTINGS:
            return msgspec.structs.replace(
                state, url=fetched.permanent_url, moved_to="", moved_seen=0
            )
        return msgspec.structs.replace(state, moved_to=fetched.permanent_url, moved_seen=seen)
    if usable and state.moved_to:
        return msgspec.structs.replace(state, moved_to="", moved_seen=0)
    if not usable and state.url and state.failures + 1 >= MOVE_FAILURES:
        return msgspec.structs.replace(
            state, url="", etag="", last_modified="", moved_to="", moved_seen=0
        )
    return state
