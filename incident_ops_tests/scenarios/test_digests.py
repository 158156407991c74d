"""What need not ring is read once a day or once a week, when its readers begin to work."""

from datetime import timedelta

import dagster as dg
import pytest

from incident_ops.core.status import EntryKind, Resolution
from incident_ops_tests.fake_slack import FakeMessage
from incident_ops_tests.scenarios.story import Story

BERLIN = "Europe/Berlin"
TEAM = """
teams:
  fin:
    timezone: Europe/Berlin
    working_hours: {days: [mon, tue, wed, thu, fri], from: "08:30", to: "18:00"}
reminders: {}
"""
CFO = """
people: {cfo@acme.test: {slack: U0CFO, digest: "daily 17:00", timezone: Europe/Berlin}}
subscriptions: [{who: cfo@acme.test, matchers: ['team = "fin"'], how: digest}]
"""
PUSHED = CFO.replace("how: digest", "how: push")
MINUTE = timedelta(minutes=1)


def begins(story: Story, local: str, configuration: str = "") -> None:
    story.it_is(local, BERLIN)
    story.is_configured(TEAM + configuration)
    story.knows_the_catalog()


def reports(story: Story, check: str = "rows", *, passed: bool = False, **more: dg.AssetCheckSeverity) -> None:
    story.reports_check("boom", check, passed=passed, **more)
    story.tick()


def digests(story: Story, place: str) -> list[FakeMessage]:
    return [post for post in story.slack.posts(place) if "Digest: " in post.headline]


def to_the_digest(how: str) -> str:
    return f"route: {{routes: [{{matchers: ['asset = \"boom\"'], receiver: digest, digest: {how}}}]}}\n"


@pytest.mark.parametrize(
    ("how", "fails_at", "told_at"),
    [
        ("daily", "2031-03-04 10:00", "2031-03-05 08:30"),
        ("daily", "2031-03-29 10:00", "2031-03-30 08:30"),
        ("weekly", "2031-03-04 10:00", "2031-03-10 08:30"),
        ("weekly", "2031-03-26 10:00", "2031-03-31 08:30"),
        ("weekly", "2031-10-22 10:00", "2031-10-27 08:30"),
    ],
    ids=["the next day", "over the change of the clocks", "the next Monday", "in summer time", "in winter time"],
)
def test_a_digest_comes_when_the_team_begins_to_work(story: Story, how: str, fails_at: str, told_at: str):
    begins(story, fails_at, to_the_digest(how))
    reports(story)
    assert story.timeline(EntryKind.SUPPRESSED)[-1].startswith(f"nobody is pushed: it is for the {how} digest")
    story.it_is(told_at, BERLIN)
    story.clock.pass_by(-MINUTE)
    story.tick()
    assert story.slack.messages == []
    story.later(minutes=1)
    story.tick()
    story.tick()
    [digest] = story.slack.messages
    assert digest.channel_name == "fin" and "Digest: 1 incident" in digest.headline
    assert "INC-1 SEV2 triggered boom: check rows failed" in digest.content


def test_a_warning_is_a_line_of_the_next_digest(story: Story):
    begins(story, "2031-03-04 10:00")
    reports(story, severity=dg.AssetCheckSeverity.WARN)
    assert story.slack.messages == []
    story.it_is("2031-03-05 08:30", BERLIN)
    story.tick()
    [digest] = digests(story, "#fin")
    assert "INC-1 SEV3 triggered boom: check rows failed (WARN)" in digest.content


def test_what_is_posted_before_the_digest_is_not_told_again_there(story: Story):
    begins(story, "2031-03-04 10:00")
    reports(story, severity=dg.AssetCheckSeverity.WARN)
    story.later(hours=1)
    reports(story, severity=dg.AssetCheckSeverity.ERROR)
    assert story.rang_at("#fin", BERLIN) == ["03-04 11:00"]
    story.it_is("2031-03-05 08:30", BERLIN)
    story.tick()
    assert digests(story, "#fin") == []


def test_a_person_reads_at_the_time_of_their_own_what_the_team_is_told_at_once(story: Story):
    begins(story, "2031-03-04 10:00", CFO)
    reports(story)
    assert [post.channel_name for post in story.slack.posts()] == ["fin"]
    story.it_is("2031-03-04 16:59", BERLIN)
    story.tick()
    assert digests(story, "U0CFO") == []
    story.later(minutes=1)
    story.tick()
    [digest] = digests(story, "U0CFO")
    assert "INC-1 " in digest.content


def test_who_has_subscribed_to_pushes_has_the_whole_story(story: Story):
    begins(story, "2031-03-04 10:00", PUSHED)
    reports(story)
    story.goes_on(every=MINUTE, minutes=1)
    reports(story, passed=True)
    assert {place: [headline[0] for headline in told] for place, told in story.told().items()} == {
        "fin": ["🟢"],
        "U0CFO": ["🟢"],
    }
    assert [story.slack.replies(post.ts)[0].text.split()[0] for post in story.slack.posts()] == ["Resolved:"] * 2


def test_what_matches_no_wish_is_not_told_to_who_has_one(story: Story):
    begins(story, "2031-03-04 10:00", PUSHED)
    story.reports_check("web", "rows", passed=False)
    story.tick()
    assert set(story.told()) == {"web"}


def is_classified(story: Story, number: int, reason: Resolution) -> None:
    """One more incident of the same check, ended with this reason."""
    reports(story)
    story.changes(lambda incident: incident.resolved(at=story.now, by="erin@acme.test", reason=reason), number)
    story.later(minutes=10)
    reports(story, passed=True)
    story.later(minutes=10)


@pytest.mark.parametrize(("wrong", "suggests"), [(2, False), (3, True)])
def test_after_three_false_positives_of_five_the_digest_says_what_might_be_changed(
    story: Story, wrong: int, suggests: bool
):
    begins(story, "2031-03-04 10:00", "reopen_within: 1m\n")
    reasons = [Resolution.FALSE_POSITIVE] * wrong + [Resolution.FIXED] * (5 - wrong)
    for number, reason in enumerate(reasons, start=1):
        is_classified(story, number, reason)
    reports(story, "warns", severity=dg.AssetCheckSeverity.WARN)
    story.it_is("2031-03-05 08:30", BERLIN)
    story.tick()
    [digest] = digests(story, "#fin")
    suggestion = "rows on boom: 3 of its last 5 incidents were false positives"
    assert (suggestion in digest.content) is suggests
    assert ("What might be changed" in digest.content) is suggests
