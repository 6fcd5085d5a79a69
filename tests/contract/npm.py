"""Packages of npm for tests, fetched once into the cache."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.support.kafka_jars import cache_dir
from tests.support.missing import skip_loudly


def node_modules(packages: Mapping[str, str]) -> Path:
    """A folder whose ``node_modules`` hold these versions; skips the test where there is no Node or npm."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        skip_loudly("Node.js and npm", "what is checked by tools of npm: " + ", ".join(packages))
    wanted = json.dumps({"private": True, "dependencies": dict(packages)}, sort_keys=True)
    folder = cache_dir() / f"npm-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    with (cache_dir() / "npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".whole").exists():
            folder.mkdir(exist_ok=True)
            (folder / "package.json").write_text(wanted)
            command = [
                npm,
                "install",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--loglevel=error",
            ]
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=100, check=False
            )
            if done.returncode:
                skip_loudly(
                    f"npm's {', '.join(packages)} ({done.stderr.strip()[-200:]})",
                    "what is checked by these tools",
                )
            (folder / ".whole").touch()
    return folder
