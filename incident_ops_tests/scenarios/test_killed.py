"""A process may be killed at any instruction: nothing is lost, and nothing is said twice."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest
from sqlalchemy import event

from incident_ops.core.delivery import DeliveryStatus
from incident_ops.core.status import Status
from incident_ops.engine.dispatch import LEASE
from incident_ops_tests.fake_slack import hang
from incident_ops_tests.scenarios.story import Story

TICK = ["-m", "incident_ops.cli", "tick", "--json"]

# The same command, killed by the system at the moment when an incident's transaction would be committed.
DIES_BEFORE_COMMIT = """
import os, signal, sys
import sqlalchemy as sa
from sqlalchemy import event

wrote = []

@event.listens_for(sa.Engine, "before_cursor_execute")
def note(connection, cursor, statement, *rest):
    if statement.startswith("INSERT INTO incidents"):
        wrote.append(statement)

@event.listens_for(sa.Engine, "commit")
def die(connection):
    if wrote:
        os.kill(os.getpid(), signal.SIGKILL)

from incident_ops.cli import main

main()
"""


@pytest.fixture
def on_disk() -> bool:
    """What is killed is another process on the same storage."""
    return True


def start(story: Story, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER_", "INCIDENT_OPS_"))}
    return subprocess.Popen(
        [sys.executable, *arguments, "--at", story.now.isoformat()],
        cwd=story.home,
        env={**inherited, **story.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def wait(process: subprocess.Popen[bytes]) -> bytes:
    """Its output, once it has ended."""
    return process.communicate(timeout=60)[0]


def test_a_tick_of_another_process_is_the_same_tick(story: Story):
    """The control for the stories below: without a kill the command does all of it."""
    story.breaks("boom")
    story.builds("boom")
    process = start(story, TICK)
    report = json.loads(wait(process))
    assert process.returncode == 0
    assert (report["opened"], report["delivered"], report["pending"]) == (["INC-1"], 1, 0)
    assert len(story.slack.posts("#fin")) == 1


@pytest.mark.parametrize("slack_took_it", [True, False])
def test_killed_between_sending_and_writing_it_down_the_post_is_looked_up_and_not_sent_again(
    story: Story, slack_took_it: bool
):
    story.breaks("boom")
    story.builds("boom")
    trouble = hang(handled=slack_took_it)
    story.slack.next(trouble, method="chat.postMessage")
    process = start(story, TICK)
    assert trouble.begun.wait(60), "the post was never sent"
    process.kill()
    wait(process)
    assert process.returncode == -signal.SIGKILL
    assert len(story.slack.posts()) == slack_took_it
    [delivery] = story.store.deliveries(1)
    assert delivery.status is DeliveryStatus.SENDING

    story.later(seconds=LEASE.total_seconds() - 1)
    story.tick()
    assert len(story.slack.posts()) == slack_took_it, "it may still be on its way"

    story.later(seconds=2)
    assert story.tick().dispatched.pending == 0
    [post] = story.slack.posts()
    [delivery] = story.store.deliveries(1)
    assert delivery.status is DeliveryStatus.ACCEPTED
    assert delivery.receipt is not None and delivery.receipt.message == post.ts
    assert len(story.slack.edits) <= 1
    assert story.incident.alert_count == 2


def test_killed_in_the_midst_of_triage_nothing_is_half_written_and_the_next_tick_does_it_all(story: Story):
    story.breaks("boom", "orphan")
    story.builds("boom", "orphan")
    process = start(story, ["-c", DIES_BEFORE_COMMIT, *TICK[2:]])
    wait(process)
    assert process.returncode == -signal.SIGKILL
    assert story.incidents == [] and story.slack.calls == []
    report = story.tick()
    assert report.triaged.opened == ("INC-1", "INC-2")
    assert sorted(story.told()) == ["data-incidents", "fin"]
    assert sum(incident.alert_count for incident in story.incidents) == 4


class Cut(BaseException):
    """The power is cut: no `except Exception` sees it."""


def tick_until_commit(story: Story, number: int) -> bool:
    """A tick that is cut off before the store's `number`-th commit; False when it had fewer."""
    commits = 0
    engine = story.store._database.engine

    def count(connection: object) -> None:
        nonlocal commits
        commits += 1
        if commits == number:
            raise Cut

    event.listen(engine, "commit", count)
    try:
        story.tick()
    except Cut:
        return True
    finally:
        event.remove(engine, "commit", count)
    return False


def test_cut_off_before_any_of_its_commits_a_tick_loses_nothing_and_says_nothing_twice(story: Story):
    """The same failing run is read by a new store for every commit of a tick, each cut off at another one."""
    story.breaks("boom")
    story.builds("boom")
    number, was_cut = 0, True
    while was_cut:
        number += 1
        story.environ["INCIDENT_OPS_DATABASE_URL"] = f"sqlite:///{story.home / f'cut-{number}.db'}"
        story.knows_the_catalog()
        posts = len(story.slack.posts())
        was_cut = tick_until_commit(story, number)
        story.later(seconds=LEASE.total_seconds() + 1)
        assert story.tick().dispatched.pending == 0
        assert (story.incident.alert_count, story.incident.status) == (2, Status.TRIGGERED)
        assert len(story.slack.posts()) == posts + 1, f"cut off before commit {number}"
        story.later(minutes=15)  # beyond what a look-up looks back
    assert number > 6, "a tick that has no commits shows nothing"
