"""Who is paged next, as long as nobody has acknowledged.

PagerDuty's words: a policy has steps; each step's targets are paged, then an answer is waited for; after the last
step it begins again `repeat` times, then it is exhausted. Only a triggered incident climbs. Who stands behind a
target is not known here.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

PUNCTUAL = timedelta(minutes=1)
"""A pass that comes no later than this after a step was due is in time: the next wait runs from when the step was
due, so that passes every few seconds do not add up. After a longer standstill it runs from the page itself: who is
paged has the whole wait to answer, and no two steps are taken at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationStep:
    """Attributes:
    targets: `erin@acme.test`, `schedule:x`, `team:x` or `receiver:x`.
    wait: how long an answer is waited for before the next step.
    """

    targets: tuple[str, ...]
    wait: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationPolicy:
    """Attributes:
    repeat: how often the steps are gone through again after the first time, 0 to 5.
    acknowledge_timeout: an acknowledged incident is triggered again after this time; None: never.
    """

    name: str
    steps: tuple[EscalationStep, ...]
    repeat: int = 0
    acknowledge_timeout: timedelta | None = None

    @property
    def length(self) -> int:
        """How many steps it takes until it is exhausted."""
        return len(self.steps) * (self.repeat + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """How far an incident has come on its policy.

    Attributes:
        policy: as it was when the climb began; later changes of the file do not touch it.
        taken: steps taken so far, all rounds together.
        due_at: when the next step, or after the last one the end, is due.
        extra: steps to take beyond the policy's, because an acknowledgement that came at the top led to nothing.
        is_frozen: somebody has acknowledged.
    """

    policy: EscalationPolicy
    taken: int
    due_at: datetime
    extra: int = 0
    is_frozen: bool = False
    is_exhausted: bool = False

    @property
    def runs(self) -> bool:
        return not (self.is_frozen or self.is_exhausted)

    @property
    def is_at_the_top(self) -> bool:
        """There is no step left to take."""
        return self.taken >= self.policy.length + self.extra


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A step that is taken now. `number` counts from 0 over all rounds: with it the page is known again."""

    policy: str
    number: int
    step: int
    round: int
    targets: tuple[str, ...]

    def __str__(self) -> str:
        again = f", round {self.round + 1}" if self.round else ""
        return f"step {self.step} of {self.policy}{again}"


def begun(policy: EscalationPolicy, *, at: datetime) -> Climb:
    """At the foot: step 0 is due."""
    return Climb(policy=policy, taken=0, due_at=at)


def frozen(climb: Climb) -> Climb:
    """Somebody has acknowledged."""
    return replace(climb, is_frozen=True)


def resumed(climb: Climb, *, at: datetime) -> Climb:
    """Triggered again after an acknowledgement that led to nothing: the next step comes at once. At the top the
    steps are gone through once more, since who acknowledged late would be paged by nothing else."""
    if not climb.is_frozen:
        return climb
    more = len(climb.policy.steps) if climb.is_at_the_top else 0
    return replace(climb, due_at=at, extra=climb.extra + more, is_frozen=False, is_exhausted=False)


def advanced(climb: Climb, *, now: datetime) -> tuple[Climb, Page | None]:
    """Take the step that is due, if any; at most one, however late it is. After the last step's wait the climb is
    exhausted."""
    if not climb.runs or now < climb.due_at:
        return climb, None
    if climb.is_at_the_top:
        return replace(climb, is_exhausted=True), None
    round_, index = divmod(climb.taken, len(climb.policy.steps))
    step = climb.policy.steps[index]
    page = Page(policy=climb.policy.name, number=climb.taken, step=index, round=round_, targets=step.targets)
    counted_from = climb.due_at if now - climb.due_at <= PUNCTUAL else now
    return replace(climb, taken=climb.taken + 1, due_at=counted_from + step.wait), page


def skipped(climb: Climb, *, now: datetime) -> Climb:
    """Nobody could be paged by the step just taken: the next one does not wait."""
    return replace(climb, due_at=now)
