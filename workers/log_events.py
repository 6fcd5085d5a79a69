"""Every event the log can hold, and every field: the catalogue. `deploy/LOGS.md` is made from it.

Levels mean something: ERROR, look now; WARN, look today; INFO, the course of things; DEBUG, for
developers. A test reads all log calls of the package and holds them against this module.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["debug", "info", "warning", "error"]


class Event(msgspec.Struct, frozen=True):
    """One kind of line. ``levels`` as it may be written; ``action`` is for the reader at 3 a.m.

    ``fields`` are those that no scan of the code can find, because the call passes a dictionary.
    """

    name: str
    levels: tuple[Level, ...]
    meaning: str
    action: str = ""
    fields: tuple[str, ...] = ()


def _info(name: str, meaning: str, action: str = "") -> Event:
    return Event(name, ("info",), meaning, action)


def _warning(name: str, meaning: str, action: str, fields: tuple[str, ...] = ()) -> Event:
    return Event(name, ("warning",), meaning, action, fields)


def _error(name: str, meaning: str, action: str, fields: tuple[str, ...] = ()) -> Event:
    return Event(name, ("error",), meaning, action, fields)


POLL_FIELDS = (
    *("feed_id", "feed", "reason", "status", "bytes", "entries", "new", "changed", "remembered"),
    *("ms", "next_due", "next_why", "url", "detail", "sampled"),
)
SUMMARY_FIELDS = (
    *("polls", "new", "updated", "failed", "deferred", "published", "delay_p50_s", "delay_p99_s"),
    *(
        "feeds",
        "feeds_due",
        "failing",
        "oldest_due_s",
        "outbox_events",
        "outbox_bytes",
        "outbox_age_s",
    ),
    "workers",
    *("loop_lag_max_ms", "rss_mb"),
)
LIBRARY_FIELDS = ("logger", "message", "suppressed")


GROUPS: dict[str, tuple[Event, ...]] = {
    "Life of the process": (
        _info("worker_started", "The worker is configured and connected, and begins to poll."),
        _info(
            "worker_draining",
            "Started with `--drain`: it polls nothing, and ends when nothing waits in Redis any more.",
        ),
        _info("worker_stopping", "A signal came; nothing new is claimed."),
        _info("worker_stopped", "Everything is handed back; the process ends with 0."),
        _warning(
            "grace_exceeded",
            "Not everything was finished within NEWSWIRE_GRACE.",
            "Nothing is lost; what was claimed is polled again when its lease ends.",
        ),
        _warning(
            "setting_warning",
            "A setting is allowed and probably not meant, or is no setting at all.",
            "Read `error.message`; `newswire config` shows what is in force.",
        ),
        _error(
            "startup_failed",
            "The worker cannot start, or not go on; the exit code is 78 (configuration) or 75 "
            "(dependency).",
            "Do what `error.message` says.",
        ),
        _info("waiting_for", "A dependency does not answer yet; it is tried again."),
        _info(
            "loop_blocked",
            "The event loop stood still for more than 50 ms, and all polls with it; said once a minute with "
            "the longest. `loop_cpu_ms` near `ms`: the loop's own work; only `process_cpu_ms`: another "
            "thread's; neither: the process did not run.",
            "Did not run: the machine or the container lacks CPU. Else it is a bug: see the runbook.",
        ),
        _error(
            "unhandled_error",
            "An exception nobody expected ended a thread, a task or the process.",
            "A bug: report it with the line. What can go on goes on.",
        ),
        _warning(
            "library_warning",
            "A library said something; the same kind at most once a minute.",
            "Look at the events around it, which say what it means for the worker.",
            LIBRARY_FIELDS,
        ),
        _error(
            "library_error",
            "A library reported an error that it could not hand to its caller.",
            "Most often a bug: report it with the line.",
            LIBRARY_FIELDS,
        ),
        _warning(
            "log_lines_dropped",
            "The reader of the log was too slow; `count` lines are missing.",
            "Look at the log driver or the disk behind it.",
        ),
        _error("log_failed", "A log line could not be rendered.", "A bug: report it."),
    ),
    "Polls": (
        Event(
            "feed_polled",
            ("info", "warning", "error"),
            "One poll ended; exactly one line each (but see NEWSWIRE_LOG_POLLS). WARN when it "
            "failed, ERROR when that is our bug (`internal_error`).",
            "`reason` says why; the feed is polled again at `next_due`. Failures of many feeds at "
            "once are the network's or ours, of one feed its publisher's.",
            POLL_FIELDS,
        ),
        _info(
            "host_crowded",
            "The feeds of a host want more polls than NEWSWIRE_HOST_GAP and NEWSWIRE_HOST_CONCURRENCY "
            "allow: they stand in a line, each with its turn, and one that is due now waits for `wait_s`. "
            "Said once an hour of each host; `summary` counts them in `deferred`.",
            "When that is too long: a shorter gap, if the host agrees, or a longer interval for its feeds.",
        ),
        _info(
            "feed_found",
            "The list names a web page. Its feed was found at `url` (`detail` says how) and is polled there "
            "from now on, under the same id.",
            "Put that address into the list to be sure of it.",
        ),
        _info(
            "feed_moved",
            "A permanent redirect was seen three times in a row, and for NEWSWIRE_MAX_INTERVAL unless only "
            "the address's form is another or the old address fails; it is followed from now.",
        ),
        _warning(
            "feed_retired",
            "The server says for good that the feed is gone (410); it is asked once a week.",
            "Take it off the list, or find its successor.",
        ),
        _warning(
            "feed_silent",
            "The feed answers well and has had no news for far longer than is its way.",
            "Open it in a browser: many sites leave a dead feed behind.",
        ),
        _warning(
            "feed_reissued",
            "Most of a known feed's entries look new and are not: they are dated a day and more before the "
            "last poll, or their links have another form than before and nothing dates them after it, as "
            "when a site was moved. What its URL, title or text still told was recognised; `count` entries "
            "were not, and are announced as articles with `ce_backfill: true`.",
            "None. Consumers that alert on news should leave out backfill.",
        ),
        _info("feed_recovered", "A feed that failed or was silent delivers again."),
        _warning(
            "dead_letter",
            "An entry or document could not be processed and was set aside.",
            "Read it on the dead-letters topic; the rest of the feed went on.",
        ),
        _warning(
            "edit_storm",
            "An article changes with every poll; its revisions are coalesced.",
            "None; the newest state is published when the storm's window ends.",
        ),
    ),
    "Network": (
        _error(
            "network_down",
            "Ten hosts in a row could not be reached and none between could: it is this worker's network, "
            "resolver or proxy (or its CPU, with `timeout`). Feeds are tried again within ten minutes each, "
            "and none counts as failing.",
            "`reason` `dns_error`: look at the resolver; else at the uplink, a firewall, NEWSWIRE_PROXY_URL.",
        ),
        _info("network_recovered", "A host answers again."),
    ),
    "Feed list": (
        _info("feed_list_loaded", "The list is in force: how many feeds came, changed and went."),
        _warning(
            "feed_list_warning",
            "An entry of the list is odd (a URL twice, an unknown key); the rest was taken.",
            "Repair the entry that `error.message` names.",
        ),
        _error(
            "feed_list_failed",
            "The list cannot be read whole; the one in force stays.",
            "Do what `error.message` says; it is read again by itself.",
        ),
        _error(
            "feed_list_refused",
            "The list is empty or lost more than half of its feeds; the one in force stays.",
            "Repair the list. When the loss is meant: `newswire feeds apply --force`.",
        ),
        _warning(
            "feed_list_outdated",
            "This worker reads an older list than the one in force, and leaves that alone.",
            "Give all workers the same list. When the old one is meant: "
            "`newswire feeds apply --force`.",
        ),
        _info(
            "feed_list_busy",
            "Another worker has reconciled the list for more than 30 s; it is waited for. One that was "
            "killed holds the others up for 10 s.",
        ),
        _info("feed_list_recovered", "The list is well again."),
    ),
    "Redis": (
        _error(
            "store_unavailable",
            "Redis cannot be used; everything pauses and nothing is lost. Said again when the reason "
            "changes, and `store_recovered` at the end.",
            "`reason` `down`, `timeout`, `loading`: bring it back. `full`: raise maxmemory. "
            "`disk`: make room on its disk. `read_only`: the URL leads to a replica. With the last "
            "three, what waits in the outbox is still published.",
        ),
        _info("store_recovered", "Redis answers again."),
        _error(
            "state_regressed",
            "Redis is not as this instance left it: emptied, replaced or rolled back. The shard "
            "claims nothing.",
            "Restore Redis, or run `newswire rebuild`; `--start-empty` only when the past is to be "
            "forgotten.",
        ),
        _warning(
            "redis_not_durable",
            "Redis did not confirm within its time that an event is on disk; it is not published "
            "before.",
            "Look at Redis' disk (`aof_delayed_fsync`) and at the replicas that are awaited.",
        ),
        _warning(
            "outbox_full",
            "Unpublished events reached NEWSWIRE_OUTBOX_MAX_BYTES; polling pauses.",
            "Bring Kafka back. Polling goes on by itself.",
        ),
        _info("outbox_drained", "The outbox has room again; polling goes on."),
    ),
    "Publishing": (
        _info("publisher_started", "This worker publishes the shard from `position` on."),
        _info("publisher_stopped", "This worker publishes the shard no more."),
        _info("topic_created", "A topic was missing and was created."),
        _warning(
            "topic_unsuitable",
            "A topic is not as the guarantees need it: its retention, cleanup policy, partitions, "
            "replicas or largest record. Looked at once, at the start.",
            "Do what `error.message` says; the worker changes no topic.",
        ),
        _info(
            "topics_unchecked",
            "The topics could not be looked at; the worker goes on.",
            "Allow its principal to describe the topics, their configuration and the cluster.",
        ),
        _warning(
            "publisher_fenced",
            "Another worker publishes the shard now; what was open was aborted.",
            "None when it is rare. Often: this worker stalls longer than the publisher lease.",
        ),
        _error(
            "publisher_failed",
            "Publishing a shard failed; it is tried again after `retry_s`. Nothing is lost.",
            "`error.message` says why; most often Kafka is out of reach or refuses the credentials.",
        ),
        _info("publisher_recovered", "Publishing works again."),
        _error(
            "publisher_hung",
            "A publisher stopped answering within its deadline and was abandoned.",
            "It is replaced. Often: the network to Kafka loses packets.",
        ),
        _warning(
            "rollback_found",
            "Redis was rolled back behind what is published. Polling of the shard pauses while Kafka's "
            "memory of it is read back.",
            "Find out why: a restart from an old file, a failover to a replica that was behind?",
        ),
        _info(
            "rollback_healed",
            "The shard goes on: `restored` records came back from the topic, `removed` events wait no "
            "more since they are published, `kept` wait on.",
        ),
        _info(
            "dataset_adopted", "Redis was begun anew by another worker; this one goes on with it."
        ),
        _info(
            "state_finalized",
            "The state in Redis has a newer version, which this release knows: it goes on with it.",
        ),
        _error(
            "position_missing",
            "The topic of positions has none for a shard that has published before.",
            "Was the positions topic deleted? Then see the runbook on a rebuilt Kafka.",
        ),
        _error(
            "position_behind",
            "The position in Kafka lies before what was already trimmed from the outbox.",
            "Was Kafka restored from a backup? Events in between are gone from this Kafka.",
        ),
        _error(
            "event_refused",
            "The broker refuses an event for good; a dead letter takes its place.",
            "Compare `max.message.bytes` of the topic with the event's size.",
        ),
    ),
    "Operation": (
        Event(
            "summary",
            ("info",),
            "Once a minute: what this worker did and how the instance stands.",
            fields=SUMMARY_FIELDS,
        ),
        _info(
            "ops_started", "`/livez`, `/readyz`, `/metrics` and the status page (`/`) are served."
        ),
        _error(
            "ops_port_busy",
            "The ops port cannot be had; the worker goes on without health checks and metrics.",
            "Several workers on one machine: NEWSWIRE_OPS_PORT=0, or a port each.",
        ),
    ),
}

EVENTS: dict[str, Event] = {event.name: event for group in GROUPS.values() for event in group}
