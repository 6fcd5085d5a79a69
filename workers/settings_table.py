"""Every setting once: name, kind, default, meaning; all listings of settings derive from here."""

from __future__ import annotations

from typing import Literal

import msgspec

from workers import settings_parsers as kinds
from workers.settings_parsers import Kind

PREFIX = "NEWSWIRE_"


class Setting(msgspec.Struct, frozen=True):
    """One environment variable; its attribute of ``Settings`` is the lower-case rest of its name.

    ``default`` is parsed like any value; ``""`` means unset, and the value is then ``empty``.
    ``hide`` is for secrets: ``whole`` hides the value, ``url`` a URL's userinfo and query.
    """

    name: str
    kind: Kind
    default: str
    doc: str
    hide: Literal["", "whole", "url"] = ""
    empty: str | tuple[()] = ""

    @property
    def attribute(self) -> str:
        """The attribute of ``Settings``."""
        return self.name.removeprefix(PREFIX).lower()


def _s(
    name: str,
    kind: Kind,
    default: str,
    doc: str,
    hide: Literal["", "whole", "url"] = "",
    empty: str | tuple[()] = "",
) -> Setting:
    return Setting(PREFIX + name, kind, default, doc, hide, empty)


GROUPS: dict[str, tuple[Setting, ...]] = {
    "What to poll": (
        _s(
            "FEEDS",
            kinds.path_or_url(),
            "",
            "The feed list: OPML, YAML or one URL a line. Mount its directory, not the file: a "
            "single-file mount never shows an edit. `newswire run` needs it.",
            hide="url",
        ),
        _s("FEEDS_RELOAD", kinds.duration("1s", "1d"), "10s", "How often the list is read again."),
        _s(
            "CONTACT",
            kinds.pattern(
                r"(https?://|mailto:)?[\x21-\x7e]{3,300}",
                "a URL or mail address without spaces",
            ),
            "",
            "URL or mail address in the User-Agent, for the people who are polled. Set it.",
        ),
        _s(
            "BACKFILL",
            kinds.backfill(),
            "24h",
            "What the first document with entries of a feed announces: `all`, only what is dated within a "
            "duration, or `none`. Undated entries count as recent; the rest is remembered, not published.",
        ),
        _s(
            "BODY",
            kinds.choice("full", "summary", "none"),
            "full",
            "How much of an article's text is published; a feed's `body` in the list goes before.",
        ),
        _s(
            "ROUTES",
            kinds.routes(),
            "",
            "Rules by feed tag, language or the article's host, whose names go into the header `ce_route`, "
            "so that consumers can choose without reading the value.",
            empty=(),
        ),
    ),
    "How often": (
        _s(
            "MIN_INTERVAL",
            kinds.duration("100ms", "30d"),
            "5m",
            "The shortest time between two polls of a feed. It also sets how eager polling is: learned "
            "waits grow with its square root (they are the geometric mean of it and a feed's mean gap).",
        ),
        _s("MAX_INTERVAL", kinds.duration("100ms", "30d"), "24h", "The longest."),
        _s(
            "POLLS_PER_HOUR",
            kinds.whole(0, 10_000_000),
            "0",
            "Budget of polls of the whole instance; quick feeds get the larger share. 0: none.",
        ),
    ),
    "Fetching": (
        _s(
            "FETCH_CONCURRENCY",
            kinds.whole(1, 5000),
            "100",
            "Feeds one worker polls at the same time; ten times as many more may wait for servers.",
        ),
        _s(
            "FETCH_DEADLINE",
            kinds.duration("100ms", "10m"),
            "30s",
            "Total time of one fetch, redirects included. Less than the claim lease.",
        ),
        _s(
            "HOST_GAP",
            kinds.duration("0s", "1h"),
            "1s",
            "Least time between two requests to one host, redirects included, over all workers; a redirect "
            "within a host waits 3 s of it at most, and who comes next the rest. 0 switches it off.",
        ),
        _s(
            "HOST_CONCURRENCY",
            kinds.whole(1, 1000),
            "2",
            "Requests to one host at the same time, over all workers.",
        ),
        _s(
            "ALLOWED_NETWORKS",
            kinds.networks(),
            "",
            "Private networks that feeds may be fetched from; all others are refused.",
            empty=(),
        ),
        _s(
            "CA_FILE",
            kinds.readable_file(),
            "",
            "PEM file of certificate authorities to trust for feeds, beside the usual ones.",
        ),
        _s(
            "PROXY_URL",
            kinds.proxy_url(),
            "",
            "HTTP or SOCKS5 proxy for all fetches but those of feeds with `proxy: off`. It resolves the "
            "names and dials; forbid private ranges there.",
            hide="url",
        ),
    ),
    "Redis": (
        _s(
            "REDIS_URL",
            kinds.redis_url(),
            "redis://127.0.0.1:6379/0",
            "Where the state is. `rediss://` for TLS.",
            hide="url",
        ),
        _s(
            "INSTANCE",
            kinds.pattern(
                r"[a-z0-9][a-z0-9_-]{0,62}",
                "1 to 63 lower-case letters, digits, - and _, the first a letter or digit",
                lower=True,
            ),
            "newswire",
            "Name of this deployment; prefixes every Redis key, transactional, group and client "
            "id, and stands in every log line. All workers of a deployment share it.",
        ),
        _s(
            "SHARDS",
            kinds.whole(1, 64),
            "4",
            "Parts the state is split into; one publisher each. Fixed at the first start; "
            "deploy/RUNBOOK.md says how to change it.",
        ),
        _s(
            "CLAIM_LEASE",
            kinds.duration("1s", "1h"),
            "90s",
            "How long a feed belongs to the worker that polls it; after a crash it waits so long.",
        ),
        _s(
            "DEDUPE_WINDOW",
            kinds.duration("1m", "3650d"),
            "14d",
            "How long an entry is remembered after it left its feed.",
        ),
        _s(
            "EDIT_WINDOW",
            kinds.duration("0s", "30d"),
            "1h",
            "After five revisions of an article within it, the newest edit waits for its end, in whole "
            "minutes; `0` publishes every edit at once.",
        ),
        _s(
            "OUTBOX_MAX_BYTES",
            kinds.size("64KiB", "64GiB"),
            "256MiB",
            "Unpublished events of the instance past which polling pauses until Kafka is back.",
        ),
        _s(
            "DURABLE_REPLICAS",
            kinds.whole(0, 10),
            "0",
            "Redis replicas that must have an event on disk before it is published. Where Redis "
            "fails over to a replica, set 1 or more.",
        ),
    ),
    "Kafka": (
        _s("KAFKA_BOOTSTRAP_SERVERS", kinds.servers(9092), "127.0.0.1:9092", "Where Kafka is."),
        _s(
            "TOPIC_PREFIX",
            kinds.pattern(r"[A-Za-z0-9._-]{1,200}", "1 to 200 letters, digits, dots, - and _"),
            "news.",
            "Prefix of the topics `articles`, `feeds`, `dead-letters` and `positions`.",
        ),
        _s(
            "DELIVERY",
            kinds.choice("exactly_once", "at_least_once"),
            "exactly_once",
            "`at_least_once` only for brokers without transactions: events may come twice.",
        ),
        _s(
            "KAFKA_CREATE_TOPICS",
            kinds.boolean(),
            "true",
            "Create missing topics; `false` only checks them.",
        ),
        _s("KAFKA_PARTITIONS", kinds.whole(1, 10_000), "12", "Partitions of a topic we create."),
        _s(
            "ARTICLES_RETENTION",
            kinds.duration("1m", "3650d"),
            "30d",
            "How long a topic of articles that we create keeps them; the dedupe window at least.",
        ),
        _s(
            "DEAD_LETTERS_RETENTION",
            kinds.duration("1m", "3650d"),
            "7d",
            "How long a topic of dead letters that we create keeps them.",
        ),
        _s(
            "KAFKA_REPLICATION",
            kinds.whole(1, 100, also=-1),
            "-1",
            "Replicas of a topic we create; -1 takes the broker's default. From 3 on the topic also gets "
            "`min.insync.replicas=2`.",
        ),
        _s(
            "KAFKA_COMPRESSION",
            kinds.codec(),
            "gzip",
            "Codec of the records; every Kafka client reads gzip.",
        ),
        _s(
            "KAFKA_TRANSACTION_TIMEOUT",
            kinds.duration("1s", "15m"),
            "15s",
            "After this the broker aborts an open transaction. Less than the publisher lease.",
        ),
        _s(
            "PUBLISHER_LEASE",
            kinds.duration("1s", "1h"),
            "30s",
            "How long a shard belongs to its publisher; after a crash it waits so long.",
        ),
        _s(
            "RETRY_BACKOFF_MAX",
            kinds.duration("100ms", "10m"),
            "30s",
            "The longest pause between two tries to publish while Kafka is down.",
        ),
        _s(
            "KAFKA_SECURITY_PROTOCOL",
            kinds.choice("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", upper=True),
            "PLAINTEXT",
            "How the brokers are spoken to.",
        ),
        _s(
            "KAFKA_SASL_MECHANISM",
            kinds.choice("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", upper=True),
            "",
            "Needed with `SASL_PLAINTEXT` and `SASL_SSL`.",
        ),
        _s("KAFKA_SASL_USERNAME", kinds.text(), "", "User for SASL."),
        _s("KAFKA_SASL_PASSWORD", kinds.text(), "", "Password for SASL.", hide="whole"),
        _s(
            "KAFKA_SASL_TOKENFILE",
            kinds.readable_file(),
            "",
            "Path of a file with the bearer token for `OAUTHBEARER`; read anew for each connection.",
        ),
        _s("KAFKA_SSL_CAFILE", kinds.readable_file(), "", "PEM file of the brokers' authority."),
        _s(
            "KAFKA_SSL_CERTFILE",
            kinds.readable_file(),
            "",
            "PEM file of our certificate and its chain, for brokers that want one.",
        ),
        _s(
            "KAFKA_SSL_KEYFILE",
            kinds.readable_file(),
            "",
            "PEM file of its key, where it is not in the same file.",
        ),
        _s("KAFKA_SSL_KEY_PASSWORD", kinds.text(), "", "Password of the key.", hide="whole"),
        _s(
            "KAFKA_SSL_CRLFILE",
            kinds.readable_file(),
            "",
            "PEM file of the authority's revocation list; a broker on it is refused.",
        ),
        _s(
            "KAFKA_SSL_CHECK_HOSTNAME",
            kinds.boolean(),
            "true",
            "Whether a broker's certificate must bear the name that is dialled.",
        ),
    ),
    "Operation": (
        _s(
            "OPS_HOST",
            kinds.host(),
            "127.0.0.1",
            "Address of `/livez`, `/readyz`, `/metrics` and the status page. In a container: `0.0.0.0`.",
        ),
        _s("OPS_PORT", kinds.port(), "8080", "Their port; 0 takes any free one."),
        _s(
            "LOG_FORMAT",
            kinds.choice("auto", "json", "text"),
            "auto",
            "`json`, `text`, or `auto`: text on a terminal, else json.",
        ),
        _s(
            "LOG_LEVEL",
            kinds.choice("debug", "info", "warning", "error"),
            "info",
            "The least level that is written.",
        ),
        _s(
            "LOG_POLLS",
            kinds.choice("all", "changed", "failed"),
            "all",
            "Which polls get a line of their own. Above 100 polls a second unchanged ones are "
            "sampled; the field `sampled` says how many a line stands for.",
        ),
        _s(
            "TRACES",
            kinds.boolean(),
            "false",
            "OpenTelemetry traces from poll to Kafka, with `ce_traceparent` on the events. Where they "
            "go and which are taken is for OpenTelemetry's own variables to say: "
            "`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, …",
        ),
        _s(
            "CONNECT_WAIT",
            kinds.duration("0s", "1h"),
            "30s",
            "How long Redis and Kafka are waited for at the start before the exit with 75.",
        ),
        _s(
            "GRACE",
            kinds.duration("0s", "10m"),
            "10s",
            "Time to finish after SIGTERM. Keep it below what the container runtime allows.",
        ),
    ),
}

TABLE: tuple[Setting, ...] = tuple(row for rows in GROUPS.values() for row in rows)
BY_NAME: dict[str, Setting] = {row.name: row for row in TABLE}
