"""Workers against the simulated web, through their documented interface alone; each run gives its figures."""

from __future__ import annotations

import bisect
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from tests.bench.meter import resident
from tests.support.kafka_jars import ROOT
from tests.support.processes import LOOPBACK, free_port, kill_session, spawn
from tests.web.ledger import (
    Asked,
    by_host,
    decode,
    most_at_once,
    most_within,
    too_early,
)
from tests.web.site import host
from tests.web.stage import Ground, Stage

NEW_S = 30.0
"""Within this a new list of 11,000 feeds is spread, and those too many for their host are put off."""
WINDOW_S = 5.0
GAP_S = 0.25
AT_ONCE = 2
MOST = int(WINDOW_S / GAP_S) + AT_ONCE
"""A permit is given each GAP_S; on the way to the host a request or two may be held up and come together."""


@contextmanager
def web(hosts: int, port: int = 0) -> Iterator[int]:
    """The simulated web in its own process; yields its port."""
    port = port or free_port()
    command = [sys.executable, "-m", "tests.web.site", str(port), str(hosts)]
    process = spawn(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=None)
    try:
        assert process.stdout and process.stdout.readline() == b"ready\n", "the web does not start"
        yield port
    finally:
        kill_session(process)
        if process.stdout:
            process.stdout.close()


def ledger(port: int) -> list[Asked]:
    """All requests so far."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/_ledger", timeout=60) as response:
        return decode(response.read())


class Manners(NamedTuple):
    """How hosts were treated by three workers, one of them killed."""

    requests: int
    hosts: int
    most_within: int
    most_at_once: int
    refusals: int
    too_early: int


def manners(ground: Ground, seconds: float, *, polite: bool = True) -> Manners:
    """Thirty hosts with feeds that want far more polls than the bound, some by redirect, twelve that refuse
    and ask for rest, and two that are slow; three workers, of which one is killed and replaced. Not
    ``polite``: the control, with workers that keep to no bound, and six hosts instead of thirty, so that
    they break the bounds on a slow machine, too."""
    with ExitStack() as stack:
        some = 30 if polite else 6
        port = stack.enter_context(web(some + 14))
        urls = [f"http://{host(h)}:{port}/fine/{n}" for h in range(some) for n in range(4)]
        urls += [f"http://{host(h)}:{port}/hop/{n}" for h in range(0, some, 3) for n in range(2)]
        urls += [f"http://{host(h)}:{port}/within/{n}" for h in range(1, some, 3) for n in range(2)]
        urls += [f"http://{host(h)}:{port}/back/{n}" for h in range(2, some, 3) for n in range(2)]
        kinds = [f"{status}-{form}" for status in (429, 503, 403) for form in ("seconds", "date")]
        urls += [f"http://{host(some + h)}:{port}/refuse-{kinds[h % 6]}/0" for h in range(12)]
        urls += [f"http://{host(some + h)}:{port}/fine/{n}" for h in range(12) for n in range(3)]
        urls += [
            f"http://{host(some + 12 + h)}:{port}/slow/{n}" for h in range(2) for n in range(8)
        ]
        bounds = {
            "NEWSWIRE_HOST_GAP": f"{GAP_S}",
            "NEWSWIRE_HOST_CONCURRENCY": str(AT_ONCE),
        }
        stage = stack.enter_context(Stage(ground, **bounds))
        stage.feeds(urls)
        without = "" if polite else "gate"
        workers = [stage.start(without=without) for _ in range(3)]
        workers[0].wait_for("feed_polled")
        time.sleep(seconds / 2)
        workers[2].kill()
        stage.start(without=without)
        time.sleep(seconds / 2)
        hosts = by_host(ledger(port))
    return Manners(
        requests=sum(map(len, hosts.values())),
        hosts=len(hosts),
        most_within=max(most_within(h, WINDOW_S) for h in hosts.values()),
        most_at_once=max(most_at_once(h) for h in hosts.values()),
        refusals=sum(a.not_before_s > 0 for h in hosts.values() for a in h),
        too_early=sum(too_early(h) for h in hosts.values()),
    )


class Polled(NamedTuple):
    """One worker beside a crowd, or alone."""

    first: list[
        float
    ]  # delays of lone feeds while the list is new: from due to polled, in seconds, sorted
    later: list[float]  # and after that
    lone_polls: int
    crowd_polls: list[int]  # of each feed of the crowd that was polled, sorted
    put_off: int  # feeds of the crowd that were due and got a place in the line
    cpu_s: float


class Crowd(NamedTuple):
    """How hosts with one feed fare beside hosts with many, as long without them as with them."""

    alone: Polled
    beside: Polled
    crowd: int

    @property
    def unfair(self) -> bool:
        """A feed of the crowd was polled a third time before another was polled at all."""
        polls = self.beside.crowd_polls
        return len(polls) < self.crowd and polls[-1] > 2

    @property
    def poll_ms(self) -> float:
        """The worker's CPU for one poll with all that belongs to it, in milliseconds."""
        return 1000 * self.alone.cpu_s / self.alone.lone_polls

    @property
    def put_off_ms(self) -> float:
        """The worker's CPU for one feed that was put off: what is left beside polls, in milliseconds."""
        polls = self.beside.lone_polls + sum(self.beside.crowd_polls)
        return (1000 * self.beside.cpu_s - self.poll_ms * polls) / max(1, self.beside.put_off)


def crowd(
    ground: Ground,
    singles: int,
    many: int,
    seconds: float,
    *,
    hosts: int = 1,
    gap: str = "20ms",
    lone_interval: str = "4s",
    interval: str = "4s",
    patience_s: float = 0.0,
) -> Crowd:
    """Poll hosts with one feed each, then the same beside so many hosts with ``many`` feeds in all. Each of
    the many wants to be polled every ``interval``, which is far more than the ``gap`` allows.
    A slow machine has so much ``patience_s`` more to poll each of the many once."""
    bounds = {
        "NEWSWIRE_MIN_INTERVAL": "1s",
        "NEWSWIRE_HOST_GAP": gap,
        "NEWSWIRE_HOST_CONCURRENCY": "4",
    }
    intervals = (lone_interval, interval)
    alone = _crowd(ground, bounds, singles, 0, hosts, seconds, intervals)
    beside = _crowd(ground, bounds, singles, many, hosts, seconds, intervals, patience_s)
    return Crowd(alone, beside, many)


def _crowd(
    ground: Ground,
    bounds: dict[str, str],
    singles: int,
    many: int,
    hosts: int,
    seconds: float,
    intervals: tuple[str, str],
    patience_s: float = 0.0,
) -> Polled:
    with ExitStack() as stack:
        port = stack.enter_context(web(singles + hosts))
        stage = stack.enter_context(Stage(ground, **bounds, NEWSWIRE_OPS_PORT=f"{free_port()}"))
        names, feeds = {host(n) for n in range(singles)}, []
        for name in sorted(names):
            url = f"http://{name}:{port}/fine/0"
            feeds.append({"id": name, "url": url, "interval": intervals[0]})
        for n in range(many):
            url = f"http://{host(singles + n % hosts)}:{port}/fine/{n}"
            feeds.append({"id": f"many{n}", "url": url, "interval": intervals[1]})
        stage.feeds(feeds)
        worker = stage.start()
        worker.wait_for("feed_list_loaded", timeout_s=120)
        before, began_s = stage.metrics(), time.time()
        time.sleep(seconds)
        while time.time() < began_s + seconds + patience_s:
            if len({a.path for a in ledger(port) if a.host not in names}) >= many:
                break
            time.sleep(0.5)
        after = stage.metrics()
        asked = by_host(ledger(port))
        lines = worker.lines("feed_polled")
    lone = {name: [a.start_s for a in asked.get(name, [])] for name in names}
    delays = list(_delays(lines, lone))
    counts = Counter(a.path for h, rows in asked.items() if h not in lone for a in rows)
    put_off, cpu = 'newswire_polls_total{reason="host_busy"}', "process_cpu_seconds_total"
    return Polled(
        first=sorted(delay for due_s, delay in delays if due_s < began_s + NEW_S),
        later=sorted(delay for due_s, delay in delays if due_s >= began_s + NEW_S),
        lone_polls=sum(map(len, lone.values())),
        crowd_polls=sorted(counts.values()),
        put_off=int(after[put_off]),
        cpu_s=after[cpu] - before[cpu],
    )


def _delays(
    lines: Sequence[dict[str, Any]], asked: Mapping[str, Sequence[float]]
) -> Iterator[tuple[float, float]]:
    """When a poll made its feed due, and from then to the next request, of feeds that are called by their
    host."""
    for line in lines:
        starts = asked.get(line["feed_id"], ())
        after = bisect.bisect(starts, datetime.fromisoformat(line["time"]).timestamp())
        if after < len(starts):
            due_s = datetime.fromisoformat(line["next_due"]).timestamp()
            yield due_s, starts[after] - due_s


class Memory(NamedTuple):
    """The most memory of a worker and its helpers, in bytes, and which of ten ordinary feeds beside the
    hundred were polled."""

    most: int
    polled: int


def memory(ground: Ground, seconds: float, kinds: Sequence[str]) -> Memory:
    """A hundred hosts at once that send these kinds of document (see ``tests.web.site``)."""
    with ExitStack() as stack:
        port = stack.enter_context(web(110))
        rest = {
            "NEWSWIRE_FETCH_DEADLINE": "30s",
            "NEWSWIRE_CLAIM_LEASE": "90s",
            "NEWSWIRE_MIN_INTERVAL": "5s",
            "NEWSWIRE_MAX_INTERVAL": "5s",
        }
        stage = stack.enter_context(Stage(ground, **rest))
        urls = [f"http://{host(n)}:{port}/{kinds[n % len(kinds)]}/0" for n in range(100)]
        stage.feeds([*urls, *(f"http://{host(n)}:{port}/fine/0" for n in range(100, 110))])
        worker = stage.start()
        worker.wait_for("feed_list_loaded")
        most, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            most = max(most, resident(worker.pid))
            time.sleep(0.05)
        assert worker.exit_code is None, worker.tail()
        fine = {host(n) for n in range(100, 110)}
        return Memory(most, len(fine & set(by_host(ledger(port)))))
