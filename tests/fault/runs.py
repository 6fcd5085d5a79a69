"""One run of one fault, from the first article to the verdict; and its controls, until they fail."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import NamedTuple

from tests.fault.faults import Fault, More
from tests.fault.nursery import Nursery
from tests.fault.results import Result
from tests.fault.stage import Stage
from tests.support.judge import Verdict
from tests.support.proxy import Proxy
from tests.support.servers import KafkaServer

_CONTROL_TRIES = 4
_CONTROL_S = 15.0
_FINDINGS = 5


class Ground(NamedTuple):
    """What runs share: the Kafka behind its proxy, the process that workers are forked from, and
    which code they are."""

    kafka: KafkaServer
    proxy: Proxy
    nursery: Nursery
    code: str
    commit: str


def perform(
    ground: Ground, directory: Path, fault: Fault, seed: int, more: More, *, without: str = ""
) -> Result:
    """Inject while ``more(count)``, let everything settle, and judge. The result is not written yet.

    ``directory`` is made, and stays only when a run that is no control found something.
    """
    settings = {"appendfsync": "no"} if without == "waitaof_elsewhere" else None
    stage = Stage(
        ground.kafka,
        ground.proxy,
        ground.nursery,
        directory,
        seed,
        without=without,
        valkey_settings=settings,
    )
    keep_log = not without
    try:
        stage.start()
        injected = fault.inject(stage, more)
        verdicts = stage.settle()
        result = _result(ground, fault, stage, injected, verdicts)
        keep_log = not (result.clean or without)
        return result
    finally:
        stage.close(keep_log=keep_log)


def _result(
    ground: Ground, fault: Fault, stage: Stage, injected: int, verdicts: list[Verdict]
) -> Result:
    surprises = [s for i in stage.instances for s in i.surprises]
    lost = [x for v in verdicts for x in [*v.lost, *v.stale]]
    twice = [x for v in verdicts for x in [*v.twice, *v.reverted]]
    wrong = [x for v in verdicts for x in [*v.unexpected, *v.malformed]] + surprises
    return Result(
        code=ground.code,
        commit=ground.commit,
        seed=stage.seed,
        fault=fault.name,
        without=stage.without,
        injected=injected,
        articles=sum(v.articles for v in verdicts),
        lost=len(lost),
        twice=len(twice),
        wrong=len(wrong),
        longest_delay_s=round(max(v.longest_delay_ms for v in verdicts) / 1000, 1),
        points=dict(stage.points),
        findings=[*lost[:_FINDINGS], *twice[:_FINDINGS], *wrong[:_FINDINGS]],
    )


def control(ground: Ground, directory: Path, fault: Fault, guard: str) -> list[Result]:
    """The same fault without a guard, until something is lost or comes twice; the last result has it,
    if any does."""
    results: list[Result] = []
    for attempt in range(_CONTROL_TRIES):
        end = time.monotonic() + _CONTROL_S

        def more(n: int, end: float = end) -> bool:
            return n < 2 * fault.short and (time.monotonic() < end or n < 2)

        seed = random.randrange(1 << 30)
        results.append(
            perform(ground, directory / f"{guard}-{attempt}", fault, seed, more, without=guard)
        )
        if results[-1].harmed:
            break
    return results
