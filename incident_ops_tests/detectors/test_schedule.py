"""When detectors run by themselves: spread over the period, the same minute tomorrow, and never twice at once."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any, cast

import dagster as dg
import pytest

from incident_ops.core.alert import Nature
from incident_ops.detectors.factory import CheckOptions, DetectorError, Finding, build_checks
from incident_ops.detectors.schedule import BUCKET_TAG, build_detector_condition, build_detector_schedule
from incident_ops.detectors.scope import Scope
from incident_ops_tests.blank import blank_home

DAY = datetime(2026, 11, 20, tzinfo=UTC)
MANY = [f"shop/table_{number}" for number in range(1000)]


def checks_on(assets: Sequence[Any], **options: Any) -> list[dg.AssetChecksDefinition]:
    def look(scope: Scope) -> Finding:
        return Finding(passed=True, summary="fine")

    return build_checks(
        assets, look, nature=Nature.VOLUME, name="volume", description="d", options=cast("CheckOptions", options)
    )


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(blank_home(tmp_path))) as instance:
        yield instance


def asked(schedule: dg.ScheduleDefinition, instance: dg.DagsterInstance, at: datetime) -> dg.RunRequest | str:
    """What a tick at that time asks for, or why it does not."""
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=at)
    tick = schedule.evaluate_tick(context)
    return tick.run_requests[0] if tick.run_requests else tick.skip_message or ""


def ticks_of_an_hour(schedule: dg.ScheduleDefinition) -> list[datetime]:
    """The minutes of the crons; those of hourly schedules are plain numbers."""
    crons = schedule.cron_schedule
    each = [crons] if isinstance(crons, str) else crons
    return [DAY + timedelta(minutes=int(cron.split()[0])) for cron in each]


def test_a_thousand_hourly_checks_start_over_the_whole_hour_and_each_once(instance: dg.DagsterInstance) -> None:
    schedule = build_detector_schedule(checks_on(MANY))
    ticks = ticks_of_an_hour(schedule)
    requests = [asked(schedule, instance, at) for at in ticks]
    keys = [[*(request.asset_check_keys or ())] for request in requests if isinstance(request, dg.RunRequest)]
    gaps = {later - earlier for earlier, later in pairwise(sorted(ticks))}
    assert len(ticks) == 16 and gaps <= {timedelta(minutes=3), timedelta(minutes=4)}
    assert Counter(key.asset_key.to_user_string() for group in keys for key in group) == Counter(MANY)
    assert min(map(len, keys)) > 30 and max(map(len, keys)) < 100


def test_with_more_checks_runs_are_halved_and_what_is_there_keeps_its_time(instance: dg.DagsterInstance) -> None:
    def minutes(assets: list[str]) -> dict[str, int]:
        schedule = build_detector_schedule(checks_on(assets))
        found: dict[str, int] = {}
        for at in ticks_of_an_hour(schedule):
            request = asked(schedule, instance, at)
            assert isinstance(request, dg.RunRequest)
            found |= {key.asset_key.to_user_string(): at.minute for key in request.asset_check_keys or ()}
        return found

    before, after = minutes(MANY[:700]), minutes(MANY)
    assert len(set(before.values())) == 8 and len(set(after.values())) == 16
    assert {(after[asset] - minute) % 60 for asset, minute in before.items()} == {0, 3, 4}


def test_the_minute_is_the_same_in_another_process() -> None:
    """Python's own hash of a text is another one in each."""
    code = (
        "import dagster as dg\n"
        "from incident_ops.detectors.schedule import build_detector_schedule\n"
        "@dg.asset_check(asset=['shop', 'orders'])\n"
        "def fine(): return dg.AssetCheckResult(passed=True)\n"
        "print(build_detector_schedule([fine]).cron_schedule)"
    )
    told = {subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(2)}
    assert len(told) == 1 and " * * * *" in told.pop()


@pytest.mark.parametrize(
    ("rhythm", "cron"),
    [
        ({"every": "15m"}, "3-59/15 * * * *"),
        ({"every": timedelta(hours=1)}, "18 * * * *"),
        ({"every": "6h"}, "18 4,10,16,22 * * *"),
        ({"every": "1d"}, "18 4 * * *"),
        ({"cron": "0 6 * * 1-5", "timezone": "Europe/Berlin"}, "0 6 * * 1-5"),
        ({"cron": "*/20 6 * * *"}, "*/20 6 * * *"),
    ],
)
def test_a_period_or_a_cron_becomes_crons_that_dagster_takes(
    rhythm: dict[str, Any], cron: str, instance: dg.DagsterInstance
) -> None:
    schedule = build_detector_schedule(checks_on(["shop/orders"]), **rhythm)
    assert schedule.cron_schedule == cron
    assert schedule.execution_timezone == rhythm.get("timezone", "UTC")
    assert isinstance(asked(schedule, instance, DAY), dg.RunRequest)


@pytest.mark.parametrize(
    ("cron", "minutes"),
    [
        ("0 6 * * *", [0, 7, 15, 22]),
        ("50 6 * * *", [50, 52, 55, 57]),
        ("*/20 6 * * *", ["*/20"]),
    ],
)
def test_many_checks_start_in_the_half_hour_after_the_time_that_was_given(
    cron: str, minutes: list[Any], instance: dg.DagsterInstance
) -> None:
    schedule = build_detector_schedule(checks_on(MANY[:40]), cron=cron, at_once=10)
    crons = [f"{minute} 6 * * *" for minute in minutes]
    assert schedule.cron_schedule == (crons if len(crons) > 1 else crons[0])
    at = DAY + timedelta(hours=6, minutes=minutes[-1] if isinstance(minutes[-1], int) else 20)
    request = asked(schedule, instance, at)
    assert isinstance(request, dg.RunRequest)
    assert len(request.asset_check_keys or ()) in (range(3, 20) if len(minutes) > 1 else [40])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"every": "7m"}, r"every 7 min cannot be had by the clock: give a part of an hour"),
        ({"every": "5h"}, "every 5 h cannot be had"),
        ({"every": "90m"}, "every 1 h 30 min cannot be had"),
        ({"every": "30s"}, "give whole minutes, at least one"),
        ({"every": "hourly"}, '"hourly" is not a duration'),
        ({"every": "1h", "cron": "0 * * * *"}, "give `every` or `cron`, not both"),
        ({"at_once": 0}, "at_once is at least 1"),
    ],
)
def test_a_period_that_cannot_be_had_is_refused_with_those_that_can(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(DetectorError, match=says):
        build_detector_schedule(checks_on(["orders"]), **arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"cron": "every day"}, "names no times"),
        ({"cron": "bad"}, "names no times"),
        ({"cron": ""}, "names no times"),
        ({"timezone": "Mars/X"}, "no time zone 'Mars/X'"),
        ({"timezone": "America"}, "no time zone 'America'"),
    ],
)
def test_a_clock_that_nobody_has_is_refused(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(DetectorError, match=says):
        build_detector_schedule(checks_on(["orders"]), **arguments)
    with pytest.raises(DetectorError, match=says):
        build_detector_condition(**arguments)


def test_no_checks_are_refused_instead_of_a_job_of_nothing() -> None:
    with pytest.raises(DetectorError, match="there is nothing to run"):
        build_detector_schedule([])


@dg.asset(key_prefix="raw", partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
def clicks() -> None:
    return None


def test_partitioned_checks_are_refused_with_the_remedy_and_the_remedy_works(
    instance: dg.DagsterInstance,
) -> None:
    """Dagster would fail at each run with a sentence about partition keys."""
    with pytest.raises(DetectorError, match=r"raw/clicks: volume is partitioned.*by_partition=False"):
        build_detector_schedule(checks_on([clicks]))
    checks = checks_on([clicks], by_partition=False)
    definitions = dg.Definitions(assets=[clicks], asset_checks=checks, schedules=[build_detector_schedule(checks)])
    result = definitions.resolve_job_def("detectors").execute_in_process(instance=instance)
    assert [evaluation.passed for evaluation in result.get_asset_check_evaluations()] == [True]


def test_the_schedule_brings_its_job_and_a_run_of_one_bucket_checks_just_that(
    instance: dg.DagsterInstance,
) -> None:
    assets = [dg.AssetSpec(["shop", f"table_{number}"]) for number in range(4)]
    checks = checks_on(assets)
    schedule = build_detector_schedule(checks, name="watch", every="1h", at_once=2, tags={"queue": "slow"})
    definitions = dg.Definitions(assets=assets, asset_checks=checks, schedules=[schedule])
    job = definitions.resolve_job_def("watch")
    assert definitions.resolve_schedule_def("watch_schedule").default_status is dg.DefaultScheduleStatus.RUNNING
    evaluated: list[str] = []
    for at in ticks_of_an_hour(schedule):
        request = asked(schedule, instance, at)
        assert isinstance(request, dg.RunRequest) and request.asset_check_keys
        part = job.get_subset(asset_check_selection=set(request.asset_check_keys))
        result = part.execute_in_process(instance=instance, tags=dict(request.tags))
        found = result.get_asset_check_evaluations()
        assert {evaluation.asset_check_key for evaluation in found} == set(request.asset_check_keys)
        evaluated += [evaluation.asset_key.to_user_string() for evaluation in found]
    assert sorted(evaluated) == [f"shop/table_{number}" for number in range(4)]
    assert instance.get_runs()[0].tags["queue"] == "slow"


def test_a_run_that_has_not_ended_is_not_joined_by_another_of_the_same_checks(
    instance: dg.DagsterInstance,
) -> None:
    """A warehouse that is slower than the schedule would have all of them in its queue at once."""
    checks = checks_on(["a", "b"])
    schedule = build_detector_schedule(checks)
    definitions = dg.Definitions(asset_checks=checks, schedules=[schedule])
    now = datetime.now(UTC)
    request = asked(schedule, instance, now)
    assert isinstance(request, dg.RunRequest)
    run = instance.create_run_for_job(
        definitions.resolve_job_def("detectors"), tags={BUCKET_TAG: request.tags[BUCKET_TAG]}
    )
    assert asked(schedule, instance, now) == f"run {run.run_id} of the same checks has not ended"
    assert isinstance(asked(schedule, instance, now + timedelta(days=2)), dg.RunRequest)
    instance.report_run_canceled(run)
    assert isinstance(asked(schedule, instance, now), dg.RunRequest)


def test_a_reason_not_to_look_is_shown_on_the_tick(instance: dg.DagsterInstance) -> None:
    schedule = build_detector_schedule(checks_on(["a"]), unless=lambda context: "nothing was loaded yet")
    assert asked(schedule, instance, DAY) == "nothing was loaded yet"


def test_checks_of_one_pool_take_turns_although_they_are_in_different_runs() -> None:
    """Otherwise a small warehouse would be asked by every run at once."""
    other_has_started = Event()
    met: list[bool] = []

    def look(scope: Scope) -> Finding:
        if scope.target.name == "second":
            other_has_started.set()
        else:
            second.append(hands.submit(run, "second"))
            met.append(other_has_started.wait(timeout=3))
        return Finding(passed=True, summary="fine")

    checks = build_checks(
        ["first", "second"], look, nature=Nature.RULE, name="slow", description="d", options={"pool": "warehouse"}
    )
    schedule = build_detector_schedule(checks)
    job = dg.Definitions(asset_checks=checks, schedules=[schedule]).resolve_job_def("detectors")
    second: list[Any] = []

    def run(asset: str) -> bool:
        key = dg.AssetCheckKey(dg.AssetKey(asset), "slow")
        return job.get_subset(asset_check_selection={key}).execute_in_process(instance=instance).success

    settings = {"concurrency": {"pools": {"default_limit": 1}}}
    with dg.instance_for_test(overrides=settings) as instance, ThreadPoolExecutor(2) as hands:
        assert run("first")
        assert second[0].result(timeout=60)
    assert met == [False] and other_has_started.is_set()


@pytest.mark.filterwarnings("ignore:Parameter `include_sources`:dagster.BetaWarning")  # of Dagster's own tester
def test_an_automation_condition_asks_for_the_check_once_each_tick(instance: dg.DagsterInstance) -> None:
    asset = dg.AssetSpec("orders")
    condition = build_detector_condition("orders", every="1h")
    checks = checks_on([asset], automation_condition=condition)
    definitions = dg.Definitions(assets=[asset], asset_checks=checks)
    requested, cursor = [], None
    for minutes in (0, 30, 60, 90, 120, 121):
        result = dg.evaluate_automation_conditions(
            definitions, instance=instance, cursor=cursor, evaluation_time=DAY + timedelta(minutes=minutes)
        )
        cursor = result.cursor
        requested.append(result.total_requested)
    assert sum(requested) == 2 and requested[0] == 0


def test_conditions_of_different_names_do_not_tick_together() -> None:
    told = {str(build_detector_condition(name, every="1h").get_node_snapshot("")) for name in ("a", "b", "a")}
    crons = {repr(build_detector_condition(name, every="1h")) for name in ("a", "b", "a")}
    assert len(told) <= 2 and len(crons) == 2


@pytest.mark.parametrize("cron", ["*/15 * * * *", "0,15 * * * *", "15 * * * *"])
def test_one_run_of_all_checks_is_the_same_at_each_of_its_times(instance: dg.DagsterInstance, cron: str) -> None:
    """Else a run that began at the full hour is not seen a quarter of an hour later, and is joined by another."""
    schedule = build_detector_schedule(checks_on(["a", "b"]), cron=cron)
    requests = [asked(schedule, instance, datetime(2026, 3, 2, 6, minute, tzinfo=UTC)) for minute in (0, 15)]
    assert {request.tags[BUCKET_TAG] for request in requests if isinstance(request, dg.RunRequest)} == {"1/1"}
