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

from tests.compose import engine
from tests.compose.controls import controls
from tests.compose.feeds import FEEDS, HOSTS, PORT
from tests.compose.large import large_documents
from tests.compose.life import Life
from tests.compose.stack import LifeError


def main() -> int:
    """Run all steps. Returns 0 when nothing was lost, nothing came twice, and every step held."""
    if why := engine.missing():
        print(f"There is no Docker engine to test with: {why}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # also then nothing is left running
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        life = Life(folder)
        outcome = "FAILED by an error"
        started = time.monotonic()
        try:
            _run(life, started)
            outcome = ""
        except LifeError as error:
            outcome = f"FAILED: {error}"
        finally:
            life.end(failed=bool(outcome))
    print(f"[{time.monotonic() - started:5.1f} s] {outcome or 'all held'}")
    return int(bool(outcome))


def _run(life: Life, started: float) -> None:
    steps: dict[str, Callable[[], None]] = {
        "the image": life.build,
        "as shipped, on an empty machine": life.as_shipped,
        "servers elsewhere": life.elsewhere,
        "feeds with known articles": life.first_articles,
        "the consumer of README.md, on this machine": life.readme_consumer,
        "what the container cannot do": life.bounds,
        "where feeds may not lead": life.private_addresses,
        "three workers": life.scale,
        "a worker is killed": lambda: life.kill("worker", 5),
        "Kafka is killed": lambda: life.kill("kafka", 5),
        "Valkey is killed": lambda: life.kill("valkey", 5),
        "rolling restart": life.rolling_restart,
        "down, and up again": life.down_and_up,
        "memory": life.memory,
        "count": lambda: _count(life),
        "large documents": lambda: large_documents(life),
        "controls: the count must see these": lambda: controls(life),
    }
    for title, step in steps.items():
        print(f"[{time.monotonic() - started:5.1f} s] {title}", flush=True)
        step()


def _count(life: Life) -> None:
    verdict = life.judge()
    print(f"{verdict}\n{FEEDS} feeds on {len(HOSTS)} hosts, port {PORT}")
    if not verdict.ok:
        raise LifeError("something was lost, came twice, or is wrong")


if __name__ == "__main__":
    sys.exit(main())
