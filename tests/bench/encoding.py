"""Cost of making an event's bytes: msgspec as we use it, against json and pydantic, in one run.

Run ``python -m tests.bench.encoding``. Each line is the best of five rounds, in one thread.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict

from schemas.events import ArticleEvent, encode
from schemas.examples import CREATED
from schemas.generate import json_schemas
from workers.fetcher.event import Revision, article_event
from workers.model import Article, FeedConfig, FeedState, Media

ROUNDS = 5
ROUND_S = 0.4
PARAGRAPH = (
    "The guild lends drills, ladders and a wheelbarrow to all neighbours from Monday on. " * 3
)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Person(_Model):
    type: str
    name: str


class _Publication(_Model):
    feedId: str  # noqa: N815 - the contract's names
    name: str | None = None
    url: str | None = None
    homePage: str | None = None  # noqa: N815
    tags: list[str] | None = None


class _Article(_Model):
    """What a pydantic event looks like; half of the fields, which is in its favour."""

    articleId: str  # noqa: N815
    revision: int
    contentHash: str  # noqa: N815
    headline: str
    firstSeen: str  # noqa: N815
    isPartOf: _Publication  # noqa: N815
    bodyScope: str  # noqa: N815
    guid: str | None = None
    url: str | None = None
    canonicalUrl: str | None = None  # noqa: N815
    articleBody: str | None = None  # noqa: N815
    articleBodyHtml: str | None = None  # noqa: N815
    datePublished: str | None = None  # noqa: N815
    author: list[_Person] | None = None
    keywords: list[str] | None = None
    inLanguage: str | None = None  # noqa: N815
    image: str | None = None


def microseconds(work: Callable[[], object]) -> float:
    """µs of one call: the best of some rounds, so that other load on the machine counts least."""
    best = float("inf")
    gc.collect()
    for _ in range(ROUNDS):
        count, end = 0, time.perf_counter() + ROUND_S
        started = time.perf_counter()
        while time.perf_counter() < end:
            for _ in range(50):
                work()
            count += 50
        best = min(best, (time.perf_counter() - started) / count * 1e6)
    return best


def _article() -> Article:
    body = "\n\n".join([PARAGRAPH.strip()] * 6)
    return Article(
        headline=CREATED.headline,
        url=CREATED.url,
        canonical_url=CREATED.canonical_url,
        guid=CREATED.guid,
        body=body,
        body_html="".join(f"<p>{p}</p>" for p in body.split("\n\n")),
        body_scope="full",
        published_ms=1_772_350_200_000,
        published_raw="Sun, 01 Mar 2026 08:30:00 +0100",
        published_source="pubDate",
        published_confidence="exact",
        authors=("A. Writer",),
        keywords=("tools", "neighbours"),
        language="en",
        language_source="feed",
        language_confidence=1.0,
        image=CREATED.image,
        media=(Media(CREATED.image, "image/jpeg", "The shelves", 48_000, 1200, 800),),
        headline_hash=b"head",
        body_hash=b"body",
        date_hash=b"date",
        content_hash=b"contents",
    )


def main() -> None:
    """Print the table."""
    config = FeedConfig(
        "fcwojfxwnumramdba", "https://courier.example/feed.xml", "Northway Courier", ("local",)
    )
    state, article = FeedState(), _article()
    revision = Revision(bytes(10), 1, 1_772_350_200_000, 1_772_350_200_000)
    value = article_event("newswire", config, state, article, revision).value
    event = msgspec.json.decode(value, type=ArticleEvent)
    plain: Any = json.loads(value)
    modelled = plain | {"author": [{"type": "Person", "name": "A. Writer"}]}
    model = _Article.model_validate(modelled)
    decoder = msgspec.json.Decoder(ArticleEvent)
    validator = Draft202012Validator(json_schemas()["article"])
    rows: list[tuple[str, Callable[[], object]]] = [
        ("encode: msgspec (ours)", lambda: encode(event)),
        ("encode: json.dumps of a dict", lambda: json.dumps(plain, ensure_ascii=False).encode()),
        ("encode: orjson of a dict", lambda: orjson.dumps(plain)),
        ("encode: pydantic", lambda: model.model_dump_json(exclude_none=True).encode()),
        (
            "article to record, whole: ours",
            lambda: article_event("newswire", config, state, article, revision),
        ),
        ("build and encode: pydantic", lambda: _Article(**modelled).model_dump_json().encode()),
        ("decode and validate: msgspec", lambda: decoder.decode(value)),
        ("decode: json.loads", lambda: json.loads(value)),
        ("decode and validate: pydantic", lambda: _Article.model_validate_json(value_of_model)),
        ("validate: jsonschema", lambda: validator.is_valid(plain)),
    ]
    value_of_model = model.model_dump_json(exclude_none=True).encode()
    print(f"one event of {len(value):,} bytes")
    for name, work in rows:
        cost = microseconds(work)
        print(f"{name:<34} {cost:9.2f} µs {1e6 / cost:12,.0f} events/s")


if __name__ == "__main__":
    main()
