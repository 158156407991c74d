"""Nobody may forget: what is grave and not acknowledged, and what ended without anybody saying what it was."""

from datetime import timedelta

import pytest

from incident_ops.core.catalog import AssetNode
from incident_ops.core.status import EntryKind, Resolution
from incident_ops_tests.scenarios.story import Story

NOON = "2031-03-04 12:00"
TEAM = """
teams: {fin: {engineer: erin@acme.test, lead: lea@acme.test}}
people: {erin@acme.test: {slack: U0ERIN}, lea@acme.test: {slack: U0LEA}}
"""
HALF_AN_HOUR = timedelta(minutes=30)
QUESTION = "INC-1 ended without a reason. What was it?"


def fails(story: Story, tier: str, configuration: str = "") -> None:
    story.it_is(NOON)
    story.is_configured(TEAM + configuration)
    story.knows_the_catalog([AssetNode(key="orders", owners=("team:fin",), tags={"incident_ops/tier": tier})])
    story.reports_check("orders", "rows", passed=False)
    story.tick()


def in_the_thread(story: Story, beginning: str) -> list[str]:
    [post] = story.slack.posts("#fin")
    replies = story.slack.replies(post.ts)
    return [line for reply in replies for line in reply.text.splitlines() if line.startswith(beginning)]


def test_of_a_sev1_its_engineer_is_reminded_every_hour_until_it_is_acknowledged(story: Story):
    fails(story, "gold")
    story.goes_on(every=HALF_AN_HOUR, hours=3.5)
    assert in_the_thread(story, "Reminder") == [
        f"Reminder: this SEV1 has not been acknowledged for {hours} h." for hours in (1, 2, 3)
    ]
    assert story.rang_at("U0ERIN") == ["03-04 13:00", "03-04 14:00", "03-04 15:00"]
    assert story.rang_at("#fin") == ["03-04 12:00"], "the thread is told without a sound"
    story.is_acknowledged()
    story.goes_on(every=HALF_AN_HOUR, hours=5)
    assert len(in_the_thread(story, "Reminder")) == len(story.rang_at("U0ERIN")) == 3


def test_of_a_sev2_nobody_is_reminded(story: Story):
    fails(story, "silver")
    story.goes_on(every=HALF_AN_HOUR, hours=3)
    assert in_the_thread(story, "Reminder") == [] and story.rang_at("U0ERIN") == []


@pytest.mark.parametrize("configured", ["reminders: {SEV2: 30m}\n", "reminders: {}\n"])
def test_whom_the_file_wants_reminded_is_reminded_and_nobody_else(story: Story, configured: str):
    fails(story, "silver" if "SEV2" in configured else "gold", configured)
    story.goes_on(every=HALF_AN_HOUR, hours=1)
    assert len(in_the_thread(story, "Reminder")) == (2 if "SEV2" in configured else 0)


def ends(story: Story) -> None:
    fails(story, "silver")
    story.later(minutes=30)
    story.reports_check("orders", "rows", passed=True)
    story.tick()


def test_after_a_day_without_a_reason_the_thread_is_asked_and_after_another_the_lead(story: Story):
    ends(story)
    story.later(hours=23, minutes=59)
    story.tick()
    assert in_the_thread(story, QUESTION) == []
    story.later(minutes=1)
    story.tick()
    assert len(in_the_thread(story, QUESTION)) == 1 and story.slack.posts("U0LEA") == []
    story.later(hours=24)
    story.tick()
    [asked] = story.slack.posts("U0LEA")
    assert QUESTION in asked.content
    story.goes_on(every=timedelta(hours=24), hours=24 * 4)
    assert len(story.slack.posts("U0LEA")) == 1, "who does not answer twice is left alone"
    assert story.rang_at("#fin") == ["03-04 12:00"]
    assert story.timeline(EntryKind.NOTIFIED)[1:] == ["asked what it was", "asked again what it was"]


def test_who_has_answered_is_not_asked(story: Story):
    ends(story)
    story.changes(lambda i: i.classified(Resolution.FIXED, by="erin@acme.test", at=story.now))
    story.goes_on(every=timedelta(hours=24), hours=72)
    assert in_the_thread(story, QUESTION) == [] and story.slack.posts("U0LEA") == []


def flips(story: Story, *, passed: bool) -> None:
    story.reports_check("orders", "rows", passed=passed)
    story.tick()
    story.later(minutes=5)


def test_what_flaps_is_told_once_as_flapping_and_then_when_it_has_calmed_down(story: Story):
    fails(story, "silver")
    story.later(minutes=5)
    for passed in (True, False, True, False, True, False, True):
        flips(story, passed=passed)
    [post] = story.slack.posts()
    assert story.timeline(EntryKind.FLAPPING) == ["flapping: 4 changes within 1 h"]
    said = [reply.text for reply in story.slack.replies(post.ts)]
    assert [text.splitlines()[-1] for text in said[2:]] == [
        "Flapping: 4 changes within 1 h; the next news comes when it has calmed down."
    ], "two changes are told, then that it flaps, then nothing"
    assert len(story.pushes) == 2
    story.goes_on(every=timedelta(minutes=10), hours=1.5)
    assert story.timeline(EntryKind.FLAPPING)[1:] == ["no longer flapping: it is resolved"]
    assert in_the_thread(story, "No longer flapping") == ["No longer flapping: it is resolved."]
    assert len(story.pushes) == 2


def test_what_flaps_and_stays_open_is_repeated_after_it_has_calmed_down(story: Story):
    fails(story, "silver")
    story.later(minutes=5)
    for passed in (True, False, True, False):
        flips(story, passed=passed)
    story.goes_on(every=timedelta(minutes=10), hours=1)
    assert in_the_thread(story, "No longer flapping") == ["No longer flapping: it is triggered."]
    story.goes_on(every=timedelta(minutes=30), hours=4.5)
    assert len(story.rang_at("#fin")) >= 2
