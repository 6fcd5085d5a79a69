"""What settings must agree on among themselves; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workers.settings_model import Settings
from workers.units import format_duration


def disagreements(values: Mapping[str, Any]) -> list[str]:
    """Errors between settings that are right each by itself; a value that is missing is skipped."""
    return [
        *_order(values, "min_interval", "max_interval", strict=False),
        *_order(values, "fetch_deadline", "claim_lease", strict=True),
        *_order(values, "kafka_transaction_timeout", "publisher_lease", strict=True),
        *_kafka_security(values),
    ]


def doubts(settings: Settings, env: Mapping[str, str]) -> Iterable[str]:
    """Warnings about settings that are allowed and probably not meant."""
    if not settings.contact:
        yield (
            "NEWSWIRE_CONTACT is not set; set it to a URL or mail address, so that the people "
            "whose feeds are polled can reach you"
        )
    written = env.get("NEWSWIRE_INSTANCE", "").strip()
    if written and written != written.lower():
        yield f"NEWSWIRE_INSTANCE is kept in lower case: {settings.instance}"
    if settings.articles_retention < settings.dedupe_window:
        yield (
            f"NEWSWIRE_ARTICLES_RETENTION={format_duration(settings.articles_retention)} is less than "
            f"NEWSWIRE_DEDUPE_WINDOW ({format_duration(settings.dedupe_window)}), which a topic that we "
            "create gets instead: after a loss of Redis all that is remembered must be readable"
        )
    yield from _unused_kafka(settings)


def _unused_kafka(settings: Settings) -> Iterable[str]:
    protocol, mechanism = settings.kafka_security_protocol, settings.kafka_sasl_mechanism
    if protocol == "SASL_PLAINTEXT" and mechanism in ("PLAIN", "OAUTHBEARER"):
        yield f"NEWSWIRE_KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT sends the {_SECRET[mechanism]} unencrypted"
    if not protocol.endswith("SSL"):
        for attribute in ("cafile", "certfile", "keyfile", "key_password", "crlfile"):
            if getattr(settings, f"kafka_ssl_{attribute}"):
                yield f"{_name(f'kafka_ssl_{attribute}')} is set but not used with {protocol}"
    elif not settings.kafka_ssl_check_hostname:
        yield (
            "NEWSWIRE_KAFKA_SSL_CHECK_HOSTNAME=false lets any server with a certificate of the same "
            "authority pass for a broker"
        )
    if not protocol.startswith("SASL") and settings.kafka_sasl_username:
        yield f"NEWSWIRE_KAFKA_SASL_USERNAME is set but not used with {protocol}"


_SECRET = {"PLAIN": "password", "OAUTHBEARER": "token"}


def _order(values: Mapping[str, Any], less: str, more: str, *, strict: bool) -> Iterable[str]:
    low, high = values.get(less), values.get(more)
    if low is None or high is None or low < high or (low == high and not strict):
        return
    relation = "less than" if strict else "at most"
    yield (
        f"{_name(less)}={format_duration(low)}: must be {relation} "
        f"{_name(more)} ({format_duration(high)})"
    )


def _kafka_security(values: Mapping[str, Any]) -> Iterable[str]:
    protocol = values.get("kafka_security_protocol", "")
    if protocol.startswith("SASL"):
        needed = ["kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password"]
        if values.get("kafka_sasl_mechanism") == "OAUTHBEARER":
            needed = ["kafka_sasl_tokenfile"]
        for attribute in needed:
            if values.get(attribute) == "":
                yield f"{_name(attribute)}: must be set with {protocol}"
    for attribute in ("kafka_ssl_keyfile", "kafka_ssl_key_password"):
        if values.get(attribute) and values.get("kafka_ssl_certfile") == "":
            yield f"NEWSWIRE_KAFKA_SSL_CERTFILE: must be set when {_name(attribute)} is"


def _name(attribute: str) -> str:
    return "NEWSWIRE_" + attribute.upper()
