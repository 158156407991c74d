"""What is remembered of a table's columns: the series of their metrics, and the last good profile."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import dagster as dg

from incident_ops.core.feedback import Feedback, Lesson
from incident_ops.core.metrics import METRICS_METADATA, Measurement, MetricsError, measurement_in
from incident_ops.core.profile import PROFILE_METADATA, ProfileError, Remembered, remembered_in
from incident_ops.detectors.history import MOST_EVALUATIONS, EventLog
from incident_ops.detectors.learnt import LearntOptions, Memory
from incident_ops.detectors.scope import Scope

LOOK_BACK = 20
"""Evaluations among which the last good one is looked for: what has failed for longer is compared with nothing."""
MOST_POINTS = 200_000
"""Of a wide table fewer evaluations are read, to read so many points at most: about a second."""
LEAST_EVALUATIONS = 60
_POINTS_OF_COLUMN = 8
_ACCEPTED = (Lesson.EXPECTED, Lesson.FALSE_POSITIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """
    Attributes:
        good: the profile of the last evaluation that passed, or that people accepted; None where there is none.
        newest: the profile of the last evaluation, however it went: what a new one is likely to find.
    """

    memory: Memory
    series: Mapping[tuple[str, str], Sequence[Measurement]]
    good: Remembered | None
    newest: Remembered | None = None

    @classmethod
    def of(cls, scope: Scope, options: LearntOptions) -> "Past":
        recent = _recent(scope)
        width = max((len(profile.columns) for _, _, profile in recent), default=1) * _POINTS_OF_COLUMN
        limit = min(MOST_EVALUATIONS, max(LEAST_EVALUATIONS, MOST_POINTS // max(width, 1)))
        remembers = options.get("history", lambda instance: EventLog(instance, limit=limit))
        memory = Memory.of(scope, LearntOptions(**{**options, "history": remembers}))
        return cls(
            memory=memory,
            series=_by_name(memory.measurements),
            good=next((p for m, passed, p in recent if passed or _is_accepted(m, memory.feedback)), None),
            newest=recent[0][2] if recent else None,
        )

    @property
    def profiles(self) -> Sequence[Remembered]:
        """The newest, and the good one that the next is compared with."""
        return [profile for profile in (self.newest, self.good) if profile is not None]

    def of_metric(self, metric: str, column: str) -> Memory:
        """The memory of one metric alone: of thousands, each would look through the points of all."""
        return replace(self.memory, measurements=self.series.get((metric, column), ()))


def _by_name(measurements: Sequence[Measurement]) -> Mapping[tuple[str, str], Sequence[Measurement]]:
    found: dict[tuple[str, str], list[Measurement]] = defaultdict(list)
    for measurement in measurements:
        for point in measurement.points:
            found[point.name].append(replace(measurement, points=(point,)))
    return found


def _recent(scope: Scope) -> list[tuple[Measurement, bool, Remembered]]:
    """The newest evaluations of tables that had rows, newest first: what was measured, whether it passed, and the
    profile. Of partitions that are no times only those of the same one."""
    records = scope.instance.event_log_storage.get_asset_check_execution_history(scope.check_key, limit=LOOK_BACK)
    evaluations = [r.evaluation for r in records if isinstance(r.evaluation, dg.AssetCheckEvaluation)]
    found = [
        (_measurement(e.metadata.get(METRICS_METADATA)), e.passed, _profile(e.metadata.get(PROFILE_METADATA)))
        for e in evaluations
    ]
    return [
        (measurement, passed, profile)
        for measurement, passed, profile in found
        if measurement is not None
        and profile is not None
        and profile.rows > 0
        and scope.is_of_its_series(measurement.partition)
    ]


def _is_accepted(measurement: Measurement, feedback: Sequence[Feedback]) -> bool:
    return any(answer.lesson in _ACCEPTED and answer.speaks_of(measurement) for answer in feedback)


def _measurement(value: object) -> Measurement | None:
    try:
        return measurement_in(value.data) if isinstance(value, dg.JsonMetadataValue) else None
    except MetricsError:
        return None


def _profile(value: object) -> Remembered | None:
    try:
        return remembered_in(value.data) if isinstance(value, dg.JsonMetadataValue) else None
    except ProfileError:
        return None
