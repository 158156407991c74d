"""What was built from what: materializations with the exact upstream events they read, and the verdicts on them.

Dagster stamps each materialization with pointers to the upstream events it was built from. Here are those facts
as values, and `Provenance`, the part of the history that a question needs, held in memory. Who is to blame is
`rootcause`'s business, who was hit `impact`'s.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.lineage.columns import ColumnRef
from incident_ops.core.metrics import CheckMeasurement


class RecordKind(StrEnum):
    """Which of Dagster's events a record was made from. A remark is an observation that we reported ourselves:
    a pointer may lead to it, and the data it speaks of is that of the record before."""

    MATERIALIZATION = "materialization"
    OBSERVATION = "observation"
    REMARK = "remark"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Ref:
    """One event of one asset: `asset` written `a/b`, `id` Dagster's storage id."""

    asset: str
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: its name and the type as its database writes it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Materialization:
    """One materialization (or observation) of one asset, of one partition if it has any.

    Attributes:
        asset: written `a/b`.
        id: Dagster's storage id.
        at: when it was recorded (aware UTC).
        inputs: upstream asset → storage id of the event that was read. Empty where Dagster gave no pointers.
        data_version: as Dagster keeps it; None where there is none.
        code_version: only a declared one. Without a declaration Dagster writes the run's id: None here.
        row_count: `dagster/row_count`, None where it was not reported.
        columns: `dagster/column_schema`, None where it was not reported.
        column_lineage: `dagster/column_lineage`: column → the columns it is made of; None where not reported.
        config: digest of the run's configuration, empty where it is not known.
        tags: the run's tags, Dagster's own left out.
        ready_at: when all that it needed was there (start of the run, or the last input built in the same run).
    """

    asset: str
    id: int
    at: datetime
    kind: RecordKind = RecordKind.MATERIALIZATION
    partition: str | None = None
    run_id: str | None = None
    job: str = ""
    inputs: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    data_version: str | None = None
    code_version: str | None = None
    row_count: int | None = None
    columns: tuple[Column, ...] | None = None
    column_lineage: Mapping[str, tuple[ColumnRef, ...]] | None = None
    config: str = ""
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ready_at: datetime | None = None

    @property
    def ref(self) -> Ref:
        return Ref(asset=self.asset, id=self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The verdict of one check on one materialization (`materialization` None: Dagster does not say which)."""

    event_id: str
    asset: str
    check: str
    passed: bool
    at: datetime
    severity: CheckSeverity = CheckSeverity.ERROR
    materialization: int | None = None
    partition: str | None = None
    summary: str = ""

    @property
    def is_bad(self) -> bool:
        return not self.passed and self.severity is CheckSeverity.ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Somebody looked at an asset: `materialization` is the version seen, None where it is not known (then the
    newest one before `at`)."""

    asset: str
    viewer: str
    at: datetime
    materialization: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a stretch of the event log adds to the history."""

    materializations: tuple[Materialization, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    views: tuple[View, ...] = ()
    measurements: tuple[CheckMeasurement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.materializations or self.evaluations or self.views or self.measurements)


NO_FACTS = Facts()


class Provenance:
    """A part of the history, indexed for walking. What it does not hold is not known: every answer may be None
    or empty, and nobody guesses.

    SQLite gives a storage id anew after the newest events were deleted, so a pointer leads to the record of that
    id that was there when the pointing one was written.
    """

    def __init__(
        self, materializations: Iterable[Materialization] = (), evaluations: Iterable[Evaluation] = ()
    ) -> None:
        self._of_asset: defaultdict[str, list[Materialization]] = defaultdict(list)
        self._of_ref: defaultdict[Ref, list[Materialization]] = defaultdict(list)
        self._readers: defaultdict[Ref, list[Materialization]] = defaultdict(list)
        self._verdicts: defaultdict[Ref, list[Evaluation]] = defaultdict(list)
        known: set[tuple[Ref, datetime]] = set()
        for record in sorted(materializations, key=lambda m: (m.at, m.id)):
            if (record.ref, record.at) in known:
                continue
            known.add((record.ref, record.at))
            self._of_asset[record.asset].append(record)
            self._of_ref[record.ref].append(record)
            for upstream, storage_id in record.inputs.items():
                self._readers[Ref(asset=upstream, id=storage_id)].append(record)
        for evaluation in sorted(evaluations, key=lambda e: (e.at, e.event_id)):
            if evaluation.materialization is not None:
                self._verdicts[Ref(asset=evaluation.asset, id=evaluation.materialization)].append(evaluation)

    def with_more(self, other: "Provenance") -> "Provenance":
        """This part of the history and another."""
        both = (self, other)
        return Provenance(
            (record for part in both for of_asset in part._of_asset.values() for record in of_asset),
            (verdict for part in both for of_ref in part._verdicts.values() for verdict in of_ref),
        )

    @property
    def assets(self) -> Collection[str]:
        return self._of_asset.keys()

    def of(self, refs: Iterable[Ref]) -> list[Materialization]:
        """The newest record of each id; what is not known is left out."""
        return [record for ref in refs if (record := self.get(ref)) is not None]

    def get(self, ref: Ref, *, by: datetime | None = None) -> Materialization | None:
        """The record of that id, as it was at `by`; for a remark of ours, the record that it speaks of."""
        found = [m for m in self._of_ref.get(ref, ()) if by is None or m.at <= by]
        if not found:
            return None
        return self._before(found[-1]) if found[-1].kind is RecordKind.REMARK else found[-1]

    def _before(self, remark: Materialization) -> Materialization | None:
        return self.latest(remark.asset, partition=remark.partition, by=remark.at)

    def history(self, asset: str, *, partition: str | None = None) -> list[Materialization]:
        """The asset's records (of one partition), oldest first, our own remarks left out."""
        return [
            m
            for m in self._of_asset.get(asset, ())
            if m.partition == partition and m.kind is not RecordKind.REMARK
        ]

    def records(self, asset: str) -> list[Materialization]:
        """The asset's records of every partition, oldest first, our own remarks left out."""
        return [m for m in self._of_asset.get(asset, ()) if m.kind is not RecordKind.REMARK]

    def latest(
        self, asset: str, *, partition: str | None = None, by: datetime | None = None
    ) -> Materialization | None:
        """The newest record (of one partition) that was there at `by`."""
        newest_first = reversed(self.history(asset, partition=partition))
        return next((m for m in newest_first if by is None or m.at <= by), None)

    def partitions(self, asset: str) -> list[str | None]:
        """The partitions that were ever built, in the order of their first building."""
        return list(dict.fromkeys(m.partition for m in self._of_asset.get(asset, ())))

    def inputs_of(self, record: Materialization) -> dict[str, Materialization | None]:
        """Upstream asset → the record that was read; None where the pointer leads to an event nobody has."""
        return {
            asset: self.get(Ref(asset=asset, id=storage_id), by=record.at)
            for asset, storage_id in record.inputs.items()
        }

    def built_from(self, record: Materialization) -> list[Materialization]:
        """The records that read this one, oldest first."""
        remarks = (m for m in self._of_asset.get(record.asset, ()) if m.kind is RecordKind.REMARK)
        refs = {record.ref, *(remark.ref for remark in remarks if self._before(remark) == record)}
        readers = [r for ref in refs for r in self._readers.get(ref, ()) if self._reads(r, record)]
        return sorted(readers, key=lambda m: (m.at, m.asset, m.id))

    def _reads(self, reader: Materialization, record: Materialization) -> bool:
        return self.get(Ref(asset=record.asset, id=reader.inputs[record.asset]), by=reader.at) == record

    def verdicts_on(self, record: Materialization) -> list[Evaluation]:
        """The newest verdict of each check (and partition) on that very record, oldest first."""
        verdicts = self._verdicts.get(record.ref)
        if verdicts is None:
            return []
        newest = {(e.check, e.partition): e for e in verdicts if e.at >= record.at}
        return sorted(newest.values(), key=lambda e: (e.at, e.event_id))

    def is_bad(self, record: Materialization) -> bool:
        """A check of severity ERROR failed on that very record, and has not passed on it since."""
        verdicts = self._verdicts.get(record.ref)
        return verdicts is not None and any(e.is_bad for e in self.verdicts_on(record))

    def good_before(self, record: Materialization) -> Materialization | None:
        """The newest earlier record of the asset (and partition) that no check found bad."""
        earlier = [m for m in self.history(record.asset, partition=record.partition) if _comes_before(m, record)]
        return next((m for m in reversed(earlier) if not self.is_bad(m)), None)


def _comes_before(a: Materialization, b: Materialization) -> bool:
    return (a.at, a.id) < (b.at, b.id)
