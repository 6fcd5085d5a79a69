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
    """What a document changed: the feed's new state and memory (None: nothing), and how many articles."""

    state: FeedState
    memory: bytes | None
    tally: Tally
    entries: int
    letters: list[OutboxEvent]
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
        now_ms = self._clock.now_ms()
        fetched = outcome.fetched
        letters = list(done.letters) if done else []
        if outcome.reason in DEAD_LETTER_REASONS and fetched.body:
            letters.append(self.letter(claim, "parse", outcome.reason, fetched.body, fetched))
        state, letters = _once(state, letters)
        bounds = self._bounds
        state = after_poll(state, outcome, bounds, now_ms)
        jitter = random.random()  # noqa: S311 - not for secrets
        due = next_poll(state, outcome, claim.config, bounds, now_ms, jitter, self._stretch())
        due_ms = due.at_ms
        if state.held_due_ms and outcome.reason in SUCCESS:
            due_ms = min(due_ms, max(state.held_due_ms, now_ms + int(bounds.min_s * 1000)))
        events = letters
        state = msgspec.structs.replace(state, due_why=due.why)
        status = status_event(self._instance, claim.config, state, bounds, due_ms, now_ms)
        if status is not None:
            events = [*letters, status]
            value = msgspec.json.decode(status.value)
            state = msgspec.structs.replace(
                state, status=value["state"], status_at_ms=now_ms, status_url=state.url
            )
        await self._store.commit(claim, state, done.memory if done else None, due_ms, events)
        tally = done.tally if done else Tally()
        reissued = done.reissued if done else 0
        aftermath = Aftermath(outcome.reason, tally.held, len(letters), reissued)
        self._on_committed(claim, state, aftermath)
        return PollResult(
            reason=outcome.reason,
            status=fetched.status,
            bytes=fetched.wire_bytes,
            entries=done.entries if done else 0,
            new=tally.new,
            changed=tally.changed,
            remembered=tally.remembered,
            elapsed_ms=now_ms - claim.until_ms + self._store.lease_ms,
            next_due_ms=due_ms,
            next_why=due.why,
            url=fetched.url,
            detail="" if outcome.reason in SUCCESS else fetched.detail,
        )

    def letter(
        self, claim: Claim, stage: str, reason: str, body: bytes, fetched: Fetched
    ) -> OutboxEvent:
        """The dead letter for a document or entry that ``stage`` could not work on."""
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
