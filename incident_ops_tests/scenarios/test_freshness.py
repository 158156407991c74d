"""Freshness: Dagster's daemon writes down what state an asset is in, and tells nobody."""

import dagster as dg
import pytest

from incident_ops.core.catalog import AssetNode
from incident_ops.core.severity import Severity
from incident_ops.core.status import EntryKind, Status
from incident_ops_tests.scenarios.story import Story

ORDERS, EXTERNAL = "orders", "partner/feed"


@pytest.fixture
def told_story(story: Story) -> Story:
    """The external asset is known to the catalog and was materialized from outside once."""
    story.knows_the_catalog(
        [
            AssetNode(key=key, owners=("team:fin",), tags={"incident_ops/tier": "gold"})
            for key in (ORDERS, EXTERNAL)
        ]
    )
    story.instance.report_runless_asset_event(dg.AssetMaterialization(dg.AssetKey(EXTERNAL.split("/"))))
    story.clock.catch_up()
    return story


@pytest.mark.parametrize("asset", [ORDERS, EXTERNAL])
def test_a_day_in_the_life_of_a_policy_that_warns_after_12_hours_and_fails_after_24(told_story: Story, asset: str):
    story = told_story
    for previous, new in (("UNKNOWN", "UNKNOWN"), ("UNKNOWN", "PASS")):
        story.reports_freshness(asset, previous, new)
        story.tick()
        assert story.incidents == [] and story.slack.calls == []

    story.later(hours=12)
    story.reports_freshness(asset, "PASS", "WARN")
    story.tick()
    assert (story.incident.title, story.incident.severity) == (f"{asset}: late", Severity.SEV3)
    assert story.slack.calls == [] and story.store.inbox() == []
    why = "nobody is pushed: WARN is recorded and listed, not pushed, in the daily digest"
    assert story.timeline(EntryKind.SUPPRESSED) == [why]

    story.later(hours=12)
    story.reports_freshness(asset, "WARN", "FAIL")
    story.tick()
    assert (story.incident.title, story.incident.severity) == (f"{asset}: stale", Severity.SEV1)
    assert story.told() == {"fin": [f"🔴 INC-1 SEV1 {asset}: stale"]}
    assert len(story.pushes) == 1

    story.later(hours=2)
    story.reports_freshness(asset, "FAIL", "PASS")
    story.tick()
    assert story.incident.status is Status.RESOLVED
    assert story.told() == {"fin": [f"🟢 INC-1 SEV1 {asset}: stale"]}
    [post] = story.slack.posts()
    assert "resolved after 14 h" in post.content
    [reply] = story.slack.replies(post.ts)
    assert reply.text == "Resolved: everything that failed is healthy again, after 14 h"
    assert len(story.pushes) == 1


def test_a_warning_that_passes_was_never_anybodys_business(told_story: Story):
    story = told_story
    story.reports_freshness(ORDERS, "PASS", "WARN")
    story.tick()
    story.later(hours=1)
    story.reports_freshness(ORDERS, "WARN", "PASS")
    story.tick()
    assert story.incident.status is Status.RESOLVED
    assert story.slack.calls == []


@pytest.mark.parametrize("state", ["NOT_APPLICABLE", "UNKNOWN"])
def test_only_a_pass_ends_it_for_a_location_that_does_not_load_says_nothing_of_the_data(
    told_story: Story, state: str
):
    story = told_story
    story.reports_freshness(ORDERS, "PASS", "FAIL")
    story.tick()
    story.later(hours=1)
    story.reports_freshness(ORDERS, "FAIL", state)
    story.tick()
    assert story.incident.status is Status.TRIGGERED
    story.reports_freshness(ORDERS, state, "PASS")
    story.tick()
    assert story.incident.status is Status.RESOLVED


def test_a_stale_asset_and_its_failing_check_are_two_troubles(told_story: Story):
    story = told_story
    story.reports_freshness(ORDERS, "PASS", "FAIL")
    story.reports_check(ORDERS, "not_null", passed=False)
    story.tick()
    assert [incident.title for incident in story.incidents] == ["orders: stale", "orders: check not_null failed"]
    story.later(minutes=5)
    story.reports_freshness(ORDERS, "FAIL", "PASS")
    story.tick()
    assert [incident.status for incident in story.incidents] == [Status.RESOLVED, Status.TRIGGERED]
