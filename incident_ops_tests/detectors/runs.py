"""Real runs of assets and their checks, in few words, for tests of the factories."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import duckdb
import pandas as pd

from incident_ops.core.feedback import FEEDBACK_METADATA, Feedback, Lesson, document_of
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Target

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
"""A Monday."""
DAYS = dg.DailyPartitionsDefinition("2026-01-01")

Checks = Sequence[dg.AssetChecksDefinition]


class Clock:
    """Tells what it was set to: builds are as of then, whatever the real time is."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def days_later(self, days: float = 1) -> None:
        self.now += timedelta(days=days)


class Reports:
    """An asset that reports, when it is built, what it is told to report."""

    def __init__(
        self,
        key: str = "orders",
        *,
        partitions_def: dg.PartitionsDefinition[Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.next: Mapping[str, Any] = {}

        @dg.asset(key=key.split("/"), partitions_def=partitions_def, metadata=metadata)
        def reports() -> dg.MaterializeResult:
            return dg.MaterializeResult(metadata=self.next)

        self.asset = reports

    def has(self, **columns: str) -> None:
        """The columns, with their types, of the next build."""
        self.next = {"dagster/column_schema": schema_of(**columns)}

    def counts(self, rows: int, *, of_partition: bool = False) -> None:
        self.next = {"dagster/partition_row_count" if of_partition else "dagster/row_count": rows}


def schema_of(*, pii: Sequence[str] = (), **types: str) -> dg.TableSchema:
    return dg.TableSchema(
        [dg.TableColumn(name, kind, tags={"pii": ""} if name in pii else {}) for name, kind in types.items()]
    )


def table_asset(
    key: str = "orders",
    *,
    pii: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    partitions_def: dg.PartitionsDefinition[Any] | None = None,
) -> dg.AssetsDefinition:
    """An asset whose table is somewhere already."""
    tagged = {"dagster/column_schema": schema_of(pii=pii, **dict.fromkeys(pii, "VARCHAR"))} if pii else {}

    @dg.asset(key=key.split("/"), metadata={**tagged, **(metadata or {})}, partitions_def=partitions_def)
    def made() -> dg.MaterializeResult:
        return dg.MaterializeResult()

    return made


def evaluate(
    instance: dg.DagsterInstance,
    assets: Sequence[dg.AssetsDefinition],
    checks: Checks,
    *,
    partition: str | None = None,
) -> dg.AssetCheckEvaluation:
    """Builds the assets, runs the one check that there is, and says what it said."""
    result = dg.materialize([*assets, *checks], instance=instance, partition_key=partition)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def evaluate_alone(
    instance: dg.DagsterInstance, assets: Sequence[dg.AssetsDefinition], checks: Checks
) -> dg.AssetCheckEvaluation:
    """Runs the one check that there is, without building anything."""
    job = dg.define_asset_job("look", selection=dg.AssetSelection.all_asset_checks())
    defs = dg.Definitions(assets=assets, asset_checks=checks, jobs=[job])
    result = defs.resolve_job_def("look").execute_in_process(instance=instance)
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def error_of(
    instance: dg.DagsterInstance,
    assets: Sequence[dg.AssetsDefinition],
    checks: Checks,
    *,
    partition: str | None = None,
) -> str:
    """What is said by a check that cannot look; that it evaluates nothing is asserted."""
    result = dg.materialize([*assets, *checks], instance=instance, partition_key=partition, raise_on_error=False)
    assert not result.success
    assert result.get_asset_check_evaluations() == []
    failures = [event for event in result.all_events if event.is_step_failure]
    error = failures[-1].step_failure_data.error
    assert error is not None
    cause = error.cause or error
    return f"{cause.cls_name}: {cause.message}"


def answer(
    instance: dg.DagsterInstance,
    check: str,
    lesson: Lesson,
    *,
    since: datetime,
    until: datetime,
    asset: str = "orders",
) -> None:
    """What a person said of the evaluations from `since` to `until`."""
    feedback = Feedback(check=check, lesson=lesson, since=since, until=until)
    observation = dg.AssetObservation(
        dg.AssetKey(asset.split("/")),
        metadata={FEEDBACK_METADATA: dg.MetadataValue.json(document_of(feedback))},
    )
    instance.report_runless_asset_event(observation)


def scope_without_run(key: str = "orders") -> Scope:
    """What a run would give, for what only reads."""
    return Scope(
        context=cast("dg.AssetCheckExecutionContext", None),
        target=Target(key=dg.AssetKey(key.split("/"))),
        check="rule",
        partition=None,
        window=None,
        built=None,
        now=START,
        pii=(),
    )


def frame(columns: Mapping[str, Sequence[Any]]) -> Callable[[], pd.DataFrame]:
    """A source: the table in this process."""
    return lambda: pd.DataFrame(dict(columns))


@contextmanager
def written(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB file to write to, closed afterwards: others may read it then."""
    connection = duckdb.connect(path)
    try:
        yield connection
    finally:
        connection.close()


def kept(
    key: str, columns: Mapping[str, Sequence[Any]], metadata: Mapping[str, Any] | None = None
) -> dg.AssetsDefinition:
    """An asset whose value the default IO manager keeps."""

    @dg.asset(key=key.split("/"), metadata=metadata)
    def made() -> pd.DataFrame:
        return pd.DataFrame(dict(columns))

    return made


def told(found: dg.AssetCheckEvaluation) -> str:
    return found.description or ""


def everything_in(found: dg.AssetCheckEvaluation) -> str:
    return " ".join([told(found), *(str(value) for value in found.metadata.values())])
