"""Is an asset built as often as it should be? By Dagster's freshness policy, else by what it usually does."""

from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from typing import Any, TypedDict, Unpack
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg

from incident_ops.core.alert import Nature
from incident_ops.core.anomaly.arrivals import due
from incident_ops.core.anomaly.moments import moment_text
from incident_ops.core.durations import format_duration
from incident_ops.core.forecast.deadlines import CronWindow, FreshnessTerms, TimeWindow, next_deadline
from incident_ops.core.metrics import Measured
from incident_ops.detectors.arrivals import Arrivals, arrivals_of, last_update
from incident_ops.detectors.factory import CheckOptions, DetectorError, Finding, build_checks
from incident_ops.detectors.freshness_policy import terms_of, ticks
from incident_ops.detectors.learnt import LearntOptions, Memory
from incident_ops.detectors.options import besides, only, with_usable_options
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Assets

HOURS_SINCE_BUILD = "hours_since_build"
WARN = dg.AssetCheckSeverity.WARN
HOUR = timedelta(hours=1)


class CadenceOptions(TypedDict, total=False):
    """Options of freshness checks alone.

    Attributes:
        policy: instead of the one that the asset declares.
        timezone: IANA name of the people's clock, UTC by default. A build at 06:00 there stays one at 06:00 when
            the clocks change; builds that keep to UTC are recognised. Policies have their own.
    """

    policy: dg.FreshnessPolicy
    timezone: str


class FreshnessOptions(CheckOptions, LearntOptions, CadenceOptions, total=False):
    """All that `build_freshness_checks` takes."""


@with_usable_options
def build_freshness_checks(assets: Assets, **options: Unpack[FreshnessOptions]) -> list[dg.AssetChecksDefinition]:
    """A check for each asset that it is built in time.

    With a `FreshnessPolicy` (of the definition, or `policy`) the check says what the policy means, and when the
    next build is due: beyond the fail window or the cron deadline it fails, beyond the warn window only it fails
    with WARN. An asset given by its key has no policy that is known here.

    Without one the deadline is learnt from the asset's own builds (`core.anomaly.arrivals.due`): daily, several
    times a day, on working days, weekly, or at intervals. Until there are seven days with builds it passes and
    says "learning, n of 7 builds". Of an asset partitioned by time the newest partition that should be there
    counts: backfills of older ones are no arrivals.

    A build that was reported for an external asset counts as any other, and so does an observation's
    `dagster/last_updated_timestamp` (which Dagster's own daemon does not look at). A build in the future counts as
    now. An asset that was never built fails with WARN: since when it should have been there, nobody can tell.

    Let it run by itself, more often than the asset is due: run with a build it finds the asset fresh each time.
    The check is of the whole asset, so `by_partition` is not among its options.

    Raises:
        DetectorError: an option that cannot be used, or assets that cannot be told.
    """
    _require_usable(options)
    return build_checks(
        assets,
        partial(_look, options=options),
        nature=Nature.FRESHNESS,
        name="freshness",
        description="Built as often as its freshness policy says, or as it usually is.",
        options={**besides(options, CadenceOptions, LearntOptions), "by_partition": False},
    )


def _look(scope: Scope, options: FreshnessOptions) -> Finding:
    policy = options.get("policy") or scope.target.policy
    if policy is not None:
        last = last_update(scope)
        return _by_policy(terms_of(policy), last, scope) if last else _never_built()
    arrivals = arrivals_of(scope)
    return _learnt(arrivals, scope, options) if arrivals.times else _never_built()


def _never_built() -> Finding:
    return Finding(passed=False, summary="never built: since when it is missing cannot be told", severity=WARN)


def _by_policy(terms: FreshnessTerms, last: datetime, scope: Scope) -> Finding:
    deadline = next_deadline(terms, last, ticks=ticks)
    assert deadline is not None, "what was built has a deadline"
    zone = ZoneInfo(terms.timezone) if isinstance(terms, CronWindow) else UTC
    built = f"last built {moment_text(last, now=scope.now, zone=zone)}"
    summary = f"{built}, due by {moment_text(deadline, now=scope.now, zone=zone)} {zone}, {_asked(terms)}"
    is_late = scope.now >= deadline
    is_old = isinstance(terms, TimeWindow) and terms.warn_window and scope.now >= last + terms.warn_window
    if is_late:
        summary += f", {format_duration(scope.now - deadline)} late"
    elif is_old:
        summary += f", {format_duration(scope.now - last)} old"
    beyond = (scope.now - last) / (deadline - last)
    return Finding(
        passed=not (is_late or is_old),
        summary=summary,
        severity=WARN if is_old and not is_late else None,
        metadata=_times(last=last, deadline=deadline),
        metrics=[_age(scope, last, deadline, score=beyond / (1 + beyond))],
    )


def _asked(terms: FreshnessTerms) -> str:
    match terms:
        case TimeWindow(fail_window=window):
            return f"by its policy every {format_duration(window)}"
        case CronWindow(deadline_cron=cron, lower_bound_delta=delta):
            return f'by its policy at most {format_duration(delta)} before "{cron}"'


def _learnt(arrivals: Arrivals, scope: Scope, options: FreshnessOptions) -> Finding:
    training = Memory.of(scope, only(options, LearntOptions)).training(HOURS_SINCE_BUILD)
    accepted = [each for each in arrivals.times if not training.accepted_from or each >= training.accepted_from]
    found = due(
        accepted or arrivals.times[-1:],
        at=scope.now,
        sensitivity=options.get("sensitivity", 1.0),
        widen=training.widen,
        timezone=_zone(options),
        holidays=options.get("holidays", ()),
    )
    assert found.last is not None, "there are arrivals"
    if found.late and arrivals.complete:
        summary = f"partition {arrivals.partition} is there, and the next is not over"
        return Finding(passed=True, summary=summary, metadata=_times(last=found.last))
    metadata = _times(last=found.last, expected=found.expected, deadline=found.deadline)
    if arrivals.missing is not None:
        metadata["missing_partition"] = arrivals.missing
    return Finding(
        passed=not found.late,
        summary=f"{_partition_text(arrivals)}{found.reason}",
        metadata=metadata,
        metrics=[_age(scope, found.last, found.deadline, score=found.score)],
    )


def _partition_text(arrivals: Arrivals) -> str:
    if arrivals.missing is not None:
        return f"partition {arrivals.missing} is not there, "
    return f"partition {arrivals.partition} is there, " if arrivals.partition else ""


def _age(scope: Scope, last: datetime, deadline: datetime | None, *, score: float) -> Measured:
    return Measured(
        metric=HOURS_SINCE_BUILD,
        value=(scope.now - last) / HOUR,
        high=(deadline - last) / HOUR if deadline else inf,
        score=score,
    )


def _times(**times: datetime | None) -> dict[str, Any]:
    """`last`, `expected` and `deadline`, those that are known."""
    return {name: dg.MetadataValue.timestamp(time) for name, time in times.items() if time is not None}


def _zone(options: FreshnessOptions) -> ZoneInfo:
    return ZoneInfo(options.get("timezone", "UTC"))


def _require_usable(options: FreshnessOptions) -> None:
    if "by_partition" in options:
        raise DetectorError("by_partition: freshness is of the whole asset, there is no verdict of each partition")
    try:
        _zone(options)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones, such as America
        raise DetectorError(
            f"there is no time zone {options.get('timezone')!r}, say it like Europe/Berlin"
        ) from error
