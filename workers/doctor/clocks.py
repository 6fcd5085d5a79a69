"""Whether clocks agree. Pure."""

from __future__ import annotations

from workers.doctor.findings import Finding, fail, ok, warn

APART_S, FAR_APART_S = 2.0, 60.0


def judge_clock(area: str, whose: str, ahead_s: float) -> Finding:
    """Another clock against this machine's; ``ahead_s`` is below zero when it is behind."""
    apart = abs(ahead_s)
    if apart < APART_S:
        return ok(area, f"{whose}'s clock and this machine's agree")
    where = "ahead of" if ahead_s > 0 else "behind"
    text = f"{whose}'s clock is {apart:.0f} s {where} this machine's"
    todo = "Run NTP (chrony, systemd-timesyncd) on both."
    return fail(area, text, todo) if apart >= FAR_APART_S else warn(area, text, todo)
