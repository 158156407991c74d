"""A second asset's data beside the first's, for the rules that look at two."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from incident_ops.detectors.reading import ReadError, ReadOptions, opened
from incident_ops.detectors.scope import Scope

if TYPE_CHECKING:
    from incident_ops.detectors.reading import Data


@contextmanager
def opened_beside(data: "Data", there: Scope, read: ReadOptions, own: ReadOptions) -> "Iterator[Data]":
    """The other asset's data: in the session of the first where both are in one place, so that one query can look
    at both.

    Args:
        data: of the first asset, read with `read`.
        own: what is said of the other's data; without a source it is where the first's is.

    Raises:
        ReadError: as `opened`; or the first's source is a table by itself, and nothing is said of the other's.
    """
    options: dict[str, Any] = {**own}
    if "timeout" in read:
        options.setdefault("timeout", read["timeout"])
    source = read.get("source")
    if "source" not in own and source is not None:
        options["source"] = _source(data, there, source)
    with opened(there, cast("ReadOptions", options)) as found:
        yield found


def _source(data: "Data", there: Scope, source: Any) -> Any:
    if callable(source):
        parameters = inspect.signature(source).parameters.values()
        depends = any(parameter.default is parameter.empty for parameter in parameters)
        return source if depends else data.backend
    from ibis.backends import BaseBackend

    is_place = isinstance(source, str | BaseBackend) or type(source).__name__ == "DuckDBPyConnection"
    if not is_place:
        raise ReadError(
            f"the source is a table by itself, a {type(source).__name__}: say where the data of "
            f"{there.target.name} is, as a source of its own"
        )
    return data.backend
