"""The columns that a contract declares: how people write them, and what cannot be meant."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import dagster as dg

from incident_ops.core.provenance import Column
from incident_ops.core.type_names import meant_instead
from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.schema_memory import Columns
from incident_ops.detectors.targets import Target, schema_in

Contract: TypeAlias = Mapping[str, str] | Sequence[str] | Sequence[dg.TableColumn] | dg.TableSchema


def contracted(contract: Contract | Literal[True], target: Target) -> Columns:
    """The columns that must be there; a type of "" is any.

    Args:
        contract: True for those that the definition of the asset declares.

    Raises:
        DetectorError: there are none, or the type of one is no text, or a slip of the pen.
    """
    columns = tuple(_columns(contract, target))
    if not columns and contract is True:
        raise DetectorError(
            f"the definition of {target.name} declares no columns: give it the metadata dagster/column_schema "
            "(and the definition to this call, not its key alone), or name the columns in contract={…}"
        )
    if not columns:
        raise DetectorError("the contract names no column: leave it out to look for drift")
    for column in columns:
        _require_type(column, target)
    return columns


def _columns(contract: Contract | Literal[True], target: Target) -> Iterator[Column]:
    declared = schema_in(target.metadata) if contract is True else contract
    if isinstance(declared, str):
        raise DetectorError(f"a contract is a mapping or a list of columns, such as [{declared!r}]")
    if isinstance(declared, Mapping):
        yield from (Column(name=name, type=kind) for name, kind in declared.items())
        return
    for column in declared.columns if isinstance(declared, dg.TableSchema) else declared or ():
        is_typed = isinstance(column, dg.TableColumn)
        yield Column(name=column.name, type=column.type) if is_typed else Column(name=column, type="")


def _require_type(column: Column, target: Target) -> None:
    declared: object = column.type
    said = f"the contract of {target.name} has the column {column.name} of type {declared!r}"
    if not isinstance(declared, str):
        raise DetectorError(f"{said}: write its name as a text, such as 'integer'")
    nearest = meant_instead(declared)
    if nearest is not None:
        raise DetectorError(
            f"{said}, which is none: {nearest} is the nearest (leave a type of your own making empty, '')"
        )
