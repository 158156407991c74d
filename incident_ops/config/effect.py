"""Which keys of the file have no effect in this version. When a feature arrives, its row goes.

Everything in the file is read and checked, whatever this table says.
"""

from collections.abc import Iterator

from pydantic import BaseModel

from incident_ops.config.shape import Config, Route

_WITHOUT = "read and checked, but without effect in this version"

# A key covers all that is below it; `*` stands for any name or entry.
_NOT_YET = (
    "receivers.*.pagerduty",
    "receivers.*.email",
    "receivers.*.webhook",
    "receivers.*.apprise",
    "slos",
)


def not_yet_effective(config: Config) -> list[str]:
    """A sentence for each key that the file has and this version does not act on, in the order of the shape."""
    keys = dict.fromkeys(_without_effect(config, ""))
    return [f"{key}: {_WITHOUT}." for key in keys] + list(_unreachable_receivers(config))


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


def _unreachable_receivers(config: Config) -> Iterator[str]:
    """Where a receiver is named that has nothing but kinds of sink that this version cannot write to."""
    for key, name in _named_receivers(config):
        receiver = config.receiver_named(name)
        if receiver is None or receiver.slack is not None:
            continue
        instead = (
            "the default channel takes its place"
            if key == "fallback_receiver"
            else "delivered to the fallback receiver"
        )
        kinds = ", ".join(receiver.kinds_beyond)
        yield f'{key}: "{name}" has only {kinds}, which this version cannot write to; {instead}.'


def _named_receivers(config: Config) -> Iterator[tuple[str, str]]:
    """Every use of a receiver: its key and the name."""
    yield "route.receiver", config.route.receiver
    yield from _named_below("route", config.route.routes)
    for name, policy in config.escalation_policies.items():
        for place, step in enumerate(policy.steps):
            for target in step.notify:
                if target.startswith("receiver:"):
                    yield f"escalation_policies.{name}.steps[{place}]", target.removeprefix("receiver:")
    if config.fallback_receiver:
        yield "fallback_receiver", config.fallback_receiver


def _named_below(path: str, routes: tuple[Route, ...]) -> Iterator[tuple[str, str]]:
    for place, route in enumerate(routes):
        key = f"{path}.routes[{place}]"
        if route.receiver:
            yield f"{key}.receiver", route.receiver
        yield from _named_below(key, route.routes)
