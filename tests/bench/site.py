"""The load: feeds of twenty entries in a process of its own, which answers as fast as it is asked.

``python -m tests.bench.site PORT HOSTS`` listens on 127.0.0.1 and on so many more addresses, each a host.

A path names what its feed does at each request: ``/not-modified/7``, ``/unchanged/7``, ``/no-news/7``,
``/one-new/7``, ``/all-new/7``, ``/mix/7``. Those of ``tests.bench.cliffs``: ``/large/7`` has 2 MB
of HTML, ``/many/7`` 10,000 short entries, one of them new at each request; ``/slow/7`` shows one short
entry after ``SLOW_S``. ``/_counts`` tells how often each kind was asked for.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import random
import sys
import time
from collections import Counter
from typing import Any, ClassVar, NamedTuple

KINDS = ("not-modified", "unchanged", "no-news", "one-new", "all-new", "mix")
ENTRIES = 20
BODY_BYTES = 2_500
HTML_BYTES = 10_000
SLOW_S = 20.0
_PARAGRAPHS = 3_000
_ENTRY_S = 0.05
"""Seconds between the dates of two entries: so little that no run gets to the present."""

_WORDS = """
council harbour bridge tender review rail ticket price winter storm cable winner jury museum river
budget teacher clinic vaccine signal orbit sample rocket lander forecast rainfall drought harvest
export tariff factory battery merger shares bond inflation court appeal verdict witness reform
coalition minister election turnout border treaty summit ceasefire convoy league striker goal
transfer stadium album festival director premiere gallery novel editor archive library school
""".split()  # noqa: SIM905 - a list of these would be a page


def _sentences(rng: random.Random, size: int) -> str:
    text: list[str] = []
    length = 0
    while length < size:
        words = rng.choices(_WORDS, k=rng.randint(8, 18))
        sentence = f"The {' '.join(words)} by {rng.randint(2, 999)}."
        text.append(sentence)
        length += len(sentence) + 1
    return " ".join(text)


class Shape(NamedTuple):
    """How many entries a feed shows, and how many of the newest are HTML; ``short``: with a line of text."""

    entries: int = ENTRIES
    rich: int = 0
    short: bool = False


CLIFF_SHAPES = {
    "large": Shape(190, 190),
    "many": Shape(10_000, short=True),
    "slow": Shape(1, short=True),
}


def host(number: int) -> str:
    """The address of a host by its number, from 0."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


class Press:
    """Prints documents. An entry is a function of its feed and number alone."""

    def __init__(self) -> None:
        rng = random.Random(11)
        self._texts = [_sentences(rng, BODY_BYTES // 4) for _ in range(_PARAGRAPHS)]
        self._began = time.time() - 3_600
        self._kept: dict[tuple[str, int], str] = {}

    def document(self, feed: str, newest: int, edition: int, shape: Shape) -> bytes:
        """The feed with entries up to ``newest``; another ``edition`` has other bytes and no news."""
        numbers = range(newest, newest - shape.entries, -1)
        if shape.entries > ENTRIES:  # or one of them would hold up all others for a second
            items = [self._kept_item(feed, n, shape) for n in numbers]
        else:
            items = [self._item(feed, n, rich=n > newest - shape.rich) for n in numbers]
        return (
            '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" '
            'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
            f"<title>Feed {feed}</title><link>http://site.example/{feed}/</link><description>News</description>"
            f"<generator>press {edition}</generator>{''.join(items)}</channel></rss>"
        ).encode()

    def _kept_item(self, feed: str, number: int, shape: Shape) -> str:
        key = feed, number
        if key not in self._kept:
            self._kept[key] = self._item(feed, number, rich=shape.rich > 0, short=shape.short)
        return self._kept[key]

    def _item(self, feed: str, number: int, *, rich: bool, short: bool = False) -> str:
        rng = random.Random(f"{feed}/{number}")
        texts = [self._texts[rng.randrange(_PARAGRAPHS)] for _ in range(4)]
        title = texts[0][rng.randrange(40) :][:70].strip().title()
        when = email.utils.formatdate(self._began + number * _ENTRY_S)
        link = f"http://site.example/{feed}/{number}-{title[:20].replace(' ', '-').lower()}"
        body = "\n\n".join(texts)
        if rich:
            body = self._html(rng, link)
        if short:
            body = texts[1][:120]
        return (
            f"<item><title>{title}</title><link>{link}</link><guid>{link}</guid><pubDate>{when}</pubDate>"
            f"<dc:creator>Writer {rng.randrange(40)}</dc:creator><category>{_WORDS[number % 40]}</category>"
            f"<description><![CDATA[{body}]]></description></item>"
        )

    def _html(self, rng: random.Random, link: str) -> str:
        parts = [
            f'<figure><img src="{link}.jpg" width="800"><figcaption>A view</figcaption></figure>'
        ]
        while sum(map(len, parts)) < HTML_BYTES:
            text = self._texts[rng.randrange(_PARAGRAPHS)]
            parts.append(
                f'<p class="body">{text[:300]} <a href="{link}#n">more</a> <em>{text[300:]}</em></p>'
            )
        return "".join(parts)


class _Feed:
    """What one feed shows now, and what it does next."""

    def __init__(self, kind: str, path: str) -> None:
        self._kind, self._path = kind, path
        self._newest, self._edition, self.asked = 20_000, 0, 0
        self._kept: bytes | None = None

    def answer(self, press: Press, *, conditional: bool) -> bytes:
        """The next response. The first is a whole document in any case."""
        self.asked += 1
        kind = self._kind
        if kind == "mix":
            chance = random.random()
            kind = "not-modified" if chance < 0.75 else "unchanged" if chance < 0.9 else "some-new"
        if kind == "not-modified" and conditional:
            return b'HTTP/1.1 304 Not Modified\r\netag: "%d"\r\n\r\n' % self._edition
        if self._kept is None or kind not in ("not-modified", "unchanged"):
            self._kept = self._next(press, kind)
        return self._kept

    def _next(self, press: Press, kind: str) -> bytes:
        if self.asked > 1:
            self._edition += 1
            some = random.randint(1, 2)
            new = {"one-new": 1, "all-new": ENTRIES, "some-new": some, "large": 1, "many": 1}
            self._newest += new.get(kind, 0)
        shape = CLIFF_SHAPES.get(kind) or Shape(
            rich=int(kind == "some-new" and random.random() < 1 / 3)
        )
        body = press.document(self._path, self._newest, self._edition, shape)
        etagged = self._kind in ("not-modified", "mix")
        etag = b'etag: "%d"\r\n' % self._edition if etagged else b""
        head = (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/rss+xml\r\n%scontent-length: %d\r\n\r\n"
        )
        return head % (etag, len(body)) + body


class _Server(asyncio.Protocol):
    press = Press()
    feeds: ClassVar[dict[str, _Feed]] = {}
    counts: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._pending = b""

    def data_received(self, data: bytes) -> None:
        data = self._pending + data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            self._request(data[:end])
            data = data[end + 4 :]
        self._pending = data

    def _request(self, head: bytes) -> None:
        path = head.split(b" ", 2)[1].decode()
        kind = path[1:].partition("/")[0]
        if kind == "_counts":
            body = json.dumps(self.counts).encode()
            self._transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
            )
            return
        feed = self.feeds.get(path)
        if feed is None:
            feed = self.feeds[path] = _Feed(kind, path[1:].replace("/", "-"))
            self.counts[f"feeds of {kind}"] += 1
        self.counts[kind] += 1
        if feed.asked == 2:  # and now again
            self.counts[f"{kind} feeds asked thrice"] += 1
        conditional = b"if-none-match" in head.lower()
        answer = feed.answer(self.press, conditional=conditional)
        if kind == "slow":
            asyncio.get_running_loop().call_later(SLOW_S, self._transport.write, answer)
        else:
            self._transport.write(answer)


async def _serve(port: int, hosts: int) -> None:
    loop = asyncio.get_running_loop()
    for name in ("127.0.0.1", *map(host, range(hosts))):
        await loop.create_server(_Server, name, port, backlog=4_096)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
