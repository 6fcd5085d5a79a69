"""What is known of one feed, in words: why it is due when it is, and what would change it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from workers.clock import rfc3339
from workers.fetcher.cadence import HOURS_KNOWN_S, expected, rhythm_of
from workers.fetcher.event import feed_name
from workers.fetcher.schedule import Bounds, turnover_s, wanted
from workers.fetcher.search import AGAIN_MS, HOW
from workers.fetcher.status import FAILING_AFTER, condition
from workers.fetcher.validators import MOVE_FAILURES, MOVE_SIGHTINGS
from workers.fetcher.wishes import own_wish_s
from workers.log_fields import REASONS
from workers.model import SUCCESS, FeedConfig, FeedState, Pause
from workers.urls import redact_url

STATES = ("failing", "gone", "silent", "paused", "new", "healthy", "disabled")
WIDTH = 12
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

WHY: dict[str, str] = {
    "cadence": "its own cadence: the wait is the geometric mean of NEWSWIRE_MIN_INTERVAL and the mean "
    "time between two entries, shorter in its busy hours",
    "turnover": "its document shows few entries for its pace: a longer wait could miss some",
    "learning": "it is not known for long, and is watched closely at first",
    "asked_by_feed": "its server or the feed itself asks for it (max-age, Expires, ttl, "
    "sy:updatePeriod and updateBase)",
    "skipped_hours": "the feed asks to be left alone until then (skipHours, skipDays)",
    "retry_after": "the server asked for it with Retry-After",
    "throttled": "the server says that it is asked too often; each time in a row doubles the wait",
    "backoff": "it failed; each failure in a row doubles the wait, up to NEWSWIRE_MAX_INTERVAL and "
    "a day",
    "interval": "the feed list gives it an interval of its own",
    "searching": "its feed is looked for, one address after the other",
    "gone": "its server said for good that it is gone (410); it is asked once a week",
}
"""Reason of a wait to its explanation."""


def state_of(
    config: FeedConfig, state: FeedState, bounds: Bounds, now_ms: int, pause: Pause | None = None
) -> str:
    """One of ``STATES``, which stand there worst first."""
    if pause is not None:
        return "paused"
    if not config.enabled:
        return "disabled"
    if not state.polls:
        return "new"
    found = condition(state, bounds, now_ms)
    # Of one that is sought, or whose host has put us off so far, nothing is known to be well.
    return "new" if found == "healthy" and not state.last_success_ms else found


class Standing(NamedTuple):
    """How a feed stands now, beside what is stored of it.

    ``polled_now``: a worker holds its claim; ``in_line``: what it is due at is its place in the line of its
    host; ``rests_until_ms``: when its host may be asked again, after a 429 or 503.
    """

    polled_now: bool = False
    in_line: bool = False
    rests_until_ms: int = 0
    pause: Pause | None = None


def explain(
    config: FeedConfig,
    state: FeedState,
    due_ms: int,
    bounds: Bounds,
    now_ms: int,
    standing: Standing = Standing(),  # noqa: B008 - it cannot change
) -> str:
    """The facts and the last polls as several lines for a terminal; no secrets."""
    rows = facts(config, state, due_ms, bounds, now_ms, standing)
    rows.insert(-1, ("polls", list(_history(state))))
    return "".join(_lines([(name, text) for name, texts in rows for text in texts]))


def facts(
    config: FeedConfig,
    state: FeedState,
    due_ms: int,
    bounds: Bounds,
    now_ms: int,
    standing: Standing,
) -> list[tuple[str, list[str]]]:
    """What is known of a feed, without its last polls: names, each with its sentences; no secrets.

    ``due_ms`` is when it is due; while it is being polled, when its claim ends.
    """
    polled_now, in_line, rests_until_ms, pause = standing
    due = list(_due(config, state, due_ms, now_ms, polled_now, pause))
    if in_line and not polled_now:
        due.append(
            (
                "",
                "it stands in the line of its host, whose feeds want more polls than its gap allows",
            )
        )
    if rests_until_ms > now_ms:
        rest = span_of((rests_until_ms - now_ms) / 1000)
        due.append(("", f"its host refused (429, 503): all its feeds wait for another {rest}"))
    known = state.first_polled_ms
    rows = [
        ("feed", [feed_name(config, state) or "(no name)"]),
        ("id", [config.id]),
        ("url", [redact_url(config.url), *_moves(state)]),
        ("state", list(_condition(config, state, bounds, now_ms, pause))),
        ("due", [text for name, text in due if name != "because"]),
        ("because", [text for name, text in due if name == "because"]),
        ("cadence", list(_cadence(state, bounds, now_ms)) if known else []),
        ("asks for", list(_wishes(config, state, now_ms))),
        ("validators", list(_validators(state))),
        ("to change", list(_changes(config, state, now_ms, pause))),
    ]
    return [(name, texts) for name, texts in rows if texts]


def ago(ms: int, now_ms: int) -> str:
    """``3 min ago``, ``in 2 h`` or ``never``."""
    if not ms:
        return "never"
    span = span_of(abs(now_ms - ms) / 1000)
    return f"{span} ago" if ms <= now_ms else f"in {span}"


def plainly(number: float) -> str:
    """Three digits where there are fewer, no powers of ten: ``0.25``, ``12.5``, ``4,410``."""
    return f"{number:,.0f}" if number >= 999.5 else f"{number:.3g}"


def span_of(seconds: float) -> str:
    """A time as people say it: ``850 ms``, ``12 s``, ``35 min``, ``7.5 h``, ``12 d``."""
    for limit, size, unit in (
        (1, 0.001, "ms"), (120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h"),
    ):  # fmt: skip
        if seconds < limit:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 86_400:.3g} d"


def _lines(rows: list[tuple[str, str]]) -> Iterator[str]:
    before = ""
    for name, text in rows:
        yield f"{name if name != before else '':<{WIDTH}}{text}".rstrip() + "\n"
        before = name or before


def _moves(state: FeedState) -> Iterator[str]:
    if search := state.search:
        yield f"a web page: its feed is looked for, {search.tried} addresses were none"
        yield f"{redact_url(search.queue[0])} is asked next, and {len(search.queue) - 1} more"
    elif state.found_by and state.url:
        yield f"a web page: its feed was found at {redact_url(state.url)}"
        yield HOW[state.found_by]
    elif state.searched_ms:
        yield f"a web page for which no feed was found; {len(state.no_feeds)} addresses were none"
    elif state.url:
        yield f"followed to {redact_url(state.url)}: a permanent redirect was seen often enough"
    if state.moved_to:
        yield (
            f"redirects for good to {redact_url(state.moved_to)}: seen {state.moved_seen} of "
            f"{MOVE_SIGHTINGS} times in a row before that is followed, and to another address for "
            "NEWSWIRE_MAX_INTERVAL"
        )


def _condition(
    config: FeedConfig, state: FeedState, bounds: Bounds, now_ms: int, pause: Pause | None
) -> Iterator[str]:
    name = state_of(config, state, bounds, now_ms, pause)
    yield name
    if pause is not None:
        why = f": {pause.reason}" if pause.reason else ""
        yield f"by the operator, {ago(pause.since_ms, now_ms)}{why}"
    if not state.polls:
        return
    yield f"last success {ago(state.last_success_ms, now_ms)}, last news {ago(state.last_new_ms, now_ms)}"
    if state.failures:
        since = ago(state.failing_since_ms, now_ms)
        yield f"failed {state.failures} times in a row, first {since}"
    if state.refused_since_ms:
        yield f"refused (429, 503) since {ago(state.refused_since_ms, now_ms)}, with no good answer between"
    missing = expected(state, state.last_new_ms or state.first_polled_ms, now_ms)
    if name == "silent" or (missing >= 3 and not state.failures):
        yield f"about {plainly(missing)} entries were to be expected since its last news"


def _due(
    config: FeedConfig,
    state: FeedState,
    due_ms: int,
    now_ms: int,
    polled_now: bool,
    pause: Pause | None,
) -> list[tuple[str, str]]:
    if not config.enabled:
        return [("due", "never: the feed list disables it")]
    if pause is not None:
        return [("due", "never: it is paused")]
    if polled_now:
        return [("due", f"it is being polled; if that worker dies, again {ago(due_ms, now_ms)}")]
    rows = [("due", f"{ago(due_ms, now_ms)} ({rfc3339(due_ms)})")]
    if due_ms <= now_ms:
        rows[0] = ("due", f"since {span_of((now_ms - due_ms) / 1000)}; it waits for a worker")
    if state.due_why:
        rows.append(("because", WHY.get(state.due_why, state.due_why)))
    elif not state.polls:
        rows.append(("because", "it is new; new feeds are spread out over a while"))
    return rows


def _cadence(state: FeedState, bounds: Bounds, now_ms: int) -> Iterator[str]:
    per_day = f"about {plainly(state.rate)} new entries a day"
    yield f"{per_day}; before its last news one every {span_of(state.usual_gap_s)}"
    yield f"known for {span_of((now_ms - state.first_polled_ms) / 1000)}, {state.polls} polls"
    wait = wanted(state, bounds, now_ms)
    yield f"by that, the wait from now would be {span_of(wait.seconds)} ({wait.why})"
    if state.listed:
        turnover = span_of(turnover_s(state, now_ms))
        yield f"{state.listed} entries in its document: at most {turnover} between two polls"
    if state.rate_at_ms - state.first_polled_ms >= HOURS_KNOWN_S * 1000 and any(state.hours):
        rhythm = rhythm_of(state)
        hours = sorted(range(24), key=lambda hour: -rhythm.hours[hour])
        busy = ", ".join(f"{hour:02}:00" for hour in sorted(hours[:4]))
        yield f"busiest hours (UTC): {busy}; quietest {hours[-1]:02}:00"


def _wishes(config: FeedConfig, state: FeedState, now_ms: int) -> Iterator[str]:
    if config.interval_s is not None:
        yield f"{span_of(config.interval_s)} between polls, by the feed list"
    if state.min_interval_s:
        yield f"{span_of(state.min_interval_s)} between polls, by its ttl or sy:updatePeriod"
    if state.update_base_ms:
        next_ms = now_ms + int(own_wish_s(state, now_ms) * 1000)
        yield f"no polls before {rfc3339(next_ms)}, when it publishes by its sy:updateBase"
    if state.skip_hours:
        yield f"no polls in the hours {', '.join(map(str, state.skip_hours))} (UTC)"
    if state.skip_days:
        yield f"no polls on {', '.join(DAYS[day] for day in state.skip_days if day < 7)}"


def _validators(state: FeedState) -> Iterator[str]:
    if state.validator_distrust:
        yield "none are sent: the server answered 304 although it had news"
    elif state.etag or state.last_modified:
        kinds = ("ETag" if state.etag else "", "Last-Modified" if state.last_modified else "")
        yield f"{' and '.join(filter(None, kinds))}; {state.conditional_polls} times 304 in a row"
    elif state.first_polled_ms:
        yield "the last document came with none; equal documents are known by their hash"
    if state.probe_etag or state.probe_last_modified:
        yield "the next poll sends outdated ones: a 304 would prove that the server does not look"


def _history(state: FeedState) -> Iterator[str]:
    for at_ms, reason, status in reversed(state.history):
        code = str(status) if status else "-"
        yield f"{rfc3339(at_ms)[:19]}Z  {code:>3}  {reason:<17} {REASONS.get(reason, '')}"


def _changes(
    config: FeedConfig, state: FeedState, now_ms: int, pause: Pause | None
) -> Iterator[str]:
    if pause is not None:
        yield f"newswire feed resume {config.id}"
    if not config.enabled:
        yield "enable it in the feed list"
    if pause is not None or not config.enabled:
        return
    if state.retired:
        yield "an answer with a feed, or another URL in the list, brings it back"
    elif state.failures:
        yield "one good answer ends the backoff"
        if state.url:
            kept = "the address that was found" if state.found_by else "its stored redirect"
            yield f"{kept} is given up after {MOVE_FAILURES} failures in a row"
        if state.failures < FAILING_AFTER:
            yield f"it counts as failing after {FAILING_AFTER} failures in a row"
    if state.searched_ms and not state.search:
        again = ago(state.searched_ms + AGAIN_MS, now_ms)
        yield f"a feed that the page newly names is tried at once, all else again {again}"
    last = state.history[-1][1] if state.history else ""
    if last in SUCCESS or not last:
        yield "news shorten its waits, silence lengthens them, by and by"
    if state.due_why in ("throttled", "retry_after"):
        yield "a longer NEWSWIRE_HOST_GAP asks its host less often"
    elif state.due_why in ("asked_by_feed", "skipped_hours"):
        yield "its own wishes are heard unless the feed list gives it an `interval`"
    elif state.due_why == "searching":
        yield "the address of the feed itself in the list"
    yield "an `interval` in the feed list fixes the wait; NEWSWIRE_MIN_INTERVAL and _MAX_INTERVAL"
    yield "bound it, NEWSWIRE_POLLS_PER_HOUR stretches those of all feeds"
