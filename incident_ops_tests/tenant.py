"""A small stranger's code location for tests: assets and checks that fail on demand.

What fails is in the file that the environment variable `TENANT_FAULTS` names (one word a line), so that a
running Dagster can be made to fail and to heal from outside.
"""

import os
from pathlib import Path

import dagster as dg


def faults() -> set[str]:
    """The faults in force now."""
    path = Path(os.environ.get("TENANT_FAULTS", os.devnull))
    return set(path.read_text().split()) if path.is_file() else set()


@dg.asset(owners=["team:ingest"])
def raw() -> None:
    """Fails to build under `raw`."""
    if "raw" in faults():
        raise ValueError("source answered 503 for batch 4711")


@dg.asset(deps=[raw], owners=["team:fin"], tags={"incident_ops/tier": "gold"})
def orders() -> dg.MaterializeResult:
    """Always builds; its checks are what fails."""
    return dg.MaterializeResult(metadata={"dagster/row_count": 1000})


@dg.asset_check(asset=orders)
def orders_not_null() -> dg.AssetCheckResult:
    """Fails with severity ERROR under `nulls`, WARN under `few_nulls`, raises under `crash`."""
    if "crash" in faults():
        raise ConnectionError("postgresql://reader:s3cret@db.acme.test:5432/shop refused the connection")
    severity = dg.AssetCheckSeverity.WARN if "few_nulls" in faults() else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        passed=not faults() & {"nulls", "few_nulls"},
        severity=severity,
        metadata={"null_rows": 12, "sample": "bob@acme.test, 17"},
        description="12 rows without a price",
    )


@dg.asset(
    deps=[raw],
    owners=["team:web"],
    check_specs=[dg.AssetCheckSpec("web_rows", asset="web", blocking=True)],
)
def web():
    """Builds, and its blocking check stops the run under `web`."""
    return dg.MaterializeResult(
        check_results=[dg.AssetCheckResult(passed="web" not in faults(), check_name="web_rows")]
    )


@dg.asset(deps=[web], owners=["team:web"])
def web_dash() -> None:
    """Not run when `web`'s check stops the run."""


@dg.asset(owners=["team:fin"])
def boom() -> None:
    """Raises under `boom`; the text names other assets, which must change nothing."""
    if "boom" in faults():
        raise ValueError("left, right and orders are fine, 42 rows at /srv/data/boom are not")


@dg.multi_asset(specs=[dg.AssetSpec("left", owners=["team:a"]), dg.AssetSpec("right", owners=["team:b"])])
def pair():
    """Builds `left`, and raises before `right` under `pair`."""
    yield dg.MaterializeResult(asset_key="left")
    if "pair" in faults():
        raise RuntimeError("no right today")
    yield dg.MaterializeResult(asset_key="right")


@dg.asset(deps=[boom], owners=["team:bi"])
def leaf() -> None:
    """Downstream of `boom`."""


@dg.asset
def orphan() -> None:
    """Has no owner; fails under `orphan`."""
    if "orphan" in faults():
        raise KeyError("nobody minds")


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["p1", "p2"]), owners=["team:web"])
def parts(context: dg.AssetExecutionContext) -> None:
    """Fails for the partitions whose names are faults."""
    if context.partition_key in faults():
        raise ValueError(f"partition {context.partition_key} is empty")


@dg.asset(owners=["team:fin"])
def evicted() -> None:
    """Its worker is taken away under `evicted`."""
    if "evicted" in faults():
        raise dg.DagsterExecutionInterruptedError


@dg.op
def plain_op() -> None:
    """Fails under `op`."""
    if "op" in faults():
        raise ValueError("no assets here")


@dg.job
def plain_job() -> None:
    """A job without assets."""
    plain_op()


defs = dg.Definitions(
    assets=[raw, orders, web, web_dash, boom, pair, leaf, orphan, parts, evicted],
    asset_checks=[orders_not_null],
    jobs=[plain_job],
    executor=dg.in_process_executor,  # a run of real processes then costs one, not one a step
)


def run(
    instance: dg.DagsterInstance,
    *assets: str,
    partition: str | None = None,
    tags: dict[str, str] | None = None,
    retry_of: str | None = None,
) -> str:
    """Build `assets` (and run their checks) in this process; returns the run's id, whatever came of it."""
    job = defs.resolve_implicit_global_asset_job_def()
    tags = dict(tags or {})
    if retry_of is not None:
        tags |= {"dagster/retry_number": "1", "dagster/root_run_id": retry_of, "dagster/parent_run_id": retry_of}
    result = job.execute_in_process(
        instance=instance,
        raise_on_error=False,
        asset_selection=[dg.AssetKey(a.split("/")) for a in assets] or None,
        partition_key=partition,
        tags=tags,
    )
    return result.run_id
