"""Options of several kinds in one call: each part of a detector takes its own."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from incident_ops.detectors.factory import CheckOptions

Kind = TypeVar("Kind")


def only(options: Mapping[str, Any], kind: type[Kind]) -> Kind:
    """The options that the typed dictionary `kind` names."""
    return cast("Kind", {name: value for name, value in options.items() if name in kind.__annotations__})


def besides(options: Mapping[str, Any], *kinds: type[Any]) -> CheckOptions:
    """The options that none of `kinds` names: those of checks, and the misspelt, which `build_checks` refuses."""
    taken = {name for kind in kinds for name in kind.__annotations__}
    return cast("CheckOptions", {name: value for name, value in options.items() if name not in taken})
