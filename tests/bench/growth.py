"""``make growth``: what Redis, a start and a poll cost as feeds, shards and workers grow in number."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.bench.growth_start import Several, Start, several, start
from tests.bench.growth_state import Growth, cluster_growth, redis_growth
from tests.bench.paths import Ground
from tests.fault.results import commit
from tests.support.cluster import cluster, cluster_url
from tests.support.kafka_jars import ROOT
from tests.support.servers import ValkeyServer

CASES = [
    (1_000, 4, 20), (10_000, 4, 20), (100_000, 4, 20), (100_000, 1, 4), (100_000, 16, 4),
    (1_000_000, 16, 4),
]  # fmt: skip
"""Feeds, shards, entries a feed: few of the last where twenty would take minutes to write for nothing."""
SHORT = [(3_000, 4, 20)]
CLUSTER = 10_000, 6
STARTS, STARTED_S = (1_000, 10_000, 100_000), 20.0
WORKERS = 1, 2, 4
FEED_BYTES, ENTRY_BYTES = 600, 64
FIRST_POLL_S, AGAIN_S, LIST_S, RESIDENT_MB = 5.0, 2.0, 60.0, 150.0
MORE_CPU = 0.10


class Report(msgspec.Struct, kw_only=True):
    """One run, as it is written to a file."""

    commit: str
    cores: int
    loads: tuple[float, float]
    took_s: float
    growth: list[Growth]
    starts: list[Start]
    several: list[Several]


def growth_table(growths: Sequence[Growth]) -> str:
    """What Redis takes, for people, with what is wanted."""
    lines = [
        f"| feeds | shards, nodes | Redis bytes a feed (≤ {FEED_BYTES}) | an entry (≤ {ENTRY_BYTES}) | "
        "claim of 8, ms p50, p99 | commit, ms p50, p99 | writing the list, s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for g in growths:
        known = (
            f"{g.feed_bytes:.0f} | {g.entry_bytes:.0f}, {g.entries} a feed"
            if g.entries
            else "– | –"
        )
        lines.append(
            f"| {g.feeds:,} | {g.shards}, {g.nodes} | {known} | "
            f"{g.claim_p50_ms:.2f}, {g.claim_p99_ms:.2f} | "
            f"{g.commit_p50_ms:.2f}, {g.commit_p99_ms:.2f} | {g.list_s:.1f} |"
        )
    return "\n".join(lines)


def start_table(starts: Sequence[Start]) -> str:
    """How soon a worker is at work; in brackets its CPU until then."""
    lines = [
        f"| feeds | first feed asked, s (≤ {FIRST_POLL_S:.0f}) | first poll done, s | "
        f"list in Redis, s (≤ {LIST_S:.0f}) | next start: first feed asked, s (≤ {AGAIN_S:.0f}) | "
        f"first poll done, s | memory MB (≤ {RESIDENT_MB:.0f}) |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for s in starts:
        moments = (s.asked, s.polled, s.listed, s.asked_again, s.polled_again)
        told = " | ".join(f"{m.s:.1f} ({m.cpu_s:.1f})" for m in moments)
        lines.append(f"| {s.feeds:,} | {told} | {s.resident_mb:.0f} |")
    return "\n".join(lines)


def several_table(rows: Sequence[Several]) -> str:
    """What a poll costs many workers."""
    lines = [
        f"| workers on one core | CPU ms a 304 (≤ {1 + MORE_CPU:.1f} of one worker's) | Redis ms | "
        "scripts | of the core |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {r.workers} | {r.worker_ms:.2f} ({r.worker_ms / rows[0].worker_ms:.2f}) | {r.redis_ms:.3f} | "
        f"{r.scripts:.2f} | {r.busy:.0%} |"
        for r in rows
    ]
    return "\n".join(lines)


def redis_cases(directory: Path, cases: Sequence[tuple[int, int, int]]) -> list[Growth]:
    """Each case on one Valkey, emptied before each."""
    found = []
    valkey = ValkeyServer(directory / "growth")
    valkey.start()
    with contextlib.closing(valkey):
        for feeds, shards, entries in cases:
            found.append(asyncio.run(redis_growth(valkey.url, feeds, shards, entries)))
            _say(growth_table(found[-1:]))
    return found


def _cluster_case(directory: Path) -> Growth:
    with cluster(directory / "cluster") as nodes:
        found = asyncio.run(cluster_growth(cluster_url(nodes), *CLUSTER, len(nodes)))
    _say(growth_table([found]))
    return found


def _worker_cases(directory: Path, starts: Sequence[int]) -> tuple[list[Start], list[Several]]:
    ground = Ground(directory)
    try:
        rows = []
        for workers in WORKERS:
            rows.append(several(ground, workers))
            _say(several_table(rows))
        begun = []
        for feeds in starts:
            begun.append(start(ground, feeds, STARTED_S))
            _say(start_table(begun[-1:]))
        return begun, rows
    finally:
        ground.close()


def _say(table: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {table.splitlines()[-1]}", flush=True)


def _run(cases: Sequence[tuple[int, int, int]], starts: Sequence[int]) -> Report:
    began, load, of = time.monotonic(), os.getloadavg()[0], commit()
    base = ROOT / ".run" / "bench"
    base.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=base))
    try:
        begun, rows = _worker_cases(directory, starts)
        growth = [*redis_cases(directory, cases), _cluster_case(directory)]
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return Report(
        commit=of, cores=os.cpu_count() or 0, loads=(load, os.getloadavg()[0]),
        took_s=time.monotonic() - began, growth=growth, starts=begun, several=rows,
    )  # fmt: skip


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few thousand feeds only")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    report = _run(SHORT if options.short else CASES, STARTS[:1] if options.short else STARTS)
    before, after = report.loads
    print(
        f"\n{report.cores} cores, load {before:.1f} before and {after:.1f} after; "
        f"{report.took_s / 60:.1f} minutes; commit {report.commit}\n"
    )
    tables = growth_table(report.growth), start_table(report.starts), several_table(report.several)
    print("\n\n".join(tables))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
