"""Names in one place of the file that must exist in another, names that must be unique, names nobody uses.

Works on the plain data and skips what has the wrong type, so that a wrong type elsewhere in the file does not hide
a wrong name here. Which types are right is `shape`'s.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from incident_ops.config.document import Document, KeyPath, Problem, written
from incident_ops.config.refusals import nearest, shown
from incident_ops.config.shape import BUILT_IN_RECEIVERS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """A kind of name: what it is called and where in the file it is given.

    Attributes:
        defined: pattern of the names, as values (`receivers.*.name`) or as keys (`teams.*`).
        missing: what to say of one that does not exist.
    """

    singular: str
    plural: str
    defined: str
    missing: str
    built_in: tuple[str, ...] = ()


_RECEIVERS = _Names(
    singular="receiver",
    plural="receivers",
    defined="receivers.*.name",
    missing="there is no receiver {}",
    built_in=BUILT_IN_RECEIVERS,
)
_POLICIES = _Names(
    singular="escalation policy",
    plural="escalation_policies",
    defined="escalation_policies.*",
    missing="there is no escalation policy {}",
)
_SCHEDULES = _Names(
    singular="schedule", plural="schedules", defined="schedules.*", missing="there is no schedule {}"
)
_TEAMS = _Names(singular="team", plural="teams", defined="teams.*", missing="unknown team {}")
_INTERVALS = _Names(
    singular="time interval",
    plural="time_intervals",
    defined="time_intervals.*.name",
    missing="there is no time interval {}",
)

# Where a name is used: pattern, kind, and the prefix that makes a text such a name. In a pattern `*` stands for
# any key or entry, and `**` for a route and all routes below it.
_USES: tuple[tuple[str, _Names, str], ...] = (
    ("route.**.receiver", _RECEIVERS, ""),
    ("fallback_receiver", _RECEIVERS, ""),
    ("route.**.escalation_policy", _POLICIES, ""),
    ("teams.*.escalation_policy", _POLICIES, ""),
    ("route.**.mute_time_intervals.*", _INTERVALS, ""),
    ("route.**.active_time_intervals.*", _INTERVALS, ""),
    ("escalation_policies.*.steps.*.notify.*", _SCHEDULES, "schedule:"),
    ("escalation_policies.*.steps.*.notify.*", _TEAMS, "team:"),
    ("escalation_policies.*.steps.*.notify.*", _RECEIVERS, "receiver:"),
    ("consumers.*.*", _TEAMS, "team:"),
    ("subscriptions.*.who", _TEAMS, "team:"),
)

_UNIQUE = ("receivers.*.name", "time_intervals.*.name", "slos.*.name")


def check_references(document: Document) -> Iterator[Problem]:
    """One problem per name that leads nowhere, is given twice, or is a built-in one."""
    for pattern, names, prefix in _USES:
        defined = sorted({name for _, name in _defined(document, names)})
        for path, name in _used(document, pattern, prefix):
            if name.strip() and name not in defined and name not in names.built_in:
                yield Problem(line=document.line_of(path), sentence=_nowhere(path, name, names, defined))
    for pattern in _UNIQUE:
        yield from _twice(document, pattern)
    for path, name in values_at(document, _RECEIVERS.defined):
        if name in BUILT_IN_RECEIVERS:
            sentence = f"{written(path)}: {shown(name)} is built in; choose another name"
            yield Problem(line=document.line_of(path), sentence=sentence)


def check_unused(document: Document) -> Iterator[Problem]:
    """One problem per name that is given and nowhere used. Teams are used by the assets that they own."""
    for names in (_RECEIVERS, _POLICIES, _SCHEDULES, _INTERVALS):
        uses = [(pattern, prefix) for pattern, kind, prefix in _USES if kind is names]
        used = {name for pattern, prefix in uses for _, name in _used(document, pattern, prefix)}
        for path, name in _defined(document, names):
            if name not in used:
                sentence = f"{written(path)}: nothing uses the {names.singular} {shown(name)}; use it or remove it"
                yield Problem(line=document.line_of(path), sentence=sentence)


def _nowhere(path: KeyPath, name: str, names: _Names, defined: list[str]) -> str:
    defined = [other for other in defined if other not in names.built_in]
    listed = ", ".join(defined[:12]) + (f" and {len(defined) - 12} more" if len(defined) > 12 else "")
    built_in = f"the built-in {', '.join(names.built_in)}" if names.built_in else ""
    both = " and ".join(filter(None, (listed, built_in)))
    meant = nearest(name, defined) if len(defined) > 12 else None
    if meant:
        remedy = f'did you mean "{meant}"?'
    elif both:
        remedy = f"defined are {both}"
    else:
        remedy = f"none are defined; add it under {names.plural}"
    return f"{written(path)}: {names.missing.format(shown(name))}; {remedy}"


def _twice(document: Document, pattern: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for path, name in values_at(document, pattern):
        if isinstance(name, str):
            line = document.line_of(path)
            if name in first:
                sentence = f"{written(path)}: {shown(name)} is already the name of the one in line {first[name]}"
                yield Problem(line=line, sentence=f"{sentence}; choose another name")
            first.setdefault(name, line)


def _defined(document: Document, names: _Names) -> Iterator[tuple[KeyPath, str]]:
    for path, value in values_at(document, names.defined):
        name = value if names.defined.endswith(".name") else path[-1]
        if isinstance(name, str):
            yield path, name


def _used(document: Document, pattern: str, prefix: str) -> Iterator[tuple[KeyPath, str]]:
    for path, value in values_at(document, pattern):
        if isinstance(value, str) and value.startswith(prefix):
            yield path, value.removeprefix(prefix)


def values_at(document: Document, pattern: str) -> Iterator[tuple[KeyPath, Any]]:
    """Every value that the pattern leads to, with its path. What has another shape is passed over."""
    found: list[tuple[KeyPath, Any]] = [((), document.data)]
    for part in pattern.split("."):
        found = [((*path, *more), item) for path, value in found for more, item in _step(value, part)]
    yield from found


def _step(value: Any, part: str) -> Iterator[tuple[KeyPath, Any]]:
    match part:
        case "**":
            return _routes_below(value)
        case "*":
            return _entries(value)
        case key:
            return _entry(value, key)


def _entry(value: Any, key: str) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict) and key in value:
        yield (key,), value[key]


def _entries(value: Any) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (key,), item
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield (place,), item


def _routes_below(value: Any) -> Iterator[tuple[KeyPath, Any]]:
    yield (), value
    if isinstance(value, dict):
        for (place, *_), route in _entries(value.get("routes")):
            for more, below in _routes_below(route):
                yield ("routes", place, *more), below
