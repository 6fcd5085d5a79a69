"""After the count: mistakes that no worker can make good. A count that does not see them proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.compose.life import Life
from tests.compose.stack import TOPIC, LifeError, docker, until
from tests.support.judge import Verdict

_NAME = "newswire-life-control"


def controls(life: Life) -> None:
    """Let each mistake be made, and count. Raises LifeError when the count says that all is well.

    The world must stand still, so that whatever is counted now is the mistake's doing.
    """
    life.stack("stop", "worker")
    nothing_old = [
        "NEWSWIRE_INSTANCE=control",
        "NEWSWIRE_TOPIC_PREFIX=control.",
        "NEWSWIRE_BACKFILL=none",
    ]
    with _worker(life, nothing_old, []):
        lost = _seen(life, "control.articles", lambda v: v.lost, "lost")
    print(f"    what was shown before the start is not announced: {lost} lost")
    valkey = life.stack.ids("valkey")[0]
    docker("exec", valkey, "valkey-cli", "flushall")
    with _worker(life, [], ["--start-empty"]):
        twice = _seen(life, TOPIC, lambda v: v.twice, "twice")
    print(f"    Redis emptied, and begun anew by --start-empty: {twice} twice")


@contextmanager
def _worker(life: Life, settings: list[str], arguments: list[str]) -> Iterator[None]:
    given = [word for setting in settings for word in ("--env", setting)]
    life.stack("run", "--detach", "--name", _NAME, *given, "worker", "run", *arguments)
    try:
        yield
    finally:
        docker("rm", "--force", _NAME)


def _seen(life: Life, topic: str, part: Callable[[Verdict], list[str]], name: str) -> int:
    """Wait until every feed was polled, and the count finds what it must; how often it does."""
    since = life.stack.world_s()

    def polled() -> bool:
        return {request.feed for request in life.stack.asked(since)} >= set(range(len(life.urls)))

    until(polled, "the control polls every feed")
    try:
        until(lambda: bool(part(life.count(topic))), f"the count sees what is {name}", 60)
    except LifeError as error:
        raise LifeError(f"the control did not fail: {error}") from error
    return len(part(life.count(topic)))
