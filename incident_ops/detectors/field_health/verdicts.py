"""Which columns are out of the ordinary, of many that are judged at once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log

from incident_ops.core.anomaly import Judgement
from incident_ops.core.drift import NOTABLE
from incident_ops.core.metrics import Measured
from incident_ops.core.profile import RATES, Drift, Metric, TableProfile
from incident_ops.detectors.field_health.past import Past
from incident_ops.detectors.scope import Scope

GONE = "gone"
CERTAIN = 0.99
"""The score of what needs no bounds."""
FALSE_ALARMS = 0.01
"""Of one series, at its bounds, in one evaluation: what `core.anomaly` is set to."""
FEWEST_ROWS = 3
"""Fewer rows beyond a bound are no finding: a rate of few rows moves in steps."""
FEWEST_POINTS = 3
"""From here on a column of which every row is bad is told, though bounds are still being learnt."""
WAS_GOOD = 0.5
BAD_ROWS = (
    Metric.NULL_RATE,
    Metric.BLANK_RATE,
    Metric.NAN_RATE,
    Metric.INFINITE_RATE,
    Metric.ZERO_RATE,
    Metric.NEGATIVE_RATE,
)
"""What no column should have all rows of that had it of few."""
FEWER_IS_FINE = {
    Metric.NULL_RATE,
    Metric.BLANK_RATE,
    Metric.NAN_RATE,
    Metric.INFINITE_RATE,
    Metric.NEW_CATEGORY_RATE,
    Metric.PSI,
    Metric.JS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    Attributes:
        judgement: None where the score needed no bounds.
        drift: of the column, where it was compared.
    """

    measured: Measured
    judgement: Judgement | None = None
    drift: Drift | None = None

    @property
    def is_learning(self) -> bool:
        return self.judgement is not None and self.judgement.learning

    @property
    def is_above(self) -> bool:
        return self.measured.value > self.measured.high


def verdicts_on(
    profile: TableProfile,
    scope: Scope,
    past: Past,
    *,
    metrics: Collection[Metric],
    columns: Collection[str] | None = None,
) -> list[Verdict]:
    """One for each column and metric that has a value, and one for each column that the last good profile had and
    this one has not (of `columns`, where they are named). The bar is raised with their number."""
    drifts = _drifts(profile, past)
    judged = [
        _judged(Metric(metric), name, value, profile.rows, drifts.get(name), scope, past)
        for name, column in profile.columns.items()
        for metric, value in {**column.metrics, **_values_of(drifts.get(name))}.items()
        if metric in metrics
    ]
    bar = bar_of(sum(not verdict.is_learning for verdict in judged))
    before = past.good.columns if past.good else ()
    gone = [name for name in before if name not in profile.columns and (columns is None or name in columns)]
    return [
        *(Verdict(measured=Measured(metric=GONE, column=name, value=1.0, score=CERTAIN)) for name in gone),
        *(_held_to(verdict, bar) for verdict in judged),
    ]


def worst_first(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """What is out; drift last, since it is most often the shadow of a rate that people understand sooner."""
    out = [verdict for verdict in verdicts if verdict.measured.is_out]
    return sorted(out, key=lambda v: (v.measured.metric in (Metric.PSI, Metric.JS), -v.measured.score))


def bar_of(series: int) -> float:
    """How many times as far as its bounds one of so many series must be out, so that all of them together raise no
    more false alarms than one alone: with Šidák's (1967) level 1 − (1 − α)^(1/m) for each of m, and tails that
    fall exponentially, as errors of forecasts do: more slowly than Gaussian ones. 1 for one series, 2 for a
    hundred, 2.5 for a thousand. Series of one table move together, so it is rather too high than too low."""
    alone = 1 - (1 - FALSE_ALARMS) ** (1 / max(series, 1))
    return log(alone) / log(FALSE_ALARMS)


def _drifts(profile: TableProfile, past: Past) -> Mapping[str, Drift]:
    shapes = past.good.shapes if past.good else {}
    found = {name: column.drift_from(shapes[name]) for name, column in profile.columns.items() if name in shapes}
    return {name: drift for name, drift in found.items() if drift is not None}


def _values_of(drift: Drift | None) -> dict[Metric, float]:
    if drift is None:
        return {}
    return {Metric.PSI: drift.psi, Metric.JS: drift.js, Metric.NEW_CATEGORY_RATE: drift.new_rate}


def _judged(
    metric: Metric, column: str, value: float, rows: int, drift: Drift | None, scope: Scope, past: Past
) -> Verdict:
    memory = past.of_metric(metric, column)
    history = [known for at, known in memory.training(metric, column).history if at < scope.at]
    measured, judgement = memory.judged(scope, metric, value, column=column)
    if metric in BAD_ROWS and value == 1 and rows >= FEWEST_ROWS and _was_good(history):
        high = min(max(history), measured.high)
        return Verdict(measured=replace(measured, score=max(CERTAIN, measured.score), low=0.0, high=high))
    if measured.is_out and not _matters(metric, measured, rows, drift):
        measured = replace(measured, score=0.0)
    return Verdict(measured=measured, judgement=judgement, drift=drift)


def _was_good(history: Sequence[float]) -> bool:
    return len(history) >= FEWEST_POINTS and max(history) <= WAS_GOOD


def _matters(metric: Metric, measured: Measured, rows: int, drift: Drift | None) -> bool:
    is_above = measured.value > measured.high
    if metric in FEWER_IS_FINE and not is_above:
        return False
    if metric in (Metric.PSI, Metric.JS):
        return drift is not None and drift.psi >= max(NOTABLE, drift.chance)
    bound = measured.high if is_above else measured.low
    return metric not in RATES or abs(measured.value - bound) * rows >= FEWEST_ROWS


def _held_to(verdict: Verdict, bar: float) -> Verdict:
    score = verdict.measured.score
    if verdict.judgement is None or not score:
        return verdict
    deviation = score / (1 - score) / bar
    return replace(verdict, measured=replace(verdict.measured, score=deviation / (1 + deviation)))
