"""Matchers: Alertmanager's `= != =~ !~` over a set of labels.

Reading a matcher's text and asking it lives here. Which labels an incident has, and what follows from a
match, is routing's and muting's.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_HOW_TO = 'write it like severity = "SEV1", with one of = != =~ !~'

# Label names: Alertmanager's, and what asset keys and tags bring along (`tag:incident_ops/tier`).
_PARTS = re.compile(r"\s*(?P<label>[A-Za-z0-9_:/.\-]+)\s*(?P<op>=~|!~|!=|=)\s*(?P<value>.*?)\s*", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\n])')
_UNESCAPED = {'"': '"', "\\": "\\", "n": "\n"}

# Words joined by |, such as web|fin: the only expressions of which we know all values that they match.
_WORDS = re.compile(r"[^\\.^$*+?{}\[\]()|]*(?:\|[^\\.^$*+?{}\[\]()|]*)*")


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

    Attributes:
        is_negated: it asks for the opposite: `!=` or `!~`.
        words: the values that `=` and expressions like `web|fin` stand for, negated or not; None where that is not
            known.

    Raises:
        MatcherSyntaxError: the regular expression does not compile.
    """

    label: str
    op: MatchOp
    value: str
    is_negated: bool = field(init=False, repr=False, compare=False)
    words: frozenset[str] | None = field(init=False, repr=False, compare=False)
    _finds: Callable[[str], object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        is_expression = self.op in (MatchOp.MATCHES, MatchOp.NOT_MATCHES)
        words = _words(self.value) if is_expression else frozenset({self.value})
        finds = _compiled(self.value).fullmatch if words is None else words.__contains__
        object.__setattr__(self, "is_negated", self.op in (MatchOp.NOT_EQUAL, MatchOp.NOT_MATCHES))
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "_finds", finds)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil this condition."""
        return self.accepts(labels.get(self.label, ""))

    def accepts(self, value: str) -> bool:
        """Whether a label with this value fulfils the condition; the empty string stands for a missing label."""
        return bool(self._finds(value)) is not self.is_negated

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
    for matcher in matchers:  # noqa: SIM110 (asked a hundred times for each decision, where `all` takes twice as long)
        if not matcher.accepts(labels.get(matcher.label, "")):
            return False
    return True


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


def _words(expression: str) -> frozenset[str] | None:
    return frozenset(expression.split("|")) if _WORDS.fullmatch(expression) else None


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
