"""Other releases of Newswire as programs: the one before, out of git's history, and one that is to come."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.kafka_jars import ROOT

PREVIOUS = "df3db56757449a7c997218aff0562eda6aeb7a8a"
"""The commit of the release before this one: whoever makes a release puts it here."""

NEXT = [sys.executable, "-m", "tests.support.next_release"]
"""``newswire`` of a release whose newest version of the state is one higher."""


class NoHistoryError(Exception):
    """The release before cannot be had here."""


def unpack_previous(folder: Path) -> Path:
    """Put the packages of the release before into a folder. Raises NoHistoryError."""
    if not (ROOT / ".git").exists():
        raise NoHistoryError("this is no clone of the repository")
    archive = folder / "previous.tar"
    done = subprocess.run(
        ["git", "archive", "--output", str(archive), PREVIOUS, "workers", "schemas"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NoHistoryError(
            f"its history does not reach back to {PREVIOUS[:7]}: {done.stderr.strip()}"
        )
    tree = folder / "previous"
    tree.mkdir()
    subprocess.run(
        ["tar", "--extract", "--file", str(archive), "--directory", str(tree)], check=True
    )
    return tree
