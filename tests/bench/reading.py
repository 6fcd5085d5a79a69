"""What reading costs, from bytes to events, beside feedparser on the same documents in the same run.

``python -m tests.bench.reading``: CPU milliseconds per document and per new article, and as a part of what
``feedparser.parse`` takes for the document. Nothing is fetched or stored. ``--profile`` says in which
functions the time goes instead.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, cast

import feedparser
import msgspec

from tests.bench.site import ENTRIES, Press, Shape
from tests.corpus.differential import corpus
from workers.errors import ParseError
from workers.fetcher.decide import decide, remembered
from workers.fetcher.event import Revision, article_event
from workers.fetcher.memory import Memory, keep, pack, pack_prints, unpack, unpack_prints
from workers.fetcher.policy import policy_for
from workers.fetcher.reading import Reading, read_document, with_feed
from workers.fetcher.seen import seal, told_before, unchanged_feed
from workers.model import Claim, FeedConfig, FeedState, ParsedFeed
from workers.parsing.feed import UnsureError, parse_fast, parse_part
from workers.parsing.pieces import SALT_BYTES, Pieces, Told, find_pieces

NOW_MS = 1_780_000_000_000
DAY_MS = 86_400_000
WINDOW_MS = 14 * DAY_MS
CONFIG = FeedConfig("feed", "http://feeds.example/feed")
STATE = FeedState(first_polled_ms=NOW_MS - DAY_MS, last_success_ms=NOW_MS - DAY_MS, polls=3)
CLAIM = Claim("feed", 0, "", NOW_MS, NOW_MS, CONFIG, STATE)
ROUNDS = 5
MOST_BYTES, MOST_ENTRIES = 400_000, 60


class Shown(NamedTuple):
    """What is stored of a feed: of its state what tells its entries, and its memory."""

    pieces: bytes = b""
    memory: bytes = b""


class Kind(NamedTuple):
    """Documents, each with what its feed has shown before, and how many articles are new in all."""

    name: str
    documents: list[tuple[bytes, Shown]]
    new: int


def poll(body: bytes, shown: Shown) -> tuple[Shown, int]:
    """Read a document of a feed; what is stored after it, and how many events were made."""
    state = msgspec.structs.replace(STATE, pieces=shown.pieces)
    pieces = find_pieces(body, "", CONFIG.url)
    if pieces and (feed := unchanged_feed(pieces, state)):
        with_feed(state, feed, state.listed, (), NOW_MS)
        return shown, 0
    memory = unpack(shown.memory)
    feed, told = _parse(body, pieces, state, memory)
    reading = _end(read_document(CONFIG, state, memory, feed, CONFIG.url, NOW_MS, "full", told))
    policy = policy_for(CLAIM, reading, "all", NOW_MS, 60, WINDOW_MS)
    listed = {id(r) for r in reading.unchanged}
    made = 0
    for one in reading.found:
        decision = decide(one, one.article, None, policy)
        if decision.kind == "create":
            made += 1
            revision = Revision(one.article, 1, NOW_MS, NOW_MS)
            article_event("bench", CONFIG, reading.state, one.candidate.article, revision)
        entry = remembered(one, decision, policy)
        if one.known is None:
            memory.add(entry)
        listed.add(id(entry))
    kept = keep(memory, listed, NOW_MS, NOW_MS, WINDOW_MS)
    sealed = seal(told, reading.prints, kept, settled=not reading.found)
    return Shown(sealed.state, pack(kept, reading.learned, None, sealed.memory)), made


def _parse(
    body: bytes, pieces: Pieces | None, state: FeedState, memory: Memory
) -> tuple[ParsedFeed, Told | None]:
    told = told_before(pieces, state, memory, bytes(SALT_BYTES)) if pieces else None
    if told is None:
        return parse_fast(body, "", CONFIG.url), None
    fresh, root = told.fresh, told.pieces.source.root
    part = parse_part(told.pieces.document(fresh), root, CONFIG.url, len(fresh))
    return part.feed, told._replace(context=part.context)


def _end(steps: Iterator[None]) -> Reading:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast(Reading, end.value)


def _kinds(name: str, bodies: Sequence[bytes]) -> Iterator[Kind]:
    """The bodies with everything new, with one new article each, and with none."""
    after = [poll(body, Shown()) for body in bodies]
    yield Kind(f"{name}, all new", [(b, Shown()) for b in bodies], sum(made for _, made in after))
    one_less = []
    for shown, _ in after:
        memory = unpack(shown.memory)
        prints = unpack_prints(memory, shown.pieces)
        entries = memory.entries[1:]
        sealed = pack_prints(entries, {raw: p for p, raw in prints.items()}, shown.pieces)
        one_less.append(Shown(shown.pieces, pack(entries, memory.learned, None, sealed)))
    yield Kind(f"{name}, one new", list(zip(bodies, one_less, strict=True)), len(bodies))
    changed = [body.replace(b"<item", b"<!-- 1 --><item", 1) for body in bodies]
    shown_once = [shown for shown, _ in after]
    yield Kind(f"{name}, none new, then", list(zip(changed, shown_once, strict=True)), 0)
    again = [poll(body, shown)[0] for body, shown in zip(bodies, shown_once, strict=True)]
    yield Kind(f"{name}, none new", list(zip(changed, again, strict=True)), 0)


def _bench_documents(*, rich: bool) -> list[bytes]:
    """Feeds as ``make bench`` has them; ``rich``: 10 KB of HTML in each entry instead of 2.5 KB of text."""
    press = Press()
    return [press.document(f"f{n}", 1_000, 0, Shape(rich=ENTRIES * rich)) for n in range(8)]


def _real_documents() -> list[bytes]:
    """Feeds of the corpus that are read without mending, of no more than so many bytes and entries."""
    folder = corpus()
    found = []
    for path in sorted((folder / "real-feeds").iterdir()) if folder else ():
        body = path.read_bytes()
        if len(body) > MOST_BYTES:
            continue
        try:
            entries = len(parse_fast(body, "", CONFIG.url).entries)
        except (ParseError, UnsureError):
            continue
        if 1 < entries <= MOST_ENTRIES:
            found.append(body)
    return found


def _cpu_ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000


def measure(kind: Kind) -> tuple[float, float, float]:
    """CPU ms of reading all documents, of parsing alone, and of feedparser: the best of some rounds, taken
    in turn."""
    bodies = [body for body, _ in kind.documents]

    def ours() -> None:
        for body, packed in kind.documents:
            poll(body, packed)

    def parse() -> None:
        for body in bodies:
            parse_fast(body, "", CONFIG.url)

    def theirs() -> None:
        for body in bodies:
            feedparser.parse(body)

    rounds = []
    for _ in range(ROUNDS):
        gc.collect()
        rounds.append((_cpu_ms(ours), _cpu_ms(parse), _cpu_ms(theirs)))
    best = [min(column) for column in zip(*rounds, strict=True)]
    return best[0], best[1], best[2]


def _profile(kind: Kind) -> None:
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(3):
        for body, packed in kind.documents:
            poll(body, packed)
    profile.disable()
    print(f"\n{kind.name}")
    pstats.Stats(profile).sort_stats("tottime").print_stats(28)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--only", default="", help="kinds whose names hold this")
    options = parser.parse_args()
    kinds = [
        *_kinds("2.5 KB of text", _bench_documents(rich=False)),
        *_kinds("10 KB of HTML", _bench_documents(rich=True)),
    ]
    if real := _real_documents():
        kinds += _kinds(f"{len(real)} real feeds", real)
    if not options.profile:
        print(
            "| documents | ms a document | of it parsing | ms a new article | feedparser | ratio |"
        )
        print("| --- | --- | --- | --- | --- | --- |")
    for kind in kinds:
        if options.only not in kind.name:
            continue
        if options.profile:
            _profile(kind)
            continue
        ours, parsing, theirs = measure(kind)
        count = len(kind.documents)
        each = f"{(ours - parsing) / kind.new:.3f}" if kind.new else "-"
        print(
            f"| {kind.name} | {ours / count:.2f} | {parsing / count:.2f} | {each} "
            f"| {theirs / count:.1f} | {ours / theirs:.3f} |", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    _main()
