"""Named places of an article's path at which a worker under test dies or freezes.

The product knows nothing of this: its functions are wrapped from outside, in the process that is to
die. A place is hit when its function is called (``before``), has returned (``after``), or is under way
(``during``: a moment of chance after the call began).
"""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

When = Literal["before", "after", "during"]
DURING_MS = 8.0


class Point(NamedTuple):
    """Where: ``module:Class.method``. ``result``: only when the call returned something true.

    ``stopping``: it is only reached by a worker that was asked to stop.
    """

    where: str
    when: When
    result: bool = False
    stopping: bool = False


_STORE = "workers.store.store:Store"
_OUTBOX = "workers.store.outbox:ShardOutbox"
_KAFKA = "kafka:KafkaProducer"

POINTS: dict[str, Point] = {
    "before_claim": Point(f"{_STORE}.claim", "before"),
    "after_claim": Point(f"{_STORE}.claim", "after", result=True),
    "after_permit": Point("workers.fetcher.gate:HostGate.enter", "after"),
    "before_fetch": Point("workers.http.fetch:Fetcher.fetch", "before"),
    "after_fetch": Point("workers.http.fetch:Fetcher.fetch", "after"),
    "before_parse": Point("workers.fetcher.parse:Parser.parse", "before"),
    "after_parse": Point("workers.fetcher.parse:Parser.parse", "after"),
    "after_memory": Point(f"{_STORE}.memory", "after"),
    "before_admit": Point(f"{_STORE}.admit", "before"),
    "in_admit": Point(f"{_STORE}.admit", "during"),
    "between_admits": Point(f"{_STORE}._admit_shard", "after"),
    "after_admit": Point(f"{_STORE}.admit", "after"),
    "before_commit": Point(f"{_STORE}.commit", "before"),
    "in_commit": Point(f"{_STORE}.commit", "during"),
    "after_commit": Point(f"{_STORE}.commit", "after"),
    "list_lease": Point(f"{_STORE}.lease", "after"),
    "before_lease": Point(f"{_OUTBOX}.acquire", "before"),
    "after_lease": Point(f"{_OUTBOX}.acquire", "after", result=True),
    "before_fence": Point(f"{_KAFKA}.init_transactions", "before"),
    "in_fence": Point(f"{_KAFKA}.init_transactions", "during"),
    "after_fence": Point(f"{_KAFKA}.init_transactions", "after"),
    "after_position": Point("workers.publisher.kafka_reader:PositionReader.read", "after"),
    "after_xread": Point(f"{_OUTBOX}.wait", "after", result=True),
    "after_read": Point(f"{_OUTBOX}.read", "after", result=True),
    "before_durable": Point(f"{_OUTBOX}.renew_durably", "before"),
    "after_durable": Point(f"{_OUTBOX}.renew_durably", "after"),
    "after_begin": Point(f"{_KAFKA}.begin_transaction", "after"),
    "after_send": Point(f"{_KAFKA}.send", "after"),
    "in_flush": Point(f"{_KAFKA}.flush", "during"),
    "after_flush": Point(f"{_KAFKA}.flush", "after"),
    "before_end": Point("workers.publisher.kafka_producer:Producer._commit", "before"),
    "in_end": Point("workers.publisher.kafka_producer:Producer._commit", "during"),
    "after_end": Point("workers.publisher.kafka_producer:Producer._commit", "after"),
    "before_trim": Point(f"{_OUTBOX}.trim", "before"),
    "in_trim": Point(f"{_OUTBOX}.trim", "during"),
    "after_trim": Point(f"{_OUTBOX}.trim", "after"),
    "before_release": Point(f"{_STORE}.release", "before", stopping=True),
    "after_release": Point(f"{_STORE}.release", "after", stopping=True),
    "before_unlease": Point(f"{_OUTBOX}.give_up", "before", stopping=True),
    "after_unlease": Point(f"{_OUTBOX}.give_up", "after", stopping=True),
}

FREEZING = (
    "after_durable",
    "after_begin",
    "after_send",
    "after_flush",
    "before_end",
    "before_trim",
)
"""Where a publisher that stops for longer than its lease could do the most harm when it goes on."""

Act = Callable[[], None]


def die() -> None:
    """SIGKILL to ourselves: nothing is flushed, closed or said."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # the signal is there before this ends


def freeze() -> None:
    """SIGSTOP to ourselves: connections stay, nothing moves until SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def install(name: str, act: Act, hit: int = 1) -> None:
    """Make the ``hit``-th time that point ``name`` is reached call ``act``, once.

    Raises KeyError for a name that is none, AttributeError when the product has no such function.
    """
    point = POINTS[name]
    hits = itertools.count(1)

    def reached() -> None:
        if next(hits) != hit:
            return
        if point.when == "during":
            delay = random.uniform(0, DURING_MS) / 1000
            threading.Thread(target=_later, args=(delay, act), daemon=True).start()
        else:
            act()

    wrap(point.where, lambda real: _wrapped(real, point, reached))


def wrap(where: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace ``module:Class.method`` or ``module:function`` by what ``make`` makes of it."""
    module, _, path = where.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, last = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    setattr(owner, last, make(getattr(owner, last)))


def _later(delay_s: float, act: Act) -> None:
    time.sleep(delay_s)
    act()


def _wrapped(real: Callable[..., Any], point: Point, reached: Act) -> Callable[..., Any]:
    def counts(result: Any) -> bool:
        return not point.result or bool(getattr(result, "claims", result))

    if inspect.iscoroutinefunction(real):

        @functools.wraps(real)
        async def over_async(*args: Any, **kwargs: Any) -> Any:
            if point.when != "after":
                reached()
            result = await real(*args, **kwargs)
            if point.when == "after" and counts(result):
                reached()
            return result

        return over_async

    @functools.wraps(real)
    def over(*args: Any, **kwargs: Any) -> Any:
        if point.when != "after":
            reached()
        result = real(*args, **kwargs)
        if point.when == "after" and counts(result):
            reached()
        return result

    return over
