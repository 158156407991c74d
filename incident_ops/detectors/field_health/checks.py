"""The factory: one check `field_health` for each asset."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Unpack

import dagster as dg

from incident_ops.core.alert import Nature
from incident_ops.core.metrics import Measured
from incident_ops.core.profile import PROFILE_METADATA, Metric, TableProfile, document_of
from incident_ops.detectors.attributing import AttributionOptions, attributed, attributed_change
from incident_ops.detectors.attribution import quoted
from incident_ops.detectors.factory import CheckOptions, DetectorError, Finding, build_checks
from incident_ops.detectors.field_health.past import Past
from incident_ops.detectors.field_health.verdicts import GONE, Verdict, verdicts_on, worst_first
from incident_ops.detectors.field_health.wording import NO_ROWS, summary, table_of
from incident_ops.detectors.learnt import LearntOptions
from incident_ops.detectors.options import besides, only, with_usable_options
from incident_ops.detectors.reading import Data, ReadOptions, TableChanged, opened, require_ibis
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Assets, Target

USUAL_METRICS = (
    Metric.NULL_RATE,
    Metric.BLANK_RATE,
    Metric.ZERO_RATE,
    Metric.NEGATIVE_RATE,
    Metric.NAN_RATE,
    Metric.INFINITE_RATE,
    Metric.TRUE_RATE,
    Metric.DISTINCT_COUNT,
    Metric.UNIQUE_RATE,
    Metric.MEAN,
    Metric.NEW_CATEGORY_RATE,
    Metric.PSI,
)
"""Extremes and quantiles are left to those who ask: a single row moves them."""
CONDITIONS = {
    Metric.NULL_RATE: "{} IS NULL",
    Metric.BLANK_RATE: "trim({}) = ''",
    Metric.ZERO_RATE: "{} = 0",
    Metric.NEGATIVE_RATE: "{} < 0",
    Metric.NAN_RATE: "isnan({})",
    Metric.INFINITE_RATE: "abs({0}) >= 1e150 AND NOT isnan({0})",
}
"""What holds of the rows that a rate counts, in DuckDB's SQL."""

COLUMNS = "column_count"
"""Always measured: so an evaluation says what it stands for, whatever metrics are asked for."""

Columns = Collection[str] | Callable[[Target], Collection[str] | None] | None


class FieldHealthOptions(CheckOptions, LearntOptions, ReadOptions, AttributionOptions, total=False):
    """Options of checks, of learning, of reading and of attribution."""


@with_usable_options
def build_field_health_checks(
    assets: Assets,
    *,
    columns: Columns = None,
    metrics: Collection[Metric | str] = USUAL_METRICS,
    **options: Unpack[FieldHealthOptions],
) -> list[dg.AssetChecksDefinition]:
    """One check `field_health` for each asset: rates, distinctness, means, categories and distributions of its
    columns against learnt bounds. All come from one scan (`detectors.profile` says what is approximate, and when
    it takes another).

    The bounds are `core.anomaly.judge`'s, for each column and metric by itself, and are raised with the number of
    series judged at once (`verdicts.bar_of`): a thousand columns raise hardly more false alarms than one. Until
    there are enough points the check says "learning, n of m" and passes; two things are told all the same: a
    column of which every row is null, blank, zero or the like, where three evaluations or more had at most half;
    and a column that the last good profile had and that is gone.

    A distribution is compared with that of the last good evaluation (which passed, or people accepted): by the
    Population Stability Index over deciles or categories. It is told when the index is out of its own usual, at
    least .25, and more than chance makes of so few rows (`core.drift`).

    On DuckDB a finding of null, blank, zero, negative, NaN or infinite rows says which slice of the rows explains
    it, that no single one does, or why that is not known (more scans, of a failing table only); that of a mean
    where partitions of time can be read from the same table, by comparison with that of a week before, or the one
    before. Of columns tagged `pii` nothing but rates and counts is told. A table without rows passes: it has no
    field to look at.

    Args:
        columns: names, or a callable from the `Target` to them; by default all.
        metrics: what is judged and remembered: names of `core.profile.Metric`, which also has `min`, `max`,
            `stddev`, `p05` … `p95`, lengths of texts and `js`.
        options: `sensitivity`, `holidays` and `history` (`LearntOptions`), where the data is (`ReadOptions`),
            `dimensions` (`AttributionOptions`), and those of every check (`CheckOptions`).

    Raises:
        DetectorError: no such metric, an option that cannot be used, or no assets.
        IbisMissing: Ibis is not installed.
    """
    require_ibis()
    chosen = _metrics(metrics)
    learnt, read, dimensions = only(options, LearntOptions), only(options, ReadOptions), options.get("dimensions")

    def look(scope: Scope) -> Finding:
        past = Past.of(scope, learnt)
        wanted = columns(scope.target) if callable(columns) else columns
        try:
            return _looked(scope, past, read, dimensions, chosen, wanted)
        except TableChanged:
            # what it has now; what went is told to be gone
            return _looked(scope, past, read, dimensions, chosen, wanted)

    return build_checks(
        assets,
        look,
        nature=Nature.FIELD_HEALTH,
        name="field_health",
        description="Rates, distinctness, means and distributions of the columns against what is usual",
        options=besides(options, LearntOptions, ReadOptions, AttributionOptions),
    )


def _metrics(names: Collection[Metric | str]) -> frozenset[Metric]:
    if isinstance(names, str):
        raise DetectorError(f"metrics are a list, such as [{names!r}]")
    known = {metric.value for metric in Metric}
    unknown = sorted(str(name) for name in names if name not in known)
    if unknown:
        raise DetectorError(f"there is no metric {', '.join(unknown)}: there are {', '.join(sorted(known))}")
    return frozenset(Metric(name) for name in names)


def _looked(
    scope: Scope,
    past: Past,
    read: ReadOptions,
    dimensions: Sequence[str] | None,
    metrics: Collection[Metric],
    columns: Collection[str] | None,
) -> Finding:
    from incident_ops.detectors.profile import profile_of  # Ibis is optional

    with opened(scope, read) as data:
        gone = _gone(data, past, columns)
        profile = profile_of(
            data,
            columns=None if columns is None else [name for name in columns if name not in gone],
            pii=scope.pii,
            before=past.profiles,
        )
        if not profile.rows:
            return _of_no_rows(profile)
        verdicts = verdicts_on(profile, scope, past, metrics=metrics, columns=columns)
        out = worst_first(verdicts)
        return Finding(
            passed=not out,
            summary=summary(profile, out, [v for v in verdicts if v.is_learning], len(verdicts)),
            metadata={
                **_metadata(profile, verdicts, out),
                **_explanation(out, data, scope, past, read, dimensions),
            },
            metrics=[Measured(metric=COLUMNS, value=len(profile.columns)), *(v.measured for v in verdicts)],
            columns=list(dict.fromkeys(verdict.measured.column for verdict in out)),
        )


def _of_no_rows(profile: TableProfile) -> Finding:
    """That there are none is for `volume` to judge; remembered as counts of nothing they would be learnt from."""
    return Finding(
        passed=True,
        summary=NO_ROWS,
        metadata=_metadata(profile, (), ()),
        metrics=[Measured(metric=COLUMNS, value=len(profile.columns))],
    )


def _gone(data: Data, past: Past, columns: Collection[str] | None) -> Collection[str]:
    """Of the columns asked for those that were there: what never was is a mistake of the caller's."""
    there = set(data.table.columns)
    before = past.good.columns if past.good else ()
    return {name for name in columns or () if name not in there and name in before}


def _metadata(profile: TableProfile, verdicts: Sequence[Verdict], out: Sequence[Verdict]) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "rows": profile.rows,
        PROFILE_METADATA: dg.MetadataValue.json(document_of(profile)),
    }
    new = {v.measured.column: list(v.drift.new) for v in verdicts if v.drift and v.drift.new}
    if new:
        metadata["new_categories"] = dg.MetadataValue.json(new)
    left_out = _left_out(profile)
    if left_out:
        metadata["rows_without_a_finite_number"] = dg.MetadataValue.json(left_out)
    if out:
        metadata["out_of_the_ordinary"] = dg.MetadataValue.md(table_of(out))
    return metadata


def _left_out(profile: TableProfile) -> dict[str, dict[str, int]]:
    """By column the rows of NaN and of infinity, which are no part of its extremes, mean and distribution."""
    counts = {
        name: {
            noun: round(column.metrics[metric] * profile.rows)
            for metric, noun in ((Metric.NAN_RATE, "NaN"), (Metric.INFINITE_RATE, "infinite"))
            if column.metrics.get(metric)
        }
        for name, column in profile.columns.items()
    }
    return {name: rows for name, rows in counts.items() if rows}


def _explanation(
    out: Sequence[Verdict],
    data: Data,
    scope: Scope,
    past: Past,
    read: ReadOptions,
    dimensions: Sequence[str] | None,
) -> dict[str, Any]:
    """Which rows the worst rate, else the worst mean, comes from, or that they are in no one slice; nothing on
    another engine, and of a mean where there is no partition to compare with."""
    rates = [v for v in out if v.measured.metric != GONE and v.is_above and v.measured.metric in CONDITIONS]
    if rates:
        worst = rates[0].measured
        failing = CONDITIONS[Metric(worst.metric)].format(quoted(worst.column))
        return attributed(scope, data, data.sql, failing, about=[worst.column], dimensions=dimensions)
    means = [v.measured.column for v in out if v.measured.metric == Metric.MEAN]
    if not means:
        return {}
    wrong = past.memory.wrong
    return attributed_change(scope, read, dimensions=dimensions, wrong=wrong, mean_of=means[0])
