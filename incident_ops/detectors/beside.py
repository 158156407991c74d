"""A second asset's data beside the first's, for the rules that look at two."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Unpack, cast

from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.options import with_usable_options
from incident_ops.detectors.reading import ReadError, ReadOptions, opened
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Asset, Target, targets_of

if TYPE_CHECKING:
    from incident_ops.detectors.reading import Data


def one_asset(option: str, asset: Asset) -> Target:
    """
    Raises:
        DetectorError: it is a definition of several.
    """
    found = targets_of([asset])
    if len(found) > 1:
        raise DetectorError(f"{option}=… is a definition of {len(found)} assets: give the key of the one meant")
    return found[0]


def usable_read(own: ReadOptions | None) -> ReadOptions:
    """What is said of the other asset's data.

    Raises:
        DetectorError: a name that there is not, a value of the wrong kind, or a sample.
    """
    if own and "sample" in own:
        raise DetectorError("what a sample of the other table has not, the table may have: leave sample=… out")
    return _usable(**(own or {}))


@with_usable_options
def _usable(**options: Unpack[ReadOptions]) -> ReadOptions:
    return options


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
