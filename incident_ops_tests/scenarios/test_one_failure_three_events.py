"""A blocking check leaves an evaluation, a step failure and a run failure: one failure, told once."""

from collections.abc import Callable

import pytest

from incident_ops.core.alert import AlertKind
from incident_ops.core.status import Status
from incident_ops.engine.ops import notification_pass, take_run
from incident_ops_tests.scenarios.story import Story

NOT_RUN = ("web_dash (not run: upstream web)",)


@pytest.fixture
def on_disk() -> bool:
    """On SQLite the three lie in two files, under ids of their own."""
    return True


def sensor(story: Story, run_id: str) -> None:
    """What the run-failure sensor does, and the notification sensor after it."""
    take_run(story.ops(), run_id, now=story.now)
    notification_pass(story.ops(), now=story.now, may_go_on=lambda: True)


def tail(story: Story, run_id: str) -> None:
    story.tick()


ORDERS = {
    "the tail alone": [tail],
    "the run-failure sensor first": [sensor, tail],
    "the tail first": [tail, sensor],
    "each of them twice": [sensor, sensor, tail, sensor, tail],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_three_events_seen_in_any_order_are_one_incident_one_post_and_three_pieces_of_evidence(
    story: Story, order: list[Callable[[Story, str], None]]
):
    story.breaks("web")
    run_id = story.builds("web", "web_dash")
    for see in order:
        see(story, run_id)
        story.later(seconds=5)
    incident = story.incident
    assert incident.alert_count == 3
    evidence = story.store.alerts(incident.number, limit=10)
    assert sorted(alert.kind for alert in evidence) == [
        AlertKind.CHECK_FAILED,
        AlertKind.RUN_FAILED,
        AlertKind.RUN_FAILED,
    ]
    assert {alert.run_id for alert in evidence} == {run_id}
    assert story.told() == {"web": ["🔴 INC-1 SEV2 web: check web_rows failed"]}
    assert len(story.pushes) == 1


@pytest.mark.parametrize("knows_the_catalog", [True, False])
def test_what_the_check_kept_from_running_is_listed_and_not_paged(story: Story, knows_the_catalog: bool):
    if not knows_the_catalog:
        story.knows_the_catalog([])
    story.breaks("web")
    story.builds("web", "web_dash")
    story.tick()
    assert story.incident.not_run == NOT_RUN
    [post] = story.slack.posts()
    assert post.channel_name == ("web" if knows_the_catalog else "data-incidents")
    assert "web_dash (not run: upstream web)" in post.content


def test_two_failures_are_two_incidents(story: Story):
    """The control: what is joined above is joined because it is one failure."""
    story.breaks("web", "boom")
    story.builds("web", "web_dash", "boom", "leaf")
    story.tick()
    assert [incident.title for incident in story.incidents] == [
        "web: check web_rows failed",
        "boom: failed to build",
    ]
    assert sorted(story.told()) == ["fin", "web"]


def test_a_passing_check_resolves_all_three(story: Story):
    story.breaks("web")
    story.builds("web", "web_dash")
    story.tick()
    story.heals()
    story.builds("web", "web_dash")
    story.tick()
    assert story.incident.status is Status.RESOLVED
    assert story.told() == {"web": ["🟢 INC-1 SEV2 web: check web_rows failed"]}
