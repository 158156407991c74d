"""The hand-over: who comes on call hears what is open, who leaves that it is somebody else's now, each once."""

from datetime import timedelta

import pytest

from incident_ops_tests.scenarios.story import Story

BERLIN = "Europe/Berlin"
CALENDAR = """
teams: {fin: {escalation_policy: standard}}
people: {erin@acme.test: {slack: U0ERIN}, otto@acme.test: {slack: U0OTTO}}
schedules:
  primary:
    timezone: Europe/Berlin
    layers:
      - {rotation: weekly, handoff: "mon 09:00", start: 2031-01-06, members: [erin@acme.test, otto@acme.test]}
escalation_policies: {standard: {steps: [{notify: ["schedule:primary"], wait: 5m}]}}
reminders: {}
"""
MINUTE = timedelta(minutes=1)


def said(story: Story, who: str) -> list[str]:
    """The hand-overs that somebody was told, without the pages."""
    texts = [post.text for post in story.slack.posts(who)]
    return [text for text in texts if "on call for primary" in text or "Your shift on primary" in text]


def handed_over_at(story: Story, local: str) -> None:
    """A minute before nothing is said; at the time it is, and not again."""
    heard = len(story.slack.messages)
    story.it_is(local, BERLIN)
    story.clock.pass_by(-MINUTE)
    story.tick()
    assert len(story.slack.messages) == heard
    for _ in range(3):
        story.later(minutes=1)
        story.tick()


@pytest.mark.parametrize(
    ("sunday", "mondays", "ends"),
    [
        ("2031-03-23 12:00", ("2031-03-24 09:00", "2031-03-31 09:00"), "Mon 2031-03-31 09:00 CEST"),
        ("2031-10-19 12:00", ("2031-10-20 09:00", "2031-10-27 09:00"), "Mon 2031-10-27 09:00 CET"),
    ],
    ids=["before and after the clocks are put forward", "before and after they are put back"],
)
def test_each_monday_at_nine_both_are_told_once(story: Story, sunday: str, mondays: tuple[str, str], ends: str):
    story.it_is(sunday, BERLIN)
    story.is_configured(CALENDAR)
    story.tick()
    assert story.slack.messages == [], "nobody comes or leaves when we are installed"
    handed_over_at(story, mondays[0])
    [coming] = [who for who in ("U0ERIN", "U0OTTO") if any("You are on call" in text for text in said(story, who))]
    [leaving] = {"U0ERIN", "U0OTTO"} - {coming}
    [welcome], [farewell] = said(story, coming), said(story, leaving)
    assert f"You are on call for primary until {ends}." in welcome and "Nothing is open." in welcome
    assert "Your shift on primary is over; on call now: " in farewell
    handed_over_at(story, mondays[1])
    assert "Your shift on primary is over" in said(story, coming)[1]
    assert "You are on call for primary" in said(story, leaving)[1]
    assert len(said(story, coming)) == len(said(story, leaving)) == 2


def test_the_message_names_what_is_open_since_when_and_who_has_it(story: Story):
    story.it_is("2031-03-23 12:00", BERLIN)
    story.is_configured(CALENDAR)
    story.reports_check("boom", "rows", passed=False)
    story.reports_check("web", "rows", passed=False)
    story.tick()
    boom = next(incident.number for incident in story.incidents if "boom" in incident.title)
    story.is_acknowledged("erin@acme.test", boom)
    story.tick()
    story.it_is("2031-03-24 09:00", BERLIN)
    story.tick()
    for who in ("U0ERIN", "U0OTTO"):
        [text] = said(story, who)
        assert "1 open:" in text, "web's team pages by no schedule"
        assert f"INC-{boom} SEV2 acknowledged boom: check rows failed, since 2031-03-23 11:00 UTC" in text
        assert "erin@acme.test has it" in text


def test_after_a_standstill_over_the_hand_over_it_is_told_when_we_are_back(story: Story):
    story.it_is("2031-03-23 12:00", BERLIN)
    story.is_configured(CALENDAR)
    story.tick()
    story.it_is("2031-03-25 15:00", BERLIN)
    story.tick()
    story.tick()
    assert len(said(story, "U0ERIN")) == len(said(story, "U0OTTO")) == 1
