"""Merged and split by hand: the timeline says so, and grouping keeps to it."""

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.errors import IllegalChange, NotFound
from incident_ops.core.incident import Incident
from incident_ops.core.status import EntryKind, Resolution, Status
from incident_ops.engine.regroup import merge, split
from incident_ops.engine.triage import change, triage
from incident_ops_tests.builders import make_alert, minutes
from incident_ops_tests.engine.test_one_cause import BUILT, failing, knowing, live_posts, open_ones


def assets_of(incident: Incident) -> list[str]:
    return [str(member.subject.asset) for member in incident.members]


def texts(store: SqlStore, number: int, kind: EntryKind) -> list[tuple[str, str]]:
    return [(entry.text, entry.by) for entry in store.timeline(number) if entry.kind is kind]


def test_merged_incidents_are_one_and_the_others_lead_there(store: SqlStore) -> None:
    triage(store, failing("orders", "web"), knowing(), now=minutes(5))
    merged = merge(store, 1, [2], knowing(), by="ana", now=minutes(9))
    assert (merged.id, assets_of(merged), merged.alert_count, merged.merged_from) == (
        "INC-1",
        ["orders", "web"],
        2,
        (2,),
    )
    other = store.incident(2)
    assert (other.status, other.resolution, other.merged_into) == (Status.RESOLVED, Resolution.DUPLICATE, 1)
    assert texts(store, 2, EntryKind.MERGED) == [("merged into INC-1: decided by ana", "ana")]
    [(text, by)] = texts(store, 1, EntryKind.MERGED)
    assert text.startswith("INC-2 (web: check not_null failed)") and by == "ana"
    assert live_posts(store) == ["#fin", "#web"], "whose members failed by themselves keeps the message it has"


def test_a_merged_incident_is_not_opened_again_by_the_next_failure(store: SqlStore) -> None:
    triage(store, failing("orders", "web"), knowing(), now=minutes(5))
    merge(store, 1, [2], knowing(), by="ana", now=minutes(9))
    triage(store, [make_alert("web", minutes(10))], knowing(), now=minutes(10))
    assert (store.incident(1).alert_count, store.incident(2).is_open) == (3, False)


def test_an_incident_whose_root_lies_upstream_gives_the_root(store: SqlStore) -> None:
    triage(store, [make_alert("orders", minutes(0)), make_alert("raw", minutes(100))], knowing(), now=minutes(100))
    merged = merge(store, 1, [2], knowing(), by="ana", now=minutes(101))
    assert (str(merged.root.subject.asset), [m.hops for m in merged.members]) == ("raw", [0, 1])


def test_what_was_split_by_hand_stays_apart(store: SqlStore) -> None:
    triage(store, failing("raw", "orders", "web"), knowing(), now=minutes(8))
    stays, parted = split(store, 1, ["web"], knowing(), by="bob", now=minutes(9))
    assert (stays.id, assets_of(stays), stays.alert_count) == ("INC-1", ["raw", "orders"], 2)
    assert (parted.id, assets_of(parted), parted.alert_count, parted.owner) == ("INC-2", ["web"], 1, "team:web")
    assert texts(store, 1, EntryKind.SPLIT) == [
        ("web: not_null: parted into an incident of its own by bob", "bob")
    ]
    assert texts(store, 2, EntryKind.SPLIT) == [("parted from INC-1: split by bob", "bob")]
    triage(store, [make_alert("rev_daily", minutes(10))], knowing(), now=minutes(10))
    assert [assets_of(incident) for incident in open_ones(store)] == [["raw", "orders", "rev_daily"], ["web"]]


def test_what_was_parted_leaves_the_origin_behind(store: SqlStore) -> None:
    """It would count as hit by the other incident's bad record, and its users be told twice."""
    bad = {"raw": 1, "orders": 2, "web": 4}
    alerts = [make_alert(asset, minutes(n), materialization=bad[asset]) for n, asset in enumerate(bad)]
    triage(store, alerts, knowing(), now=minutes(8), facts=BUILT)
    assert {str(m.origin) for m in store.incident(1).members if m.hops} != {"None"}
    _, parted = split(store, 1, ["orders"], knowing(), by="bob", now=minutes(9))
    assert [m.origin for m in parted.members] == [None]
    triage(store, [make_alert("rev_daily", minutes(10), materialization=3)], knowing(), now=minutes(10))
    assert str(store.incident(2).root.subject.asset) == "orders", "the root that the person chose"


def test_the_alerts_follow_their_member(store: SqlStore) -> None:
    triage(store, failing("raw", "web"), knowing(), now=minutes(8))
    split(store, 1, ["web: not_null"], knowing(), by="bob", now=minutes(9))
    assert [str(alert.asset) for alert in store.alerts(2, limit=9)] == ["web"]
    assert [str(alert.asset) for alert in store.alerts(1, limit=9)] == ["raw"]


@pytest.mark.parametrize(
    ("assets", "sentence"),
    [
        (["nothing"], "INC-1 has no member nothing; it has orders, orders: not_null, raw, raw: not_null."),
        (["raw", "orders"], "INC-1 would be empty: leave at least one member in it."),
    ],
)
def test_a_split_that_makes_no_sense_is_refused_with_a_sentence(
    store: SqlStore, assets: list[str], sentence: str
) -> None:
    triage(store, failing("raw", "orders"), knowing(), now=minutes(8))
    with pytest.raises(IllegalChange) as refused:
        split(store, 1, assets, knowing(), by="bob", now=minutes(9))
    assert str(refused.value) == sentence


def test_only_what_is_open_is_merged_or_split(store: SqlStore) -> None:
    triage(store, failing("orders", "web"), knowing(), now=minutes(8))
    change(
        store, 2, lambda i: i.resolved(at=minutes(9), by="ana", reason=Resolution.FIXED), knowing(), now=minutes(9)
    )
    with pytest.raises(IllegalChange, match="INC-2 is resolved: only an open incident can be merged"):
        merge(store, 1, [2], knowing(), by="bob", now=minutes(9))
    with pytest.raises(IllegalChange, match="INC-2 is resolved: only an open incident can be split"):
        split(store, 2, ["web"], knowing(), by="bob", now=minutes(9))
    with pytest.raises(IllegalChange, match="INC-1 cannot be merged into itself"):
        merge(store, 1, [1], knowing(), by="bob", now=minutes(9))
    with pytest.raises(NotFound):
        merge(store, 1, [77], knowing(), by="bob", now=minutes(9))
