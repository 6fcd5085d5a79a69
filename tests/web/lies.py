"""Servers that say what is not so: nothing new when there is, the past for the present, new tags for old."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, NamedTuple, get_args

from tests.support.hostile_server import Exchange, Handler, answer
from tests.support.topic import read_topic
from tests.web.pages import NETWORK, Pages, address
from tests.web.stage import Ground, Stage
from workers.fetcher.schedule import Bounds, Outcome, after_poll, next_poll
from workers.fetcher.validators import after_not_modified, conditional
from workers.model import DEFERRED, SUCCESS, FeedConfig, FeedState, Fetched, Reason

HONEST = 6
"""Requests that the liar answers by the truth, with news each time."""
TO_AND_FRO = 12
_HOUR_MS = 3_600_000

Document = dict[int, str]
"""Texts by the number of their entry."""

_FIRST: Document = dict.fromkeys(range(1, 9), "as it was")
_SECOND: Document = _FIRST | {3: "as it was edited", 9: "new", 10: "new"}
_THIRD: Document = {n: t for n, t in _SECOND.items() if n > 2} | {
    3: "edited again",
    11: "new",
    12: "new",
}
_LAST: Document = _THIRD | {13: "new at last"}
VERSIONS = [
    _FIRST,
    *[_SECOND, _FIRST] * (TO_AND_FRO // 2),
    *[_THIRD, _FIRST, _THIRD, _SECOND] * (TO_AND_FRO // 4),
    _LAST,
]
"""What caches of different age answer, one after the other: thirteen articles, one of them edited twice."""


class Fooled(NamedTuple):
    """What came of the lies."""

    lies_believed: int  # 304s until the document was asked for whole
    conditional_after: int  # requests with a validator after that one and the proof
    announced: dict[int, int]  # how often each article of the caches' was, by its number
    edits: dict[int, int]
    reasons: Counter[str]  # of the polls of a feed that has a new tag for the same bytes each time


def _rss(name: str, entries: Document) -> bytes:
    items = "".join(
        f"<item><title>Story {n} of {name}</title><link>http://news.example/{name}/{n}</link>"
        f"<guid>{name}-{n}</guid><description>The story of number {n}, {text}.</description></item>"
        for n, text in entries.items()
    )
    return f"<rss version='2.0'><channel><title>{name}</title>{items}</channel></rss>".encode()


def _tagged(body: bytes, tag: str) -> bytes:
    return answer(body, content_type="application/rss+xml", etag=f'"{tag}"')


def _liar() -> Handler:
    """A feed with an entry more at each request; after HONEST of them it answers 304 to any validator."""
    numbers = itertools.count(1)

    async def handle(exchange: Exchange) -> None:
        number = next(numbers)
        if number > HONEST and "if-none-match" in exchange.request.headers:
            await exchange.send(b"HTTP/1.1 304 Not Modified\r\n\r\n")
        else:
            entries = dict.fromkeys(range(1, number + 1), "new")
            await exchange.send(_tagged(_rss("liar", entries), str(number)))

    return handle


def _caches(asked: list[int]) -> Handler:
    numbers = itertools.count()

    async def handle(exchange: Exchange) -> None:
        number = min(next(numbers), len(VERSIONS) - 1)
        asked.append(number)
        await exchange.send(_tagged(_rss("caches", VERSIONS[number]), f"v{number}"))

    return handle


def _new_tags() -> Handler:
    numbers = itertools.count()

    async def handle(exchange: Exchange) -> None:
        await exchange.send(_tagged(_rss("tags", _FIRST), f"t{next(numbers)}"))

    return handle


def lies(ground: Ground, seconds: float) -> Fooled:
    """Poll a server that says 304 for ever, one behind caches of different age, one with ever new tags."""
    asked: list[int] = []
    quick = {
        "NEWSWIRE_ALLOWED_NETWORKS": NETWORK,
        "NEWSWIRE_MIN_INTERVAL": "200ms",
        "NEWSWIRE_MAX_INTERVAL": "200ms",
    }
    with ExitStack() as stack:
        web = stack.enter_context(Pages([address(0)]))
        web.pages |= {"/liar": _liar(), "/caches": _caches(asked), "/tags": _new_tags()}
        stage = stack.enter_context(Stage(ground, **quick))
        paths = ("/liar", "/caches", "/tags")
        stage.feeds([{"id": p[1:], "url": web.url(0, p)} for p in paths])
        worker = stage.start()
        worker.wait_for("feed_list_loaded")
        end = time.monotonic() + seconds
        while time.monotonic() < end and not _seen(web, asked):
            time.sleep(0.1)
        worker.stop()
        after = web.asked("/liar")[HONEST:]
        whole = [n for n, r in enumerate(after) if "if-none-match" not in r.headers]
        found = whole[0] if whole else len(after)
        reasons = Counter(line["reason"] for line in worker.lines("feed_polled", feed_id="tags"))
        topic = f"{stage.settings['NEWSWIRE_TOPIC_PREFIX']}articles"
        records = read_topic(ground.kafka.bootstrap, topic)
    return Fooled(
        found,
        sum("if-none-match" in r.headers for r in after[found + 2 :]),
        _counts(records, "news.article.created"),
        _counts(records, "news.article.updated"),
        reasons,
    )


def _seen(web: Pages, asked: list[int]) -> bool:
    later = web.asked("/liar")[HONEST:]
    whole = sum("if-none-match" not in r.headers for r in later)
    return whole > 5 and len(asked) > len(VERSIONS)


def _counts(records: Iterable[Any], kind: str) -> dict[int, int]:
    urls = (r.value["url"] for r in records if r.headers["ce_type"] == kind)
    numbers = (int(url.rpartition("/")[2]) for url in urls if "/caches/" in url)
    return dict(sorted(Counter(numbers).items()))


def lies_until_doubt(gap_h: float, every_h: float) -> int:
    """How many 304s in a row are believed of a feed that has had news every ``gap_h`` hours and is polled
    every ``every_h``. Pure."""
    now = 400 * 24 * _HOUR_MS
    state = FeedState(
        usual_gap_s=gap_h * 3_600,
        listed=20,
        etag='"1"',
        first_polled_ms=1,
        last_new_ms=now,
        refreshed_ms=now,
    )
    count = 0
    while conditional(state, now):
        state = after_not_modified(state)
        count, now = count + 1, now + int(every_h * _HOUR_MS)
    return count


def longest_silence_h(*, jitters: Iterable[float] = (0.0, 0.5, 0.999)) -> float:
    """The longest wait in hours between two polls of a feed that fails for months, whatever the reason, but
    for feeds that are gone for good. Pure."""
    bounds = Bounds(300.0, 30 * 86_400.0)
    config = FeedConfig("f", "http://f.example/")
    longest = 0.0
    passed = (SUCCESS | DEFERRED | {"gone"}) - {"throttled"}
    reasons = [reason for reason in get_args(Reason) if reason not in passed]
    for reason, jitter in itertools.product(reasons, jitters):
        state, now = FeedState(first_polled_ms=1, last_success_ms=1), 400 * 24 * _HOUR_MS
        outcome = Outcome(reason, Fetched(reason, config.url))
        for _ in range(60):
            state = after_poll(state, outcome, bounds, now)
            due = next_poll(state, outcome, config, bounds, now, jitter).at_ms
            longest, now = max(longest, (due - now) / _HOUR_MS), due
    return longest
