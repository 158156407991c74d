"""Options of several kinds in one call: each part of a detector takes its own. All are checked when a factory is
called: what is wrong in them would else be found by the first run, at night."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import wraps
from inspect import Parameter, signature
from math import inf
from numbers import Real
from typing import Any, ParamSpec, TypeVar, cast, get_args

from incident_ops.core.durations import DurationSyntaxError, parse_duration
from incident_ops.detectors.factory import CheckOptions, DetectorError

Kind = TypeVar("Kind")
Given = ParamSpec("Given")
Built = TypeVar("Built")


def only(options: Mapping[str, Any], kind: type[Kind]) -> Kind:
    """The options that the typed dictionary `kind` names."""
    return cast("Kind", {name: value for name, value in options.items() if name in kind.__annotations__})


def besides(options: Mapping[str, Any], *kinds: type[Any]) -> CheckOptions:
    """The options that none of `kinds` names: those of checks."""
    taken = {name for kind in kinds for name in kind.__annotations__}
    return cast("CheckOptions", {name: value for name, value in options.items() if name not in taken})


def with_usable_options(build: Callable[Given, Built]) -> Callable[Given, Built]:
    """The factory, called only with options that there are and that can be used: a duration may be written `30s`,
    a holiday `2026-12-25`. Its `**options` are unpacked from a typed dictionary, which says what there is.

    Raises (when called):
        DetectorError: a name that there is not, or a value of the wrong kind.
    """
    parameters = signature(build).parameters.values()
    own = {parameter.name for parameter in parameters if parameter.kind is not Parameter.VAR_KEYWORD}
    (kind,) = get_args(next(p.annotation for p in parameters if p.kind is Parameter.VAR_KEYWORD))
    named: set[str] = set(kind.__annotations__)

    @wraps(build)
    def checked(*args: Given.args, **kwargs: Given.kwargs) -> Built:
        unknown = sorted(kwargs.keys() - named - own)
        if unknown:
            known = ", ".join(sorted(named | own - {"assets"}))
            raise DetectorError(f"there is no option {', '.join(unknown)}: there are {known}")
        for name in kwargs.keys() & named & _USABLE.keys():
            kwargs[name] = _USABLE[name](kwargs[name])
        return build(*args, **kwargs)

    return checked


def require_whole(name: str, value: object, *, least: int) -> int:
    """
    Raises:
        DetectorError: `value` is no whole number of at least `least`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise DetectorError(f"{name}={value!r} is not a whole number of at least {least}")
    return value


def _sensitivity(value: object) -> float:
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < float(value) < inf:
        raise DetectorError(f"sensitivity={value!r} is not positive: 1 is usual, 2 halves the room to the bounds")
    return float(value)


def _timeout(value: object) -> timedelta:
    try:
        length = parse_duration(value) if isinstance(value, str) else value
    except DurationSyntaxError as error:
        raise DetectorError(f"timeout={value!r}: {error}") from error
    if not isinstance(length, timedelta) or length <= timedelta():
        raise DetectorError(
            f"timeout={value!r} leaves no time: give a positive timedelta, or a text such as '30s'"
        )
    return length


def _sample(value: object) -> int:
    return require_whole("sample", value, least=1)


def _dimensions(value: object) -> Sequence[str]:
    names = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    columns = [name for name in cast("Sequence[object]", names) if isinstance(name, str)]
    if not columns or len({name.casefold() for name in columns}) < len(names):
        raise DetectorError(f"dimensions={value!r} is no list of columns, such as ['channel'], each once")
    return columns


def _holidays(value: object) -> frozenset[date]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise DetectorError(f"holidays={value!r} is no list of dates: give [{value!r}]")
    return frozenset(_day(each) for each in cast("Iterable[object]", value))


def _day(value: object) -> date:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise DetectorError(f"the holiday {value!r} is no date, write it like 2026-12-25") from error
    if isinstance(day, datetime):
        return day.date()
    if not isinstance(day, date):
        raise DetectorError(f"the holiday {value!r} is no date, write it like 2026-12-25")
    return day


_USABLE: Mapping[str, Callable[[object], object]] = {
    "sensitivity": _sensitivity,
    "timeout": _timeout,
    "sample": _sample,
    "holidays": _holidays,
    "dimensions": _dimensions,
}
