"""The AsyncAPI 3 document of the topics. Its payloads are read as draft-07: see ``schemas.fields``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.events import MAJOR
from schemas.examples import EXAMPLES, plain
from schemas.topics import PREFIX, TOPICS, Message, Topic, data_schema

_INFO = """\
Newswire polls news feeds and publishes each article once, and each edit of it once.

How to read these topics:

* Read committed records only (`isolation.level=read_committed`). Offsets have gaps.
* Every event carries the whole article. What is unknown is absent, never `null` or empty; a list is always
  a list, of at least one. Times are RFC 3339 in UTC with milliseconds and `Z`.
* CloudEvents 1.0 in Kafka binary mode: the headers say what an event is, the value is its data.
* Drop an event whose `ce_id` you have seen: the same id means the same bytes.
* The order of events of one key is the order of their offsets. `revision` grows; only where the worker's
  Redis has forgotten an article is it announced anew, `created` with revision 1: it replaces what you have.
* `ce_backfill: true`: it was there before us, and is no news.
* `news.article.created` and `news.article.updated`: keep the value under its key, in place of what you have.
  `news.article.withdrawn`: delete what you have under its key.
* Ignore fields, headers, event types and list values that you do not know. A breaking change is a new
  topic with a new major version in `ce_dataschema`.
"""


def document(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The document, given the JSON Schemas of the values by name."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:newswire:topics",
        "info": {
            "title": "Newswire topics",
            "version": f"{MAJOR}.0.0",
            "description": _INFO,
            "tags": [{"name": "news"}, {"name": "kafka"}, {"name": "cloudevents"}],
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "kafka:9092",
                "protocol": "kafka",
                "description": "The brokers that NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS names. Whether they want "
                "TLS or a login is theirs to say.",
            }
        },
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {f"publish-{topic.name}": _operation(topic) for topic in TOPICS},
        "components": {
            "messages": {m.name: _message(t, m) for t in TOPICS for m in t.messages},
            "schemas": _components(schemas),
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    # The cleanup policy and retention have a place of their own in the Kafka binding.
    configuration: dict[str, Any] = {"cleanup.policy": [topic.config["cleanup.policy"]]}
    if "retention.ms" in topic.config:
        configuration["retention.ms"] = int(topic.config["retention.ms"])
    binding: dict[str, Any] = {"topic": PREFIX + topic.name, "topicConfiguration": configuration}
    if topic.partitions:
        binding["partitions"] = topic.partitions
    return {
        "address": PREFIX + topic.name,
        "title": topic.name,
        "description": f"{topic.description} `{PREFIX}` is the default of NEWSWIRE_TOPIC_PREFIX.",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {m.name: {"$ref": f"#/components/messages/{m.name}"} for m in topic.messages},
        "bindings": {"kafka": binding | {"bindingVersion": "0.5.0"}},
    }


def _operation(topic: Topic) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"Newswire publishes to {PREFIX}{topic.name}.",
        "messages": [
            {"$ref": f"#/channels/{topic.name}/messages/{m.name}"} for m in topic.messages
        ],
    }


def _message(topic: Topic, message: Message) -> dict[str, Any]:
    key = {
        "type": "string",
        "description": topic.key,
        "pattern": topic.key_pattern,
        "examples": [topic.key_example],
    }
    made: dict[str, Any] = {
        "name": message.ce_type or message.name,
        "title": message.name,
        "summary": message.description,
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{message.schema}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
    }
    examples = [{"payload": plain(event)} for event in EXAMPLES[message.name]]
    if message.ce_type:
        made["headers"] = headers_schema(topic, message)
        examples = [{"headers": headers_example(topic, message), **e} for e in examples]
    return made | {"examples": examples}


_EXAMPLE_IDS = {
    "ArticleCreated": ("mfrggzdfmztwq2lk-1-47c1b2a3", "2026-03-01T07:31:12.481Z"),
    "ArticleUpdated": ("mfrggzdfmztwq2lk-2-36a82414", "2026-03-02T10:15:00.093Z"),
    "ArticleWithdrawn": ("mfrggzdfmztwq2lk-3-withdrawn", "2026-03-04T10:00:00.000Z"),
}


def headers_example(topic: Topic, message: Message) -> dict[str, str]:
    """The CloudEvents headers of a message's example."""
    key = topic.key_example
    ident, time = _EXAMPLE_IDS.get(
        message.name, (f"{key}-1772352000000", "2026-03-02T09:00:00.000Z")
    )
    return {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": ident,
        "ce_type": message.ce_type,
        "ce_source": "/newswire/newswire/feeds/fcwojfxwnumramdba",
        "ce_subject": key,
        "ce_time": time,
        "ce_dataschema": data_schema(message.schema),
    }


def headers_schema(topic: Topic, message: Message) -> dict[str, Any]:
    """JSON Schema of a message's record headers, read as UTF-8 text."""
    told: dict[str, dict[str, Any]] = {
        "content-type": {"const": "application/json", "description": "Of the value."},
        "ce_specversion": {"const": "1.0", "description": "CloudEvents' version."},
        "ce_id": {
            "minLength": 1,
            "maxLength": 200,
            "description": "Id of the event: the same id means the same bytes. Deduplicate by it.",
        },
        "ce_type": {"const": message.ce_type, "description": "Kind of the event."},
        "ce_source": {
            "pattern": "^/newswire/[a-z0-9][a-z0-9_-]{0,62}/feeds/[A-Za-z0-9._-]{1,64}$",
            "format": "uri-reference",
            "description": "The instance and the feed; never a URL, stable over moves.",
        },
        "ce_subject": {"pattern": topic.key_pattern, "description": f"{topic.key}, as the key."},
        "ce_time": {
            "format": "date-time",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$",
            "description": "When this event was decided; the record's timestamp is when it was sent.",
        },
        "ce_dataschema": {
            "const": data_schema(message.schema),
            "description": "$id of the JSON Schema of the value, with its major version.",
        },
    }
    required = list(told)
    if topic.name == "articles":
        told["ce_backfill"] = {
            "const": "true",
            "description": "On every article of a feed's first document with entries, and on old news that "
            "a known feed shows late; only where an article is created.",
        }
        told["ce_route"] = {
            "pattern": "^[a-z0-9-]{1,32}(,[a-z0-9-]{1,32}){0,63}$",
            "description": "Names of the operator's rules (NEWSWIRE_ROUTES) that take the article, joined by "
            "commas; absent when none does. Not on withdrawals.",
        }
        told["ce_traceparent"] = {
            "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "description": "W3C Trace Context of the poll that found it (CloudEvents' distributed tracing "
            "extension); only with NEWSWIRE_TRACES, not on withdrawals, and no part of the event's identity.",
        }
    properties = {name: {"type": "string", **schema} for name, schema in told.items()}
    return {"type": "object", "required": required, "properties": properties}


def _components(schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The values' schemas with their parts side by side, as the document's own.

    Without examples of the whole: those stand at the messages, each kind at its own.
    """
    found: dict[str, Any] = {}
    for name, schema in schemas.items():
        found[name] = {
            k: _moved(v)
            for k, v in schema.items()
            if k not in ("$schema", "$id", "$defs", "examples")
        }
        found |= {part: _moved(value) for part, value in schema.get("$defs", {}).items()}
    return found


def _moved(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_moved(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        k: v.replace("#/$defs/", "#/components/schemas/") if k == "$ref" else _moved(v)
        for k, v in schema.items()
    }
