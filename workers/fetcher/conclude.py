"""The end of a poll: its dead letters, the feed's status, when it is due next, and the feed's commit."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import NamedTuple, Protocol

import msgspec

from workers.fetcher.clock import Clock
from workers.fetcher.commit import Tally
from workers.fetcher.event import public_url
from workers.fetcher.schedule import Bounds, Outcome, after_poll, next_poll
from workers.fetcher.status import status_event
from workers.model import SUCCESS, Claim, FeedState, Fetched, OutboxEvent, PollResult
from workers.publisher.dead_letter import dead_letter, same_letter
from workers.store.store import Store

DEAD_LETTER_REASONS = frozenset({"parse_failed", "parser_killed", "internal_error"})
KNOWN_DEAD_LETTERS = 16


class OnCommitted(Protocol):
    """What is done when a poll changed a feed for good: its log lines."""

    def __call__(self, claim: Claim, state: FeedState, aftermath: Aftermath) -> None:
        """Take note of the feed's new ``state`` and of what else the poll brought."""


class Aftermath(NamedTuple):
    """What a poll brought beside articles: edits ``held`` back, dead ``letters`` written, and how many
    entries of a feed whose site has moved were ``reissued``."""

    reason: str
    held: int = 0
    letters: int = 0
    reissued: int = 0


class Committed(NamedTuple):
    """What a document changed: the feed's new state and memory (None: nothing), and how many articles.

    ``broken`` are entries, as bytes, that could not be normalised.
    """

    state: FeedState
    memory: bytes | None
    tally: Tally
    entries: int
    broken: Sequence[bytes] = ()
    reissued: int = 0


class Concluder:
    """Ends polls; ``stretch`` gives the budget's factor on learned waits. A feed with an edit that waits
    is due again when the edit is."""

    def __init__(
        self,
        instance: str,
        bounds: Bounds,
        store: Store,
        clock: Clock,
        on_committed: OnCommitted,
        stretch: Callable[[], float],
    ) -> None:
        self._instance = instance
        self._bounds = bounds
        self._store = store
        self._clock = clock
        self._on_committed = on_committed
        self._stretch = stretch

    async def conclude(
        self, claim: Claim, state: FeedState, outcome: Outcome, done: Committed | None = None
    ) -> PollResult:
        """Write what was learned of the feed and when it is due next; last in order.

        Raises:
            ClaimLostError: another worker holds the feed; nothing was written.
            StoreError: Redis cannot be used now.
        """
        now_ms, fetched = self._clock.now_ms(), outcome.fetched
        done = done or Committed(state, None, Tally(), 0)
        state, letters = _once(state, self._letters(claim, outcome, done.broken))
        state, due_ms = self._scheduled(claim, state, outcome, now_ms)
        state, status = self._with_status(claim, state, due_ms, now_ms)
        await self._store.commit(claim, state, done.memory, due_ms, [*letters, *status])
        tally = done.tally
        aftermath = Aftermath(outcome.reason, tally.held, len(letters), done.reissued)
        self._on_committed(claim, state, aftermath)
        return PollResult(
            reason=outcome.reason,
            status=fetched.status,
            bytes=fetched.wire_bytes,
            entries=done.entries,
            new=tally.new,
            changed=tally.changed,
            remembered=tally.remembered,
            elapsed_ms=now_ms - claim.until_ms + self._store.lease_ms,
            next_due_ms=due_ms,
            next_why=state.due_why,
            url=fetched.url,
            detail="" if outcome.reason in SUCCESS else fetched.detail,
        )

    def _scheduled(
        self, claim: Claim, state: FeedState, outcome: Outcome, now_ms: int
    ) -> tuple[FeedState, int]:
        """The state after the poll, and when its feed is due next, epoch ms."""
        bounds = self._bounds
        state = after_poll(state, outcome, bounds, now_ms)
        jitter = random.random()  # noqa: S311 - not for secrets
        due = next_poll(state, outcome, claim.config, bounds, now_ms, jitter, self._stretch())
        due_ms = due.at_ms
        if state.held_due_ms and outcome.reason in SUCCESS:
            due_ms = min(due_ms, max(state.held_due_ms, now_ms + int(bounds.min_s * 1000)))
        return msgspec.structs.replace(state, due_why=due.why), due_ms

    def _with_status(
        self, claim: Claim, state: FeedState, due_ms: int, now_ms: int
    ) -> tuple[FeedState, list[OutboxEvent]]:
        """The state, and the feed's status as an event where it is another than was said last."""
        event = status_event(self._instance, claim.config, state, self._bounds, due_ms, now_ms)
        if event is None:
            return state, []
        said = msgspec.json.decode(event.value)["state"]
        state = msgspec.structs.replace(
            state, status=said, status_at_ms=now_ms, status_url=state.url
        )
        return state, [event]

    def _letters(
        self, claim: Claim, outcome: Outcome, broken: Sequence[bytes]
    ) -> list[OutboxEvent]:
        """The dead letters of entries that could not be normalised, or of a document that none could read."""
        fetched = outcome.fetched
        letters = [
            self._letter(claim, "normalise", "internal_error", raw, fetched) for raw in broken
        ]
        if outcome.reason in DEAD_LETTER_REASONS and fetched.body:
            letters.append(self._letter(claim, "parse", outcome.reason, fetched.body, fetched))
        return letters

    def _letter(
        self, claim: Claim, stage: str, reason: str, body: bytes, fetched: Fetched
    ) -> OutboxEvent:
        return dead_letter(
            self._instance,
            feed_id=claim.feed_id,
            stage=stage,
            reason=reason,
            body=body,
            now_ms=self._clock.now_ms(),
            url=public_url(fetched.url),
            content_type=fetched.content_type,
            detail=fetched.detail,
        )


def _once(state: FeedState, letters: Sequence[OutboxEvent]) -> tuple[FeedState, list[OutboxEvent]]:
    """Leave out what was dead-lettered before: a document that fails at every poll makes one."""
    known = list(state.dead_letters)
    fresh = []
    for letter in letters:
        name = blake2b(same_letter(letter), digest_size=8).digest()
        if name not in known:
            known.append(name)
            fresh.append(letter)
    if not fresh:
        return state, []
    return msgspec.structs.replace(state, dead_letters=tuple(known[-KNOWN_DEAD_LETTERS:])), fresh
