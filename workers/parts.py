"""What the settings make: connections, topics, the store, and the parts' own settings."""

from __future__ import annotations

import math
import os
import resource
import socket
import time
from contextlib import suppress
from functools import cache
from ipaddress import ip_network

from workers import tracing
from workers.clock import rfc3339
from workers.errors import ConfigError
from workers.fetcher.document import PollSettings
from workers.fetcher.schedule import Bounds
from workers.fetcher.slots import SLOW_FACTOR, Slots, files_needed
from workers.http.fetch import Fetcher
from workers.metrics import release
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.kafka_security import Security, options
from workers.publisher.publish import PublishSettings
from workers.publisher.topics import TopicSpec, topic_specs
from workers.settings import Settings
from workers.store.address import Address
from workers.store.dataset import Marker
from workers.store.hosts import HostRules
from workers.store.keys import Keys
from workers.store.store import Store


def user_agent(contact: str) -> str:
    """An honest name with a way to reach whoever runs this."""
    name = f"Newswire/{release()}"
    return f"{name} (+{contact})" if contact else name


def kafka_connection(s: Settings) -> KafkaConnection:
    """How to reach Kafka, from the settings. Raises ConfigError when a TLS file cannot be used."""
    security = Security(
        protocol=s.kafka_security_protocol,
        mechanism=s.kafka_sasl_mechanism,
        username=s.kafka_sasl_username,
        password=s.kafka_sasl_password,
        token_file=s.kafka_sasl_tokenfile,
        cafile=s.kafka_ssl_cafile,
        certfile=s.kafka_ssl_certfile,
        keyfile=s.kafka_ssl_keyfile,
        key_password=s.kafka_ssl_key_password,
        crlfile=s.kafka_ssl_crlfile,
        check_hostname=s.kafka_ssl_check_hostname,
    )
    servers = ",".join(s.kafka_bootstrap_servers)
    return KafkaConnection(servers, s.instance, options(security), security.principal)


def topics_of(s: Settings) -> list[TopicSpec]:
    """The topics of the instance, as they are created and checked."""
    kept = {"articles": s.articles_retention, "dead-letters": s.dead_letters_retention}
    return topic_specs(
        s.topic_prefix,
        s.kafka_partitions,
        s.kafka_replication,
        window_ms=int(s.dedupe_window * 1000),
        retention_ms={topic: int(seconds * 1000) for topic, seconds in kept.items()},
    )


def open_store(s: Settings) -> Store:
    """The fetcher's view of Redis, not yet connected."""
    keys = Keys(s.instance, s.shards)
    return Store(
        Address(s.redis_url),
        keys,
        window_ms=int(s.dedupe_window * 1000),
        lease_ms=int(s.claim_lease * 1000),
        replicas=s.durable_replicas,
    )


def bounds_of(s: Settings) -> Bounds:
    """How often a feed is polled at most and at least."""
    return Bounds(s.min_interval, s.max_interval)


def feed_fetcher(s: Settings) -> Fetcher:
    """What fetches feeds: nothing from networks that are not allowed."""
    return Fetcher(
        allowed_networks=s.allowed_networks,
        user_agent=user_agent(s.contact),
        deadline_s=s.fetch_deadline,
        ca_file=s.ca_file,
        proxy_url=s.proxy_url,
    )


def slots_of(s: Settings) -> Slots:
    """The places for polls. The limit of open files is raised as far as they need, where it can be."""
    least = files_needed(s.fetch_concurrency, s.shards)
    aside = SLOW_FACTOR * s.fetch_concurrency
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return Slots(s.fetch_concurrency, aside)
    allowed = least + aside if hard == resource.RLIM_INFINITY else min(least + aside, hard)
    if soft < allowed:
        with suppress(OSError, ValueError):  # macOS has a limit that it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            soft = allowed
    return Slots(s.fetch_concurrency, max(0, min(aside, soft - least)))


def anywhere(s: Settings) -> Fetcher:
    """What fetches the list itself: whoever runs the worker names it, so it may lie on a private host."""
    return Fetcher(
        allowed_networks=(ip_network("0.0.0.0/0"), ip_network("::/0")),
        user_agent=user_agent(s.contact),
        ca_file=s.ca_file,
        proxy_url=s.proxy_url,
    )


def host_rules(s: Settings) -> HostRules:
    """How a host is treated by all workers together."""
    return HostRules(
        gap_ms=int(s.host_gap * 1000),
        most=s.host_concurrency,
        ttl_ms=int((s.fetch_deadline + 5) * 1000),
    )


def poll_settings(s: Settings) -> PollSettings:
    """What a poll needs to know."""
    return PollSettings(
        instance=s.instance,
        bounds=bounds_of(s),
        backfill=s.backfill,
        body=s.body,
        window_ms=int(s.dedupe_window * 1000),
        edit_window_min=math.ceil(s.edit_window / 60),
        routes=s.routes,
    )


def publish_settings(s: Settings, marker: Marker, text: str) -> PublishSettings:
    """What every shard's publisher needs to know. ``text`` is the marker as scripts compare it."""
    return PublishSettings(
        instance=s.instance,
        prefix=s.topic_prefix,
        dataset=marker.dataset,
        replaces=marker.replaces,
        marker=text,
        window_ms=int(s.dedupe_window * 1000),
        lease_ms=int(s.publisher_lease * 1000),
        transaction_timeout_ms=int(s.kafka_transaction_timeout * 1000),
        replicas=s.durable_replicas,
        compression=None if s.kafka_compression == "none" else s.kafka_compression,
        exactly_once=s.delivery == "exactly_once",
    )


def traces_of(s: Settings) -> tracing.Backend:
    """Where traces go. Raises ConfigError without OpenTelemetry's packages."""
    try:
        # Imported here: without traces nothing of it is loaded, nor needs to be installed.
        from workers.tracing_otel import OtelTracing  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            f"NEWSWIRE_TRACES is on, but OpenTelemetry is not installed ({error.name}): "
            "in Newswire's folder, pip install '.[otel]'; or set it to false."
        ) from error
    return OtelTracing(s.instance, worker_id(), release(), s.topic_prefix)


@cache
def worker_id() -> str:
    """Which process this is: host and pid, and since when."""
    return f"{socket.gethostname()}-{os.getpid()}-{rfc3339(int(time.time() * 1000))[11:19]}"
