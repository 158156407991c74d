"""Routes of which it is said that they never match do not: random trees against all label sets there are."""

from itertools import product

from hypothesis import given

from incident_ops.core.matching import parse_matcher
from incident_ops.core.routing import RouteNode, branches
from incident_ops.core.routing.unreachable import unreachable
from incident_ops_tests.core.route_trees import LABELS, VALUES, trees

DOMAINS = {label: frozenset(VALUES) for label in LABELS}
OUTSIDE = (*VALUES, "z", "xz")


def reached_by_any(tree: RouteNode, values: tuple[str, ...]) -> set[str]:
    """The paths of all nodes that some label set reaches, those on the way included."""
    found = {
        node.path
        for chosen in product(values, repeat=len(LABELS))
        for node in branches(tree, dict(zip(LABELS, chosen, strict=True)))
    }
    return {path[:end] for path in found for end in range(1, len(path) + 1)}


@given(tree=trees)
def test_no_label_set_reaches_what_is_called_unreachable(tree: RouteNode) -> None:
    """Somebody would remove a route that works."""
    assert not {found.node.path for found in unreachable(tree)} & reached_by_any(tree, OUTSIDE)


@given(tree=trees)
def test_no_possible_label_set_reaches_what_known_values_leave_unreachable(tree: RouteNode) -> None:
    """With all values of a label known, regular expressions are seen through."""
    assert not {found.node.path for found in unreachable(tree, DOMAINS)} & reached_by_any(tree, VALUES)


def test_what_is_below_an_unreachable_route_is_not_listed_again() -> None:
    """One mistake, one sentence."""
    below = RouteNode(path="route.routes[1].routes[0]", receiver="c")
    first = RouteNode(path="route.routes[0]", receiver="a", matchers=(parse_matcher("team = x"),))
    second = RouteNode(path="route.routes[1]", receiver="b", matchers=first.matchers, routes=(below,))
    root = RouteNode(path="route", receiver="owner", routes=(first, second))
    assert [found.node for found in unreachable(root)] == [second]


def test_only_what_is_certain_is_said() -> None:
    """That siblings leave nothing over together, or one expression for another, is not looked for."""
    routes = tuple(
        RouteNode(path=f"route.routes[{place}]", receiver="owner", matchers=(parse_matcher(text),))
        for place, text in enumerate(['a =~ "x.*"', 'a =~ "xy.*"', 'a !~ "x.*"', "a = x"])
    )
    found = unreachable(RouteNode(path="route", receiver="owner", routes=routes))
    assert [each.node.path for each in found] == ["route.routes[3]"]
