"""Routing as a table: who owns, what is tagged, what is configured → who hears of it, and why."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from incident_ops.core.alert import Nature
from incident_ops.core.catalog import AssetNode
from incident_ops.core.matching import parse_matcher
from incident_ops.core.routing import (
    Destination,
    OwnChannels,
    Receiver,
    RouteNode,
    RoutingRules,
    Subscription,
    Way,
    channel_named,
    destination_of,
    receiver_destinations,
    responders,
    ways,
)
from incident_ops.core.routing.owners import OUR_OWN
from incident_ops.core.severity import Severity
from incident_ops.core.teams import Person, Team

FIN = Team(
    name="fin",
    channel="#finance-alerts",
    engineer="erin@acme.test",
    analyst="anna@acme.test",
    lead="lea@acme.test",
    zone=ZoneInfo("Europe/Berlin"),
    escalation_policy="standard",
)
WEB = Team(name="web", channel="#web-data", engineer="otto@acme.test")
TEAMS = {"teams": {"fin": FIN, "web": WEB}}
ANN = {"people": {"ann@acme.test": Person(email="ann@acme.test", slack="U0ANN")}}
WAR_ROOM = Destination(kind="slack", address="#war-room")
PAGER = Destination(kind="pagerduty", address="pager")
MAIL = Destination(kind="email", address="web@acme.test")
RECEIVERS = {
    "war-room": Receiver(name="war-room", destinations=(WAR_ROOM, MAIL)),
    "pager": Receiver(name="pager", destinations=(PAGER,)),
    "both": Receiver(name="both", destinations=(WAR_ROOM, PAGER)),
    "nowhere": Receiver(name="nowhere"),
    "ops": Receiver(name="ops", destinations=(Destination(kind="slack", address="#ops"),)),
}
LABELS = {"asset": "a/b", "owner": "team:fin", "team": "fin", "severity": "SEV2", "domain": "finance"}


def rules(**anything: Any) -> RoutingRules:
    values: dict[str, Any] = {"sink": "slack", "default_channel": "#data"}
    return RoutingRules(**(values | anything))


def to(receiver: str, **options: Any) -> RouteNode:
    return RouteNode(path="route", receiver=receiver, **options)


def below(*routes: RouteNode) -> RouteNode:
    return RouteNode(path="route", receiver="owner", routes=routes)


def node(*owners: str, tag: str | None = None, key: str = "a/b") -> AssetNode:
    return AssetNode(key=key, owners=owners, tags={"incident_ops/slack": tag} if tag else {})


def routed(
    configured: Mapping[str, Any], *nodes: AssetNode, labels: Mapping[str, str] = LABELS
) -> tuple[Way, ...]:
    return ways(labels, nodes, rules(**configured), number=7, unowned="a/b has no known owner")


def places(found: Sequence[Way]) -> list[str]:
    return [way.destination.address for way in found]


@pytest.mark.parametrize(
    ("nodes", "configured", "expected"),
    [
        ([node("team:fin")], {}, ["#fin"]),
        ([node("team:fin")], TEAMS, ["#finance-alerts"]),
        ([node("team:fin", "team:bi")], {}, ["#fin", "#bi"]),
        ([node("team:fin", tag="orders-war-room")], TEAMS, ["#orders-war-room"]),
        ([node("ann@acme.test")], ANN, ["U0ANN"]),
        ([node("ann@acme.test")], {}, ["#data"]),
        ([node("ann@acme.test", "team:fin")], {}, ["#fin"]),
        ([node()], {}, ["#data"]),
        ([], {}, ["#data"]),
        ([node("team:fin"), node("team:web", key="x"), node("team:fin", key="y")], {}, ["#fin", "#web"]),
        ([node("team:fin"), node(key="x")], {}, ["#fin"]),
        ([node("team:Data Platform/EU")], {}, ["#data-platform-eu"]),
        ([node("team:fin")], {"tree": to("default")}, ["#data"]),
        ([node("team:fin")], {"tree": to("inbox")}, ["#data"]),
        ([node("team:fin")], {"tree": to("digest", digest="daily")}, ["#fin"]),
        ([node("team:fin")], {"tree": to("war-room"), "receivers": RECEIVERS}, ["#war-room", "web@acme.test"]),
        ([node("team:fin")], {"tree": to("both"), "receivers": RECEIVERS}, ["#war-room", "pager"]),
    ],
)
def test_an_incident_goes_to_tag_owners_receiver_or_default(
    nodes: Sequence[AssetNode], configured: dict[str, Any], expected: list[str]
):
    found = routed(configured, *nodes)
    assert places(found) == expected
    assert all(way.reason for way in found), "every destination has its reason"


def test_the_reasons_name_what_decided():
    found = [
        *routed({}, node(tag="x")),
        *routed({}, node("team:fin")),
        *routed({}),
        *routed({"tree": to("ops"), "receivers": RECEIVERS}),
        *routed({"subscriptions": (Subscription(who="team:bi"),)}, node("team:fin"))[1:],
    ]
    assert [str(way) for way in found] == [
        "#x: tag incident_ops/slack of a/b",
        "#fin: team:fin owns a/b",
        "#data: a/b has no known owner: default channel",
        "#ops: receiver ops",
        "#bi: team:bi has subscribed",
    ]


def test_a_receiver_is_reached_at_every_one_of_its_places():
    found = routed({"tree": to("both"), "receivers": RECEIVERS}, node("team:fin"))
    assert [str(way.destination) for way in found] == ["slack:#war-room", "pagerduty:pager"]
    assert {way.reason for way in found} == {"receiver both"}


def test_a_receiver_without_a_place_is_no_way():
    assert routed({"tree": to("nowhere"), "receivers": RECEIVERS}) == ()


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ({}, ["slack:#data", "inbox:#data"]),
        ({"fallback": "ops"}, ["slack:#ops", "inbox:#data"]),
        (
            {"tree": to("war-room"), "subscriptions": (Subscription(who="team:bi"),)},
            ["slack:#data", "inbox:#data"],
        ),
        ({"fallback": "war-room"}, ["slack:#war-room", "email:web@acme.test", "inbox:#data"]),
        ({"sink": "inbox"}, ["inbox:#data"]),
        ({"sink": "inbox", "fallback": "pager"}, ["pagerduty:pager", "inbox:#data"]),
        ({"own_channels": OwnChannels(severities=frozenset(Severity))}, ["slack:#data", "inbox:#data"]),
    ],
)
def test_our_own_troubles_go_to_the_fallback_and_to_the_inbox(configured: dict[str, Any], expected: list[str]):
    """The trouble may be the sink itself: what only it could tell would never be told."""
    labels = {"source": "incident_ops", "severity": "SEV1"}
    found = routed({"receivers": RECEIVERS, **configured}, labels=labels)
    assert [str(way.destination) for way in found] == expected
    assert all(way.node is OUR_OWN for way in found)


# ---- a channel of its own


MAJOR = {"own_channels": OwnChannels(severities=frozenset({Severity.SEV0, Severity.SEV1}))}


@pytest.mark.parametrize(
    ("severity", "configured", "expected"),
    [
        ("SEV0", MAJOR, ["#finance-alerts", "#inc-7"]),
        ("SEV1", MAJOR, ["#finance-alerts", "#inc-7"]),
        ("SEV2", MAJOR, ["#finance-alerts"]),
        ("SEV0", {}, ["#finance-alerts"]),
        ("SEV0", {**MAJOR, "sink": "inbox"}, ["#finance-alerts"]),
        ("SEV0", {**MAJOR, "tree": to("digest", digest="daily")}, ["#finance-alerts", "#inc-7"]),
    ],
)
def test_a_major_incident_has_a_channel_of_its_own(severity: str, configured: dict[str, Any], expected: list[str]):
    found = routed({**TEAMS, **configured}, node("team:fin"), labels={**LABELS, "severity": severity})
    assert places(found) == expected


def test_its_own_channel_says_why_and_is_pushed_to_by_the_timers_of_the_top():
    tree = to("digest", digest="daily", group_wait=timedelta(minutes=2))
    way = routed({**MAJOR, "tree": tree}, labels={**LABELS, "severity": "SEV0"})[-1]
    assert way.reason == "a channel of its own for SEV0"
    assert (way.node.group_wait, way.node.digest) == (timedelta(minutes=2), None)


def test_the_name_of_its_channel_outlives_a_root_that_moves():
    moved = {**LABELS, "severity": "SEV0", "asset": "x/y", "owner": "team:web"}
    assert places(routed(MAJOR, labels=moved))[-1] == "#inc-7"


def test_an_incident_that_has_no_number_yet_promises_no_channel():
    assert OwnChannels().channel_of(0) == "#inc-…"


# ---- several branches, subscriptions


def test_every_branch_that_is_reached_has_its_say_and_each_place_is_told_once():
    tree = below(
        RouteNode(path="route.routes[0]", receiver="war-room", continues=True),
        RouteNode(path="route.routes[1]", receiver="both", continues=True),
        RouteNode(path="route.routes[2]", receiver="owner"),
    )
    found = routed({"tree": tree, "receivers": RECEIVERS}, node("team:fin"))
    assert [(way.destination.address, way.node.path) for way in found] == [
        ("#war-room", "route.routes[0]"),
        ("web@acme.test", "route.routes[0]"),
        ("pager", "route.routes[1]"),
        ("#fin", "route.routes[2]"),
    ]


def test_a_branch_that_pushes_goes_before_one_that_lists():
    """Whoever asked to be pushed is not put off to the digest because another branch lists it there."""
    tree = to("digest", digest="weekly")
    wish = Subscription(who="team:fin")
    listed = Subscription(who="team:fin", how="digest")
    [way] = routed({"tree": tree, "subscriptions": (listed, wish)}, node("team:fin"))
    assert (way.node.digest, way.reason) == (None, "team:fin has subscribed")
    [way] = routed({"tree": to("owner"), "subscriptions": (listed,)}, node("team:fin"))
    assert way.node.digest is None


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (Subscription(who="cfo@acme.test"), [("cfo@acme.test", None)]),
        (Subscription(who="ann@acme.test"), [("U0ANN", None)]),
        (Subscription(who="team:web", how="digest"), [("#web-data", "daily")]),
        (
            Subscription(who="cfo@acme.test", matchers=(parse_matcher("domain = finance"),)),
            [("cfo@acme.test", None)],
        ),
        (Subscription(who="cfo@acme.test", matchers=(parse_matcher("domain = web"),)), []),
        (Subscription(who="cfo@acme.test", matchers=(parse_matcher("tier = gold"),)), []),
    ],
)
def test_who_has_subscribed_hears_of_what_matches(wish: Subscription, expected: list[tuple[str, str | None]]):
    found = routed({"subscriptions": (wish,), **TEAMS, **ANN}, node("team:fin"))[1:]
    assert [(way.destination.address, way.node.digest) for way in found] == expected


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        pytest.param(to("owner"), ["standard", None], id="each owner's own"),
        pytest.param(to("owner", escalation_policy="slow"), ["slow", "slow"], id="the branch's goes first"),
        pytest.param(to("ops"), [None], id="a receiver is no owner"),
        pytest.param(to("ops", escalation_policy="slow"), ["slow"], id="a receiver's branch"),
    ],
)
def test_the_escalation_policy_is_the_branchs_or_that_of_the_team_that_owns(
    tree: RouteNode, expected: list[str | None]
):
    found = routed({"tree": tree, "receivers": RECEIVERS, **TEAMS}, node("team:fin"), node("team:web", key="x"))
    assert [way.escalation_policy for way in found] == expected


# ---- people


@pytest.mark.parametrize(
    ("nature", "expected"),
    [
        (Nature.FRESHNESS, ("erin@acme.test", "engineer of team fin")),
        (Nature.VOLUME, ("erin@acme.test", "engineer of team fin")),
        (Nature.SCHEMA, ("erin@acme.test", "engineer of team fin")),
        (Nature.PIPELINE, ("erin@acme.test", "engineer of team fin")),
        (Nature.FIELD_HEALTH, ("anna@acme.test", "analyst of team fin")),
        (Nature.RULE, ("anna@acme.test", "analyst of team fin")),
    ],
)
def test_the_nature_says_who_of_the_team_answers(nature: Nature, expected: tuple[str, str]):
    assert responders(nature, [node("team:fin"), node("team:fin", key="x")], rules(**TEAMS)) == (expected,)


def test_only_the_owners_of_what_failed_answer_and_teams_without_such_a_person_do_not():
    both = [node("team:fin"), node("team:web", "team:unknown", "ann@acme.test", key="x")]
    assert [who for who, _ in responders(Nature.VOLUME, both, rules(**TEAMS))] == [
        "erin@acme.test",
        "otto@acme.test",
    ]
    assert [who for who, _ in responders(Nature.RULE, both, rules(**TEAMS))] == ["anna@acme.test"]


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("team:fin", FIN),
        ("team:bi", None),
        ("lea@acme.test", FIN),
        ("otto@acme.test", WEB),
        ("ann@acme.test", None),
        (None, None),
    ],
)
def test_an_owner_stands_for_a_team(owner: str | None, expected: Team | None):
    assert rules(**TEAMS).team_of(owner) is expected


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("team:fin", "slack:#finance-alerts"),
        ("team:bi", "slack:#bi"),
        ("ann@acme.test", "slack:U0ANN"),
        ("cfo@acme.test", "slack:cfo@acme.test"),
    ],
)
def test_where_a_person_or_a_team_is_reached(recipient: str, expected: str):
    assert str(destination_of(recipient, rules(**TEAMS, **ANN))) == expected


@pytest.mark.parametrize(
    ("recipient", "expected"),
    [
        ("ann@acme.test", "email:ann@acme.test"),
        ("cfo@acme.test", "email:cfo@acme.test"),
        ("team:fin", "inbox:#finance-alerts"),
    ],
)
def test_without_slack_people_are_reached_by_mail_and_teams_in_the_inbox(recipient: str, expected: str):
    assert str(destination_of(recipient, rules(sink="inbox", mail=True, **TEAMS, **ANN))) == expected


def test_a_person_is_found_whatever_the_spelling_in_the_file():
    """Consumers are compared in lower case."""
    people = {"CFO@acme.test": Person(email="CFO@acme.test", slack="U0CFO")}
    assert str(destination_of("cfo@acme.test", rules(people=people))) == "slack:U0CFO"


def test_with_slack_people_are_reached_there_even_if_mail_can_be_sent():
    assert str(destination_of("cfo@acme.test", rules(mail=True))) == "slack:cfo@acme.test"


def test_what_the_built_in_receivers_stand_for_where_no_incident_is_asked():
    known = rules(receivers=RECEIVERS)
    found = {
        name: [str(d) for d in receiver_destinations(name, known)] for name in ("default", "inbox", "owner", "x")
    }
    assert found == {"default": ["slack:#data"], "inbox": ["inbox:#data"], "owner": [], "x": []}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fin", "#fin"),
        ("#fin", "#fin"),
        ("Finance Team", "#finance-team"),
        ("a.b/c", "#a-b-c"),
        ("x_y-1", "#x_y-1"),
    ],
)
def test_a_channels_name_is_one_that_slack_takes(name: str, expected: str):
    assert channel_named(name) == expected
    assert len(channel_named("x" * 200)) == 81


def test_a_destination_is_written_kind_and_address():
    assert str(Destination(kind="slack", address="#fin")) == "slack:#fin"
