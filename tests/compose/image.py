"""The worker's image: how large it is, what it says of itself, and that it can be made again."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.compose.engine import base_image
from tests.compose.stack import ROOT, LifeError, docker

IMAGE = "newswire:local"
MOST_MB = 150
"""Over the base image."""


def check() -> None:
    """Print what the image is. Raises LifeError when it is not what it must be."""
    found, base = _inspect(IMAGE), _inspect(base_image())
    size, below = found["Size"] / 1e6, base["Size"] / 1e6
    print(f"    image {size:.0f} MB: the base {below:.0f} MB, Newswire {size - below:.1f} MB")
    config = found["Config"]
    labels = {name.rpartition("image.")[2] for name, value in config["Labels"].items() if value}
    must = {
        f"less than {MOST_MB} MB over its base": size - below < MOST_MB,
        "a user by number, not root": config["User"] == "65532:65532",
        "an entry point without a shell": config["Entrypoint"] == ["newswire"],
        "a health check without a shell": config["Healthcheck"]["Test"][0] == "CMD",
        "labels of the Open Container Initiative": labels >= {"title", "description", "version"},
    }
    for what, holds in must.items():
        if not holds:
            raise LifeError(f"the image must have: {what}")
        print(f"    {what}")


def build_again() -> None:
    """A copy of the sources with other dates and modes, without any cache, gives the same layers."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "elsewhere"
        for name in ("workers", "schemas", "deploy"):
            shutil.copytree(ROOT / name, copy / name, copy_function=shutil.copyfile)
        for name in ("pyproject.toml", "README.md", ".dockerignore", *_locks()):
            shutil.copyfile(ROOT / name, copy / name)
        for path in copy.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
            os.utime(path, (1_000_000_000, 1_000_000_000))
        command = ["build", "--no-cache", "--quiet", "--file", str(copy / "deploy" / "Dockerfile")]
        docker(*command, "--tag", "newswire:again", str(copy), timeout_s=600)
    first, again = (_inspect(name)["RootFS"]["Layers"] for name in (IMAGE, "newswire:again"))
    docker("image", "rm", "newswire:again")
    if first != again:
        raise LifeError(f"built again, the layers differ: {first[-1]} and {again[-1]}")
    print(f"    built again in {time.monotonic() - start:.0f} s, the same layer {first[-1][:19]}")


def _locks() -> list[str]:
    return [path.name for path in ROOT.glob("requirements-*.lock")]


def _inspect(image: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(docker("image", "inspect", image))
    return found[0]
