"""Slack is slow, away, or set up wrongly: detection goes on, every message is kept, and somebody hears of it."""

from datetime import timedelta
from pathlib import Path

import pytest

from incident_ops.core.delivery import DeliveryStatus
from incident_ops.core.status import EntryKind, Status
from incident_ops_tests.fake_slack import dropped, error, rate_limited, server_error
from incident_ops_tests.scenarios.story import Story, telling


def boom_fails(story: Story) -> None:
    story.breaks("boom")
    story.builds("boom")


def incidents_of_tenant(story: Story) -> list[str]:
    """Those of the watched assets, without those about ourselves."""
    return [incident.title for incident in story.incidents if incident.root.subject.asset is not None]


def test_asked_to_wait_30_seconds_we_wait_at_least_that_long_and_the_tick_does_not_fail(story: Story):
    boom_fails(story)
    story.slack.next(rate_limited(30))
    report = story.tick()
    assert (report.triaged.alerts, report.dispatched.delivered, report.dispatched.pending) == (2, 0, 1)
    for _ in range(2):
        story.later(seconds=14)
        assert story.tick().dispatched.delivered == 0
    assert len(story.slack.calls) == 1, "asked again before the time"
    story.later(seconds=3)
    assert story.tick().dispatched.delivered == 1
    assert len(story.slack.posts("#fin")) == 1


def test_detection_goes_on_while_slack_is_away(story: Story):
    story.slack.down(dropped())
    boom_fails(story)
    story.tick()
    story.breaks("orphan")
    story.builds("orphan")
    story.tick()
    assert incidents_of_tenant(story) == ["boom: failed to build", "orphan: failed to build"]


def test_after_20_minutes_of_errors_the_fallback_has_it_too_and_slack_gets_it_once(story: Story):
    boom_fails(story)
    story.slack.down(server_error())
    for _ in range(20):
        story.tick()
        story.later(minutes=1)
    assert story.slack.posts() == []
    kept = [message for message in story.store.inbox() if "boom" in message.headline]
    assert [message.key for message in kept] == ["INC-1:post:inbox:#data-incidents"]
    story.slack.up()
    story.later(minutes=5)
    story.tick()
    assert [post.headline for post in story.slack.posts("#fin")] == ["🔴 INC-1 SEV2 boom: failed to build"]
    assert story.store.unfinished() == 0


def test_after_5_minutes_of_errors_nobody_else_is_bothered(story: Story):
    """The control: a short outage needs no fallback."""
    boom_fails(story)
    story.slack.down(server_error())
    for _ in range(5):
        story.tick()
        story.later(minutes=1)
    story.slack.up()
    story.later(minutes=5)
    story.tick()
    assert story.store.inbox() == []
    assert len(story.slack.posts()) == 1


def test_the_cool_down_begins_when_slack_has_accepted_and_not_before(story: Story):
    boom_fails(story)
    story.slack.down(server_error())
    story.tick()
    story.later(hours=1)
    story.slack.up()
    story.tick()
    accepted = story.now
    [post] = story.slack.posts("#fin")
    for minutes_after, is_pushed in ((239, False), (241, True)):
        story.later(seconds=(accepted + timedelta(minutes=minutes_after) - story.now).total_seconds())
        story.builds("boom")
        story.tick()
        assert any(reply.broadcast for reply in story.slack.replies(post.ts)) is is_pushed


def test_an_unknown_channel_is_replaced_by_the_default_channel_and_the_timeline_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with telling(tmp_path, monkeypatch, channels=["data-incidents", "web"]) as story:
        story.knows_the_catalog()
        boom_fails(story)
        report = story.tick()
        assert list(story.told()) == ["data-incidents"]
        assert story.timeline(EntryKind.DELIVERY_FAILED) == [
            "post to slack:#fin was refused: Slack refused chat.postMessage for #fin: there is no such channel, "
            "or it is private and the app was not invited to it (channel_not_found); "
            "sent to slack:#data-incidents instead"
        ]
        assert "#fin" in report.dispatched.for_people[0]
        story.heals()
        story.builds("boom")
        story.tick()
        [post] = story.slack.posts()
        assert post.headline.startswith("🟢") and len(story.slack.replies(post.ts)) == 1


def test_a_missing_scope_is_said_to_people_and_the_delivery_waits_for_it(story: Story):
    boom_fails(story)
    story.slack.down(error("missing_scope", needed="chat:write", provided="channels:read"))
    report = story.tick()
    assert report.dispatched.for_people == [
        "slack:#fin: Slack refused chat.postMessage for #fin: the token lacks the scope chat:write; add it under "
        "OAuth & Permissions and install the app again"
    ]
    assert [message.incident for message in story.store.inbox()] == ["INC-1"], "meanwhile it can be read here"
    assert story.incident.status is Status.TRIGGERED
    story.later(minutes=30)
    story.tick()
    story.slack.up()
    story.later(minutes=6)
    story.tick()
    assert len(story.slack.posts("#fin")) == 1
    assert {delivery.status for delivery in story.store.deliveries(1)} == {DeliveryStatus.ACCEPTED}


def test_without_a_token_everything_goes_to_the_inbox(story: Story):
    del story.environ["INCIDENT_OPS_SLACK_TOKEN"]
    boom_fails(story)
    story.tick()
    story.heals()
    story.builds("boom")
    story.tick()
    post, end = story.store.inbox()
    assert (post.to, post.thread, end.thread) == ("#fin", None, post.key)
    assert "boom: failed to build" in post.headline and "resolved" in post.text
    assert story.slack.calls == []
