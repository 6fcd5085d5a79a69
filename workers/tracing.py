"""One trace from a poll to Kafka, for who asks for it (NEWSWIRE_TRACES); else each call does nothing.

The poll's context travels with its events through the outbox, as `ce_traceparent` (CloudEvents' distributed
tracing extension): whoever publishes them, and whoever consumes them, goes on with the same trace.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

from workers.model import OutboxEvent, PollResult

HEADER = "ce_traceparent"
Step = Literal["poll", "fetch", "parse", "commit"]
"""The parts of a poll; each but the poll itself is within it."""


class Backend(Protocol):
    """What makes spans. Safe to call from any thread."""

    def step(self, step: Step, feed_id: str) -> AbstractContextManager[None]:
        """A part of a poll, as long as the context lasts; parts begun in it are its children."""

    def polled(self, result: PollResult) -> None:
        """Say what came of the poll whose context this is."""

    def traceparent(self) -> str:
        """The current context, as W3C writes it; empty when there is none."""

    def sent(self, events: Iterable[OutboxEvent], started_ns: int, ended_ns: int) -> None:
        """Events went to Kafka in one transaction, between these epoch nanoseconds."""

    def close(self) -> None:
        """Hand over what is left."""


class _Off:
    _nothing = nullcontext()

    def step(self, step: Step, feed_id: str) -> AbstractContextManager[None]:
        return self._nothing

    def polled(self, result: PollResult) -> None:
        pass

    def traceparent(self) -> str:
        return ""

    def sent(self, events: Iterable[OutboxEvent], started_ns: int, ended_ns: int) -> None:
        pass

    def close(self) -> None:
        pass


_backend: Backend = _Off()


def use(backend: Backend | None) -> None:
    """Make spans by this from now on; None: make none."""
    global _backend  # noqa: PLW0603 - one for the process, as the log is
    _backend = backend or _Off()


def step(name: Step, feed_id: str) -> AbstractContextManager[None]:
    """A part of a poll; see ``Backend``."""
    return _backend.step(name, feed_id)


def polled(result: PollResult) -> None:
    """Say what came of the current poll."""
    _backend.polled(result)


def traceparent() -> str:
    """The current context for an event's header; empty when there is none."""
    return _backend.traceparent()


def sent(events: Iterable[OutboxEvent], started_ns: int, ended_ns: int) -> None:
    """Events went to Kafka in one transaction, between these epoch nanoseconds."""
    _backend.sent(events, started_ns, ended_ns)


def close() -> None:
    """Hand over what is left, and make no more."""
    _backend.close()
    use(None)
