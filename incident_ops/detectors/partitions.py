"""What a partition key stands for: a time, and the series that it is a point of.

Partitions of time are the points of one series. Of an asset with a time dimension and another one (days × regions)
there is a series for each key of the other; partitions without any time are a series each.
"""

from datetime import datetime
from typing import Any, TypeAlias

import dagster as dg

Definition: TypeAlias = dg.PartitionsDefinition[Any] | None
Window: TypeAlias = tuple[datetime, datetime]


def window_of(definition: Definition, key: str | None) -> Window | None:
    """The start and end of the key's time; None where it has none.

    Raises:
        ValueError: the key is not one of the calendar.
    """
    calendar, moment = _time_in(definition, key)
    if calendar is None or moment is None:
        return None
    window = calendar.time_window_for_partition_key(moment)
    return window.start, window.end


def series_of(definition: Definition, key: str | None) -> str | None:
    """Which series the partition is a point of; None for the only one."""
    if key is None or isinstance(definition, dg.TimeWindowPartitionsDefinition):
        return None
    dimension = _dimension_of_time(definition) if isinstance(definition, dg.MultiPartitionsDefinition) else None
    if not isinstance(definition, dg.MultiPartitionsDefinition) or dimension is None:
        return key
    keys = _keys_of(definition, key)
    return key if keys is None else "|".join(part for name, part in keys.items() if name != dimension[0])


def keys_near(definition: Definition, key: str | None, *, before: int, after: int) -> list[str] | None:
    """The partitions of the key's series, as many on either side by their time, whether they were built or not;
    None for an asset without partitions."""
    if key is None:
        return None
    calendar, moment = _time_in(definition, key)
    if calendar is None or moment is None:
        return [key]
    start, end = calendar.time_window_for_partition_key(moment)
    reach = dg.TimeWindow(start - before * (end - start), end + after * (end - start))
    moments = calendar.get_partition_keys_in_time_window(reach)
    if not isinstance(definition, dg.MultiPartitionsDefinition):
        return list(moments)
    dimension, keys = _dimension_of_time(definition), _keys_of(definition, key)
    assert dimension is not None and keys is not None, "it has a time"
    return ["|".join({**keys, dimension[0]: each}.values()) for each in moments]


def is_known(definition: Definition, key: str | None) -> bool:
    """Whether the key is one of today's partitions by its time: it is not where the calendar was another once."""
    calendar, moment = _time_in(definition, key)
    return calendar is not None and moment is not None and calendar.has_partition_key(moment)


def has_time(definition: Definition) -> bool:
    if isinstance(definition, dg.MultiPartitionsDefinition):
        return _dimension_of_time(definition) is not None
    return isinstance(definition, dg.TimeWindowPartitionsDefinition)


def _time_in(
    definition: Definition, key: str | None
) -> tuple[dg.TimeWindowPartitionsDefinition | None, str | None]:
    if key is None:
        return None, None
    if isinstance(definition, dg.TimeWindowPartitionsDefinition):
        return definition, key
    if not isinstance(definition, dg.MultiPartitionsDefinition):
        return None, None
    dimension, keys = _dimension_of_time(definition), _keys_of(definition, key)
    if dimension is None or keys is None:
        return None, None
    name, calendar = dimension
    return calendar, keys[name]


def _dimension_of_time(
    definition: dg.MultiPartitionsDefinition,
) -> tuple[str, dg.TimeWindowPartitionsDefinition] | None:
    """Of two times neither is *the* time."""
    found = [
        (each.name, each.partitions_def)
        for each in definition.partitions_defs
        if isinstance(each.partitions_def, dg.TimeWindowPartitionsDefinition)
    ]
    return found[0] if len(found) == 1 else None


def _keys_of(definition: dg.MultiPartitionsDefinition, key: str) -> dict[str, str] | None:
    """By dimension; None for a key of other dimensions than today's."""
    names = sorted(definition.partition_dimension_names)
    keys = key.split("|")
    return dict(zip(names, keys, strict=True)) if len(keys) == len(names) else None
