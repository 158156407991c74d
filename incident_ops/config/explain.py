"""What pydantic found wrong → sentences with line, key and remedy.

One row per kind of error. Sentences repeat what was read only through `shown`, which keeps secrets back.
"""

import re
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from incident_ops.config.document import Document, Empty, KeyPath, Problem, written
from incident_ops.config.refusals import EMPTY, FLAWED, REFUSED, nearest, shown

# Keys that exist, but elsewhere: saying "not a known key" would be true and no help.
_MISPLACED: dict[KeyPath, str] = {
    ("route", "matchers"): "the top of the tree matches everything; put it into an entry of route.routes",
    ("route", "continue"): "the top of the tree has nothing beside it; put it into an entry of route.routes",
    ("route", "mute_time_intervals"): "the top of the tree can't be muted; put it into an entry of route.routes",
    ("route", "active_time_intervals"): "the top of the tree can't be muted; put it into an entry of route.routes",
}


def explain(error: ValidationError, document: Document, model: type[BaseModel]) -> Iterator[Problem]:
    """One problem per error, at the line of its key (of the section, where a key is missing)."""
    for details in error.errors(include_url=False, include_context=True):
        path = _path_of(details)
        sentence = _sentence(details, path, model)
        yield Problem(line=document.line_of(path), sentence=sentence)


def _path_of(details: ErrorDetails) -> KeyPath:
    """The path in the file: without pydantic's own marks for keys and for the branches of a union."""
    return tuple(part for part in details["loc"] if part not in ("[key]", "(secret)", "(literal)"))


def _sentence(details: ErrorDetails, path: KeyPath, model: type[BaseModel]) -> str:
    if details["type"] == "extra_forbidden":
        return _unknown_key(path, model)
    if isinstance(details["input"], Empty) and details["type"] != "missing":
        return _empty(path, details["input"])
    return _SENTENCES.get(details["type"], _otherwise)(written(path), details)


def _unknown_key(path: KeyPath, model: type[BaseModel]) -> str:
    if path in _MISPLACED:
        return f"{written(path)}: {_MISPLACED[path]}"
    known = _keys_at(path[:-1], model)
    meant = nearest(str(path[-1]), known)
    remedy = f'did you mean "{meant}"?' if meant else f"known are {', '.join(known)}"
    return f"{written(path)} is not a known key; {remedy}"


def _empty(path: KeyPath, nothing: Empty) -> str:
    if nothing.comment:
        return f'{written(path)} is empty, because an unquoted # begins a comment; put the value in quotes, "#…"'
    return f"{written(path)} is empty; give it a value or remove the key"


def _choice(key: str, details: ErrorDetails) -> str:
    choices = re.findall(r"'([^']*)'", details.get("ctx", {}).get("expected", ""))
    value = details["input"]
    meant = nearest(value, choices) if isinstance(value, str) else None
    remedy = f'did you mean "{meant}"?' if meant else "write one of these"
    return f"{key}: {shown(value)} is not one of {', '.join(choices)}; {remedy}"


def _empty_or_short(key: str, details: ErrorDetails) -> str:
    return f"{key} is empty; add at least one entry"


def _missing(key: str, details: ErrorDetails) -> str:
    return f"{key} is missing; add it"


def _not_a_list(key: str, details: ErrorDetails) -> str:
    return f'{key} must be a list; write [first, second], or one line "- entry" for each'


def _not_a_section(key: str, details: ErrorDetails) -> str:
    last = key.rpartition(".")[2]
    return f"{key} must hold keys of its own, not a single value or a list; write {last}: {{key: value}}"


def _said(key: str, details: ErrorDetails) -> str:
    return f"{key}: {details['msg']}"


def _predicate(key: str, details: ErrorDetails) -> str:
    return f"{key} {details['msg']}"


def _otherwise(key: str, details: ErrorDetails) -> str:
    return f"{key}: {details['msg'].replace('Input should be', 'this should be')}; correct it"


_SENTENCES: dict[str, Callable[[str, ErrorDetails], str]] = {
    REFUSED: _said,
    FLAWED: _predicate,
    EMPTY: lambda key, _: f"{key} is empty; give it a value or remove the key",
    "missing": _missing,
    "literal_error": _choice,
    "enum": _choice,
    "too_short": _empty_or_short,
    "tuple_type": _not_a_list,
    "dict_type": _not_a_section,
    "model_type": _not_a_section,
    "model_attributes_type": _not_a_section,
}


def _keys_at(path: KeyPath, model: type[BaseModel]) -> list[str]:
    """The keys that the section at this path may have."""
    found: Any = model
    for part in path:
        if isinstance(part, str) and isinstance(found, type) and issubclass(found, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in found.model_fields.items()}
            found = _bare(fields.get(part))
        else:
            found = _bare(get_args(found)[-1] if get_origin(found) is dict else next(iter(get_args(found)), None))
    if isinstance(found, type) and issubclass(found, BaseModel):
        return [field.alias or name for name, field in found.model_fields.items()]
    return []


def _bare(annotation: Any) -> Any:
    """The type under Annotated; of a union (optional, or a secret beside a literal) its section or container."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, UnionType):
        members = [_bare(member) for member in get_args(annotation)]
        return next((member for member in members if get_origin(member) or _is_section(member)), None)
    return annotation


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
