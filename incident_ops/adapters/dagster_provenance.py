"""What Dagster's events add to the history: public Dagster types in, `Facts` out.

Of a materialization only figures, versions, names and types of columns are kept, never a value of the data. Of
the run's configuration a digest is kept, and of its tags those that are not Dagster's own, redacted. What a
deleted run would have told stays empty.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import dagster as dg
from dagster import DagsterInstance

from incident_ops.adapters.dagster_metrics import measurement_of
from incident_ops.adapters.dagster_numbers import natural, natural_in
from incident_ops.adapters.dagster_pointers import Inputs, LogIndex, Reader, inputs_of, pointers_in, versions_in
from incident_ops.adapters.dagster_runs import job_of
from incident_ops.adapters.dagster_translate import asset_ref, log_event_id, utc
from incident_ops.core.alert import Alert, CheckSeverity, Observation
from incident_ops.core.error_text import redact, shorten
from incident_ops.core.lineage.columns import ColumnRef
from incident_ops.core.metrics import CheckMeasurement
from incident_ops.core.provenance import Column, Evaluation, Facts, Materialization, RecordKind, View

REMARK_METADATA = "incident"
"""Our own observations carry it (`dagster_board`)."""
VIEWER_METADATA = "incident_ops/viewer"
VIEWED_METADATA = "incident_ops/viewed"
DATA_VERSION = "dagster/data_version"
CODE_VERSION = "dagster/code_version"

MAX_TAG = 200
MAX_VIEWER = 500
_LINE = 300
_RUNS_AT_ONCE = 500
_OF_DAGSTER = ("dagster/", ".dagster/")

_Built = dg.AssetMaterialization | dg.AssetObservation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    job: str
    config: str
    tags: Mapping[str, str]
    started_at: datetime | None


_FORGOTTEN = _Run(job="", config="", tags={}, started_at=None)


class Runs:
    """The runs' records, each asked for once: one object serves one pass."""

    def __init__(self, instance: DagsterInstance) -> None:
        self._instance = instance
        self._known: dict[str, _Run] = {}

    def load(self, run_ids: Collection[str]) -> None:
        """Fetch those that are not known yet, many at once. A run that was deleted says nothing."""
        missing = sorted({run_id for run_id in run_ids if run_id} - self._known.keys())
        for start in range(0, len(missing), _RUNS_AT_ONCE):
            some = missing[start : start + _RUNS_AT_ONCE]
            self._known.update(dict.fromkeys(some, _FORGOTTEN))
            for record in self._instance.get_run_records(dg.RunsFilter(run_ids=some)):
                self._known[record.dagster_run.run_id] = _run(record.dagster_run, record.start_time)

    def get(self, run_id: str) -> _Run:
        return self._known.get(run_id, _FORGOTTEN)


class Stretch:
    """The facts of a stretch of the log, taken in event by event: a decoded event is heavy and not held on to.

    Args:
        pii: asset → its columns of personal data.
    """

    def __init__(self, pii: Callable[[dg.AssetKey], Collection[str]] = lambda _: ()) -> None:
        self._pii = pii
        self._records: list[tuple[Materialization, Reader]] = []
        self._evaluations: list[Evaluation] = []
        self._measurements: list[CheckMeasurement] = []
        self._views: list[View] = []

    def take(self, storage_id: int, entry: dg.EventLogEntry, observations: Sequence[Observation]) -> None:
        """`observations` is what the event was translated to: there personal data in a summary is masked, once."""
        data = entry.asset_materialization or entry.asset_observation or _specific(entry)
        if isinstance(data, dg.AssetCheckEvaluation):
            self._evaluations.append(_evaluation(storage_id, entry, data, observations))
            self._measure(data, event_id=log_event_id(storage_id, entry.timestamp))
        elif isinstance(data, dg.AssetMaterialization):
            self._add(storage_id, entry, data, RecordKind.MATERIALIZATION)
        elif isinstance(data, dg.AssetObservation):
            if kind := _observed_kind(data):
                self._add(storage_id, entry, data, kind)
            if view := _view(entry, data):
                self._views.append(view)

    def _measure(self, data: dg.AssetCheckEvaluation, *, event_id: str) -> None:
        measurement = measurement_of(data, self._pii)
        if measurement is not None:
            asset = asset_ref(data.asset_key).key
            self._measurements.append(
                CheckMeasurement(event_id=event_id, asset=asset, check=data.check_name, measurement=measurement)
            )

    def _add(self, storage_id: int, entry: dg.EventLogEntry, data: _Built, kind: RecordKind) -> None:
        record, tags = _record(storage_id, entry, data, kind), data.tags or {}
        reader = Reader(
            asset=record.asset,
            partition=record.partition,
            run_id=record.run_id or "",
            at=record.at,
            pointers=pointers_in(tags),
            versions=versions_in(tags),
        )
        self._records.append((record, reader))

    def facts(self, *, log: LogIndex, runs: Runs) -> Facts:
        """With what the runs say and what the pointers lead to: a few queries, however many events."""
        runs.load({reader.run_id for _, reader in self._records})
        inputs = inputs_of([reader for _, reader in self._records], log)
        return Facts(
            materializations=tuple(
                _completed(record, read, runs.get(reader.run_id))
                for (record, reader), read in zip(self._records, inputs, strict=True)
            ),
            evaluations=tuple(self._evaluations),
            views=tuple(self._views),
            measurements=tuple(self._measurements),
        )


def says_something(text: str) -> bool:
    """Does the stored text of an observation mention anything that is kept? Most do not, and are not decoded."""
    return any(f'"{name}"' in text for name in (DATA_VERSION, REMARK_METADATA, VIEWER_METADATA))


def _specific(entry: dg.EventLogEntry) -> object:
    return entry.dagster_event.event_specific_data if entry.dagster_event else None


# ---- materializations and observations


def _observed_kind(data: dg.AssetObservation) -> RecordKind | None:
    """A remark of ours repeats the data version, so it is asked for first. An observation without a data version
    says nothing of the data."""
    if REMARK_METADATA in data.metadata:
        return RecordKind.REMARK
    return RecordKind.OBSERVATION if DATA_VERSION in (data.tags or {}) else None


def _record(storage_id: int, entry: dg.EventLogEntry, data: _Built, kind: RecordKind) -> Materialization:
    """What the event says by itself."""
    tags, run_id = data.tags or {}, entry.run_id or None
    code_version = tags.get(CODE_VERSION)
    return Materialization(
        asset=asset_ref(data.asset_key).key,
        id=storage_id,
        at=utc(entry.timestamp),
        kind=kind,
        partition=data.partition,
        run_id=run_id,
        data_version=tags.get(DATA_VERSION),
        code_version=code_version if code_version != run_id else None,
        row_count=_row_count(data.metadata, partitioned=data.partition is not None),
        columns=_columns(data.metadata),
        column_lineage=_column_lineage(data.metadata),
    )


def _completed(record: Materialization, inputs: Inputs, run: _Run) -> Materialization:
    ready_at = max(filter(None, (run.started_at, inputs.last_own))) if run.started_at else None
    return replace(
        record, inputs=inputs.pointers, job=run.job, config=run.config, tags=run.tags, ready_at=ready_at
    )


def _row_count(metadata: Mapping[str, dg.MetadataValue], *, partitioned: bool) -> int | None:
    """The partition's own count where there is one: that of the whole table only grows."""
    names = ("dagster/partition_row_count", "dagster/row_count") if partitioned else ("dagster/row_count",)
    for name in names:
        value = metadata.get(name)
        if isinstance(value, dg.IntMetadataValue) and (count := natural(value.value)) is not None:
            return count
    return None


def _columns(metadata: Mapping[str, dg.MetadataValue]) -> tuple[Column, ...] | None:
    value = metadata.get("dagster/column_schema")
    if not isinstance(value, dg.TableSchemaMetadataValue):
        return None
    return tuple(Column(name=column.name, type=column.type) for column in value.schema.columns)


def _column_lineage(metadata: Mapping[str, dg.MetadataValue]) -> Mapping[str, tuple[ColumnRef, ...]] | None:
    value = metadata.get("dagster/column_lineage")
    if not isinstance(value, dg.TableColumnLineageMetadataValue):
        return None
    return {
        column: tuple(ColumnRef(asset=asset_ref(dep.asset_key).key, column=dep.column_name) for dep in sources)
        for column, sources in value.column_lineage.deps_by_column.items()
    }


# ---- runs


def _run(run: dg.DagsterRun, started: float | None) -> _Run:
    return _Run(
        job=job_of(run),
        config=digest(run.run_config),
        tags=dict(_own_tags(run.tags)),
        started_at=utc(started) if started is not None else None,
    )


def digest(config: Mapping[str, Any]) -> str:
    """SHA-256 of a run's configuration, whatever the order of its keys."""
    return sha256(json.dumps(config, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()


def _own_tags(tags: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """The name is looked at with the value: `api_token: abc` is a secret by its name only."""
    for name, value in tags.items():
        if not name.startswith(_OF_DAGSTER):
            text = redact(f"{name}={value}")
            yield name, shorten(redact(text.removeprefix(f"{name}=")), MAX_TAG)


# ---- checks and views


def _evaluation(
    storage_id: int, entry: dg.EventLogEntry, data: dg.AssetCheckEvaluation, observations: Sequence[Observation]
) -> Evaluation:
    target = data.target_materialization_data
    said = next((o.evidence.summary for o in observations if isinstance(o, Alert)), "")
    return Evaluation(
        event_id=log_event_id(storage_id, entry.timestamp),
        asset=asset_ref(data.asset_key).key,
        check=data.check_name,
        passed=data.passed,
        at=utc(entry.timestamp),
        severity=CheckSeverity(data.severity.value),
        materialization=natural(target.storage_id) if target else None,
        partition=data.partition,
        summary=shorten(" ".join(said.split()), _LINE),
    )


def _view(entry: dg.EventLogEntry, data: dg.AssetObservation) -> View | None:
    viewer, viewed = data.metadata.get(VIEWER_METADATA), data.metadata.get(VIEWED_METADATA)
    if not isinstance(viewer, dg.TextMetadataValue) or not (viewer.value or "").strip():
        return None
    return View(
        asset=asset_ref(data.asset_key).key,
        viewer=shorten((viewer.value or "").strip(), MAX_VIEWER),
        at=utc(entry.timestamp),
        materialization=_id_in(viewed),
    )


def _id_in(viewed: dg.MetadataValue | None) -> int | None:
    """Programs that cannot write integers write a text."""
    if isinstance(viewed, dg.TextMetadataValue):
        return natural_in(viewed.value)
    return natural(viewed.value) if isinstance(viewed, dg.IntMetadataValue) else None
