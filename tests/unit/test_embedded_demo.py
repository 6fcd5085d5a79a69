"""The demo: what it composes, what it shows, and how it ends."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka import KafkaProducer

from workers.embedded import demo
from workers.embedded.reader import Seen, decode, read_articles
from workers.embedded.servers import broker
from workers.embedded.site import sample_site
from workers.embedded.terminal import Terminal
from workers.feedlist.formats import parse_list
from workers.publisher.kafka_reader import Record

ROOT = Path(__file__).parents[2]


def _record(value: bytes | None) -> Record:
    return Record(0, 0, 1_790_000_000_000, b"key", value, {})


def _event(headline: str) -> bytes:
    return json.dumps({"headline": headline, "isPartOf": {"feedId": "f"}, "other": 1}).encode()


def test_what_the_worker_is_told() -> None:
    """The user's settings win over the demo's defaults, never over where it runs."""
    base = {
        "NEWSWIRE_BACKFILL": "none",
        "NEWSWIRE_REDIS_URL": "redis://production/0",
        "NEWSWIRE_FEEDS": "/else",
        "OTHER": "kept",
    }
    env = demo.worker_env(base, "/list", "redis://127.0.0.1:1/0", "127.0.0.1:2", Path("/run"))
    assert env["NEWSWIRE_BACKFILL"] == "none"
    assert env["NEWSWIRE_REDIS_URL"] == "redis://127.0.0.1:1/0"
    assert env["NEWSWIRE_FEEDS"] == "/list"
    assert env["NEWSWIRE_OPS_PORT"] == "0"
    assert env["OTHER"] == "kept"
    assert "NEWSWIRE_MIN_INTERVAL" not in env  # real feeds are polled at their usual pace


async def test_the_list_holds_sample_and_real_feeds(tmp_path: Path) -> None:
    """The written list is one that the worker reads: the sample in a quick rhythm, real feeds not."""
    terminal = Terminal(io.StringIO(), lambda: None)
    real = parse_list(demo.REAL_FEEDS.read_bytes(), name="opml").feeds
    async with sample_site() as sample:
        entries = [*demo._entries(sample), *demo._real_feeds(terminal)]
        path = demo._write_list(tmp_path / "feeds.yaml", entries)
    feeds = parse_list(path.read_bytes(), name="list").feeds
    assert [f.url for f in feeds] == [f.url for f in sample] + [f.url for f in real]
    assert [f.tags for f in feeds[len(sample) :]] == [f.tags for f in real]
    assert {f.interval_s for f in feeds[: len(sample)]} == {5.0}
    assert {f.interval_s for f in feeds[len(sample) :]} == {f.interval_s for f in real}


def test_a_missing_list_is_an_error_that_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """FEEDS with neither a file nor a URL ends with 78 before anything is started or written."""
    monkeypatch.setattr("workers.embedded.interrupts.Interrupts.install", lambda self: None)
    assert demo.main(str(tmp_path / "absent.opml"), tmp_path / "run") == 78
    assert "absent.opml" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_only_events_of_articles_are_shown() -> None:
    """A record without a headline, without a value or without sense is passed over."""
    assert decode(_record(_event("News"))) == Seen(1_790_000_000_000, "f", "News", 1)
    assert decode(_record(b'{"articleId":"a","reason":"forgotten"}')) is None
    assert decode(_record(None)) is None
    assert decode(_record(b"\xff")) is None


@pytest.mark.servers
async def test_articles_are_read_back_from_the_topic(tmp_path: Path) -> None:
    """The reader waits for the topic, then gives each article once."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Seen] = asyncio.Queue()
    running = True

    def emit(seen: Seen) -> bool:
        if running:
            loop.call_soon_threadsafe(queue.put_nowait, seen)
        return running

    def produce(bootstrap: str, headline: str) -> None:
        producer = KafkaProducer(bootstrap_servers=bootstrap)
        producer.send("articles", _event(headline)).get(timeout=20)
        producer.close()

    async with broker(tmp_path / "broker") as bootstrap:
        read_articles(bootstrap, "articles", emit)
        for headline in ("one", "two", "three"):
            await asyncio.to_thread(produce, bootstrap, headline)
        async with asyncio.timeout(30):
            found = [(await queue.get()).headline for _ in range(3)]
        running = False
        await asyncio.to_thread(produce, bootstrap, "end of the thread")
    assert sorted(found) == ["one", "three", "two"]
    assert queue.empty()


def test_nothing_on_the_terminal_is_obeyed_by_it() -> None:
    """Escape sequences, line breaks and bidi controls of a feed become spaces."""
    stream = io.StringIO()
    terminal = Terminal(stream, lambda: None)
    terminal.article(1_790_000_000_000, "S\x1b[2J", "a\nb\u202ec\x9b1m", 2)
    terminal.log("x\ry\x07")
    assert stream.getvalue().count("\n") == 2
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", stream.getvalue())
    assert "(revision 2)" in stream.getvalue()


def test_a_lost_terminal_is_reported_once() -> None:
    """When nobody reads any more, the demo is told once, and later lines are dropped silently."""
    lost: list[bool] = []
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        terminal = Terminal(stream, lambda: lost.append(True))
        terminal.say("one")
        terminal.say("two\nthree")
    assert lost == [True]


@contextmanager
def _demo(tmp_path: Path, worker: str) -> Iterator[subprocess.Popen[str]]:
    """The demo in a process of its own on an empty list, with a shell script as its worker."""
    (tmp_path / "list").write_text("[]")
    script = (
        "import sys, pathlib\n"
        "from workers.embedded import demo\n"
        "demo.WORKER = ('/bin/sh', '-c', sys.argv[1])\n"
        "sys.exit(demo.main('list', pathlib.Path('run')))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, worker],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _read_to(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"{text!r} never came: {''.join(lines)}")


def _nobody_listens(output: str) -> bool:
    ports = re.findall(r"127\.0\.0\.1:(\d+)", output)
    hexed = {f"0100007F:{int(p):04X}" for p in ports}
    table = Path("/proc/net/tcp")
    listening = (
        {f[1] for f in map(str.split, table.read_text().splitlines()) if f[3] == "0A"}
        if table.exists()
        else set()
    )
    return len(ports) == 2 and not hexed & listening


POLITE = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.05; done"


@pytest.mark.servers
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_ends_everything_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """After one signal the worker's last words are shown, no server is left, and the code is 0."""
    with _demo(tmp_path, POLITE) as process:
        output = _read_to(process, "ready")
        process.send_signal(number)
        output += process.communicate(timeout=30)[0]
    assert process.returncode == 0
    assert "│ bye" in output
    assert _nobody_listens(output)


@pytest.mark.servers
def test_a_second_signal_kills_at_once(tmp_path: Path) -> None:
    """A worker that will not end is killed with everything else by the next Ctrl-C."""
    with _demo(tmp_path, STUBBORN) as process:
        output = _read_to(process, "ready")
        process.send_signal(signal.SIGINT)
        output += _read_to(process, "Stopping")
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        output += process.communicate(timeout=30)[0]
    assert process.returncode == 130
    assert "was killed" not in output  # it was not the end of the grace period
    assert _nobody_listens(output)


@pytest.mark.servers
def test_a_worker_that_ends_by_itself(tmp_path: Path) -> None:
    """Its code is the demo's, its last lines are repeated, and helpers it left do not matter."""
    with _demo(tmp_path, "sleep 600 & echo first; echo cause of death; exit 75") as process:
        output = process.communicate(timeout=30)[0]
    assert process.returncode == 75
    assert "exit code 75" in output
    assert output.count("cause of death") == 2
    assert _nobody_listens(output)


@pytest.mark.servers
def test_one_demo_a_folder(tmp_path: Path) -> None:
    """A second demo in the same folder says so, and does no harm to the first."""
    with _demo(tmp_path, POLITE) as first:
        _read_to(first, "ready")
        with _demo(tmp_path, POLITE) as second:
            assert "another demo is running" in second.communicate(timeout=30)[0]
        assert second.returncode == 78
        assert (tmp_path / "run" / "valkey" / "appendonlydir").is_dir()
        assert first.poll() is None
