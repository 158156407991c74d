"""Random route trees and label sets, small enough that branches overlap and are missed."""

from dataclasses import replace

from hypothesis import strategies as st

from incident_ops.core.matching import Matcher, MatchOp
from incident_ops.core.routing import RouteNode

LABELS = ("a", "b", "c")
VALUES = ("", "x", "y", "yy")
EXPRESSIONS = ("", "x", "x|y", "y|", "y.*", "[xy]", ".+", ".*", "x.|y", "y{2}")
EQUALS, EXPRESSES = (MatchOp.EQUAL, MatchOp.NOT_EQUAL), (MatchOp.MATCHES, MatchOp.NOT_MATCHES)

matchers = st.one_of(
    st.builds(Matcher, label=st.sampled_from(LABELS), op=st.sampled_from(EQUALS), value=st.sampled_from(VALUES)),
    st.builds(
        Matcher, label=st.sampled_from(LABELS), op=st.sampled_from(EXPRESSES), value=st.sampled_from(EXPRESSIONS)
    ),
)

label_sets = st.dictionaries(st.sampled_from(LABELS), st.sampled_from(VALUES[1:]))


def _branches(below: st.SearchStrategy[tuple[RouteNode, ...]]) -> st.SearchStrategy[tuple[RouteNode, ...]]:
    node = st.builds(
        RouteNode,
        path=st.just(""),
        receiver=st.just(""),
        matchers=st.lists(matchers, max_size=2).map(tuple),
        continues=st.booleans(),
        routes=below,
    )
    return st.lists(node, min_size=1, max_size=4).map(tuple)


leaves = _branches(st.just(()))
trees = _branches(st.just(()) | _branches(st.just(()) | leaves)).map(
    lambda routes: named(RouteNode(path="route", receiver="", routes=routes))
)
"""Of at most four levels."""


def named(node: RouteNode) -> RouteNode:
    """The tree with a path for each node, and a receiver of its own: `r`, `r-0`, `r-0-1`."""
    receiver = node.path.replace("route.routes[", "r-").replace("].routes[", "-").replace("]", "")
    below = (named(replace(child, path=f"{node.path}.routes[{n}]")) for n, child in enumerate(node.routes))
    return replace(node, receiver=receiver.replace("route", "r"), routes=tuple(below))
