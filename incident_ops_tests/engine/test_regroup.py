"""Merged and split by hand: the timeline says so, and grouping keeps to it."""

from dataclasses import replace

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.errors import IllegalChange, NotFound
from incident_ops.core.incident import Incident
from incident_ops.core.record import incident_record
from incident_ops.core.status import EntryKind, Resolution, Status
from incident_ops.engine.regroup import merge, split
from incident_ops.engine.triage import change, triage
from incident_ops_tests.builders import T0, make_alert, minutes
from incident_ops_tests.engine.test_one_cause import BUILT, G, failing, knowing, live_posts, open_ones


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


def member_hops(incident: Incident) -> dict[str, int | None]:
    """As told to machines."""
    return {member["asset"]: member["hops"] for member in incident_record(incident)["members"]}


TWO_G = replace(
    knowing(),
    catalog=Catalog(
        [
            *G.nodes,
            *(replace(n, key=f"b/{n.key}", upstream=tuple(f"b/{up}" for up in n.upstream)) for n in G.nodes),
        ],
        fetched_at=T0,
    ),
)
"""Graph G, and it once more beside it."""


def test_what_was_merged_from_elsewhere_does_not_stand_for_the_root(store: SqlStore) -> None:
    elsewhere = [make_alert(f"b/{asset}", minutes(n)) for n, asset in enumerate(("raw", "orders"))]
    here = [make_alert(asset, minutes(5 + n)) for n, asset in enumerate(("raw", "orders"))]
    triage(store, elsewhere, TWO_G, now=minutes(8))
    triage(store, here, TWO_G, now=minutes(8))
    merged = merge(store, 2, [1], TWO_G, by="ana", now=minutes(9))
    assert (merged.title, merged.owner) == ("raw: check not_null failed (and 1 downstream)", "team:ingest")
    assert member_hops(merged) == {"raw": 0, "orders": 1, "b/raw": None, "b/orders": None}


def test_the_root_of_what_was_merged_stays_until_something_upstream_of_it_fails(store: SqlStore) -> None:
    triage(store, failing("orders", "web"), knowing(), now=minutes(5))
    merge(store, 1, [2], knowing(), by="ana", now=minutes(9))
    triage(store, [make_alert("web", minutes(10), check="unique")], knowing(), now=minutes(10))
    merged = store.incident(1)
    assert (merged.title, merged.owner) == ("orders: check not_null failed", "team:fin")
    assert member_hops(merged) == {"orders": 0, "web": None}
    assert texts(store, 1, EntryKind.ROOT) == []
    triage(store, [make_alert("raw", minutes(12))], knowing(), now=minutes(12))
    merged = store.incident(1)
    assert (merged.title, merged.owner) == ("raw: check not_null failed (and 3 downstream)", "team:ingest")
    [(told, _)] = texts(store, 1, EntryKind.ROOT)
    assert told == "root: orders → raw: raw fails, too, and is upstream of orders"


def test_what_was_split_off_is_not_the_root_again(store: SqlStore) -> None:
    triage(store, failing("raw", "orders", "web"), knowing(), now=minutes(8))
    split(store, 1, ["raw"], knowing(), by="zoe", now=minutes(9))
    triage(store, [make_alert("rev_daily", minutes(10))], knowing(), now=minutes(10))
    stays, parted = open_ones(store)
    assert (stays.title, stays.owner) == ("orders: check not_null failed (and 1 downstream)", "team:fin")
    assert member_hops(stays) == {"orders": 0, "rev_daily": 1, "web": None}
    assert (parted.title, member_hops(parted)) == ("raw: check not_null failed", {"raw": 0})


def test_what_fails_later_goes_to_the_nearer_of_two_that_a_person_parted(store: SqlStore) -> None:
    triage(store, failing("raw", "orders", "web"), knowing(), now=minutes(8))
    split(store, 1, ["web"], knowing(), by="zoe", now=minutes(9))
    triage(store, [make_alert("web_dash", minutes(10))], knowing(), now=minutes(10))
    assert [assets_of(incident) for incident in open_ones(store)] == [["raw", "orders"], ["web", "web_dash"]]


def test_an_older_incident_that_takes_in_what_a_person_arranged_keeps_to_it(store: SqlStore) -> None:
    triage(store, [make_alert("rev_daily", minutes(0))], knowing(), now=minutes(0))
    triage(store, [make_alert(asset, minutes(90)) for asset in ("raw", "orders")], knowing(), now=minutes(90))
    split(store, 2, ["raw"], knowing(), by="zoe", now=minutes(91))
    triage(store, [make_alert("rev_daily", minutes(95))], knowing(), now=minutes(95))
    triage(store, [make_alert("orders", minutes(96), check="unique")], knowing(), now=minutes(96))
    together = [assets_of(incident) for incident in open_ones(store)]
    assert [sorted(set(assets)) for assets in together] == [["orders", "rev_daily"], ["raw"]]
    assert store.incident(1).grouped_by == "zoe"


def test_a_member_that_fails_again_leaves_the_title_as_it_is(store: SqlStore) -> None:
    triage(store, failing("raw", "orders", "web"), knowing(), now=minutes(8))
    title = store.incident(1).title
    assert title == "raw: check not_null failed (and 2 downstream)"
    triage(store, [make_alert("web", minutes(10))], knowing(), now=minutes(10))
    assert store.incident(1).title == title


def test_news_without_any_way_to_an_incident_takes_nothing_out_of_it(store: SqlStore) -> None:
    """Nothing looks at orders, and what is learnt of ten other pipelines says nothing of it."""
    shape = {"raw": (), "orders": ("raw",), "rev": ("orders",)}
    places = ["gap", *(f"s{n}" for n in range(10))]
    nodes = [
        AssetNode(
            key=f"{place}/{name}",
            upstream=tuple(f"{place}/{up}" for up in ups),
            checks=() if (place, name) == ("gap", "orders") else ("not_null",),
        )
        for place in places
        for name, ups in shape.items()
    ]
    knowledge = replace(knowing(), catalog=Catalog(nodes, fetched_at=T0))
    triage(store, failing("gap/raw", "gap/rev", apart=1), knowledge, now=minutes(2))
    storm = [make_alert(f"{p}/{name}", minutes(5 + n)) for p in places[1:] for n, name in enumerate(shape)]
    triage(store, storm, knowledge, now=minutes(10))
    assert assets_of(store.incident(1)) == ["gap/raw", "gap/rev"]
    assert len(open_ones(store)) == 11
