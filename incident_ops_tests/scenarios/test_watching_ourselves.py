"""“We stopped checking” is told like anything else, and so is that we began again."""

from datetime import timedelta

from incident_ops.core.incident import Incident
from incident_ops.core.status import Status
from incident_ops.engine.ops import detection_pass, notification_pass
from incident_ops_tests.fake_slack import server_error
from incident_ops_tests.scenarios.event_log import Evaluation, write_evaluations
from incident_ops_tests.scenarios.story import Story


def own(story: Story) -> list[Incident]:
    return [incident for incident in story.incidents if incident.labels.get("source") == "incident_ops"]


def statuses(story: Story) -> dict[str, Status]:
    return {incident.title: incident.status for incident in own(story)}


def detect(story: Story) -> None:
    detection_pass(story.ops(), now=story.now, may_go_on=lambda: True)


def notify(story: Story) -> None:
    notification_pass(story.ops(), now=story.now, may_go_on=lambda: True)


def test_a_notification_unsent_for_10_minutes_is_an_incident_until_it_is_sent(story: Story):
    story.breaks("boom")
    story.builds("boom")
    story.slack.down(server_error())
    story.tick()
    story.later(minutes=9)
    story.tick()
    assert own(story) == []
    story.later(minutes=2)
    story.tick()
    assert statuses(story) == {"incident_ops: outbox": Status.TRIGGERED}
    assert "HTTP 500" in own(story)[0].summary
    [kept] = [message for message in story.store.inbox() if message.incident == own(story)[0].id]
    assert "a notification has been waiting for 11 min" in kept.text, (
        "Slack is what fails: it is kept here as well"
    )
    story.slack.up()
    story.later(minutes=6)
    story.tick()
    assert statuses(story) == {"incident_ops: outbox": Status.RESOLVED}
    story.later(minutes=1)
    story.tick()
    assert story.store.unfinished() == 0
    assert [post.headline[0] for post in story.slack.posts("#data-incidents")] == ["🟢"]


def test_a_detection_loop_that_stands_still_is_told_by_the_notification_loop(story: Story):
    detect(story)
    notify(story)
    story.later(minutes=4)
    notify(story)
    assert own(story) == []
    story.later(minutes=2)
    notify(story)
    assert statuses(story) == {"incident_ops: detection loop": Status.TRIGGERED}
    notify(story)
    assert "has not ended a pass for 6 min" in story.slack.posts("#data-incidents")[0].content
    story.later(minutes=2)
    detect(story)
    notify(story)
    assert statuses(story) == {"incident_ops: detection loop": Status.RESOLVED}


def test_a_notification_loop_that_stands_still_is_told_by_the_detection_loop(story: Story):
    detect(story)
    notify(story)
    story.later(minutes=6)
    detect(story)
    assert statuses(story) == {"incident_ops: notification loop": Status.TRIGGERED}
    story.later(minutes=1)
    notify(story)
    assert len(story.slack.posts("#data-incidents")) == 1
    story.later(minutes=1)
    detect(story)
    assert statuses(story) == {"incident_ops: notification loop": Status.RESOLVED}


def test_two_loops_that_both_run_are_no_incident(story: Story):
    for _ in range(12):
        detect(story)
        notify(story)
        story.later(minutes=1)
    assert own(story) == []


def test_an_event_log_that_is_not_read_to_its_end_for_5_minutes_is_an_incident_until_it_is(story: Story):
    began = story.now - timedelta(hours=1)
    many = [Evaluation(check="c", passed=True, at=began + timedelta(seconds=n)) for n in range(2_400)]
    write_evaluations(story, "orders", many)

    def one_page() -> None:
        answers = iter([True])
        story.tick(may_go_on=lambda: next(answers, False))

    one_page()
    story.later(minutes=4)
    one_page()
    assert own(story) == []
    story.later(minutes=2)
    one_page()
    assert statuses(story) == {"incident_ops: event log lag": Status.TRIGGERED}
    story.later(minutes=1)
    story.tick()
    assert statuses(story) == {"incident_ops: event log lag": Status.RESOLVED}
    assert [post.headline[0] for post in story.slack.posts("#data-incidents")] == ["🟢"]


def test_a_broken_configuration_is_an_incident_while_the_last_good_one_stays_in_force(story: Story):
    story.is_configured('teams:\n  fin: {slack: "#fin-data"}\n')
    story.tick()
    story.is_configured("teams:\n  fin: {slak: oops}\n")
    story.breaks("boom")
    story.builds("boom")
    story.tick()
    assert statuses(story) == {"incident_ops: configuration": Status.TRIGGERED}
    assert "incident_ops.yaml, line 2:" in own(story)[0].summary and "slak" in own(story)[0].summary
    assert sorted(story.told()) == ["data-incidents", "fin-data"]
    story.later(minutes=3)
    story.is_configured('teams:\n  fin: {slack: "#finance"}\n')
    story.heals()
    story.breaks("boom", "pair")
    story.builds("boom")
    story.tick()
    assert statuses(story) == {"incident_ops: configuration": Status.RESOLVED}
    assert "finance" in story.told(), "the mended one is in force"


def test_a_configuration_that_never_was_good_leaves_the_defaults_in_force(story: Story):
    story.is_configured("teams: [\n")
    story.breaks("boom")
    story.builds("boom")
    story.tick()
    assert statuses(story) == {"incident_ops: configuration": Status.TRIGGERED}
    assert sorted(story.told()) == ["data-incidents", "fin"]


def test_a_good_configuration_is_no_incident(story: Story):
    story.is_configured('teams:\n  fin: {slack: "#fin-data"}\n')
    story.tick()
    assert own(story) == []
