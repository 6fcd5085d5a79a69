"""Tests that cannot run for want of a program: skipped, and said at the end of the run in plain sight."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from typing import Any, NoReturn

import pytest

_MARK = "NOT PROVED: "


def program(name: str, *others: str, package: str, unproved: str) -> str:
    """The path of a program; skips the test, loudly, where it is not installed."""
    path = next(filter(None, map(shutil.which, (name, *others))), None)
    if path is None:
        skip_loudly(f"{name} (Debian's package {package})", unproved)
    return path


def skip_loudly(missing: str, unproved: str) -> NoReturn:
    """Skip this test, and have it said at the end what stays unproved for want of what."""
    pytest.skip(f"{_MARK}without {missing}: {unproved}")


def said_loudly(reports: Iterable[Any]) -> list[str]:
    """What reports of skipped tests say so, once each; they come from other processes too."""
    reasons = (str(r.longrepr[2]) for r in reports if isinstance(r.longrepr, tuple))
    return sorted({r.partition(_MARK)[2] for r in reasons if _MARK in r})
