"""Redis: is it there, does it keep what it is given, has it room, is it ours."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from workers.dependencies import EVICTING
from workers.doctor.clocks import judge_clock
from workers.doctor.findings import Finding, fail, ok, warn
from workers.errors import NewswireError, StoreError
from workers.store.dataset import find_marker, read_markers
from workers.store.store import Store

PINGS = 20
SLOW_MS = 20.0
LEAST_VERSION, DURABLE_VERSION = (7, 0), (7, 2)
FULL, NEARLY_FULL = 0.95, 0.8
MIB = 1 << 20
_OUTAGES = {
    "down": "Check NEWSWIRE_REDIS_URL (host, port, rediss:// for TLS, user and password), that the server "
    "runs, and that no firewall lies between.",
    "timeout": "It took the connection and did not answer: is it overloaded, or is something else there?",
    "loading": "It reads its data; wait, and look again.",
    "disk": "Its disk is full or refuses writes; see its log.",
    "read_only": "This is a replica: NEWSWIRE_REDIS_URL must name the primary (or a Sentinel: redis+sentinel://).",
}
_OTHERWISE = "See its log. A login or a right that is missing is named in the error."


class Seen(NamedTuple):
    """What Redis said. ``markers`` are the shards' markers, None when it did not come to that."""

    findings: list[Finding]
    markers: list[str] | None = None


async def look_at_redis(store: Store, wall_ms: float | None = None) -> Seen:
    """Ask Redis all that can be asked without a write."""
    try:
        infos = await store.client.infos()
        delays, apart_ms = await _timed(store, wall_ms)
    except StoreError as error:
        return Seen([fail("redis", str(error), _OUTAGES.get(error.reason, _OTHERWISE))])
    found = [f for node, info in infos.items() for f in judge_redis(node, info)]
    found.append(judge_latency(delays))
    found += [judge_clock("redis", "Redis", apart_ms / 1000)]
    try:
        fsync = await store.client.setting("appendfsync")
        if fsync == "no":
            found.append(
                warn("redis", "appendfsync is no: the publisher waits for the operating system to write",
                     "Set appendfsync everysec.")
            )  # fmt: skip
        return Seen(found, await read_markers(store))
    except StoreError as error:
        return Seen([*found, fail("redis", str(error), _OUTAGES.get(error.reason, _OTHERWISE))])


async def _timed(store: Store, wall_ms: float | None) -> tuple[list[float], float]:
    """Round trips in ms, and by how much Redis's clock is ahead of ours, from the shortest of them."""
    delays, best = [], (float("inf"), 0.0)
    for _ in range(PINGS):
        began, wall = time.perf_counter(), wall_ms or time.time() * 1000
        redis_ms = await store.now_ms()
        took = (time.perf_counter() - began) * 1000
        delays.append(took)
        best = min(best, (took, redis_ms - (wall + took / 2)))
    return delays, best[1]


def judge_redis(node: str, info: Mapping[str, Any]) -> Iterator[Finding]:
    """What one server's INFO says."""
    at = f" ({node})" if node else ""
    name = str(info.get("server_name") or "redis")
    version = str(info.get("valkey_version") or info.get("redis_version", "0"))
    speaks = _version(str(info.get("redis_version", "0")))
    shown = f"{name.capitalize()} {version}{at}"
    if speaks < LEAST_VERSION:
        yield fail("redis", f"{shown} is too old", "Use Valkey, or Redis 7.2 or later.")
    elif speaks < DURABLE_VERSION:
        yield warn(
            "redis",
            f"{shown} has no WAITAOF: what is published is not known to be on its disk",
            "Use Valkey, or Redis 7.2 or later.",
        )
    else:
        yield ok("redis", f"{shown}, up for {int(info.get('uptime_in_days', 0))} days")
    if info.get("role") == "slave":
        yield fail("redis", f"this is a replica{at}", _OUTAGES["read_only"])
    yield from _durability(info, at)
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy.startswith(EVICTING):
        yield fail(
            "redis",
            f"maxmemory-policy is {policy}{at}: Redis forgets keys when it is full, and articles are "
            "announced twice; no worker starts",
            "CONFIG SET maxmemory-policy noeviction, and the same in its configuration file.",
        )
    yield _memory(info, at)


def _durability(info: Mapping[str, Any], at: str) -> Iterator[Finding]:
    if not int(info.get("aof_enabled", 1)):
        yield warn(
            "redis",
            f"appendonly is off{at}: a crash of Redis loses what it held",
            "CONFIG SET appendonly yes, and the same in its configuration file.",
        )
    elif info.get("aof_last_write_status", "ok") != "ok":
        yield fail("redis", f"the append-only file cannot be written{at}", _OUTAGES["disk"])
    elif info.get("aof_last_bgrewrite_status", "ok") != "ok":
        yield warn(
            "redis",
            f"the last rewrite of the append-only file failed{at}: it grows without bound",
            "See Redis's log; often memory (vm.overcommit_memory=1) or disk is short.",
        )


def _memory(info: Mapping[str, Any], at: str) -> Finding:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not most:
        return warn(
            "redis",
            f"maxmemory is not set{at}: when memory ends, the kernel kills Redis, which could refuse writes",
            "CONFIG SET maxmemory to what the machine can spare, half of the container's limit at most.",
        )
    share = used / most
    text = f"memory: {used // MIB} of {most // MIB} MiB{at}"
    todo = (
        "Raise maxmemory. `newswire top` says whether the outbox fills it; deploy/SETTINGS.md: "
        "NEWSWIRE_OUTBOX_MAX_BYTES."
    )
    if share >= FULL:
        return fail("redis", f"{text}: full, writes are refused", todo)
    return (
        warn("redis", f"{text}: nearly full", todo) if share >= NEARLY_FULL else ok("redis", text)
    )


def judge_latency(delays_ms: Sequence[float]) -> Finding:
    """Round trips of one connection."""
    middle, most = statistics.median(delays_ms), max(delays_ms)
    text = f"round trip {middle:.1f} ms (longest of {len(delays_ms)}: {most:.1f} ms)"
    if middle < SLOW_MS:
        return ok("redis", text)
    return warn(
        "redis", f"{text}: each poll takes several", "Put Redis and the workers in one place."
    )


def judge_dataset(
    markers: Sequence[str], published: Mapping[int, str], shards: int, prefix: str
) -> Finding:
    """Whether Redis and Kafka speak of the same state. ``published``: the dataset by shard in Kafka."""
    try:
        marker = find_marker(markers, published, shards, prefix)
    except NewswireError as error:
        return fail("state", str(error))
    if marker is None:
        return ok("state", "Redis and Kafka are empty: the first worker begins")
    told = "Kafka agrees" if published else "nothing was published yet"
    return ok("state", f"dataset {marker.dataset}, {marker.shards} shards, {told}")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
