"""The steps of the Compose life, in order; each method is one, prints what it saw, and raises LifeError."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.compose import bounds, image
from tests.compose.feeds import FEEDS, make
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

_README_LINES, _README_S = 40, 240.0


class Life:
    """One project of Compose, from an empty machine on."""

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

    def build(self) -> None:
        """The image, twice."""
        self.stack("down", "--volumes", "--remove-orphans")
        self.shipped("build")
        image.check()
        image.build_again()

    def as_shipped(self) -> None:
        """docker-compose.yml alone: healthy, topics made, a line for each of the feeds."""
        start = time.monotonic()
        self.shipped("up", "--detach", "--wait")
        print(f"    docker compose up --wait: {time.monotonic() - start:.1f} s")
        until(
            lambda: len({line["feed_id"] for line in self.shipped.polls()}) >= 14,
            "a line for each feed of deploy/feeds.opml",
        )
        topics = [e for e in self.shipped.log("worker") if e["event"] == "topic_created"]
        check(len(topics) == 4, f"four topics are made, not {len(topics)}")
        self.shipped("down", "--volumes")

    def elsewhere(self) -> None:
        """deploy/compose.external.yml: a worker reads its secrets from files, and shows none."""
        secrets = {"redis_url": "rediss://:pass-1@redis.example.org:6380/0", "ca.pem": "a"}
        secrets |= {"kafka_sasl_password": "pass-2"}
        folder = self._folder / "secrets"
        folder.mkdir()
        for name, text in secrets.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o644)
        stack = Stack(
            "deploy/compose.external.yml",
            SECRETS_DIR=str(folder),
            NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS="kafka.example.org:9093",
            NEWSWIRE_KAFKA_SASL_USERNAME="newswire",
        )
        shown = stack("run", "--rm", "worker", "config")
        check("redis.example.org:6380" in shown, "the secret's file is read")
        check("pass-" not in shown, "no secret is shown")
        print("    secrets are read from files, and none is shown by newswire config")

    def first_articles(self) -> None:
        """With feeds whose articles are known: the first are read on this machine."""
        self.write(self.urls)
        start = time.monotonic()
        self.stack("up", "--detach", "--wait")
        until(lambda: bool(published()), "an article on the topic")
        self._since_s = self.stack.world_s()
        print(f"    from nothing to the first article: {time.monotonic() - start:.1f} s")

    def readme_consumer(self) -> None:
        """The consumer that README.md shows, run on this machine, prints what is on the topic."""
        text = Path("README.md").read_text("utf-8")
        program = text.partition("```python\n")[2].partition("```")[0]
        check('"127.0.0.1:9092"' in program, "README.md shows a consumer")
        program = program.replace("127.0.0.1:9092", BOOTSTRAP)
        command = [sys.executable, "-c", program]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
            late = threading.Timer(_README_S, reader.kill)
            late.start()
            try:
                assert reader.stdout
                lines = [reader.stdout.readline().rstrip() for _ in range(_README_LINES)]
            finally:
                late.cancel()
                reader.kill()
        # Looked up afterwards: articles come all the time.
        known = {(r.key, (r.value or {}).get("revision")) for r in published()}
        found = {(line.split()[1], int(line.split()[2])) for line in lines if line}
        check(len(found) == _README_LINES and found <= known, f"it reads the articles: {lines[:3]}")
        print(f"    {lines[0][:100]}\n    and {len(lines) - 1} more, each of them known")

    def bounds(self) -> None:
        """What the container cannot do."""
        bounds.attempt(self.stack.ids("worker")[0])
        bounds.limits(self.stack)
        bounds.reach(self.stack)

    def private_addresses(self) -> None:
        """The list is edited in place of a restart; what leads to private addresses is not dialled."""
        self.write([*self.urls, *FORBIDDEN])

        def refused() -> set[str]:
            polls = self.stack.polls()
            return {line["feed_id"] for line in polls if line["reason"] == "address_forbidden"}

        until(lambda: len(refused()) == len(FORBIDDEN), "each private address is refused")
        for url in FORBIDDEN:
            print(f"    {url:<42} address_forbidden")
        self.write(self.urls)

    def scale(self) -> None:
        """Three workers share the work."""
        self.stack("up", "--detach", "--wait", "--scale", "worker=3", "--no-recreate")
        check(len(self.stack.ids("worker")) == 3, "three workers")
        until(
            lambda: len({line["worker"] for line in self.stack.polls()}) == 3,
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
            check(code == 0, f"a stopped worker ends with 0, not {code}")
            docker("start", container)
            self.stack.healthy(container)
            print(f"    {container[:12]} stopped in {seconds:.1f} s with 0, healthy again")

    def down_and_up(self) -> None:
        """Everything goes but the volumes, and comes back."""
        before = len(published())
        self.stack("down")
        self.stack("up", "--detach", "--wait", "--scale", "worker=3")
        check(len(published()) >= before, "what was published is still there")
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
            verdict = self.count()
            return verdict.ok or bool(verdict.twice)

        try:
            until(right, "all is published", 600)  # nothing leaves a world that stands still
        except LifeError:
            return verdict
        # Whoever would announce an article again has now the occasion: every feed is asked anew, twice.
        since = self.stack.world_s()

        def asked_twice() -> bool:
            asked = [request.feed for request in self.stack.asked(since)]
            return all(asked.count(feed) >= 2 for feed in range(FEEDS))

        until(asked_twice, "every feed is polled twice more")
        return count(read_topic(BOOTSTRAP, TOPIC), self.stack.expected(SHOWN_FOR_S, self._since_s))

    def count(self, topic: str = TOPIC) -> Verdict:
        """What can be read of a topic now against what must be there."""
        return count(published(topic), self.stack.expected(SHOWN_FOR_S, self._since_s))

    def write(self, urls: list[str]) -> None:
        """Save the feed list as an editor does: a new file under the old name."""
        new = self._folder / "new"
        new.write_text("\n".join(urls) + "\n")
        new.chmod(0o644)
        new.rename(self._list)

    def end(self, *, failed: bool) -> None:
        """Remove all; after a failure first show the end of every log."""
        try:
            if failed:
                print(self.stack("logs", "--tail", "30"), file=sys.stderr)
        finally:
            self.stack("down", "--volumes", "--remove-orphans")


def check(holds: bool, what: str) -> None:
    """Raise LifeError with what must hold when it does not."""
    if not holds:
        raise LifeError(f"must hold: {what}")
