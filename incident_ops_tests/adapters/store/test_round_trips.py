"""What is saved is what is loaded, every field of it."""

from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from incident_ops.adapters.store import SqlStore, rows
from incident_ops.adapters.store.columns import NaiveDatetime
from incident_ops.core.alert import Alert, AssetRef, Evidence, Subject
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.delivery import Delivery, DeliveryStatus, Receipt
from incident_ops.core.forecast.deadlines import CronWindow, TimeWindow
from incident_ops.core.incident import Incident, Root
from incident_ops.core.notices import Action
from incident_ops.core.record import incident_record
from incident_ops.engine.ports import InboxMessage
from incident_ops_tests.adapters.store.values import (
    COMPLETE_ALERT,
    COMPLETE_INCIDENT,
    LEASE,
    SLACK,
    notice,
    opened_for,
    owe,
)
from incident_ops_tests.builders import make_alert, make_incident, minutes


@pytest.mark.parametrize(
    "value", [COMPLETE_ALERT, COMPLETE_ALERT.evidence, COMPLETE_INCIDENT, COMPLETE_INCIDENT.members[0]]
)
def test_the_complete_values_leave_no_field_at_its_default(value: Incident | Alert):
    """A field added to the core and forgotten in `rows` would be lost in silence."""
    for field in fields(value):
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if field.name not in ("revision", "measurement"):  # the history has what an alert measured
            assert getattr(value, field.name) not in (default, None), field.name


def stored(store: SqlStore, incident: Incident) -> Incident:
    with store.transaction() as tx:
        return tx.save(incident)


def test_an_incident_with_everything_set_is_loaded_as_it_was_saved(store: SqlStore):
    saved = stored(store, COMPLETE_INCIDENT)
    assert saved == replace(COMPLETE_INCIDENT, revision=1, news=())
    assert store.incident(7) == saved
    assert store.incidents() == [saved]
    assert store.timeline(7) == list(COMPLETE_INCIDENT.news)
    assert list(store.incident(7).facts) == ["zeta", "alpha"], "facts are shown in their order"
    assert incident_record(saved)["responders"] == ["ana@example.com", "bob@example.com"]


def test_an_incident_with_nothing_optional_is_loaded_as_it_was_saved(store: SqlStore):
    bare = make_incident(1, make_alert(None, name="webhook"), owner=None, labels={}, news=())
    bare = replace(bare, root=Root(subject=Subject(name="webhook")))
    assert store.incidents() == []
    assert store.timeline(1) == []
    saved = stored(store, bare)
    assert store.incident(1) == saved
    assert store.incident(1).root == bare.root


def test_a_changed_incident_replaces_every_field(store: SqlStore):
    first = stored(store, make_incident(7, make_alert("other/asset")))
    changed = replace(COMPLETE_INCIDENT, revision=first.revision)
    assert store.incident(7) == first
    saved = stored(store, changed)
    assert store.incident(7) == saved == replace(changed, revision=2, news=())
    bare = replace(make_incident(7, make_alert("other/asset")), revision=2)
    assert store.incident(7) != stored(store, bare) == store.incident(7)


def test_alerts_are_loaded_as_they_were_stored(store: SqlStore):
    opened_for(store, "a/b")
    bare = make_alert("a/c", occurred_at=minutes(5), evidence=Evidence(summary=""))
    with store.transaction() as tx:
        tx.add_alert(COMPLETE_ALERT, 1)
        tx.add_alert(bare, 1)
    assert store.alerts(1, limit=2) == [COMPLETE_ALERT, bare], "the newest, oldest of them first"
    assert list(store.alerts(1, limit=2)[0].evidence.facts) == ["zeta", "alpha", "mid"]
    assert len(store.alerts(1, limit=10)) == 3


def test_an_alert_that_was_stored_before_attributions_were_kept_is_read_without_one():
    row = rows.alert_values(COMPLETE_ALERT, 7)
    del row["evidence"]["attribution"]
    assert rows.alert_from(row) == replace(
        COMPLETE_ALERT, evidence=replace(COMPLETE_ALERT.evidence, attribution=None)
    )


def test_an_empty_string_is_not_nothing(store: SqlStore):
    alert = make_alert("a/b", partition="", run_id="", check="")
    saved = stored(store, make_incident(1, alert, owner="", assignee=""))
    with store.transaction() as tx:
        tx.add_alert(alert, 1)
    assert store.incident(1) == saved
    assert store.alerts(1, limit=1) == [alert]


def test_a_delivery_is_loaded_with_every_field(store: SqlStore):
    opened_for(store, "a/b")
    owe(store, notice(1, Action.POST, "p", pushes=True), notice(1, Action.REPLY, "r", text="Über\nalles"), at=3)
    expected = Delivery(
        id=store.deliveries(1)[0].id,
        key="p",
        number=1,
        destination=SLACK,
        action=Action.POST,
        text="",
        pushes=True,
        status=DeliveryStatus.PENDING,
        attempts=0,
        created_at=minutes(3),
        not_before=minutes(3),
    )
    assert store.deliveries(1)[0] == expected
    [claimed] = store.claim(now=minutes(4), lease=LEASE, limit=5)
    assert claimed == replace(expected, status=DeliveryStatus.SENDING)
    store.postpone(claimed, error="timed out", not_before=minutes(6), fate_unknown=True, now=minutes(5))
    postponed = replace(expected, attempts=1, error="timed out", not_before=minutes(6), fate_unknown=True)
    assert store.deliveries(1)[0] == postponed
    store.accepted(store.deliveries(1)[0], Receipt(channel="C1", message="17.25"), now=minutes(7))
    post, reply = store.deliveries(1)
    assert post == replace(
        postponed,
        status=DeliveryStatus.ACCEPTED,
        accepted_at=minutes(7),
        error="",
        fate_unknown=False,
        receipt=Receipt(channel="C1", message="17.25"),
    )
    assert (reply.text, reply.thread) == ("Über\nalles", Receipt(channel="C1", message="17.25"))


def test_inbox_messages_are_kept_and_edited(store: SqlStore):
    store.put_inbox("k1", "INC-1", "#orders", "first", "text", None, minutes(1))
    store.put_inbox("k2", "INC-1", "#orders", "second", "text", "k1", minutes(2))
    store.put_inbox("k1", "INC-9", "#other", "the same key again", "other", None, minutes(3))
    store.edit_inbox("k1", "changed", "new text", minutes(4))
    first = InboxMessage(
        key="k1",
        incident="INC-1",
        to="#orders",
        headline="changed",
        text="new text",
        thread=None,
        at=minutes(1),
        edited_at=minutes(4),
    )
    second = InboxMessage(
        key="k2",
        incident="INC-1",
        to="#orders",
        headline="second",
        text="text",
        thread="k1",
        at=minutes(2),
        edited_at=None,
    )
    assert store.inbox() == [first, second]
    assert store.inbox_message("k2") == second
    assert store.inbox_message("k3") is None


def test_the_catalog_is_replaced_and_keeps_every_field(store: SqlStore, open_another):
    assert store.catalog().fetched_at is None
    complete = AssetNode(
        key="a/b",
        location="shop",
        locations=("desk", "shop"),
        owners=("team:fin", "ana@example.com"),
        tags={"incident_ops/tier": "gold"},
        kinds=("dbt", "table"),
        group="finance",
        description="öre",
        upstream=("x/y",),
        consumers=("team:board",),
        runbook="https://example.com",
        freshness=CronWindow(
            deadline_cron="0 9 * * *", lower_bound_delta=timedelta(hours=2), timezone="Asia/Tokyo"
        ),
        checks=("not_empty",),
        partitions="static",
        automation="eager",
        pii_columns=("email",),
        is_materializable=True,
        is_executable=True,
        is_detailed=False,
        is_named_only=True,
        is_observed=True,
    )
    bare, fresh = (
        AssetNode(key="bare"),
        AssetNode(key="fresh", freshness=TimeWindow(fail_window=timedelta(hours=1))),
    )
    assert all(getattr(complete, f.name) != getattr(bare, f.name) for f in fields(complete))
    store.save_catalog(Catalog([AssetNode(key="old")], fetched_at=minutes(0)))
    assert [node.key for node in store.catalog().nodes] == ["old"]
    store.save_catalog(Catalog([complete, bare, fresh], fetched_at=minutes(1)))
    loaded = open_another().catalog()
    assert list(loaded.nodes) == [complete, bare, fresh]
    assert loaded.get(AssetRef(key="a/b")) == complete
    assert loaded.fetched_at == minutes(1)
    with pytest.raises(ValueError, match="never fetched"):
        store.save_catalog(Catalog())


def test_a_catalog_saved_by_another_process_is_seen(store: SqlStore, open_another):
    """The store keeps the catalog it read; it must not keep it for ever."""
    store.save_catalog(Catalog([AssetNode(key="old")], fetched_at=minutes(0)))
    assert len(store.catalog()) == 1
    open_another().save_catalog(Catalog([], fetched_at=minutes(0)))
    assert len(store.catalog()) == 0


def test_named_values_and_cursors_are_overwritten(store: SqlStore):
    assert store.value("a") is None
    store.set_value("a", "1", now=minutes(1))
    store.set_value("a", "2", now=minutes(2))
    with store.transaction() as tx:
        assert tx.cursor("tail") is None
        tx.save_cursor("tail", "41", now=minutes(1))
        tx.save_cursor("tail", "42", now=minutes(2))
        assert tx.cursor("tail") == "42"
    assert store.value("a") == "2"
    assert store.values("a") == {"a": ("2", minutes(2))}


def test_a_prefix_is_taken_literally(store: SqlStore):
    """LIKE would read `_` and `%` as wildcards, and on SQLite ignore case."""
    for name in ("beat_a", "beat_b", "beatXc", "BEAT_d", "be%t"):
        store.set_value(name, name, now=minutes(0))
    assert list(store.values("beat_")) == ["beat_a", "beat_b"]
    assert list(store.values("be%")) == ["be%t"]


def test_times_come_back_as_utc_to_the_microsecond(store: SqlStore):
    tokyo = datetime(2026, 11, 20, 9, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    incident = stored(store, make_incident(1, started_at=tokyo))
    loaded = store.incident(1).started_at
    assert (loaded, loaded.tzinfo) == (tokyo, UTC)
    assert incident.started_at == loaded


def test_a_naive_datetime_is_refused(store: SqlStore):
    naive = datetime(2026, 11, 20, 9, 0)  # noqa: DTZ001
    with pytest.raises(NaiveDatetime, match="naive"):
        stored(store, make_incident(1, started_at=naive))
    assert store.incidents() == []


def test_text_that_a_database_refuses_does_not_stop_an_alert(store: SqlStore):
    """One NUL in an error text would otherwise fail the same tick for ever."""
    evil = "before\x00after \ud800 end"
    alert = make_alert("a/b", evidence=Evidence(summary=evil, detail=evil, facts={"k": evil}))
    with store.transaction() as tx:
        tx.save(make_incident(1, alert, summary=evil))
        tx.add_alert(alert, 1)
    assert store.incident(1).summary == "before\ufffdafter ? end"
    assert store.alerts(1, limit=1)[0].event_id == alert.event_id
