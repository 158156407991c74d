"""A check fails and its run stays green: Dagster tells nobody, we tell one team, once."""

import dagster as dg

from incident_ops.core.alert import AlertKind, CheckSeverity
from incident_ops.core.message import digest_line
from incident_ops.core.severity import Severity
from incident_ops.core.status import EntryKind, Status
from incident_ops_tests.scenarios.story import Story


def run_status(story: Story, run_id: str) -> dg.DagsterRunStatus:
    run = story.instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_red_check_of_a_green_run_is_one_incident_and_one_post_to_the_owner(story: Story):
    story.breaks("nulls")
    run_id = story.builds("orders")
    assert run_status(story, run_id) is dg.DagsterRunStatus.SUCCESS
    report = story.tick()
    incident = story.incident
    built = story.instance.fetch_materializations(dg.AssetKey("orders"), limit=1).records[0]
    assert report.as_record() == {
        "alerts": 1,
        "opened": ["INC-1"],
        "updated": [],
        "resolved": [],
        "delivered": 1,
        "pending": 0,
    }
    assert str(incident.root.subject) == "orders: orders_not_null"
    assert (incident.root.run_id, incident.root.materialization) == (run_id, built.storage_id)
    assert (incident.owner, incident.severity) == ("team:fin", Severity.SEV1)
    assert story.told() == {"fin": ["🔴 INC-1 SEV1 orders: check orders_not_null failed"]}


def test_the_next_tick_has_nothing_new_and_says_nothing(story: Story):
    story.breaks("nulls")
    story.builds("orders")
    story.tick()
    calls, before = len(story.slack.calls), story.incident
    for _ in range(3):
        story.later(seconds=5)
        report = story.tick()
        assert (report.triaged.alerts, report.dispatched.delivered) == (0, 0)
    assert len(story.slack.calls) == calls
    assert story.incident == before


def test_a_green_check_of_a_green_run_is_no_incident(story: Story):
    story.heals()
    story.builds("orders")
    story.tick()
    assert story.incidents == []
    assert story.slack.calls == []


def test_the_check_passes_again_and_the_same_message_turns_green(story: Story):
    story.breaks("nulls")
    story.builds("orders")
    story.tick()
    story.later(minutes=42)
    story.heals()
    story.builds("orders")
    report = story.tick()
    assert report.triaged.resolved == ("INC-1",)
    assert story.told() == {"fin": ["🟢 INC-1 SEV1 orders: check orders_not_null failed"]}
    [post] = story.slack.posts()
    assert "resolved after 42 min" in post.content
    [reply] = story.slack.replies(post.ts)
    assert reply.text == "Resolved: everything that failed is healthy again, after 42 min"
    assert not reply.broadcast


def test_a_warn_is_listed_with_its_reason_for_silence_and_pushes_nobody(story: Story):
    story.breaks("few_nulls")
    story.builds("orders")
    report = story.tick()
    assert report.triaged.opened == ("INC-1",)
    assert story.slack.calls == [] and story.store.inbox() == []
    incident = story.incident
    assert incident.severity is Severity.SEV3
    assert digest_line(incident) == "INC-1 SEV3 triggered orders: check orders_not_null failed (WARN)"
    why = "nobody is pushed: WARN is recorded and listed, not pushed, in the daily digest"
    assert story.timeline(EntryKind.SUPPRESSED) == [why]


def test_a_warn_that_turns_into_an_error_is_pushed_then(story: Story):
    story.breaks("few_nulls")
    story.builds("orders")
    story.tick()
    story.breaks("nulls")
    story.builds("orders")
    story.tick()
    assert story.incident.severity is Severity.SEV1
    assert list(story.told()) == ["fin"]


def test_an_error_that_eases_to_a_warn_is_not_pushed_again_however_long_it_lasts(story: Story):
    story.breaks("nulls")
    story.builds("orders")
    story.tick()
    story.breaks("few_nulls")
    for _ in range(3):
        story.later(hours=5)
        story.builds("orders")
        story.tick()
    assert story.incident.alert_count == 4
    assert len(story.pushes) == 1


def test_a_check_that_raises_is_one_incident_of_its_own_kind_though_no_evaluation_exists(story: Story):
    story.breaks("crash")
    run_id = story.builds("orders")
    assert run_status(story, run_id) is dg.DagsterRunStatus.FAILURE
    story.tick()
    [member] = story.incident.members
    assert (member.kind, str(member.subject)) == (AlertKind.CHECK_ERRORED, "orders: orders_not_null")
    assert member.check_severity is CheckSeverity.ERROR
    assert story.incident.severity is Severity.SEV2, "not knowing is one step milder than knowing it is bad"
    assert story.told() == {"fin": ["🔴 INC-1 SEV2 orders: check orders_not_null could not run"]}
    assert "ConnectionError" in story.slack.posts()[0].content


def test_a_check_that_raised_and_then_passes_is_over(story: Story):
    story.breaks("crash")
    story.builds("orders")
    story.tick()
    story.heals()
    story.builds("orders")
    story.tick()
    assert story.incident.status is Status.RESOLVED
