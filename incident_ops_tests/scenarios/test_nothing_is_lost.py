"""What was written before we looked is read, in order, to its end; and whatever is not pushed says why."""

from datetime import timedelta

import pytest

from incident_ops.core.notices import Action
from incident_ops.core.status import EntryKind
from incident_ops_tests.scenarios.event_log import Evaluation, write_evaluations
from incident_ops_tests.scenarios.story import Story

BACKLOG, CHECKS = 2_500, 25


def backlog(story: Story) -> list[Evaluation]:
    """25 checks take turns for an hour and a half. Those with even numbers fail and pass in turn and end well;
    the others fail until the end."""
    began = story.now - timedelta(hours=2)
    return [
        Evaluation(
            check=f"c{n % CHECKS:02}",
            passed=n % CHECKS % 2 == 0 and n // CHECKS % 2 == 1,
            at=began + timedelta(seconds=2 * n),
        )
        for n in range(BACKLOG)
    ]


def test_2500_evaluations_before_the_first_tick_are_all_triaged_oldest_first(story: Story):
    evaluations = backlog(story)
    write_evaluations(story, "orders", evaluations)
    report = story.tick()
    failures = [evaluation for evaluation in evaluations if not evaluation.passed]
    assert report.triaged.alerts == len(failures)
    incident = story.incident  # 25 checks on one asset: one trouble
    assert (incident.alert_count, incident.started_at) == (len(failures), failures[0].at)
    assert sorted(str(m.subject.check) for m in incident.members) == [f"c{n:02}" for n in range(CHECKS)]
    for member in incident.members:
        number = int(str(member.subject.check)[1:])
        assert (member.healthy_at is None) == bool(number % 2), "as the newest event says"


def test_a_tick_that_may_not_go_on_leaves_the_rest_to_the_next_and_skips_nothing(story: Story):
    evaluations = backlog(story)
    write_evaluations(story, "orders", evaluations)
    alerts, ticks = 0, 0
    while alerts < sum(not evaluation.passed for evaluation in evaluations):
        answers = iter([True])
        alerts += story.tick(may_go_on=lambda answers=answers: next(answers, False)).triaged.alerts
        ticks += 1
    assert ticks == 5, "one page of 500 each"
    assert story.tick().triaged.alerts == 0
    assert sum(incident.alert_count for incident in story.incidents) == alerts


def is_told(story: Story, number: int) -> bool:
    return any(delivery.action is Action.POST for delivery in story.store.deliveries(number))


def test_what_is_older_than_our_installation_is_recorded_and_says_why_nobody_was_pushed(story: Story):
    story.reports_check("orders", "old", passed=False)
    story.later(hours=20)
    story.reports_check("orders", "recent", passed=False)
    story.later(hours=10)
    story.tick()
    assert [(i.root.subject.check, i.backlog) for i in story.incidents] == [("old", True), ("recent", False)]
    assert [is_told(story, number) for number in (1, 2)] == [False, True]
    assert story.timeline(EntryKind.SUPPRESSED, 1) == [
        "nobody is pushed: it is older than our installation by more than a day: recorded, not pushed"
    ]
    assert story.timeline(EntryKind.SUPPRESSED, 2) == []


def test_an_incident_that_falls_silent_or_speaks_up_says_so_on_its_timeline(story: Story):
    story.breaks("few_nulls")
    story.builds("orders")
    story.tick()
    story.breaks("nulls")
    story.builds("orders")
    story.tick()
    story.breaks("few_nulls")
    story.builds("orders")
    story.tick()
    story.later(hours=5)
    story.tick()
    said = [
        (entry.kind, entry.text.split(":")[0])
        for entry in story.store.timeline(1)
        if entry.kind in (EntryKind.SUPPRESSED, EntryKind.NOTIFIED)
    ]
    assert said == [
        (EntryKind.SUPPRESSED, "nobody is pushed"),
        (EntryKind.NOTIFIED, "routed to #fin"),
        (EntryKind.SUPPRESSED, "nobody is pushed"),
    ]


@pytest.mark.parametrize("faults", ["nulls raw", "few_nulls web boom pair orphan", "crash"])
def test_every_incident_was_either_told_to_somebody_or_says_why_not(story: Story, faults: str):
    story.breaks(*faults.split())
    story.builds("raw", "orders", "web", "web_dash", "boom", "leaf", "left", "right", "orphan")
    story.tick()
    assert story.incidents != []
    for incident in story.incidents:
        silences = story.timeline(EntryKind.SUPPRESSED, incident.number)
        assert is_told(story, incident.number) is (silences == []), incident.title
