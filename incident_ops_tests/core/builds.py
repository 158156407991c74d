"""Past builds for the tests of habits and forecasts: days of a warehouse in a few words."""

import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta

from incident_ops.core.provenance import Materialization, RecordKind
from incident_ops_tests.builders import T0

_ids = itertools.count(1)


def built(
    asset: str,
    at: datetime,
    *,
    took: float | None = None,
    reads: Mapping[str, Materialization] | None = None,
    partition: str | None = None,
    kind: RecordKind = RecordKind.MATERIALIZATION,
) -> Materialization:
    """One record; `took` is in minutes, None where the run does not tell."""
    return Materialization(
        asset=asset,
        id=next(_ids),
        at=at,
        kind=kind,
        partition=partition,
        inputs={up: record.id for up, record in (reads or {}).items()},
        ready_at=None if took is None else at - timedelta(minutes=took),
    )


def chain(**minutes: float) -> list[Materialization]:
    """Fourteen days, up to this morning's 06:00, of assets each built at once from the one before it."""
    records: list[Materialization] = []
    for day in range(14):
        moment, above = T0 - timedelta(days=14 - day, hours=3), dict[str, Materialization]()
        for asset, took in minutes.items():
            moment += timedelta(minutes=took)
            record = built(asset, moment, took=took, reads=above)
            records.append(record)
            above = {asset: record}
    return records
