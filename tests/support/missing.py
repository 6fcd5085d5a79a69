"""Tests that cannot run for want of a program: skipped, and said at the end of the run in plain sight."""

from __future__ import annotations

import shutil
from typing import NoReturn

import pytest

UNPROVED: dict[str, str] = {}
"""What is missing, to what stays unproved without it; conftest prints it."""


def program(name: str, *others: str, package: str, unproved: str) -> str:
    """The path of a program; skips the test, loudly, where it is not installed."""
    path = next(filter(None, map(shutil.which, (name, *others))), None)
    if path is None:
        skip_loudly(f"{name} (Debian's package {package})", unproved)
    return path


def skip_loudly(missing: str, unproved: str) -> NoReturn:
    """Skip this test, and have it said at the end."""
    UNPROVED[missing] = unproved
    pytest.skip(f"needs {missing}")
