"""Assets whose pointers are not what one would think: each a trap of Dagster's provenance, on real runs."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

DAYS = dg.StaticPartitionsDefinition(["d1", "d2", "d3"])
_SECRET_CONFIG = {"password": dg.Field(str, default_value="none")}


@dg.asset(key_prefix=["raw", "shop"], partitions_def=DAYS)
def orders() -> None: ...


@dg.asset(deps=[orders], partitions_def=DAYS)
def daily() -> None: ...


@dg.asset(deps=[orders], partitions_def=DAYS)
def daily_at_once() -> None: ...


@dg.asset(
    partitions_def=DAYS,
    deps=[dg.AssetDep(orders, partition_mapping=dg.StaticPartitionMapping({"d1": "d2", "d2": "d3"}))],
)
def day_before() -> None:
    """Reads the day before its own: `d2` is built from `d1`."""


@dg.asset(deps=[orders])
def total() -> None: ...


with warnings.catch_warnings():
    warnings.simplefilter("ignore", dg.BetaWarning)
    _THIRD_DAY = dg.SpecificPartitionsPartitionMapping(["d3"])


@dg.asset(deps=[dg.AssetDep(orders, partition_mapping=_THIRD_DAY)])
def newest_day() -> None: ...


@dg.multi_asset(specs=[dg.AssetSpec("first"), dg.AssetSpec("second", deps=["first"])])
def both() -> Iterator[dg.MaterializeResult]:
    yield dg.MaterializeResult(asset_key="first")
    yield dg.MaterializeResult(asset_key="second")


reported, never = dg.AssetSpec("reported"), dg.AssetSpec("never")


@dg.asset(deps=[reported, never, "second"])
def reader() -> None: ...


with warnings.catch_warnings():
    warnings.simplefilter("ignore", dg.BetaWarning)

    @dg.observable_source_asset
    def source() -> dg.DataVersion:
        return dg.DataVersion("v1")


@dg.asset(deps=[source])
def of_source() -> None: ...


@dg.op
def load() -> int:
    return 1


@dg.op
def double(number: int) -> int:
    return 2 * number


@dg.graph_asset
def of_graph() -> int:
    return double(load())


@dg.asset(deps=[of_graph], code_version="7", config_schema=_SECRET_CONFIG)
def measured() -> dg.MaterializeResult:
    """Has everything that a materialization can tell."""
    origin = dg.TableColumnDep(dg.AssetKey(["raw", "shop", "orders"]), "order_id")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": 5,
            "dagster/column_schema": dg.TableSchema([dg.TableColumn("id", "BIGINT"), dg.TableColumn("n", "INT")]),
            "dagster/column_lineage": dg.TableColumnLineage({"id": [origin]}),
            "sample": "bob@acme.test",
        }
    )


@dg.asset_check(asset=measured)
def is_long_enough() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description="too short:\n5 rows, password=hunter2",
    )


defs = dg.Definitions(
    assets=[
        orders, daily, daily_at_once, day_before, total, newest_day, both, reported, never, reader, source,
        of_source, of_graph, measured,
    ],
    asset_checks=[is_long_enough],
)  # fmt: skip

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Dagster's own, of an observable source
    job = defs.resolve_implicit_global_asset_job_def()


def build(
    instance: dg.DagsterInstance,
    *assets: str,
    partition: str | None = None,
    tags: Mapping[str, str] | None = None,
    config: dict[str, Any] | None = None,
) -> str:
    """Builds the assets (`a/b`) in one run; returns its id."""
    result = job.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(asset.split("/")) for asset in assets],
        partition_key=partition,
        tags=dict(tags or {}),
        run_config=config or {},
    )
    assert result.success
    return result.run_id


def whole_job() -> dg.JobDefinition:
    """For a run with a process for each step."""
    return dg.Definitions(
        assets=[both, reported, never, reader],
        jobs=[dg.define_asset_job("in_processes", selection=[*both.keys, reader.key])],
        executor=dg.multiprocess_executor,
    ).resolve_job_def("in_processes")
