"""Apache Kafka's jars from Maven Central, fetched once into the project's cache."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_POM = Path(__file__).with_name("kafka") / "pom.xml"
_DOWNLOAD_S = 300


class KafkaMissingError(Exception):
    """Apache Kafka cannot be had here; the message says why."""


def cache_dir() -> Path:
    """``$NEWSWIRE_TEST_CACHE``, else ``.cache`` in the project."""
    path = Path(os.environ.get("NEWSWIRE_TEST_CACHE") or ROOT / ".cache").resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


@cache
def kafka_jars() -> Path:
    """The folder of the jars, whole. Two runs may ask at once: one fetches, the other waits.

    Raises KafkaMissingError without Java 17, or without Maven (or a network) while the cache is
    empty.
    """
    _check_java()
    target = cache_dir() / f"kafka-{_version()}"
    with (cache_dir() / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            _fetch(target)
    return target


def _version() -> str:
    match = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)", _POM.read_text())
    assert match, "pom.xml names Kafka's version"
    return match[1]


def _check_java() -> None:
    if not shutil.which("java"):
        raise KafkaMissingError("there is no `java` on the PATH")
    done = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    match = re.search(r'version "(\d+)', done.stderr + done.stdout)
    if not match or int(match[1]) < 17:
        said = (done.stderr.splitlines() or ["`java -version` says nothing"])[0]
        raise KafkaMissingError(f"Kafka 4 needs Java 17; found: {said}")


def _fetch(target: Path) -> None:
    maven = shutil.which("mvn")
    if not maven:
        raise KafkaMissingError("there is no `mvn` on the PATH to fetch Kafka's jars with")
    scratch = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    try:
        command = [maven, "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies"]
        done = subprocess.run(
            [*command, f"-DoutputDirectory={scratch}"],
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_S,
            check=False,
        )
        if done.returncode:
            raise KafkaMissingError(f"Maven cannot fetch Kafka: {done.stdout.strip()[-600:]}")
        scratch.rename(target)  # only ever seen whole
    except subprocess.TimeoutExpired as error:
        raise KafkaMissingError(f"Maven took longer than {_DOWNLOAD_S} s") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
