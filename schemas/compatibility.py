"""Says what a newer JSON Schema breaks of a released one, for consumers of a topic. Pure.

A topic holds events of both versions at once, and consumers upgrade when they like. So both must hold: what
is published now satisfies the released schema (a consumer that validates with it, or sized its columns by
it), and what was published before satisfies the new one (a consumer that reads what is retained). Only this
may change: a new optional field, and annotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Schema = Mapping[str, Any]

ANNOTATIONS = frozenset(
    {
        "title",
        "description",
        "examples",
        "$comment",
        "deprecated",
        "default",
        "$defs",
        "definitions",
    }
)
_STRUCTURE = frozenset(
    {"type", "enum", "const", "properties", "required", "additionalProperties", "items"}
)
_LOWER = frozenset(
    {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"}
)
_UPPER = frozenset(
    {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"}
)


class Break(NamedTuple):
    """One breaking change: where (a JSON Pointer of the instance, ``*`` for list items), and what."""

    path: str
    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.path or '/'}: {self.kind}: {self.detail}"


def compare(released: Schema, new: Schema) -> list[Break]:
    """All breaking changes from ``released`` to ``new``, in the order of the released fields."""
    return _Comparison(released, new).at("", released, new)


class _Comparison:
    """Compares two documents; ``$ref`` is resolved in each one's own."""

    def __init__(self, released: Schema, new: Schema) -> None:
        self._released = released
        self._new = new
        self._seen: set[tuple[str, str]] = set()

    def at(self, path: str, raw_old: Any, raw_new: Any) -> list[Break]:
        old_ref, new_ref = _ref(raw_old), _ref(raw_new)
        if old_ref and new_ref:
            if (old_ref, new_ref) in self._seen:
                # A type that is used twice, or that holds itself, is told of once.
                return []
            self._seen.add((old_ref, new_ref))
        old, new = _resolve(self._released, raw_old), _resolve(self._new, raw_new)
        return [
            *_types(path, old, new),
            *_values(path, old, new),
            *self._fields(path, old, new),
            *self._items(path, old, new),
            *_bounds(path, old, new),
            *_others(path, old, new),
        ]

    def _fields(self, path: str, old: Schema, new: Schema) -> list[Break]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed, needs = set(old.get("required", ())), set(new.get("required", ()))
        found = _openness(path, old, new)
        for name in before:
            here = f"{path}/{name}"
            if name not in after:
                found.append(Break(here, "field_removed", "consumers read it"))
                continue
            found += self.at(here, before[name], after[name])
        for name in sorted(needs - needed):
            found.append(Break(f"{path}/{name}", "newly_required", "retained events lack it"))
        for name in sorted((needed - needs) & set(after)):
            found.append(Break(f"{path}/{name}", "no_longer_required", "consumers rely on it"))
        if _closed(old):
            for name in sorted(set(after) - set(before)):
                found.append(
                    Break(
                        f"{path}/{name}", "field_added_to_closed", "the released schema forbids it"
                    )
                )
        return found

    def _items(self, path: str, old: Schema, new: Schema) -> list[Break]:
        if "items" in old and "items" in new:
            return self.at(f"{path}/*", old["items"], new["items"])
        if "items" in old or "items" in new:
            what = "no longer described" if "items" in old else "described anew"
            return [Break(f"{path}/*", "items_changed", what)]
        return []


def _ref(schema: Any) -> str:
    """The one ``$ref`` that a schema stands for, itself or as its only ``allOf``."""
    if not isinstance(schema, Mapping):
        return ""
    if "$ref" in schema:
        return str(schema["$ref"])
    parts = schema.get("allOf", ())
    return str(parts[0].get("$ref", "")) if len(parts) == 1 else ""


def _resolve(document: Schema, schema: Any) -> Schema:
    """A schema without ``$ref``: the target's keywords, and those beside it."""
    if not isinstance(schema, Mapping):
        return {} if schema is True else {"not": {}}
    ref = _ref(schema)
    if not ref.startswith("#/"):
        return schema
    target: Any = document
    for part in ref[2:].split("/"):
        target = target[part.replace("~1", "/").replace("~0", "~")]
    beside = {k: v for k, v in schema.items() if k not in ("$ref", "allOf")}
    return {**_resolve(document, target), **beside}


def _names(schema: Schema) -> set[str]:
    kind = schema.get("type", ())
    return {kind} if isinstance(kind, str) else set(kind)


def _types(path: str, old: Schema, new: Schema) -> list[Break]:
    before, after = _names(old), _names(new)
    if before == after:
        return []
    text = f"{_said(before)} to {_said(after)}"
    widened = {"number"} if before == {"integer"} and after == {"number"} else set()
    if widened or (before and after > before) or not after:
        return [Break(path, "type_widened", text)]
    narrowed = before == {"number"} and after == {"integer"}
    if narrowed or after < before or not before:
        return [Break(path, "type_narrowed", text)]
    return [Break(path, "type_changed", text)]


def _values(path: str, old: Schema, new: Schema) -> list[Break]:
    before, after = _choices(old), _choices(new)
    if before is None and after is None:
        return []
    if before is None or after is None:
        kind = "enum_added" if before is None else "enum_removed"
        return [Break(path, kind, _said(after or before or set()))]
    found = []
    if gone := before - after:
        found.append(Break(path, "enum_shrunk", f"without {_said(gone)}"))
    if come := after - before:
        found.append(Break(path, "enum_grown", f"with {_said(come)}: a new kind of value"))
    return found


def _choices(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {repr(schema["const"])}
    return {repr(value) for value in schema["enum"]} if "enum" in schema else None


def _closed(schema: Schema) -> bool:
    return schema.get("additionalProperties", True) is not True


def _openness(path: str, old: Schema, new: Schema) -> list[Break]:
    before, after = (s.get("additionalProperties", True) for s in (old, new))
    if before == after:
        return []
    if after is not True:
        return [Break(path, "fields_closed", "unknown fields are no longer allowed")]
    return [Break(path, "fields_opened", "the released schema forbids unknown fields")]


def _bounds(path: str, old: Schema, new: Schema) -> list[Break]:
    found = []
    for name in sorted((_LOWER | _UPPER) & (old.keys() | new.keys())):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        stricter = before is None or (
            after is not None and (after > before if name in _LOWER else after < before)
        )
        kind = "bound_tightened" if stricter else "bound_loosened"
        found.append(Break(path, kind, f"{name} {before} to {after}"))
    return found


def _others(path: str, old: Schema, new: Schema) -> list[Break]:
    """Whatever else is no annotation: pattern, format, combinators, and what is not known here."""
    known = ANNOTATIONS | _STRUCTURE | _LOWER | _UPPER
    found = []
    for name in sorted((old.keys() | new.keys()) - known):
        before, after = old.get(name), new.get(name)
        if before != after:
            kind = "pattern_changed" if name == "pattern" else "keyword_changed"
            found.append(Break(path, kind, f"{name} {before!r} to {after!r}"))
    return found


def _said(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "anything"
