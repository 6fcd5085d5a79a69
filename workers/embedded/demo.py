"""``newswire demo`` (``make run``): the whole path of an article on a laptop, and a view of it."""

from __future__ import annotations

import asyncio
import fcntl
import io
import logging
import os
import shutil
import signal
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

import yaml

from workers.embedded.interrupts import Interrupts
from workers.embedded.processes import Child
from workers.embedded.reader import Seen, read_articles
from workers.embedded.servers import broker, valkey
from workers.embedded.site import POLL_EVERY_S, SampleFeed, sample_site
from workers.embedded.terminal import Terminal
from workers.errors import ConfigError, NewswireError
from workers.feedlist.formats import parse_list

REAL_FEEDS = Path(__file__).parents[2] / "deploy" / "feeds.opml"

WORKER = (sys.executable, "-m", "workers.cli", "run")
"""A process of its own, as in production: what is watched is `newswire run` itself."""

_GRACE_S = 8.0
_DRAIN_S = 1.0
_LAST_LINES = 6
_TOPIC_PREFIX = "news."


def main(feeds: str | None, run_dir: Path) -> int:
    """Run the demo until a signal or until its worker ends; the process's exit code.

    Args:
        feeds: path or http(s) URL of a feed list; None for the sample site and the real feeds.
        run_dir: where everything is written; made when absent. What an earlier run left of its
            state is deleted: the broker forgets at its end, so the rest must too.
    """
    interrupts = Interrupts()
    interrupts.install()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    terminal = Terminal(sys.stdout, interrupts.stop)
    try:
        location = _location(feeds)
        with _run_dir(run_dir.resolve()) as folder:
            return asyncio.run(_guarded(location, folder, terminal, interrupts))
    except NewswireError as error:
        print(f"newswire demo: {error}", file=sys.stderr)  # noqa: T201 - the command line's voice
        return error.exit_code


async def _guarded(
    feeds: str | None, run_dir: Path, terminal: Terminal, interrupts: Interrupts
) -> int:
    interrupts.attach()
    try:
        return await run_demo(feeds, run_dir, terminal)
    except asyncio.CancelledError:
        terminal.say("Stopped. No process is left.")
        return 0


async def run_demo(feeds: str | None, run_dir: Path, terminal: Terminal) -> int:
    """Servers, sample site, worker and reader, until the worker ends by itself; its exit code.

    Cancel it to end it: everything that it started ends with it.
    """
    async with AsyncExitStack() as stack:
        redis_url = await stack.enter_async_context(valkey(run_dir / "valkey"))
        bootstrap = await stack.enter_async_context(broker(run_dir / "broker"))
        sample = [] if feeds else await stack.enter_async_context(sample_site())
        real = [] if feeds else _real_feeds(terminal)
        location = feeds or str(_write_list(run_dir / "feeds.yaml", [*_entries(sample), *real]))
        what = feeds or f"{len(sample)} invented and {len(real)} real ones ({location})"
        env = worker_env(os.environ, location, redis_url, bootstrap, run_dir)
        topic = f"{env['NEWSWIRE_TOPIC_PREFIX']}articles"
        terminal.say(
            "Newswire demo: all on this machine, nothing is kept, each start begins anew.\n"
            f"  feeds  {what}\n"
            f"  Redis  {redis_url} (Valkey)\n"
            f"  Kafka  {bootstrap} (Tansu, in memory), topic {topic}\n"
            "●: an article as a consumer reads it from the topic. │: the worker's log. Times are "
            "UTC. Ctrl-C ends it all.\n"
        )
        _show_articles(bootstrap, topic, terminal)
        return await _watch_worker(env, run_dir, terminal)


def worker_env(
    base: Mapping[str, str], feeds: str, redis_url: str, bootstrap: str, run_dir: Path
) -> dict[str, str]:
    """The worker's environment: where it runs is fixed, how it runs is the user's or our default.

    Loopback may be dialled: the sample site is there, and a list of one's own may name it.
    """
    defaults = {
        "NEWSWIRE_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
        "NEWSWIRE_BACKFILL": "all",
        "NEWSWIRE_LOG_POLLS": "changed",
        "NEWSWIRE_LOG_FORMAT": "text",
        "NEWSWIRE_OPS_PORT": "0",
        "NEWSWIRE_TOPIC_PREFIX": _TOPIC_PREFIX,
    }
    fixed = {
        "NEWSWIRE_FEEDS": feeds,
        "NEWSWIRE_REDIS_URL": redis_url,
        "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(run_dir / "tmp"),
    }
    return defaults | dict(base) | fixed


async def _watch_worker(env: Mapping[str, str], run_dir: Path, terminal: Terminal) -> int:
    worker = await Child.start(WORKER, env=env, cwd=run_dir, log=None)
    last: deque[str] = deque(maxlen=_LAST_LINES)
    # A task of its own: also a worker that is ending must not find its pipe full.
    pump = asyncio.create_task(_pump(worker.output, terminal, last))
    try:
        code = await worker.wait()
    except asyncio.CancelledError:
        terminal.say("Stopping; Ctrl-C again kills at once.")
        if await worker.stop(_GRACE_S) == -signal.SIGKILL:
            terminal.say(f"The worker did not end within {_GRACE_S:.0f} s and was killed.")
        raise
    finally:
        # Helpers that it left behind hold the pipe open: the end of its output is the end of all.
        await worker.stop(0)
        await asyncio.wait([pump], timeout=_DRAIN_S)
        pump.cancel()
    terminal.say(f"The worker ended by itself with exit code {code}. Its last lines:")
    for line in last:
        terminal.say(f"  {line}")
    return code if code >= 0 else 128 - code


async def _pump(output: asyncio.StreamReader, terminal: Terminal, last: deque[str]) -> None:
    while True:
        try:
            raw = await output.readline()
        except ValueError:
            raw = b"(a line of over 1 MiB is not shown)\n"
        if not raw:
            return
        line = raw.decode("utf-8", "replace").rstrip()
        last.append(line)
        terminal.log(line)


def _show_articles(bootstrap: str, topic: str, terminal: Terminal) -> None:
    loop = asyncio.get_running_loop()

    def emit(seen: Seen) -> bool:
        try:
            loop.call_soon_threadsafe(terminal.article, *seen)
        except RuntimeError:  # the loop is closed: the demo is over
            return False
        return True

    read_articles(bootstrap, topic, emit)


def _location(feeds: str | None) -> str | None:
    if not feeds or feeds.lower().startswith(("http://", "https://")):
        return feeds or None
    path = Path(feeds).expanduser()
    if not path.exists():
        raise ConfigError(f"FEEDS={feeds}: there is no such file, and it is no http(s) URL")
    return str(path.resolve())


def _entries(sample: Sequence[SampleFeed]) -> Iterator[dict[str, object]]:
    for feed in sample:
        pub = feed.publication
        yield {
            "id": f"sample-{pub.slug}",
            "url": feed.url,
            "name": pub.name,
            "tags": ["sample"],
            "interval": f"{POLL_EVERY_S}s",
        }


def _real_feeds(terminal: Terminal) -> list[dict[str, object]]:
    """The feeds of ``deploy/feeds.opml`` as entries of a YAML list; none without that file."""
    if not REAL_FEEDS.exists():
        terminal.say(f"No real feeds: {REAL_FEEDS} is missing (not a source checkout?).")
        return []
    found = parse_list(REAL_FEEDS.read_bytes(), name=str(REAL_FEEDS)).feeds
    entries: list[dict[str, object]] = []
    for feed in found:
        more = {"name": feed.name, "language": feed.language, "tags": list(feed.tags)}
        entries.append({"url": feed.url} | {name: value for name, value in more.items() if value})
    return entries


def _write_list(path: Path, entries: Sequence[Mapping[str, object]]) -> Path:
    path.write_text(yaml.safe_dump(list(entries), sort_keys=False, allow_unicode=True), "utf-8")
    return path


@contextmanager
def _run_dir(folder: Path) -> Iterator[Path]:
    """Own ``folder`` while in use, emptied of earlier state; ConfigError when another demo does."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"another demo is running in {folder}; end it first") from None
        for name in ("valkey", "broker", "tmp"):
            with suppress(FileNotFoundError):
                shutil.rmtree(folder / name)
        (folder / "tmp").mkdir()
        # The client library's complaints (when the broker ends, say) belong into a file.
        logging.basicConfig(filename=folder / "demo.log", filemode="w", level=logging.WARNING)
        yield folder
