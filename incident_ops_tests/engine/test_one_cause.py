"""One cause, one incident, whatever the order of arrival; two causes stay two. Graph G of the acceptance stories:
raw → orders → rev_daily → cfo_dash, raw → web → web_dash."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.alert import Alert
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Action
from incident_ops.core.provenance import Evaluation, Facts, Materialization
from incident_ops.core.routing import RoutingRules
from incident_ops.core.status import EntryKind, Resolution, Status
from incident_ops.core.trail import Edge
from incident_ops.engine.dispatch import dispatch
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import change, triage
from incident_ops_tests.blank import empty_store
from incident_ops_tests.builders import T0, make_alert, make_recovery, minutes
from incident_ops_tests.engine.fakes import FakeSink, sinks

G = Catalog(
    [
        AssetNode(key="raw", owners=("team:ingest",)),
        AssetNode(key="orders", owners=("team:fin",), tags={"incident_ops/tier": "gold"}, upstream=("raw",)),
        AssetNode(key="rev_daily", owners=("team:fin",), upstream=("orders",)),
        AssetNode(key="cfo_dash", consumers=("cfo@acme.test",), upstream=("rev_daily",)),
        AssetNode(key="web", owners=("team:web",), upstream=("raw",)),
        AssetNode(key="web_dash", consumers=("cmo@acme.test",), upstream=("web",)),
    ],
    fetched_at=T0,
)
FOUR = ("raw", "orders", "rev_daily", "web")


def knowing(**policy: object) -> Knowledge:
    rules = RoutingRules(sink="slack", default_channel="#data")
    return Knowledge(catalog=G, policy=Policy(routing=rules, **policy), installed_at=T0)  # type: ignore[arg-type]


def failing(*assets: str, apart: float = 3) -> list[Alert]:
    return [make_alert(asset, minutes(apart * n)) for n, asset in enumerate(assets)]


def open_ones(store: SqlStore) -> list[Incident]:
    return [incident for incident in store.incidents()[::-1] if incident.is_open]


def shape(incident: Incident) -> tuple[str, dict[str, int], int, str]:
    """What must be the same in every order."""
    hops = {str(m.subject.asset): m.hops for m in incident.members}
    return str(incident.root.subject.asset), hops, incident.alert_count, incident.title


def live_posts(store: SqlStore) -> list[str]:
    return sorted(
        d.destination.address
        for incident in store.incidents()
        for d in store.deliveries(incident.number)
        if d.action is Action.POST
    )


EXPECTED = (
    "raw",
    {"raw": 0, "orders": 1, "rev_daily": 2, "web": 1},
    4,
    "raw: check not_null failed (and 3 downstream)",
)


def test_four_failures_read_in_any_order_of_one_pass_are_one_incident_and_one_post(tmp_path) -> None:
    alerts = failing(*FOUR)
    for n, order in enumerate(permutations(alerts)):
        with empty_store(tmp_path / f"{n}.db") as store:
            done = triage(store, order, knowing(), now=minutes(10))
            assert done.opened == ("INC-1",)
            [incident] = store.incidents()
            assert shape(incident) == EXPECTED
            assert (incident.owner, live_posts(store)) == ("team:ingest", ["#ingest"])


def test_four_failures_that_arrive_one_by_one_in_any_order_end_in_the_same_incident(tmp_path) -> None:
    alerts = failing(*FOUR)
    for n, order in enumerate(permutations(alerts)):
        with empty_store(tmp_path / f"{n}.db") as store:
            for alert in order:
                triage(store, [alert], knowing(), now=minutes(10))
            [incident] = open_ones(store)
            assert (incident.id, shape(incident)) == ("INC-1", EXPECTED)
            assert live_posts(store) == ["#ingest"], "what was not sent yet is withdrawn when the root is known"
            merged = [other for other in store.incidents() if other.merged_into]
            assert incident.merged_from == tuple(sorted(other.number for other in merged))
            assert {(o.status, o.resolution) for o in merged} <= {(Status.RESOLVED, Resolution.DUPLICATE)}


@pytest.mark.parametrize("times", list(permutations(range(4)))[::5])
def test_the_order_of_the_checks_themselves_does_not_matter_either(store: SqlStore, times: Sequence[int]) -> None:
    """Checks run when they run: the effect may be seen before the cause."""
    triage(store, [make_alert(a, minutes(3 * t)) for a, t in zip(FOUR, times, strict=True)], knowing(), now=T0)
    [incident] = store.incidents()
    assert shape(incident) == EXPECTED


def test_two_failures_below_a_healthy_asset_stay_two(store: SqlStore) -> None:
    triage(store, failing("orders", "web"), knowing(), now=minutes(10))
    assert [str(i.root.subject.asset) for i in store.incidents()[::-1]] == ["orders", "web"]
    assert live_posts(store) == ["#fin", "#web"]


def test_failures_too_far_apart_in_time_stay_two(store: SqlStore) -> None:
    triage(store, failing("raw", "orders", apart=61), knowing(group_window=timedelta(hours=1)), now=minutes(90))
    assert len(store.incidents()) == 2


def test_a_late_cause_takes_over_the_incident_and_the_oldest_number_stays(store: SqlStore) -> None:
    [orders, raw] = failing("orders", "raw")
    triage(store, [orders], knowing(), now=minutes(1))
    sink = FakeSink()
    dispatch(store, sinks(sink), now=minutes(1), may_go_on=lambda: True)
    triage(store, [raw], knowing(), now=minutes(4))
    dispatch(store, sinks(sink), now=minutes(4), may_go_on=lambda: True)
    [incident] = open_ones(store)
    assert (incident.id, str(incident.root.subject.asset), incident.owner) == ("INC-1", "raw", "team:ingest")
    assert [(sent.what, sent.to) for sent in sink.sent] == [
        ("post", "#fin"),
        ("post", "#ingest"),
        ("reply", "#fin"),
        ("edit", "#fin"),
    ]
    roots = [entry.text for entry in store.timeline(1) if entry.kind is EntryKind.ROOT]
    assert roots == ["root: orders → raw: raw is upstream of orders"]


def test_what_a_person_has_taken_is_not_taken_apart(store: SqlStore) -> None:
    """Two overlapping causes: without the acknowledgement rev_daily would move to the nearer one."""
    triage(store, failing("orders", "rev_daily"), knowing(), now=minutes(5))
    change(store, 1, lambda i: i.acknowledged(by="ana", at=minutes(6)), knowing(), now=minutes(6))
    triage(store, [make_alert("raw", minutes(7))], knowing(), now=minutes(8))
    [incident] = open_ones(store)
    assert {str(m.subject.asset) for m in incident.members} == {"raw", "orders", "rev_daily"}
    assert incident.status is Status.ACKNOWLEDGED


def test_an_incident_ends_when_its_last_member_is_well(store: SqlStore) -> None:
    alerts = failing("raw", "orders")
    triage(store, alerts, knowing(), now=minutes(5))
    triage(store, [make_recovery(alerts[0], minutes(20))], knowing(), now=minutes(20))
    assert store.incident(1).is_open
    done = triage(store, [make_recovery(alerts[1], minutes(25))], knowing(), now=minutes(25))
    assert done.resolved == ("INC-1",)


def test_a_repeat_moves_nothing_and_costs_no_regrouping(store: SqlStore) -> None:
    triage(store, failing("raw", "orders"), knowing(), now=minutes(5))
    triage(store, [make_alert("orders", minutes(200))], knowing(), now=minutes(200))
    [incident] = store.incidents()
    assert incident.alert_count == 3
    assert [m.edge for m in incident.members] == [None, Edge.TIME]


IDS = {"raw": 1, "orders": 2, "rev_daily": 3, "web": 4}
BUILT = Facts(
    materializations=tuple(
        Materialization(asset=asset, id=IDS[asset], at=minutes(-60 + IDS[asset]), inputs=inputs)
        for asset, inputs in {
            "raw": {},
            "orders": {"raw": 1},
            "rev_daily": {"orders": 2},
            "web": {"raw": 1},
        }.items()
    )
)


def test_with_pointers_the_verdict_that_comes_last_moves_the_root_of_all_in_every_order(tmp_path) -> None:
    """That rev_daily was built from a bad orders is proved before raw is known to be bad; then orders itself was
    built from a bad record, and both belong to that."""
    for n, order in enumerate(permutations(FOUR)):
        with empty_store(tmp_path / f"{n}.db") as store:
            triage(store, [], knowing(), now=minutes(0), facts=BUILT, cursor=("dagster", "1"))
            for k, asset in enumerate(order):
                alert = make_alert(asset, minutes(k), materialization=IDS[asset])
                verdict = Evaluation(
                    event_id=alert.event_id,
                    asset=asset,
                    check="not_null",
                    passed=False,
                    at=alert.occurred_at,
                    materialization=IDS[asset],
                )
                triage(store, [alert], knowing(), now=minutes(k), facts=Facts(evaluations=(verdict,)))
            [incident] = open_ones(store)
            assert (incident.id, shape(incident)) == ("INC-1", EXPECTED)
            assert incident.root.materialization == 1
            assert {m.edge for m in incident.members if m.hops} == {Edge.POINTER}


def test_a_parent_whose_check_passed_lately_is_not_accused_in_a_large_catalog_either(store: SqlStore) -> None:
    """The pass names no record: it was reported by hand."""
    many = Catalog([*G.nodes, *(AssetNode(key=f"other/{n}") for n in range(300))], fetched_at=T0)
    knowledge = replace(knowing(), catalog=many)
    passed = Evaluation(event_id="e", asset="raw", check="not_null", passed=True, at=minutes(-5))
    triage(store, failing("orders", "web"), knowledge, now=minutes(10), facts=Facts(evaluations=(passed,)))
    assert [str(i.root.subject.asset) for i in store.incidents()[::-1]] == ["orders", "web"]


def test_the_same_two_of_a_parent_that_nobody_checks_are_its_fault_in_a_large_catalog(store: SqlStore) -> None:
    """The control of the one before."""
    many = Catalog([*G.nodes, *(AssetNode(key=f"other/{n}") for n in range(300))], fetched_at=T0)
    triage(store, failing("orders", "web"), replace(knowing(), catalog=many), now=minutes(10))
    [incident] = store.incidents()
    assert (str(incident.root.subject.asset), incident.is_root_silent) == ("raw", True)
