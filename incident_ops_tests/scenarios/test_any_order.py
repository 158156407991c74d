"""The same events in whatever order: the same incidents, the same root, the same posts."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count, permutations

import pytest

from incident_ops.core.alert import Alert, Observation, Recovery
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Action
from incident_ops.core.status import Status
from incident_ops.engine.triage import triage
from incident_ops_tests.scenarios.story import Story

_numbers = count(1)


def observed(story: Story) -> list[Observation]:
    """All that Dagster's log says so far."""
    page = story.ops().source.read(None, now=story.now, limit=1_000)
    assert page.is_last
    return list(page.observations)


def ends_in(story: Story, order: Sequence[Observation]) -> tuple[list[Incident], list[str]]:
    """The incidents and the posts when the observations arrive one by one, in a store of their own."""
    story.environ["INCIDENT_OPS_DATABASE_URL"] = f"sqlite:///{story.home / f'order-{next(_numbers)}.db'}"
    story.knows_the_catalog()
    knowledge = story.knowledge()
    for observation in order:
        triage(story.store, [observation], knowledge, now=story.now)
    posts = [d.key for i in story.incidents for d in story.store.deliveries(i.number) if d.action is Action.POST]
    return [replace(incident, revision=0) for incident in story.incidents], posts


def test_all_orders_of_the_three_alerts_of_a_blocking_failure_end_in_the_same_incident(story: Story):
    story.breaks("web")
    story.builds("web", "web_dash")
    alerts = [o for o in observed(story) if isinstance(o, Alert)]
    assert len({alert.kind for alert in alerts}) == 2 and len(alerts) == 3
    expected, posts = ends_in(story, alerts)
    assert (len(expected), expected[0].alert_count, posts) == (1, 3, ["INC-1:post:slack:#web"])
    for order in permutations(alerts):
        assert ends_in(story, order) == (expected, posts)


def test_alerts_that_arrive_twice_change_nothing(story: Story):
    story.breaks("web")
    story.builds("web", "web_dash")
    alerts = [o for o in observed(story) if isinstance(o, Alert)]
    assert ends_in(story, [*alerts, *reversed(alerts)]) == ends_in(story, alerts)


@pytest.fixture
def recovered(story: Story) -> list[Observation]:
    """A blocking failure's three alerts, and the news that the check passes again."""
    story.breaks("web")
    story.builds("web", "web_dash")
    story.heals()
    story.builds("web", "web_dash")
    alerts = [o for o in observed(story) if isinstance(o, Alert)]
    fingerprint = alerts[0].fingerprint
    recoveries = [o for o in observed(story) if isinstance(o, Recovery) and o.fingerprint == fingerprint]
    return [*alerts, recoveries[-1]]


def test_evidence_that_arrives_after_the_recovery_does_not_open_again_what_is_over(
    story: Story, recovered: list[Observation]
):
    *alerts, recovery = recovered
    expected, posts = ends_in(story, recovered)
    assert [incident.status for incident in expected] == [Status.RESOLVED]
    for first, second, third in permutations(alerts):
        for order in ([first, recovery, second, third], [first, second, recovery, third]):
            assert ends_in(story, order) == (expected, posts)


def test_a_failure_after_the_recovery_is_one(story: Story, recovered: list[Observation]):
    """The control: late evidence is known by its time, not by its place in the queue."""
    story.breaks("web")
    story.builds("web", "web_dash")
    again = [o for o in observed(story) if isinstance(o, Alert) and o not in recovered]
    [incident], _ = ends_in(story, [*recovered, *again[-3:]])
    assert (incident.status, incident.reopened) == (Status.TRIGGERED, 1)


def test_independent_failures_stay_apart_in_every_order(story: Story):
    story.breaks("boom", "orphan")
    story.builds("boom", "orphan")
    alerts = [o for o in observed(story) if isinstance(o, Alert)]
    assert len(alerts) == 4
    for order in permutations(alerts):
        incidents, posts = ends_in(story, order)
        assert {(incident.title, incident.alert_count) for incident in incidents} == {
            ("boom: failed to build", 2),
            ("orphan: failed to build", 2),
        }
        assert len(posts) == 2
