"""Bounds learnt from history: a metric's value held against what it usually is, as people corrected it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import TypedDict

from incident_ops.core.anomaly import Judgement, Series, judge
from incident_ops.core.anomaly.mirror import mirrored
from incident_ops.core.feedback import Feedback, Training, trained
from incident_ops.core.metrics import Measured, Measurement
from incident_ops.detectors.history import EventLog, ManySeries, Remembers
from incident_ops.detectors.scope import Scope


class LearntOptions(TypedDict, total=False):
    """Options of the detectors that learn.

    Attributes:
        sensitivity: 1 by default; 2 halves the distance between the usual and the bounds, 0.5 doubles it.
        holidays: days that are not judged by their weekday.
        history: where measurements and feedback are remembered; by default in Dagster's event log.
    """

    sensitivity: float
    holidays: Collection[date]
    history: Remembers


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is remembered of one check, read once per evaluation."""

    measurements: Sequence[Measurement]
    feedback: Sequence[Feedback]
    options: LearntOptions

    @classmethod
    def of(cls, scope: Scope, options: LearntOptions, *, more: Sequence[Measurement] = ()) -> "Memory":
        """
        Args:
            more: measurements known from elsewhere (row counts that builds reported), which those of the check
                itself go before.
        """
        history = options.get("history", EventLog)(scope.instance)
        if isinstance(history, ManySeries):
            own = history.measurements_of(scope.check_key, scope.is_of_its_series)
        else:
            own = [m for m in history.measurements(scope.check_key) if scope.is_of_its_series(m.partition)]
        taken = {measurement.at for measurement in own}
        return cls(
            measurements=[*(m for m in more if m.at not in taken), *own],
            feedback=history.feedback(scope.check_key),
            options=options,
        )

    @property
    def wrong(self) -> Collection[datetime]:
        """The times at which something was out of the ordinary, whatever people said of it."""
        return {m.at for m in self.measurements if any(point.is_out for point in m.points)}

    def training(self, metric: str, column: str = "") -> Training:
        """The metric's history as people see it."""
        return trained(self.measurements, self.feedback, metric=metric, column=column)

    def judged(
        self,
        scope: Scope,
        metric: str,
        value: float,
        *,
        column: str = "",
        unit: str = "",
        peers: Sequence[Series] = (),
    ) -> tuple[Measured, Judgement]:
        """The value as it will be remembered, and the verdict on it.

        A partition of time that is built again, or later than those after it, is as usual where it is in line with
        the partitions before it or with those after it: what it was itself before the rebuild says nothing, since
        nobody rebuilds what was right, and a value that begins a level which lasted since is no fault. So the
        first partitions, which have none before them, are judged as well.
        """
        training = self.training(metric, column)
        usual, accepted_from = training.usual, training.accepted_from
        was_accepted = accepted_from is not None and accepted_from <= scope.at
        of_its_level = partial(
            judge,
            value=value,
            at=scope.at,
            unit=unit,
            sensitivity=self.options.get("sensitivity", 1.0),
            widen=training.widen,
        )
        judgement = of_its_level(
            usual,
            peers=peers,
            holidays=self.options.get("holidays", ()),
            accepted_from=accepted_from if was_accepted else None,
        )
        later = mirrored(usual, scope.at, until=None if was_accepted else accepted_from) if scope.window else ()
        if later:
            judgement = _milder(judgement, of_its_level(later))
        judgement = training.still_out(judgement, value, at=scope.at)
        measured = Measured(
            metric=metric,
            column=column,
            value=value,
            low=judgement.low,
            high=judgement.high,
            score=judgement.score,
        )
        return measured, judgement


def _milder(before: Judgement, after: Judgement) -> Judgement:
    """By the partitions before or by those after, whichever can tell and finds less."""
    if after.learning or (not before.learning and before.score <= after.score):
        return before
    return replace(after, reason=f"{after.reason}, by the partitions after it")
