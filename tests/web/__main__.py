"""``make web``: how workers treat hosts, and what hosts can do to workers, in figures."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.support.kafka_jars import ROOT, KafkaMissingError
from tests.support.servers import KafkaServer, ValkeyServer
from tests.web.runs import (
    AT_ONCE,
    MOST,
    WINDOW_S,
    Crowd,
    Ground,
    Manners,
    Memory,
    crowd,
    manners,
    memory,
)


def told(manner: Manners, rude: Manners, many: Crowd, mem: Memory) -> list[tuple[str, str, str]]:
    """The figures: what, as measured, what it had to be."""
    broken = f"{rude.most_within}, {rude.most_at_once}, {rude.too_early}"
    alone = f"{many.alone_p50:.2f} / {many.alone_p95:.2f}"
    beside = f"{many.beside_p50:.2f} / {many.beside_p95:.2f}"
    shares = f"{many.crowd_polled}, {many.crowd_least} and {many.crowd_most}"
    return [
        ("requests to hosts", f"{manner.requests} to {manner.hosts}", ""),
        (f"most to a host within {WINDOW_S:.0f} s", f"{manner.most_within}", f"at most {MOST}"),
        ("most at once", f"{manner.most_at_once}", f"at most {AT_ONCE}"),
        (f"too early, after {manner.refusals} refusals", f"{manner.too_early}", "0"),
        ("the same three without the gate (control)", broken, "over each bound"),
        ("s between polls of a lone feed, p50 / p95", alone, ""),
        (f"the same beside a host with {many.crowd} feeds", beside, "the same"),
        ("feeds of that host polled, least and most often", shares, "all alike"),
        ("MB of a worker over 100 feeds", f"{mem.ordinary / 1e6:.0f}", ""),
        ("MB over 100 bombs and drips at once", f"{mem.hostile / 1e6:.0f}", "bounded"),
    ]


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0, help="of each run")
    parser.add_argument("--many", type=int, default=10_000, help="feeds of one host")
    parser.add_argument("--singles", type=int, default=1_000, help="hosts of one feed beside it")
    options = parser.parse_args()
    base = ROOT / ".run" / "web"
    base.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=base))
    kafka, valkey = KafkaServer(directory / "kafka"), ValkeyServer(directory / "valkey")
    try:
        kafka.start()
        valkey.start()
        ground = Ground(directory, kafka, valkey)
        figures = told(
            manners(ground, options.seconds),
            manners(ground, options.seconds / 2, polite=False),
            crowd(ground, options.singles, options.many, 2 * options.seconds),
            memory(ground, options.seconds),
        )
    except KafkaMissingError as missing:
        print(f"The simulated web's workers need Apache Kafka: {missing}", file=sys.stderr)
        return 1
    finally:
        kafka.close()
        valkey.close()
        shutil.rmtree(directory, ignore_errors=True)
    for what, found, wanted in figures:
        print(f"{what:50} {found:20} {wanted}")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
