"""When detectors run by themselves: a schedule with its job, or a condition for Dagster's automation.

A schedule starts its checks in several runs, spread over its period: a thousand checks "every hour" do not fall
upon the warehouse at minute 0. Which minute an asset gets follows from its key, and is the same tomorrow.

How many run at once is for Dagster's pools to say: give the checks of a warehouse a pool
(`build_volume_checks(assets, pool="warehouse")`) and set its limit (`dagster instance concurrency set warehouse
4`, or for every pool, in `dagster.yaml`, `concurrency: {pools: {default_limit: 4}}`), which holds for all runs.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg

from incident_ops.core.durations import DurationSyntaxError, format_duration, parse_duration
from incident_ops.detectors.factory import DetectorError

BUCKET_TAG = "incident_ops/bucket"
AT_ONCE = 100
"""Definitions in one run. A run costs some seconds and a process, a check of metadata hundredths of one."""
SPREAD_OF_CRON = 30
"""Minutes, at most, from a cron's tick to the last run of it: who writes a time means about that time."""
STUCK = timedelta(days=1)
"""A run that has not ended after so long keeps no further one from starting."""

Unless = Callable[[dg.ScheduleEvaluationContext], str | None]


def build_detector_schedule(
    checks: Iterable[dg.AssetsDefinition],
    *,
    name: str = "detectors",
    every: timedelta | str | None = None,
    cron: str | None = None,
    timezone: str = "UTC",
    at_once: int = AT_ONCE,
    unless: Unless | None = None,
    default_status: dg.DefaultScheduleStatus = dg.DefaultScheduleStatus.RUNNING,
    executor: dg.ExecutorDefinition = dg.in_process_executor,
    tags: Mapping[str, str] | None = None,
) -> dg.ScheduleDefinition:
    """The schedule that runs `checks`, and with it the job: `dg.Definitions(asset_checks=checks,
    schedules=[build_detector_schedule(checks)])` is all.

    Up to `at_once` definitions run together, in one run. More are divided into 2, 4, 8, … runs by a digest of the
    asset key, which start at even distances within the period. A run is left out while the one before it, of the
    same checks, has not ended.

    Args:
        checks: definitions of checks, or of assets with checks (dbt's tests): their checks run, the assets are not
            built. None of them may be partitioned.
        name: of the job; the schedule is called `<name>_schedule`.
        every: the period, one hour by default: a part of an hour, hours that divide a day, or a day (`15m`, `6h`).
        cron: instead of `every`, the times in cron's words. All in one run at that time, up to `at_once`; more are
            spread over up to half an hour after it, if its minute is a plain number.
        timezone: of `cron`.
        at_once: definitions in one run, 100 by default.
        unless: tells why the tick is to be left out (nothing was loaded yet), or None.
        default_status: RUNNING by default: what is to watch should not wait until somebody remembers it.
        executor: of the job. By default all checks of a run share its process, one after the other.
        tags: of the job and its runs, such as a queue's.

    Raises:
        DetectorError: there are no checks, or one is partitioned, or the period cannot be had, or no clock shows
            the cron's times or the time zone.
    """
    definitions = list(checks)
    _require_runnable(definitions)
    _require_clock(cron, timezone)
    plan = _plan(definitions, name=name, rhythm=_rhythm(every, cron), at_once=at_once)
    keys = [key for definition in definitions for key in definition.check_keys]
    job = dg.define_asset_job(
        name,
        selection=dg.AssetSelection.checks(*keys),
        description=f"{len(keys):,} checks, and nothing is built.",
        executor_def=executor,
        tags=tags,
    )

    def evaluate(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if unless is not None and (reason := unless(context)):
            return dg.SkipReason(reason)
        bucket = plan.bucket_at(context.scheduled_execution_time)
        if reason := _still_running(context, name, bucket):
            return dg.SkipReason(reason)
        return dg.RunRequest(asset_check_keys=bucket.keys, tags={BUCKET_TAG: bucket.label})

    return dg.ScheduleDefinition(
        name=f"{name}_schedule",
        job=job,
        cron_schedule=plan.crons,
        execution_timezone=timezone,
        execution_fn=evaluate,
        default_status=default_status,
        description=f"{len(keys):,} checks in {len(plan.buckets)} runs, {plan.rhythm.words}.",
    )


def build_detector_condition(
    name: str = "detectors",
    *,
    every: timedelta | str | None = None,
    cron: str | None = None,
    timezone: str = "UTC",
) -> dg.AutomationCondition[Any]:
    """The same for Dagster's declarative automation, as the factories' option `automation_condition`: checks run
    at every tick, unless they still do.

    To check what has just been built, no clock is needed: `dg.AutomationCondition.eager()`.

    Args:
        name: the minute follows from it; another name has another. Does not change a `cron`.
        every, cron, timezone: as in `build_detector_schedule`.

    Raises:
        DetectorError: the period, the cron or the time zone cannot be had.
    """
    _require_clock(cron, timezone)
    rhythm = _rhythm(every, cron)
    ticked = dg.AutomationCondition.cron_tick_passed(
        cron or rhythm.cron(_number(name) % rhythm.span), cron_timezone=timezone if cron else "UTC"
    )
    return ticked.since_last_handled() & ~dg.AutomationCondition.in_progress()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rhythm:
    """A period of `period` minutes, or the given `cron`, from which on `span` minutes can be used."""

    period: int
    span: int
    start: int = 0
    given: str = ""

    @property
    def words(self) -> str:
        return (
            f"from {self.given} on" if self.given else f"every {format_duration(timedelta(minutes=self.period))}"
        )

    def cron(self, offset: int) -> str:
        """`offset`: minutes after the beginning of the period."""
        if self.given:
            _, others = self.given.split(maxsplit=1)
            return f"{self.start + offset} {others}" if self.span > 1 else self.given
        hour, minute = divmod(offset, 60)
        if self.period < 60:
            return f"{minute}-59/{self.period} * * * *"
        hours = "*" if self.period == 60 else ",".join(str(at) for at in range(hour, 24, self.period // 60))
        return f"{minute} {hours} * * *"

    def offset_of(self, moment: datetime) -> int:
        return (moment.hour * 60 + moment.minute) % self.period - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bucket:
    """What one run checks."""

    label: str
    keys: Sequence[dg.AssetCheckKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Which checks start how many minutes after the beginning of the period."""

    rhythm: _Rhythm
    buckets: Mapping[int, _Bucket]

    @property
    def crons(self) -> str | list[str]:
        """One for each bucket; Dagster shows a list of one as a list."""
        crons = [self.rhythm.cron(offset) for offset in self.buckets]
        return crons[0] if len(crons) == 1 else crons

    def bucket_at(self, moment: datetime) -> _Bucket:
        """Of a time that is not ours (a tick by hand, an hour that the clocks leave out) all checks. They have one
        label whatever the time where they are one run: a cron's minutes may be several (`*/15`)."""
        if len(self.buckets) == 1:
            return next(iter(self.buckets.values()))
        bucket = self.buckets.get(self.rhythm.offset_of(moment))
        return bucket or _Bucket(label="all", keys=[key for each in self.buckets.values() for key in each.keys])


def _plan(definitions: Sequence[dg.AssetsDefinition], *, name: str, rhythm: _Rhythm, at_once: int) -> _Plan:
    if at_once < 1:
        raise DetectorError(f"at_once is at least 1, not {at_once}")
    number = 1  # doubled, not counted: with more checks a run is halved, and what stays keeps its time
    while len(definitions) > number * at_once and number * 2 <= rhythm.span:
        number *= 2
    members: dict[int, list[dg.AssetCheckKey]] = {place: [] for place in range(number)}
    for definition in definitions:
        place = _number(_place_of(definition)) * number >> 32
        members[place] += definition.check_keys
    first = 0 if rhythm.given else _number(f"{name} {min(map(_place_of, definitions))}")
    return _Plan(
        rhythm=rhythm,
        buckets={
            (first + place * rhythm.span // number) % rhythm.span: _Bucket(
                label=f"{place + 1}/{number}", keys=keys
            )
            for place, keys in members.items()
            if keys
        },
    )


def _place_of(definition: dg.AssetsDefinition) -> str:
    """By its first asset: what one definition computes stays together."""
    return min(key.asset_key.to_user_string() for key in definition.check_keys)


def _number(text: str) -> int:
    """0 to 2³² − 1, the same in every process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def _require_clock(cron: str | None, timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones, such as America
        raise DetectorError(f"there is no time zone {timezone!r}, say it like Europe/Berlin") from error
    if cron is None:
        return
    try:
        dg.ScheduleDefinition(job_name="any", cron_schedule=cron)
    except dg.DagsterInvalidDefinitionError as error:
        raise DetectorError(f"cron={cron!r} names no times: write five fields, such as '0 6 * * *'") from error


def _rhythm(every: timedelta | str | None, cron: str | None) -> _Rhythm:
    if cron is not None:
        if every is not None:
            raise DetectorError("give `every` or `cron`, not both")
        minute = cron.split(maxsplit=1)[0]
        start = int(minute) if minute.isdecimal() else 0
        return _Rhythm(
            period=60, start=start, given=cron, span=min(60 - start, SPREAD_OF_CRON) if minute.isdecimal() else 1
        )
    minutes = _minutes(timedelta(hours=1) if every is None else every)
    if not (60 % minutes == 0 if minutes < 60 else minutes % 60 == 0 and 24 % (minutes // 60) == 0):
        raise DetectorError(
            f"every {format_duration(timedelta(minutes=minutes))} cannot be had by the clock:"
            " give a part of an hour (5m, 15m, 30m), of a day (1h, 6h, 12h), a day, or `cron`"
        )
    return _Rhythm(period=minutes, span=minutes)


def _minutes(every: timedelta | str) -> int:
    try:
        length = parse_duration(every) if isinstance(every, str) else every
    except DurationSyntaxError as error:
        raise DetectorError(f"every={every!r}: {error}") from error
    minutes, rest = divmod(length, timedelta(minutes=1))
    if minutes < 1 or rest:
        raise DetectorError(f"every={every!r}: give whole minutes, at least one")
    return minutes


def _still_running(context: dg.ScheduleEvaluationContext, job: str, bucket: _Bucket) -> str | None:
    unended = dg.RunsFilter(
        job_name=job,
        statuses=[s for s in dg.DagsterRunStatus if s not in _ENDED],
        tags={BUCKET_TAG: bucket.label},
        created_after=context.scheduled_execution_time - STUCK,
    )
    runs = context.instance.get_runs(unended, limit=1)
    return f"run {runs[0].run_id} of the same checks has not ended" if runs else None


_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def _require_runnable(definitions: Sequence[dg.AssetsDefinition]) -> None:
    specs = [spec for definition in definitions for spec in definition.check_specs]
    if not specs:
        raise DetectorError("no checks are given: there is nothing to run")
    partitioned = [f"{s.asset_key.to_user_string()}: {s.name}" for s in specs if s.partitions_def is not None]
    if partitioned:
        more = f" and {len(partitioned) - 1} more" if len(partitioned) > 1 else ""
        raise DetectorError(
            f"the check {partitioned[0]}{more} is partitioned, and Dagster runs such a check with a partition of"
            " its asset only, never by itself: build it with by_partition=False to have it on a schedule"
        )
