"""What a build most probably read, where no pointer says it: the newest that was there."""

from datetime import datetime

from incident_ops.core.provenance import Materialization, Provenance


def newest_records(
    provenance: Provenance, asset: str, partition: str | None, *, by: datetime
) -> list[Materialization]:
    """The newest record of the same partition at `by`; of an asset without that partition the newest of each, for
    all of them may have been read. Oldest first."""
    records = [m for m in provenance.records(asset) if m.at <= by]
    same = [m for m in records if m.partition == partition]
    if same:
        return same[-1:]
    newest = {m.partition: m for m in records}
    return sorted(newest.values(), key=lambda m: (m.at, m.id))
