"""The entrance: from options to data that can be asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from incident_ops.detectors.reading.options import ReadError, ReadOptions, require_ibis
from incident_ops.detectors.scope import Scope

if TYPE_CHECKING:
    from incident_ops.detectors.reading.data import Data


@contextmanager
def opened(scope: Scope, options: ReadOptions) -> "Iterator[Data]":
    """The asset's table, restricted to the partition, the rows and the sample that are asked for. What was opened
    for it is closed afterwards, what was given open is left open.

    Raises:
        IbisMissing: Ibis is not installed.
        ReadError: the table cannot be found, or not be restricted to the partition.
        Exception: whatever an engine that is down or a file that is locked raises: "could not check".
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
    with reached(scope, options) as place, limited(place.backend, options.get("timeout")) as limit:
        table = restricted(place, scope, options)
        whole = Data(table=table, backend=place.backend, limit=limit)
        yield whole if sample is None else sampled(whole, sample)
