"""Labels: what matchers in the configuration can ask an incident for."""

from incident_ops.core.catalog import AssetNode
from incident_ops.core.labels import labels_of
from incident_ops.core.matching import parse_matcher
from incident_ops_tests.builders import make_alert

NODE = AssetNode(
    key="shop/marts/revenue",
    location="marketplace",
    owners=("team:fin", "ann@acme.test"),
    tags={"incident_ops/tier": "gold", "incident_ops/domain": "finance", "pii": ""},
    kinds=("dbt", "duckdb"),
    group="marts",
)


def test_an_alert_on_a_known_asset_has_every_label() -> None:
    alert = make_alert("shop/marts/revenue", partition="2026-11-20")
    assert labels_of(alert, NODE, environment="prod") == {
        "environment": "prod",
        "nature": "rule",
        "alert_kind": "check_failed",
        "check_severity": "ERROR",
        "asset": "shop/marts/revenue",
        "prefix": "shop/marts",
        "check": "not_null",
        "partition": "2026-11-20",
        "owner": "team:fin",
        "team": "fin",
        "group": "marts",
        "location": "marketplace",
        "kind": "dbt,duckdb",
        "tier": "gold",
        "domain": "finance",
        "tag:incident_ops/tier": "gold",
        "tag:incident_ops/domain": "finance",
    }


def test_what_is_not_known_is_left_out() -> None:
    """A missing label equals the empty string; the word None would match `owner =~ ".+"`."""
    labels = labels_of(make_alert("orders", check=None, kind="freshness"), None, environment="")
    assert labels == {
        "nature": "freshness", "alert_kind": "freshness", "check_severity": "ERROR", "asset": "orders",
    }  # fmt: skip
    assert parse_matcher('owner = ""').matches(labels)


def test_a_person_as_owner_is_no_team() -> None:
    labels = labels_of(make_alert("a"), AssetNode(key="a", owners=("ann@acme.test",)), environment="")
    assert labels["owner"] == "ann@acme.test"
    assert "team" not in labels


def test_our_own_troubles_are_known_by_their_source() -> None:
    alert = make_alert(None, kind="external", name="incident_ops: outbox")
    labels = labels_of(alert, None, environment="")
    assert (labels["source"], labels["name"]) == ("incident_ops", "incident_ops: outbox")
    assert "source" not in labels_of(make_alert(None, kind="external", name="airflow"), None, environment="")
