"""Dead letters: what could not be processed, with its bytes, so that nothing is lost silently."""

from __future__ import annotations

import base64
import hashlib

from schemas.events import TYPE_DEAD_LETTER, DeadLetterEvent, encode
from schemas.fields import MAX_LETTER
from workers.clock import rfc3339
from workers.cloudevents import headers
from workers.model import OutboxEvent
from workers.store.outbox import Entry


def dead_letter(  # noqa: PLR0913 - all by name: the fields of the event
    instance: str,
    *,
    feed_id: str,
    stage: str,
    reason: str,
    body: bytes,
    now_ms: int,
    url: str = "",
    content_type: str = "",
    detail: str = "",
    article_id: str = "",
    keep: int = MAX_LETTER,
) -> OutboxEvent:
    """One dead letter, keyed by feed; of ``body`` so many bytes are kept, 256 KiB at most."""
    digest = hashlib.sha256(body).hexdigest()
    event = DeadLetterEvent(
        feed_id=feed_id,
        stage=stage,  # type: ignore[arg-type]  # callers pass a member of the Literal
        reason=reason,
        occurred_at=rfc3339(now_ms),
        length=len(body),
        sha256=digest,
        url=url[:4096],
        content_type=content_type[:200],
        detail=detail[:1000],
        body=base64.b64encode(body[:keep]).decode(),
        truncated=len(body) > keep,
        article_id=article_id,
    )
    ce = headers(
        instance,
        feed_id,
        id=f"{feed_id}-{stage}-{digest[:16]}-{now_ms}",
        type=TYPE_DEAD_LETTER,
        subject=feed_id,
        time_ms=now_ms,
        schema="dead-letter",
    )
    return OutboxEvent("dead-letters", feed_id.encode(), encode(event), ce)


def same_letter(letter: OutboxEvent) -> bytes:
    """What two letters have in common that say the same of the same bytes at different times."""
    return dict(letter.headers)["ce_id"].rpartition(b"-")[0]


def refused(instance: str, entry: Entry, detail: str, *, keep: int = MAX_LETTER) -> OutboxEvent:
    """The dead letter that takes the place of an event the broker refuses, at the same position."""
    ce = dict(entry.event.headers)
    feed_id = ce.get("ce_source", b"").decode().rpartition("/")[2] or "unknown"
    return dead_letter(
        instance,
        feed_id=feed_id,
        stage="publish",
        reason="event_refused",
        body=entry.event.value,
        now_ms=entry.sequence // 1000,
        detail=detail,
        article_id=ce.get("ce_subject", b"").decode() if entry.event.topic == "articles" else "",
        keep=keep,
    )
