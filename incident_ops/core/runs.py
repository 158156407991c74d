"""What a run that ended amounts to: which assets and checks failed by themselves, and what was merely not run.

A run's log is read into a `RunLog` by an adapter. The account is exact where Dagster's events are: planned minus
built, step by step. Inside one step (a multi-asset, a dbt build) lineage decides which of the missing assets
come first; names in an exception's text decide nothing.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from incident_ops.core.alert import AlertKind, AssetRef, ErrorClass, NotRun, Subject

CHECK_STOPPED_STEP = "DagsterAssetCheckFailedError"
DBT_FAILED = "DagsterDbtCliRuntimeError"
INTERRUPTED = frozenset({"DagsterExecutionInterruptedError", "KeyboardInterrupt"})

Upstream = Callable[[str], Iterable[str]]


class StepStatus(StrEnum):
    NOT_STARTED = "not_started"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepError:
    """An error as the user's code raised it: framework wrappers taken off, secrets redacted."""

    class_name: str
    message: str
    stack: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    key: str
    status: StepStatus
    upstream: frozenset[str] = frozenset()
    error: StepError | None = None
    ended_at: datetime | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An asset (and partition) that a step was to build, or a check that it was to evaluate."""

    asset: AssetRef
    step: str
    partition: str | None = None
    check: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """A check evaluation of the run. `is_error` is its severity; `blocks` whether it stops the run."""

    asset: AssetRef
    check: str
    step: str
    passed: bool
    is_error: bool
    blocks: bool
    at: datetime
    partition: str | None = None
    materialization: int | None = None

    @property
    def failed(self) -> bool:
        return not self.passed and self.is_error


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLog:
    """All of a run that its account needs.

    Attributes:
        group: the first run of the chain of retries that this run belongs to.
        message: what the run's own end event says (not a step's), and `error` the error it carries, if any.
        built: assets and partitions that were materialized.
    """

    run_id: str
    group: str
    job: str
    location: str
    failed: bool
    ended_at: datetime
    message: str = ""
    error: StepError | None = None
    steps: Mapping[str, Step] = field(default_factory=dict[str, Step])
    planned: tuple[Planned, ...] = ()
    built: frozenset[tuple[str, str | None]] = frozenset()
    planned_checks: tuple[Planned, ...] = ()
    evaluated: tuple[Evaluated, ...] = ()

    @property
    def job_name(self) -> str:
        return f"{self.location}/{self.job}" if self.location else self.job

    @property
    def missing(self) -> tuple[Planned, ...]:
        return tuple(p for p in self.planned if (p.asset.key, p.partition) not in self.built)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One thing that failed by itself in a run.

    `step` is None when the run ended without any step's failure. `at` is when the thing failed, not when the
    run ended: a run may go on for hours after.
    """

    subject: Subject
    kind: AlertKind
    at: datetime
    error_class: ErrorClass
    step: str | None = None
    partition: str | None = None
    error: StepError | None = None
    materialization: int | None = None
    not_run: tuple[NotRun, ...] = ()


def account_for(run: RunLog, *, upstream: Upstream) -> tuple[Failure, ...]:
    """Everything that failed by itself in a run that has ended, in the order of the steps' failures.

    Args:
        upstream: direct upstream keys of an asset key; empty where the catalog does not know.
    """
    if not run.failed:
        return _never_evaluated(run)
    steps = sorted((s for s in run.steps.values() if s.status is StepStatus.FAILED), key=_when(run))
    failures = [failure for step in steps for failure in _failures_of_step(run, step, upstream)]
    if not steps:
        failures = _failures_of_a_dead_run(run, upstream)
    listed = _not_run(run, failures, upstream)
    return tuple(replace(f, not_run=tuple(listed.get(str(f.subject), ()))) for f in failures)


def _when(run: RunLog) -> Callable[[Step], tuple[datetime, str]]:
    return lambda step: (step.ended_at or run.ended_at, step.key)


def _failures_of_step(run: RunLog, step: Step, upstream: Upstream) -> list[Failure]:
    at = step.ended_at or run.ended_at
    error_class = ErrorClass.USER_CODE
    name = step.error.class_name if step.error else ""
    if name in INTERRUPTED:
        error_class = ErrorClass.INTERRUPTED
    missing = _of_step(run, run.missing, step.key)
    stoppers = [e for e in run.evaluated if e.step == step.key and e.failed and _stops(e, name)]
    failures: list[Failure] = [
        Failure(
            subject=Subject(asset=e.asset, check=e.check),
            kind=AlertKind.RUN_FAILED,
            at=e.at,
            error_class=ErrorClass.CHECK,
            step=step.key,
            partition=e.partition,
            error=step.error,
            materialization=e.materialization,
        )
        for e in stoppers
    ]
    for planned in _first_to_fail(
        missing, stoppers, stopped_by_check=name == CHECK_STOPPED_STEP, upstream=upstream
    ):
        failures.append(
            Failure(
                subject=Subject(asset=planned.asset),
                kind=AlertKind.RUN_FAILED,
                at=at,
                error_class=error_class,
                step=step.key,
                partition=planned.partition,
                error=step.error,
            )
        )
    missing_keys = {p.asset.key for p in missing}
    for check in _of_step(run, _unevaluated(run), step.key):
        if check.asset.key not in missing_keys and not stoppers:
            failures.append(
                Failure(
                    subject=Subject(asset=check.asset, check=check.check),
                    kind=AlertKind.CHECK_ERRORED,
                    at=at,
                    error_class=error_class,
                    step=step.key,
                    partition=check.partition,
                    error=step.error,
                )
            )
    if not failures:
        subject = Subject(name=run.job_name)
        failures.append(
            Failure(
                subject=subject,
                kind=AlertKind.RUN_FAILED,
                at=at,
                error_class=error_class,
                step=step.key,
                error=step.error,
            )
        )
    return failures


def _stops(evaluation: Evaluated, error_name: str) -> bool:
    """Did this failed evaluation make its step fail? A blocking check does, and dbt exits badly for any
    failed test of severity error."""
    return error_name == DBT_FAILED or (error_name == CHECK_STOPPED_STEP and evaluation.blocks)


def _first_to_fail(
    missing: list[Planned], stoppers: list[Evaluated], *, stopped_by_check: bool, upstream: Upstream
) -> list[Planned]:
    """Of the assets that a failed step did not build, those that nothing else in the step explains.

    Without known lineage a failed test explains them all, and an exception none: one error of several
    unrelated assets is still one failure (alerts share their `cause`)."""
    if stopped_by_check or not missing:
        return []
    bad = {p.asset.key for p in missing} | {e.asset.key for e in stoppers}
    explained = {p.asset.key: _ancestors(p.asset.key, upstream) & bad - {p.asset.key} for p in missing}
    knows_lineage = any(tuple(upstream(p.asset.key)) for p in missing)
    if stoppers and not knows_lineage:
        return []
    return [p for p in missing if not explained[p.asset.key]]


def _failures_of_a_dead_run(run: RunLog, upstream: Upstream) -> list[Failure]:
    """The run ended badly and no step says why: killed, out of memory, or it never came up. What was being
    built is what failed; if nothing had begun, the assets that the run would have built first."""
    error_class = ErrorClass.USER_CODE if run.error else ErrorClass.DIED
    begun = {_node(key) for key, step in run.steps.items() if step.status is StepStatus.STARTED}
    candidates = [p for p in run.missing if _node(p.step) in begun]
    if not candidates:
        missing_steps = {p.step for p in run.missing}
        first = {key for key in missing_steps if not (_ancestor_steps(run, key) & missing_steps)}
        candidates = [p for p in run.missing if p.step in first]
    candidates = _first_to_fail(candidates, [], stopped_by_check=False, upstream=upstream)
    if not candidates:
        job = Subject(name=run.job_name)
        return [
            Failure(
                subject=job, kind=AlertKind.RUN_FAILED, at=run.ended_at, error_class=error_class, error=run.error
            )
        ]
    return [
        Failure(
            subject=Subject(asset=p.asset),
            kind=AlertKind.NOT_MATERIALIZED,
            partition=p.partition,
            at=run.ended_at,
            error_class=error_class,
            error=run.error,
        )
        for p in candidates
    ]


def _never_evaluated(run: RunLog) -> tuple[Failure, ...]:
    """Checks that a successful run planned and never evaluated, though their step was not skipped."""
    return tuple(
        Failure(
            subject=Subject(asset=check.asset, check=check.check),
            kind=AlertKind.CHECK_ERRORED,
            at=run.ended_at,
            error_class=ErrorClass.USER_CODE,
            partition=check.partition,
        )
        for check in _unevaluated(run)
        if run.steps.get(check.step) is None or run.steps[check.step].status is StepStatus.SUCCEEDED
    )


def _unevaluated(run: RunLog) -> list[Planned]:
    done = {(e.asset.key, e.check) for e in run.evaluated}
    return [p for p in run.planned_checks if (p.asset.key, p.check) not in done]


def _of_step(run: RunLog, planned: Iterable[Planned], step: str) -> list[Planned]:
    """What the step was to give. A graph-backed asset is planned for the step that gives its output: when an
    inner step fails that gives nothing itself, what descends from it within the same node is meant."""
    planned = list(planned)
    own = [p for p in planned if p.step == step]
    if own or any(p.step == step for p in (*run.planned, *run.planned_checks)):
        return own
    same_node = [p for p in planned if _node(p.step) == _node(step)]
    unmapped = _MAPPED.sub("", step)
    after = [p for p in same_node if unmapped in {_MAPPED.sub("", key) for key in _ancestor_steps(run, p.step)}]
    return after or same_node


_MAPPED = re.compile(r"\[[^\]]*\]")


def _node(step: str) -> str:
    """The node of the job that a step belongs to: `orders` for `orders`, `orders.load` and `orders.load[2]`."""
    return _MAPPED.sub("", step).split(".", 1)[0]


def _not_run(run: RunLog, failures: list[Failure], upstream: Upstream) -> dict[str, list[NotRun]]:
    """For the name of each failed thing, the assets that were not built on its account."""
    failed_assets = {f.subject.asset.key for f in failures if f.subject.asset and not f.subject.check}
    listed: dict[str, list[NotRun]] = {}
    for planned in run.missing:
        key = planned.asset.key
        if key in failed_assets:
            continue
        culprit = _culprit(run, planned, failures, upstream)
        if culprit is not None:
            item = NotRun(asset=planned.asset, because=str(culprit.subject.asset or culprit.subject.name))
            items = listed.setdefault(str(culprit.subject), [])
            if item not in items:
                items.append(item)
    return listed


def _culprit(run: RunLog, planned: Planned, failures: list[Failure], upstream: Upstream) -> Failure | None:
    """The failure that kept `planned` from being built: by lineage, else by the order of steps, else the first."""
    ancestors = _ancestors(planned.asset.key, upstream)
    steps_before = _ancestor_steps(run, planned.step) | {planned.step}
    by_lineage = [f for f in failures if f.subject.asset and f.subject.asset.key in ancestors]
    by_step = [f for f in failures if f.step is not None and f.step in steps_before]
    return next(iter([*by_lineage, *by_step, *failures]), None)


def _ancestors(key: str, upstream: Upstream) -> set[str]:
    found: set[str] = set()
    ahead = list(upstream(key))
    while ahead:
        current = ahead.pop()
        if current not in found:
            found.add(current)
            ahead.extend(upstream(current))
    return found


def _ancestor_steps(run: RunLog, key: str) -> set[str]:
    return _ancestors(key, lambda step: run.steps[step].upstream if step in run.steps else ())
