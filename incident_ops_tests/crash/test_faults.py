"""The faults in short: fewer kills, every named step, the same judgement. The long form is `__main__`."""

from pathlib import Path

import pytest

from incident_ops.core.notices import Action
from incident_ops.engine.dispatch import LEASE
from incident_ops_tests.crash.faults import FAULTS, Run
from incident_ops_tests.crash.judging import judged
from incident_ops_tests.crash.steps import STORIES, killed_at_named_steps
from incident_ops_tests.crash.world import a_world

ON_POSTGRES = "two workers on PostgreSQL"
AT_STEPS = "killed at every named step"


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in (ON_POSTGRES, AT_STEPS)])
def test_whatever_goes_wrong_everything_is_told_once_and_in_order_and_ends_right(
    fault: str, tmp_path: Path
) -> None:
    outcome = FAULTS[fault](Run(folder=tmp_path, kills=8, rounds=4, alerts=200))
    assert outcome.faults == ()
    assert outcome.posted and outcome.edited and outcome.replied


def test_two_workers_on_postgres_tell_everything_once(migrated_postgres_url: str, tmp_path: Path) -> None:
    outcome = FAULTS[ON_POSTGRES](Run(folder=tmp_path, postgres=migrated_postgres_url, rounds=4))
    assert outcome.faults == ()
    assert outcome.posted and outcome.edited and outcome.replied


@pytest.mark.parametrize("story", STORIES)
def test_killed_at_any_named_step_a_worker_leaves_nothing_undone(story: str, tmp_path: Path) -> None:
    faults = {step: outcome.faults for step, outcome in killed_at_named_steps(STORIES[story], tmp_path)}
    assert {step: each for step, each in faults.items() if each} == {}


# ---- the controls: what the judgement must see


def test_what_cannot_be_looked_up_is_seen_twice(tmp_path: Path) -> None:
    """Slack lets us read no channel: what was sent, and not written down, is sent again."""
    trace = tmp_path / "steps"
    with a_world(tmp_path / "control.db") as world:
        world.opens("fin/table_0")
        world.delivers(trace=trace)
    number = trace.read_text().splitlines().index("after the slack post")
    trace.unlink()
    with a_world(tmp_path / "store.db", scopes=["chat:write"]) as world:
        world.opens("fin/table_0")
        assert not world.delivers(trace=trace, dies_at=number)
        world.later(LEASE.total_seconds() + 1)
        world.settles()
        assert judged(world).faults == (
            "INC-1:post:slack:#fin is shown 2 times",
            "INC-1 has 2 posts in fin",
            "INC-1 rang again too early, after 1.5 min",
        )


def test_what_is_not_delivered_is_seen_to_be_lost_and_what_is_shown_to_be_stale(tmp_path: Path) -> None:
    with a_world(tmp_path / "store.db") as world:
        world.opens("fin/table_0")
        world.delivers()
        world.opens("web/table_1")
        world.is_noted(1)
        world.is_acknowledged(1)
        outcome = judged(world)
        replies = [each.key for each in world.store.deliveries(1) if each.action is Action.REPLY]
    assert len(replies) == 2
    assert set(outcome.lost) == {
        "4 deliveries are still owed",
        "INC-2 has no post in #web",
        "note 1 of INC-1 is not told",
        *(f"{key} is not shown" for key in replies),
    }
    assert len(outcome.stale) == 1 and outcome.duplicated == outcome.misordered == ()


def test_a_thread_that_goes_backwards_is_seen(tmp_path: Path) -> None:
    with a_world(tmp_path / "store.db") as world:
        world.opens("fin/table_0")
        world.delivers()
        [post] = world.slack.posts()
        for number in (2, 1):
            payload = {"key": f"INC-1:reply:slack:#fin:r{number}"}
            reply = {
                "channel": post.channel,
                "thread_ts": post.ts,
                "text": f"Note {number}",
                "metadata": {"event_type": "by_hand", "event_payload": payload},
            }
            assert world.slack.answer("chat.postMessage", reply, world.slack.token)[1] is None
        assert judged(world).misordered == ("INC-1: notes [2, 1]", "INC-1: changes [2, 1]")
