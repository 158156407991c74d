"""The same step fails again and again: a team that was told once must not be told 4,000 times."""

from datetime import timedelta

from incident_ops.core.alert import AlertKind
from incident_ops.core.status import EntryKind, Status
from incident_ops.engine.ops import notification_pass
from incident_ops.engine.triage import triage
from incident_ops_tests.builders import make_alert
from incident_ops_tests.scenarios.story import Story

REPEAT_INTERVAL = timedelta(hours=4)


def test_four_runs_with_three_retries_each_are_one_incident_and_one_post(story: Story):
    story.breaks("boom")
    for _ in range(4):
        first = story.builds("boom")
        story.tick()
        for _ in range(3):
            story.builds("boom", retry_of=first)
        story.tick()
    assert [incident.title for incident in story.incidents] == ["boom: failed to build"]
    assert len(story.slack.posts()) == len(story.pushes) == 1
    assert len({alert.run_id for alert in story.store.alerts(1, limit=100)}) == 16


def test_4000_failures_in_24_hours_are_one_post_and_one_push_per_repeat_interval(story: Story):
    """27,900 messages in fourteen days is what one broken asset sent a team that had no such rule."""
    failures, ticks = 4000, 24 * 2
    sent, began = 0, story.now
    for number in range(1, ticks + 1):
        story.later(minutes=30)
        due = failures * number // ticks
        alerts = [
            make_alert(
                "boom",
                occurred_at=story.now,
                kind=AlertKind.RUN_FAILED,
                run_id=f"run-{n}",
                summary=f"ValueError: batch {n}",
                error_signature="the same",
            )
            for n in range(sent, due)
        ]
        triage(story.store, alerts, story.knowledge(), now=story.now)
        notification_pass(story.ops(), now=story.now, may_go_on=lambda: True)
        sent = due
    assert story.now - began == timedelta(hours=24)
    assert story.incident.alert_count == failures
    [post] = story.slack.posts()
    assert "3,999 more" in post.content
    assert 2 <= len(story.pushes) <= 1 + timedelta(hours=24) / REPEAT_INTERVAL
    assert len(story.timeline(EntryKind.ALERT)) == 0, "the storm is counted, not written out"


def test_the_repeated_push_says_how_many_more_there_were(story: Story):
    story.breaks("boom")
    story.builds("boom")
    story.tick()
    story.later(hours=3, minutes=59)
    story.builds("boom")
    story.tick()
    assert len(story.pushes) == 1
    story.later(minutes=2)
    story.builds("boom")
    story.tick()
    [post, again] = story.pushes
    assert again.thread_ts == post.ts
    assert again.text == "Still failing: 2 more since the first failure."


def test_a_failure_whose_retry_passed_before_the_first_tick_is_reported_and_is_flaky(story: Story):
    story.breaks("boom")
    first = story.builds("boom", "leaf")
    story.heals()
    story.builds("boom", "leaf", retry_of=first)
    report = story.tick()
    assert (report.triaged.opened, report.triaged.resolved) == (("INC-1",), ("INC-1",))
    assert story.incident.status is Status.RESOLVED and story.incident.flaky
    [post] = story.slack.posts("#fin")
    assert post.headline.startswith("🟢") and "a retry passed" in post.content


def test_a_failure_whose_retry_passes_after_it_was_told_resolves_by_itself_and_is_flaky(story: Story):
    story.breaks("boom")
    first = story.builds("boom", "leaf")
    story.tick()
    assert story.incident.status is Status.TRIGGERED and not story.incident.flaky
    story.heals()
    story.builds("boom", "leaf", retry_of=first)
    story.tick()
    assert story.incident.status is Status.RESOLVED and story.incident.flaky
    [post] = story.slack.posts("#fin")
    assert post.headline.startswith("🟢") and len(story.slack.replies(post.ts)) == 1


def test_a_failure_that_a_later_run_mends_is_not_flaky(story: Story):
    """The control: only a retry of the very run says that nothing had to be mended."""
    story.breaks("boom")
    story.builds("boom")
    story.tick()
    story.heals()
    story.builds("boom")
    story.tick()
    assert story.incident.status is Status.RESOLVED and not story.incident.flaky


def test_a_retry_that_fails_as_well_leaves_the_incident_open(story: Story):
    story.breaks("boom")
    first = story.builds("boom")
    story.builds("boom", retry_of=first)
    story.tick()
    assert story.incident.status is Status.TRIGGERED and not story.incident.flaky
