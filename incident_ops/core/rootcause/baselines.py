"""Which good record a bad one is compared with: docs/adr/0008."""

from incident_ops.core.by_time import newest_records
from incident_ops.core.provenance import Materialization, Provenance, Ref


class Baselines:
    """The good records of a history, for one failing check (None: for any)."""

    def __init__(self, provenance: Provenance, *, check: str | None) -> None:
        self._history, self._check = provenance, check

    def counterpart(self, reader: Materialization, record: Materialization) -> Materialization | None:
        """What a good build had read where the failing one read `record`; for an earlier build of the same asset
        the good build itself."""
        if (reader.asset, reader.partition) == (record.asset, record.partition):
            return reader
        if record.asset in reader.inputs:
            return self._history.get(Ref(asset=record.asset, id=reader.inputs[record.asset]), by=reader.at)
        by = reader.ready_at or reader.at
        same = self._history.latest(record.asset, partition=record.partition, by=by)
        return same or next(iter(newest_records(self._history, record.asset, reader.partition, by=by)), None)

    def read_before(self, reader: Materialization | None, record: Materialization) -> Materialization | None:
        """What the reader's previous good build had read, if that was an earlier record, and good as well."""
        previous = self._history.good_before(reader) if reader else None
        read = self._history.inputs_of(previous).get(record.asset) if previous else None
        is_earlier = read is not None and (read.at, read.id) < (record.at, record.id)
        return read if read is not None and is_earlier and not self._history.is_bad(read) else None

    def good_for(self, record: Materialization, read: Materialization | None) -> Materialization | None:
        """What to compare it with: what a good build had read, else the previous good one. Partitions differ for
        good reasons, so another one serves only while a partition has no good past of its own."""
        if read is not None and read.partition == record.partition:
            return read
        own = self._history.good_before(record)
        if own is not None or read is not None or record.partition is None:
            return own or read
        return next((m for m in reversed(self._earlier(record)) if not self._history.is_bad(m)), None)

    def verified_before(self, record: Materialization) -> Materialization | None:
        """The newest earlier record on which the failing check passed: of the same partition, or of any if this
        one has no good past."""
        passed = [m for m in self._earlier(record) if self._was_verified(m)]
        same = [m for m in passed if m.partition == record.partition]
        if same or (record.partition is not None and self._history.good_before(record) is not None):
            return same[-1] if same else None
        return passed[-1] if passed else None

    def _was_verified(self, record: Materialization) -> bool:
        verdicts = self._history.verdicts_on(record)
        if self._check is not None:
            return any(v.passed for v in verdicts if v.check == self._check)
        return any(v.passed for v in verdicts) and not self._history.is_bad(record)

    def _earlier(self, record: Materialization) -> list[Materialization]:
        return [m for m in self._history.records(record.asset) if (m.at, m.id) < (record.at, record.id)]
