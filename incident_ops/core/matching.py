"""Matchers: Alertmanager's `= != =~ !~` over a set of labels.

Reading a matcher's text and asking it lives here. Which labels an incident has, and what follows from a
match, is routing's and muting's.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_HOW_TO = 'write it like severity = "SEV1", with one of = != =~ !~'

# Label names: Alertmanager's, and what asset keys and tags bring along (`tag:incident_ops/tier`).
_PARTS = re.compile(r"\s*(?P<label>[A-Za-z0-9_:/.\-]+)\s*(?P<op>=~|!~|!=|=)\s*(?P<value>.*?)\s*", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\n])')
_UNESCAPED = {'"': '"', "\\": "\\", "n": "\n"}


class MatcherSyntaxError(ValueError):
    """The text is not a matcher; the message is one sentence saying what to write instead."""


class MatchOp(StrEnum):
    """How a label's value is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One condition on one label.

    A label that is missing counts as the empty string, as in Alertmanager: `team != "web"` holds for what
    has no team. Regular expressions (Python's dialect) must match the whole value.

    Raises:
        MatcherSyntaxError: the regular expression does not compile.
    """

    label: str
    op: MatchOp
    value: str
    _pattern: re.Pattern[str] | None = field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self.op in (MatchOp.MATCHES, MatchOp.NOT_MATCHES):
            object.__setattr__(self, "_pattern", _compiled(self.value))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil this condition."""
        actual = labels.get(self.label, "")
        if self._pattern is None:
            return (actual == self.value) is (self.op is MatchOp.EQUAL)
        return (self._pattern.fullmatch(actual) is not None) is (self.op is MatchOp.MATCHES)

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.label} {self.op} "{value}"'


def parse_matcher(text: str) -> Matcher:
    """Read one matcher, such as `tag:incident_ops/tier = "gold"` or `severity =~ SEV[01]`.

    Quotes are optional. Between quotes `\\"`, `\\\\` and `\\n` are escapes and every other backslash stands
    for itself, so that `"\\d+"` is the expression one meant.

    Raises:
        MatcherSyntaxError: the text is no matcher, or its regular expression does not compile.
    """
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise MatcherSyntaxError(f"{_shown(text)} is not a matcher; {_HOW_TO}")
    return Matcher(label=parts["label"], op=MatchOp(parts["op"]), value=_unquoted(parts["value"], matcher=text))


def matches_all(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether every matcher holds; no matchers at all match everything."""
    return all(matcher.matches(labels) for matcher in matchers)


def _unquoted(value: str, *, matcher: str) -> str:
    quoted = _QUOTED.fullmatch(value)
    if quoted is not None:
        return _ESCAPED.sub(lambda found: _UNESCAPED[found[1]], quoted[1])
    if value.startswith("'"):
        raise MatcherSyntaxError(f'{_shown(matcher)} has its value in single quotes; write "double quotes"')
    if value.startswith(("=", "~", "!")):
        raise MatcherSyntaxError(f"{_shown(matcher)} has an unknown operator; {_HOW_TO}")
    if '"' in value:
        raise MatcherSyntaxError(f"{_shown(matcher)} has unbalanced double quotes; {_HOW_TO}")
    return value


def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise MatcherSyntaxError(
            f"{_shown(expression)} is not a regular expression: {error}; correct it, "
            "or compare with = if it was meant literally"
        ) from error


def _shown(text: str) -> str:
    one_line = " ".join(text.split())
    return f"`{one_line if len(one_line) <= 80 else one_line[:79] + '…'}`"
