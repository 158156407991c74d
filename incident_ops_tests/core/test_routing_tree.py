"""The route tree, tested as Alertmanager tests its own: one tree in YAML, and a table of labels and receivers."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.config import parse_config
from incident_ops.config.compiled import route_tree
from incident_ops.core.matching import Matcher, MatchOp, matches_all
from incident_ops.core.routing import RouteNode, branches
from incident_ops_tests.core.route_trees import VALUES, label_sets, named, trees

TREE = """
route:
  receiver: owner
  group_by: [team, nature]
  group_wait: 1m
  routes:
    - matchers: ['tag:incident_ops/tier = "gold"', 'severity =~ "SEV[01]"']
      receiver: war-room
      escalation_policy: standard
      group_by: []
      continue: true
    - matchers: [team = web]
      receiver: web
      repeat_interval: 2h
      mute_time_intervals: [nights]
      routes:
        - matchers: [nature = freshness]
          receiver: web-fresh
          group_wait: 0s
        - matchers: ['asset =~ "web/.*"']
          active_time_intervals: [office]
          continue: true
          escalation_policy: slow
          routes:
            - {matchers: [check = nulls], receiver: web-nulls}
        - matchers: ['severity != "SEV3"']
          receiver: web-grave
    - matchers: ['team =~ "fin|cs"', 'domain = ""']
      receiver: office
    - matchers: [team = fin]
      receiver: fin
      group_by: [...]
      continue: true
    - matchers: ['severity = "SEV3"', 'team !~ "web|fin"']
      receiver: digest
      routes:
        - matchers: [team = cs]
          digest: weekly
        - matchers: [team = ops]
          receiver: ops
receivers:
  - {name: war-room, slack: {channel: "#war-room"}}
  - {name: web, slack: {channel: "#web"}}
  - {name: web-fresh, slack: {channel: "#web-fresh"}}
  - {name: web-nulls, slack: {channel: "#web-nulls"}}
  - {name: web-grave, slack: {channel: "#web-grave"}}
  - {name: office, slack: {channel: "#office"}}
  - {name: fin, slack: {channel: "#fin"}}
  - {name: ops, slack: {channel: "#ops"}}
time_intervals:
  - {name: nights, from: "20:00", to: "08:00"}
  - {name: office, from: "09:00", to: "17:00"}
escalation_policies:
  standard: {steps: [{notify: [a@acme.test], wait: 5m}]}
  slow: {steps: [{notify: [a@acme.test], wait: 2h}]}
"""


@pytest.fixture(scope="module")
def tree() -> RouteNode:
    return route_tree(parse_config(TREE, file="incident_ops.yaml"))


def labels(text: str) -> Mapping[str, str]:
    return dict(pair.split("=") for pair in text.split())


@pytest.mark.parametrize(
    ("given_labels", "receivers"),
    [
        ("", ["owner"]),
        ("team=x severity=SEV2", ["owner"]),
        # the first that matches ends the search, unless it says `continue`
        ("tag:incident_ops/tier=gold severity=SEV1", ["war-room"]),
        ("tag:incident_ops/tier=gold severity=SEV2", ["owner"]),
        ("tag:incident_ops/tier=gold severity=SEV0 team=web", ["war-room", "web-grave"]),
        ("tag:incident_ops/tier=gold severity=SEV0 team=fin domain=finance", ["war-room", "fin"]),
        ("tag:incident_ops/tier=gold severity=SEV0 team=fin", ["war-room", "office"]),
        ("team=fin domain=finance severity=SEV3", ["fin"]),
        # where no child matches it is the node itself
        ("team=web severity=SEV3", ["web"]),
        ("team=web severity=SEV3 nature=freshness asset=web/x", ["web-fresh"]),
        ("team=web severity=SEV3 asset=web/x", ["web"]),
        ("team=web severity=SEV2 asset=web/x", ["web", "web-grave"]),
        ("team=web severity=SEV2 asset=web/x check=nulls", ["web-nulls", "web-grave"]),
        # a label that is missing is the empty string
        ("team=web", ["web-grave"]),
        ("team=cs", ["office"]),
        ("team=cs domain=service severity=SEV3", ["digest"]),
        ("severity=SEV3", ["digest"]),
        ("severity=SEV3 team=ops", ["ops"]),
    ],
)
def test_labels_reach_the_receivers_that_alertmanager_would_find(
    tree: RouteNode, given_labels: str, receivers: list[str]
) -> None:
    """Somebody hears of what is not theirs, or nobody hears at all."""
    assert [node.receiver for node in branches(tree, labels(given_labels))] == receivers


def at(tree: RouteNode, path: str) -> RouteNode:
    below = [tree]
    while below:
        node = below.pop()
        if node.path == path:
            return node
        below += node.routes
    raise KeyError(path)


@pytest.mark.parametrize(
    ("path", "option", "expected"),
    [
        ("route", "group_by", ("team", "nature")),
        ("route", "repeat_interval", timedelta(hours=4)),
        ("route.routes[0]", "group_by", ()),
        ("route.routes[0]", "group_wait", timedelta(minutes=1)),
        ("route.routes[0]", "escalation_policy", "standard"),
        ("route.routes[1]", "escalation_policy", None),
        ("route.routes[1]", "mute", ("nights",)),
        ("route.routes[1].routes[0]", "group_wait", timedelta(0)),
        ("route.routes[1].routes[0]", "repeat_interval", timedelta(hours=2)),
        ("route.routes[1].routes[0]", "group_by", ("team", "nature")),
        ("route.routes[1].routes[0]", "mute", ()),
        ("route.routes[1].routes[1]", "receiver", "web"),
        ("route.routes[1].routes[1]", "active", ("office",)),
        ("route.routes[1].routes[1].routes[0]", "escalation_policy", "slow"),
        ("route.routes[1].routes[1].routes[0]", "active", ()),
        ("route.routes[1].routes[1].routes[0]", "continues", False),
        ("route.routes[2]", "digest", None),
        ("route.routes[3]", "group_by", ("root",)),
        ("route.routes[4]", "digest", "daily"),
        ("route.routes[4].routes[0]", "receiver", "digest"),
        ("route.routes[4].routes[0]", "digest", "weekly"),
        ("route.routes[4].routes[1]", "digest", None),
    ],
)
def test_a_branch_inherits_what_it_leaves_out_but_not_when_it_is_quiet(
    tree: RouteNode, path: str, option: str, expected: object
) -> None:
    """A page that is muted at night because something above it is would be missed."""
    assert getattr(at(tree, path), option) == expected


def test_a_digest_that_was_asked_for_by_itself_is_inherited() -> None:
    """Only with the built-in receiver `digest` does another receiver mean a push again."""
    config = parse_config(
        "route: {digest: weekly, routes: [{matchers: [team = a], receiver: default}]}", file="incident_ops.yaml"
    )
    assert route_tree(config).routes[0].digest == "weekly"


def test_a_hundred_levels_are_searched_to_the_bottom() -> None:
    """A generated file can be deep; what is below must not be out of reach."""
    node = RouteNode(path="bottom", receiver="bottom", matchers=(Matcher(label="a", op=MatchOp.EQUAL, value="x"),))
    for depth in range(100):
        node = RouteNode(path=f"{depth}", receiver=f"{depth}", routes=(node,))
    assert [found.path for found in branches(node, {"a": "x"})] == ["bottom"]
    assert [found.path for found in branches(node, {"a": "y"})] == ["0"]


def asked_one_by_one(node: RouteNode, given_labels: Mapping[str, str]) -> list[RouteNode]:
    """The definition, read off Alertmanager's documentation: every child is asked."""
    found: list[RouteNode] = []
    for child in node.routes:
        if matches_all(child.matchers, given_labels):
            found += asked_one_by_one(child, given_labels)
            if not child.continues:
                break
    return found or [node]


@given(tree=trees, given_labels=label_sets)
def test_the_index_over_siblings_changes_no_answer(tree: RouteNode, given_labels: dict[str, str]) -> None:
    """It is there for speed alone."""
    assert list(branches(tree, given_labels)) == asked_one_by_one(tree, given_labels)


@given(tree=trees, given_labels=label_sets)
def test_every_label_set_reaches_a_node_and_none_twice(tree: RouteNode, given_labels: dict[str, str]) -> None:
    """Otherwise nobody would hear of it, or somebody two times."""
    paths = [node.path for node in branches(tree, given_labels)]
    assert paths
    assert len(set(paths)) == len(paths)


@given(tree=trees, given_labels=label_sets, seed=st.integers(0, 999))
def test_the_order_of_siblings_that_exclude_each_other_does_not_matter(
    tree: RouteNode, given_labels: dict[str, str], seed: int
) -> None:
    """People sort their routes by name."""
    excluding = tuple(
        RouteNode(
            path="",
            receiver="",
            matchers=(Matcher(label="d", op=MatchOp.EQUAL, value=value), *route.matchers),
            continues=route.continues,
            routes=route.routes,
        )
        for value, route in zip(VALUES, tree.routes, strict=False)
    )
    in_order = named(RouteNode(path="route", receiver="", routes=excluding))
    shuffled = RouteNode(
        path="route", receiver="r", routes=tuple(Random(seed).sample(in_order.routes, len(in_order.routes)))
    )
    for value in VALUES:
        asked = {**given_labels, "d": value}
        assert [node.path for node in branches(in_order, asked)] == [
            node.path for node in branches(shuffled, asked)
        ]
