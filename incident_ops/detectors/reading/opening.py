"""The entrance: from options to data that can be asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from incident_ops.core.durations import parse_duration
from incident_ops.core.errors import IncidentOpsError
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
        ReadError: the source cannot be opened, the table cannot be found, or not be restricted to the partition;
            where the asset has columns tagged `pii`, also in place of whatever is raised while it is read.
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
        _values_withheld(scope),
        reached(scope, options) as place,
        limited(place.backend, _timeout(options)) as limit,
    ):
        table = restricted(place, scope, options)
        whole = Data(table=table, backend=place.backend, limit=limit, is_pandas=place.is_pandas)
        yield whole if sample is None else sampled(whole, sample)


@contextmanager
def _values_withheld(scope: Scope) -> Iterator[None]:
    """Around all that is read of an asset: an engine's error quotes the value that it could not read, and would
    keep personal data in the event log. The class and the place in the code stay, the text and the causes go."""
    if not scope.pii:
        yield
        return
    try:
        yield
    except (IncidentOpsError, dg.RetryRequested) as error:  # the text is ours, or none: what caused it is not
        raise error from None
    except Exception as error:  # noqa: BLE001 - every engine and every IO manager has errors of its own
        kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
        raise ReadError(
            f"{kind} was raised while {scope.target.name} was read. What it says is withheld, since it may quote "
            "values of the columns tagged pii: read the table by hand to see it"
        ).with_traceback(error.__traceback__) from None


def _timeout(options: ReadOptions) -> timedelta | None:
    given = options.get("timeout")
    return parse_duration(given) if isinstance(given, str) else given
