"""What is news when it is first seen, and what is old: by its date, and by the form of its link. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from workers.fetcher.decide import DAY_MS
from workers.model import Article, FeedState

REISSUED_LEAST = 5
REISSUED_SHARE = 0.6
SHAPES_MOST = 24
"""So many forms of links are kept of a feed, the latest; a site with more has no form of its own."""

_LINK = re.compile(r"https://([^/]*)/?([^?#]*)\??([^#]*)")


def is_opening(state: FeedState) -> bool:
    """True until a whole document with entries was read: what is in it was there before us."""
    return not state.first_polled_ms or state.unopened


def after_opening(article: Article, state: FeedState) -> bool:
    """True when an article that an opening document shows is dated after the feed was first polled."""
    at_ms = article.published_ms
    return bool(state.first_polled_ms) and at_ms is not None and at_ms >= state.first_polled_ms


def still_unopened(state: FeedState, entries: int, *, cut: bool, now_ms: int) -> bool:
    """Whether the feed's first document is still to come. One that is always broken is taken as it is
    after a day."""
    young = now_ms - (state.first_polled_ms or now_ms) < DAY_MS
    return is_opening(state) and (not entries or (cut and young))


def is_archive(article: Article, state: FeedState, before_ms: float) -> bool:
    """True when an article is dated before ``before_ms``, and before what the feed has shown already: so a
    feed whose dates are all wrong has news still."""
    at_ms = article.published_ms
    return at_ms is not None and at_ms < min(before_ms, state.newest_ms)


def has_moved(articles: Sequence[Article], state: FeedState) -> bool:
    """True when most links of these articles have a form that the feed's links did not have; also when no
    form is known."""
    if not state.shapes:
        return True
    if len(state.shapes) >= SHAPES_MOST:
        return False
    other = sum(1 for a in articles if (s := shape(a.canonical_url)) and s not in state.shapes)
    return other > REISSUED_SHARE * len(articles)


def is_reissued(article: Article, state: FeedState, *, moved: bool) -> bool:
    """True when an article was there before the last good poll, though it looks new.

    Undated articles are news, unless the site has moved; without that, a date must be a day older than the
    poll, for it may lack its zone.
    """
    at_ms = article.published_ms
    if at_ms is None:
        return moved
    return at_ms < state.last_success_ms - (0 if moved else DAY_MS)


def shapes_after(state: FeedState, articles: Iterable[Article]) -> tuple[bytes, ...]:
    """The forms of links of the feed, these articles' first."""
    found = (shape(a.canonical_url) for a in articles)
    return tuple(dict.fromkeys([s for s in found if s] + list(state.shapes)))[:SHAPES_MOST]


def newest_after(state: FeedState, articles: Iterable[Article], now_ms: int) -> int:
    """The latest date that the feed has shown, epoch ms."""
    dates = (a.published_ms for a in articles if a.published_ms is not None)
    return max([state.newest_ms, *(d for d in dates if d <= now_ms)])


def shape(canonical: str) -> bytes:
    """The form of a canonical URL: host, first folder, depth, which parts are numbers, and the names in
    its query; ``b""`` when there is none."""
    match = _LINK.match(canonical)
    if match is None:
        return b""
    host, path, query = match.groups()
    folder, _, rest = path.partition("/")
    parts = [host, folder if rest and not folder.isdigit() else _kind(folder)]
    parts += [_kind(part) for part in rest.split("/") if part]
    parts += ["?", *sorted(pair.partition("=")[0] for pair in query.split("&"))]
    return blake2b("/".join(parts).encode("utf-8", "replace"), digest_size=4).digest()


def _kind(part: str) -> str:
    return "0" if part.isdigit() else "a"
