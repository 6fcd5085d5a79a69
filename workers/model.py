"""The values that pass from stage to stage. Times are epoch milliseconds UTC (``*_ms``)."""

from __future__ import annotations

from typing import Literal

import msgspec

OLDEST_STATE, NEWEST_STATE = 1, 2
"""Versions of what is stored in Redis that this release reads, and writes while one of them is in force. A
new dataset begins with the newest; an older one keeps its version until ``newswire state finalize``."""

Reason = Literal[
    # the poll went well
    "new",  # at least one article announced for the first time
    "updated",  # no new article, at least one new revision
    "no_news",  # the document changed, nothing in it is new
    "unchanged",  # 200 with the same bytes as last time
    "not_modified",  # 304
    # the feed is put off through no fault of its own
    "feed_sought",  # the list names a web page; one more address was asked for its feed
    "host_busy",  # no host permit now
    "worker_busy",  # no room for one more large document
    "network_down",  # no host can be reached, so it is not the server's fault
    "throttled",  # 429, 503/403 with Retry-After, or 403 from a host that throttles
    "cancelled",  # the worker stops; the claim was handed back
    "contended",  # articles were contended by other workers for too long
    "claim_lost",  # another worker took the feed over, or it was paused; this result was dropped
    "store_error",  # Redis failed while the poll was committed; the feed stays due
    # the server answered with an error
    "credentials_missing",  # a secret that the list refers to cannot be read; nothing was asked
    "unauthorized",  # 401, 407
    "forbidden",  # 403
    "not_found",  # 404
    "gone",  # 410
    "client_error",  # other 4xx
    "server_error",  # 5xx
    "unexpected_status",  # 1xx, 2xx without a body, 3xx without use
    "redirect_loop",
    "too_many_redirects",
    "bad_redirect",
    # the server could not be reached or did not speak HTTP
    "address_forbidden",
    "bad_url",
    "dns_error",
    "connect_refused",
    "connect_error",
    "tls_error",
    "connection_reset",
    "timeout",
    "protocol_error",
    # the body is no feed
    "too_large",
    "bad_encoding",  # gzip or deflate that does not decode
    "truncated",  # shorter than its Content-Length, or cut in a chunk
    "empty_body",
    "not_a_feed",
    "parse_failed",
    "parser_killed",  # CPU, memory or wall bound
    "internal_error",
]

SUCCESS: frozenset[str] = frozenset({"new", "updated", "no_news", "unchanged", "not_modified"})
DEFERRED: frozenset[str] = frozenset(
    {
        "feed_sought",
        "host_busy",
        "worker_busy",
        "network_down",
        "throttled",
        "cancelled",
        "claim_lost",
        "store_error",
        "contended",
    }
)


class FeedConfig(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One feed as the feed list wants it.

    ``id`` is given or derived from the first URL and survives moves. ``interval_s`` overrides the
    learned interval (seconds), ``body`` NEWSWIRE_BODY. ``headers_from`` maps a header name to a reference
    (``env:NAME`` or ``file:/path``), never to the secret itself; ``basic_auth_from`` is one to
    ``user:password``. ``direct``: not through the proxy of NEWSWIRE_PROXY_URL.
    """

    id: str
    url: str
    name: str = ""
    tags: tuple[str, ...] = ()
    language: str = ""
    body: str = ""
    interval_s: float | None = None
    headers_from: dict[str, str] = {}
    backfill: str = ""
    enabled: bool = True
    basic_auth_from: str = ""
    user_agent: str = ""
    direct: bool = False


class Pause(msgspec.Struct, frozen=True, omit_defaults=True):
    """The operator's word that a feed is not to be polled: since when, and why in words of theirs."""

    since_ms: int
    reason: str = ""


class Search(msgspec.Struct, frozen=True, omit_defaults=True):
    """The search for the feed of a web page, between two of its polls; see ``fetcher/search.py``.

    ``step``: what is asked now, ``link``, ``robots`` or ``path``; ``queue``: addresses yet to be asked, the
    next first; ``page``: where the page answered; ``outage``: one of those asked could not answer.
    """

    step: str
    queue: tuple[str, ...]
    page: str
    tried: int = 0
    outage: bool = False


class FeedState(msgspec.Struct, omit_defaults=True):
    """What is known of one feed from its own polls; written only by the holder of its claim.

    New fields go to the end: ``store/forms.py`` knows them by their places. Rates are per day. ``history``
    holds the last polls, newest last, as (at_ms, reason, status), of all but the newest to the second.
    """

    config_url: str = ""  # the configured URL that all of this was learned from
    url: str = ""  # where a stored permanent redirect leads, or a page's feed is; empty: the configured URL
    etag: str = ""
    last_modified: str = ""
    body_hash: bytes = b""  # of the last document that was read whole
    first_polled_ms: int = 0  # 0: never polled with success
    last_polled_ms: int = 0
    last_success_ms: int = 0
    last_new_ms: int = 0
    polls: int = 0
    failures: int = 0  # in a row; deferrals do not count
    failing_since_ms: int = 0
    refused_since_ms: int = 0  # by 429 and the like, without a success since
    conditional_polls: int = 0  # 304s in a row since the last whole document
    moved_to: str = ""  # target of the permanent redirect being watched
    moved_seen: int = 0
    gone_seen: int = 0
    retired: bool = False
    rate: float = 0.0  # learned new entries a day
    rate_at_ms: int = 0
    observed_s: float = 0.0  # how much observation the rate rests on; old observation fades
    recent_new: float = 0.0  # new entries of the last one or two polls, and
    recent_s: float = 0.0  # the time in which they came
    usual_gap_s: float = 0.0  # mean time between two entries when the last one came
    listed: int = 0  # entries in the last whole document
    hours: tuple[int, ...] = ()  # counts of entries by UTC hour, 24 numbers or none
    days: tuple[int, ...] = ()  # counts of entries by UTC day of the week, Monday first, or none
    guid_distrust: bool = False
    validator_distrust: bool = False  # the server answered 304 although it had news
    whole_checks: int = 0  # whole documents in a row, asked for out of suspicion, without news
    probe_etag: str = ""  # validators of an older document, to be sent once: a 304 to them is a lie
    probe_last_modified: str = ""
    refreshed_ms: int = 0  # when the article records were last touched
    min_interval_s: int = 0  # what the feed itself asks for: ttl, sy:updatePeriod
    update_base_ms: int = (
        0  # it publishes at this moment and every update_period_s before and after
    )
    update_period_s: int = 0  # 0: it does not say when
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()  # 0 = Monday
    due_why: str = ""  # why the feed is due when it is, as in the poll's line
    title: str = ""
    publisher: str = ""
    link: str = ""
    language: str = ""
    status: str = ""  # the last status published on news.feeds
    status_at_ms: int = 0
    status_url: str = ""  # where it said that the feed is polled instead
    silent: bool = False
    dead_letters: tuple[bytes, ...] = ()  # hashes of what was already dead-lettered
    history: tuple[tuple[int, str, int], ...] = ()
    unopened: bool = False  # polled, and no whole document with entries was read yet
    newest_ms: int = 0  # the latest date of publication that it has shown
    shapes: tuple[bytes, ...] = ()  # forms of its links, the latest first; ``newness.shape``
    unread: bool = (
        False  # nothing was read yet from the configured URL, which is another than before
    )
    search: Search | None = None  # the configured URL is a web page whose feed is being looked for
    found_by: str = ""  # how it was found: link, path
    searched_ms: int = 0  # when a search for it failed
    no_feeds: tuple[bytes, ...] = ()  # hashes of addresses that were asked in vain
    held_due_ms: int = 0  # when the first of the edits that wait is due; 0: none waits
    pieces: bytes = b""  # what the entries of the last document are known by; ``fetcher/seen.py``
    moved_since_ms: int = 0  # when the redirect to ``moved_to`` was seen first


class Claim(msgspec.Struct, frozen=True):
    """The right to poll one feed until ``until_ms``; ``token`` fences every write of the poll.

    ``placed``: its host was busy before, and this is its turn in the host's line.
    """

    feed_id: str
    shard: int
    token: str
    due_ms: int
    until_ms: int
    config: FeedConfig
    state: FeedState
    placed: bool = False


class FetchRequest(msgspec.Struct, frozen=True):
    """One conditional GET. ``headers`` are the feed's own (credentials), dropped across hosts.

    ``user_agent``: instead of the fetcher's. ``direct``: not through the fetcher's proxy.
    """

    url: str
    etag: str = ""
    last_modified: str = ""
    headers: dict[str, str] = {}
    user_agent: str = ""
    direct: bool = False


class Fetched(msgspec.Struct, frozen=True):
    """What came of a fetch; failures are values too.

    ``reason`` is ``""`` when a body was read whole (``body`` is then the decoded bytes), else a
    ``Reason``. ``permanent_url`` is set when every hop of the redirect chain was 301/308.
    ``detail`` is for people: no secrets, no control characters.
    """

    reason: str
    url: str  # the last URL that answered, without userinfo
    status: int = 0
    body: bytes = b""
    wire_bytes: int = 0
    etag: str = ""
    last_modified: str = ""
    content_type: str = ""
    retry_after: str = ""
    cache_control: str = ""
    expires: str = ""
    age: str = ""
    date: str = ""
    redirects: int = 0
    permanent_url: str = ""
    elapsed_ms: int = 0
    detail: str = ""


class Media(msgspec.Struct, frozen=True, omit_defaults=True):
    """An image, audio or video as the feed names it. ``length`` in bytes, sizes in pixels, 0 unknown."""

    url: str
    type: str = ""  # MIME type, or only its first half when that is all that is known
    title: str = ""
    length: int = 0
    width: int = 0
    height: int = 0


class ParsedEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry, raw: strings as in the document (decoded, entities resolved once), nothing cleaned.

    ``link`` is resolved against ``xml:base`` and the document's URL. ``summary`` and ``content`` are
    HTML or text as ``*_type`` says (``html``, ``text``, or empty when the format leaves it open).
    ``published`` and ``updated`` are raw strings; ``published_source`` names the element that
    ``published`` came from, as the formats spell it (``pubDate``, ``dc:date``, ``published``).
    """

    guid: str = ""
    link: str = ""
    title: str = ""
    title_type: str = ""
    summary: str = ""
    summary_type: str = ""
    content: str = ""
    content_type: str = ""
    published: str = ""
    published_source: str = ""
    updated: str = ""
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    language: str = ""
    media: tuple[Media, ...] = ()
    rights: str = ""
    license: str = ""
    source_title: str = ""
    source_url: str = ""
    comments: str = ""


class ParsedFeed(msgspec.Struct, frozen=True, omit_defaults=True):
    """One feed document. ``ttl_s`` and ``update_period_s`` in seconds, 0 unknown."""

    entries: tuple[ParsedEntry, ...] = ()
    title: str = ""
    link: str = ""
    language: str = ""
    rights: str = ""
    publisher: str = ""
    format: str = ""  # rss, rdf, atom, json, sitemap
    ttl_s: int = 0
    update_period_s: int = 0
    update_base: str = ""  # sy:updateBase as written
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()  # 0 = Monday
    deleted: tuple[str, ...] = ()  # refs of at:deleted-entry
    parser: str = ""  # fast, feedparser, json
    recovered: bool = False  # the document was broken; what is whole was used


class Article(msgspec.Struct, frozen=True, omit_defaults=True):
    """A normalised entry without identity: what will be said of it, and what it is compared by.

    ``canonical_url`` is the comparable form of ``url`` (empty: no usable link). Hashes are 4 bytes of
    BLAKE2b over normalised text: ``headline_hash``, ``body_hash`` (without boilerplate that its wording
    gives away, but before learned boilerplate is removed, so that learning never looks like an edit),
    ``date_hash`` (the unclamped instant or raw string; zeros without a date of publication).
    ``content_hash`` is 8 bytes over the published headline, body and date.
    """

    headline: str
    url: str = ""
    canonical_url: str = ""
    guid: str = ""
    body: str = ""  # plain text, paragraphs separated by a blank line
    body_html: str = ""  # sanitised
    body_scope: str = "none"  # full, summary, none
    body_truncated: bool = False
    abstract: str = ""  # the summary as text, where it is not the body
    published_ms: int | None = None
    published_raw: str = ""
    published_source: str = ""  # pubDate, updated, dc:date, …
    published_confidence: str = ""  # exact, assumed_zone, clamped, guessed
    modified_ms: int | None = None
    authors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    language: str = ""
    language_source: str = ""  # entry, feed, list, detected
    language_confidence: float = 0.0
    image: str = ""
    media: tuple[Media, ...] = ()
    rights: str = ""
    license: str = ""
    source_title: str = ""
    source_url: str = ""
    boilerplate: tuple[str, ...] = ()  # kinds of what was removed from the body
    headline_hash: bytes = b""
    body_hash: bytes = b""
    date_hash: bytes = b""
    content_hash: bytes = b""


class OutboxEvent(msgspec.Struct, frozen=True):
    """One record on its way to Kafka. ``topic`` is the logical name (articles, feeds, dead-letters)."""

    topic: str
    key: bytes
    value: bytes  # empty: a tombstone
    headers: tuple[tuple[str, bytes], ...] = ()


class PollResult(msgspec.Struct, frozen=True):
    """What the log line of one poll says, and what the schedule learned from."""

    reason: str
    status: int = 0
    bytes: int = 0
    entries: int = 0
    new: int = 0
    changed: int = 0
    remembered: int = 0  # not announced: older than the backfill window
    elapsed_ms: int = 0
    next_due_ms: int = 0
    next_why: str = ""
    url: str = ""
    detail: str = ""
