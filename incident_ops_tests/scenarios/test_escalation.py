"""Nobody answers: the next one is paged, each step once and in time, whatever happens to the passes meanwhile."""

from datetime import datetime, timedelta

import dagster as dg
import pytest

from incident_ops.core.status import EntryKind, Status
from incident_ops_tests.scenarios.story import Story

NIGHT = "2031-03-04 02:00"
ON_CALL, LEAD, TEAM, FALLBACK = "U0ERIN", "U0LEA", "#fin-data", "#lost"
POLICY = """
teams: {fin: {slack: "#fin-data", lead: lea@acme.test, escalation_policy: standard}}
people:
  erin@acme.test: {slack: U0ERIN}
  lea@acme.test: {slack: U0LEA}
schedules:
  primary:
    layers: [{rotation: weekly, handoff: "mon 09:00", start: 2031-01-06, members: [erin@acme.test]}]
escalation_policies:
  standard:
    repeat: 1
    acknowledge_timeout: 30m
    steps:
      - {notify: ["schedule:primary"], wait: 5m}
      - {notify: [lea@acme.test], wait: 10m}
receivers:
  - {name: lost, slack: {channel: "#lost"}}
fallback_receiver: lost
reminders: {}
"""
EXHAUSTED = "escalation policy standard is exhausted: nobody has acknowledged"
MINUTE = timedelta(minutes=1)


def begins(story: Story, more: str = "", *, policy: str = POLICY) -> None:
    story.it_is(NIGHT)
    story.is_configured(policy + more)
    story.knows_the_catalog()
    story.reports_check("boom", "rows", passed=False)
    story.tick()


def minutes(story: Story, place: str) -> list[float]:
    """When the place rang, in minutes after the failure."""
    began = datetime.fromisoformat(f"{NIGHT}+00:00").timestamp()
    rang = [float(push.ts) for push in story.pushes if push.channel_name == place.removeprefix("#")]
    return [round((ts - began) / 60, 2) for ts in rang]


@pytest.mark.parametrize("every", [timedelta(seconds=7), 2 * MINUTE])
def test_each_step_is_paged_once_and_in_time_and_then_it_is_exhausted(story: Story, every: timedelta):
    begins(story)
    story.goes_on(every=every, minutes=6)
    story.goes_on(every=MINUTE, minutes=15)
    late = max(every, MINUTE) / MINUTE
    assert minutes(story, ON_CALL) == [pytest.approx(due, abs=late) for due in (0, 15)]
    assert minutes(story, LEAD) == [pytest.approx(due, abs=late) for due in (5, 20)]
    assert EXHAUSTED not in story.timeline(EntryKind.PAGED), "the lead has ten minutes to answer"
    story.goes_on(every=10 * MINUTE, minutes=60)
    assert [text.partition(": paged")[0] for text in story.timeline(EntryKind.PAGED)] == [
        "step 0 of standard",
        "step 1 of standard",
        "step 0 of standard, round 2",
        "step 1 of standard, round 2",
        EXHAUSTED,
    ]
    assert len(story.slack.posts(ON_CALL)) == len(story.slack.posts(LEAD)) == 2


def test_after_a_standstill_of_forty_minutes_one_step_is_taken_and_none_is_left_out(story: Story):
    begins(story)
    story.later(minutes=40)
    story.goes_on(every=MINUTE, minutes=17)
    assert minutes(story, ON_CALL) == [0, 51]
    assert minutes(story, LEAD) == [41, 56]


def test_who_acknowledges_in_time_is_the_only_one_paged(story: Story):
    begins(story)
    story.later(minutes=3)
    story.is_acknowledged()
    story.goes_on(every=2 * MINUTE, minutes=25)
    assert (minutes(story, ON_CALL), minutes(story, LEAD)) == ([0], [])


def test_an_acknowledgement_that_leads_to_nothing_times_out_and_the_climb_goes_on_with_the_next_step(story: Story):
    begins(story)
    story.later(minutes=3)
    story.is_acknowledged()
    story.goes_on(every=29 * MINUTE, minutes=29)
    assert story.incident.status is Status.ACKNOWLEDGED
    story.goes_on(every=MINUTE, minutes=11)
    assert story.incident.status is Status.TRIGGERED
    assert story.timeline(EntryKind.TRIGGERED_AGAIN) == [
        "triggered again: acknowledged, and not over after 30 min"
    ]
    assert (minutes(story, LEAD), minutes(story, ON_CALL)) == ([33], [0, 43])


def test_what_ends_is_climbed_no_further_and_begins_at_the_foot_when_it_fails_again(story: Story):
    begins(story)
    story.later(minutes=3)
    story.reports_check("boom", "rows", passed=True)
    story.tick()
    story.goes_on(every=5 * MINUTE, minutes=10)
    assert (minutes(story, ON_CALL), minutes(story, LEAD)) == ([0], [])
    story.reports_check("boom", "rows", passed=False)
    story.tick()
    story.goes_on(every=MINUTE, minutes=6)
    assert (minutes(story, ON_CALL), minutes(story, LEAD)) == ([0, 13], [18])


def test_a_policy_that_changes_meanwhile_changes_only_what_fails_later(story: Story):
    begins(story)
    later = POLICY.replace("[lea@acme.test], wait: 10m", "[nina@acme.test], wait: 10m").replace(
        "wait: 5m", "wait: 1m"
    )
    story.is_configured(later.replace("lea@acme.test: {slack: U0LEA}", "nina@acme.test: {slack: U0NINA}"))
    story.goes_on(every=MINUTE, minutes=6)
    assert minutes(story, "U0NINA") == []
    [paged] = [text for text in story.timeline(EntryKind.PAGED) if text.startswith("step 1")]
    assert "lea@acme.test" in paged, "a snapshot was taken when the climb began"
    story.reports_check("boom", "other", passed=False)
    story.reports_check("evicted", "rows", passed=False)
    story.tick()
    story.goes_on(every=MINUTE, minutes=1)
    assert minutes(story, "U0NINA") == [7], "a new incident climbs by the new one"


def test_that_nobody_is_on_call_is_told_to_the_fallback_and_the_next_step_does_not_wait(story: Story):
    begins(story, policy=POLICY.replace("start: 2031-01-06", "start: 2031-06-02"))
    assert minutes(story, LEAD) == [0]
    [told] = story.slack.posts(FALLBACK)
    assert "nobody is on call in primary" in told.content and "INC-1" in told.content
    assert "nobody is on call in primary" in story.timeline(EntryKind.PAGED)[0]


def test_somebody_who_comes_on_call_is_paged_by_the_next_round(story: Story):
    handed = POLICY.replace(
        "members: [erin@acme.test]}]",
        "members: [erin@acme.test]}]\n    overrides: "
        "[{member: nina@acme.test, from: 2031-03-04T02:10, until: 2031-03-05T00:00}]",
    ).replace("people:", "people:\n  nina@acme.test: {slack: U0NINA}")
    begins(story, policy=handed)
    story.goes_on(every=5 * MINUTE, minutes=15)
    pages = [post for post in story.slack.posts("U0NINA") if "step 0" in post.content]
    assert (minutes(story, ON_CALL)[0], len(pages)) == (0, 1)


QUIETS = {
    "a maintenance window": """
maintenance: [{matchers: ['asset = "boom"'], from: 2031-03-04T02:03Z, until: 2031-03-04T03:00Z}]
""",
    "a muted branch": """
route: {routes: [{matchers: ['asset = "boom"'], mute_time_intervals: [upgrade]}]}
time_intervals: [{name: upgrade, from: "02:03", to: "03:00"}]
""",
}


@pytest.mark.parametrize("quiet", QUIETS.values(), ids=QUIETS.keys())
def test_a_quiet_stops_the_climb_and_it_goes_on_where_it_was_afterwards(story: Story, quiet: str):
    begins(story, quiet)
    story.goes_on(every=5 * MINUTE, minutes=55)
    assert (minutes(story, ON_CALL), minutes(story, LEAD)) == ([0], [])
    story.goes_on(every=5 * MINUTE, minutes=20)
    assert (minutes(story, ON_CALL), minutes(story, LEAD)) == ([0, 70], [60, 75])


def test_a_warning_is_no_reason_to_page_anybody(story: Story):
    story.it_is(NIGHT)
    story.is_configured(POLICY)
    story.reports_check("boom", "rows", passed=False, severity=dg.AssetCheckSeverity.WARN)
    story.tick()
    story.goes_on(every=5 * MINUTE, minutes=25)
    assert story.pushes == []
