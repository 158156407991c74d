"""Dagster's events, put into our words: public Dagster types in, observations out. Nothing is read here.

Event ids: of events that are read from the log, storage id and timestamp (SQLite gives an id anew after the
newest rows were deleted); of what a run amounts to, the run's id and what happened, so that the tail and the
run-failure sensor name the same thing alike (SQLite numbers each run's events apart).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg

from incident_ops.adapters.dagster_metrics import declared_of, measurement_of
from incident_ops.adapters.dagster_numbers import moment, natural
from incident_ops.adapters.dagster_pii import values_in
from incident_ops.core.alert import (
    Alert,
    AlertKind,
    AssetRef,
    CheckSeverity,
    ErrorClass,
    Evidence,
    Nature,
    Observation,
    Recovery,
    Subject,
    fingerprint,
)
from incident_ops.core.attribution.record import ATTRIBUTION_METADATA, EXPLAINED_BY, Attribution, attribution_in
from incident_ops.core.declared import OWN_PREFIX
from incident_ops.core.error_text import error_signature, errors_of_dbt, redact, shorten
from incident_ops.core.nature import NATURE_METADATA, nature_of_check
from incident_ops.core.pii import ANY_COLUMN, mask, mask_addresses
from incident_ops.core.runs import DBT_FAILED, Failure, RunLog, StepError

MAX_SUMMARY = 500
MAX_DETAIL = 20_000
MAX_FACTS = 12

_OF_A_VALUE = frozenset(
    {"min", "max", "minimum", "maximum", "mean", "avg", "average", "median", "mode"}
    | {"first", "last", "top", "value", "example", "sample"}
)

_FRESHNESS_ALERTS = {"FAIL": CheckSeverity.ERROR, "WARN": CheckSeverity.WARN}


def utc(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, tz=UTC)


def asset_ref(key: dg.AssetKey) -> AssetRef:
    return AssetRef(key="/".join(key.path))


def log_event_id(storage_id: int, timestamp: float) -> str:
    return f"dagster:{storage_id}@{timestamp:.6f}"


def of_evaluation(
    evaluation: dg.AssetCheckEvaluation,
    *,
    event_id: str,
    run_id: str | None,
    at: datetime,
    now: datetime,
    pii: Collection[str] = (),
) -> Observation:
    """A check evaluation: an alert when it did not pass, a recovery when it did. Values of the columns `pii` are
    masked."""
    subject = Subject(asset=asset_ref(evaluation.asset_key), check=evaluation.check_name)
    target = evaluation.target_materialization_data
    if evaluation.passed:
        return Recovery(
            event_id=event_id,
            fingerprint=fingerprint("check", subject),
            occurred_at=at,
            summary=f"{subject} passed",
            partition=evaluation.partition,
            run_id=run_id,
        )
    values = values_in(evaluation.metadata, pii)
    description = _masked(redact(evaluation.description or ""), pii, values)
    attribution = _attribution(evaluation.metadata, pii, values)
    return Alert(
        event_id=event_id,
        kind=AlertKind.CHECK_FAILED,
        nature=_nature_of(evaluation),
        subject=subject,
        check_severity=CheckSeverity(evaluation.severity.value),
        partition=evaluation.partition,
        run_id=run_id,
        run_group=run_id,
        materialization=natural(target.storage_id) if target else None,
        occurred_at=at,
        observed_at=now,
        began_at=moment(target.timestamp) if target else None,
        evidence=Evidence(
            summary=shorten(description, MAX_SUMMARY) or f"check {evaluation.check_name} failed",
            detail=shorten(description, MAX_DETAIL) if len(description) > MAX_SUMMARY else "",
            facts={
                **({EXPLAINED_BY: attribution.sentence} if attribution else {}),
                **_facts(evaluation.metadata, pii, values),
            },
            error_class=ErrorClass.CHECK,
            attribution=attribution,
        ),
        declared=declared_of(evaluation),
        measurement=measurement_of(evaluation, lambda _: pii),
    )


def of_freshness(
    asset: AssetRef, *, previous: str, new: str, event_id: str, at: datetime, now: datetime
) -> Observation | None:
    """A freshness state change. WARN and FAIL are alerts, only PASS is a recovery: NOT_APPLICABLE and UNKNOWN
    also appear when a code location does not load, and say nothing of the data."""
    subject = Subject(asset=asset)
    if new == "PASS":
        return Recovery(
            event_id=event_id,
            fingerprint=fingerprint("freshness", subject),
            occurred_at=at,
            summary=f"{asset} is fresh again",
            all_partitions=True,
        )
    if new not in _FRESHNESS_ALERTS:
        return None
    verdict = (
        "is stale: it missed its freshness policy" if new == "FAIL" else "is about to miss its freshness policy"
    )
    return Alert(
        event_id=event_id,
        kind=AlertKind.FRESHNESS,
        nature=Nature.FRESHNESS,
        subject=subject,
        check_severity=_FRESHNESS_ALERTS[new],
        occurred_at=at,
        observed_at=now,
        evidence=Evidence(summary=f"{asset} {verdict} ({previous} → {new})"),
    )


def of_materialization(
    asset: AssetRef, *, partition: str | None, event_id: str, run_id: str, at: datetime
) -> Recovery:
    """The asset was built: whatever failed to build it is over (for this partition)."""
    return Recovery(
        event_id=event_id,
        fingerprint=fingerprint("run", Subject(asset=asset)),
        occurred_at=at,
        summary=f"{asset} was built",
        partition=partition,
        run_id=run_id or None,
    )


def of_job_success(run: RunLog, *, at: datetime) -> Recovery:
    return Recovery(
        event_id=f"dagster:run:{run.run_id}:RUN_SUCCESS",
        fingerprint=fingerprint("job", Subject(name=run.job_name)),
        occurred_at=at,
        summary=f"job {run.job_name} succeeded",
        run_id=run.run_id,
    )


def of_failure(failure: Failure, run: RunLog, *, now: datetime, pii: Collection[str] = ()) -> tuple[Alert, ...]:
    """One thing that failed in a run, as the events that tell of it: the step's failure and the run's. Values of
    the columns `pii` are masked in the texts of errors (their identity is a hash of the text as it was)."""
    signature = _signature(failure)
    failure, run = _masked_failure(failure, pii), replace(run, message=_masked(redact(run.message), pii))
    step_event = ("STEP_FAILURE", _step_evidence(failure, run), failure.error_class is ErrorClass.CHECK)
    run_event = ("RUN_FAILURE", _run_evidence(failure, run), failure.step is not None)
    if failure.kind is AlertKind.CHECK_ERRORED and not run.failed:
        events = [("NEVER_EVALUATED", _never_evaluated_evidence(failure, run), False)]
    else:
        events = [step_event, run_event] if failure.step is not None else [run_event]
    subject = failure.subject
    is_build = subject.check is None and subject.asset is not None
    return tuple(
        Alert(
            event_id=f"dagster:run:{run.run_id}:{name}:{failure.step or ''}:{subject}:{failure.partition or ''}",
            kind=failure.kind,
            nature=nature_of_check(subject.check, None) if subject.check else Nature.PIPELINE,
            subject=subject,
            partition=failure.partition,
            run_id=run.run_id,
            run_group=run.group,
            cause=f"{run.run_id}/{failure.step or ''}" if is_build else None,
            is_echo=is_echo,
            materialization=failure.materialization,
            occurred_at=failure.at,
            observed_at=now,
            evidence=replace(evidence, error_signature=signature),
        )
        for name, evidence, is_echo in events
    )


def _step_evidence(failure: Failure, run: RunLog) -> Evidence:
    error = failure.error
    if failure.error_class is ErrorClass.INTERRUPTED:
        summary = f"interrupted: the worker of step {failure.step} was taken away (signal, eviction or time-out)"
    elif error is None:
        summary = f"step {failure.step} failed without an error text"
    else:
        summary = shorten(_error_line(_gist(error)), MAX_SUMMARY)
    return _evidence(failure, summary)


def _run_evidence(failure: Failure, run: RunLog) -> Evidence:
    if failure.error_class is ErrorClass.DIED:
        message = f": {redact(run.message)}" if run.message else ""
        summary = (
            f"run {run.run_id[:8]} of {run.job_name} died and no step says why "
            f"(out of memory, killed, or it could not start){message}"
        )
        return _evidence(failure, shorten(summary, MAX_SUMMARY))
    if failure.step is None and failure.error is not None:
        return _evidence(failure, shorten(_error_line(_gist(failure.error)), MAX_SUMMARY))
    return _evidence(failure, f"run {run.run_id[:8]} of {run.job_name} failed at step {failure.step}")


def _never_evaluated_evidence(failure: Failure, run: RunLog) -> Evidence:
    summary = (
        f"check {failure.subject.check} was planned and never evaluated, though run {run.run_id[:8]} succeeded: "
        "nothing is known of the data"
    )
    return _evidence(failure, summary)


def _evidence(failure: Failure, summary: str) -> Evidence:
    error = failure.error
    has_error = error is not None and failure.error_class in (ErrorClass.USER_CODE, ErrorClass.CHECK)
    return Evidence(
        summary=summary,
        detail=shorten(f"{_error_line(error)}\n{error.stack}".strip(), MAX_DETAIL) if error and has_error else "",
        error_class=failure.error_class,
        not_run=failure.not_run,
    )


def _signature(failure: Failure) -> str:
    error = failure.error
    if error is None or failure.error_class is not ErrorClass.USER_CODE:
        return ""
    return error_signature(error.class_name, _gist(error).message)


def _masked_failure(failure: Failure, pii: Collection[str]) -> Failure:
    error = failure.error
    if error is None:
        return failure
    masked = replace(error, message=_masked(error.message, pii), stack=_masked(error.stack, pii))
    return replace(failure, error=masked)


def _masked(text: str, pii: Collection[str], values: Collection[str] = ()) -> str:
    """Without tagged columns a text stays as it is; with them no e-mail address in it is anybody's business."""
    return mask_addresses(mask(text, pii, values)) if pii else text


def _gist(error: StepError) -> StepError:
    """What is said in one line, and compared."""
    return replace(error, message=errors_of_dbt(error.message)) if error.class_name == DBT_FAILED else error


def _error_line(error: StepError) -> str:
    return f"{error.class_name}: {error.message}" if error.message else error.class_name


def _nature_of(evaluation: dg.AssetCheckEvaluation) -> Nature:
    declared = evaluation.metadata.get(NATURE_METADATA)
    value = getattr(declared, "value", None)
    return nature_of_check(evaluation.check_name, value if isinstance(value, str) else None)


def _attribution(
    metadata: Mapping[str, dg.MetadataValue], pii: Collection[str], values: Collection[str]
) -> Attribution | None:
    """What the check says of its failing rows. Of another form than ours it is ignored: the alert counts."""
    document = metadata.get(ATTRIBUTION_METADATA)
    if ANY_COLUMN in pii or not isinstance(document, dg.JsonMetadataValue):
        return None
    found = attribution_in(document.value)
    return found.without(pii, clean=lambda text: _masked(redact(text), pii, values)) if found else None


def _facts(
    metadata: Mapping[str, dg.MetadataValue], pii: Collection[str], values: Collection[str]
) -> dict[str, str]:
    """Figures only: texts, tables and JSON of a check's metadata may hold rows of somebody's data, and stay
    in Dagster, one click away. So do figures that are, or may be, a value of a column in `pii`. What is written
    for machines (`incident_ops/…`) is no fact for people."""
    facts: dict[str, str] = {}
    if ANY_COLUMN in pii:
        return facts
    for name, value in metadata.items():
        if name.startswith(OWN_PREFIX):
            continue
        if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue) and value.value is not None:
            text = f"{value.value:,}" if isinstance(value.value, int) else f"{value.value:,.6g}"
        elif isinstance(value, dg.BoolMetadataValue):
            text = "yes" if value.value else "no"
        else:
            continue
        is_value = text in values or str(value.value) in values or mask(text, (), values) != text
        if not is_value and not _tells_a_value(name, pii) and _masked(name, pii, values) == name:
            facts[name] = text
    return dict(list(facts.items())[:MAX_FACTS])


def _tells_a_value(name: str, pii: Collection[str]) -> bool:
    """Is it a column's name, or one with "max", "first", … to it? `email_nulls` counts rows and may stay."""
    rest = [_pattern(column).sub(" ", name.lower()) for column in pii]
    return any(
        (text != name.lower() and set(re.findall(r"[a-z]+", text)) & _OF_A_VALUE) or not text.strip()
        for text in rest
    )


def _pattern(column: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9]){re.escape(column.lower())}(?![a-z0-9])")
