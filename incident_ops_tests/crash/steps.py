"""Workers that kill themselves at one step, at every one of a short story in turn: before and after the claim,
before and after each request, before and after its acceptance is written, while burying, while falling back."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from incident_ops.engine.dispatch import LEASE
from incident_ops_tests.crash.judging import Outcome, judged
from incident_ops_tests.crash.world import World, a_world
from incident_ops_tests.fake_slack import lost_answer, server_error

Deliver = Callable[[], None]
"""One pass, which the killed worker's successor ends when its lease has run out."""


@dataclass(frozen=True, kw_only=True)
class Story:
    """
    Attributes:
        tell: what happens, with a pass wherever something is to be delivered.
        reaches: steps that it is told for.
        channels: those that Slack has.
        default: where goes what is refused.
    """

    tell: Callable[[World, Deliver], None]
    reaches: frozenset[str]
    channels: Sequence[str] = ("*",)
    default: str = "#data"


def told_to_the_end(world: World, deliver: Deliver) -> None:
    number = world.opens("fin/table_0")
    world.is_told_to(number, "U0ANN")
    deliver()
    world.is_noted(number)
    world.is_noted(number)
    deliver()
    world.is_acknowledged(number)
    world.recovers(number)
    deliver()


def answer_lost(world: World, deliver: Deliver) -> None:
    """The post, a reply and an edit reach Slack, and nobody hears that they did."""
    number = world.opens("fin/table_0")
    world.slack.next(lost_answer(), method="chat.postMessage")
    deliver()
    world.later(60)
    deliver()
    world.is_noted(number)
    world.slack.next(lost_answer(), method="chat.postMessage")
    world.slack.next(lost_answer(), method="chat.update")
    for _ in range(3):
        deliver()
        world.later(60)


def refused(world: World, deliver: Deliver) -> None:
    """There is no channel #gone: the default gets it."""
    world.may_bury = True
    number = world.opens("gone/table", channel="#data")
    deliver()
    world.is_noted(number)
    deliver()


def refused_by_all(world: World, deliver: Deliver) -> None:
    """Neither is there the default channel: the inbox gets it."""
    world.may_bury = True
    number = world.opens("gone/table", channel="", falls_back=True)
    deliver()
    world.is_acknowledged(number)
    deliver()


def away_for_long(world: World, deliver: Deliver) -> None:
    """Slack is away for 16 minutes, and the fallback gets what is owed too: what was tried, and what waits behind
    it, since after three failures nothing more is."""
    numbers = [world.opens(f"fin/table_{n}", falls_back=True) for n in (0, 4, 8, 12)]
    world.slack.down(server_error())
    deliver()
    world.later(16 * 60)
    deliver()
    world.slack.up()
    world.is_noted(numbers[-1])
    world.later(6 * 60)
    deliver()


def around(*calls: str) -> frozenset[str]:
    """Before and after each."""
    return frozenset(f"{when} {call}" for call in calls for when in ("before", "after"))


STORIES = {
    "told": Story(
        tell=told_to_the_end,
        reaches=around("claim", "the slack post", "the slack reply", "the slack edit", "accepted"),
    ),
    "answer lost": Story(tell=answer_lost, reaches=around("claim", "the slack look-up", "postpone", "accepted")),
    "refused": Story(tell=refused, reaches=around("bury", "the slack post"), channels=("data",)),
    "refused by all": Story(
        tell=refused_by_all,
        reaches=around("bury", "the inbox post", "accepted"),
        channels=("web",),
        default="#nowhere",
    ),
    "away": Story(tell=away_for_long, reaches=around("postpone", "move", "the inbox post", "the slack post")),
}


def killed_at_every_step(story: Story, folder: Path) -> Iterator[tuple[str, Outcome]]:
    """Tells the story without a kill, and then once for each of its steps, at which a worker dies."""
    steps, outcome = told(story, folder / "control", dies_at=None)
    yield "without a kill", outcome
    yield from _killed_at(story, folder, steps, range(len(steps)))


def killed_at_named_steps(story: Story, folder: Path) -> Iterator[tuple[str, Outcome]]:
    """Only where each of the steps that the story is told for is reached first."""
    steps, outcome = told(story, folder / "control", dies_at=None)
    yield "without a kill", outcome
    yield from _killed_at(story, folder, steps, sorted(map(steps.index, story.reaches)))


def _killed_at(
    story: Story, folder: Path, steps: Sequence[str], numbers: Iterable[int]
) -> Iterator[tuple[str, Outcome]]:
    for number in numbers:
        reached, outcome = told(story, folder / str(number), dies_at=number)
        assert (reached[number], outcome.kills) == (steps[number], 1), "the story is not the same each time"
        yield steps[number], outcome


def told(story: Story, folder: Path, *, dies_at: int | None) -> tuple[list[str], Outcome]:
    """The steps that were reached, and how it ended."""
    folder.mkdir(parents=True)
    trace = folder / "steps"
    with a_world(folder / "store.db", channels=story.channels) as world:
        job: dict[str, Any] = {"trace": trace, "dies_at": dies_at, "default": story.default}

        def deliver() -> None:
            while not world.delivers(**job):
                world.later(LEASE.total_seconds() + 1)

        story.tell(world, deliver)
        world.settles(**job)
        return trace.read_text().splitlines(), judged(world)
