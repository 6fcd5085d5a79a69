"""``newswire top`` on a real terminal, beside real workers."""

from __future__ import annotations

import os
import re
import signal
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import Names
from tests.integration.helpers import settings
from tests.integration.test_feed_commands import newswire
from tests.support.pty_screen import PtyProgram
from tests.support.static_site import Answer, StaticSite, rss
from tests.support.worker import WorkerProcess

TOP = (sys.executable, "-m", "workers.cli", "top")
LEAVES = b"\x1b[?25h\x1b[?1049l"


class Stage(NamedTuple):
    """A worker at work, and the address of its metrics."""

    env: dict[str, str]
    worker: WorkerProcess
    address: str

    def top(self, *words: str, **size: int) -> PtyProgram:
        """``newswire top`` on a terminal."""
        return PtyProgram([*TOP, *words], {**os.environ, **self.env}, **size)


def _refused(_: Any) -> Answer:
    return 429, {"Retry-After": "3600"}, b""


@pytest.fixture
def stage(kafka: str, valkey: str, names: Names, tmp_path: Path) -> Iterator[Stage]:
    """One worker with feeds that are well and one that fails."""
    with StaticSite() as site:
        site.pages |= {f"/{n}": rss(site.base, f"n{n}", 2) for n in range(8)}
        site.pages["/bad"] = lambda _: (500, {}, b"")
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("".join(f"{site.base}/{p}\n" for p in [*range(8), "bad"]))
        env = settings(names, kafka, valkey, feeds)
        with WorkerProcess(env) as worker:
            port = worker.wait_for("ops_started")["server.port"]
            worker.wait_for("feed_polled", reason="server_error")
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz").close()
            yield Stage(env, worker, f"127.0.0.1:{port}")


def test_what_is_on_the_screen(stage: Stage) -> None:
    """The worker with its rates, the instance's stock, reasons with failures first; q ends it with 0, and
    the terminal is as it was."""
    with stage.top(stage.address, "127.0.0.1:1") as top:
        shown = top.until(lambda text: re.search(r"server_error +[1-9]", text) is not None)
        text = "\n".join(shown)
        assert re.match(
            rf"newswire {stage.env['NEWSWIRE_INSTANCE']}  ..:..:.. UTC  1 of 2 workers", text
        )
        assert re.search(r"^polls +[1-9][0-9.]*/s", text, re.M)
        assert re.search(r"^feeds +9, ", text, re.M)
        assert re.search(r"^outbox +\d+ events", text, re.M)
        assert re.search(rf"^{stage.address} +ready +[1-9]", text, re.M)
        assert re.search(r"^127.0.0.1:1 +no worker answers", text, re.M)
        assert text.index("server_error") < text.index("unchanged")
        assert "q: end" in shown
        top.press(b"q")
        assert top.wait() == 0
        assert top.raw.endswith(LEAVES) or LEAVES in top.raw[-200:]
        assert top.modes_now() == top.modes


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, b"\x03"])
def test_other_ends(stage: Stage, how: signal.Signals | bytes) -> None:
    """Ctrl-C and SIGTERM leave the terminal as it was, too, with exit code 0."""
    with stage.top(stage.address) as top:
        top.until(lambda text: "WORKER" in text)
        if isinstance(how, bytes):
            top.press(how)
        else:
            top.signal(how)
        assert top.wait() == 0
        assert LEAVES in top.raw
        assert top.modes_now() == top.modes


def test_a_small_terminal(stage: Stage) -> None:
    """Lines are cut, not wrapped, and what does not fit below is left out; a larger window shows more."""
    with stage.top(stage.address, columns=40, rows=8) as top:
        shown = top.until(lambda text: "articles" in text)
        assert shown[0].startswith("newswire")
        assert "q: end" in shown
        assert not any("WORKER" in line for line in shown)
        top.resize(120, 40)
        top.until(lambda text: "POLLS THAT ENDED" in text)
        top.press(b"q")
        assert top.wait() == 0


def test_a_dead_redis_is_told(stage: Stage) -> None:
    """The workers are shown all the same."""
    env = stage.env | {"NEWSWIRE_REDIS_URL": "redis://127.0.0.1:1/0"}
    done = newswire(env, "top", stage.address)
    assert done.returncode == 0
    assert "Redis: Redis: ConnectionError" in done.stdout
    assert stage.address in done.stdout


def test_without_a_terminal_it_is_shown_once(stage: Stage) -> None:
    """Plain lines for a pipe, without a control; rates too."""
    done = newswire(stage.env, "top", stage.address)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert re.search(r"^polls +[1-9]", done.stdout, re.M)
    refused = newswire(stage.env, "top", "nonsense")
    assert refused.returncode == 78
    assert "host:port" in refused.stderr


def test_hosts_at_rest(kafka: str, valkey: str, names: Names, tmp_path: Path) -> None:
    """A host that answered 429 is named with the time that is left."""
    with StaticSite() as site:
        site.pages["/f"] = _refused
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/f\n")
        env = settings(names, kafka, valkey, feeds)
        with WorkerProcess(env) as worker:
            port = worker.wait_for("ops_started")["server.port"]
            worker.wait_for("feed_polled", reason="throttled")
            shown = newswire(env, "top", f"127.0.0.1:{port}").stdout
            assert re.search(r"^hosts +1 at rest: 127\.0\.0\.1 \d", shown, re.M)
            assert worker.stop() == 0, worker.tail()
