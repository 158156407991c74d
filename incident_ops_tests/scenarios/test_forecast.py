""" "Will miss" is said before the freshness policy can say it: raw is built at six in half an hour, orders from it
in an hour, and orders must be there at eight."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incident_ops.core.catalog import AssetNode
from incident_ops.core.forecast.deadlines import CronWindow
from incident_ops.core.provenance import Facts, Materialization
from incident_ops.core.status import EntryKind
from incident_ops.engine.report import story_of
from incident_ops.engine.triage import triage
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
