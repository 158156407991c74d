"""Secrets taken out of a message once more, just before it leaves: whatever forgot to do so before."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, TypeVar, cast

from incident_ops.core.error_text import redact
from incident_ops.core.plain_text import clean

Value = TypeVar("Value")


def without_secrets(value: Value) -> Value:
    """The same value, every string in it redacted (`core.error_text`), however deep: in tuples, mappings and
    dataclasses, and without control characters (`core.plain_text`). What holds neither is the very same object."""
    return cast(Value, _cleansed(value))


def _cleansed(value: Any) -> Any:
    if value is None or isinstance(value, Enum | int | float | datetime):
        return value
    if isinstance(value, str):
        clean = _redacted(value)
        return value if clean == value else clean
    if isinstance(value, tuple):
        known_items = cast(tuple[Any, ...], value)
        items = tuple(_cleansed(item) for item in known_items)
        return known_items if _is_same(items, known_items) else items
    if isinstance(value, dict | MappingProxyType):
        known = cast(Mapping[Any, Any], value)
        changed = {_cleansed(key): _cleansed(item) for key, item in known.items()}
        is_same = len(changed) == len(known) and all(changed.get(key) is item for key, item in known.items())
        return known if is_same else MappingProxyType(changed)
    if is_dataclass(value) and not isinstance(value, type):
        before = [(name, getattr(value, name)) for name in _names(type(value))]
        changed = {name: clean for name, item in before if (clean := _cleansed(item)) is not item}
        return replace(cast(Any, value), **changed) if changed else value
    return value


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _is_same(items: tuple[Any, ...], before: tuple[Any, ...]) -> bool:
    return all(one is other for one, other in zip(items, before, strict=True))


@lru_cache(maxsize=4096)
def _redacted(text: str) -> str:
    """Remembered: names, owners and labels come again and again, an error with each change of its incident."""
    cleaned = clean(text)
    if not _MAY_HOLD_ONE.search(text) and not _MAY_HOLD_ONE.search(cleaned):
        return cleaned
    return redact(text)


# Every pattern of `error_text` contains one of these. Most strings of a message are names and times, and twenty
# patterns tried on each would cost more than sending it.
_MAY_HOLD_ONE = re.compile(
    r"@|-----begin|bearer|basic|pass|pwd|secret|token|key|credential|authorization|sas|sig|-u|-user|mysql|mariadb"
    r"|xox|xapp|gh[pousr]_|github_pat|glpat|[sr]k_live|dapi|sk-|akia|asia|aiza|eyj|hooks\.slack",
    re.IGNORECASE,
)
