"""Errors that a person can act on; each says what is wrong, where, and what to do."""

EXIT_OK = 0
EXIT_BUG = 1
EXIT_UNAVAILABLE = 75
EXIT_CONFIG = 78


REMEDY = (
    "Restore Redis from its append-only file or a backup, or run 'newswire rebuild' to fill it from the "
    "articles topic, or 'newswire run --start-empty' to begin anew (what feeds still show is then announced "
    "again)."
)
"""What to do about a Redis that was emptied or replaced."""


class NewswireError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        exit_code: the process's exit code when this error ends it.
        setting: the setting to look at, for whoever runs a command; may be empty.
    """

    exit_code = EXIT_BUG
    setting = ""

    def advice(self) -> str:
        """The error in words, with the setting to look at."""
        text = str(self)
        return f"{text} ({self.setting})" if self.setting and self.setting not in text else text


class ConfigError(NewswireError):
    """A setting, a feed list or an environment that must be changed by a person (exit 78)."""

    exit_code = EXIT_CONFIG


class StateVersionError(ConfigError):
    """Redis holds state of a version that this release does not know."""


class UnavailableError(NewswireError):
    """A dependency (Redis, Kafka) that cannot be reached or does not answer now (exit 75)."""

    exit_code = EXIT_UNAVAILABLE


OUTAGES = frozenset({"down", "loading", "healing", "finalized", "full", "read_only", "disk"})
"""Reasons of a StoreError that are Redis' own and pass: whoever asks later is served."""


UNUSABLE = {
    "down": "it cannot be reached",
    "timeout": "it does not answer in time",
    "loading": "it reads its data from disk",
    "full": "raise maxmemory; what waits is still published",
    "disk": "its disk is full or refuses writes; what waits is still published",
    "read_only": "this is a replica, NEWSWIRE_REDIS_URL must lead to the primary",
}
"""Why everything pauses, in words."""


class StoreError(UnavailableError):
    """Redis failed a call.

    Attributes:
        reason: one of ``down``, ``loading``, ``full``, ``read_only``, ``disk``, ``timeout``, ``healing``
            (the shard's past is being restored), ``finalized`` (the state has another version since a
            moment), ``contended``, ``error``.
    """

    setting = "NEWSWIRE_REDIS_URL"

    def __init__(self, message: str, reason: str = "error") -> None:
        super().__init__(message)
        self.reason = reason


class StateRegressedError(NewswireError):
    """Redis is not the Redis that this instance wrote to: emptied, replaced or of another dataset."""

    exit_code = EXIT_CONFIG


class ClaimLostError(NewswireError):
    """The claim's fencing token is no longer the current one; the poll's result must be dropped."""


class BrokerError(UnavailableError):
    """Kafka failed a call; the transaction's outcome may be unknown."""

    setting = "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS"


class EventRefusedError(NewswireError):
    """The broker refuses this record for good (too large, invalid); a dead letter takes its place."""


class FeedListError(NewswireError):
    """The feed list cannot be read whole; nothing was changed."""

    exit_code = EXIT_CONFIG


class ParseError(NewswireError):
    """A document is no feed, or could not be read within its bounds.

    Attributes:
        reason: a member of ``workers.model.Reason``.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
