"""What a check says of itself decides whom to tell and how bad it is, over what the catalog says of its asset."""

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.declared import Declared
from incident_ops.core.message import Link, compose
from incident_ops.core.status import Resolution
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.triage import change, enrich, triage
from incident_ops_tests.builders import T0, make_alert, minutes
from incident_ops_tests.engine.test_triage import knowing, posts

RUNBOOK = "https://wiki.acme.test/orders"
FIN = AssetNode(
    key="a/b",
    owners=("team:fin",),
    tags={"incident_ops/tier": "gold", "incident_ops/slack": "fin-alarms"},
    runbook="https://wiki.acme.test/asset",
)
BELOW = AssetNode(key="a/c", owners=("team:bi",), upstream=("a/b",))
CATALOG = Catalog([FIN, BELOW], fetched_at=T0)
ORDERS = Declared(owner="team:orders", tier="bronze", runbook=RUNBOOK)


def told(
    store: SqlStore, *said: Declared | None, knowledge: Knowledge | None = None, asset: str = "a/b"
) -> list[str]:
    alerts = [
        make_alert(asset, minutes(n), check=f"check_{n}", declared=declared) for n, declared in enumerate(said)
    ]
    triage(store, alerts, knowledge or knowing(CATALOG), now=minutes(9))
    return [address.removeprefix("post ") for address in posts(store)]


def test_the_checks_owner_is_told_instead_of_the_assets(store: SqlStore) -> None:
    assert told(store, ORDERS) == ["#orders"], "not even in the channel that the asset is tagged with"
    incident = store.incident(1)
    assert (incident.owner, incident.labels["owner"], incident.labels["team"]) == (
        "team:orders",
        "team:orders",
        "orders",
    )


def test_without_a_word_of_the_check_the_asset_is_asked(store: SqlStore) -> None:
    assert told(store, Declared()) == ["#fin-alarms"]
    assert (store.incident(1).owner, store.incident(1).runbook) == ("team:fin", "https://wiki.acme.test/asset")


def test_of_two_checks_that_failed_each_tells_its_own(store: SqlStore) -> None:
    alerts = [make_alert(check="one", declared=ORDERS), make_alert(check="two", declared=Declared())]
    knowledge = knowing(CATALOG)
    triage(store, alerts[:1], knowledge, now=minutes(1))
    triage(store, alerts[1:], knowledge, now=minutes(2))
    everywhere = [post for incident in store.incidents() for post in posts(store, incident.number)]
    assert {post for post in everywhere if post.startswith("post")} == {"post #orders", "post #fin-alarms"}


def test_an_asset_that_nobody_knows_has_the_checks_owner(store: SqlStore) -> None:
    assert told(store, ORDERS, asset="x/unknown") == ["#orders"]
    assert store.incident(1).owner == "team:orders"


def test_when_the_catalog_comes_to_know_the_asset_the_checks_word_still_counts(store: SqlStore) -> None:
    knowledge = knowing(CATALOG)
    triage(store, [make_alert(declared=Declared(tier="bronze"))], knowing(Catalog()), now=minutes(1))
    enrich(store, knowledge, now=minutes(2))
    incident = store.incident(1)
    assert (incident.owner, incident.labels["tier"], incident.severity) == ("team:fin", "bronze", "SEV3")


@pytest.mark.parametrize(("tier", "severity"), [(None, "SEV1"), ("silver", "SEV2"), ("bronze", "SEV3")])
def test_the_checks_tier_decides_instead_of_the_assets(store: SqlStore, tier: str | None, severity: str) -> None:
    told(store, Declared(tier=tier))
    incident = store.incident(1)
    assert incident.severity == severity
    assert incident.labels["tag:incident_ops/tier"] == incident.labels["tier"] == (tier or "gold")


def test_a_downstream_effect_takes_the_owner_of_what_failed_first(store: SqlStore) -> None:
    """The owner of the root is who must act; those downstream have their own words in their own incidents."""
    knowledge = knowing(CATALOG)
    below = make_alert("a/c", minutes(2), declared=Declared(owner="team:dash"))
    triage(store, [make_alert("a/b", minutes(1), declared=ORDERS), below], knowledge, now=minutes(3))
    [incident] = store.incidents()
    assert (incident.owner, incident.runbook, posts(store)) == ("team:orders", RUNBOOK, ["post #orders"])


def test_the_runbook_is_a_link_of_the_message_and_stays_with_the_incident(store: SqlStore) -> None:
    told(store, ORDERS)
    resolved = change(
        store,
        1,
        lambda i: i.resolved(at=minutes(10), by="erin", reason=Resolution.FIXED),
        knowing(CATALOG),
        now=minutes(10),
    )
    page = Link(label="INC-1", url="http://dagster.test/1")
    assert compose(resolved, links_of=lambda _: (page,)).links == (page, Link(label="Runbook", url=RUNBOOK))


def test_an_evaluation_that_is_heard_after_the_failure_of_its_run_still_names_the_owner(store: SqlStore) -> None:
    """A blocking check: the sensor of run failures may be quicker than the tail."""
    knowledge = knowing(CATALOG)
    triage(store, [make_alert(kind="run_failed", check="enough", is_echo=True)], knowledge, now=minutes(1))
    assert store.incident(1).owner == "team:fin"
    triage(store, [make_alert(check="enough", declared=ORDERS)], knowledge, now=minutes(2))
    [incident] = store.incidents()
    assert (incident.owner, incident.runbook, incident.labels["team"]) == ("team:orders", RUNBOOK, "orders")
    assert "post #orders" in posts(store)


def test_a_runbook_in_the_catalog_that_is_no_web_address_is_left_out(store: SqlStore) -> None:
    told(store, None, knowledge=knowing(Catalog([AssetNode(key="a/b", runbook="ask Erin")])))
    assert store.incident(1).runbook == ""
