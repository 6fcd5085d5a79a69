"""What each run came to, as lines of a table: what, as measured, what it has to be, and whether it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.web import lies
from tests.web.addresses import Tried
from tests.web.credentials import Kept
from tests.web.ledger import share
from tests.web.runs import AT_ONCE, MOST, WINDOW_S, Crowd, Manners, Memory

MEMORY_LIMIT = 768 << 20
"""What docker-compose.yml gives a worker."""

EVENTS = dict.fromkeys(range(1, 14), 1)
EDITS = {3: 2}


class Figure(NamedTuple):
    """One line of the table."""

    what: str
    measured: str
    wanted: str
    good: bool


def of_manners(found: Manners, control: Manners) -> Iterator[Figure]:
    """Requests of hosts, and the same without the gate."""
    yield Figure("requests to hosts", f"{found.requests} to {found.hosts}", "", True)
    for what, measured, control_, most in (
        (f"most to a host within {WINDOW_S:g} s", found.most_within, control.most_within, MOST),
        ("most at once", found.most_at_once, control.most_at_once, AT_ONCE),
        (f"too early, of {found.refusals} refusals", found.too_early, control.too_early, 0),
    ):
        yield Figure(what, str(measured), f"at most {most}", measured <= most)
        yield Figure("  without the gate (control)", str(control_), "more", control_ > most)


def of_addresses(found: Tried, control: Tried) -> Iterator[Figure]:
    """Forbidden addresses."""
    what = f"{found.listed} in lists, {found.redirected} in redirects, {found.linked} in links"
    yield Figure("forms of forbidden addresses", str(found.forms), "at least 80", found.forms >= 80)
    yield Figure("  tried", what, "all polled", not found.unpolled)
    yield Figure("  dialled", str(len(found.dialled)), "0", not found.dialled)
    yield Figure("  connections to listeners", str(found.trapped), "0", not found.trapped)
    reached = f"{control.trapped}, from {', '.join(sorted(control.ways))}"
    yield Figure("  without the check (control)", reached, "from all", len(control.ways) == 3)


def of_memory(name: str, found: Memory) -> Iterator[Figure]:
    """A hundred documents at once."""
    measured = f"{found.most / 1e6:.0f} MB, {found.polled} of 10 others polled"
    good = found.most < MEMORY_LIMIT and found.polled == 10
    yield Figure(f"memory: {name}", measured, f"under {MEMORY_LIMIT / 1e6:.0f} MB, all", good)


def of_crowd(name: str, found: Crowd) -> Iterator[Figure]:
    """Lone feeds beside many, and the many among themselves."""
    yield Figure(f"ms from due to polled beside {name}", "", "", True)
    for when, alone, beside in (
        ("while the list is new", found.alone.first, found.beside.first),
        ("later", found.alone.later, found.beside.later),
    ):
        told = (_delays(polled) for polled in (alone, beside))
        measured = ", alone; beside ".join(told)
        yield Figure(f"  {when}, of {len(alone)} and {len(beside)}", measured, "equal", True)
    polls = found.beside.crowd_polls
    spread = f"{len(polls)} of {found.crowd}, {polls[0]} to {polls[-1]} times"
    yield Figure("  of the many were polled", spread, "in turn", not found.unfair)
    yield Figure("  of them put off", str(found.beside.put_off), "", True)
    if found.beside.put_off > 10 * sum(polls):  # else it is lost in what their polls cost
        cost = f"{found.put_off_ms:.2f}, of a poll {found.poll_ms:.2f}"
        yield Figure("  ms of CPU for each that was put off", cost, "", True)


def _delays(seconds: Sequence[float]) -> str:
    """Median and 95th of 100, in milliseconds."""
    return " / ".join(f"{share(seconds, part) * 1000:.0f}" for part in (0.5, 0.95))


def of_lies(found: lies.Fooled) -> Iterator[Figure]:
    """Servers that lie."""
    told = f"{found.lies_believed}, then {found.conditional_after} conditional"
    yield Figure("304s believed of a liar", told, "at most 20, 0", found.lies_believed <= 20)
    slow = f"{lies.lies_until_doubt(1, 1 / 12)}, {lies.lies_until_doubt(1e6, 1 / 12)}"
    yield Figure("  polled each 5 min, news each hour; never", slow, "at most 100", True)
    announced = sum(found.announced.values())
    yield Figure(
        f"of {len(EVENTS)} articles behind {len(lies.VERSIONS)} answers of old caches",
        f"{announced} announced, {sum(found.edits.values())} edits",
        f"{len(EVENTS)}, {sum(EDITS.values())}",
        found.announced == EVENTS and found.edits == EDITS,
    )
    parsed = sum(n for reason, n in found.reasons.items() if reason != "unchanged")
    polls = sum(found.reasons.values())
    yield Figure(
        "parsed, where each answer has a new ETag", f"{parsed} of {polls}", "1", parsed == 1
    )
    hours = lies.longest_silence_h()
    yield Figure("longest wait of a feed that fails", f"{hours:.1f} h", "a day or so", hours < 27)


def of_credentials(found: Kept, control: Kept) -> Iterator[Figure]:
    """Secrets of feeds."""
    right = f"{found.right} requests had theirs"
    yield Figure("feeds with secrets", right, "some", found.right > 0)
    told = f"{len(found.others_told)} of {found.others_asked}"
    yield Figure("  requests to others that had them", told, "0", not found.others_told)
    written = f"{len(found.found)} of {found.written}"
    yield Figure("  logs, records and prints that had them", written, "0", not found.found)
    seen = f"{len(control.others_told)}, {len(control.found)}"
    good = bool(control.others_told and control.found)
    yield Figure("  without the guards (control)", seen, "more than 0", good)


def table(figures: Sequence[Figure]) -> str:
    """One line a figure; what is not as it has to be is marked."""
    widths = [max(len(row[n]) for row in figures) for n in range(3)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row[:3], widths, strict=True)).rstrip()
        + ("" if row.good else "  <- WRONG")
        for row in figures
    )
