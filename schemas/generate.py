"""Makes ``schemas/json/*.json`` and ``schemas/asyncapi.json`` from the typed events.

``python -m schemas.generate`` writes them; ``--release`` also makes them the baseline that later changes
are compared with, and refuses when they break the one that is there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from schemas.asyncapi import document
from schemas.compatibility import compare
from schemas.events import MAJOR
from schemas.examples import EXAMPLES, plain
from schemas.topics import TOPICS, data_schema

HERE = Path(__file__).parent
JSON = HERE / "json"
RELEASED = HERE / "released" / f"v{MAJOR}"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schemas() -> dict[str, dict[str, Any]]:
    """Name of a value's schema to the schema, JSON Schema 2020-12, whole in itself."""
    found: dict[str, dict[str, Any]] = {}
    for topic in TOPICS:
        for message in topic.messages:
            schema = found.setdefault(message.schema, _schema(message.schema, message.type))
            schema["examples"] += [plain(e) for e in EXAMPLES[message.name]]
    return found


def _schema(name: str, kind: type[msgspec.Struct]) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    root = tidy(components.pop(kind.__name__))
    defs = {key: tidy(value) for key, value in sorted(components.items())}
    head = {"$schema": _DIALECT, "$id": data_schema(name)}
    return {**head, **root, **({"$defs": defs} if defs else {}), "examples": []}


def tidy(schema: Any) -> Any:
    """A schema as it is published: no defaults, since absent is unknown; nothing beside a ``$ref``.

    In draft-07 what stands beside a ``$ref`` is ignored, in 2020-12 it counts; within ``allOf`` it means
    the same in both.
    """
    if isinstance(schema, list):
        return [tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {k: v if k == "examples" else tidy(v) for k, v in schema.items() if k != "default"}
    if "$ref" in made and len(made) > 1:
        made["allOf"] = [{"$ref": made.pop("$ref")}]
    if "enum" in made:
        made.setdefault("type", "string")
        made.setdefault("description", "Always this.")  # the tag of a type
    return made


def files() -> dict[Path, str]:
    """Every generated file and its content."""
    schemas = json_schemas()
    made: dict[Path, Any] = {JSON / f"{name}.json": schema for name, schema in schemas.items()}
    made[HERE / "asyncapi.json"] = document(schemas)
    return {path: _text(value) for path, value in made.items()}


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def breaks() -> list[str]:
    """What the events as they are now break of the released contract, one line each."""
    found: list[str] = []
    now = json_schemas()
    for path in sorted(RELEASED.glob("*.json")):
        released = json.loads(path.read_text("utf-8"))
        if path.stem not in now:
            found.append(f"{path.stem}: the schema is gone")
            continue
        found += [f"{path.stem}{b}" for b in compare(released, now[path.stem])]
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files. Returns 1 when a release would break the released contract."""
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description=__doc__)
    parser.add_argument("--release", action="store_true", help="make it the baseline")
    args = parser.parse_args(argv)
    for path, content in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    if not args.release:
        return 0
    if broken := breaks():
        sys.stderr.write("A breaking change needs a new topic:\n" + "\n".join(broken) + "\n")
        return 1
    RELEASED.mkdir(parents=True, exist_ok=True)
    for name, schema in json_schemas().items():
        (RELEASED / f"{name}.json").write_text(_text(schema), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
