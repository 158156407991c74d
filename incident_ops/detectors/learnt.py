"""Bounds learnt from history: a metric's value held against what it usually is, as people corrected it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypedDict

from incident_ops.core.anomaly import Judgement, Series, judge
from incident_ops.core.feedback import Feedback, Training, trained
from incident_ops.core.metrics import Measured, Measurement
from incident_ops.detectors.history import EventLog, Remembers
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
        own = [
            measurement
            for measurement in history.measurements(scope.check_key)
            if scope.is_of_its_series(measurement.partition)
        ]
        taken = {measurement.at for measurement in own}
        return cls(
            measurements=[*(m for m in more if m.at not in taken), *own],
            feedback=history.feedback(scope.check_key),
            options=options,
        )

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
        """The value as it will be remembered, and the verdict on it."""
        training = self.training(metric, column)
        judgement = judge(
            training.usual,
            value,
            at=scope.at,
            peers=peers,
            unit=unit,
            sensitivity=self.options.get("sensitivity", 1.0),
            holidays=self.options.get("holidays", ()),
            accepted_from=training.accepted_from,
            widen=training.widen,
        )
        measured = Measured(
            metric=metric,
            column=column,
            value=value,
            low=judgement.low,
            high=judgement.high,
            score=judgement.score,
        )
        return measured, judgement
