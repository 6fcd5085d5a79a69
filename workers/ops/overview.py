"""What the first page shows: the notes of all workers and the state of the instance, in figures. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from workers.explain import ago, span_of
from workers.log_fields import REASONS
from workers.ops import charts
from workers.ops.census import Census
from workers.ops.ring import Minute, WorkerNote, hour, quantile
from workers.ops.search import Row
from workers.store.watching import Totals
from workers.units import several

ALIVE_MS = 60_000
"""A worker that has said nothing for so long is not alive."""
WAITING_MS = 30_000
"""An event that waits for so long does not wait for its turn."""
_MIB = 1 << 20


class WorkerView(NamedTuple):
    """One worker in words; ``kind`` is how it looks."""

    id: str
    kind: str
    word: str
    text: str
    problem: str


class Overview(NamedTuple):
    """All that the first page shows. ``figures`` are name, value and a note on it; ``standing`` is how the
    workers stand, in words, ``problems`` what is wrong with the instance."""

    standing: str
    problems: list[str]
    figures: list[tuple[str, str, str]]
    minutes: list[Minute]
    polls: charts.Chart
    articles: charts.Chart
    delays: charts.Chart
    census: Census
    failing: list[tuple[str, int, str]]
    overdue: list[Row]
    workers: list[WorkerView]


def alive(note: WorkerNote, now_ms: int) -> bool:
    """True when a worker has lately said something, and not that it stops."""
    return not note.stopped and now_ms - note.seen_ms < ALIVE_MS


def overview(
    notes: Iterable[WorkerNote],
    totals: Totals,
    census: Census,
    overdue: list[Row],
    now_ms: int,
) -> Overview:
    """Put it together."""
    notes = sorted(notes, key=lambda note: (not alive(note, now_ms), note.id))
    minutes = hour(notes, now_ms)
    failing = sorted(census.failing.items(), key=lambda item: (-item[1], item[0]))
    shares = [[quantile(m.delays, share) for m in minutes] for share in (0.5, 0.99)]
    return Overview(
        standing=_standing(notes, now_ms),
        problems=list(_problems(totals)),
        figures=_figures(minutes, totals, census),
        minutes=minutes,
        polls=charts.stacked([[m.polls - m.failed for m in minutes], [m.failed for m in minutes]]),
        articles=charts.stacked([[m.new for m in minutes], [m.updated for m in minutes]]),
        delays=charts.delays(shares),
        census=census,
        failing=[(reason, number, REASONS.get(reason, "")) for reason, number in failing],
        overdue=overdue,
        workers=[_worker(note, now_ms) for note in notes],
    )


def _standing(notes: Sequence[WorkerNote], now_ms: int) -> str:
    living = [note for note in notes if alive(note, now_ms)]
    lost = sum(not note.stopped for note in notes) - len(living)
    parts = [f"{several(len(living), 'worker')} alive"]
    if troubled := sum(bool(note.problem) for note in living):
        parts.append(f"{troubled} of them in trouble")
    if lost:
        parts.append(f"{lost} lost within the last hour")
    return ", ".join(parts) + "."


def _problems(totals: Totals) -> Iterator[str]:
    """No worker is unready since Kafka is away: they poll on. Whoever looks wants to know it."""
    if totals.outbox_events and totals.outbox_age_ms > WAITING_MS:
        yield (
            f"{several(totals.outbox_events, 'event')} not yet in Kafka, the oldest since "
            f"{span_of(totals.outbox_age_ms / 1000)}: publisher_failed in the log says why. Nothing is "
            "lost; polling goes on until the outbox is full."
        )


def _figures(
    minutes: Sequence[Minute], totals: Totals, census: Census
) -> list[tuple[str, str, str]]:
    whole = Minute(0)
    for minute in minutes:
        whole.add(minute)
    lately = _lately(minutes)
    failed = f"{whole.failed:,} of {whole.polls:,} failed" if whole.polls else ""
    half, most = quantile(whole.delays, 0.5), quantile(whole.delays, 0.99)
    late = span_of(totals.late_ms / 1000) if totals.late_ms > 0 else "none"
    waiting = f"{totals.outbox_bytes / _MIB:.1f} MiB, the oldest for {span_of(totals.outbox_age_ms / 1000)}"
    return [
        ("Feeds", f"{totals.feeds:,}", f"{totals.due:,} due now"),
        ("Failing", f"{census.states.get('failing', 0):,}", "feeds" if census.at_ms else "not counted yet"),
        ("Longest overdue", late, ""),
        ("Polls a minute", f"{lately:,.0f}", failed),
        ("New articles", f"{whole.new:,}", f"{whole.updated:,} updated"),
        ("Published", f"{whole.published:,}", "events"),
        ("Delay", "–" if half is None else span_of(half), f"99 of 100 within {span_of(most or 0)}"),
        ("Outbox", f"{totals.outbox_events:,}", waiting if totals.outbox_events else "events"),
    ]  # fmt: skip


def _lately(minutes: Sequence[Minute]) -> float:
    """Polls a minute in the last five whole minutes, as far as there were polls before and in them."""
    first = next((n for n, minute in enumerate(minutes) if minute.polls), len(minutes))
    whole = minutes[max(first, len(minutes) - 6) : -1]  # the running minute is not over
    return sum(minute.polls for minute in whole) / max(1, len(whole))


def _worker(note: WorkerNote, now_ms: int) -> WorkerView:
    polls = sum(minute.polls for minute in note.minutes if now_ms - minute.at * 60_000 < 3_600_000)
    text = (
        f"version {note.version}, since {ago(note.started_ms, now_ms)}, {polls:,} polls in the last hour, "
        f"{note.in_flight} under way, {note.memory / _MIB:.0f} MiB; seen {ago(note.seen_ms, now_ms)}"
    )
    if not alive(note, now_ms):
        return WorkerView(note.id, "disabled", "stopped" if note.stopped else "lost", text, "")
    if note.problem:
        return WorkerView(note.id, "s-problem", "in trouble", text, note.problem)
    return WorkerView(note.id, "s-fine", "alive", text, "")
