"""The command line: reads settings, builds a worker, turns errors into exit codes."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from workers import health, logs
from workers.commands import (
    add_forget,
    add_replay,
    run_finalize,
    run_forget,
    run_rebuild,
    run_replay,
    run_state,
)
from workers.doctor.run import add_doctor, run_doctor
from workers.errors import EXIT_BUG, EXIT_CONFIG, EXIT_OK, ConfigError, NewswireError
from workers.feed_commands import add_explain, add_feeds, run_explain, run_feeds
from workers.feed_control import add_feed, run_feed
from workers.feed_list import apply_list
from workers.log_view import pretty
from workers.parts import kafka_connection, topics_of, worker_id
from workers.publisher.access import acl_commands
from workers.publisher.kafka_reader import follow
from workers.publisher.topics import create_commands
from workers.settings import Settings, load, render_config
from workers.tail import Tail, add_tail, start_ms, wanted
from workers.top.run import add_top, run_top
from workers.worker import Worker


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, 1 bug, 75 unavailable, 78 configuration."""
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except NewswireError as error:
        print(f"newswire: {error.advice()}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="newswire",
        description="Polls news feeds and publishes each article once to Kafka. "
        "Settings are environment variables; see 'newswire config'.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add_run(commands)
    _add_machine(commands)
    _add_feeds(commands)
    _add_topics(commands)
    _add_state(commands)
    return parser


def _add_machine(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What looks at this machine and at its workers."""
    config = commands.add_parser("config", help="what is in force, and where each value came from")
    config.add_argument("--strict", action="store_true", help="warnings are errors")
    config.set_defaults(run=_config)

    demo = commands.add_parser(
        "demo", help="everything on this machine: servers, sample site, worker"
    )
    demo.add_argument("feeds", nargs="?", default=None, help="a feed list: path or http(s) URL")
    demo.set_defaults(run=_demo)

    top = commands.add_parser("top", help="a live view of all workers; q ends it")
    add_top(top)
    top.set_defaults(run=lambda args: asyncio.run(run_top(load(), args)))

    doctor = commands.add_parser(
        "doctor", help="look at all that a worker needs, and say what to do; exit code 0, 1 or 2"
    )
    add_doctor(doctor)
    doctor.set_defaults(run=run_doctor)

    alive = commands.add_parser("health", help="ask the worker on this machine whether it lives")
    alive.set_defaults(run=_health)

    view = commands.add_parser("logs", help="make JSON log lines on standard input readable")
    view.set_defaults(run=_logs)


def _add_feeds(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What looks at feeds, and decides about them."""
    feeds = commands.add_parser(
        "feeds",
        help="all feeds, the worst first; 'feeds apply' the list",
        usage="%(prog)s [options]\n       %(prog)s apply [--force]",
    )
    add_feeds(feeds)
    feeds.set_defaults(run=lambda args: asyncio.run(run_feeds(load().settings, args)))
    actions = feeds.add_subparsers(metavar="ACTION", prog="newswire feeds")
    apply = actions.add_parser("apply", help="bring Redis in line with NEWSWIRE_FEEDS now")
    apply.add_argument(
        "--force",
        action="store_true",
        help="also when the list loses most of its feeds or is older",
    )
    apply.set_defaults(run=_apply)

    feed = commands.add_parser("feed", help="pause, resume, poll or explain a feed")
    add_feed(feed, run=lambda args: asyncio.run(run_feed(load().settings, args)))

    explain = commands.add_parser("explain", help="the same as 'feed explain'")
    add_explain(explain)
    explain.set_defaults(run=lambda args: asyncio.run(run_explain(load().settings, args)))


def _add_topics(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What reads the topics, or writes to them again."""
    tail = commands.add_parser("tail", help="read articles from the topic as they come")
    add_tail(tail)
    tail.set_defaults(run=_tail)

    topics = commands.add_parser(
        "topics", help="print the commands that create the topics and allow a worker what it needs"
    )
    topics.set_defaults(run=_topics)

    replay = commands.add_parser(
        "replay", help="list dead letters; with --run send them through the pipeline again, once"
    )
    add_replay(replay)
    replay.set_defaults(run=lambda args: asyncio.run(run_replay(load().settings, args)))

    taken = commands.add_parser(
        "forget", help="take back an article, or all of a feed; with --run, else it is only listed"
    )
    add_forget(taken)
    taken.set_defaults(run=lambda args: asyncio.run(run_forget(load().settings, args)))


def _add_state(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What repairs or converts the state in Redis."""
    rebuild = commands.add_parser(
        "rebuild", help="fill an emptied Redis from the articles topic, then workers go on"
    )
    rebuild.set_defaults(run=lambda _: run_rebuild(load().settings))

    state = commands.add_parser("state", help="which version the state in Redis has")
    state.set_defaults(run=lambda _: asyncio.run(run_state(load().settings)))
    versions = state.add_subparsers(metavar="ACTION")
    final = versions.add_parser(
        "finalize", help="put it into this release's version; older releases then refuse it"
    )
    final.set_defaults(run=lambda _: asyncio.run(run_finalize(load().settings)))


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser("run", help="one worker, until SIGTERM")
    run.add_argument(
        "--start-empty",
        action="store_true",
        help="begin anew in an empty Redis although Kafka remembers an older one",
    )
    run.add_argument(
        "--drain",
        action="store_true",
        help="poll nothing: publish what waits in Redis, then end; before Redis or Kafka is replaced",
    )
    run.set_defaults(run=_run)


def _spare_collections() -> None:
    """Look for garbage seldom, and never among what the imports have made: it stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _run(args: argparse.Namespace) -> int:
    loaded = load()
    s = loaded.settings
    logs.configure(
        fmt=s.log_format,
        level=s.log_level,
        instance=s.instance,
        worker_id=worker_id(),
        secrets=loaded.secrets,
        no_color=loaded.no_color,
    )
    log = logs.get()
    for warning in loaded.warnings:
        log.warning("setting_warning", detail=warning)
    try:
        if not s.feeds and not args.drain:
            raise ConfigError("NEWSWIRE_FEEDS is not set: give the path or URL of a feed list.")
        _spare_collections()
        return uvloop.run(Worker(s, start_empty=args.start_empty, drain=args.drain).run())
    except NewswireError as error:
        log.error("startup_failed", detail=str(error), exit_code=error.exit_code)
        return error.exit_code
    except Exception as error:
        log.error("unhandled_error", exc_info=error)
        return EXIT_BUG
    finally:
        logs.flush()


def _config(args: argparse.Namespace) -> int:
    loaded = load()
    print(render_config(loaded), end="")  # noqa: T201
    for warning in loaded.warnings:
        _warn(warning)
    return EXIT_CONFIG if args.strict and loaded.warnings else EXIT_OK


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)  # noqa: T201


def _demo(args: argparse.Namespace) -> int:
    # Imported here: the demo's servers are an extra that a production image does not carry.
    from workers.embedded import demo  # noqa: PLC0415

    return demo.main(args.feeds, Path(".run"))


def _apply(args: argparse.Namespace) -> int:
    settings = _with_list()
    print(asyncio.run(apply_list(settings, force=args.force, say=_warn)))  # noqa: T201
    return EXIT_OK


def _with_list() -> Settings:
    settings = load().settings
    if not settings.feeds:
        raise ConfigError("NEWSWIRE_FEEDS is not set: give the path or URL of a feed list.")
    return settings


def _tail(args: argparse.Namespace) -> int:
    loaded = load()
    s = loaded.settings
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    tail = Tail(sys.stdout, wanted(args), as_json=args.json, color=not loaded.no_color)
    since = start_ms(args, int(time.time() * 1000))
    tail.run(follow(kafka_connection(s), f"{s.topic_prefix}articles", since_ms=since))
    return EXIT_OK


def _topics(_args: argparse.Namespace) -> int:
    s = load().settings
    secured = s.kafka_security_protocol != "PLAINTEXT"
    commands = create_commands(topics_of(s), s.kafka_bootstrap_servers, secured=secured)
    if secured:
        principal, create = kafka_connection(s).principal, s.kafka_create_topics
        commands += acl_commands(
            s.kafka_bootstrap_servers, principal, s.topic_prefix, s.instance, create=create
        )
    for command in commands:
        print(command)  # noqa: T201
    return EXIT_OK


def _health(_args: argparse.Namespace) -> int:
    return health.main()


def _logs(_args: argparse.Namespace) -> int:
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    pretty(sys.stdin.buffer, sys.stdout)
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
