"""The catalog as it is, as it was, and what changed; on both databases."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from incident_ops.adapters.store import SqlStore, catalogs
from incident_ops.adapters.store.tables import catalog_changes, catalog_snapshots
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.catalog.history import ChangeKind
from incident_ops.core.catalog.merge import with_observed
from incident_ops.core.incident import Incident
from incident_ops.core.provenance import Evaluation, Facts, Materialization, RecordKind
from incident_ops_tests.builders import T0, make_alert, make_incident, minutes

RAW = AssetNode(key="raw", owners=("team:a",))
WEB = AssetNode(key="web", upstream=("raw",))


def read(store: SqlStore, at: datetime, *nodes: AssetNode) -> None:
    store.save_catalog(Catalog(nodes, fetched_at=at))


def count(store: SqlStore, table: sa.Table) -> int:
    with store._database.reading() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_a_change_is_kept_as_evidence_with_the_time_it_was_noticed(store: SqlStore):
    read(store, minutes(0), RAW, WEB)
    read(store, minutes(5), RAW, replace(WEB, upstream=("raw", "ads")))
    read(store, minutes(10), replace(RAW, owners=("team:b",)), replace(WEB, upstream=("raw", "ads")))
    changes = store.catalog_changes(["web", "raw", "nobody"], since=minutes(0))
    assert [(c.at, c.asset, c.kind) for c in changes] == [
        (minutes(5), "web", ChangeKind.EDGE_ADDED),
        (minutes(10), "raw", ChangeKind.OWNER),
    ]
    assert changes[0].text == "edge added: web is now built from ads"
    assert store.catalog_changes(["web"], since=minutes(6)) == []
    assert store.catalog_changes([], since=minutes(0)) == []


def test_the_catalog_of_any_moment_can_be_had_again(store: SqlStore):
    days = [T0 + timedelta(days=n) for n in range(3)]
    read(store, days[0], RAW, WEB)
    read(store, days[0] + timedelta(hours=1), replace(RAW, group="g"), WEB)
    read(store, days[0] + timedelta(hours=2), replace(RAW, group="g"))
    read(store, days[2], replace(RAW, group="h"), WEB)
    history = {
        days[0]: [RAW, WEB],
        days[0] + timedelta(minutes=59): [RAW, WEB],
        days[0] + timedelta(minutes=61): [replace(RAW, group="g"), WEB],
        days[1]: [replace(RAW, group="g")],
        days[2]: [replace(RAW, group="h"), WEB],
        days[2] + timedelta(days=9): [replace(RAW, group="h"), WEB],
    }
    assert store.catalog_at(days[0] - timedelta(seconds=1)) is None
    for moment, nodes in history.items():
        then = store.catalog_at(moment)
        assert then is not None
        assert sorted(then.nodes, key=lambda node: node.key) == nodes, moment


def test_a_reading_without_news_only_moves_the_time_or_it_would_fill_the_database(store: SqlStore):
    read(store, minutes(0), RAW, WEB)
    graph = store.catalog().graph
    for n in range(1, 50):
        read(store, minutes(5 * n), RAW, WEB)
    assert count(store, catalog_snapshots) == 1
    assert count(store, catalog_changes) == 0
    assert store.catalog().fetched_at == minutes(245)
    assert store.catalog().graph is graph, "nor is the lineage made anew"


def test_another_process_sees_the_news_and_the_new_time(store: SqlStore, open_another: Callable[[], SqlStore]):
    other = open_another()
    read(store, minutes(0), RAW)
    assert list(other.catalog().nodes) == [RAW]
    read(store, minutes(5), RAW)
    assert other.catalog().fetched_at == minutes(5)
    read(store, minutes(6), RAW, WEB)
    assert list(other.catalog().nodes) == [RAW, WEB]
    read(other, minutes(7), WEB)
    assert [c.kind for c in store.catalog_changes(["raw"], since=T0)] == [ChangeKind.ASSET_GONE]


def test_what_an_earlier_version_stored_is_no_change(store: SqlStore):
    """Its nodes know nothing of policies and partitions: all of these would seem to be new."""
    read(store, minutes(0), RAW)
    with store._database.writing() as connection:
        connection.execute(sa.delete(catalog_snapshots))
    read(store, minutes(5), replace(RAW, partitions="static"))
    assert count(store, catalog_changes) == 0
    then = store.catalog_at(minutes(5))
    assert then is not None
    assert list(then.nodes) == [replace(RAW, partitions="static")]


def test_a_clock_set_back_neither_hides_nor_breaks_a_snapshot(store: SqlStore):
    read(store, T0, RAW)
    read(store, T0 - timedelta(days=2), RAW, WEB)
    then = store.catalog_at(T0)
    assert then is not None
    assert list(then.nodes) == [RAW, WEB]


def test_history_is_kept_for_ninety_days(store: SqlStore):
    for day in (0, 1, 80, 95):
        read(store, T0 + timedelta(days=day), replace(RAW, group=str(day)))
    assert store.catalog_at(T0 + timedelta(days=4)) is None
    kept = store.catalog_at(T0 + timedelta(days=90))
    assert kept is not None
    assert [node.group for node in kept.nodes] == ["80"]
    assert [c.text for c in store.catalog_changes(["raw"], since=T0)] == [
        "group changed: 1 → 80",
        "group changed: 80 → 95",
    ]


def test_a_catalog_that_flaps_is_bounded_by_number_too(store: SqlStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(catalogs, "MOST_SNAPSHOTS", 10)
    monkeypatch.setattr(catalogs, "MOST_CHANGES", 15)
    for n in range(40):
        read(store, T0 + timedelta(hours=4 * n), replace(RAW, group=str(n)))
    assert count(store, catalog_snapshots) <= 10 + 6
    assert count(store, catalog_changes) == 15
    last = store.catalog_at(T0 + timedelta(days=30))
    assert last is not None
    assert [node.group for node in last.nodes] == ["39"]


# ---- assets that only events tell of


def built(asset: str, id: int, at: datetime, *, kind: RecordKind = RecordKind.MATERIALIZATION, **inputs: int):
    return Materialization(asset=asset, id=id, at=at, inputs=inputs, kind=kind)


def test_strangers_are_found_in_materializations_evaluations_and_open_incidents(store: SqlStore):
    with store.transaction() as tx:
        tx.add_facts(
            Facts(
                materializations=(
                    built("lambda", 1, minutes(1), old=7),
                    built("lambda", 2, minutes(2), bucket=8, raw=9),
                    built("lambda", 3, minutes(3), kind=RecordKind.REMARK),
                    built("forgotten", 4, minutes(-9)),
                    built("raw", 5, minutes(2)),
                ),
                evaluations=(
                    Evaluation(event_id="e1", asset="checked", check="c", passed=True, at=minutes(1)),
                    Evaluation(event_id="e2", asset="long_ago", check="c", passed=True, at=minutes(-9)),
                ),
            )
        )
        incident: Incident = make_incident(tx.allocate_number(), make_alert("external/table"))
        tx.save(incident)
    found = store.observed_edges(unknown_to={"raw", "web"}, since=minutes(0))
    assert found == {
        "lambda": {"bucket", "raw"},
        "checked": frozenset(),
        "external/table": frozenset(),
    }, "by the newest record that is not our own remark"
    known = with_observed(Catalog([RAW], fetched_at=T0), found)
    assert known.graph.ancestors("lambda") == {"bucket", "raw"}


def test_without_events_there_are_no_strangers(store: SqlStore):
    assert store.observed_edges(unknown_to=(), since=T0) == {}
