"""The compatibility checker catches what breaks consumers, and lets pass what does not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from schemas.compatibility import compare
from schemas.generate import RELEASED, breaks, json_schemas

Schema = dict[str, Any]

RELEASE: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:test:v1",
    "type": "object",
    "required": ["id", "state"],
    "properties": {
        "id": {"type": "string", "pattern": "^[a-z]{4}$", "description": "Id."},
        "state": {"type": "string", "enum": ["new", "old"]},
        "kind": {"const": "x"},
        "text": {"type": "string", "minLength": 1, "maxLength": 100},
        "count": {"type": "integer", "minimum": 1, "maximum": 10},
        "score": {"type": "number"},
        "at": {"type": "string", "format": "date-time"},
        "either": {"type": ["string", "integer"]},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 3},
        "author": {"allOf": [{"$ref": "#/$defs/Person"}], "description": "Who."},
        "closed": {"type": "object", "additionalProperties": False, "properties": {}},
        "open": {"type": "object", "properties": {}},
    },
    "$defs": {
        "Person": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "maxLength": 50},
                "knows": {"$ref": "#/$defs/Person"},
            },
        }
    },
}


def _props(schema: Schema) -> Schema:
    found: Schema = schema["properties"]
    return found


def _person(schema: Schema) -> Schema:
    found: Schema = schema["$defs"]["Person"]
    return found


Change = Callable[[Schema], Any]

BREAKING: dict[str, tuple[Change, str, str]] = {
    "field removed": (lambda s: _props(s).pop("text"), "/text", "field_removed"),
    "field renamed": (
        lambda s: _props(s).update(body=_props(s).pop("text")),
        "/text",
        "field_removed",
    ),
    "nested field removed": (
        lambda s: _person(s)["properties"].pop("name"),
        "/author/name",
        "field_removed",
    ),
    "newly required": (lambda s: s["required"].append("text"), "/text", "newly_required"),
    "new field, required at once": (
        lambda s: (_props(s).update(more={"type": "string"}), s["required"].append("more")),
        "/more",
        "newly_required",
    ),
    "no longer required": (lambda s: s["required"].remove("id"), "/id", "no_longer_required"),
    "nested no longer required": (
        lambda s: _person(s).pop("required"),
        "/author/name",
        "no_longer_required",
    ),
    "type changed": (
        lambda s: _props(s).update(text={"type": "boolean"}),
        "/text",
        "type_changed",
    ),
    "type narrowed": (
        lambda s: _props(s)["either"].update(type="string"),
        "/either",
        "type_narrowed",
    ),
    "type widened, to null": (
        lambda s: _props(s)["text"].update(type=["string", "null"]),
        "/text",
        "type_widened",
    ),
    "integer widened to number": (
        lambda s: _props(s)["count"].update(type="number"),
        "/count",
        "type_widened",
    ),
    "number narrowed to integer": (
        lambda s: _props(s)["score"].update(type="integer"),
        "/score",
        "type_narrowed",
    ),
    "type dropped": (lambda s: _props(s)["text"].pop("type"), "/text", "type_widened"),
    "list became a scalar": (
        lambda s: _props(s).update(tags={"type": "string"}),
        "/tags",
        "type_changed",
    ),
    "enum shrunk": (lambda s: _props(s)["state"].update(enum=["new"]), "/state", "enum_shrunk"),
    "enum grown": (
        lambda s: _props(s)["state"]["enum"].append("gone"),
        "/state",
        "enum_grown",
    ),
    "enum dropped": (lambda s: _props(s)["state"].pop("enum"), "/state", "enum_removed"),
    "enum added": (lambda s: _props(s)["text"].update(enum=["a"]), "/text", "enum_added"),
    "const changed": (lambda s: _props(s)["kind"].update(const="y"), "/kind", "enum_grown"),
    "pattern changed": (
        lambda s: _props(s)["id"].update(pattern="^[a-z]{5}$"),
        "/id",
        "pattern_changed",
    ),
    "pattern dropped": (lambda s: _props(s)["id"].pop("pattern"), "/id", "pattern_changed"),
    "pattern added": (
        lambda s: _props(s)["text"].update(pattern="^a"),
        "/text",
        "pattern_changed",
    ),
    "longer text": (
        lambda s: _props(s)["text"].update(maxLength=101),
        "/text",
        "bound_loosened",
    ),
    "shorter text": (
        lambda s: _props(s)["text"].update(maxLength=99),
        "/text",
        "bound_tightened",
    ),
    "empty text": (lambda s: _props(s)["text"].pop("minLength"), "/text", "bound_loosened"),
    "minimum raised": (
        lambda s: _props(s)["count"].update(minimum=2),
        "/count",
        "bound_tightened",
    ),
    "maximum dropped": (
        lambda s: _props(s)["count"].pop("maximum"),
        "/count",
        "bound_loosened",
    ),
    "more items": (lambda s: _props(s)["tags"].update(maxItems=4), "/tags", "bound_loosened"),
    "items changed": (
        lambda s: _props(s)["tags"]["items"].update(maxLength=6),
        "/tags/*",
        "bound_loosened",
    ),
    "items no longer described": (
        lambda s: _props(s)["tags"].pop("items"),
        "/tags/*",
        "items_changed",
    ),
    "format changed": (
        lambda s: _props(s)["at"].update(format="date"),
        "/at",
        "keyword_changed",
    ),
    "format dropped": (lambda s: _props(s)["at"].pop("format"), "/at", "keyword_changed"),
    "fields closed": (
        lambda s: s.update(additionalProperties=False),
        "",
        "fields_closed",
    ),
    "fields opened": (
        lambda s: _props(s)["closed"].pop("additionalProperties"),
        "/closed",
        "fields_opened",
    ),
    "field added where the release forbids it": (
        lambda s: _props(s)["closed"]["properties"].update(a={}),
        "/closed/a",
        "field_added_to_closed",
    ),
    "condition added": (lambda s: s.update({"not": {"required": ["text"]}}), "", "keyword_changed"),
    "dependency added": (
        lambda s: s.update(dependentRequired={"text": ["tags"]}),
        "",
        "keyword_changed",
    ),
    "major version changed in place": (
        lambda s: s.update({"$id": "urn:test:v2"}),
        "",
        "keyword_changed",
    ),
    "reference to another type": (
        lambda s: _props(s).update(author={"type": "string"}),
        "/author",
        "type_changed",
    ),
}

HARMLESS: dict[str, Change] = {
    "nothing": lambda s: None,
    "new optional field": lambda s: _props(s).update(more={"type": "string"}),
    "new optional nested field": lambda s: _person(s)["properties"].update(role={}),
    "other description": lambda s: _props(s)["id"].update(description="The id.", title="Id"),
    "examples": lambda s: _props(s)["id"].update(examples=["abcd"]),
    "deprecated": lambda s: _props(s)["text"].update(deprecated=True),
    "order of enum and required": lambda s: (
        _props(s)["state"]["enum"].reverse(),
        s["required"].reverse(),
    ),
    "a type inlined": lambda s: _props(_person(s)).update(
        knows={k: v for k, v in _person(copy.deepcopy(s)).items() if k != "required"}
        | {"required": ["name"]}
    ),
    "a type renamed": lambda s: (
        s["$defs"].update(Human=s["$defs"].pop("Person")),
        _props(s)["author"].update(allOf=[{"$ref": "#/$defs/Human"}]),
        s["$defs"]["Human"]["properties"].update(knows={"$ref": "#/$defs/Human"}),
    ),
    "reference without its wrapping": lambda s: _props(s).update(author={"$ref": "#/$defs/Person"}),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_breaking_change_is_caught(name: str) -> None:
    """The change is found, at its place, under its kind."""
    change, path, kind = BREAKING[name]
    new = copy.deepcopy(RELEASE)
    change(new)
    assert (path, kind) in [(b.path, b.kind) for b in compare(RELEASE, new)]


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_passes(name: str) -> None:
    """What no consumer can notice, or must ignore, is no break."""
    new = copy.deepcopy(RELEASE)
    HARMLESS[name](new)
    assert compare(RELEASE, new) == []


def test_a_break_reads_as_a_sentence() -> None:
    """Whoever broke the contract is told where and how."""
    new = copy.deepcopy(RELEASE)
    _props(new).pop("text")
    assert [str(b) for b in compare(RELEASE, new)] == ["/text: field_removed: consumers read it"]


def test_the_events_break_nothing_that_is_released() -> None:
    """The types as they are now keep the released major version's promises."""
    assert {p.stem for p in RELEASED.glob("*.json")} == set(json_schemas())
    assert breaks() == []
