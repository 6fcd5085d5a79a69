"""Brokers that want TLS, logins and ACLs: every way in works, and what is missing is named."""

from __future__ import annotations

import itertools
import secrets
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Names
from tests.integration.helpers import settings, until
from tests.integration.test_feed_commands import newswire
from tests.support.kafka_jars import KafkaMissingError
from tests.support.secured_kafka import PASSWORD, USER, SecuredKafka, bearer_token
from tests.support.static_site import StaticSite, rss
from tests.support.topic import read_topic
from tests.support.worker import WorkerProcess
from workers.doctor.findings import Finding
from workers.doctor.kafka_checks import Asked, look_at_kafka
from workers.errors import BrokerError, ConfigError
from workers.model import OutboxEvent
from workers.parts import kafka_connection
from workers.publisher.access import acl_commands
from workers.publisher.kafka_admin import check_topics, ensure_topics
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.kafka_producer import Producer
from workers.publisher.kafka_reader import PositionReader, read_back
from workers.publisher.topics import Position, TopicSpec, position_event, topic_specs
from workers.settings import load

pytestmark = pytest.mark.servers
SASL = {"SASL_USERNAME": USER, "SASL_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """The broker; the tests of this module share it, each with names of its own."""
    try:
        server = SecuredKafka(tmp_path_factory.mktemp("secured"))
    except KafkaMissingError as missing:
        pytest.skip(f"needs Apache Kafka: {missing}")
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def prefix(secured: SecuredKafka) -> Iterator[str]:
    """A topic prefix, which is also the instance; at the end nothing is allowed any more."""
    yield f"t{secrets.token_hex(4)}-"
    secured.forbid_all()


def reach(secured: SecuredKafka, protocol: str, **settings: object) -> KafkaConnection:
    """A connection from settings as an operator writes them."""
    env = {f"NEWSWIRE_KAFKA_{name}": str(value) for name, value in settings.items()}
    env["NEWSWIRE_KAFKA_SECURITY_PROTOCOL"] = protocol
    env["NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS"] = secured.address(protocol)
    return kafka_connection(load(env).settings)


def specs(prefix: str) -> list[TopicSpec]:
    """The topics of a test."""
    return topic_specs(prefix, 2, 1)


def obey(secured: SecuredKafka, commands: list[str]) -> None:
    """Do what commands of kafka-acls.sh say."""
    for command in commands:
        words = shlex.split(command)
        given = list(itertools.pairwise(words))
        operations = [value for name, value in given if name == "--operation"]
        prefixed = ("--resource-pattern-type", "prefixed") in given
        for name, value in given:
            if name in ("--topic", "--transactional-id"):
                secured.allow(name[2:], value, operations, prefixed=prefixed)


def allow_all(secured: SecuredKafka, prefix: str) -> None:
    """Allow what ``newswire topics`` says that a worker needs."""
    commands = acl_commands(["b:1"], f"User:{USER}", prefix, prefix[:-1], create=True)
    obey(secured, commands)


def producer(connection: KafkaConnection, prefix: str) -> Producer:
    """The producer of the instance's first shard."""
    return Producer(
        connection, f"{prefix[:-1]}-00", transaction_timeout_ms=5_000, compression=None,
        exactly_once=True,
    )  # fmt: skip


def send(connection: KafkaConnection, prefix: str) -> None:
    """Publish one article and its position in a transaction."""
    made = producer(connection, prefix)
    try:
        event = OutboxEvent("articles", b"a", b"{}")
        position = position_event(prefix[:-1], 0, Position("d", 7, "a-1"))
        made.publish([event], prefix, position)
    finally:
        made.abandon()


def way(secured: SecuredKafka, name: str, directory: Path) -> KafkaConnection:
    """One way in by its name."""
    tls = secured.certificates
    ca = {"SSL_CAFILE": tls.ca}
    protocol, _, mechanism = name.partition(" ")
    if mechanism == "OAUTHBEARER":
        token = directory / "token"
        token.write_text(bearer_token(USER) + "\n")
        return reach(secured, protocol, SASL_MECHANISM=mechanism, SASL_TOKENFILE=token, **ca)
    if protocol.startswith("SASL"):
        more = ca if protocol.endswith("SSL") else {}
        return reach(secured, protocol, SASL_MECHANISM=mechanism, **SASL, **more)
    if mechanism == "locked":
        certificate, key = tls.locked("key word")
        ca |= {"SSL_CERTFILE": certificate, "SSL_KEYFILE": key}
        return reach(secured, "SSL", SSL_KEY_PASSWORD="key word", **ca)
    return reach(secured, "SSL", SSL_CERTFILE=tls.client, SSL_CRLFILE=tls.revocations(), **ca)


@pytest.mark.parametrize(
    "name",
    [
        "SASL_PLAINTEXT PLAIN", "SASL_PLAINTEXT SCRAM-SHA-256", "SASL_PLAINTEXT SCRAM-SHA-512",
        "SASL_SSL PLAIN", "SASL_SSL SCRAM-SHA-256", "SASL_SSL SCRAM-SHA-512",
        "SASL_SSL OAUTHBEARER", "SSL", "SSL locked",
    ],
)  # fmt: skip
def test_every_way_in_works(secured: SecuredKafka, prefix: str, name: str, tmp_path: Path) -> None:
    """With the ACLs that `newswire topics` prints, a worker's principal creates and checks topics,
    publishes in a transaction, and reads back."""
    connection = way(secured, name, tmp_path)
    allow_all(secured, prefix)
    wanted = specs(prefix)
    assert ensure_topics(connection, wanted, create=True, wait_s=20) == [s.name for s in wanted]
    assert check_topics(connection, wanted, window_ms=86_400_000) == []
    send(connection, prefix)
    position = PositionReader(connection, f"{prefix}positions").read(prefix[:-1], 0, 20)
    assert position is not None and position.sequence == 7
    batches = read_back(connection, f"{prefix}articles", since_ms=0, settle_s=20)
    assert [r.key for b in batches for r in b.records] == [b"a"]


@pytest.mark.parametrize("lacking", ["Read", "Write"])
def test_a_missing_acl_on_a_topic_is_named(
    secured: SecuredKafka, prefix: str, lacking: str, tmp_path: Path
) -> None:
    """The start refuses with principal, operation and topic; its command, obeyed, is all it takes."""
    connection = way(secured, "SASL_SSL SCRAM-SHA-256", tmp_path)
    allow_all(secured, prefix)
    ensure_topics(connection, specs(prefix), create=True, wait_s=20)
    secured.forbid_all()
    other = "Write" if lacking == "Read" else "Read"
    for spec in specs(prefix):
        operations = [other] if spec.name.endswith("feeds") else ["Read", "Write"]
        secured.allow("topic", spec.name, operations)
    with pytest.raises(ConfigError) as caught:
        ensure_topics(connection, specs(prefix), create=False, wait_s=20)
    said = str(caught.value)
    assert f"User:{USER} may not {lacking} on topic {prefix}feeds (ACL missing)" in said
    assert f"{prefix}articles" not in said
    obey(secured, [said.partition("Allow it: ")[2]])
    assert ensure_topics(connection, specs(prefix), create=False, wait_s=20) == []


def test_topics_that_may_not_be_seen_are_named(
    secured: SecuredKafka, prefix: str, tmp_path: Path
) -> None:
    """Who may do nothing is told all at once, in one command; a topic is not taken for missing."""
    connection = way(secured, "SASL_PLAINTEXT SCRAM-SHA-512", tmp_path)
    with pytest.raises(ConfigError) as caught:
        ensure_topics(connection, specs(prefix), create=True, wait_s=20)
    said = str(caught.value)
    assert f"User:{USER} may not Describe, Read, Write on topic {prefix}articles, " in said
    assert said.count("Allow it") == 1 and f"--topic {prefix}positions" in said


def test_a_topic_that_may_not_be_created_is_named(
    secured: SecuredKafka, prefix: str, tmp_path: Path
) -> None:
    """Without Create the message names the topic, and the way without."""
    connection = way(secured, "SASL_SSL PLAIN", tmp_path)
    secured.allow("topic", prefix, ["Describe", "Read", "Write"], prefixed=True)
    with pytest.raises(ConfigError) as caught:
        ensure_topics(connection, specs(prefix), create=True, wait_s=20)
    said = str(caught.value)
    assert f"User:{USER} may not Create on topic {prefix}articles" in said
    assert "NEWSWIRE_KAFKA_CREATE_TOPICS=false" in said


def test_a_transactional_id_that_may_not_be_used_is_named(
    secured: SecuredKafka, prefix: str, tmp_path: Path
) -> None:
    """A publisher's start says which transactional id is not allowed; a certificate names no user."""
    connection = way(secured, "SSL", tmp_path)
    secured.allow("topic", prefix, ["Describe", "Read", "Write"], prefixed=True)
    with pytest.raises(ConfigError) as caught:
        producer(connection, prefix)
    said = str(caught.value)
    assert f"may not Describe, Write on transactional-id {prefix[:-1]}-00" in said
    assert "this client's principal" in said and "--allow-principal User:NAME" in said


def test_an_acl_that_is_taken_away_is_named(
    secured: SecuredKafka, prefix: str, tmp_path: Path
) -> None:
    """A publisher whose right to write goes away says so, with the topics that it wrote to."""
    connection = way(secured, "SASL_SSL SCRAM-SHA-512", tmp_path)
    allow_all(secured, prefix)
    ensure_topics(connection, specs(prefix), create=True, wait_s=20)
    secured.forbid_all()
    secured.allow("topic", prefix, ["Read"], prefixed=True)
    secured.allow("transactional-id", prefix[:-1], ["Describe", "Write"], prefixed=True)
    with pytest.raises(ConfigError) as caught:
        send(connection, prefix)
    said = str(caught.value)
    assert f"User:{USER} may not Write on topic" in said and f"{prefix}articles" in said


def test_a_worker_runs_with_no_more_than_its_acls(
    secured: SecuredKafka, prefix: str, valkey: str, tmp_path: Path
) -> None:
    """`newswire run` over TLS with SCRAM publishes with the ACLs that `newswire topics` prints; without
    them it ends with 78 and names the first that is missing."""
    with StaticSite() as site:
        site.pages["/feed"] = rss(site.base, "harbour", 3)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/feed\n")
        names = Names(prefix[:-1], prefix)
        env = settings(
            names, secured.address("SASL_SSL"), valkey, feeds,
            NEWSWIRE_KAFKA_SECURITY_PROTOCOL="SASL_SSL",
            NEWSWIRE_KAFKA_SASL_MECHANISM="SCRAM-SHA-512",
            NEWSWIRE_KAFKA_SASL_USERNAME=USER,
            NEWSWIRE_KAFKA_SASL_PASSWORD=PASSWORD,
            NEWSWIRE_KAFKA_SSL_CAFILE=str(secured.certificates.ca),
            NEWSWIRE_KAFKA_TRANSACTION_TIMEOUT="10s",  # 16 shards log in at once
            NEWSWIRE_PUBLISHER_LEASE="15s",
        )  # fmt: skip
        with WorkerProcess(env) as worker:
            assert worker.wait() == 78
            (failed,) = worker.lines("startup_failed")
            assert f"User:{USER} may not Describe, Read, Write on topic {prefix}articles" in str(
                failed
            )
            assert PASSWORD not in str(worker.lines())
        printed = newswire(env, "topics").stdout.splitlines()
        acls = [line for line in printed if line.startswith("kafka-acls.sh")]
        assert len(acls) == 2
        obey(secured, acls)
        with WorkerProcess(env) as worker:
            worker.wait_for("feed_polled", reason="new")
            until(lambda: len(read_topic(secured.bootstrap, names.articles)) == 3, 30, "articles")
            assert worker.lines("publisher_failed") == worker.lines("topics_unchecked") == []
            assert worker.stop() == 0


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_a_wrong_password_is_a_wrong_setting(secured: SecuredKafka, mechanism: str) -> None:
    """The broker's refusal is told, or where the library has lost it (the broker hangs up in the same
    breath) that the login may be wrong; the password is not."""
    wrong = {"SASL_MECHANISM": mechanism, "SASL_USERNAME": USER, "SASL_PASSWORD": "not-this-one"}
    connection = reach(secured, "SASL_PLAINTEXT", **wrong)
    refused = "SaslAuthenticationFailedError|is the login right"
    with pytest.raises((ConfigError, BrokerError), match=refused) as caught:
        ensure_topics(connection, specs("x-"), create=False, wait_s=0.1)
    assert "not-this-one" not in str(caught.value)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("untrusted", "CERTIFICATE_VERIFY_FAILED"),
        ("no certificate", "NEWSWIRE_KAFKA_SSL_CERTFILE"),
        ("revoked", "certificate revoked"),
        ("other name", "certificate is not valid for|doesn't match|mismatch"),
        ("no TLS", "NEWSWIRE_KAFKA_SECURITY_PROTOCOL"),
    ],
)
def test_a_refused_handshake_says_why(secured: SecuredKafka, case: str, said: str) -> None:
    """Behind "could not be used" stands what TLS said, or which setting to look at."""
    tls = secured.certificates
    given: dict[str, object] = {"SSL_CAFILE": tls.ca, "SSL_CERTFILE": tls.client}
    protocol = "SSL"
    if case == "untrusted":
        del given["SSL_CAFILE"]
    elif case == "no certificate":
        del given["SSL_CERTFILE"]
    elif case == "revoked":
        given["SSL_CRLFILE"] = tls.revocations(tls.broker)
    connection = reach(secured, protocol, **given)
    if case == "other name":
        port = secured.address("SSL").rpartition(":")[2]
        connection = KafkaConnection(f"localhost:{port}", "x", connection.options)
    elif case == "no TLS":
        connection = KafkaConnection(secured.address("SSL"), "x")
    with pytest.raises(BrokerError, match=said):
        ensure_topics(connection, specs("x-"), create=False, wait_s=0.1)


def test_a_key_that_cannot_be_opened_names_the_setting(secured: SecuredKafka) -> None:
    """A locked key with a wrong password, or none, ends the start at once and asks nobody."""
    certificate, key = secured.certificates.locked("key word")
    files = {"SSL_CERTFILE": certificate, "SSL_KEYFILE": key}
    for password in ({}, {"SSL_KEY_PASSWORD": "wrong"}):
        with pytest.raises(ConfigError, match="NEWSWIRE_KAFKA_SSL_KEY_PASSWORD"):
            reach(secured, "SSL", **files, **password)


def test_a_file_that_is_no_certificate_names_the_setting(
    secured: SecuredKafka, tmp_path: Path
) -> None:
    """A file with something else in it is told by setting and path."""
    path = tmp_path / "ca.pem"
    path.write_text("hello")
    with pytest.raises(ConfigError, match=f"NEWSWIRE_KAFKA_SSL_CAFILE: {path}"):
        reach(secured, "SSL", SSL_CAFILE=path)


def test_the_doctor_names_rights_and_logins(secured: SecuredKafka, prefix: str) -> None:
    """Rights that are missing one by one, none with those that `newswire topics` prints; a login that is
    refused is said without the password."""
    connection = reach(secured, "SASL_PLAINTEXT", SASL_MECHANISM="SCRAM-SHA-256", **SASL)

    def found(seen_by: KafkaConnection) -> list[Finding]:
        asked = Asked(seen_by, specs(prefix), prefix[:-1], prefix, 1, 1_000, True, True)
        return [f for f in look_at_kafka(asked).findings if f.level != "ok"]

    allow_all(secured, prefix)
    ensure_topics(connection, specs(prefix), create=True, wait_s=30)
    assert not found(connection)
    secured.forbid_all()
    denied = found(connection)
    text = " ".join(f.text for f in denied)
    assert {f.level for f in denied} == {"fail"}
    assert f"topic {prefix}articles" in text
    assert f"transactional-id {prefix[:-1]}-doctor" in text
    assert "kafka-acls.sh" in text
    wrong = SASL | {"SASL_PASSWORD": "wrong-word"}
    (refused,) = found(reach(secured, "SASL_PLAINTEXT", SASL_MECHANISM="SCRAM-SHA-256", **wrong))
    assert refused.level == "fail"
    # The library often sees only that the broker hung up; then the login is asked about.
    assert "uthentication" in refused.text or "is the login right" in refused.text
    assert "wrong-word" not in refused.text + refused.todo
