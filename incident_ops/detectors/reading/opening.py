"""The entrance: from options to data that can be asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from incident_ops.core.durations import parse_duration
from incident_ops.detectors.reading.options import ReadError, ReadOptions, require_ibis
from incident_ops.detectors.reading.withholding import withheld
from incident_ops.detectors.scope import Scope

if TYPE_CHECKING:
    from incident_ops.detectors.reading.data import Data


@contextmanager
def opened(scope: Scope, options: ReadOptions) -> "Iterator[Data]":
    """The asset's table, restricted to the partition, the rows and the sample that are asked for. What was opened
    for it is closed afterwards, what was given open is left open.

    Raises:
        IbisMissing: Ibis is not installed.
        ReadError: the source cannot be opened, the table cannot be found, or not be restricted to the partition;
            also in place of what is raised while it is read and tells a password, or anything where the asset
            has columns tagged `pii`.
        Exception: whatever the engine raises while it reads: "could not check".
    """
    require_ibis()
    # Ibis is optional: these modules import it
    from incident_ops.detectors.reading.data import Data
    from incident_ops.detectors.reading.restriction import restricted, sampled
    from incident_ops.detectors.reading.sources import reached
    from incident_ops.detectors.reading.timeouts import limited

    sample = options.get("sample")
    if sample is not None and sample < 1:
        raise ReadError(f"sample={sample} reads no row: give a number of rows, or leave it out")
    with (
        withheld(scope),
        reached(scope, options) as place,
        limited(place.backend, _timeout(options)) as limit,
    ):
        table = restricted(place, scope, options)
        whole = Data(table=table, backend=place.backend, limit=limit, is_pandas=place.is_pandas)
        yield whole if sample is None else sampled(whole, sample)


def _timeout(options: ReadOptions) -> timedelta | None:
    given = options.get("timeout")
    return parse_duration(given) if isinstance(given, str) else given
