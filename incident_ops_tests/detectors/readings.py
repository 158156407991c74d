"""A shop's table to read, and what a look at it needs, for tests of reading."""

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import dagster as dg
import duckdb

from incident_ops.core.alert import Nature
from incident_ops.detectors.factory import Finding, build_checks
from incident_ops.detectors.reading import Data, ReadOptions, opened
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Target

FRAME = {"id": [1, 2]}
DAYS = dg.DailyPartitionsDefinition("2026-01-01", timezone="Europe/Berlin")
REGIONS = dg.StaticPartitionsDefinition(["eu", "us"])


def shop_in(tmp_path: Path) -> Path:
    """A DuckDB file with three orders of three days and two regions, and a table with a name that needs quotes."""
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(
            "CREATE TABLE orders AS SELECT i AS id, DATE '2026-01-04' + i::INTEGER AS day,"
            " day::TIMESTAMP AS at, timezone('UTC', day::TIMESTAMP) AS instant,"
            " strftime(day, '%Y%m%d')::INT AS number, day::VARCHAR AS text,"
            " CASE WHEN i < 2 THEN 'eu' ELSE 'us' END AS region FROM range(3) AS t(i)"
        )
        connection.execute('CREATE SCHEMA "my shop"')
        connection.execute('CREATE TABLE "my shop"."the ""new"".orders" AS SELECT 7 AS id')
    return path


def asset_of(
    key: str = "orders",
    *,
    partitions_def: dg.PartitionsDefinition[Any] | None = None,
    value: object = None,
    metadata: Mapping[str, Any] | None = None,
) -> dg.AssetsDefinition:
    @dg.asset(
        key=dg.AssetKey.from_user_string(key),
        partitions_def=partitions_def,
        metadata=metadata,
        output_required=False,
    )
    def made():
        if value is not None:
            yield dg.Output(value)
        else:
            yield dg.MaterializeResult()

    return made


def scope_of(
    key: str = "orders",
    *,
    partitions_def: dg.PartitionsDefinition[Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    partition: str | None = None,
) -> Scope:
    """What a run would give. Only an IO manager needs the run itself: those tests have one."""
    return Scope(
        context=cast("dg.AssetCheckExecutionContext", None),
        target=Target(
            key=dg.AssetKey.from_user_string(key), partitions_def=partitions_def, metadata=metadata or {}
        ),
        check="reads",
        partition=partition,
        window=None,
        built=None,
        now=dt.datetime(2026, 1, 6, tzinfo=dt.UTC),
        pii=(),
    )


def read(scope: Scope, ask: Callable[[Data], Any], **options: Any) -> Any:
    with opened(scope, cast("ReadOptions", options)) as data:
        return ask(data)


def read_in_a_run(
    instance: dg.DagsterInstance, asset: dg.AssetsDefinition, *, partition: str | None = None
) -> Any:
    """What a check of the asset reads in the run that builds it, with no options."""
    found: list[Any] = []
    checks = build_checks([asset], looking(found), nature=Nature.RULE, name="reads", description="d", options={})
    dg.materialize([asset, *checks], instance=instance, partition_key=partition)
    return found[0]


def looking(found: list[Any]) -> Callable[[Scope], Finding]:
    def look(scope: Scope) -> Finding:
        found.append(read(scope, ids))
        return Finding(passed=True, summary="read")

    return look


def ids(data: Data) -> list[int]:
    return sorted(row["id"] for row in data.rows(data.table))
