"""What sinks publish about the form of their requests, as JSON schemas with their sources."""

import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft7Validator, FormatChecker

_formats = FormatChecker()
_REFERENCE = re.compile(
    r"(?:[\w\-.~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*", re.ASCII
)  # RFC 3986, characters only


@_formats.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@_formats.checks("uri", raises=ValueError)
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or (bool(urlsplit(value).scheme) and _is_reference(value))


@_formats.checks("uri-reference", raises=ValueError)
def _is_reference(value: object) -> bool:
    return not isinstance(value, str) or bool(_REFERENCE.fullmatch(value))


@cache
def _validator(name: str) -> Draft7Validator:
    schema = json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema, format_checker=_formats)


def violations(name: str, value: Any) -> list[str]:
    """What of `value` the schema of that name does not allow."""
    return [f"{error.json_path}: {error.message[:200]}" for error in _validator(name).iter_errors(value)]
