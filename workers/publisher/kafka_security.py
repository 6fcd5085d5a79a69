"""How the brokers are spoken to: TLS and logins, as options of the client library.

The TLS context is our own: the library's cannot be given a revocation list (3.0.12 calls ``ssl`` with an
argument that it has not), and says of a wrong file only that no broker answers.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import msgspec
from kafka.net.sasl.oauth import AbstractTokenProvider

from workers.errors import ConfigError


class Security(msgspec.Struct, frozen=True):
    """The settings of the same names; unset texts are empty."""

    protocol: str = "PLAINTEXT"
    mechanism: str = ""
    username: str = ""
    password: str = ""
    token_file: str = ""
    cafile: str = ""
    certfile: str = ""
    keyfile: str = ""
    key_password: str = ""
    crlfile: str = ""
    check_hostname: bool = True

    @property
    def principal(self) -> str:
        """Who we are in the brokers' ACLs, where a name says so; else empty."""
        return f"User:{self.username}" if self.username and self.protocol[:4] == "SASL" else ""


class TokenFile(AbstractTokenProvider):  # type: ignore[misc]
    """A bearer token from a file, read anew for each connection: whoever renews it just writes it."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = Path(path)

    def token(self) -> str:
        """The file's content without white space around it. Raises OSError."""
        return self._path.read_text("ascii").strip()


def options(s: Security) -> dict[str, Any]:
    """The library's options. Raises ConfigError when a file is not what it must be."""
    made: dict[str, Any] = {"security_protocol": s.protocol}
    if s.protocol.startswith("SASL"):
        made["sasl_mechanism"] = s.mechanism
        if s.mechanism == "OAUTHBEARER":
            made["sasl_oauth_token_provider"] = TokenFile(s.token_file)
        else:
            made["sasl_plain_username"] = s.username
            made["sasl_plain_password"] = s.password
    if s.protocol.endswith("SSL"):
        made["ssl_context"] = tls_context(s)
        made["ssl_check_hostname"] = s.check_hostname
    return made


def tls_context(s: Security) -> ssl.SSLContext:
    """Whom we trust and who we are. Raises ConfigError, which names the setting."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = s.check_hostname
    if s.cafile:
        _load("CAFILE", s.cafile, lambda: context.load_verify_locations(s.cafile))
    else:
        context.load_default_certs()
    if s.certfile:
        key = s.keyfile or None
        # Never asked for on a terminal: an encrypted key without a password is a wrong setting.
        _load(
            "CERTFILE and NEWSWIRE_KAFKA_SSL_KEYFILE",
            " and ".join(filter(None, (s.certfile, s.keyfile))),
            lambda: context.load_cert_chain(s.certfile, key, lambda: s.key_password),
        )
    if s.crlfile:
        _load("CRLFILE", s.crlfile, lambda: context.load_verify_locations(s.crlfile))
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def _load(setting: str, path: str, load: Any) -> None:
    try:
        load()
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        hint = " (is NEWSWIRE_KAFKA_SSL_KEY_PASSWORD right?)" if "CERT" in setting else ""
        raise ConfigError(
            f"NEWSWIRE_KAFKA_SSL_{setting}: {path} cannot be used: {why}{hint}"
        ) from None
