"""What the fields of log lines mean, and what each reason of a poll means; for deploy/LOGS.md."""

from __future__ import annotations

FIELD_NAMES: dict[str, str] = {
    "detail": "error.message",
    "error": "error.type",
    "host": "server.address",
    "logger": "otel.scope.name",
    "message": "body",
    "partition": "messaging.destination.partition.id",
    "pid": "process.pid",
    "port": "server.port",
    "status": "http.response.status_code",
    "thread": "thread.name",
    "topic": "messaging.destination.name",
    "url": "url.full",
    "version": "service.version",
}
"""Argument of a log call to name in the line, where OpenTelemetry has a name for it."""

BASE_FIELDS: dict[str, str] = {
    "time": "When: RFC 3339, UTC, milliseconds.",
    "level": "OpenTelemetry severity text: DEBUG, INFO, WARN, ERROR.",
    "event": "What: a name from this page.",
    "instance": "NEWSWIRE_INSTANCE.",
    "worker": "The process, unique within the instance.",
}
"""Fields of every line."""

EXCEPTION_FIELDS: dict[str, str] = {
    "exception.message": "What it says.",
    "exception.stacktrace": "Where it came from, on one line, the innermost call last.",
    "exception.type": "Class of an exception.",
}
"""Fields of a line that was written for an exception."""

FIELDS: dict[str, str] = {
    "dataset": "Id of the state in Redis; another one means another history.",
    "exit_code": "The process's exit code.",
    "state_version": "The version that all state of the instance in Redis has.",
    "in_flight": "Polls under way.",
    "limit": "The bound that was reached.",
    "oldest_due_s": "Seconds by which the longest-waiting feed is overdue.",
    "outbox_age_s": "Seconds that the oldest of them has waited.",
    "outbox_bytes": "Their size.",
    "outbox_events": "Events admitted and not yet published, of all shards.",
    "pid": "The process.",
    "topic": "The Kafka topic.",
    "what": "What is waited for.",
    "added": "Feeds that came.",
    "attempt": "How many times it has failed in a row.",
    "bytes": "Bytes on the wire.",
    "ce_id": "Id of the event, as in its header.",
    "changed": "Articles with a new revision; of a feed list, feeds with another configuration.",
    "count": "How many.",
    "deferred": "Polls put off, by reason.",
    "delay_p50_s": "Half of the events were published within so many seconds of being found.",
    "delay_p99_s": "99 of 100 events were.",
    "detail": "For people: what happened, without secrets.",
    "disabled": "Feeds that are listed and not polled.",
    "entries": "Entries in the document.",
    "error": "Kind of the error.",
    "failed": "Polls that failed, by reason.",
    "failing": "Feeds that are failing, by the reason of their last poll.",
    "feeds_due": "Feeds that wait for a worker now.",
    "workers": "Workers of the instance that are alive.",
    "feed": "Name of the feed.",
    "feed_id": "Id of the feed; stable over moves.",
    "feeds": "Listed feeds.",
    "host": "Address or host name.",
    "kept": "Unpublished events that wait on.",
    "logger": "The library's logger.",
    "loop_cpu_ms": "CPU that the event loop's thread used meanwhile.",
    "loop_lag_max_ms": "The longest that the event loop stood still.",
    "message": "What the library said.",
    "ms": "Milliseconds the poll took, or the event loop stood still.",
    "new": "Articles announced for the first time.",
    "next_due": "When the feed is polled next.",
    "next_why": "Why then.",
    "polls": "Polls that ended.",
    "port": "TCP port.",
    "position": "Sequence number in the outbox.",
    "process_cpu_ms": "CPU that all threads of the worker used meanwhile.",
    "published": "Events committed to Kafka.",
    "reason": "Why: see the table of reasons.",
    "remembered": "Entries remembered and not announced: older than NEWSWIRE_BACKFILL.",
    "removed": "Feeds that went; of an outbox, events that were published already.",
    "restored": "Article records that were brought back from the topic.",
    "retry_s": "Seconds until it is tried again.",
    "rss_mb": "Resident memory of the process in megabytes.",
    "sampled": "How many polls without news this line stands for; absent: one.",
    "shard": "Number of the shard.",
    "source": "Where the list is.",
    "state": "What it was doing.",
    "status": "HTTP status of the last answer.",
    "suppressed": "Lines of this kind held back since the last one.",
    "thread": "Name of the thread.",
    "trimmed": "Sequence number up to which the outbox is trimmed.",
    "unchanged": "Feeds that stay as they were.",
    "updated": "Articles with a new revision.",
    "url": "URL without userinfo and secrets.",
    "wait_s": "Seconds that one waits.",
    "waited_ms": "Milliseconds it was waited for.",
}
"""Argument of a log call to its meaning."""

REASONS: dict[str, str] = {
    "new": "At least one article was announced for the first time.",
    "updated": "No new article, at least one new revision.",
    "no_news": "The document changed, nothing in it is new.",
    "unchanged": "200 with the same bytes as last time.",
    "not_modified": "304.",
    "feed_sought": "The list names a web page; its feed is looked for, one address a poll: "
    "`error.message` says which was asked and what comes next.",
    "host_busy": "The host is polled enough already; the feed has a place in its line. Of many that are "
    "put off at once, without a poll, no line is written.",
    "worker_busy": "Large documents fill the memory that a worker has for them; tried again within a minute. "
    "Many of them: more workers.",
    "network_down": "This worker reaches no host at all, which is not the feed's failure. Tried again "
    "within ten minutes.",
    "throttled": "429, a 503 or 403 with Retry-After, or a 403 from a host that has lately answered 429. "
    "All feeds of the host wait.",
    "cancelled": "The worker stops; another polls the feed.",
    "contended": "Other workers wrote the same articles for too long; tried again.",
    "claim_lost": "The poll outlasted its lease and another worker took over, or the feed was paused or "
    "removed meanwhile; its result is void.",
    "store_error": "Redis failed during the commit; the feed stays due.",
    "credentials_missing": "A secret that the feed list refers to (`headersFrom`, `basicAuthFrom`) cannot be "
    "read; the server was not asked.",
    "unauthorized": "401 or 407: credentials are missing or wrong. See `headersFrom` and `basicAuthFrom`.",
    "forbidden": "403: the server does not want us. Is NEWSWIRE_CONTACT set? Ask its people.",
    "not_found": "404: the URL is wrong or the feed is gone.",
    "gone": "410: gone for good; after repeated sightings the feed is retired.",
    "client_error": "Another 4xx.",
    "server_error": "5xx; passes by itself most of the time.",
    "unexpected_status": "A status that makes no sense here.",
    "redirect_loop": "Redirects lead in a circle.",
    "too_many_redirects": "More redirects than the bound.",
    "bad_redirect": "A redirect without a usable target.",
    "address_forbidden": "The name leads to a private address. If that is meant: "
    "NEWSWIRE_ALLOWED_NETWORKS.",
    "bad_url": "The URL cannot be used.",
    "dns_error": "The name does not resolve. Many feeds at once: our DNS.",
    "connect_refused": "Nobody listens there.",
    "connect_error": "No way to the server. Many feeds at once: our network.",
    "tls_error": "The certificate is invalid or TLS failed. Own authority: NEWSWIRE_CA_FILE.",
    "connection_reset": "The server hung up.",
    "timeout": "No whole answer within NEWSWIRE_FETCH_DEADLINE.",
    "protocol_error": "What came back is not HTTP.",
    "too_large": "Too many bytes on the wire or decoded, or too much markup before the first whole entry.",
    "bad_encoding": "The compressed body does not decode.",
    "truncated": "The body is shorter than promised.",
    "empty_body": "200 with nothing in it.",
    "not_a_feed": "A document that is no feed; of a web page: no feed was found for it, which is tried again "
    "after a week, or when the page names another.",
    "parse_failed": "A feed too broken to read; it is a dead letter.",
    "parser_killed": "Reading it took too much time or memory; it is a dead letter.",
    "internal_error": "A bug of ours: report it with the line.",
}
"""Reason of a poll to what it means and what to do."""
