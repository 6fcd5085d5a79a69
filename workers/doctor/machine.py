"""This machine or container: files that may be open, memory."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from workers.doctor.findings import Finding, fail, ok, warn
from workers.fetcher.slots import files_needed

MIB = 1 << 20
ENOUGH_MIB = 512
"""What a worker may come to with a hundred large documents at once (see Measured in the README)."""
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_UNLIMITED = 1 << 60


def look_at_machine(concurrency: int, shards: int) -> Iterator[Finding]:
    """Limits of this process; ``concurrency``: busy polls at once. A worker goes as far as the hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield judge_files(hard, files_needed(concurrency, shards))
    yield judge_memory(memory_limit())


def judge_files(limit: int, needed: int) -> Finding:
    """How many files may be open."""
    if limit == resource.RLIM_INFINITY or limit >= needed:
        return ok("machine", f"open files: {needed} needed at most, allowed")
    return fail(
        "machine",
        f"open files: {limit} are allowed, a worker needs up to {needed}",
        "ulimit -n, LimitNOFILE= (systemd) or ulimits (Compose); or a lower NEWSWIRE_FETCH_CONCURRENCY.",
    )


def memory_limit() -> int:
    """Bytes that this process may have: the container's limit, else the machine's memory; 0 unknown."""
    for name in _LIMITS:
        with suppress(OSError, ValueError):
            limit = int(Path(name).read_text().strip())
            if limit < _UNLIMITED:
                return limit
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemTotal:"):
                return int(line.split()[1]) * 1024
    return 0


def judge_memory(limit: int) -> Finding:
    """How much memory there is for one worker."""
    if not limit:
        return ok("machine", "memory: the limit cannot be told here")
    if limit < ENOUGH_MIB * MIB:
        return warn(
            "machine",
            f"memory: {limit // MIB} MiB for a worker, which may need {ENOUGH_MIB}",
            "Raise the container's limit; a worker that is killed loses nothing, but time.",
        )
    return ok("machine", f"memory: {limit // MIB} MiB")
