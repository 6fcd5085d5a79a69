"""The generated schemas: current, complete, valid, and readable alike in both dialects."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker

from schemas import events
from schemas.asyncapi import headers_example, headers_schema
from schemas.examples import EXAMPLES, plain
from schemas.generate import HERE, files, json_schemas
from schemas.topics import TOPICS

SCHEMAS = json_schemas()
MESSAGES = [(topic, message) for topic in TOPICS for message in topic.messages]

SHARED_KEYWORDS = {
    *("type", "properties", "required", "items", "allOf", "$ref", "enum", "const", "pattern"),
    *("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "format"),
    *("title", "description", "examples"),
}
"""Keywords that mean the same in draft-07 and 2020-12 as we use them."""


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with where it stands."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, f"{path}/{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}/*")
    for name, inner in schema.get("$defs", {}).items():
        yield from nodes(inner, f"{path}#{name}")


def fields() -> list[Any]:
    """Every described field of every schema."""
    return [
        pytest.param(node, id=f"{name}{path}")
        for name, schema in SCHEMAS.items()
        for path, node in nodes(schema)
        if "properties" not in node
    ]


def test_generated_files_are_current() -> None:
    """What is checked in is what the typed events say; else run `python -m schemas.generate`."""
    stale = [
        str(path.relative_to(HERE))
        for path, content in files().items()
        if not path.is_file() or path.read_text("utf-8") != content
    ]
    assert not stale
    assert {p.name for p in (HERE / "json").iterdir()} == {f"{n}.json" for n in SCHEMAS}


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_valid_in_their_dialect(name: str) -> None:
    """Each is a JSON Schema 2020-12 with the id that ce_dataschema names."""
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$id"] == f"urn:newswire:{name}:v{events.MAJOR}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_only_keywords_that_mean_the_same_in_draft_07(name: str) -> None:
    """AsyncAPI reads payloads as draft-07; nothing beside a $ref, no keyword of later drafts."""
    for path, node in nodes(SCHEMAS[name]):
        used = node.keys() - ({"$schema", "$id", "$defs"} if not path else set())
        assert used <= SHARED_KEYWORDS, path
        assert "$ref" not in node or node.keys() == {"$ref"}, path


@pytest.mark.parametrize("field", fields())
def test_every_field_is_described_and_bounded(field: dict[str, Any]) -> None:
    """Each field has a description; a string, number or list has bounds and an example."""
    assert "$ref" in field or field.get("description")
    kind = field.get("type")
    if kind == "string" and "enum" not in field:
        assert "maxLength" in field or field["pattern"].endswith(("}$", "Z$"))
        assert "minLength" in field or "pattern" in field, "'' must not be allowed"
    if kind in ("integer", "number"):
        assert {"minimum", "maximum"} <= field.keys()
    if kind == "array":
        assert {"minItems", "maxItems", "items"} <= field.keys()
    if kind and "enum" not in field:
        assert field["examples"]
        checker = Draft202012Validator({**field, "$defs": _defs()}, format_checker=FormatChecker())
        for example in field["examples"]:
            checker.validate(example)


def _defs() -> dict[str, Any]:
    return {k: v for schema in SCHEMAS.values() for k, v in schema.get("$defs", {}).items()}


@pytest.mark.parametrize(("topic", "message"), MESSAGES, ids=lambda m: getattr(m, "name", ""))
def test_examples_are_valid(topic: Any, message: Any) -> None:
    """Each example is valid by its JSON Schema, by the draft-07 reading, and by the typed event."""
    assert EXAMPLES[message.name]
    schema = SCHEMAS[message.schema]
    as_draft_07 = json.loads(json.dumps(schema).replace("$defs", "definitions"))
    for event in EXAMPLES[message.name]:
        value = plain(event)
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(value)
        Draft7Validator({k: v for k, v in as_draft_07.items() if k != "$schema"}).validate(value)
        assert msgspec.json.decode(events.encode(event), type=message.type) == event
    if message.ce_type:
        Draft202012Validator(headers_schema(topic, message)).validate(
            headers_example(topic, message)
        )


@pytest.mark.parametrize(
    "bad",
    [
        {"url": ""},
        {"url": None},
        {"keywords": []},
        {"keywords": "one"},
        {"author": {"@type": "Person", "name": "A"}},
        {"datePublished": "2026-03-01T08:30:00+01:00"},
        {"datePublished": "2026-03-01T07:30:00Z"},
        {"headline": ""},
        {"dateConfidence": ""},
        {"revision": 0},
        {"isPartOf": {"name": "without an id"}},
        {"articleBody": "x" * 200_001},
    ],
)
def test_what_breaks_the_rules_is_invalid(bad: dict[str, Any]) -> None:
    """Null, empty text, an empty list, a scalar for a list and another form of time are refused."""
    value = plain(EXAMPLES["ArticleCreated"][0]) | bad
    assert not Draft202012Validator(SCHEMAS["article"]).is_valid(value)


def test_unknown_fields_are_allowed() -> None:
    """A later minor version may add a field: a consumer's validator must let it pass."""
    value = plain(EXAMPLES["ArticleCreated"][0]) | {"sentiment": "calm"}
    value["isPartOf"]["country"] = "SE"
    Draft202012Validator(SCHEMAS["article"]).validate(value)


def test_the_package_stands_alone() -> None:
    """No module of `schemas` imports the worker: a Python consumer can use it by itself."""
    for path in Path(HERE).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            assert not [n for n in names if n.split(".")[0] == "workers"], path
