"""Whether there is an engine that this test can use: ``python -m tests.compose.engine`` says why not.

Exit code 0 when there is. What is missing here is the machine's, and says nothing about Newswire.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from tests.compose.stack import ROOT, LifeError, docker

_NETWORK = "newswire-life-trial"


def base_image() -> str:
    """The image that deploy/Dockerfile starts from."""
    for line in Path("deploy/Dockerfile").read_text().splitlines():
        if line.startswith("ARG PYTHON="):
            return line.partition("=")[2]
    raise LifeError("deploy/Dockerfile names no base image")


def images() -> list[str]:
    """The public images that are needed, as docker-compose.yml and the Dockerfile name them."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    named = [str(services[name]["image"]) for name in ("valkey", "kafka")]
    return [base_image(), *(text.partition(":-")[2].rstrip("}") for text in named)]


def missing() -> str:
    """What is missing, in words; empty when nothing is."""
    try:
        docker("info", "--format", "{{.ServerVersion}}", timeout_s=30)
        docker("compose", "version", timeout_s=30)
        for image in images():
            if not docker("image", "ls", "--quiet", image):
                docker("pull", "--quiet", image, timeout_s=600)
        _try_network(base_image())
    except (LifeError, OSError) as error:
        return str(error)
    return ""


def _try_network(image: str) -> None:
    """A container on a network of its own, with a port on this machine: Docker's rules can be set."""
    docker("network", "create", _NETWORK)
    try:
        port = ["--publish", "127.0.0.1::80"]
        limits = ["--memory", "64m", "--pids-limit", "16", "--read-only"]
        docker("run", "--rm", "--network", _NETWORK, *port, *limits, image, "true")
    finally:
        docker("network", "rm", _NETWORK, check=False)


if __name__ == "__main__":
    sys.exit(missing() or 0)
