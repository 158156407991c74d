"""Row counts and increments on real runs: what is reported, counted and learnt, and what people say of it."""

import re
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from incident_ops.core.feedback import Lesson
from incident_ops.core.metrics import METRICS_METADATA, Measured, Measurement, document_of, measurement_in
from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.row_counts import rows_in
from incident_ops.detectors.volume import build_volume_checks
from incident_ops_tests.detectors.runs import (
    DAYS,
    START,
    Clock,
    Reports,
    answer,
    error_of,
    evaluate,
    evaluate_alone,
    frame,
    table_asset,
    written,
)

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


class Table:
    """A table that is rebuilt each day, with its volume check."""

    def __init__(self, instance: dg.DagsterInstance, **options: Any) -> None:
        self.clock = Clock()
        self.reports = Reports()
        self._checks = build_volume_checks([self.reports.asset], clock=self.clock, **options)
        self._instance = instance

    def had(self, *totals: int) -> None:
        """Days on which the check found nothing: what it left in the event log, without the runs."""
        for rows, before in zip(totals, [None, *totals], strict=False):
            self.clock.days_later()
            points = [Measured(metric="row_count", value=rows)]
            if before is not None:
                points.append(Measured(metric="row_increment", value=rows - before))
            at = self.clock.now
            document = document_of(Measurement(at=at, evaluated_at=at, points=tuple(points)))
            evaluation = dg.AssetCheckEvaluation(
                asset_key=self.reports.asset.key,
                check_name="volume",
                passed=True,
                metadata={METRICS_METADATA: dg.MetadataValue.json(document)},
            )
            self._instance.report_runless_asset_event(evaluation)

    def next_day(self, rows: int) -> dg.AssetCheckEvaluation:
        self.clock.days_later()
        self.reports.counts(rows)
        return evaluate(self._instance, [self.reports.asset], self._checks)


def metrics_in(evaluation: dg.AssetCheckEvaluation) -> dict[str, float]:
    document = evaluation.metadata[METRICS_METADATA].value
    return {point.metric: point.value for point in measurement_in(document).points}


def test_a_first_build_is_learnt_from_and_passes(instance: dg.DagsterInstance) -> None:
    found = Table(instance).next_day(1000)
    assert (found.passed, found.description) == (True, "1,000 rows, learning, 0 of 8")
    assert metrics_in(found) == {"row_count": 1000}
    assert found.metadata["incident_ops/nature"].value == "volume"


def test_an_empty_first_build_is_warned_of_in_plain_words_and_a_second_one_is_not_news(
    instance: dg.DagsterInstance,
) -> None:
    table = Table(instance)
    first = table.next_day(0)
    assert (first.passed, first.severity, first.description) == (False, WARN, "no rows, on its first build")
    assert table.next_day(0).passed


def test_an_empty_table_is_warned_of_before_anything_is_learnt(instance: dg.DagsterInstance) -> None:
    table = Table(instance)
    table.had(990, 1010)
    empty = table.next_day(0)
    assert (empty.passed, empty.severity) == (False, WARN)
    assert empty.description == "no rows, the 2 builds before had 990–1,010"


def test_a_replaced_table_is_held_to_what_is_usual_and_says_so_in_numbers(instance: dg.DagsterInstance) -> None:
    table = Table(instance)
    table.had(1000, 1010, 995, 1004, 991, 1002, 998, 1007, 1001)
    usual = table.next_day(1003)
    assert usual.passed
    empty = table.next_day(0)
    assert (empty.passed, empty.severity) == (False, ERROR)
    assert re.fullmatch(r"0 rows, usually \d+–1,\d+( on \w+)?", empty.description or "")
    assert metrics_in(empty) == {"row_count": 0, "row_increment": -1003}
    assert table.next_day(1003).passed, "the day after is measured against the days before, not the empty one"


def test_a_growing_table_that_stops_growing_fails_and_one_that_catches_up_passes(
    instance: dg.DagsterInstance,
) -> None:
    table = Table(instance)
    totals = [1000 + 100 * day + day % 3 for day in range(12)]
    table.had(*totals)
    stuck = table.next_day(totals[-1])
    assert not stuck.passed
    assert (stuck.description or "").startswith("of 2,102 rows, it grew by 0 rows, usually ")
    caught_up = table.next_day(totals[-1] + 200)
    assert caught_up.passed, caught_up.description
    assert metrics_in(caught_up)["row_increment"] == 100


def test_a_growing_table_that_loses_rows_fails_though_its_total_is_one_it_had_last_week(
    instance: dg.DagsterInstance,
) -> None:
    table = Table(instance)
    totals = [10_000 + 100 * day + day % 3 for day in range(12)]
    table.had(*totals)
    less = table.next_day(totals[-1] - 150)
    assert not less.passed
    assert "it changed by -150 rows, usually " in (less.description or "")


def test_hard_limits_hold_from_the_first_build_on(instance: dg.DagsterInstance) -> None:
    table = Table(instance, min_rows=10, max_rows=20)
    few, many = table.next_day(9), table.next_day(21)
    assert (few.passed, few.severity) == (False, ERROR)
    assert few.description == "9 rows, fewer than the 10 there must be"
    assert many.description == "21 rows, more than the 20 there may be"
    assert table.next_day(10).passed and table.next_day(20).passed


def test_a_level_that_people_expected_is_the_usual_one_from_then_on(instance: dg.DagsterInstance) -> None:
    table = Table(instance)
    table.had(1000, 1010, 995, 1004, 991, 1002, 998, 1007, 1001)
    assert not table.next_day(3000).passed
    answer(instance, "volume", Lesson.EXPECTED, since=START, until=table.clock.now)
    after = table.next_day(3005)
    assert after.passed
    point = measurement_in(after.metadata[METRICS_METADATA].value).points[0]
    assert point.low > 1010, "without the answer the bounds would reach from one level to the other"


def reported(instance: dg.DagsterInstance, key: str, rows: int, **of: Any) -> None:
    metadata = {"dagster/partition_row_count" if "partition" in of else "dagster/row_count": rows}
    instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=metadata, **of))


def test_builds_before_the_check_existed_are_its_history(instance: dg.DagsterInstance) -> None:
    for day in range(1, 13):
        reported(instance, "clicks", 1000 + day % 3, partition=f"2026-01-{day:02}")
    clicks = Reports("clicks", partitions_def=DAYS)
    clicks.counts(1, of_partition=True)
    found = evaluate(instance, [clicks.asset], build_volume_checks([clicks.asset]), partition="2026-01-13")
    assert (found.passed, found.partition) == (False, "2026-01-13")
    assert re.match(r"1 rows?, usually \d+", found.description or "")


def test_of_two_builds_of_a_partition_the_last_counts_and_one_of_another_calendar_does_not(
    instance: dg.DagsterInstance,
) -> None:
    for day, rows in (("2026-01-01", 500), ("2026-01-02", 1000), ("2026-01-01", 900), ("2026-W03", 7)):
        reported(instance, "clicks", rows, partition=day)
    clicks = Reports("clicks", partitions_def=DAYS)
    clicks.counts(0, of_partition=True)
    found = evaluate(instance, [clicks.asset], build_volume_checks([clicks.asset]), partition="2026-01-03")
    assert found.description == "no rows, the 2 builds before had 900–1,000"


AFTER = ", by the partitions after it"


@pytest.mark.parametrize(
    ("day", "rows", "passes", "by"),
    [
        ("2026-01-01", 1001, True, AFTER),
        ("2026-01-01", 0, False, AFTER),
        ("2026-01-20", 1001, True, ""),
        ("2026-01-20", 500, False, ""),
        ("2026-02-10", 1001, True, ""),
        ("2026-02-10", 3000, True, AFTER),
        ("2026-02-10", 300, False, ""),
        ("2026-03-11", 3000, True, ""),
    ],
)
def test_a_partition_that_is_built_again_is_held_against_those_on_both_sides(
    instance: dg.DagsterInstance, day: str, rows: int, passes: bool, by: str
) -> None:
    """The level rose on 10 February and stayed: a value of either level is no fault on that day."""
    for past in DAYS.get_partition_keys_in_range(dg.PartitionKeyRange("2026-01-01", "2026-03-10")):
        level = 1000 if past < "2026-02-10" else 3000
        reported(instance, "clicks", level + int(past[-2:]) % 3, partition=past)
    clicks = Reports("clicks", partitions_def=DAYS)
    clicks.counts(rows, of_partition=True)
    found = evaluate(instance, [clicks.asset], build_volume_checks([clicks.asset]), partition=day)
    assert found.passed is passes, found.description
    assert re.fullmatch(rf"{rows:,} rows, usually [\d,–]+( on \w+days)?{by}", found.description or "")


def test_a_level_accepted_later_says_nothing_of_a_partition_before_it(instance: dg.DagsterInstance) -> None:
    for day in range(1, 21):
        reported(instance, "clicks", 1000 + day % 3, partition=f"2026-01-{day:02}")
    clicks = Reports("clicks", partitions_def=DAYS)
    checks = build_volume_checks([clicks.asset], clock=Clock())
    clicks.counts(3000, of_partition=True)
    assert not evaluate(instance, [clicks.asset], checks, partition="2026-01-21").passed
    answer(instance, "volume", Lesson.EXPECTED, since=START, until=START, asset="clicks")
    assert not evaluate(instance, [clicks.asset], checks, partition="2026-01-12").passed, "still the old level"
    clicks.counts(1001, of_partition=True)
    assert evaluate(instance, [clicks.asset], checks, partition="2026-01-12").passed


def test_partitions_that_are_no_times_are_each_their_own_series(instance: dg.DagsterInstance) -> None:
    for region, rows in (("eu", 1000), ("us", 5)):
        reported(instance, "sales", rows, partition=region)
    sales = Reports("sales", partitions_def=dg.StaticPartitionsDefinition(["eu", "us"]))
    checks = build_volume_checks([sales.asset])
    sales.counts(0, of_partition=True)
    for region, before in (("eu", "1,000"), ("us", "5")):
        found = evaluate(instance, [sales.asset], checks, partition=region)
        assert found.description == f"no rows, the 1 builds before had {before}"


def test_what_is_not_reported_is_counted_where_the_data_is(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    with written(path) as connection:
        connection.execute('CREATE TABLE "daily orders" AS SELECT i % 5 = 0 AS paid FROM range(20) AS t(i)')
    orders = table_asset()
    cases: list[tuple[Any, int]] = [({}, 20), ({"where": "paid"}, 4), ({"sample": 3}, 20)]
    for options, rows in cases:
        checks = build_volume_checks([orders], source=f"duckdb://{path}", table='"daily orders"', **options)
        assert metrics_in(evaluate(instance, [orders], checks))["row_count"] == rows


def test_a_condition_is_counted_though_the_build_reported_all_rows(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    table = Reports()
    table.counts(1000)
    checks = build_volume_checks([table.asset], source=frame({"n": [1, 2, 3]}), where="n > 1")
    assert metrics_in(evaluate(instance, [table.asset], checks))["row_count"] == 2


def test_rows_are_counted_in_postgres(instance: dg.DagsterInstance, postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE orders AS SELECT generate_series(1, 7) AS id")
    orders = table_asset()
    found = evaluate(instance, [orders], build_volume_checks([orders], source=postgres_url))
    assert metrics_in(found) == {"row_count": 7}


def test_a_warehouse_that_is_down_is_no_empty_table(instance: dg.DagsterInstance) -> None:
    orders = table_asset()
    checks = build_volume_checks([orders], source="postgres://nobody@127.0.0.1:1/shop")
    assert "OperationalError" in error_of(instance, [orders], checks)


def test_a_table_that_is_nowhere_is_no_empty_table(instance: dg.DagsterInstance) -> None:
    orders = table_asset()
    checks = build_volume_checks([orders], source="duckdb:///nowhere.duckdb")
    assert "there is no DuckDB file" in error_of(instance, [orders], checks)


def test_a_build_in_the_future_counts_as_now(instance: dg.DagsterInstance) -> None:
    table = Table(instance)  # whose clock is months behind the builds'
    document = table.next_day(5).metadata[METRICS_METADATA].value
    assert measurement_in(document).at == table.clock.now


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"min_rows": 5, "max_rows": 4}, "min_rows=5 is above max_rows=4"),
        ({"peers": "same table"}, "neither 'same job' nor None"),
        ({"minrows": 5}, "no option minrows"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_the_location_loads(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DetectorError, match=says):
        build_volume_checks(["orders"], **options)


# ---- tables of one job


@pytest.fixture
def job(instance: dg.DagsterInstance) -> list[Reports]:
    """Five tables that are loaded together, with four weeks behind them."""
    tables = [Reports(f"t{n}", partitions_def=DAYS) for n in range(5)]
    for day in range(1, 26):
        for number, table in enumerate(tables):
            rows = 1000 * (number + 1) + day % 4
            reported(instance, table.asset.key.to_user_string(), rows, partition=f"2026-01-{day:02}")
    return tables


@pytest.mark.parametrize(("peers", "passes"), [("same job", True), (None, False)])
def test_a_day_on_which_all_tables_of_a_job_are_a_third_emptier_is_not_this_tables_fault(
    instance: dg.DagsterInstance, job: list[Reports], peers: Any, passes: bool
) -> None:
    assets = [table.asset for table in job]
    for number, table in enumerate(job):
        table.counts(670 * (number + 1), of_partition=True)
    dg.materialize(assets, instance=instance, partition_key="2026-01-26")
    checks = build_volume_checks(assets, by_partition=False, peers=peers)[-1:]
    found = evaluate_alone(instance, assets, checks)
    assert found.passed is passes, found.description


DAY_AND_REGION = dg.MultiPartitionsDefinition(
    {"date": DAYS, "region": dg.StaticPartitionsDefinition(["de", "fr"])}
)


def test_days_and_regions_are_a_series_for_each_region_in_order_of_days(instance: dg.DagsterInstance) -> None:
    reports = Reports(partitions_def=DAY_AND_REGION)
    checks = build_volume_checks([reports.asset])
    for day in range(1, 10):
        reported(instance, "orders", 1000 + day % 3, partition=f"2026-01-{day:02d}|de")
        reported(instance, "orders", 50_000 + day % 3, partition=f"2026-01-{day:02d}|fr")
    for region, rows in {"de": 1001, "fr": 50_001}.items():
        reports.counts(rows)
        usual = evaluate(instance, [reports.asset], checks, partition=f"2026-01-10|{region}")
        assert usual.passed and "usually" in (usual.description or "")
        kept = measurement_in(usual.metadata[METRICS_METADATA].value)
        assert (kept.partition, kept.at.isoformat()) == (f"2026-01-10|{region}", "2026-01-10T00:00:00+00:00")
    reports.counts(1001)
    assert not evaluate(instance, [reports.asset], checks, partition="2026-01-11|fr").passed, (
        "de is no measure of fr"
    )


def test_by_itself_a_check_of_days_and_regions_looks_at_the_newest_day(instance: dg.DagsterInstance) -> None:
    reports = Reports(partitions_def=DAY_AND_REGION)
    checks = build_volume_checks([reports.asset], by_partition=False)
    for rows, key in enumerate(("2026-01-05|de", "2026-01-05|fr", "2026-01-03|de", "2025-01-01|de"), start=1):
        reported(instance, "orders", rows, partition=key)
    found = evaluate_alone(instance, [reports.asset], checks)
    assert measurement_in(found.metadata[METRICS_METADATA].value).partition == "2026-01-05|fr", (
        "of two the last built"
    )
    assert metrics_in(found) == {"row_count": 2}


@pytest.mark.parametrize(("said", "rows"), [(7.0, 7), (7.5, None), (-3, None), (float("inf"), None)])
def test_a_whole_number_in_a_float_is_a_report_and_what_is_no_count_is_none(said: float, rows: int | None) -> None:
    value = dg.MetadataValue.float(said) if isinstance(said, float) else dg.MetadataValue.int(said)
    assert rows_in({"dagster/row_count": value}, None) == rows
