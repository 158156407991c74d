"""It fails, it is well, it fails again: the same incident for a day, a new one after that."""

from incident_ops.core.status import EntryKind, Status
from incident_ops_tests.scenarios.story import Story


def fails_and_recovers(story: Story) -> None:
    story.reports_check("orders", "not_null", passed=False)
    story.tick()
    story.later(minutes=30)
    story.reports_check("orders", "not_null", passed=True)
    story.tick()
    assert story.incident.status is Status.RESOLVED


def test_a_failure_within_the_window_reopens_the_same_incident_and_turns_its_message_red(story: Story):
    fails_and_recovers(story)
    story.later(hours=23)
    story.reports_check("orders", "not_null", passed=False)
    story.tick()
    assert (story.incident.status, story.incident.reopened) == (Status.TRIGGERED, 1)
    assert story.timeline(EntryKind.REOPENED) == ["failed again within the reopen window"]
    [post] = story.slack.posts()
    assert post.headline == "🔴 INC-1 SEV1 orders: check not_null failed"
    end, again = story.slack.replies(post.ts)
    assert end.text.startswith("Resolved")
    assert again.text.startswith("Failed again within the reopen window")
    assert again.broadcast, "the last push was longer ago than the repeat interval"


def test_a_failure_soon_after_the_end_is_told_in_the_thread_and_rings_no_phone_again(story: Story):
    fails_and_recovers(story)
    story.later(minutes=10)
    story.reports_check("orders", "not_null", passed=False)
    story.tick()
    [post] = story.slack.posts()
    assert post.headline.startswith("🔴") and len(story.slack.replies(post.ts)) == 2
    assert len(story.pushes) == 1


def test_a_failure_after_the_window_is_a_new_incident_with_a_message_of_its_own(story: Story):
    fails_and_recovers(story)
    story.later(hours=25)
    story.reports_check("orders", "not_null", passed=False)
    story.tick()
    assert [(i.status, i.reopened) for i in story.incidents] == [(Status.RESOLVED, 0), (Status.TRIGGERED, 0)]
    assert [post.headline[0] for post in story.slack.posts()] == ["🟢", "🔴"]


def test_the_window_is_as_long_as_the_configuration_says(story: Story):
    story.is_configured("reopen_within: 5m\n")
    fails_and_recovers(story)
    story.later(minutes=6)
    story.reports_check("orders", "not_null", passed=False)
    story.tick()
    assert len(story.incidents) == 2


def test_a_reopened_incident_resolves_again_and_says_so(story: Story):
    fails_and_recovers(story)
    story.later(hours=1)
    story.reports_check("orders", "not_null", passed=False)
    story.tick()
    story.later(minutes=5)
    story.reports_check("orders", "not_null", passed=True)
    story.tick()
    assert (story.incident.status, story.incident.reopened) == (Status.RESOLVED, 1)
    [post] = story.slack.posts()
    assert post.headline.startswith("🟢")
    assert [reply.text.split()[0] for reply in story.slack.replies(post.ts)] == [
        "Resolved:",
        "Failed",
        "Resolved:",
    ]


def test_a_real_run_that_fails_again_reopens_too(story: Story):
    for faults in (["web"], [], ["web"]):
        story.breaks(*faults)
        story.builds("web", "web_dash")
        story.tick()
    assert (story.incident.status, story.incident.reopened) == (Status.TRIGGERED, 1)
    assert len(story.slack.posts()) == 1
