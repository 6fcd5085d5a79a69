"""Times as they are written for others; all stored times are epoch milliseconds UTC."""

from __future__ import annotations

from datetime import datetime, timedelta

_EPOCH = datetime(1970, 1, 1)  # UTC, without saying so: the zone is written by hand


def rfc3339(ms: int) -> str:
    """Epoch milliseconds as RFC 3339 in UTC with milliseconds: ``2026-03-01T07:30:00.000Z``.

    Half the cost of ``strftime``; several stand in each event.
    """
    return f"{(_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec='milliseconds')}Z"
