"""Histories in few words: `h = History(); h.built("raw", 1, at=0, code="v1", rows=1000)`."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.provenance import Column, Evaluation, Materialization, Provenance, View
from incident_ops_tests.builders import minutes


def graph_of(*lines: str) -> AssetGraph:
    """`graph_of("raw > orders > rev_daily", "raw > web")`."""
    edges: list[tuple[str, str]] = []
    nodes: list[str] = []
    for line in lines:
        keys = [key.strip() for key in line.split(">")]
        nodes += keys
        edges += pairwise(keys)
    return AssetGraph.from_edges(edges, nodes=nodes)


def columns_of(**types: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, type=kind) for name, kind in types.items())


def record(
    asset: str,
    id: int,
    *,
    at: float | None = None,
    reads: Mapping[str, int] | None = None,
    code: str | None = None,
    rows: int | None = None,
    **anything: Any,
) -> Materialization:
    """A record; `at` in minutes after the tests' beginning of time, by default its id."""
    moment = minutes(id if at is None else at)
    return Materialization(
        asset=asset, id=id, at=moment, inputs=dict(reads or {}), code_version=code, row_count=rows, **anything
    )


class History:
    """Collects records and verdicts; `provenance` is what is asked."""

    def __init__(self, records: Iterable[Materialization] = ()) -> None:
        self.records = list(records)
        self.verdicts: list[Evaluation] = []

    def built(self, asset: str, id: int, **anything: Any) -> Materialization:
        self.records.append(record(asset, id, **anything))
        return self.records[-1]

    def checked(
        self,
        asset: str,
        id: int,
        *,
        passed: bool,
        check: str = "not_null",
        at: float | None = None,
        is_error: bool = True,
        partition: str | None = None,
    ) -> None:
        """A verdict on record `id`, half a minute after it was built unless said otherwise."""
        built = next(m for m in self.records if (m.asset, m.id) == (asset, id))
        moment: datetime = minutes(at) if at is not None else built.at + (minutes(0.5) - minutes(0))
        self.verdicts.append(
            Evaluation(
                event_id=f"test:check:{len(self.verdicts)}",
                asset=asset,
                check=check,
                passed=passed,
                at=moment,
                severity=CheckSeverity.ERROR if is_error else CheckSeverity.WARN,
                materialization=id,
                partition=partition,
            )
        )

    @property
    def provenance(self) -> Provenance:
        return Provenance(self.records, self.verdicts)

    @property
    def without_pointers(self) -> Provenance:
        from dataclasses import replace

        return Provenance([replace(m, inputs={}) for m in self.records], self.verdicts)


def seen(asset: str, viewer: str, *, at: float, version: int | None = None) -> View:
    return View(asset=asset, viewer=viewer, at=minutes(at), materialization=version)
