"""What ``newswire feeds`` says of a feed: chosen, ranked, and written as a row, JSON or OPML. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import orjson

from workers.clock import rfc3339
from workers.explain import STATES, ago, plainly, state_of
from workers.fetcher.schedule import Bounds
from workers.fetcher.search import target
from workers.http.net import host_key
from workers.log_clean import Cleaner
from workers.model import FeedConfig, FeedState, Pause
from workers.store.store import NEVER_MS
from workers.urls import redact_url

NAME_WIDTH = 60
_ROW = "{:<20} {:<8} {:<19} {:>11} {:>11} {:>9} {:>7}  {:<28} {}"
HEAD = (
    _ROW.format("ID", "STATE", "REASON", "SINCE", "LAST OK", "DUE", "PER DAY", "HOST", "NAME")
    + "\n"
)
RANK_BYTES = 9
_clean = Cleaner().text


class Known(NamedTuple):
    """One feed as it is now; ``name`` is one of ``STATES``, ``since_ms`` since when it is so, 0 unknown."""

    config: FeedConfig
    state: FeedState
    due_ms: int
    pause: Pause | None
    name: str
    since_ms: int
    host: str

    @classmethod
    def of(
        cls,
        config: FeedConfig,
        state: FeedState,
        due_ms: int,
        pause: Pause | None,
        bounds: Bounds,
        now_ms: int,
    ) -> Self:
        """From what Redis holds."""
        name = state_of(config, state, bounds, now_ms, pause)
        since_ms = {
            "failing": state.failing_since_ms,
            "gone": state.failing_since_ms,
            "silent": state.last_new_ms or state.first_polled_ms,
            "paused": pause.since_ms if pause else 0,
        }.get(name, 0)
        return cls(config, state, due_ms, pause, name, since_ms, host_of(config, state))

    @property
    def reason(self) -> str:
        """Why it is so: the last poll's reason, or the operator's words."""
        if self.pause:
            return _clean(self.pause.reason)
        if self.name in ("failing", "gone") and self.state.history:
            return self.state.history[-1][1]
        return ""

    @property
    def shown(self) -> str:
        """Its name as people know it, harmless on a terminal."""
        return _clean(self.config.name or self.state.title or redact_url(self.config.url))


class Wanted(NamedTuple):
    """Which feeds to show. ``host``: it and those below it; ``failing_s``: only what fails for so long."""

    states: frozenset[str]
    host: str = ""
    failing_s: float = 0.0

    def takes(self, known: Known, now_ms: int) -> bool:
        """Whether a feed is to be shown."""
        if known.name not in self.states:
            return False
        if self.host and not f".{known.host}".endswith(f".{self.host}"):
            return False
        if not self.failing_s:
            return True
        return known.name == "failing" and now_ms - known.since_ms >= self.failing_s * 1000


def host_of(config: FeedConfig, state: FeedState) -> str:
    """The host that is asked for the feed."""
    return host_key(urlsplit(target(state, config)).hostname or "")


def rank(known: Known) -> bytes:
    """Where a feed stands, as bytes that sort: the worst state first, in it the one that is so for longest,
    of feeds that are well the one that is due for longest."""
    at_ms = min(max(known.since_ms or known.due_ms, 0), NEVER_MS)
    return bytes([STATES.index(known.name)]) + at_ms.to_bytes(RANK_BYTES - 1, "big")


def as_line(known: Known, now_ms: int) -> str:
    """One row of the table; the id is never cut."""
    due_ms = known.due_ms
    due = "-" if due_ms >= NEVER_MS else "now" if due_ms <= now_ms else ago(due_ms, now_ms)
    rate = plainly(known.state.rate) if known.state.rate else "-"
    return _ROW.format(
        known.config.id,
        known.name,
        known.reason[:40] or "-",
        ago(known.since_ms, now_ms) if known.since_ms else "-",
        ago(known.state.last_success_ms, now_ms),
        due,
        rate,
        _clean(known.host),
        known.shown[:NAME_WIDTH],
    ).rstrip()


def _facts(known: Known) -> dict[str, Any]:
    """State and its reasons by the names of the events, unknown ones left out; no secrets."""
    state, moved = known.state, known.state.url
    facts = {
        "state": known.name,
        "reason": "" if known.pause else known.reason,
        "note": known.reason if known.pause else "",
        "since": _time(known.since_ms),
        "lastSuccess": _time(state.last_success_ms),
        "lastNew": _time(state.last_new_ms),
        "nextPoll": _time(known.due_ms),
        "entriesPerDay": round(state.rate, 3),
        "movedTo": redact_url(moved) if moved else "",
    }
    return {name: value for name, value in facts.items() if value}


def as_json(known: Known) -> bytes:
    """One feed as JSON, without secrets."""
    config = known.config
    more = {"host": known.host, "url": redact_url(config.url), "name": known.shown}
    tags = {"tags": list(config.tags)} if config.tags else {}
    return orjson.dumps({"feedId": config.id, **_facts(known), **more, **tags})


def attributes(known: Known) -> dict[str, str]:
    """The state as attributes of an outline."""
    return {name: str(value) for name, value in _facts(known).items()}


def _time(ms: int) -> str:
    return rfc3339(ms) if 0 < ms < NEVER_MS else ""
