"""CloudEvents 1.0 headers in Kafka binary mode."""

from __future__ import annotations

from schemas.topics import data_schema
from workers.clock import rfc3339


def headers(  # noqa: PLR0913 - all by name: one for each header
    instance: str,
    feed_id: str,
    *,
    id: str,
    type: str,
    subject: str,
    time_ms: int,
    schema: str,
    backfill: bool = False,
    route: str = "",
    traceparent: str = "",
) -> tuple[tuple[str, bytes], ...]:
    """The headers of one event. ``ce_source`` names the feed, never a URL: it is stable over moves."""
    pairs = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": id,
        "ce_type": type,
        "ce_source": f"/newswire/{instance}/feeds/{feed_id}",
        "ce_subject": subject,
        "ce_time": rfc3339(time_ms),
        "ce_dataschema": data_schema(schema),
    }
    if backfill:
        pairs["ce_backfill"] = "true"
    if route:
        pairs["ce_route"] = route
    if traceparent:
        pairs["ce_traceparent"] = traceparent  # CloudEvents' distributed tracing extension
    return tuple((k, v.encode()) for k, v in pairs.items())
