"""Which keys of the file have no effect in this version. When a feature arrives, its row goes.

Everything in the file is read and checked, whatever this table says.
"""

from collections.abc import Iterator

from pydantic import BaseModel

from incident_ops.config.shape import Config

_WITHOUT = "read and checked, but without effect in this version"

# A key covers all that is below it; `*` stands for any name or entry.
_NOT_YET = ("slos",)


def not_yet_effective(config: Config) -> list[str]:
    """A sentence for each key that the file has and this version does not act on, in the order of the shape."""
    keys = dict.fromkeys(_without_effect(config, ""))
    return [f"{key}: {_WITHOUT}." for key in keys]


def _without_effect(value: object, place: str) -> Iterator[str]:
    for name, item in _present(value, place):
        if name in _NOT_YET:
            yield name
        else:
            yield from _without_effect(item, name)


def _present(value: object, place: str) -> Iterator[tuple[str, object]]:
    below = f"{place}." if place else ""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            item = getattr(value, name)
            if name in value.model_fields_set and item not in ((), {}):
                yield f"{below}{field.alias or name}", item
    elif isinstance(value, dict):
        for item in value.values():
            yield f"{below}*", item
    elif isinstance(value, tuple):
        for item in value:
            yield f"{below}*", item
