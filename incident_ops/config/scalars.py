"""Text, answers, numbers and matchers.

Every reader here and in `times` and `addresses` takes what stands in the file and refuses anything else with a
sentence that ends in a remedy. Which key holds which type is `shape`'s; finding the line is `explain`'s.
"""

from collections.abc import Callable
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

from incident_ops.config.document import Empty
from incident_ops.config.refusals import EMPTY, refusal, shown, text_of
from incident_ops.core.matching import Matcher, MatcherSyntaxError, parse_matcher


def read_flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = "" if isinstance(value, (int, float)) else text_of(value).lower()
    if word in ("yes", "on"):
        return True
    if word in ("no", "off"):
        return False
    raise refusal(f"{shown(value)} is not an answer; write true or false")


def read_matcher(value: object) -> Matcher:
    try:
        return parse_matcher(text_of(value))
    except MatcherSyntaxError as error:
        raise refusal(str(error)) from None


def read_whole_number(value: object) -> int:
    if isinstance(value, Empty):
        raise PydanticCustomError(EMPTY, "empty")
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise refusal(f"{shown(value)} is not a whole number; write 0, 1, 2 or more, without quotes")
    return value


def read_port(value: object) -> int:
    if isinstance(value, Empty):
        raise PydanticCustomError(EMPTY, "empty")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65_536:
        raise refusal(f"{shown(value)} is not a port; write a number from 1 to 65535, without quotes")
    return value


def _read_number(value: object, holds: Callable[[float], bool], remedy: str) -> float:
    if isinstance(value, Empty):
        raise PydanticCustomError(EMPTY, "empty")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not holds(float(value)):
        raise refusal(f"{shown(value)} does not fit; write {remedy}")
    return float(value)


def read_share(value: object) -> float:
    return _read_number(value, lambda number: 0 < number < 1, "a share between 0 and 1, such as 0.99")


def read_factor(value: object) -> float:
    return _read_number(value, lambda number: number > 0, "a factor above 0, such as 6.0")


Text: TypeAlias = Annotated[str, BeforeValidator(text_of)]
Flag: TypeAlias = Annotated[bool, BeforeValidator(read_flag)]
MatcherText: TypeAlias = Annotated[
    Matcher, PlainValidator(read_matcher), PlainSerializer(str, return_type=str, when_used="json")
]
WholeNumber: TypeAlias = Annotated[int, BeforeValidator(read_whole_number)]
Port: TypeAlias = Annotated[int, BeforeValidator(read_port)]
Share: TypeAlias = Annotated[float, BeforeValidator(read_share)]
Factor: TypeAlias = Annotated[float, BeforeValidator(read_factor)]
