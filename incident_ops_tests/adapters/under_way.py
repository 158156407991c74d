"""A real run that is looked at from inside, while it is not over, and runs that wait in the queue or never end."""

from collections.abc import Sequence
from datetime import datetime

import dagster as dg
from dagster._core.events import StepMaterializationData
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from incident_ops.adapters.dagster_under_way import RunsUnderWay
from incident_ops.core.forecast.under_way import Run
from incident_ops_tests.adapters.event_log import now

ALL = ("shop/raw", "broken", "left", "right", "orders", "cfo_dash")


def watched(instance: dg.DagsterInstance, *, assets: Sequence[str] = ALL) -> list[Run]:
    """What is under way while `orders` is being built: raw is built, `broken` has failed, and one multi-asset has
    yielded the first of its two."""
    seen: list[Run] = []

    @dg.asset(key=["shop", "raw"])
    def raw() -> None: ...

    @dg.asset(deps=[raw])
    def broken() -> None:
        raise ValueError("broken")

    @dg.multi_asset(specs=[dg.AssetSpec("left", deps=[broken, raw]), dg.AssetSpec("right", deps=[raw])])
    def both():  # skipped
        yield dg.MaterializeResult(asset_key="left")

    @dg.multi_asset(specs=[dg.AssetSpec("orders", deps=[raw]), dg.AssetSpec("cfo_dash", deps=["orders"])])
    def zz_orders():  # after `broken`: steps that are ready are taken in the order of their names
        yield dg.MaterializeResult(asset_key="orders")
        seen.extend(RunsUnderWay(instance)(assets))
        yield dg.MaterializeResult(asset_key="cfo_dash")

    job = dg.Definitions(assets=[raw, broken, both, zz_orders]).resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=instance, raise_on_error=False)
    return seen


def enqueued(instance: dg.DagsterInstance, *keys: str) -> str:
    """The id of a run that waits."""
    run_id = _planned(instance, *keys)
    happens(instance, run_id, dg.DagsterEventType.RUN_ENQUEUED, at=now())
    return run_id


def begun(instance: dg.DagsterInstance, *keys: str, at: datetime) -> str:
    """The id of a run that is under way, and stays so."""
    run_id = _planned(instance, *keys)
    happens(instance, run_id, dg.DagsterEventType.RUN_START, at=at)
    return run_id


def builds(instance: dg.DagsterInstance, run_id: str, key: str, *, at: datetime) -> None:
    data = StepMaterializationData(dg.AssetMaterialization(key))
    happens(instance, run_id, dg.DagsterEventType.ASSET_MATERIALIZATION, at=at, data=data)


def happens(
    instance: dg.DagsterInstance,
    run_id: str,
    what: dg.DagsterEventType,
    *,
    at: datetime,
    data: StepMaterializationData | None = None,
) -> None:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    event = dg.DagsterEvent(event_type_value=what.value, job_name=run.job_name, event_specific_data=data)
    instance.report_dagster_event(event, run_id=run_id, timestamp=at.timestamp())


def _planned(instance: dg.DagsterInstance, *keys: str) -> str:
    @dg.multi_asset(specs=[dg.AssetSpec(key) for key in keys])
    def several():
        return tuple(dg.MaterializeResult(asset_key=key) for key in keys)

    job = dg.Definitions(assets=[several]).resolve_implicit_global_asset_job_def()
    origin = RemoteJobOrigin(_LOCATION, job.name)  # none is queued without
    return instance.create_run_for_job(job_def=job, remote_job_origin=origin).run_id


_LOCATION = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("tenant"), "__repository__")
