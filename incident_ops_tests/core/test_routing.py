"""Routing as a table: who owns, what is tagged, what is configured → who hears of it, and why."""

from collections.abc import Sequence
from typing import Any

import pytest

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.catalog import AssetNode
from incident_ops.core.incident import opened
from incident_ops.core.routing import Destination, RoutingRules, channel_named, route
from incident_ops.core.severity import assess
from incident_ops_tests.builders import make_alert, make_incident, minutes


def rules(**anything: Any) -> RoutingRules:
    values: dict[str, Any] = {"sink": "slack", "default_channel": "#data"}
    return RoutingRules(**(values | anything))


def node(*owners: str, tag: str | None = None, key: str = "a/b") -> AssetNode:
    return AssetNode(key=key, owners=owners, tags={"incident_ops/slack": tag} if tag else {})


@pytest.mark.parametrize(
    ("nodes", "configured", "expected"),
    [
        ([node("team:fin")], {}, ["#fin"]),
        ([node("team:fin")], {"team_channels": {"fin": "#finance-alerts"}}, ["#finance-alerts"]),
        ([node("team:fin", "team:bi")], {}, ["#fin", "#bi"]),
        ([node("team:fin", tag="orders-war-room")], {}, ["#orders-war-room"]),
        ([node("ann@acme.test")], {"people": {"ann@acme.test": "U0ANN"}}, ["U0ANN"]),
        ([node("ann@acme.test")], {}, ["#data"]),
        ([node("ann@acme.test", "team:fin")], {}, ["#fin"]),
        ([node()], {}, ["#data"]),
        ([], {}, ["#data"]),
        ([node("team:fin"), node("team:web", key="x"), node("team:fin", key="y")], {}, ["#fin", "#web"]),
        ([node("team:fin"), node(key="x")], {}, ["#fin"]),
        ([node("team:fin")], {"receiver": "#everything"}, ["#everything"]),
        ([node("team:Data Platform/EU")], {}, ["#data-platform-eu"]),
    ],
)
def test_an_incident_goes_to_tag_owners_or_default(
    nodes: Sequence[AssetNode], configured: dict[str, Any], expected: list[str]
) -> None:
    way = route(make_incident(), rules(**configured), tuple(nodes))
    assert [destination.address for destination in way.destinations] == expected
    assert {destination.kind for destination in way.destinations} == {"slack"}
    assert len(way.reasons) == len(expected), "every destination has its reason"
    assert way.suppressed is None


def test_the_reasons_name_the_rule_that_decided() -> None:
    tagged = route(make_incident(), rules(), (node(tag="x"),))
    owned = route(make_incident(), rules(), (node("team:fin"),))
    nobodys = route(make_incident(), rules(), ())
    a_jobs = route(make_incident(1, make_alert(None, kind="run_failed", name="nightly")), rules(), ())
    assert [*tagged.reasons, *owned.reasons, *nobodys.reasons, *a_jobs.reasons] == [
        "#x: tag incident_ops/slack of a/b",
        "#fin: team:fin owns a/b",
        "#data: a/b has no known owner: default channel",
        "#data: nightly has no owner: default channel",
    ]


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ({}, ["slack:#data", "inbox:#data"]),
        ({"fallback": "#ops"}, ["slack:#ops", "inbox:#data"]),
        ({"receiver": "#everything"}, ["slack:#data", "inbox:#data"]),
        ({"sink": "inbox"}, ["inbox:#data"]),
    ],
)
def test_our_own_troubles_go_to_the_fallback_and_to_the_inbox(
    configured: dict[str, Any], expected: list[str]
) -> None:
    """The trouble may be the sink itself: what only it could tell would never be told."""
    alert = make_alert(None, kind="external", name="incident_ops: outbox")
    incident = make_incident(1, alert, labels={"source": "incident_ops"})
    assert [str(d) for d in route(incident, rules(**configured), ()).destinations] == expected


def test_a_warning_is_not_pushed_until_an_error_joins_it() -> None:
    warn = make_alert(check_severity=CheckSeverity.WARN)
    incident = make_incident(1, warn)
    assert route(incident, rules(), ()).suppressed == "WARN is recorded and listed, not pushed"
    error = make_alert(occurred_at=minutes(1))
    assessment = assess(check_severity=error.check_severity, kind=error.kind, tier=None)
    assert route(incident.fired(error, assessment, now=minutes(1)), rules(), ()).suppressed is None


def test_the_backlog_is_not_pushed() -> None:
    """On the day of installation a year of old failures must not ring a phone."""
    alert = make_alert()
    assessment = assess(check_severity=alert.check_severity, kind=alert.kind, tier=None)
    old = opened(1, alert, assessment, owner=None, labels={}, backlog=True, now=minutes(0))
    way = route(old, rules(), ())
    assert way.suppressed is not None
    assert "not pushed" in way.suppressed


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
def test_a_channels_name_is_one_that_slack_takes(name: str, expected: str) -> None:
    assert channel_named(name) == expected
    assert len(channel_named("x" * 200)) == 81


def test_a_destination_is_written_kind_and_address() -> None:
    assert str(Destination(kind="slack", address="#fin")) == "slack:#fin"
