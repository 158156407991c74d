"""The storm of mitodl/ol-data-platform#2564: one asset fails 4,000 times in a day, and a team is told seven times
at most, with the configuration that everybody starts with."""

from collections.abc import Iterator
from datetime import timedelta

from incident_ops.core.alert import Alert, AlertKind
from incident_ops.core.catalog import AssetNode
from incident_ops.core.status import EntryKind
from incident_ops.engine.triage import triage
from incident_ops_tests.builders import make_alert
from incident_ops_tests.scenarios.story import Story

FAILURES, PASSES = 4_000, 24
RUNS, TRIES = 4, 4
MOST = 7
"""One, and one more every four hours."""


def failure(story: Story, run: str, *, group: str) -> Alert:
    return make_alert(
        "boom",
        occurred_at=story.now,
        kind=AlertKind.RUN_FAILED,
        run_id=run,
        run_group=group,
        summary="ValueError: the same again",
        error_signature="the same",
    )


def failures(story: Story, number: int) -> Iterator[Alert]:
    """Those of the next pass: at first four runs with three retries each, then the step again and again."""
    if number == 0:
        for run in range(RUNS):
            yield from (failure(story, f"run-{run}-{nth}", group=f"run-{run}") for nth in range(TRIES))
        return
    rest = FAILURES - RUNS * TRIES
    for n in range(rest * (number - 1) // PASSES, rest * number // PASSES):
        yield failure(story, f"again-{n}", group=f"again-{n}")


def test_4000_failures_in_a_day_are_one_incident_one_post_and_seven_pushes_at_most_at_sev1(story: Story):
    """SEV1 has no budget, and a reminder every hour, which rings for nobody where the file names no engineer."""
    story.knows_the_catalog([AssetNode(key="boom", owners=("team:fin",), tags={"incident_ops/tier": "gold"})])
    every = timedelta(hours=24) / PASSES
    for number in range(PASSES + 1):
        triage(story.store, list(failures(story, number)), story.knowledge(), now=story.now)
        story.goes_on(every=every, hours=every / timedelta(hours=1))
    assert story.incident.failure_count == FAILURES
    [post] = story.slack.posts()
    assert "4,000 (3,999 more since the first)" in post.content
    assert 2 <= len(story.pushes) <= MOST
    assert all(push.text.startswith("Still failing: ") for push in story.pushes[1:])
    replies = story.slack.replies(post.ts)
    reminders = [reply for reply in replies if "Reminder" in reply.text]
    assert len(reminders) >= 18, "each hour that no push came"
    assert not any(reply.broadcast for reply in reminders)
    assert story.timeline(EntryKind.ALERT) == [], "the storm is counted, not written out"
