"""The screen of ``newswire top``: lines of painted parts, cut to the terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from workers.explain import span_of
from workers.log_clean import Cleaner
from workers.top.sample import History, Worker, is_failure, most_of, quantile, total

LATE_MS = 60_000
OLD_MS = 30_000
TIGHT = 0.8
MIB = 1 << 20
_RESET = "\x1b[0m"
DIM, BOLD, BAD = "\x1b[2m", "\x1b[1m", "\x1b[1;31m"
_WORKER = "{:<28.28} {:>9} {:>8} {:>8} {:>8} {:>10} {:>8}"
_REASON = "{:<22} {:>8.1f} {:>10.0f}"
_clean = Cleaner().text


class Part(NamedTuple):
    """Text in one style; the text is plain."""

    text: str
    style: str = ""


Line = list[Part]


def screen(history: History, instance: str, clock: str) -> Iterator[Line]:
    """All lines, the most important first."""
    last = history.last
    away = [w for w in last.workers if w.problem]
    title = f"newswire {instance}  {clock}  {len(last.workers) - len(away)} of {len(last.workers)} workers"
    yield [Part(title, BOLD)]
    if last.instance.problem:
        yield [Part(f"Redis: {_clean(last.instance.problem)}", BAD)]
    yield []
    yield from _flow(history)
    yield from _stock(history)
    yield []
    yield from _workers(history, last.workers)
    yield []
    yield from _reasons(history)


def _flow(history: History) -> Iterator[Line]:
    polls = history.grown("newswire_polls_total")
    count = sum(polls.values())
    failed = sum(n for reason, n in polls.items() if is_failure(reason))
    share = failed / count if count else 0.0
    flying = total(history.last.workers, "newswire_polls_in_flight")
    size = history.rate("newswire_fetched_bytes_total") / 1000
    yield [
        Part(
            f"polls     {count / history.span_s:.1f}/s, {flying:.0f} under way, {size:.0f} kB/s, "
        ),
        Part(f"{share:.1%} failed", BAD if share > 0.5 else ""),
    ]
    new, updated = (history.rate("newswire_articles_total", kind) for kind in ("new", "updated"))
    yield [Part(f"articles  {new:.2f} new/s, {updated:.2f} updated/s")]
    delays = history.grown("newswire_publish_delay_seconds_bucket")
    middle, most = (quantile(delays, share) for share in (0.5, 0.99))
    told = "nothing published in the last minute"
    if middle is not None and most is not None:
        told = f"delay p50 {_bound(middle)}, p99 {_bound(most)}"
    yield [Part(f"publish   {history.rate('newswire_published_total'):.2f} events/s, {told}")]


def _bound(seconds: float) -> str:
    return "over an hour" if seconds == float("inf") else f"<= {span_of(seconds)}"


def _stock(history: History) -> Iterator[Line]:
    now = history.last.instance
    late = (
        f"the oldest due is {span_of(now.late_ms / 1000)} late"
        if now.late_ms > 0
        else "none is late"
    )
    yield [Part(f"feeds     {now.feeds:,}, "), Part(late, BAD if now.late_ms > LATE_MS else "")]
    failing = most_of(history.last.workers, "newswire_feeds_failing")
    if count := sum(failing.values()):
        order = sorted(failing.items(), key=lambda pair: -pair[1])
        yield [
            Part(
                f"failing   {count:,.0f} feeds: {', '.join(f'{r} {n:.0f}' for r, n in order if n)}"
            )
        ]
    yield [
        Part(f"outbox    {now.events:,} events, {now.bytes / MIB:.1f} MiB, "),
        Part(f"oldest {span_of(now.age_ms / 1000)}", BAD if now.age_ms > OLD_MS else ""),
    ]
    hosts = ", ".join(f"{_clean(host)} {span_of(ms / 1000)}" for host, ms in now.resting)
    yield [Part(f"hosts     {len(now.resting)} at rest{': ' if hosts else ''}{hosts}")]
    of = f" of {now.most / MIB:.0f}" if now.most else ""
    tight = bool(now.most) and now.used / now.most > TIGHT
    yield [Part("Redis     "), Part(f"{now.used / MIB:.1f}{of} MiB", BAD if tight else "")]


def _workers(history: History, workers: Sequence[Worker]) -> Iterator[Line]:
    head = ("WORKER", "STATE", "POLLS/S", "NEW/S", "FLYING", "MEMORY", "CPU")
    yield [Part(_WORKER.format(*head), DIM)]
    for worker in workers:
        if worker.problem:
            yield [Part(f"{worker.address:<28.28} "), Part(_clean(worker.problem), BAD)]
            continue
        value, at = worker.values.get, worker.address
        ready = value("newswire_ready", 1.0) > 0
        row = _WORKER.format(
            at,
            "ready" if ready else "NOT READY",
            f"{history.rate('newswire_polls_total', address=at):.1f}",
            f"{history.rate('newswire_articles_total', 'new', at):.2f}",
            f"{value('newswire_polls_in_flight', 0.0):.0f}",
            f"{value('process_resident_memory_bytes', 0.0) / MIB:.0f} MiB",
            f"{history.rate('process_cpu_seconds_total', address=at):.0%}",
        )
        yield [Part(row, "" if ready else BAD)]


def _reasons(history: History) -> Iterator[Line]:
    """Polls by how they ended: failures first, of them the most frequent."""
    polls = history.grown("newswire_polls_total")
    prefix = "newswire_polls_total "
    so_far: dict[str, float] = {}
    for worker in history.last.workers:
        for name, value in worker.values.items():
            if name.startswith(prefix):
                reason = name.removeprefix(prefix)
                so_far[reason] = so_far.get(reason, 0.0) + value
    yield [Part(f"{'POLLS THAT ENDED':<22} {'A MINUTE':>8} {'SO FAR':>10}", DIM)]
    order = sorted(so_far, key=lambda r: (not is_failure(r), -polls.get(r, 0.0), -so_far[r]))
    for reason in order:
        if so_far[reason]:
            style = BAD if is_failure(reason) and polls.get(reason) else ""
            a_minute = 60 * polls.get(reason, 0.0) / history.span_s
            yield [Part(_REASON.format(reason, a_minute, so_far[reason]), style)]


def paint(lines: Sequence[Line], width: int, height: int, *, color: bool) -> list[str]:
    """The lines as text for a terminal of this size; nothing wraps, nothing scrolls."""
    return [_cut(line, width, color=color) for line in lines[:height]]


def _cut(line: Line, width: int, *, color: bool) -> str:
    made, left = [], width
    for part in line:
        text = part.text[:left]
        left -= len(text)
        made.append(f"{part.style}{text}{_RESET}" if color and part.style and text else text)
    return "".join(made)
