"""Secrets taken out of a message once more, just before it leaves: whatever forgot to do so before."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar, cast

from incident_ops.core.error_text import redact

Value = TypeVar("Value")


def without_secrets(value: Value) -> Value:
    """The same value, every string in it redacted (`core.error_text`), however deep: in tuples, mappings and
    dataclasses. What holds no secret is the very same object."""
    return cast(Value, _cleansed(value))


def _cleansed(value: Any) -> Any:
    if isinstance(value, str):
        return value if isinstance(value, Enum) or not value else _redacted(value)
    if isinstance(value, tuple):
        items = tuple(_cleansed(item) for item in cast(tuple[Any, ...], value))
        return value if _is_same(items, cast(tuple[Any, ...], value)) else items
    if isinstance(value, Mapping):
        known = cast(Mapping[Any, Any], value)
        changed = {_cleansed(key): _cleansed(item) for key, item in known.items()}
        is_same = len(changed) == len(known) and all(changed.get(key) is item for key, item in known.items())
        return known if is_same else MappingProxyType(changed)
    if is_dataclass(value) and not isinstance(value, type):
        before = {field.name: getattr(value, field.name) for field in fields(value)}
        changed = {name: clean for name, item in before.items() if (clean := _cleansed(item)) is not item}
        return replace(cast(Any, value), **changed) if changed else value
    return value


def _is_same(items: tuple[Any, ...], before: tuple[Any, ...]) -> bool:
    return all(one is other for one, other in zip(items, before, strict=True))


@lru_cache(maxsize=4096)
def _remembered(text: str) -> str:
    return redact(text)


def _redacted(text: str) -> str:
    """Short ones come again and again: names, owners, labels."""
    clean = _remembered(text) if len(text) <= _SHORT else redact(text)
    return text if clean == text else clean


_SHORT = 300
