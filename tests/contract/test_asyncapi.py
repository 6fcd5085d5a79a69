"""The AsyncAPI document, by the official parser; and what it says of the topics is what we create."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from schemas.generate import HERE
from tests.contract.npm import node_modules
from workers.publisher.topics import topic_specs

DOCUMENT = HERE / "asyncapi.json"
PARSER = {"@asyncapi/parser": "3.6.6"}


def _check(document: Path) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).with_name("asyncapi_check.mjs")
    command = ["node", str(script), str(node_modules(PARSER)), str(document)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_official_parser_takes_it() -> None:
    """The document is valid AsyncAPI, without errors or warnings (severities 0 and 1)."""
    done = _check(DOCUMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [line for line in done.stdout.splitlines() if line[:1] in "01"]


def test_the_official_parser_can_refuse(tmp_path: Path) -> None:
    """A payload of no type, an action that is none, and a reference to nowhere are found."""
    for spoil in (_bad_type, _bad_action, _dangling):
        document = json.loads(DOCUMENT.read_text("utf-8"))
        spoil(document)
        path = tmp_path / "asyncapi.json"
        path.write_text(json.dumps(document))
        done = _check(path)
        assert done.returncode == 1 or done.stdout.startswith(("0", "1")), done.stdout


def _bad_type(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["article"]["type"] = "objekt"


def _bad_action(document: dict[str, Any]) -> None:
    document["operations"]["publish-articles"]["action"] = "publish"


def _dangling(document: dict[str, Any]) -> None:
    document["channels"]["articles"]["messages"]["ArticleCreated"]["$ref"] = "#/nowhere"


def test_its_references_lead_somewhere() -> None:
    """Every $ref resolves within the document, with or without Node."""
    document = json.loads(DOCUMENT.read_text("utf-8"))

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(ref := node.get("$ref"), str):
                target = document
                for part in ref.removeprefix("#/").split("/"):
                    target = target[part]
            for inner in node.values():
                walk(inner)
        if isinstance(node, list):
            for inner in node:
                walk(inner)

    walk(copy.deepcopy(document))


@pytest.mark.parametrize("spec", topic_specs("news.", 12, -1), ids=lambda spec: spec.name)
def test_it_says_what_is_created(spec: Any) -> None:
    """Address, cleanup policy and retention of each channel are those of the topic we create."""
    channels = json.loads(DOCUMENT.read_text("utf-8"))["channels"]
    channel = next(c for c in channels.values() if c["address"] == spec.name)
    binding = channel["bindings"]["kafka"]
    told = binding["topicConfiguration"]
    assert binding["topic"] == spec.name
    assert told["cleanup.policy"] == [spec.config["cleanup.policy"]]
    assert str(told.get("retention.ms", "")) == spec.config.get("retention.ms", "")
    assert binding.get("partitions", 12) == spec.partitions
