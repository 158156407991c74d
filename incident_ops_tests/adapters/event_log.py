"""Helpers for tests of the event log on real instances."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from incident_ops.adapters.dagster_events import DagsterEvents

EDGES = {"leaf": ("boom",), "orders": ("raw",), "web": ("raw",), "web_dash": ("web",)}


def upstream(key: str) -> tuple[str, ...]:
    return EDGES.get(key, ())


def now() -> datetime:
    return datetime.now(tz=UTC)


def read_all(instance: dg.DagsterInstance, cursor: str | None = None, **anything: Any) -> list[Any]:
    page = DagsterEvents(instance, lineage=lambda: upstream).read(cursor, now=now(), limit=1000, **anything)
    return list(page.observations)


def report_freshness(instance: dg.DagsterInstance, asset: str, previous: str, new: str) -> None:
    from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

    instance.report_runless_asset_event(
        FreshnessStateChange(
            key=dg.AssetKey(asset.split("/")),
            new_state=FreshnessState(new),
            previous_state=FreshnessState(previous),
            state_change_timestamp=now().timestamp(),
        )
    )


def report_check(instance: dg.DagsterInstance, name: str, *, passed: bool = False) -> None:
    """A check evaluation without a run."""
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=dg.AssetKey("orders"), check_name=name, passed=passed)
    )
