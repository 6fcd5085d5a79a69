"""``make compose-test``: the Compose files from an empty machine to an orderly end, and what was counted.

Needs a Docker engine with Compose at hand, and 127.0.0.1:29092 free. Takes some minutes.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.compose import bounds
from tests.compose.feeds import FEEDS, HOSTS, PORT, make
from tests.compose.stack import BOOTSTRAP, TOPIC, LifeError, Stack, docker, published, until
from tests.support.judge import Verdict, count
from tests.support.topic import read_topic

FORBIDDEN = [
    "http://valkey:6379/feed",
    "http://kafka:9092/feed",
    "http://127.0.0.1:8080/metrics",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]:8080/metrics",
    "http://2130706433:8080/metrics",
]
"""Feeds that lead where no feed may: our own servers, the worker itself, a cloud's metadata."""

SHOWN_FOR_S = 75.0
"""Longer than any outage here: who looks again afterwards has no excuse to have missed it."""


class Life:
    """The steps, in order; each method is one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._list = folder / "feeds.txt"
        self._since_s = 0.0  # when, in the world's time, the workers were at work
        self.shipped = Stack("docker-compose.yml")
        epoch_ms = int(time.time() * 1000)
        self.urls = make(epoch_ms).urls()
        self.stack = Stack(
            "docker-compose.yml",
            "tests/compose/compose.yml",
            FEEDS_DIR=str(folder),
            FEEDS_FILE=self._list.name,
            WORLD_EPOCH_MS=str(epoch_ms),
        )

    def as_shipped(self) -> None:
        """docker-compose.yml alone: healthy, topics made, a line for each of the feeds."""
        self.shipped("down", "--volumes", "--remove-orphans")
        self.shipped("build")
        size, base = (
            int(docker("image", "inspect", "-f", "{{.Size}}", image)) / 1e6
            for image in ("newswire:local", self._base_image())
        )
        print(
            f"    image: {size:.0f} MB, of it the base {base:.0f} MB, Newswire {size - base:.0f} MB"
        )
        start = time.monotonic()
        self.shipped("up", "--detach", "--wait")
        print(f"    docker compose up --wait: {time.monotonic() - start:.1f} s")
        until(
            lambda: len({line["feed_id"] for line in self._polls(self.shipped)}) >= 14,
            "a line for each feed of deploy/feeds.opml",
        )
        topics = [e for e in self.shipped.log("worker") if e["event"] == "topic_created"]
        _check(len(topics) == 4, f"four topics are made, not {len(topics)}")
        self.shipped("down", "--volumes")

    def first_articles(self) -> None:
        """With feeds whose articles are known: the first are read on this machine."""
        self.write(self.urls)
        start = time.monotonic()
        self.stack("up", "--detach", "--wait")
        until(lambda: bool(published()), "an article on the topic")
        self._since_s = self.stack.world_s()
        print(f"    from nothing to the first article: {time.monotonic() - start:.1f} s")

    def bounds(self) -> None:
        """What the container cannot do."""
        worker = self.stack.ids("worker")[0]
        done = bounds.succeeded(worker)
        _check(not done, f"a worker could: {', '.join(done)}")
        kafka = self.stack.ids("kafka")[0]
        reached = docker(
            "exec",
            kafka,
            "bash",
            "-c",
            "(: </dev/tcp/valkey/6379) 2>/dev/null && echo yes || echo no",
        )
        print(f"    Valkey reached from Kafka's container  {reached}")
        _check(reached == "no", "only workers reach Valkey")

    def private_addresses(self) -> None:
        """The list is edited in place of a restart; what leads to private addresses is not dialled."""
        self.write([*self.urls, *FORBIDDEN])

        def refused() -> set[str]:
            polls = self._polls(self.stack)
            return {line["feed_id"] for line in polls if line["reason"] == "address_forbidden"}

        until(lambda: len(refused()) == len(FORBIDDEN), "each private address is refused")
        for url in FORBIDDEN:
            print(f"    {url:<42} address_forbidden")
        self.write(self.urls)

    def scale(self) -> None:
        """Three workers share the work."""
        self.stack("up", "--detach", "--wait", "--scale", "worker=3", "--no-recreate")
        _check(len(self.stack.ids("worker")) == 3, "three workers")
        until(
            lambda: len({line["worker"] for line in self._polls(self.stack)}) == 3,
            "each of three workers polls",
        )

    def kill(self, service: str, away_s: float) -> None:
        """A container is killed, stays away, and is started again; publishing goes on."""
        container = self.stack.ids(service)[0]
        docker("kill", container)
        time.sleep(away_s)
        start_ms = time.time() * 1000
        docker("start", container)
        self.stack.healthy(container)
        until(lambda: any(r.timestamp_ms > start_ms for r in published()), "new articles")
        print(f"    new articles {time.time() - start_ms / 1000:.1f} s after it was started again")

    def rolling_restart(self) -> None:
        """One worker after the other ends with 0 and comes back."""
        for container in self.stack.ids("worker"):
            start = time.monotonic()
            docker("stop", container)
            seconds = time.monotonic() - start
            code = self.stack.state(container)["ExitCode"]
            _check(code == 0, f"a stopped worker ends with 0, not {code}")
            docker("start", container)
            self.stack.healthy(container)
            print(f"    {container[:12]} stopped in {seconds:.1f} s with 0, healthy again")

    def down_and_up(self) -> None:
        """Everything goes but the volumes, and comes back."""
        before = len(published())
        self.stack("down")
        self.stack("up", "--detach", "--wait", "--scale", "worker=3")
        _check(len(published()) >= before, "what was published is still there")
        until(lambda: len(published()) > before, "new articles after down and up")

    def memory(self) -> None:
        """What each container takes."""
        lines = docker("stats", "--no-stream", "--format", "{{.Name}}\t{{.MemUsage}}").splitlines()
        for line in sorted(lines):
            if line.startswith("newswire-life"):
                print(f"    {line}")

    def judge(self) -> Verdict:
        """The world stands still; what a consumer on this machine got is counted."""
        self.stack.world("freeze")
        verdict = Verdict()

        def right() -> bool:
            nonlocal verdict
            verdict = count(published(), self.stack.expected(SHOWN_FOR_S, self._since_s))
            return verdict.ok or bool(verdict.twice)

        try:
            until(right, "all is published", 180)
        except LifeError:
            return verdict
        # Whoever would announce an article again has now the occasion: every feed is asked anew, twice.
        since = self.stack.world_s()

        def asked_twice() -> bool:
            asked = [request.feed for request in self.stack.asked(since)]
            return all(asked.count(feed) >= 2 for feed in range(FEEDS))

        until(asked_twice, "every feed is polled twice more")
        return count(read_topic(BOOTSTRAP, TOPIC), self.stack.expected(SHOWN_FOR_S, self._since_s))

    def write(self, urls: list[str]) -> None:
        """Save the feed list as an editor does: a new file under the old name."""
        new = self._folder / "new"
        new.write_text("\n".join(urls) + "\n")
        new.chmod(0o644)
        new.rename(self._list)

    def end(self, *, failed: bool) -> None:
        """Remove all; after a failure first show the end of every log."""
        if failed:
            print(self.stack("logs", "--tail", "30"), file=sys.stderr)
        self.stack("down", "--volumes", "--remove-orphans")

    def _polls(self, stack: Stack) -> list[dict[str, str]]:
        return [line for line in stack.log("worker") if line["event"] == "feed_polled"]

    def _base_image(self) -> str:
        for line in Path("deploy/Dockerfile").read_text().splitlines():
            if line.startswith("ARG PYTHON="):
                return line.partition("=")[2]
        raise LifeError("deploy/Dockerfile names no base image")


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise LifeError(f"must hold: {what}")


def main() -> int:
    """Run all steps. Returns 0 when nothing was lost, nothing came twice, and every step held."""
    started = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # also then nothing is left running
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        life = Life(folder)
        steps: dict[str, Callable[[], None]] = {
            "as shipped, on an empty machine": life.as_shipped,
            "feeds with known articles": life.first_articles,
            "what the container cannot do": life.bounds,
            "where feeds may not lead": life.private_addresses,
            "three workers": life.scale,
            "a worker is killed": lambda: life.kill("worker", 5),
            "Kafka is killed": lambda: life.kill("kafka", 5),
            "Valkey is killed": lambda: life.kill("valkey", 5),
            "rolling restart": life.rolling_restart,
            "down, and up again": life.down_and_up,
            "memory": life.memory,
        }
        failed = True
        try:
            for title, step in steps.items():
                print(f"[{time.monotonic() - started:5.1f} s] {title}", flush=True)
                step()
            print(f"[{time.monotonic() - started:5.1f} s] count", flush=True)
            verdict = life.judge()
            print(f"{verdict}\n{FEEDS} feeds on {len(HOSTS)} hosts, port {PORT}")
            failed = not verdict.ok
        except LifeError as error:
            print(f"FAILED: {error}", file=sys.stderr)
        finally:
            life.end(failed=failed)
    print(f"[{time.monotonic() - started:5.1f} s] {'FAILED' if failed else 'all held'}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
