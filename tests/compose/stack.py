"""Docker Compose as a person uses it: commands, and what they print."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import KafkaException

from tests.support.topic import Record, UnsettledError, read_topic
from tests.support.world import Asked
from tests.support.world_model import Expected

ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAP = "127.0.0.1:29092"
TOPIC = "news.articles"
_OURS = ("NEWSWIRE_", "FEEDS_", "COMPOSE_")
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class LifeError(Exception):
    """Something that must hold does not."""


def docker(*args: str, timeout_s: float = 240, check: bool = True) -> str:
    """Standard output of a docker command. Raises LifeError with its error output."""
    try:
        done = subprocess.run(
            ["docker", *args],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            cwd=ROOT,
        )
    except subprocess.TimeoutExpired as error:
        raise LifeError(f"docker {' '.join(args)[:200]}: no end in {timeout_s:.0f} s") from error
    if check and done.returncode:
        raise LifeError(f"docker {' '.join(args)[:200]}: {done.stderr[-2000:]}")
    return done.stdout.strip()


class Stack:
    """One Compose project of these files, with nothing of ours from the caller's environment."""

    def __init__(self, *files: str, **variables: str) -> None:
        self._env = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)} | variables
        self._base = ["docker", "compose", "--ansi", "never", "--project-name", "newswire-life"]
        # An empty file instead of a person's .env.
        self._base += ["--env-file", os.devnull]
        for file in files:
            self._base += ["--file", str(ROOT / file)]

    def __call__(self, *args: str, timeout_s: float = 600) -> str:
        """Standard output of ``docker compose ARGS``. Raises LifeError with its error output."""
        done = subprocess.run(
            [*self._base, *args],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env=self._env,
            cwd=ROOT,
        )
        if done.returncode:
            raise LifeError(f"docker compose {' '.join(args)}: {done.stderr[-3000:]}")
        return done.stdout.strip()

    def ids(self, service: str) -> list[str]:
        """Ids of a service's containers, also of stopped ones."""
        return self("ps", "--all", "--quiet", service).split()

    def state(self, container: str) -> dict[str, Any]:
        """``State`` of a container, as Docker tells it."""
        found: dict[str, Any] = json.loads(docker("inspect", "-f", "{{json .State}}", container))
        return found

    def healthy(self, container: str, within_s: float = 240) -> None:
        """Wait until a container is healthy."""
        until(
            lambda: self.state(container).get("Health", {}).get("Status") == "healthy",
            f"{container[:12]} is healthy",
            within_s,
        )

    def log(self, service: str) -> Iterator[dict[str, Any]]:
        """The JSON log lines of a service's containers."""
        for line in self("logs", "--no-log-prefix", service).splitlines():
            # Some versions of Compose put an escape sequence before each line, into a pipe too.
            _, brace, rest = line.partition("{")
            with suppress(ValueError):  # a line that is still being written
                if brace:
                    yield json.loads(brace + rest)

    def polls(self) -> list[dict[str, Any]]:
        """The lines of all polls so far."""
        return [line for line in self.log("worker") if line["event"] == "feed_polled"]

    def world(self, call: str, **query: float) -> bytes:
        """Ask the world's control interface."""
        address = self("port", "feeds", "8000")
        url = f"http://{address}/_world/{call}?{urllib.parse.urlencode(query)}"
        with _direct.open(url, timeout=60) as response:
            body: bytes = response.read()
        return body

    def expected(self, shown_for_s: float, since_s: float) -> list[Expected]:
        """What was to be seen of the world until now by workers that began at ``since_s``."""
        answer = self.world("expected", shown_for_s=shown_for_s, since_s=since_s)
        return msgspec.json.decode(answer, type=list[Expected])

    def asked(self, since_s: float) -> list[Asked]:
        """The requests that the feeds got since a time of the world."""
        return msgspec.json.decode(self.world("requests", since_s=since_s), type=list[Asked])

    def world_s(self) -> float:
        """The world's time."""
        return float(json.loads(self.world("state"))["now_s"])


def until(holds: Callable[[], bool], what: str, within_s: float = 240) -> float:
    """Wait until something holds; returns for how many seconds. Raises LifeError."""
    start = time.monotonic()
    while not holds():
        if time.monotonic() - start > within_s:
            raise LifeError(f"not within {within_s:.0f} s: {what}")
        time.sleep(0.5)
    return time.monotonic() - start


def published(topic: str = TOPIC) -> list[Record]:
    """What a consumer on this machine can read now; nothing while Kafka is away."""
    try:
        return read_topic(BOOTSTRAP, topic, settle_s=None)
    except (KafkaException, UnsettledError, KeyError):
        return []
