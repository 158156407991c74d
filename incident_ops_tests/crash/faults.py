"""The faults, each a run that ends when nothing is owed any more and is then judged.

Everything that happens, and every instant of a kill, is drawn from a seed; how far a killed worker has come by
then is up to the machine.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import add
from pathlib import Path

from incident_ops.core.status import Status
from incident_ops_tests.crash.judging import Outcome, judged
from incident_ops_tests.crash.steps import STORIES, killed_at_every_step
from incident_ops_tests.crash.storm import storm
from incident_ops_tests.crash.world import ASSETS, World, a_world
from incident_ops_tests.fake_slack import lost_answer

PEOPLE = ("U0ANN", "U0BOB")
AN_HOUR = timedelta(hours=1)

KILLED_WITHIN = 0.15
"""Seconds. A worker takes about .05 to begin, and .01 for each of some twenty deliveries."""

MUCH = 60
"""So many deliveries waiting are enough for a worker to be killed at: nothing new happens meanwhile."""

HAPPENINGS = 12
"""In one round."""

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a fault is played with.

    Attributes:
        folder: for the databases.
        postgres: the URL of a migrated database without a row; None where there is no PostgreSQL.
        kills: at random instants.
        rounds: of what happens, where kills are not counted.
        alerts: of the storm, ten or more for each of at most 40 incidents.
        seed: of what happens and of the instants.
        say: hears how far it is.
    """

    folder: Path
    postgres: str | None = None
    kills: int = 200
    rounds: int = 30
    alerts: int = 2_000
    seed: int = 1
    say: Say = lambda line: None

    @property
    def draw(self) -> random.Random:
        return random.Random(self.seed)


def nothing(run: Run) -> Outcome:
    """The control: whatever is counted below is not of the harness's making."""
    draw = run.draw
    with a_world(run.folder / "nothing.db") as world:
        for _ in range(run.rounds):
            something_happens(world, draw)
            world.delivers()
            world.later(draw.uniform(1, 60))
        world.settles()
        return judged(world)


def killed_at_random(run: Run) -> Outcome:
    draw = run.draw
    with a_world(run.folder / "killed.db") as world:
        while world.kills < run.kills:
            if world.store.unfinished() < MUCH:
                something_happens(world, draw)
            world.ends(world.begins(), kill_after=draw.uniform(0, KILLED_WITHIN))
            world.later(draw.choice((1, 20, 95)))
            run.say(f"{world.kills} of {run.kills} kills")
        world.settles()
        return judged(world)


def slack_away_in_a_storm(run: Run) -> Outcome:
    with a_world(run.folder / "storm.db") as world:
        storm(world, run.draw, alerts=run.alerts, incidents=min(40, run.alerts // 10), say=run.say)
        return judged(world)


def killed_at_each_step(run: Run) -> Outcome:
    outcomes: list[Outcome] = []
    for name, story in STORIES.items():
        for step, outcome in killed_at_every_step(story, run.folder / name):
            run.say(f"{name}: {step}")
            outcomes.append(outcome)
    return reduce(add, outcomes)


def answers_lost(run: Run) -> Outcome:
    """Slack accepts, and nobody hears of it: of every third, fifth and seventh request, look-ups among them."""
    draw = run.draw
    with a_world(run.folder / "lost.db") as world:
        for turn in range(run.rounds):
            world.slack.every((3, 5, 7)[turn % 3], lost_answer())
            something_happens(world, draw)
            world.delivers()
            world.later(draw.uniform(1, 60))
            run.say(f"{turn + 1} of {run.rounds} rounds")
        world.slack.every(7, lost_answer())  # more than one delivery asks for: none meets it each time
        world.settles()
        return judged(world)


def clock_falls_behind(run: Run) -> Outcome:
    """Right at first, then an hour slow."""
    return _clock_jumps(run, "behind.db", first=timedelta(0), then=-AN_HOUR)


def clock_is_set_right(run: Run) -> Outcome:
    """An hour fast at first, then right."""
    return _clock_jumps(run, "right.db", first=AN_HOUR, then=timedelta(0))


def _clock_jumps(run: Run, name: str, *, first: timedelta, then: timedelta) -> Outcome:
    """The machine's clock, not Slack's; with answers lost and workers killed before and after."""
    draw = run.draw
    with a_world(run.folder / name) as world:
        world.error = first
        world.slack.every(4, lost_answer())
        for turn in range(run.rounds):
            something_happens(world, draw)
            world.ends(world.begins(), kill_after=draw.uniform(0, KILLED_WITHIN) if turn % 2 else None)
            world.later(draw.choice((5, 20, 95)))
            if turn == run.rounds // 2:
                world.error = then
            run.say(f"{turn + 1} of {run.rounds} rounds")
        world.slack.up()
        world.settles()
        return judged(world)


def two_on_sqlite(run: Run) -> Outcome:
    return _two_workers(run, run.folder / "two.db")


def two_on_postgres(run: Run) -> Outcome:
    assert run.postgres is not None
    return _two_workers(run, run.postgres)


def _two_workers(run: Run, place: Path | str) -> Outcome:
    """Two at once, of which every other time one is killed."""
    draw = run.draw
    with a_world(place) as world:
        for turn in range(run.rounds):
            something_happens(world, draw)
            workers = [world.begins(), world.begins()]
            if turn % 2:
                world.ends(workers.pop(draw.randrange(2)), kill_after=draw.uniform(0, KILLED_WITHIN))
            for worker in workers:
                world.ends(worker)
            world.later(draw.choice((5, 20, 95)))
            run.say(f"{turn + 1} of {run.rounds} rounds")
        world.settles()
        return judged(world)


def something_happens(world: World, draw: random.Random) -> None:
    """Incidents begin, are written about, taken, end, and begin again."""
    world.wakes()
    for _ in range(HAPPENINGS):
        what = draw.choice(("opens", "note", "note", "note", "fails", "is taken", "recovers", "tell"))
        numbers = list(world.promises)
        if not numbers or (what == "opens" and len(numbers) < len(ASSETS)):
            world.opens(ASSETS[len(numbers)])
            continue
        number = draw.choice(numbers)
        incident = world.store.incident(number)
        match what:
            case "note":
                world.is_noted(number)
            case "fails":
                world.fail_again(number)
            case "is taken" if incident.status is Status.TRIGGERED:
                world.is_acknowledged(number)
            case "recovers" if incident.is_open and not world.promises[number].recoveries:
                world.recovers(number)
            case "tell":
                world.is_told_to(number, draw.choice(PEOPLE))
            case _:
                pass


FAULTS: Mapping[str, Callable[[Run], Outcome]] = {
    "nothing (the control)": nothing,
    "Slack away 20 min in a storm": slack_away_in_a_storm,
    "killed at random instants": killed_at_random,
    "killed at every named step": killed_at_each_step,
    "answers lost": answers_lost,
    "clock falls back an hour": clock_falls_behind,
    "clock an hour fast, set right": clock_is_set_right,
    "two workers on SQLite": two_on_sqlite,
    "two workers on PostgreSQL": two_on_postgres,
}
