"""What people's answers to incidents teach a detector: which points to forget, where a new level begins, how much
wider its bounds must be.

The answers travel as JSON documents on observations of the asset, so that a detector in any code location finds
them in Dagster's own event log.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby, takewhile
from typing import Any, TypeAlias, cast

from incident_ops.core.anomaly.intraday import is_intraday
from incident_ops.core.anomaly.judgement import Judgement, Series
from incident_ops.core.errors import IncidentOpsError
from incident_ops.core.metrics import Measured, Measurement, series_of, time_in

FEEDBACK_METADATA = "incident_ops/feedback"
"""Where an observation of the asset carries the document."""
VERSION = 1
MARGIN = 1.1
"""The bound is moved this far beyond the value that was wrongly called out."""
MOST_WIDENING = 40.0
"""As far as four times the usual is from it for the steadiest table: `ln 4` in widths of 2.85 times 1.5 %, and the
margin. Who accepts more than that in one word is asked again."""
LASTING = 4
"""More exceptional points in a row are a level, which `judge` learns after so many."""
LONGEST = timedelta(days=1)
"""So long a value is held against the bounds that were left; then what it has become is what it is."""
OUT = 0.5
"""The score at the bounds."""
FURTHEST = 0.99
"""A score says no more than this of how far out a value was."""


class FeedbackError(IncidentOpsError, ValueError):
    """The document is not one of feedback; the message says what is wrong with it."""


class Lesson(StrEnum):
    """What was said of the points that were out: the first three are resolution reasons of an incident, the last
    is an expected event of the configuration."""

    FIXED = "fixed"
    EXPECTED = "expected"
    FALSE_POSITIVE = "false_positive"
    EVENT = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One answer.

    Attributes:
        check: name of the check, on the asset that the answer is kept with.
        since, until: the evaluations it speaks of, both included.
    """

    check: str
    lesson: Lesson
    since: datetime
    until: datetime

    def speaks_of(self, measurement: Measurement) -> bool:
        return self.since <= measurement.evaluated_at <= self.until

    @property
    def order(self) -> tuple[datetime, datetime, Lesson]:
        """Of two answers the newer one is greater."""
        return self.until, self.since, self.lesson


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """An answer on a check of `asset` (key `a/b`), and the number of the incident that it was given for."""

    asset: str
    feedback: Feedback
    incident: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The history of one metric as people see it.

    Attributes:
        history: without the points that were wrong or exceptional, oldest first.
        accepted_from: where the level that people accepted begins; None without one.
        widen: factor for the width of the bounds, 1 to `MOST_WIDENING`.
        exceptional: times of the points that teach no bounds: those that were out and nobody has answered for
            (of series of minutes and hours these teach: see `still_out`), and those that are in order, but beyond
            the bounds as they were before the widening. What lasts is none.
        left: the first of the points that were out one after another to the end, and that nobody has answered for,
            with its bounds; None where the last one was in order.
    """

    history: Series
    accepted_from: datetime | None = None
    widen: float = 1.0
    exceptional: Collection[datetime] = frozenset()
    left: tuple[datetime, Measured] | None = None

    @property
    def usual(self) -> Series:
        """What bounds are learnt from: the history without what is exceptional. A fault that is still there must
        not pass for usual on its second day, and what the widening makes room for would count twice."""
        return [(at, value) for at, value in self.history if at not in self.exceptional]

    def still_out(self, judgement: Judgement, value: float, *, at: datetime) -> Judgement:
        """The judgement, but for a value that is still beyond the bounds that were left less than a day ago: that
        one is out as well.

        Within a day a level lasts for hundreds of points and is learnt long before anybody has looked: what is
        told once must not be called healthy five minutes later. To keep such points from training would be worse:
        on NAB's series it takes F1 from .66 to .49, since what comes now and then is then told of each time. From
        day to day `judge` says when a level is one.
        """
        if self.left is None or judgement.anomalous or judgement.learning:
            return judgement
        since, first = self.left
        if not timedelta() < at - since < LONGEST or first.low <= value <= first.high:
            return judgement
        return replace(
            judgement,
            anomalous=True,
            score=max(judgement.score, OUT),
            low=first.low,
            high=first.high,
            reason=f"{judgement.reason}, but still beyond what it left at {since:%H:%M} {since.tzname()}",
        )


def trained(
    measurements: Sequence[Measurement], feedback: Iterable[Feedback], *, metric: str, column: str = ""
) -> Training:
    """`fixed` and an expected event take the points that were out from the history; `expected` begins a new level
    at the first of them; `false_positive` moves the bounds just beyond the furthest of them, measured from the
    bounds without any widening, so that a second one widens only by what is further out. A zero below its bounds
    widens nothing: no width reaches it, and it trains instead. Of several answers on one point the newest counts.

    Args:
        feedback: on the check that made the measurements.
    """
    forgotten: set[datetime] = set()
    called_out: set[datetime] = set()
    accepted_from: datetime | None = None
    widening = _Widening()
    all_out = _out(measurements, (metric, column))
    decided = _decided(all_out, feedback)
    answered = {measurement.at for out in decided.values() for measurement, _ in out}
    latest = _latest(_named(measurements, (metric, column)))
    are_intraday = is_intraday([measurement.at for measurement, _ in latest])
    unanswered = set[datetime]() if are_intraday else {measurement.at for measurement, _ in all_out} - answered
    for answer, out in decided.items():
        match answer.lesson:
            case Lesson.FIXED | Lesson.EVENT:
                forgotten |= {measurement.at for measurement, _ in out}
            case Lesson.EXPECTED:
                accepted_from = min(measurement.at for measurement, _ in out)
            case Lesson.FALSE_POSITIVE:
                reached = [(measurement, point) for measurement, point in out if not _is_nothing(point)]
                called_out |= {measurement.at for measurement, _ in reached}
                widening = widening.with_room_for(reached, known_from=answer.until)
    return Training(
        history=[(at, value) for at, value in series_of(measurements, metric, column) if at not in forgotten],
        accepted_from=accepted_from,
        widen=widening.now,
        exceptional=_exceptional(latest, called_out | unanswered, widening),
        left=_left(latest, answered),
    )


_Out: TypeAlias = tuple[Measurement, Measured]


@dataclass(frozen=True, slots=True)
class _Widening:
    """The factors that answers gave, each with the time from which on values were judged by it; they only grow."""

    steps: tuple[tuple[datetime, float], ...] = ()

    @property
    def now(self) -> float:
        return self.steps[-1][1] if self.steps else 1.0

    def with_room_for(self, out: Iterable[_Out], *, known_from: datetime) -> "_Widening":
        furthest = max((self.deviation(measurement, point) for measurement, point in out), default=0.0)
        factor = min(MOST_WIDENING, max(self.now, MARGIN * furthest))
        return _Widening((*self.steps, (known_from, factor)))

    def deviation(self, measurement: Measurement, point: Measured) -> float:
        """How many widths of the bounds without any widening the value was from the usual."""
        return self.at(measurement.evaluated_at) * point.score / (1 - min(point.score, FURTHEST))

    def at(self, time: datetime) -> float:
        return max((factor for known_from, factor in self.steps if known_from < time), default=1.0)


def _is_nothing(point: Measured) -> bool:
    return point.value == 0 < point.low


def _latest(points: Iterable[_Out]) -> list[_Out]:
    """By time, of several of one time the one evaluated last."""
    found = {point[0].at: point for point in sorted(points, key=lambda point: point[0].evaluated_at)}
    return [point for _, point in sorted(found.items())]


def _left(points: Sequence[_Out], answered: Collection[datetime]) -> tuple[datetime, Measured] | None:
    lasting = takewhile(lambda out: out[1].is_out and out[0].at not in answered, reversed(points))
    return next(((measurement.at, point) for measurement, point in reversed(list(lasting))), None)


def _exceptional(points: Sequence[_Out], known: Collection[datetime], widening: _Widening) -> frozenset[datetime]:
    """The points known to be, and those that only the widening let pass; none of a lasting level."""
    if not known and not widening.steps:
        return frozenset()

    def needs_room(point: _Out) -> bool:
        measurement, value = point
        if measurement.at in known:
            return True
        passed_widened = not value.is_out and widening.at(measurement.evaluated_at) > 1
        return passed_widened and widening.deviation(measurement, value) >= 1

    stretches = (
        [measurement.at for measurement, _ in stretch]
        for needs, stretch in groupby(points, key=needs_room)
        if needs
    )
    return frozenset(at for stretch in stretches if len(stretch) <= LASTING for at in stretch)


def _named(measurements: Iterable[Measurement], name: tuple[str, str]) -> list[_Out]:
    return [
        (measurement, point) for measurement in measurements for point in measurement.points if point.name == name
    ]


def _out(measurements: Iterable[Measurement], name: tuple[str, str]) -> list[_Out]:
    return [(measurement, point) for measurement, point in _named(measurements, name) if point.is_out]


def _decided(out: Sequence[_Out], feedback: Iterable[Feedback]) -> dict[Feedback, list[_Out]]:
    """Answer → the points that it decides on, the oldest answer first. One that only repeats what was said of a
    point decides nothing there: a document may come twice, and an incident may be reopened."""
    deciding: dict[int, Feedback] = {}
    for answer in sorted(feedback, key=lambda answer: answer.order):
        for place, (measurement, _) in enumerate(out):
            before = deciding.get(place)
            if answer.speaks_of(measurement) and (before is None or before.lesson is not answer.lesson):
                deciding[place] = answer
    decided: defaultdict[Feedback, list[_Out]] = defaultdict(list)
    for place, answer in sorted(deciding.items(), key=lambda item: item[1].order):
        decided[answer].append(out[place])
    return decided


def document_of(feedback: Feedback) -> dict[str, Any]:
    return {
        "version": VERSION,
        "check": feedback.check,
        "lesson": feedback.lesson.value,
        "since": feedback.since.isoformat(),
        "until": feedback.until.isoformat(),
    }


def feedback_in(document: object) -> Feedback:
    """The opposite of `document_of`.

    Raises:
        FeedbackError: it has another form, or comes from a later version.
    """
    if not isinstance(document, Mapping):
        raise FeedbackError(f"feedback is a JSON object, not {type(document).__name__}")
    record = cast("Mapping[str, Any]", document)
    if record.get("version") != VERSION:
        raise FeedbackError(f"feedback of version {record.get('version')!r} is not known here, only {VERSION}")
    try:
        return Feedback(
            check=str(record["check"]),
            lesson=Lesson(record["lesson"]),
            since=time_in(record["since"]),
            until=time_in(record["until"]),
        )
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise FeedbackError(f"feedback lacks or misstates a field: {error!r}") from error
