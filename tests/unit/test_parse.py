"""The parse stage: small documents in the loop, the rest in a process that may die."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from workers.errors import ParseError
from workers.fetcher.parse import MAX_BYTES, Parser
from workers.model import ParsedFeed
from workers.parsing.limits import MAX_MARKS, within_marks
from workers.parsing.pieces import INLINE_BYTES

URL = "https://news.example/feed"
SMALL = b"<rss><channel><title>N</title><item><title>small</title></item></channel></rss>"
SOUP = b"<rss><channel><item><br><title>soup</title></item></channel></rss>"  # feedparser's
LARGE = SMALL.replace(b"small", b"large" + b" x" * INLINE_BYTES)
# feedparser's pattern for addresses is quadratic in the author.
KILLER = SOUP.replace(b"</item>", b"<author>" + b"a." * 400_000 + b"</author></item>")


@pytest.fixture
async def parser() -> AsyncIterator[Parser]:
    """Yield a parser that is closed afterwards."""
    instance = Parser()
    yield instance
    await instance.aclose()


async def parse(parser: Parser, body: bytes) -> ParsedFeed:
    """Parse ``body`` as an RSS feed."""
    return await parser.parse(body, content_type="application/rss+xml", url=URL)


async def reason(parser: Parser, body: bytes) -> str:
    """Return why ``body`` is refused."""
    with pytest.raises(ParseError) as caught:
        await parse(parser, body)
    return caught.value.reason


def peak_kb(pid: int) -> int:
    """The most memory that a process has held, in KB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def oom_score(pid: int) -> int:
    """How gladly the kernel ends a process where memory ends, from -1000 to 1000."""
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def children() -> set[int]:
    """Return the process ids of this process's living parser processes."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = status.read_text().rsplit(")", 1)
            line = status.with_name("cmdline").read_bytes()
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid() and state != "Z" and b"workers.parsing.child" in line:
            found.add(int(name.split(" ", 1)[0]))
    return found


def environment(process: int) -> bytes:
    """Return the environment that ``process`` was started with."""
    return Path(f"/proc/{process}/environ").read_bytes()


async def test_small_documents_start_no_process(parser: Parser) -> None:
    """A small well-formed document, and a page, are read in the loop."""
    assert (await parse(parser, SMALL)).entries[0].title == "small"
    assert await reason(parser, b"<!doctype html><html>") == "not_a_feed"
    assert await reason(parser, b"") == "empty_body"
    assert not children()


async def test_large_and_broken_documents_share_processes(parser: Parser) -> None:
    """Large and broken documents are read in processes that stay for the next."""
    for _ in range(3):
        assert (await parse(parser, LARGE)).entries[0].title.startswith("large")
        assert (await parse(parser, SOUP)).entries[0].title == "soup"
    assert len(children()) == 1
    feeds = await asyncio.gather(*(parse(parser, SOUP) for _ in range(20)))
    assert {feed.parser for feed in feeds} == {"feedparser"}
    assert len(children()) == 2


async def test_inline_and_process_read_the_same(parser: Parser) -> None:
    """A document is read alike in the loop and in the process."""
    padded = SMALL + b"\n" * INLINE_BYTES
    assert await parse(parser, padded) == await parse(parser, SMALL)


async def test_document_over_the_limit_is_not_looked_at(parser: Parser) -> None:
    """A document over the stage's own bound is too large, whatever it is."""
    assert await reason(parser, bytes(MAX_BYTES + 1)) == "too_large"


async def test_deadline_kills_and_the_next_document_is_read() -> None:
    """A document that takes too long costs its process; the next gets a new one."""
    parser = Parser(wall_s=1.5)
    try:
        assert await reason(parser, KILLER) == "parser_killed"
        assert not children()
        assert (await parse(parser, SOUP)).entries[0].title == "soup"
    finally:
        await parser.aclose()


async def test_cpu_bound_kills() -> None:
    """A document that burns its CPU time is ended by the system, long before the deadline."""
    parser = Parser(wall_s=100, cpu_s=1)
    try:
        assert await reason(parser, KILLER) == "parser_killed"
    finally:
        await parser.aclose()


async def test_memory_bound_kills(parser: Parser) -> None:
    """A document that needs more memory than a process may have ends that process only."""
    body = SOUP.replace(b"soup", b"&" * 15_000_000)
    assert await reason(parser, body) == "parser_killed"
    assert (await parse(parser, SOUP)).entries[0].title == "soup"


TINY = {
    "elements and texts": b"<a/>b",
    "attributes": b"<a b='' c=''/>",
    "end tags": b"<a></a>",
    "values": b"{},",
}
"""Markup that costs a parser most for its bytes."""


@pytest.mark.parametrize("kind", TINY)
async def test_tiny_markup_costs_bounded_memory(parser: Parser, kind: str) -> None:
    """16 MB of the smallest elements or values take a parser 400 MB at most; the reason names the limit."""
    unit, size = TINY[kind], 16 << 20
    body = b"<rss><channel><item><title>T</title>" + unit * (size // len(unit))
    if kind == "values":
        head = b'{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"1","x":['
        body = head + unit * (size // len(unit))
    with pytest.raises(ParseError, match=f"{MAX_MARKS:,} tags") as caught:
        await parse(parser, body)
    assert caught.value.reason == "too_large"
    (pid,) = children()
    assert peak_kb(pid) < 400_000


@pytest.mark.parametrize("form", ["xml", "json"])
async def test_entries_before_too_much_markup_are_read(parser: Parser, form: str) -> None:
    """Of a document with more markup than is parsed the whole entries at its start are read, as if cut."""
    body = b"<rss><channel><item><title>one</title></item><item><title>two</title></item>"
    body += b"<item>" + b"<a/>" * MAX_MARKS + b"<title>three</title></item></channel></rss>"
    if form == "json":
        body = b'{"version":"https://jsonfeed.org/version/1.1","items":['
        body += b'{"id":"1","title":"one"},{"id":"2","title":"two"},{"id":"3","x":['
        body += b"[]," * MAX_MARKS + b"[]]}]}"
    feed = await parse(parser, body)
    assert [e.title for e in feed.entries] == ["one", "two"]
    assert feed.recovered


def test_only_what_is_over_the_limit_is_left_out() -> None:
    """A document with as much markup as is allowed is whole; texts without markup do not count, nor do
    the signs of XML in JSON."""
    whole = b"<r>" + b"<a/>" * (MAX_MARKS - 1)
    assert within_marks(whole) is whole
    assert 0 < len(within_marks(whole + b"<a/>" * (1 << 16))) <= len(whole) + 3
    for text in (
        b"<r>" + b"x, [y] {z} " * MAX_MARKS,
        b'\xef\xbb\xbf {"a":"' + b"<b c=d>" * MAX_MARKS,
    ):
        assert within_marks(text) is text
    assert (
        len(within_marks("<r>".encode("utf-16") + "<a/>".encode("utf-16-le") * MAX_MARKS))
        < 8 * MAX_MARKS
    )


async def test_killed_process_is_replaced(parser: Parser) -> None:
    """A process killed from outside between two documents costs at most the next one."""
    await parse(parser, SOUP)
    (process,) = children()
    os.kill(process, signal.SIGKILL)
    try:
        await parse(parser, SOUP)
    except ParseError as error:
        assert error.reason == "parser_killed"
    assert (await parse(parser, SOUP)).entries[0].title == "soup"


async def test_cancelled_parse_leaves_nothing_out_of_step(parser: Parser) -> None:
    """After a cancelled parse the next document gets its own answer."""
    await parse(parser, SOUP)
    task = asyncio.create_task(parse(parser, KILLER))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await parse(parser, SOUP.replace(b"soup", b"next"))).entries[0].title == "next"
    assert len(children()) == 1


async def test_close_ends_all_processes() -> None:
    """After aclose no parser process is left, also not one at work."""
    parser = Parser()
    await parse(parser, SOUP)
    task = asyncio.create_task(parse(parser, KILLER))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await parser.aclose()
    with pytest.raises(ParseError):
        await task
    assert not children()


async def test_process_gets_no_secrets(parser: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a parser process holds nothing of the worker's settings."""
    monkeypatch.setenv("NEWSWIRE_REDIS_URL", "redis://:secret@127.0.0.1/0")
    monkeypatch.setenv("FEED_TOKEN", "secret")
    await parse(parser, SOUP)
    (process,) = children()
    assert b"secret" not in environment(process)


WORKER = """
import asyncio
from tests.unit.test_parse import KILLER, SOUP, children, parse
from workers.fetcher.parse import Parser

async def main():
    parser = Parser()
    await parse(parser, SOUP)
    busy = asyncio.create_task(parse(parser, KILLER))
    await asyncio.sleep(0)
    print(*children(), flush=True)
    await busy

asyncio.run(main())
"""


async def test_processes_die_with_the_worker() -> None:
    """A parser process at work ends when its worker is killed."""
    root = Path(__file__).parents[2]
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, stdout=asyncio.subprocess.PIPE, cwd=root
    )
    assert worker.stdout is not None
    process = int(await worker.stdout.readline())
    worker.kill()
    await worker.wait()
    async with asyncio.timeout(10):
        while b"workers.parsing.child" in command_line(process):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)


def command_line(process: int) -> bytes:
    """Return the command line of ``process``; nothing when it is gone or a zombie."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
async def test_the_kernel_ends_the_parser_before_the_worker(parser: Parser) -> None:
    """Where memory ends, the parser's process is chosen."""
    await parse(parser, LARGE)
    assert {oom_score(pid) for pid in children()} == {1_000}
