"""`incident-ops show`: the cause with its path, who was hit, what will be late, and who was told."""

from datetime import timedelta

import pytest

from incident_ops.core.alert import Evidence
from incident_ops.core.attribution_cube import Slice
from incident_ops.core.attribution_record import Attribution
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.deadlines import TimeWindow
from incident_ops.core.provenance import Facts, View
from incident_ops.core.routing import RoutingRules
from incident_ops.engine.assess import assess
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import triage
from incident_ops_tests.builders import T0, make_alert, minutes
from incident_ops_tests.cli.conftest import CommandLine
from incident_ops_tests.histories import History

SHOP = Catalog(
    [
        AssetNode(key="raw", owners=("team:ingest",)),
        AssetNode(key="orders", owners=("team:fin",), upstream=("raw",)),
        AssetNode(key="rev_daily", owners=("team:fin",), upstream=("orders",)),
        AssetNode(key="cfo_dash", consumers=("cfo@acme.test",), upstream=("rev_daily",)),
        AssetNode(
            key="web",
            owners=("team:web",),
            upstream=("raw",),
            freshness=TimeWindow(fail_window=timedelta(hours=1)),
        ),
    ],
    fetched_at=T0,
)
POLICY = Policy(routing=RoutingRules(sink="inbox", default_channel="#data-incidents"))
KNOWING = Knowledge(catalog=SHOP, policy=POLICY, installed_at=T0)
WHICH_ROWS = Attribution(
    slices=(Slice(conditions={"channel": "tiktok"}, explained=0.98, score=0.9),), dimensions=("channel",)
)


def facts() -> Facts:
    """raw changes its code and loses rows; orders and rev_daily are built from that; web is not built any more."""
    h = History()
    h.built("raw", 1, at=-60, code="v1", rows=1000)
    h.built("orders", 2, at=-59, reads={"raw": 1})
    h.built("web", 3, at=-58, reads={"raw": 1})
    h.built("raw", 4, at=0, code="v2", rows=30)
    h.built("orders", 5, at=1, reads={"raw": 4})
    h.built("rev_daily", 6, at=2, reads={"orders": 5})
    return Facts(
        materializations=tuple(h.records),
        views=(View(asset="rev_daily", viewer="eve@acme.test", at=minutes(4), materialization=6),),
    )


@pytest.fixture
def told(cli: CommandLine) -> CommandLine:
    """INC-1: the check on orders fails. INC-2: raw's next run fails, and web will be late. INC-3: nothing known."""
    bad_rows = Evidence(summary="30 rows", attribution=WHICH_ROWS)
    alerts = [
        make_alert("orders", minutes(3), materialization=5, evidence=bad_rows),
        make_alert("alone", minutes(3)),
        make_alert("web", minutes(4), kind="run_failed"),
    ]
    with cli.store() as store:
        store.save_catalog(SHOP)
        with store.transaction() as tx:
            tx.add_facts(facts())
        triage(store, alerts, KNOWING, now=minutes(5))
        assess(store, KNOWING, now=minutes(5), may_go_on=lambda: True)
    return cli


def section(printed: str, heading: str) -> list[str]:
    """The lines below a heading, or nothing where it is not printed."""
    _, found, rest = printed.partition(f"\n{heading}\n")
    return rest.partition("\n\n")[0].rstrip("\n").split("\n") if found else []


def test_show(told: CommandLine) -> None:
    for n in (1, 2, 3):
        print(told("show", str(n)).out)
    print(told("show", "1", "--audience").out)
    assert 0
