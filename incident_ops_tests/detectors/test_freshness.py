"""Freshness checks over real materializations, reported at moments of the past."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from incident_ops.adapters.dagster_deadlines import cron_ticks
from incident_ops.core.feedback import FEEDBACK_METADATA, Feedback, Lesson
from incident_ops.core.feedback import document_of as feedback_document
from incident_ops.core.metrics import METRICS_METADATA, measurement_in
from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.freshness import build_freshness_checks
from incident_ops.detectors.freshness_policy import ticks

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
NOON = datetime(2026, 2, 4, 12, tzinfo=UTC)
WINDOW = dg.FreshnessPolicy.time_window(fail_window=24 * HOUR, warn_window=12 * HOUR)
NINE_IN_BERLIN = dg.FreshnessPolicy.cron("0 9 * * *", 2 * HOUR, "Europe/Berlin")
DAYS = dg.DailyPartitionsDefinition("2026-01-01")
MONTHS = dg.MonthlyPartitionsDefinition("2025-10-01")
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


@dg.asset
def orders() -> None:
    return None


@dg.asset(partitions_def=DAYS)
def clicks() -> None:
    return None


def report(
    instance: dg.DagsterInstance, at: datetime, *, asset: str = "orders", partition: str | None = None
) -> None:
    with freeze_time(at):
        instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=partition))


def mornings(days: int, *, until: datetime = NOON) -> list[datetime]:
    """At six, on the days up to the last one."""
    newest = datetime.combine(until.date(), time(6), UTC)
    return [newest - n * DAY for n in reversed(range(days))]


def evaluated(
    instance: dg.DagsterInstance, asset: Any, *, at: datetime = NOON, **options: Any
) -> dg.AssetCheckEvaluation:
    """What the check says at that time, in a run of checks alone."""
    checks = build_freshness_checks([asset], clock=lambda: at, **options)
    definitions = dg.Definitions(
        assets=[] if isinstance(asset, str) else [asset],
        asset_checks=checks,
        jobs=[dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())],
    )
    result = definitions.resolve_job_def("checks").execute_in_process(instance=instance)
    assert result.success
    (found,) = result.get_asset_check_evaluations()
    return found


def verdict(found: dg.AssetCheckEvaluation) -> str:
    return "PASS" if found.passed else {ERROR: "FAIL", WARN: "WARN"}[found.severity]


def times_in(found: dg.AssetCheckEvaluation) -> dict[str, datetime]:
    return {
        name: datetime.fromtimestamp(value.value, tz=UTC)
        for name, value in found.metadata.items()
        if isinstance(value, dg.TimestampMetadataValue)
    }


# ---- policies


@pytest.mark.parametrize(
    ("policy", "last", "says"),
    [
        (WINDOW, "2026-02-04T01:00", "PASS last built Wed 01:00, due by Thu 01:00 UTC, by its policy every 1 d"),
        (
            WINDOW,
            "2026-02-03T23:30",
            "WARN last built Tue 23:30, due by Wed 23:30 UTC, by its policy every 1 d, 12 h 30 min old",
        ),
        (
            WINDOW,
            "2026-02-03T10:30",
            "FAIL last built Tue 10:30, due by Wed 10:30 UTC, by its policy every 1 d, 1 h 30 min late",
        ),
        (
            NINE_IN_BERLIN,
            "2026-02-04T06:30",
            "PASS last built Wed 07:30, due by Thu 09:00 Europe/Berlin, "
            'by its policy at most 2 h before "0 9 * * *"',
        ),
        (
            NINE_IN_BERLIN,
            "2026-02-04T05:30",
            "FAIL last built Wed 06:30, due by Wed 09:00 Europe/Berlin, "
            'by its policy at most 2 h before "0 9 * * *", 4 h late',
        ),
    ],
)
def test_a_policy_is_said_as_it_is_meant(
    instance: dg.DagsterInstance, policy: dg.FreshnessPolicy, last: str, says: str
) -> None:
    report(instance, datetime.fromisoformat(last).replace(tzinfo=UTC))
    found = evaluated(instance, dg.AssetSpec("orders", freshness_policy=policy))
    assert f"{verdict(found)} {found.description}" == says


def test_a_policy_given_to_the_factory_goes_before_the_assets_own(instance: dg.DagsterInstance) -> None:
    report(instance, NOON - 13 * HOUR)
    loose = dg.FreshnessPolicy.time_window(fail_window=72 * HOUR)
    declared = dg.AssetSpec("orders", freshness_policy=WINDOW)
    assert verdict(evaluated(instance, declared)) == "WARN"
    assert verdict(evaluated(instance, declared, policy=loose)) == "PASS"
    assert verdict(evaluated(instance, "orders", policy=WINDOW)) == "WARN"


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize(
    "cron", ["0 9 * * *", "30 2 * * *", "*/15 * * * *", "0 9 * * 1-5", "0 6 1 * *", "0 * * * *"]
)
def test_deadlines_fall_on_the_ticks_of_dagsters_freshness_daemon(cron: str, timezone: str) -> None:
    """Read from public parts of Dagster, and the same as its own: over both changes of the clocks too."""
    for after in ("2026-03-28T20:00:00", "2026-10-24T22:30:00.5", "2026-10-25T00:30:00", "2026-06-01T06:00:00"):
        moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
        ours, theirs = (list(islice(each(cron, timezone, moment), 30)) for each in (ticks, cron_ticks))
        assert ours == theirs


# ---- learnt


def test_without_a_policy_the_deadline_is_learnt(instance: dg.DagsterInstance) -> None:
    for at in mornings(20):
        report(instance, at)
    in_time, late = (evaluated(instance, orders, at=NOON + hours * HOUR) for hours in (0, 20))
    assert verdict(in_time) == "PASS"
    assert in_time.description == "last built Wed 06:00, usually every day at 06:00, due by Thu 07:00 UTC"
    assert verdict(late) == "FAIL"
    assert late.description is not None and late.description.endswith("due by Thu 07:00 UTC, 1 h late")


def test_a_result_carries_its_nature_its_times_and_what_was_measured(instance: dg.DagsterInstance) -> None:
    for at in mornings(20):
        report(instance, at)
    found = evaluated(instance, orders, at=NOON + 20 * HOUR)
    assert found.metadata["incident_ops/nature"].value == "freshness"
    six = NOON - 6 * HOUR
    assert times_in(found) == {"last": six, "expected": six + 24 * HOUR, "deadline": six + 25 * HOUR}
    document = found.metadata[METRICS_METADATA]
    assert isinstance(document, dg.JsonMetadataValue)
    (point,) = measurement_in(document.data).points
    assert (point.metric, point.value, point.high) == ("hours_since_build", 26.0, 25.0)
    assert point.score > 0.5


def test_it_passes_while_it_learns(instance: dg.DagsterInstance) -> None:
    for at in mornings(4):
        report(instance, at)
    found = evaluated(instance, orders, at=NOON + 10 * DAY)
    assert found.passed
    assert found.description == "learning, 4 of 7 builds, last built 4 Feb 06:00"


@pytest.mark.parametrize("asset", [orders, dg.AssetSpec("orders", freshness_policy=WINDOW), clicks])
def test_what_was_never_built_is_told_mildly(instance: dg.DagsterInstance, asset: Any) -> None:
    """It may be new, or misspelt: neither is a reason to call somebody at night, both are for the digest."""
    found = evaluated(instance, asset)
    assert (verdict(found), found.description) == ("WARN", "never built: since when it is missing cannot be told")


def test_a_build_in_the_future_counts_as_now(instance: dg.DagsterInstance) -> None:
    report(instance, NOON + 3 * DAY)
    found = evaluated(instance, dg.AssetSpec("orders", freshness_policy=WINDOW))
    assert times_in(found) == {"last": NOON, "deadline": NOON + DAY}


def test_a_real_run_is_an_arrival(instance: dg.DagsterInstance) -> None:
    """The check beside its asset in one run, as a code location has them."""
    checks = build_freshness_checks([orders])
    result = dg.materialize([orders, *checks], instance=instance)
    (found,) = result.get_asset_check_evaluations()
    assert found.passed and found.description is not None
    assert found.description.startswith("learning, 1 of 7 builds, last built")
    assert found.target_materialization_data is not None


def test_a_misspelt_zone_or_a_verdict_by_partition_is_refused() -> None:
    with pytest.raises(DetectorError, match="Europe/Berlin"):
        build_freshness_checks([orders], timezone="Berlin")
    with pytest.raises(DetectorError, match="whole asset"):
        build_freshness_checks([clicks], by_partition=True)
    with pytest.raises(DetectorError, match="not positive"):
        build_freshness_checks([orders], sensitivity=0)


# ---- assets that others build


def test_reported_builds_of_an_external_asset_are_arrivals(instance: dg.DagsterInstance) -> None:
    for at in mornings(20):
        report(instance, at, asset="feed")
    assert verdict(evaluated(instance, dg.AssetSpec("feed"), at=NOON + 20 * HOUR)) == "FAIL"
    assert verdict(evaluated(instance, "feed", at=NOON)) == "PASS"


def test_a_source_is_as_fresh_as_its_observations_say(instance: dg.DagsterInstance) -> None:
    """Observed each hour, changed each morning: only the changes are arrivals."""
    for at in mornings(20):
        for hours in range(1, 4):
            updated = {"dagster/last_updated_timestamp": dg.MetadataValue.timestamp(at)}
            with freeze_time(at + hours * HOUR):
                instance.report_runless_asset_event(dg.AssetObservation("feed", metadata=updated))
    with freeze_time(NOON):
        instance.report_runless_asset_event(dg.AssetObservation("feed", metadata={"rows": 3}))
    found = evaluated(instance, dg.AssetSpec("feed"), at=NOON + 20 * HOUR)
    assert found.description == "last built Wed 06:00, usually every day at 06:00, due by Thu 07:00 UTC, 1 h late"
    window = dg.AssetSpec("feed", freshness_policy=WINDOW)
    assert verdict(evaluated(instance, window, at=NOON)) == "PASS"


# ---- partitions


def build_days(instance: dg.DagsterInstance, days: Sequence[date], *, hour: int = 6, after: int = 1) -> None:
    """Each day's partition, `after` days later at that hour."""
    for day in days:
        at = datetime.combine(day, time(hour), UTC) + after * DAY
        report(instance, at, asset="clicks", partition=day.isoformat())


def february(day: int) -> datetime:
    return datetime(2026, 2, day, tzinfo=UTC)


JANUARY = [date(2026, 1, day) for day in range(5, 32)]


def test_the_newest_partition_that_should_be_there_counts(instance: dg.DagsterInstance) -> None:
    build_days(instance, JANUARY)
    found = evaluated(instance, clicks, at=february(2) + 8 * HOUR)
    assert (verdict(found), found.metadata["missing_partition"].value) == ("FAIL", "2026-02-01")
    assert found.description == (
        "partition 2026-02-01 is not there, last built Sun 06:00, usually every day at 06:00, "
        "due by Mon 07:00 UTC, 1 h late"
    )
    before = evaluated(instance, clicks, at=february(2) + 6.5 * HOUR)
    assert verdict(before) == "PASS"


def test_a_backfill_of_old_partitions_does_not_hide_that_the_newest_is_missing(
    instance: dg.DagsterInstance,
) -> None:
    build_days(instance, JANUARY)
    for day in JANUARY[:5]:
        report(instance, february(2) + 6 * HOUR, asset="clicks", partition=day.isoformat())
    assert verdict(evaluated(instance, clicks, at=february(2) + 8 * HOUR)) == "FAIL"


def test_yesterdays_partition_caught_up_with_is_not_todays(instance: dg.DagsterInstance) -> None:
    build_days(instance, JANUARY)
    report(instance, february(3) + 6 * HOUR, asset="clicks", partition="2026-02-01")
    found = evaluated(instance, clicks, at=february(3) + 9 * HOUR)
    assert (verdict(found), found.metadata["missing_partition"].value) == ("FAIL", "2026-02-02")


def test_data_that_is_always_two_days_behind_is_not_late_for_it(instance: dg.DagsterInstance) -> None:
    build_days(instance, JANUARY, after=3)
    found = evaluated(instance, clicks, at=february(3) + 12 * HOUR)
    assert (verdict(found), found.description) == (
        "PASS",
        "partition 2026-01-31 is there, last built Tue 06:00, usually every day at 06:00, due by Wed 07:00 UTC",
    )
    assert verdict(evaluated(instance, clicks, at=february(4) + 12 * HOUR)) == "FAIL"


def test_a_partition_of_a_month_that_is_built_every_day_is_due_every_day(instance: dg.DagsterInstance) -> None:
    current = dg.AssetSpec("months", partitions_def=dg.MonthlyPartitionsDefinition("2025-10-01", end_offset=1))
    for at in mornings(30):
        report(instance, at, asset="months", partition=f"{at:%Y-%m}-01")
    assert verdict(evaluated(instance, current)) == "PASS"
    assert verdict(evaluated(instance, current, at=NOON + DAY)) == "FAIL"


def test_builds_reported_without_their_partition_are_builds_all_the_same(instance: dg.DagsterInstance) -> None:
    for at in mornings(20):
        report(instance, at, asset="clicks")
    assert verdict(evaluated(instance, clicks)) == "PASS"
    assert verdict(evaluated(instance, clicks, at=NOON + 20 * HOUR)) == "FAIL"


def test_a_calendar_that_has_ended_expects_nothing_more(instance: dg.DagsterInstance) -> None:
    ended = dg.AssetSpec(
        "clicks", partitions_def=dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-02-01")
    )
    build_days(instance, JANUARY)
    found = evaluated(instance, ended, at=february(20))
    assert (verdict(found), found.description) == (
        "PASS",
        "partition 2026-01-31 is there, and the next is not over",
    )


# ---- feedback


def answer(instance: dg.DagsterInstance, lesson: Lesson, at: datetime) -> None:
    said = Feedback(check="freshness", lesson=lesson, since=at, until=at)
    document = dg.MetadataValue.json(feedback_document(said))
    instance.report_runless_asset_event(dg.AssetObservation("orders", metadata={FEEDBACK_METADATA: document}))


def test_a_false_positive_makes_it_more_patient(instance: dg.DagsterInstance) -> None:
    for at in mornings(20):
        report(instance, at)
    asked = NOON + 20 * HOUR
    assert verdict(evaluated(instance, orders, at=asked)) == "FAIL"
    answer(instance, Lesson.FALSE_POSITIVE, asked)
    assert verdict(evaluated(instance, orders, at=asked)) == "PASS"
    assert verdict(evaluated(instance, orders, at=asked + 3 * HOUR)) == "FAIL"


def test_an_expected_pause_begins_a_new_cadence(instance: dg.DagsterInstance) -> None:
    for at in mornings(20):
        report(instance, at)
    asked = NOON + 20 * HOUR
    assert verdict(evaluated(instance, orders, at=asked)) == "FAIL"
    answer(instance, Lesson.EXPECTED, asked)
    found = evaluated(instance, orders, at=asked + 5 * DAY)
    assert found.passed and found.description == "learning, 1 of 7 builds, last built Wed 06:00"
