"""An Apache Kafka that wants TLS and logins, with its authorizer switched on.

Beside the listeners of ``KafkaServer``, whose clients are anonymous and may do everything, it has one for
each way in. Whoever comes through those may do nothing until ``allow`` says so.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from pathlib import Path

import trustme
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.support.processes import LOOPBACK, free_port
from tests.support.servers import KafkaServer
from tests.support.topic import admin

USER, PASSWORD = "worker", 'pass word, with = and "quotes"'
LISTENERS = ("SASL_PLAINTEXT", "SASL_SSL", "SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
_OPERATIONS = {
    "Read": AclOperation.READ, "Write": AclOperation.WRITE, "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE, "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}  # fmt: skip
_KINDS = {
    "topic": ResourceType.TOPIC,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
}
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
_BEARER = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"


class Certificates:
    """An authority of its own, with files for the broker and its clients in ``directory``."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.authority = trustme.CA()
        self.ca = directory / "ca.pem"
        self.authority.cert_pem.write_to_path(self.ca)
        self.broker = self._leaf("broker", LOOPBACK)
        self.client = self._leaf("client", USER, common_name=USER)

    def _leaf(self, name: str, identity: str, common_name: str | None = None) -> Path:
        """Key and certificate chain in one PEM file; Kafka wants the key in PKCS#8."""
        leaf = self.authority.issue_cert(identity, common_name=common_name)
        key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
        path = self.directory / f"{name}.pem"
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        path.write_bytes(_pkcs8(key) + chain)
        return path

    def locked(self, password: str) -> tuple[Path, Path]:
        """The client's certificate, and its key under a password."""
        pem = self.client.read_bytes()
        key = serialization.load_pem_private_key(pem, None)
        certificate, locked = self.directory / "client-only.pem", self.directory / "locked.pem"
        certificate.write_bytes(pem[pem.index(b"-----BEGIN CERTIFICATE") :])
        locked.write_bytes(_pkcs8(key, password))
        return certificate, locked

    def revocations(self, *revoked: Path) -> Path:
        """The authority's list of revoked certificates."""
        ca = x509.load_pem_x509_certificate(self.authority.cert_pem.bytes())
        key = serialization.load_pem_private_key(self.authority.private_key_pem.bytes(), None)
        now = ca.not_valid_before_utc
        made = x509.CertificateRevocationListBuilder(ca.subject, now, ca.not_valid_after_utc)
        for path in revoked:
            pem = path.read_bytes()
            leaf = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERTIFICATE") :])
            entry = x509.RevokedCertificateBuilder(leaf.serial_number, now).build()
            made = made.add_revoked_certificate(entry)
        path = self.directory / f"crl-{len(revoked)}.pem"
        signed = made.sign(key, hashes.SHA256())  # type: ignore[arg-type]
        path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return path


def _pkcs8(key: object, password: str = "") -> bytes:
    lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        lock = serialization.BestAvailableEncryption(password.encode())
    return key.private_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock
    )


class SecuredKafka(KafkaServer):
    """The broker. ``address(listener)`` is where clients of a way in connect."""

    def __init__(self, directory: Path) -> None:
        self.certificates = Certificates(directory / "tls")
        super().__init__(directory)

    def _choose_ports(self) -> None:
        super()._choose_ports()
        self._listeners = {name: free_port() for name in LISTENERS}

    def address(self, listener: str) -> str:
        """``host:port`` of a listener."""
        return f"{LOOPBACK}:{self._listeners[listener]}"

    def _properties(self) -> dict[str, str]:
        made = super()._properties()
        for name in LISTENERS:
            at = f",{name}://{self.address(name)}"
            made["listeners"] += at
            made["advertised.listeners"] += at
            made["listener.security.protocol.map"] += f",{name}:{name}"
        tls = self.certificates
        made |= {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "allow.everyone.if.no.acl.found": "false",
            "sasl.enabled.mechanisms": ",".join(MECHANISMS),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(tls.broker),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(tls.ca),
            "listener.name.ssl.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/,DEFAULT",
        }
        secret = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
        bearer = "org.apache.kafka.common.security.oauthbearer"
        for name in ("sasl_plaintext", "sasl_ssl"):
            base = f"listener.name.{name}"
            made[f"{base}.plain.sasl.jaas.config"] = _property(
                f'{_PLAIN} required user_{USER}="{secret}";'
            )
            for size in ("256", "512"):
                made[f"{base}.scram-sha-{size}.sasl.jaas.config"] = f"{_SCRAM} required;"
            made[f"{base}.oauthbearer.sasl.jaas.config"] = (
                f'{_BEARER} required unsecuredLoginStringClaim_sub="broker";'
            )
            made[f"{base}.oauthbearer.sasl.server.callback.handler.class"] = (
                f"{bearer}.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
            )
        return made

    def start(self) -> None:
        """Start, and make the user known to SCRAM."""
        super().start()
        users = [
            UserScramCredentialUpsertion(
                USER, ScramCredentialInfo(mechanism, 4096), PASSWORD.encode()
            )
            for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)
        ]
        for user in users:
            admin(self.bootstrap).alter_user_scram_credentials([user])[USER].result(30)

    def allow(
        self, kind: str, name: str, operations: Sequence[str], *, prefixed: bool = False
    ) -> None:
        """Allow the user something on ``topic`` or ``transactional-id``, and wait until it is in force."""
        pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
        rows = [
            AclBinding(
                _KINDS[kind], name, pattern, f"User:{USER}", "*", _OPERATIONS[operation],
                AclPermissionType.ALLOW,
            )
            for operation in operations
        ]  # fmt: skip
        for future in admin(self.bootstrap).create_acls(rows).values():
            future.result(30)

    def forbid_all(self) -> None:
        """Take back all that was allowed."""
        everything = AclBindingFilter(
            ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY,
            AclPermissionType.ANY,
        )  # fmt: skip
        for future in admin(self.bootstrap).delete_acls([everything]).values():
            future.result(30)


def bearer_token(subject: str, lives_s: float = 3600) -> str:
    """An unsecured JSON Web Token, which the broker's test validator takes."""
    now = time.time()
    parts = ({"alg": "none"}, {"sub": subject, "iat": now, "exp": now + lives_s})
    texts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts]
    return ".".join([*texts, ""])


def _property(text: str) -> str:
    """A value for server.properties, where a backslash must be doubled."""
    return text.replace("\\", "\\\\")
