"""Which nodes of a route tree no labels can reach, and why.

What is said here holds for certain; that a regular expression leaves nothing over for another one is not seen, and
neither is that several siblings together do.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from incident_ops.core.matching import Matcher, MatchOp
from incident_ops.core.routing.tree import RouteNode

Values = frozenset[str]

NO_DOMAINS: Mapping[str, Values] = MappingProxyType({})

_OPPOSITE = {MatchOp.MATCHES: MatchOp.NOT_MATCHES, MatchOp.NOT_MATCHES: MatchOp.MATCHES}

# As conditions on words: a value that is one of them, or one that is none of them.
_NONE_BUT = {(MatchOp.NOT_MATCHES, ".*"): Values(), (MatchOp.NOT_MATCHES, ".+"): Values({""})}
_ALL_BUT = {(MatchOp.MATCHES, ".*"): Values(), (MatchOp.MATCHES, ".+"): Values({""})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """`why` is a clause that follows "because"."""

    node: RouteNode
    why: str


def unreachable(root: RouteNode, domains: Mapping[str, Values] = NO_DOMAINS) -> tuple[Unreachable, ...]:
    """The nodes that can never match, in the order of the file; what is below one of them is not listed again.

    Args:
        domains: label → all values that it ever has.
    """
    return tuple(_below(root, (), domains))


def _below(node: RouteNode, asked: Sequence[Matcher], domains: Mapping[str, Values]) -> Iterator[Unreachable]:
    """Args:
    asked: the matchers on the way to the node, its own included.
    """
    before: list[RouteNode] = []
    for child in node.routes:
        held = (*asked, *child.matchers)
        why = _contradiction(held, domains) or next(
            (
                _taken_by(other)
                for other in before
                if all(_implies(held, each, domains) for each in other.matchers)
            ),
            "",
        )
        if why:
            yield Unreachable(node=child, why=why)
        else:
            yield from _below(child, held, domains)
        if not child.continues:
            before.append(child)


def _taken_by(other: RouteNode) -> str:
    asks = " and ".join(f"`{matcher}`" for matcher in other.matchers) or "asks for nothing"
    return f"{other.path} ({asks}) stands before it, takes all of it and has no continue: true"


def _contradiction(held: Sequence[Matcher], domains: Mapping[str, Values]) -> str:
    """Why no label set fulfils all of the matchers, or nothing."""
    for label in dict.fromkeys(matcher.label for matcher in held):
        same = list(dict.fromkeys(matcher for matcher in held if matcher.label == label))
        domain = domains.get(label)
        is_empty = _allowed(same, domain) == Values()
        if is_empty or any(_opposite(each) in same for each in same):
            known = f"; it is one of {', '.join(sorted(domain - {''}))}" if domain else ""
            return f"no value of {label} fulfils " + " and ".join(f"`{matcher}`" for matcher in same) + known
    return ""


def _opposite(matcher: Matcher) -> Matcher | None:
    op = _OPPOSITE.get(matcher.op)
    return Matcher(label=matcher.label, op=op, value=matcher.value) if op else None


def _implies(held: Sequence[Matcher], wanted: Matcher, domains: Mapping[str, Values]) -> bool:
    """Whether all labels that fulfil `held` fulfil `wanted`."""
    same = [matcher for matcher in held if matcher.label == wanted.label]
    if wanted in same:
        return True
    allowed = _allowed(same, domains.get(wanted.label))
    if allowed is not None:
        return all(wanted.accepts(value) for value in allowed)
    excluded = _words(wanted, _ALL_BUT, is_negated=True)
    return excluded is not None and all(any(not each.accepts(word) for each in same) for word in excluded)


def _allowed(matchers: Sequence[Matcher], domain: Values | None) -> Values | None:
    """The values of one label that fulfil all of the matchers; None where they are not known."""
    named = [_words(matcher, _NONE_BUT, is_negated=False) for matcher in matchers]
    known = [words for words in (domain, *named) if words is not None]
    if not known:
        return None
    return Values(value for value in Values.intersection(*known) if all(each.accepts(value) for each in matchers))


def _words(matcher: Matcher, special: Mapping[tuple[MatchOp, str], Values], *, is_negated: bool) -> Values | None:
    if (matcher.op, matcher.value) in special:
        return special[matcher.op, matcher.value]
    return matcher.words if matcher.is_negated is is_negated else None
