"""Field health in words: one sentence for the worst column."""

from collections.abc import Sequence
from math import isfinite

from incident_ops.core.profile import RATES, Metric, TableProfile
from incident_ops.detectors.field_health.verdicts import GONE, Verdict

NOUNS = {
    Metric.NULL_RATE: "null",
    Metric.BLANK_RATE: "blank",
    Metric.ZERO_RATE: "zero",
    Metric.NEGATIVE_RATE: "negative",
    Metric.NAN_RATE: "NaN",
    Metric.INFINITE_RATE: "infinite",
    Metric.TRUE_RATE: "true",
    Metric.UNIQUE_RATE: "of its values distinct",
    Metric.NEW_CATEGORY_RATE: "of its rows with values it had not before",
}
TOLD_BY_CATEGORIES = {
    Metric.DISTINCT_COUNT,
    Metric.UNIQUE_RATE,
    Metric.NEW_CATEGORY_RATE,
    Metric.PSI,
    Metric.JS,
}
"""What new categories are told with."""
NO_ROWS = "no rows, so no field to look at"
MOST_NAMED = 5
MOST_LISTED = 20


def sentence(verdict: Verdict) -> str:
    """Such as "amount: 34 % null, usually 0–0.1 %"."""
    measured = verdict.measured
    if measured.metric == GONE:
        return f"{measured.column}: the column is gone"
    metric = Metric(measured.metric)
    if metric in RATES:
        return f"{measured.column}: {_percent(measured.value)} {NOUNS[metric]}, {usual(verdict)}"
    if metric in (Metric.PSI, Metric.JS) and verdict.drift is not None:
        return (
            f"{measured.column}: its values are distributed otherwise than in the last good build "
            f"(PSI {verdict.drift.psi:.2f}, Jensen–Shannon {verdict.drift.js:.2f}), {usual(verdict)}"
        )
    reason = verdict.judgement.reason if verdict.judgement else f"{measured.value:,g}"
    return f"{measured.column}: {metric.replace('_', ' ')} {reason}"


def usual(verdict: Verdict) -> str:
    """Such as "usually 0–0.1 %", "never above 2 % before"."""
    measured = verdict.measured
    is_rate = measured.metric in RATES
    if verdict.judgement is None:
        return f"at most {_percent(measured.high)} before" if is_rate else "it was there before"
    if not (isfinite(measured.low) and isfinite(measured.high)):
        return verdict.judgement.reason
    if not is_rate:
        return f"usually {measured.low:,.3g}–{measured.high:,.3g}"
    low, high = max(measured.low, 0.0), min(measured.high, 1.0)
    return f"usually {_percent(low).removesuffix(' %')}–{_percent(high)}"


def summary(profile: TableProfile, out: Sequence[Verdict], learning: Sequence[Verdict], judged: int) -> str:
    """One sentence; `out` has the worst first."""
    where = f" ({profile.note})" if profile.note else ""
    if out:
        columns = {verdict.measured.column for verdict in out}
        more = len(columns) - 1
        rest = f"; and {more} more column{'s' if more > 1 else ''}" if more else ""
        return f"{sentence(out[0])}{_new_categories(out[0], profile)}{rest}{where}"
    fields = f"{len(profile.columns):,} column{'' if len(profile.columns) == 1 else 's'}"
    rows = f"{profile.rows:,} row{'' if profile.rows == 1 else 's'}"
    if learning and len(learning) == judged:
        reason = learning[0].judgement.reason if learning[0].judgement else "learning"
        return f"{reason}: {fields}, {rows}{where}"
    return f"{fields} as usual, {rows}{where}"


def table_of(out: Sequence[Verdict]) -> str:
    """The worst as Markdown."""
    lines = ["| column | metric | value | usual |", "|---|---|---|---|"]
    for verdict in out[:MOST_LISTED]:
        name = verdict.measured.column.replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {name} | {verdict.measured.metric} | {verdict.measured.value:.4g} | {usual(verdict)} |")
    if len(out) > MOST_LISTED:
        lines.append(f"| and {len(out) - MOST_LISTED} more | | | |")
    return "\n".join(lines)


def _new_categories(verdict: Verdict, profile: TableProfile) -> str:
    """Such as "; new category fax (12 rows)". There are none of personal data, whose values are never grouped."""
    names = verdict.drift.new if verdict.drift and verdict.measured.metric in TOLD_BY_CATEGORIES else ()
    counts = profile.columns[verdict.measured.column].categories if names else None
    if not counts:
        return ""
    told = ", ".join(
        f"{name} ({counts[name]:,} row{'' if counts[name] == 1 else 's'})" for name in names[:MOST_NAMED]
    )
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"; new categor{'y' if len(names) == 1 else 'ies'} {told}{more}"


def _percent(rate: float) -> str:
    return f"{rate * 100:.3g} %"
