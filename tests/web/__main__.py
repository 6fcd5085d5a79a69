"""``make web``: how workers treat a simulated web, and what it can do to them, in one table of figures."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.support.kafka_jars import ROOT, KafkaMissingError
from tests.support.servers import KafkaServer, ValkeyServer
from tests.web import figures
from tests.web.addresses import addresses
from tests.web.credentials import credentials
from tests.web.figures import Figure
from tests.web.lies import lies
from tests.web.runs import crowd, manners, memory
from tests.web.stage import Ground

_KINDS = {
    "ordinary feeds": ["fine"],
    "bombs and drips": ["bomb", "drip"],
    "feeds of 8 MB, endless ones, drips, bombs": ["wide", "endless", "drip", "bomb"],
    "feeds of 16 MB, compressed": ["large"],
}
_PLATFORMS = 20


def _manners(ground: Ground, seconds: float) -> Iterator[Figure]:
    found = manners(ground, seconds)
    yield from figures.of_manners(found, manners(ground, seconds / 2, polite=False))


def _addresses(ground: Ground, seconds: float) -> Iterator[Figure]:
    found = addresses(ground, seconds)
    yield from figures.of_addresses(found, addresses(ground, seconds / 2, checked=False))


def _memory(ground: Ground, seconds: float) -> Iterator[Figure]:
    for name, kinds in _KINDS.items():
        yield from figures.of_memory(f"100 {name}", memory(ground, seconds, kinds))


def _crowd(ground: Ground, seconds: float) -> Iterator[Figure]:
    lone: dict[str, Any] = {"singles": 1_000, "seconds": 3 * seconds, "lone_interval": "20s"}
    feeds = "a host with 10,000 feeds that want"
    found = crowd(ground, **lone, many=10_000, interval="3h", gap="1s")
    yield from figures.of_crowd(f"{feeds} 1 poll/s each 3 h, gap 1 s", found)
    found = crowd(ground, **lone, many=10_000, interval="4s", gap="20ms")
    yield from figures.of_crowd(f"{feeds} 2,500 polls/s, gap 20 ms", found)
    found = crowd(ground, 200, 50 * _PLATFORMS, 2 * seconds, hosts=_PLATFORMS, gap="1s")
    yield from figures.of_crowd(f"{_PLATFORMS} hosts with 50 feeds each", found)


def _lies(ground: Ground, seconds: float) -> Iterator[Figure]:
    yield from figures.of_lies(lies(ground, 2 * seconds))


def _credentials(ground: Ground, seconds: float) -> Iterator[Figure]:
    found = credentials(ground, seconds / 2)
    yield from figures.of_credentials(found, credentials(ground, seconds / 4, without="secrets"))


_RUNS: dict[str, Callable[[Ground, float], Iterator[Figure]]] = {
    "manners": _manners,
    "addresses": _addresses,
    "memory": _memory,
    "crowd": _crowd,
    "lies": _lies,
    "credentials": _credentials,
}


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0, help="of each run")
    parser.add_argument("--only", action="append", choices=[*_RUNS], default=[])
    options = parser.parse_args()
    base = ROOT / ".run" / "web"
    base.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=base))
    kafka, valkey = None, ValkeyServer(directory / "valkey")
    found: list[Figure] = []
    try:
        kafka = KafkaServer(directory / "kafka")
        kafka.start()
        valkey.start()
        ground = Ground(directory, kafka, valkey)
        for name in options.only or _RUNS:
            print(f"{time.strftime('%H:%M:%S')} {name}", flush=True)
            found += _RUNS[name](ground, options.seconds)
    except KafkaMissingError as missing:
        print(f"The simulated web's workers need Apache Kafka: {missing}", file=sys.stderr)
        return 1
    finally:
        if kafka is not None:
            kafka.close()
        valkey.close()
        shutil.rmtree(directory, ignore_errors=True)
        if found:
            print(figures.table(found), flush=True)
    return 0 if all(figure.good for figure in found) else 1


if __name__ == "__main__":
    sys.exit(_main())
