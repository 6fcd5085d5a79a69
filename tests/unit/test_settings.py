"""Settings: what is read, what is refused, what is never shown."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import ConfigError
from workers.settings import (
    Loaded,
    Settings,
    load,
    read_reference,
    render_config,
    render_markdown,
)
from workers.settings_table import TABLE
from workers.units import format_duration, format_size, parse_duration, parse_size

ROOT = Path(__file__).parents[2]


def one(name: str, value: str) -> object:
    """The value of one setting."""
    return getattr(load({f"NEWSWIRE_{name}": value}).settings, name.lower())


def refusal(environ: dict[str, str]) -> str:
    """What is said when these settings are refused."""
    with pytest.raises(ConfigError) as caught:
        load(environ)
    assert caught.value.exit_code == 78
    return str(caught.value)


def test_table_and_struct_have_the_same_settings() -> None:
    """Every attribute of Settings has its row in the table, and every row its attribute."""
    assert sorted(row.attribute for row in TABLE) == sorted(Settings.__struct_fields__)


def test_defaults_are_valid() -> None:
    """An empty environment gives the documented defaults, typed."""
    loaded = load({})
    found = loaded.settings
    assert found.redis_url == "redis://127.0.0.1:6379/0"
    assert found.kafka_bootstrap_servers == ("127.0.0.1:9092",)
    assert (found.min_interval, found.max_interval, found.backfill) == (300, 86400, 86400)
    assert (found.feeds, found.allowed_networks, found.ops_port) == ("", (), 8080)
    assert (found.outbox_max_bytes, found.dedupe_window) == (256 << 20, 14 * 86400)
    assert set(loaded.origins.values()) == {"default"}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("MIN_INTERVAL", "90", 90),
        ("MIN_INTERVAL", "500ms", 0.5),
        ("MIN_INTERVAL", "15m", 900),
        ("MAX_INTERVAL", " 14D ", 14 * 86400),
        ("HOST_GAP", "0", 0),
        ("BACKFILL", "ALL", "all"),
        ("BACKFILL", "none", "none"),
        ("BACKFILL", "7d", 7 * 86400),
        ("OUTBOX_MAX_BYTES", "64KiB", 65536),
        ("OUTBOX_MAX_BYTES", "1000000", 1_000_000),
        ("OUTBOX_MAX_BYTES", "1MB", 1_000_000),
        ("ALLOWED_NETWORKS", "10.0.0.0/8, ::1", (ip_network("10.0.0.0/8"), ip_network("::1"))),
        ("KAFKA_BOOTSTRAP_SERVERS", "a:1, b,[::1]:9", ("a:1", "b:9092", "[::1]:9")),
        ("KAFKA_CREATE_TOPICS", "No", False),
        ("KAFKA_REPLICATION", "-1", -1),
        ("KAFKA_REPLICATION", "3", 3),
        ("KAFKA_SECURITY_PROTOCOL", "ssl", "SSL"),
        ("INSTANCE", "Blue-1", "blue-1"),
        ("TOPIC_PREFIX", "Wire_1.", "Wire_1."),
        ("OPS_PORT", "0", 0),
        ("OPS_HOST", "::", "::"),
        ("REDIS_URL", "rediss://u:p@h:1/3", "rediss://u:p@h:1/3"),
        ("REDIS_URL", "redis+cluster://h:1,i:2", "redis+cluster://h:1,i:2"),
        ("REDIS_URL", "redis+sentinel://h:1,i/main/2", "redis+sentinel://h:1,i/main/2"),
        ("FEEDS", "/etc/newswire/feeds.opml", "/etc/newswire/feeds.opml"),
        ("FEEDS", "https://example.org/feeds", "https://example.org/feeds"),
    ],
)
def test_good_values(name: str, text: str, value: object) -> None:
    """Values are read in all the forms that are documented."""
    assert one(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("MIN_INTERVAL", "5q", "100ms to 30d"),
        ("MIN_INTERVAL", "-5", "100ms to 30d"),
        ("MIN_INTERVAL", "1ms", "100ms to 30d"),
        ("MIN_INTERVAL", "nan", "100ms to 30d"),
        ("OUTBOX_MAX_BYTES", "1", "64KiB to 64GiB"),
        ("SHARDS", "0", "1 to 64"),
        ("SHARDS", "65", "1 to 64"),
        ("SHARDS", "4.0", "1 to 64"),
        ("SHARDS", "٤", "1 to 64"),
        ("KAFKA_REPLICATION", "0", "or -1"),
        ("LOG_POLLS", "some", "all, changed, failed"),
        ("KAFKA_CREATE_TOPICS", "maybe", "true or false"),
        ("KAFKA_COMPRESSION", "brotli", "gzip"),
        ("INSTANCE", "-a", "lower-case"),
        ("INSTANCE", "a" * 64, "1 to 63"),
        ("TOPIC_PREFIX", "news/", "letters"),
        ("ALLOWED_NETWORKS", "10.0.0.1/8", "10.0.0.0/8"),
        ("ALLOWED_NETWORKS", "localhost", "neither an address nor a network"),
        ("KAFKA_BOOTSTRAP_SERVERS", "PLAINTEXT://a:1", "host:port"),
        ("KAFKA_BOOTSTRAP_SERVERS", "a:99999", "host:port"),
        ("REDIS_URL", "localhost:6379", "redis://host:port/db"),
        ("REDIS_URL", "redis://a,b", "redis+cluster://"),
        ("REDIS_URL", "redis+cluster://a/3", "only database 0"),
        ("REDIS_URL", "redis+sentinel://a:1", "service"),
        ("REDIS_URL", "redis://a/b", "number"),
        ("REDIS_URL", "redis://", "names no host"),
        ("REDIS_URL", "redis://a/0/1", "no more than the database"),
        ("REDIS_URL", "redis://a?ssl_ca_certs=/etc/hosts", "is for TLS: rediss://"),
        ("REDIS_URL", "rediss://a?ssl_ca_certs=/nope", "ssl_ca_certs=/nope cannot be read"),
        ("REDIS_URL", "rediss+cluster://a?ssl_certfile=/etc/hosts", "only ssl_ca_certs is taken"),
        ("OPS_HOST", "0.0.0.0:80", "without a port"),
        ("OPS_PORT", "65536", "0 to 65535"),
        ("FEEDS", "ftp://example.org/x", "http(s) URL"),
        ("CONTACT", "a b", "without spaces"),
        ("CONTACT", "x\r\nEvil: 1", "control"),
        ("CA_FILE", "/nowhere/ca.pem", "cannot be read"),
    ],
)
def test_bad_values(name: str, text: str, hint: str) -> None:
    """A bad value is refused by a message that names the setting and what would be right."""
    said = refusal({f"NEWSWIRE_{name}": text})
    assert f"NEWSWIRE_{name}=" in said
    assert hint in said
    assert all(char.isprintable() or char == "\n" for char in said)


def test_all_errors_are_said_together() -> None:
    """Two wrong settings are named by one error."""
    said = refusal({"NEWSWIRE_SHARDS": "x", "NEWSWIRE_GRACE": "y"})
    assert "2 settings are wrong" in said
    assert "NEWSWIRE_SHARDS=x" in said
    assert "NEWSWIRE_GRACE=y" in said


def test_a_misspelt_name_is_said_beside_what_is_wrong() -> None:
    """Whoever repairs one error sees the other at once."""
    said = refusal({"NEWSWIRE_SHARDS": "x", "NEWSWIRE_REDIS_ULR": "redis://r:1"})
    assert "NEWSWIRE_SHARDS=x" in said
    assert "did you mean NEWSWIRE_REDIS_URL?" in said


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"MIN_INTERVAL": "2h", "MAX_INTERVAL": "1h"}, ("MIN_INTERVAL", "MAX_INTERVAL")),
        ({"FETCH_DEADLINE": "90s"}, ("FETCH_DEADLINE", "CLAIM_LEASE")),
        ({"PUBLISHER_LEASE": "15s"}, ("KAFKA_TRANSACTION_TIMEOUT", "PUBLISHER_LEASE")),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, ("SASL_MECHANISM", "SASL_PASSWORD")),
    ],
)
def test_settings_must_agree(environ: dict[str, str], names: tuple[str, ...]) -> None:
    """Deadlines that contradict each other, and half a login, are refused."""
    said = refusal({f"NEWSWIRE_{name}": text for name, text in environ.items()})
    assert all(name in said for name in names)


def test_equal_intervals_are_allowed() -> None:
    """A fixed rhythm is a minimum that equals the maximum."""
    assert load({"NEWSWIRE_MIN_INTERVAL": "1s", "NEWSWIRE_MAX_INTERVAL": "1s"})


def test_blank_counts_as_unset() -> None:
    """Compose passes `NAME=` for what is not set; that is the default."""
    loaded = load({"NEWSWIRE_SHARDS": " ", "NEWSWIRE_SHARDS_FILE": ""})
    assert loaded.settings.shards == 4
    assert loaded.origins["NEWSWIRE_SHARDS"] == "default"


def test_value_from_a_file(tmp_path: Path) -> None:
    """NAME_FILE gives the stripped content of a file, and its origin says so."""
    path = tmp_path / "secret"
    path.write_text("\ufeff  pa ss\n", "utf-8")
    loaded = load({"NEWSWIRE_KAFKA_SASL_PASSWORD_FILE": str(path)})
    assert loaded.settings.kafka_sasl_password == "pa ss"
    assert loaded.origins["NEWSWIRE_KAFKA_SASL_PASSWORD"] == f"file {path}"
    assert loaded.secrets == ("pa ss",)


def test_setting_whose_own_name_ends_in_file(tmp_path: Path) -> None:
    """NEWSWIRE_CA_FILE is a path itself, not the file form of another setting."""
    path = tmp_path / "ca.pem"
    path.write_text("x")
    assert load({"NEWSWIRE_CA_FILE": str(path)}).settings.ca_file == str(path)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"x" * 70_000])
def test_unusable_file(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, empty, no text or too large is an error that names it."""
    path = tmp_path / "value"
    if content is not None:
        path.write_bytes(content)
    assert f"NEWSWIRE_CONTACT_FILE={path}" in refusal({"NEWSWIRE_CONTACT_FILE": str(path)})


def test_both_forms_at_once(tmp_path: Path) -> None:
    """A setting given directly and as a file is an error: nobody could tell which one holds."""
    said = refusal({"NEWSWIRE_CONTACT": "a@b.example", "NEWSWIRE_CONTACT_FILE": str(tmp_path)})
    assert "both set" in said


SECRETS = {
    "NEWSWIRE_REDIS_URL": "redis://user:s3cr/e@t@redis:6379/0",
    "NEWSWIRE_PROXY_URL": "http://me:s3cret@proxy:3128",
    "NEWSWIRE_FEEDS": "https://s3cret@example.org/list?key=s3cret",
    "NEWSWIRE_KAFKA_SASL_PASSWORD": "s3cret",
}


def test_secrets_are_not_shown() -> None:
    """`newswire config` masks passwords wherever they stand, and shows the rest."""
    shown = render_config(load(SECRETS))
    assert "s3cr" not in shown
    assert "e@t" not in shown
    assert "redis://***@redis:6379/0" in shown
    assert "https://***@example.org/list?key=***" in shown


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_not_shown_in_errors(name: str) -> None:
    """A refused value is masked in the error too."""
    assert "s3cr" not in refusal({name: SECRETS[name].replace("://", ":/x/", 1) + "\x01"})


def test_secrets_are_known_to_the_log() -> None:
    """Passwords are listed as they are written and as they are meant."""
    loaded = load({"NEWSWIRE_REDIS_URL": "redis://:pa%2Fss@h"})
    assert set(loaded.secrets) == {"pa%2Fss", "pa/ss"}


def warnings(environ: dict[str, str]) -> list[str]:
    """The warnings beside that of the missing contact."""
    return [w for w in load(environ).warnings if not w.startswith("NEWSWIRE_CONTACT")]


def test_unknown_name_is_a_warning_with_the_nearest_known_one() -> None:
    """A typing error is told with what was probably meant."""
    assert "did you mean NEWSWIRE_MIN_INTERVAL?" in warnings({"NEWSWIRE_MIN_INTERVALL": "5m"})[0]
    assert "did you mean NEWSWIRE_REDIS_URL_FILE?" in warnings({"NEWSWIRE_REDISURL_FILE": "x"})[0]
    assert (
        "did you mean" not in warnings({"NEWSWIRE_TEST_CACHE": "x"})[0]
    )  # like none but in the prefix
    assert "newswire config" in warnings({"NEWSWIRE_QQQQQQQQQQQQ": "x"})[0]


def test_names_that_kubernetes_injects_are_ignored() -> None:
    """Service links neither warn nor set a port."""
    environ = {
        "NEWSWIRE_SERVICE_HOST": "10.0.0.1",
        "NEWSWIRE_OPS_SERVICE_PORT": "8080",
        "NEWSWIRE_OPS_SERVICE_PORT_HTTP": "8080",
        "NEWSWIRE_PORT": "tcp://10.0.0.1:8080",
        "NEWSWIRE_OPS_PORT": "tcp://10.0.0.1:8080",
        "NEWSWIRE_OPS_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "NEWSWIRE_OPS_PORT_8080_TCP_ADDR": "10.0.0.1",
    }
    loaded = load(environ)
    assert warnings(environ) == []
    assert loaded.settings.ops_port == 8080
    assert loaded.origins["NEWSWIRE_OPS_PORT"] == "default"


def test_standard_proxy_names_are_not_used_and_say_so() -> None:
    """HTTP_PROXY is a warning, unless our own proxy is set."""
    assert "NEWSWIRE_PROXY_URL" in warnings({"https_proxy": "http://p:1"})[0]
    ours = {"HTTP_PROXY": "http://p:1", "NEWSWIRE_PROXY_URL": "http://p:1"}
    assert warnings(ours) == []


def test_contact_should_be_set() -> None:
    """Polling without a contact is a warning."""
    assert any("NEWSWIRE_CONTACT" in w for w in load({}).warnings)
    assert load({"NEWSWIRE_CONTACT": "https://example.org/bot"}).warnings == []


def test_references_of_the_feed_list(tmp_path: Path) -> None:
    """A feed's secret comes from the environment or a file, and never from our own settings."""
    path = tmp_path / "token"
    path.write_text("abc\n")
    assert read_reference("env:FEED_TOKEN", {"FEED_TOKEN": " abc "}) == "abc"
    assert read_reference(f"file:{path}", {}) == "abc"
    for bad in ("env:NEWSWIRE_KAFKA_SASL_PASSWORD", "env:", "env:GONE", "file:x", "abc"):
        with pytest.raises(ConfigError) as caught:
            read_reference(bad, SECRETS)
        assert "s3cret" not in str(caught.value)


def test_settings_table_in_deploy_is_current() -> None:
    """deploy/SETTINGS.md is what `python -m workers.settings` prints now."""
    assert (ROOT / "deploy" / "SETTINGS.md").read_text("utf-8") == render_markdown()


def test_loaded_is_whole() -> None:
    """Every setting has an origin and a shown value."""
    loaded: Loaded = load({})
    assert set(loaded.origins) == set(loaded.shown) == {row.name for row in TABLE}


@given(st.integers(0, 10**12))
def test_formatted_quantities_read_back(number: int) -> None:
    """What is printed as a duration or size means the same when it is read."""
    assert parse_size(format_size(number)) == number
    assert round(parse_duration(format_duration(number / 1000)) * 1000) == number


def test_an_articles_retention_below_the_window_is_doubted() -> None:
    """The warning names both settings."""
    warnings = load({"NEWSWIRE_ARTICLES_RETENTION": "7d"}).warnings
    (said,) = [w for w in warnings if "NEWSWIRE_ARTICLES_RETENTION=7d" in w]
    assert "NEWSWIRE_DEDUPE_WINDOW (14d)" in said


def test_a_bearer_token_needs_its_file_and_nothing_else(tmp_path: Path) -> None:
    """OAUTHBEARER wants NEWSWIRE_KAFKA_SASL_TOKENFILE, no user and no password."""
    env = {
        "NEWSWIRE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "NEWSWIRE_KAFKA_SASL_MECHANISM": "oauthbearer",
    }
    assert "NEWSWIRE_KAFKA_SASL_TOKENFILE" in refusal(env)
    token = tmp_path / "token"
    token.write_text("t")
    assert load(env | {"NEWSWIRE_KAFKA_SASL_TOKENFILE": str(token)}).settings
