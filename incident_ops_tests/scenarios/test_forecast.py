""" "Will miss" is said before the freshness policy can say it: raw is built at six in half an hour, orders from it
in an hour, and orders must be there at eight."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from incident_ops.core.catalog import AssetNode
from incident_ops.core.forecast.deadlines import CronWindow
from incident_ops.core.provenance import Facts, Materialization
from incident_ops.core.status import EntryKind
from incident_ops.engine.report import story_of
from incident_ops.engine.triage import triage
from incident_ops_tests.adapters.under_way import begun, builds, happens
from incident_ops_tests.builders import make_alert
from incident_ops_tests.scenarios.story import Story

TODAY = datetime(2031, 3, 4, tzinfo=UTC)  # ahead of the clock on the wall, which the story's is never behind
EIGHT = CronWindow(deadline_cron="0 8 * * *", lower_bound_delta=timedelta(hours=8), timezone="UTC")
NODES = [
    AssetNode(key="raw", owners=("team:ingest",)),
    AssetNode(key="orders", owners=("team:fin",), upstream=("raw",), freshness=EIGHT),
]


def at(hour: int, minute: int, *, day: int = 0) -> datetime:
    return TODAY + timedelta(days=day, hours=hour, minutes=minute)


def ten_mornings() -> Facts:
    builds: list[Materialization] = []
    for n, day in enumerate(range(-10, 0)):
        raw = Materialization(asset="raw", id=10 * n + 1, at=at(6, 30, day=day), ready_at=at(6, 0, day=day))
        orders = Materialization(
            asset="orders", id=10 * n + 2, at=at(7, 30, day=day), ready_at=raw.at, inputs={"raw": raw.id}
        )
        builds += [raw, orders]
    return Facts(materializations=tuple(builds))


@pytest.fixture
def morning(story: Story) -> Story:
    """Ten good ones are behind us; today the build of raw fails at six."""
    story.clock.pass_by(at(6, 5) - story.now)
    story.knows_the_catalog(NODES)
    alert = make_alert("raw", at(6, 4), kind="run_failed", observed_at=at(6, 5))
    triage(story.store, [alert], story.knowledge(), now=story.now, facts=ten_mornings())
    return story


def forecast(story: Story) -> list[dict[str, Any]]:
    return story_of(story.store, story.incident, now=story.now)["forecast"]


def test_a_deadline_that_will_be_missed_is_said_an_hour_before_and_once(morning: Story):
    morning.tick()
    [expected] = forecast(morning)
    assert (expected["asset"], expected["deadline"]) == ("orders", "2031-03-04T08:00:00Z")
    assert morning.timeline(EntryKind.FORECAST) == [], "repaired now, it would still be there in time"
    morning.clock.pass_by(at(6, 40) - morning.now)
    for _ in range(2):
        morning.tick()
        morning.later(minutes=6)
    [said] = morning.timeline(EntryKind.FORECAST)
    assert said.startswith("orders will miss its deadline 08:00 UTC: expected 08:10 UTC at the earliest")
    assert "raw → orders" in said
    [post] = morning.slack.posts("#ingest")
    assert any("will miss its deadline" in reply.text for reply in morning.slack.replies(post.ts))


def test_what_is_being_built_again_is_expected_from_the_start_of_its_build(morning: Story):
    """At seven, raw repaired now would be too late; its new run is half done."""
    begun(morning.instance, "raw", at=at(6, 25))
    morning.clock.pass_by(at(6, 54) - morning.now)
    morning.tick()
    [expected] = forecast(morning)
    assert (expected["eta"], expected["verdict"]) == ("2031-03-04T07:55:00Z", "will_make")
    assert expected["basis"].endswith("raw is being built since 06:25 UTC")
    assert morning.timeline(EntryKind.FORECAST) == []


def test_what_was_told_is_taken_back_when_somebody_builds_it_and_told_anew_when_that_fails(morning: Story):
    """Orders can be built in time from yesterday's raw."""
    morning.tick()
    morning.clock.pass_by(at(6, 40) - morning.now)
    morning.tick()
    run_id = begun(morning.instance, "orders", at=at(6, 50))
    for minute in (52, 58):
        morning.clock.pass_by(at(6, minute) - morning.now)
        morning.tick()
    assert forecast(morning)[0]["raised_at"] is None
    happens(morning.instance, run_id, dg.DagsterEventType.RUN_CANCELED, at=at(6, 59))
    morning.clock.pass_by(at(7, 3) - morning.now)
    morning.tick()
    first, second, third = morning.timeline(EntryKind.FORECAST)
    assert first.startswith("orders will miss its deadline 08:00 UTC: expected 08:10 UTC")
    assert second == (
        "orders is expected 07:50 UTC after all, before its deadline 08:00 UTC "
        "(median of 10 builds of orders: 58 min to go; orders is being built since 06:50 UTC)"
    )
    assert third.startswith("orders will miss its deadline 08:00 UTC: expected 08:33 UTC")
    [post] = morning.slack.posts("#ingest")
    assert [reply.text for reply in morning.slack.replies(post.ts)] == [first, second, third]
    assert [post.text for post in morning.slack.posts("#fin")] == [
        "🔴 orders will miss its deadline 2031-03-04 08:00 UTC: expected 2031-03-04 08:10 UTC at the earliest.\n"
        "INC-1: raw: failed to build",
        "🟢 orders is expected 2031-03-04 07:50 UTC after all, before its deadline 2031-03-04 08:00 UTC.\n"
        "INC-1: raw: failed to build",
        "🔴 orders will miss its deadline 2031-03-04 08:00 UTC: expected 2031-03-04 08:33 UTC at the earliest.\n"
        "INC-1: raw: failed to build",
    ]


def test_whose_deadline_it_is_hears_nothing_while_the_incident_is_silenced_and_once_when_it_is_not(morning: Story):
    morning.tick()
    morning.store.add_silence(
        ['asset = "raw"'], begins=morning.now, ends=at(6, 50), author="erin", comment="", now=morning.now
    )
    morning.tick()
    for minute in (40, 45, 52, 53, 58):
        morning.clock.pass_by(at(6, minute) - morning.now)
        morning.tick()
        told = [post.text for post in morning.slack.posts("#fin")]
        assert len(told) == (minute > 52)
    morning.clock.pass_by(at(8, 1) - morning.now)
    morning.tick()
    assert len(morning.slack.posts("#fin")) == 1, "that it has passed is the freshness policy's to say"
    assert [entry.ended_at for entry in morning.store.ledger(1)] == [at(8, 1)]


def test_the_end_of_an_incident_is_no_all_clear_for_what_waited_for_it(morning: Story):
    """Raw comes back late, orders is quicker than usual: its owner hears when it is there."""
    morning.tick()
    run_id = begun(morning.instance, "raw", "orders", at=at(6, 45))
    for hour, minute, key in ((6, 50, ""), (7, 10, "raw"), (7, 55, "orders")):
        morning.clock.pass_by(at(hour, minute) - morning.now)
        if key:
            builds(morning.instance, run_id, key, at=morning.now)
        morning.tick()
        morning.tick()
        assert morning.incident.is_open is (key == "")
        assert len(morning.slack.posts("#fin")) == (2 if key == "orders" else 1)
    assert morning.slack.posts("#fin")[-1].text.startswith(
        "🟢 orders was built 2031-03-04 07:55 UTC, before its deadline 2031-03-04 08:00 UTC."
    )
