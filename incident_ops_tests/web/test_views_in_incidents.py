"""What becomes of a view that was reported: the next pass shows who looked at bad data, and at which version."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.provenance import Facts
from incident_ops.core.routing import RoutingRules
from incident_ops.engine.assess import assess
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import triage
from incident_ops.engine.views import take_views
from incident_ops.web.views import VIEWS
from incident_ops_tests.builders import T0, make_alert, minutes
from incident_ops_tests.histories import History, seen
from incident_ops_tests.web.portal import NOW, portal_of

SHOP = Catalog(
    [
        AssetNode(key="orders"),
        AssetNode(key="rev_daily", upstream=("orders",)),
        AssetNode(key="cfo_dash", upstream=("rev_daily",)),
        AssetNode(key="web"),
    ],
    fetched_at=T0,
)
_RULES = RoutingRules(sink="inbox", default_channel="#data")
KNOWING = Knowledge(catalog=SHOP, policy=Policy(routing=_RULES), installed_at=T0)


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest) -> Iterator[SqlStore]:
    """INC-1: of the builds of orders the second is bad, and rev_daily was built from it."""
    if request.param == "sqlite":
        store: SqlStore = request.getfixturevalue("store")
        yield begun(store)
        return
    with open_store(request.getfixturevalue("migrated_postgres_url")) as opened:
        yield begun(opened)


def begun(store: SqlStore) -> SqlStore:
    h = History()
    h.built("orders", 1, at=-60)
    h.built("rev_daily", 2, at=-59, reads={"orders": 1})
    h.built("orders", 3, at=0)
    h.built("rev_daily", 4, at=2, reads={"orders": 3})
    store.save_catalog(SHOP)
    with store.transaction() as tx:
        tx.add_facts(Facts(materializations=tuple(h.records)))
    triage(store, [make_alert("orders", minutes(3), materialization=3)], KNOWING, now=minutes(5))
    assert look_again(store) == ("INC-1",)
    return store


def look_again(store: SqlStore) -> tuple[str, ...]:
    """The pass that the sensor makes; what it looked into."""
    waiting = store.next_unassessed()
    assess(store, KNOWING, now=NOW, may_go_on=lambda: True)
    assert store.next_unassessed() is None
    return (f"INC-{waiting.number}",) if waiting else ()


def viewers(store: SqlStore) -> list[tuple[str, str, str, int | None]]:
    """As `incident-ops show INC-1 --json` has them."""
    found = store.findings(1)
    assert found is not None
    return [(v["viewer"], v["asset"], v["at"], v["materialization"]) for v in found.impact["viewers"]]


def posted(store: SqlStore, *views: Mapping[str, Any]) -> Any:
    answer = portal_of(store, partial(take_views, store)).post(VIEWS, json={"views": views})
    assert answer.status_code == 202, answer.text
    return answer.json()


def report(asset: str, viewer: str, at: datetime, **more: Any) -> dict[str, Any]:
    return {"asset": asset, "viewer": viewer, "at": at.isoformat(), **more}


def test_who_looked_at_bad_data_is_shown_with_the_version_and_nobody_else_is(shop: SqlStore) -> None:
    answer = posted(
        shop,
        report("rev_daily", "ann@shop.example", minutes(4), materialization=4),
        report("rev_daily", "bob@shop.example", minutes(5), materialization=2),  # a page that was still open
        report("rev_daily", "cem@shop.example", minutes(1)),  # before it was built from the bad one
        report("cfo_dash", "cfo@shop.example", minutes(6)),  # shows rev_daily
        report("web", "eve@shop.example", minutes(6)),
        report("from_tomorrow", "dan@shop.example", minutes(6)),
    )
    assert answer == {"taken": 6, "unknown": ["from_tomorrow"]}
    assert look_again(shop) == ("INC-1",)
    assert viewers(shop) == [
        ("ann@shop.example", "rev_daily", "2026-11-20T09:04:00Z", 4),
        ("cfo@shop.example", "cfo_dash", "2026-11-20T09:06:00Z", None),
    ]
    with shop.looking_back() as history:
        assert history.views(["from_tomorrow"], since=T0) == [seen("from_tomorrow", "dan@shop.example", at=6)]


def test_a_report_that_comes_again_is_one_view_whatever_its_offset(shop: SqlStore) -> None:
    """A sender that got no answer sends again."""
    first = report("rev_daily", "ann@shop.example", minutes(4), materialization=4)
    posted(shop, first, first)
    assert posted(shop, {**first, "at": "2026-11-20T11:04:00+02:00"})["taken"] == 1
    look_again(shop)
    assert viewers(shop) == [("ann@shop.example", "rev_daily", "2026-11-20T09:04:00Z", 4)]


@pytest.mark.parametrize(
    ("assets", "looked_into"),
    [
        (["orders"], ("INC-1",)),
        (["cfo_dash"], ("INC-1",)),
        (["web", "cfo_dash", "from_tomorrow"], ("INC-1",)),
        (["web", "from_tomorrow"], ()),
        ([], ()),
    ],
)
def test_only_a_view_at_or_below_the_incident_has_it_looked_into(
    shop: SqlStore, assets: list[str], looked_into: tuple[str, ...]
) -> None:
    posted(shop, *(report(asset, "eve@shop.example", minutes(6)) for asset in assets))
    assert look_again(shop) == looked_into


def test_of_a_report_with_one_mistake_nothing_is_kept(shop: SqlStore) -> None:
    right = report("rev_daily", "ann@shop.example", minutes(4))
    portal = portal_of(shop, partial(take_views, shop))
    answer = portal.post(VIEWS, json={"views": [right, {**right, "at": "09:04"}, {**right, "viewer": ""}]})
    assert (answer.status_code, answer.json()["error"].partition(":")[0]) == (422, "views[1].at")
    assert look_again(shop) == ()
    with shop.looking_back() as history:
        assert history.views(["rev_daily"], since=T0) == []
