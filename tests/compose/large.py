"""A hundred documents of 8 and 16 MB at once, in the container's limit of memory."""

from __future__ import annotations

import json
from typing import Any

from tests.compose.feeds import LARGE, LARGE_ENTRIES, large_urls
from tests.compose.life import Life, check
from tests.compose.stack import docker, until

ENOUGH = 12
"""So many are waited for: all are asked for at once, and it is their memory that counts."""

_LOOK = """
import glob, json
def text(*paths):
    for path in paths:
        try: return open(path).read()
        except OSError: pass
    return ''
root = '/sys/fs/cgroup/'
peak = text(root + 'memory.peak', root + 'memory/memory.max_usage_in_bytes')
limit = text(root + 'memory.max', root + 'memory/memory.limit_in_bytes')
events = text(root + 'memory.events', root + 'memory/memory.oom_control').split()
highest = {}
for path in glob.glob('/proc/[0-9]*/status'):
    for line in text(path).splitlines():
        if line.startswith('VmHWM'): highest[path.split('/')[2]] = int(line.split()[1]) * 1024
print(json.dumps({'peak': int(peak or 0), 'limit': int(limit or 0), 'highest': highest,
                  'killed': int(events[events.index('oom_kill') + 1])}))
"""


def large_documents(life: Life) -> None:
    """One worker gets them all. Raises LifeError when the kernel had to kill anything."""
    first, *others = life.stack.ids("worker")
    if others:
        docker("stop", *others)
    # Its highest memory is to be that of this step alone.
    docker("restart", first)
    life.stack.healthy(first)
    life.write([*life.urls, *large_urls()])

    def read() -> int:
        found = [line for line in life.stack.polls() if line.get("entries") in LARGE_ENTRIES]
        return len({line["feed_id"] for line in found})

    until(lambda: read() >= ENOUGH, f"{ENOUGH} of {LARGE} large documents are read", 240)
    found: dict[str, Any] = json.loads(docker("exec", first, "python", "-c", _LOOK))
    main, children = found["highest"].pop("1"), sum(found["highest"].values())
    print(
        f"    {read()} of {LARGE} documents of 8 and 16 MB read: worker {main / 1e6:.0f} MB and its parsers "
        f"{children / 1e6:.0f} MB at their highest,\n    the container {found['peak'] / 1e6:.0f} of "
        f"{found['limit'] / 1e6:.0f} MB, killed for memory: {found['killed']}"
    )
    check(found["killed"] == 0, "nothing is killed for want of memory")
    life.write(life.urls)
