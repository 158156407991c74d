"""A run's record and events read into a `RunLog`. Public Dagster API only."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

import dagster as dg
from dagster import DagsterEventType, DagsterInstance, DagsterRun, EventLogEntry

from incident_ops.adapters.dagster_numbers import natural
from incident_ops.adapters.dagster_translate import asset_ref, utc
from incident_ops.core.error_text import redact
from incident_ops.core.runs import Evaluated, Planned, RunLog, Step, StepError, StepStatus

# Framework errors that say nothing but that the error inside them was raised.
WRAPPERS = frozenset(
    {
        "DagsterExecutionStepExecutionError",
        "DagsterExecutionLoadInputError",
        "DagsterExecutionHandleOutputError",
        "DagsterUserCodeExecutionError",
        "DagsterResourceFunctionError",
        "DagsterUserCodeLoadError",
        "DagsterUserCodeProcessError",
        "DagsterSubprocessError",
        "RetryRequestedFromPolicy",
        "RetryRequested",
    }
)

_STEP_STATUS = {
    DagsterEventType.STEP_START: StepStatus.STARTED,
    DagsterEventType.STEP_RESTARTED: StepStatus.STARTED,
    DagsterEventType.STEP_UP_FOR_RETRY: StepStatus.STARTED,
    DagsterEventType.STEP_SUCCESS: StepStatus.SUCCEEDED,
    DagsterEventType.STEP_FAILURE: StepStatus.FAILED,
    DagsterEventType.STEP_SKIPPED: StepStatus.SKIPPED,
}

_TYPES = {
    *_STEP_STATUS,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.RUN_CANCELED,
}


def read_run(instance: DagsterInstance, run: DagsterRun) -> RunLog:
    """Everything the account of an ended run needs, from its record, its events and its execution plan."""
    entries = [e for e in instance.all_logs(run.run_id, of_type=_TYPES) if e.dagster_event is not None]
    ends = [e for e in entries if e.dagster_event_type in _ENDS]
    failures = [e for e in ends if e.dagster_event_type is DagsterEventType.RUN_FAILURE]
    return RunLog(
        run_id=run.run_id,
        group=group_of(run),
        job=job_of(run),
        location=location_of(run),
        failed=run.status is dg.DagsterRunStatus.FAILURE,
        ended_at=utc(max((e.timestamp for e in ends or entries), default=0.0)),
        message=_run_message(failures),
        error=_run_error(failures),
        steps=_steps(instance, run, entries),
        planned=tuple(_planned(entries)),
        built=frozenset(_built(entries)),
        planned_checks=tuple(_planned_checks(entries)),
        evaluated=tuple(_evaluated(entries)),
    )


_ENDS = (DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_SUCCESS, DagsterEventType.RUN_CANCELED)


def group_of(run: DagsterRun) -> str:
    """The first run of the chain of retries and re-executions that `run` belongs to."""
    return run.root_run_id or run.tags.get("dagster/root_run_id") or run.run_id


def job_of(run: DagsterRun) -> str:
    """The job's name. The implicit job of all assets says nothing by itself, and a success of one selection of
    assets is no news of another: its name is followed by the selection."""
    if not run.job_name.startswith(_IMPLICIT) or not run.asset_selection:
        return run.job_name
    keys = sorted(asset_ref(key).key for key in run.asset_selection)
    if len(keys) <= _FEW:
        return f"{run.job_name} ({', '.join(keys)})"
    identity = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:8]
    return f"{run.job_name} ({', '.join(keys[:_FEW])} and {len(keys) - _FEW} more, {identity})"


_IMPLICIT = "__A"  # __ASSET_JOB, __ANONYMOUS_ASSET_JOB
_FEW = 3


def location_of(run: DagsterRun) -> str:
    origin = run.remote_job_origin
    return origin.repository_origin.code_location_origin.location_name if origin else ""


class ErrorInfo(Protocol):
    """Dagster's serialised error (its class is not public)."""

    @property
    def cls_name(self) -> str | None: ...
    @property
    def message(self) -> str: ...
    @property
    def stack(self) -> Sequence[str]: ...
    @property
    def cause(self) -> "ErrorInfo | None": ...


def unwrapped(error: ErrorInfo | None) -> StepError | None:
    """The error that the user's code raised, without the framework's wrappers, secrets redacted."""
    while error is not None and error.cause is not None and error.cls_name in WRAPPERS:
        error = error.cause
    if error is None:
        return None
    name = (error.cls_name or "Error").rsplit(".", 1)[-1]
    message = error.message.strip()
    prefix, separator, rest = message.partition(":")
    if separator and prefix.rsplit(".", 1)[-1] == name:
        message = rest.strip()
    return StepError(class_name=name, message=redact(message), stack=redact("".join(error.stack)))


def _run_error(failures: list[EventLogEntry]) -> StepError | None:
    """The error with which a run ended before any step: a resource or an executor that could not start."""
    for entry in failures:
        event = entry.dagster_event
        if event is not None and event.event_specific_data is not None and event.job_failure_data.error:
            return unwrapped(event.job_failure_data.error)
    return None


def _run_message(failures: list[EventLogEntry]) -> str:
    for entry in failures:
        event = entry.dagster_event
        if event is not None and event.message:
            return event.message
    return ""


def _steps(instance: DagsterInstance, run: DagsterRun, entries: Iterable[EventLogEntry]) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    if run.execution_plan_snapshot_id:
        plan = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
        wanted = set(plan.step_keys_to_execute)
        for snap in plan.steps:
            if snap.key in wanted:
                upstream = frozenset(key for item in snap.inputs for key in item.upstream_step_keys)
                steps[snap.key] = Step(key=snap.key, status=StepStatus.NOT_STARTED, upstream=upstream)
    for entry in entries:
        event = entry.dagster_event
        if event is None or event.step_key is None or event.event_type not in _STEP_STATUS:
            continue
        before = steps.get(event.step_key)
        error = None
        if event.event_type is DagsterEventType.STEP_FAILURE:
            error = unwrapped(event.step_failure_data.error)
        steps[event.step_key] = Step(
            key=event.step_key,
            status=_STEP_STATUS[event.event_type],
            upstream=before.upstream if before else frozenset(),
            error=error,
            ended_at=utc(entry.timestamp),
        )
    return steps


def _planned(entries: Iterable[EventLogEntry]) -> Iterable[Planned]:
    for entry in entries:
        event = entry.dagster_event
        if event and event.event_type is DagsterEventType.ASSET_MATERIALIZATION_PLANNED and event.asset_key:
            yield Planned(asset=asset_ref(event.asset_key), step=event.step_key or "", partition=event.partition)


def _built(entries: Iterable[EventLogEntry]) -> Iterable[tuple[str, str | None]]:
    """A partitioned asset built for a range of partitions counts as built for the range as a whole too."""
    for entry in entries:
        event = entry.dagster_event
        if event and event.event_type is DagsterEventType.ASSET_MATERIALIZATION and event.asset_key:
            key = asset_ref(event.asset_key).key
            yield (key, event.partition)
            yield (key, None)


def _planned_checks(entries: Iterable[EventLogEntry]) -> Iterable[Planned]:
    for entry in entries:
        event = entry.dagster_event
        if event and event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
            planned = event.asset_check_planned_data
            subset = planned.partitions_subset
            keys = list(subset.get_partition_keys()) if subset is not None else []
            yield Planned(
                asset=asset_ref(planned.asset_key),
                check=planned.check_name,
                step=event.step_key or "",
                partition=keys[0] if len(keys) == 1 else None,
            )


def _evaluated(entries: Iterable[EventLogEntry]) -> Iterable[Evaluated]:
    for entry in entries:
        event = entry.dagster_event
        if event and event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            target = evaluation.target_materialization_data
            yield Evaluated(
                asset=asset_ref(evaluation.asset_key),
                check=evaluation.check_name,
                step=event.step_key or "",
                passed=evaluation.passed,
                is_error=evaluation.severity is dg.AssetCheckSeverity.ERROR,
                blocks=bool(evaluation.blocking),
                at=utc(entry.timestamp),
                partition=evaluation.partition,
                materialization=natural(target.storage_id) if target else None,
            )
