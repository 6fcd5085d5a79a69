"""The values of the settings, typed. Only ``workers.cli`` and the settings themselves read them."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Literal

import msgspec

from workers.routes import Route
from workers.units import Backfill


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force. Durations in seconds, sizes in bytes, an unset text is ``""``.

    There are no defaults here: ``load({}).settings`` has them, from the table.
    """

    feeds: str
    instance: str
    contact: str

    redis_url: str
    shards: int
    claim_lease: float
    dedupe_window: float
    edit_window: float
    outbox_max_bytes: int
    durable_replicas: int

    kafka_bootstrap_servers: tuple[str, ...]
    topic_prefix: str
    delivery: Literal["exactly_once", "at_least_once"]
    kafka_create_topics: bool
    kafka_partitions: int
    kafka_replication: int
    articles_retention: float
    dead_letters_retention: float
    kafka_compression: Literal["gzip", "none", "lz4", "zstd", "snappy"]
    kafka_transaction_timeout: float
    publisher_lease: float
    retry_backoff_max: float
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
    kafka_sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
    kafka_sasl_username: str
    kafka_sasl_password: str
    kafka_sasl_tokenfile: str
    kafka_ssl_cafile: str
    kafka_ssl_certfile: str
    kafka_ssl_keyfile: str
    kafka_ssl_key_password: str
    kafka_ssl_crlfile: str
    kafka_ssl_check_hostname: bool

    min_interval: float
    max_interval: float
    backfill: Backfill
    body: Literal["full", "summary", "none"]
    routes: tuple[Route, ...]
    feeds_reload: float
    polls_per_hour: int  # 0: no budget

    fetch_concurrency: int
    fetch_deadline: float
    host_gap: float
    host_concurrency: int
    allowed_networks: tuple[IPv4Network | IPv6Network, ...]
    ca_file: str
    proxy_url: str

    ops_host: str
    ops_port: int  # 0: any free port
    log_format: Literal["auto", "json", "text"]  # auto: text on a terminal, else json
    log_level: Literal["debug", "info", "warning", "error"]
    log_polls: Literal["all", "changed", "failed"]
    traces: bool
    connect_wait: float
    grace: float


class Loaded(msgspec.Struct, frozen=True):
    """Settings with their story.

    ``origins`` has every ``NEWSWIRE_*`` name: ``default``, ``environment`` or ``file /path``.
    ``shown`` has each value's text, masked. ``secrets`` are the secret values themselves, for the
    log to blot out.
    """

    settings: Settings
    origins: dict[str, str]
    shown: dict[str, str]
    warnings: list[str]
    secrets: tuple[str, ...]
    no_color: bool  # the NO_COLOR convention (no-color.org)
