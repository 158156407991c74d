"""Which keys of the file have an effect in this version. When a feature arrives, its row arrives here.

Everything in the file is read and checked, whatever this table says.
"""

from collections.abc import Iterator

from pydantic import BaseModel

from incident_ops.config.shape import Config

_WITHOUT = "read and checked, but without effect in this version"

# A key covers all that is below it; `*` stands for any name or entry.
_EFFECTIVE = (
    "environment",
    "database_url",
    "dagster_url",
    "slack",
    "teams.*.slack",
    "people.*.slack",
    "route.receiver",
    "route.repeat_interval",
    "receivers.*.name",
    "receivers.*.slack",
    "fallback_receiver",
    "expected_events",
    "severity",
    "consumers",
    "group_window",
    "reopen_within",
    "resolve_after",
)

_EFFECTIVE_BUILT_IN = ("owner", "default")


def not_yet_effective(config: Config) -> list[str]:
    """A sentence for each key that the file has and this version does not act on, in the order of the shape."""
    keys = dict.fromkeys(_without_effect(config, ""))
    return [f"{key}: {_WITHOUT}." for key in keys] + list(_receivers_without_slack(config))


def _without_effect(value: object, place: str) -> Iterator[str]:
    for name, item in _present(value, place):
        if name in _EFFECTIVE:
            continue
        if any(effective.startswith(f"{name}.") for effective in _EFFECTIVE):
            yield from _without_effect(item, name)
        else:
            yield name


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


def _receivers_without_slack(config: Config) -> Iterator[str]:
    """The keys whose effect depends on their value: only owner, default and Slack can be delivered to as yet."""
    uses = {"route.receiver": config.route.receiver, "fallback_receiver": config.fallback_receiver}
    for key, name in uses.items():
        receiver = config.receiver_named(name) if name else None
        delivers = name in _EFFECTIVE_BUILT_IN or (receiver is not None and receiver.slack is not None)
        if name and not delivers:
            yield f'{key}: {_WITHOUT}, because "{name}" does not lead to Slack.'
