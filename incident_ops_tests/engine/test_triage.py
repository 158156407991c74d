"""Triage over a real store: idempotent, all or nothing, and every change told like any other."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.alert import CheckSeverity, RetrySucceeded
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.errors import IllegalTransition, NotFound
from incident_ops.core.routing import RoutingRules
from incident_ops.core.severity import Severity
from incident_ops.core.status import EntryKind, Resolution, Status
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.ports import Transaction
from incident_ops.engine.triage import change, enrich, settle_recovered, triage
from incident_ops.engine.triaged import Triaged
from incident_ops_tests.builders import T0, make_alert, make_recovery, minutes

GOLD = {"incident_ops/tier": "gold"}
CATALOG = Catalog([AssetNode(key="a/b", owners=("team:fin",), tags=GOLD, location="shop")], fetched_at=T0)


def knowing(catalog: Catalog = CATALOG, **policy: Any) -> Knowledge:
    rules = RoutingRules(sink="slack", default_channel="#data")
    return Knowledge(catalog=catalog, policy=Policy(routing=rules, **policy), installed_at=T0)


def posts(store: SqlStore, number: int = 1) -> list[str]:
    return [f"{d.action} {d.destination.address}" for d in store.deliveries(number)]


# ---- once


def test_an_alert_becomes_an_incident_a_post_and_a_cursor(store: SqlStore) -> None:
    done = triage(store, [make_alert()], knowing(), now=minutes(1), cursor=("dagster", "17"))
    assert done == Triaged(alerts=1, opened=("INC-1",))
    incident = store.incident(1)
    assert (incident.owner, incident.severity, incident.labels["tier"]) == ("team:fin", "SEV1", "gold")
    assert posts(store) == ["post #fin"]
    assert [e.kind for e in store.timeline(1)] == [EntryKind.OPENED, EntryKind.NOTIFIED]
    assert store.cursor("dagster") == "17"


def test_an_event_that_is_read_again_changes_nothing(store: SqlStore) -> None:
    """The sensor, the tail and the sweep all bring the same events."""
    alert = make_alert()
    triage(store, [alert, alert], knowing(), now=minutes(1))
    before = store.incident(1)
    assert triage(store, [alert], knowing(), now=minutes(2)) == Triaged()
    assert (store.incident(1), len(store.alerts(1, limit=9)), posts(store)) == (before, 1, ["post #fin"])


def test_a_recovery_that_is_read_again_changes_nothing(store: SqlStore) -> None:
    alert = make_alert()
    triage(store, [alert, make_recovery(alert)], knowing(), now=minutes(6))
    ended = store.incident(1)
    assert triage(store, [make_recovery(alert)], knowing(), now=minutes(7)) == Triaged()
    assert store.incident(1) == ended


class StumblingStore(SqlStore):
    """A store whose transactions die at their very last statement."""

    def __init__(self, store: SqlStore) -> None:
        super().__init__(store._database)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with super().transaction() as tx:
            yield tx
            raise ConnectionResetError("killed before the commit")


def test_alert_incident_outbox_and_cursor_are_written_together_or_not_at_all(store: SqlStore) -> None:
    """A cursor that moved on without its alert would lose it for ever."""
    alert = make_alert()
    with pytest.raises(ConnectionResetError):
        triage(StumblingStore(store), [alert], knowing(), now=minutes(1), cursor=("dagster", "17"))
    assert (store.incidents(), store.unfinished(), store.cursor("dagster")) == ([], 0, None)
    assert triage(store, [alert], knowing(), now=minutes(2), cursor=("dagster", "17")).opened == ("INC-1",)
    assert posts(store) == ["post #fin"]


def test_a_quiet_page_moves_the_cursor_only(store: SqlStore) -> None:
    assert triage(store, [], knowing(), now=minutes(1), cursor=("dagster", "18")) == Triaged()
    assert (store.cursor("dagster"), store.incidents()) == ("18", [])


# ---- one failure, one incident


def test_a_storm_is_one_incident_with_one_post(store: SqlStore) -> None:
    storm = [make_alert(occurred_at=minutes(n / 60)) for n in range(300)]
    done = triage(store, storm, knowing(), now=minutes(6))
    assert (done.alerts, done.opened) == (300, ("INC-1",))
    assert (store.incident(1).alert_count, posts(store), len(store.timeline(1))) == (300, ["post #fin"], 2)


def test_assets_that_one_step_did_not_build_are_one_incident(store: SqlStore) -> None:
    both = [make_alert(asset, kind="run_failed", cause="r1/pair") for asset in ("a/b", "x/y")]
    assert triage(store, both, knowing(), now=minutes(1)).opened == ("INC-1",)
    assert [str(m.subject) for m in store.incident(1).members] == ["a/b", "x/y"]


def test_a_failure_within_the_window_reopens_and_a_later_one_opens(store: SqlStore) -> None:
    policy = knowing(reopen_within=timedelta(hours=1))
    first = make_alert()
    triage(store, [first, make_recovery(first)], policy, now=minutes(5))
    again = make_alert(occurred_at=minutes(30))
    assert triage(store, [again], policy, now=minutes(30)).updated == ("INC-1",)
    assert (store.incident(1).status, store.incident(1).reopened) == (Status.TRIGGERED, 1)
    triage(store, [make_recovery(again)], policy, now=minutes(35))
    assert triage(store, [make_alert(occurred_at=minutes(200))], policy, now=minutes(200)).opened == ("INC-2",)


def test_what_is_older_than_the_installation_is_recorded_and_not_pushed(store: SqlStore) -> None:
    days = [make_alert(f"a/{d}", T0 - timedelta(hours=hours)) for d, hours in enumerate((1, 24, 25))]
    triage(store, days, knowing(), now=minutes(1))
    assert [len(posts(store, n)) for n in (1, 2, 3)] == [1, 1, 0]
    assert store.timeline(3)[-1].kind is EntryKind.SUPPRESSED


def test_a_warning_is_recorded_with_the_reason_for_its_silence(store: SqlStore) -> None:
    """Law 6: every silence has a reason, on the timeline."""
    triage(store, [make_alert(check_severity=CheckSeverity.WARN)], knowing(), now=minutes(1))
    assert posts(store) == []
    assert (
        store.timeline(1)[-1].text
        == "nobody is pushed: WARN is recorded and listed, not pushed, in the daily digest"
    )
    triage(store, [make_alert(occurred_at=minutes(2))], knowing(), now=minutes(2))
    assert posts(store) == ["post #fin"]


# ---- recovering


def test_an_incident_ends_when_its_last_member_is_well(store: SqlStore) -> None:
    one, other = make_alert(partition="p1"), make_alert(partition="p2")
    triage(store, [one, other], knowing(), now=minutes(1))
    assert triage(store, [make_recovery(one)], knowing(), now=minutes(5)).resolved == ()
    assert triage(store, [make_recovery(other)], knowing(), now=minutes(6)).resolved == ("INC-1",)


def test_with_a_delay_it_ends_when_it_stayed_well(store: SqlStore) -> None:
    """Flapping for an hour must not be told as ten incidents."""
    policy = knowing(resolve_after=timedelta(minutes=10))
    alert = make_alert()
    triage(store, [alert], policy, now=minutes(1))
    assert triage(store, [make_recovery(alert)], policy, now=minutes(5)).resolved == ()
    assert settle_recovered(store, policy, now=minutes(14)) == Triaged()
    assert settle_recovered(store, policy, now=minutes(15)).resolved == ("INC-1",)
    assert settle_recovered(store, policy, now=minutes(16)) == Triaged()
    assert store.incident(1).resolved_at == minutes(15)


def test_a_failure_during_the_delay_keeps_it_open(store: SqlStore) -> None:
    policy = knowing(resolve_after=timedelta(minutes=10))
    alert = make_alert()
    triage(store, [alert, make_recovery(alert), make_alert(occurred_at=minutes(9))], policy, now=minutes(9))
    assert settle_recovered(store, policy, now=minutes(60)) == Triaged()


def test_a_retry_that_passes_resolves_and_marks_flaky(store: SqlStore) -> None:
    alert = make_alert(kind="run_failed", run_id="r1", run_group="r1")
    passed = RetrySucceeded(event_id="e", run_group="r1", run_id="r2", occurred_at=minutes(5))
    done = triage(store, [alert, make_recovery(alert), passed], knowing(), now=minutes(6))
    assert done == Triaged(alerts=1, opened=("INC-1",), resolved=("INC-1",))
    assert store.incident(1).flaky


def test_what_still_fails_after_a_retry_is_not_flaky(store: SqlStore) -> None:
    alert = make_alert(kind="run_failed", run_id="r1", run_group="r1")
    passed = RetrySucceeded(event_id="e", run_group="r1", run_id="r2", occurred_at=minutes(5))
    triage(store, [alert], knowing(), now=minutes(1))
    assert triage(store, [passed], knowing(), now=minutes(6)) == Triaged()
    assert not store.incident(1).flaky


# ---- knowledge that comes later


def test_an_owner_that_becomes_known_is_told_and_so_is_the_default(store: SqlStore) -> None:
    triage(store, [make_alert()], knowing(Catalog()), now=minutes(1))
    assert (posts(store), store.incident(1).owner, store.incident(1).severity) == (["post #data"], None, "SEV2")
    assert enrich(store, knowing(Catalog()), now=minutes(2)) == Triaged()
    assert enrich(store, knowing(), now=minutes(3)).updated == ("INC-1",)
    known = store.incident(1)
    assert known.owner == "team:fin"
    assert {"tier": "gold", "location": "shop", "team": "fin", "tag:incident_ops/tier": "gold"}.items() <= dict(
        known.labels
    ).items()
    assert posts(store) == ["post #data", "post #fin", "reply #data"]
    assert enrich(store, knowing(), now=minutes(4)) == Triaged()


def test_an_asset_without_owners_stays_with_the_default(store: SqlStore) -> None:
    nobodys = knowing(Catalog([AssetNode(key="a/b")], fetched_at=T0))
    triage(store, [make_alert()], nobodys, now=minutes(1))
    assert enrich(store, nobodys, now=minutes(2)) == Triaged()
    assert posts(store) == ["post #data"]


# ---- people


def test_a_persons_change_is_stored_and_told(store: SqlStore) -> None:
    triage(store, [make_alert()], knowing(), now=minutes(1))
    taken = change(store, 1, lambda i: i.acknowledged(by="ann", at=minutes(2)), knowing(), now=minutes(2))
    assert (taken.status, taken.assignee, taken.revision) == (Status.ACKNOWLEDGED, "ann", 2)
    assert posts(store) == ["post #fin", "reply #fin"]
    assert store.deliveries(1)[-1].text == "Acknowledged by ann"


def test_an_illegal_change_changes_nothing(store: SqlStore) -> None:
    triage(store, [make_alert()], knowing(), now=minutes(1))
    before = store.incident(1)
    with pytest.raises(IllegalTransition):
        change(store, 1, lambda i: i.closed(at=minutes(2)), knowing(), now=minutes(2))
    with pytest.raises(NotFound, match="INC-7"):
        change(store, 7, lambda i: i, knowing(), now=minutes(2))
    assert (store.incident(1), len(store.timeline(1)), posts(store)) == (before, 2, ["post #fin"])


def test_a_persons_severity_stands_through_later_alerts(store: SqlStore) -> None:
    triage(store, [make_alert()], knowing(), now=minutes(1))
    change(store, 1, lambda i: i.graded(Severity.SEV3, by="ann", at=minutes(2)), knowing(), now=minutes(2))
    triage(store, [make_alert(occurred_at=minutes(3))], knowing(), now=minutes(3))
    assert store.incident(1).severity is Severity.SEV3


def test_what_a_person_resolved_is_over_until_it_fails_again(store: SqlStore) -> None:
    triage(store, [make_alert()], knowing(), now=minutes(1))
    change(
        store,
        1,
        lambda i: i.resolved(at=minutes(10), by="ann", reason=Resolution.EXPECTED),
        knowing(),
        now=minutes(10),
    )
    triage(store, [make_alert(occurred_at=minutes(9))], knowing(), now=minutes(11))
    assert store.incident(1).status is Status.RESOLVED
    triage(store, [make_alert(occurred_at=minutes(12))], knowing(), now=minutes(12))
    assert store.incident(1).status is Status.TRIGGERED
