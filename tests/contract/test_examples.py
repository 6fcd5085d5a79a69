"""The consumers of deploy/examples, each in its language, on a topic with all that a topic can hold."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from schemas.events import encode
from schemas.examples import CREATED, UPDATED, WITHDRAWN
from tests.conftest import Names
from tests.contract.npm import node_modules
from tests.support.kafka_jars import ROOT, cache_dir
from tests.support.topic import create_topic
from workers.cloudevents import headers

EXAMPLES = ROOT / "deploy" / "examples"
SCHEMAS = ROOT / "schemas" / "json"
_WAIT_S = 60
_END = "zzzzzzzzzzzzzzzz"


def _record(kind: str, event: Any, **changes: Any) -> dict[str, Any]:
    value = json.loads(encode(event)) | changes
    key = value["articleId"]
    ce = headers(
        "blue",
        "fcwojfxwnumramdba",
        id=f"{key}-{value['revision']}-{kind}",
        type=f"news.article.{kind}",
        subject=key,
        time_ms=1_772_350_200_000,
        schema="article-withdrawn" if kind == "withdrawn" else "article",
    )
    return {"key": key, "value": json.dumps(value).encode(), "headers": list(ce)}


LIVE = [
    _record("created", CREATED),
    _record("created", CREATED),  # the same event again
    _record("translated", CREATED),  # a type of a later version
    _record("updated", UPDATED, mood="calm"),  # with a field of a later version
    _record("withdrawn", WITHDRAWN),
    {"key": "tombstone", "value": None, "headers": []},
]
ABORTED = _record("created", CREATED, articleId="abortedabortedab")
LAST = _record("created", CREATED, articleId=_END)


INVALID = _record("created", CREATED, articleId="invalidinvalidin", revision="one")


@pytest.fixture
def topic(kafka: str, kafka_server: object, names: Names) -> str:
    """A topic to fill with ``_publish``."""
    create_topic(kafka, names.articles, for_ever=True)
    return names.articles


def _publish(kafka: str, topic: str, live: Sequence[dict[str, Any]]) -> None:
    """Publish these, one event in a transaction that is aborted, and the last one."""
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "transactional.id": topic,
            "compression.type": "gzip",
            "log_level": 0,
        }
    )
    producer.init_transactions()
    for records, commit in ((live, True), ([ABORTED], False), ([LAST], True)):
        producer.begin_transaction()
        for record in records:
            producer.produce(topic, **record)
        producer.flush()
        if commit:
            producer.commit_transaction()
        else:
            producer.abort_transaction()


def _lines(command: Sequence[str], until: str, **options: Any) -> list[str]:
    """What a program prints, up to the first line with ``until``; the program is ended then."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )
    assert process.stdout
    assert process.stderr
    lines: queue.Queue[str | None] = queue.Queue()
    out = process.stdout

    def read() -> None:
        for line in out:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    errors: list[str] = []
    threads = [
        threading.Thread(target=read, daemon=True),
        threading.Thread(target=errors.extend, args=(process.stderr,), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        return list(_up_to(lines, until))
    except queue.Empty:
        pytest.fail(f"{command[0]} does not print {until} within {_WAIT_S} s\n{''.join(errors)}")
    finally:
        process.kill()
        process.wait()
        for thread in threads:
            thread.join(10)


def _up_to(lines: queue.Queue[str | None], until: str) -> Iterator[str]:
    while (line := lines.get(timeout=_WAIT_S)) is not None:
        yield line
        if until in line:
            return
    raise queue.Empty


def _python(kafka: str, topic: str, name: str) -> list[str]:
    return [sys.executable, str(EXAMPLES / "python" / f"articles_{name}.py"), kafka, topic]


def _node(kafka: str, topic: str) -> list[str]:
    wanted = json.loads((EXAMPLES / "node" / "package.json").read_text())["dependencies"]
    folder = node_modules(wanted)
    # Modules are looked for beside the program, so it goes to where they are.
    program = folder / "articles.mjs"
    shutil.copyfile(EXAMPLES / "node" / "articles.mjs", program)
    return ["node", str(program), kafka, topic]


def _java(kafka: str, topic: str) -> list[str]:
    if not shutil.which("java") or not shutil.which("mvn"):
        pytest.skip("needs Java 17 and Maven")
    jars = cache_dir() / "example-java"
    if not (jars / ".whole").exists():
        pom = str(EXAMPLES / "java" / "pom.xml")
        fetch = ["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies"]
        done = subprocess.run(
            [*fetch, f"-DoutputDirectory={jars}"],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"Maven cannot fetch the example's jars: {done.stdout.strip()[-200:]}")
        (jars / ".whole").touch()
    program = str(EXAMPLES / "java" / "Articles.java")
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return ["java", quiet, "-cp", f"{jars}/*", program, kafka, topic, str(SCHEMAS)]


def _go(kafka: str, topic: str) -> list[str]:
    if not shutil.which("go"):
        pytest.skip("needs Go")
    program = cache_dir() / "example-go"
    env = {**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false"}
    done = subprocess.run(
        ["go", "build", "-o", str(program), "."],
        cwd=EXAMPLES / "go",
        env=env,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    if done.returncode and "dial tcp" in done.stderr:
        pytest.skip("Go cannot fetch the example's modules")
    assert done.returncode == 0, done.stderr
    return [str(program), kafka, topic, str(SCHEMAS)]


@pytest.mark.parametrize("language", ["kafka_python", "confluent", "node", "java", "go"])
def test_an_example_reads_what_a_consumer_should(language: str, kafka: str, topic: str) -> None:
    """Committed events once each, validated, told apart; what is unknown is ignored."""
    _publish(kafka, topic, [LIVE[0], INVALID, *LIVE[1:]])
    makers = {"node": _node, "java": _java, "go": _go}
    python = partial(_python, name=language)
    command = makers.get(language, python)(kafka, topic)
    env = {**os.environ, "SCHEMAS": str(SCHEMAS)}
    rows = [line.split("\t") for line in _lines(command, f"\t{_END}\t", env=env)]
    known = CREATED.article_id
    assert [row[:3] for row in rows if row[0] != "invalid"] == [
        ["created", known, "1"],
        ["updated", known, "2"],
        ["withdrawn", known, "3"],
        ["created", _END, "1"],
    ]
    assert rows[0][3] == CREATED.headline
    assert [row[1] for row in rows if row[0] == "invalid"] == ["invalidinvalidin-one-created"]
    assert [row[0] for row in rows].index("invalid") == 1


def test_keyword_alerts(kafka: str, topic: str) -> None:
    """An alert when an article begins to mention a word, a retraction when it is withdrawn; one that is
    announced anew, when Redis has forgotten it, has the revision 1 again and counts all the same."""
    anew = _record("created", CREATED, headline="Announced anew")
    anew["headers"] = [(n, b"anew" if n == "ce_id" else v) for n, v in anew["headers"]]
    _publish(kafka, topic, [*LIVE, anew])
    program = str(EXAMPLES / "python" / "alerts.py")
    command = [sys.executable, program, kafka, topic, "tool library", "tool librar", "Monday"]
    lines = [line.split("\t") for line in _lines(command, "Announced anew")]
    mine = [(row[0], row[1]) for row in lines]
    assert mine[:2] == [("ALERT", "Monday"), ("ALERT", "tool library")]
    assert ("RETRACT", "Monday") in mine
    assert mine[-1] == ("ALERT", "Monday")
    assert not [row for row in mine if row[1] == "tool librar"]


def test_the_service_is_small() -> None:
    """Keyword alerts are a service in sixty lines of code."""
    lines = Path(EXAMPLES / "python" / "alerts.py").read_text().splitlines()
    code = [x for x in lines if x.strip() and not x.strip().startswith(("#", '"""'))]
    assert len(code) <= 60
