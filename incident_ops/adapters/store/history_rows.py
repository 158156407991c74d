"""Rows of the history ↔ values of the core. No statements here; those are `history`'s."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.lineage.columns import ColumnRef
from incident_ops.core.provenance import Column, Evaluation, Materialization, RecordKind, View

Row = Mapping[Any, Any]
Values = dict[str, Any]


def materialization_values(record: Materialization) -> Values:
    return {
        "asset": record.asset,
        "id": record.id,
        "at": record.at,
        "kind": record.kind,
        "partition": record.partition,
        "run_id": record.run_id,
        "job": record.job,
        "inputs": dict(record.inputs),
        "data_version": record.data_version,
        "code_version": record.code_version,
        "row_count": record.row_count,
        "columns": None if record.columns is None else [[c.name, c.type] for c in record.columns],
        "column_lineage": _lineage_document(record.column_lineage),
        "config": record.config,
        "tags": dict(record.tags),
        "ready_at": record.ready_at,
    }


def materialization_from(row: Row) -> Materialization:
    columns = row["columns"]
    return Materialization(
        asset=row["asset"],
        id=row["id"],
        at=row["at"],
        kind=RecordKind(row["kind"]),
        partition=row["partition"],
        run_id=row["run_id"],
        job=row["job"],
        inputs=MappingProxyType(row["inputs"]),
        data_version=row["data_version"],
        code_version=row["code_version"],
        row_count=row["row_count"],
        columns=None if columns is None else tuple(Column(name=name, type=type_) for name, type_ in columns),
        column_lineage=_lineage_from(row["column_lineage"]),
        config=row["config"],
        tags=MappingProxyType(row["tags"]),
        ready_at=row["ready_at"],
    )


def pointer_values(record: Materialization) -> list[Values]:
    """A row for each input."""
    reader = {"asset": record.asset, "id": record.id, "at": record.at}
    return [
        {"upstream": asset, "upstream_id": storage_id, **reader} for asset, storage_id in record.inputs.items()
    ]


def evaluation_values(evaluation: Evaluation) -> Values:
    return {
        "event_id": evaluation.event_id,
        "asset": evaluation.asset,
        "materialization": evaluation.materialization,
        "check_name": evaluation.check,
        "partition": evaluation.partition,
        "passed": evaluation.passed,
        "severity": evaluation.severity,
        "at": evaluation.at,
        "summary": evaluation.summary,
    }


def evaluation_from(row: Row) -> Evaluation:
    return Evaluation(
        event_id=row["event_id"],
        asset=row["asset"],
        materialization=row["materialization"],
        check=row["check_name"],
        partition=row["partition"],
        passed=row["passed"],
        severity=CheckSeverity(row["severity"]),
        at=row["at"],
        summary=row["summary"],
    )


def view_values(view: View) -> Values:
    """A view has no id of its own: the same person looking at the same asset at the same moment looked once."""
    return {
        "event_id": f"{view.at.isoformat()} {view.viewer} {view.asset}",
        "asset": view.asset,
        "viewer": view.viewer,
        "at": view.at,
        "materialization": view.materialization,
    }


def view_from(row: Row) -> View:
    return View(asset=row["asset"], viewer=row["viewer"], at=row["at"], materialization=row["materialization"])


def _lineage_document(lineage: Mapping[str, tuple[ColumnRef, ...]] | None) -> dict[str, list[list[str]]] | None:
    if lineage is None:
        return None
    return {column: [[source.asset, source.column] for source in sources] for column, sources in lineage.items()}


def _lineage_from(document: Mapping[str, list[list[str]]] | None) -> Mapping[str, tuple[ColumnRef, ...]] | None:
    if document is None:
        return None
    return MappingProxyType(
        {
            column: tuple(ColumnRef(asset=asset, column=name) for asset, name in sources)
            for column, sources in document.items()
        }
    )
