"""Nobody answers: the next one is paged, each step once and in time, whatever happens to the passes meanwhile."""

from datetime import datetime, timedelta

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


@pytest.mark.parametrize("every", [timedelta(seconds=10), MINUTE, timedelta(minutes=5)])
def test_each_step_is_paged_once_and_in_time_and_the_end_is_written_down(story: Story, every: timedelta):
    begins(story)
    story.goes_on(every=every, minutes=25)
    assert minutes(story, ON_CALL) == [0, 15]
    assert minutes(story, LEAD) == [5, 20]
    assert EXHAUSTED not in story.timeline(EntryKind.PAGED), "the lead has ten minutes to answer"
    story.goes_on(every=every, hours=2)
    assert story.timeline(EntryKind.PAGED)[-1] == EXHAUSTED
    assert (minutes(story, ON_CALL), minutes(story, LEAD)) == ([0, 15], [5, 20])
    assert [text.partition(":")[0] for text in story.timeline(EntryKind.PAGED)[:-1]] == [
        "step 0 of standard",
        "step 1 of standard",
        "step 0 of standard, round 2",
        "step 1 of standard, round 2",
    ]


