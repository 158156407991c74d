"""What a change comes from: which slices of a table have more or fewer rows than before, or another mean."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from incident_ops.core.attribution import AttributionError, LeftOut, localise_columns
from incident_ops.core.attribution.answer import Measure
from incident_ops.detectors.attribution.dimensions import Choice, checked, of_few_values
from incident_ops.detectors.attribution.explaining import Explanation, require_duckdb
from incident_ops.detectors.attribution.leaves import MOST_VALUES, leaves, shorten
from incident_ops.detectors.attribution.source import BAD, Source, key, named

if TYPE_CHECKING:
    import duckdb

NOW = "incident_ops_now"
MOST_COUNTED = 60  # columns: DuckDB tells no more than 64 groupings apart
KNOWN = 0.5  # of the rows have values that were there before, else a column tells the times apart and no parts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """By value of a dimension, or by leaf: what it is, what it would be if nothing had changed, and how many rows
    are of now and of before."""

    actual: Sequence[float]
    expected: Sequence[float]
    now: Sequence[int]
    before: Sequence[int]

    @classmethod
    def of(cls, counts: Sequence[Sequence[Any]], *, is_mean: bool) -> "_Moved":
        """
        Args:
            counts: the columns of `_counts`. A mean is expected to be what it was, in each part; in a part that is
                new that of the whole.
        """
        now, before, sums, sums_before = counts
        if not is_mean:
            return cls(actual=now, expected=before, now=now, before=before)
        everywhere = sum(each or 0 for each in sums_before) / max(sum(before), 1)
        means = [total / rows if rows else everywhere for total, rows in zip(sums_before, before, strict=True)]
        expected = [rows * mean for rows, mean in zip(now, means, strict=True)]
        return cls(actual=[each or 0 for each in sums], expected=expected, now=now, before=before)

    @property
    def excess(self) -> list[float]:
        """How far each is from what it would be if all had moved alike."""
        whole = sum(self.expected)
        ratio = sum(self.actual) / whole if whole else 1.0
        return [abs(a - e * ratio) for a, e in zip(self.actual, self.expected, strict=True)]

    @property
    def is_of_parts(self) -> bool:
        """Whether there were several before, and most rows are of one of them."""
        known = sum(now for now, before in zip(self.now, self.before, strict=True) if before)
        return sum(1 for before in self.before if before) > 1 and known >= KNOWN * sum(self.now)


def explain_change(
    connection: "duckdb.DuckDBPyConnection",
    rows: str,
    before: str,
    *,
    mean_of: str | None = None,
    dimensions: Sequence[str] | None = None,
    pii: Collection[str] = (),
) -> Explanation:
    """Which slices have more or fewer rows than before, or, with `mean_of`, another mean of that column: causes
    that together are the explanation, in contrast to `explain_failing_rows`.

    Two scans of both, and one of a sample. Of a table whose parts all changed alike no slice explains it.

    Args:
        rows, before: a table (`orders`, `"my schema".orders`), or a query (`SELECT …`) each.
        mean_of: a column of numbers. What is null, NaN or infinite does not count.
        dimensions: columns to look along. By default those that `explain_failing_rows` looks along; where they are
            more than eight, the eight of which one value has moved farthest from what the whole did. Columns most
            of whose values are new, such as a day, are no parts of a table that could have changed.
        pii: columns whose values must not be told. Naming one in `dimensions` is an error.

    Raises:
        AttributionError: no such column, one that is named twice, a PII column was asked for, or nothing to look
            along.
        DuckDBMissing: DuckDB is not installed.
        duckdb.Error: a table cannot be queried, or the column is not of numbers.
    """
    require_duckdb("explain_change")
    both = " UNION ALL BY NAME ".join(
        f"SELECT *, {is_now} AS {NOW} FROM {named(each)[0]}"
        for each, is_now in ((rows, "true"), (before, "false"))
    )
    source = Source.of(connection, both, NOW)
    if mean_of is not None and mean_of.lower() not in {name.lower() for name in source.types}:
        raise AttributionError(
            f"there is no column {mean_of!r}: there are {', '.join(name for name in source.types if name != NOW)}"
        )
    about = {NOW, *([mean_of.lower()] if mean_of else [])}
    hidden = {name.lower() for name in pii}
    if dimensions is None:
        choice = of_few_values(source, about=about, hidden=hidden)
    else:
        choice = checked(dimensions, source.types, about=about, hidden=hidden)
    told, left_out = _values(source, choice, mean_of, is_free=dimensions is None)
    if not told:
        raise AttributionError(
            "no column has several values that were there before: name the dimensions to look at"
        )
    more = [mean_of] if mean_of else []
    columns, counts = leaves(source, told, _counts(len(told), is_mean=mean_of is not None), more)
    moved = _Moved.of(counts, is_mean=mean_of is not None)
    measure: Measure = "sum" if mean_of else "count"
    slices = localise_columns(columns, {"actual": moved.actual, "expected": moved.expected}, measure=measure)
    return Explanation(
        slices=tuple(slices),
        dimensions=tuple(told),
        failing=0,
        rows=sum(moved.now),
        left_out=left_out,
        measure=measure,
    )


def _counts(place: int, *, is_mean: bool) -> list[str]:
    """Aggregates: rows of now, and of before; sums of now, and of before. Of a mean only rows that have a number.

    Args:
        place: of the column in the keys.
    """
    if not is_mean:
        return [f"count(*) FILTER (WHERE {BAD})", f"count(*) FILTER (WHERE NOT {BAD})", "0", "0"]
    number = f"CAST({key(place)} AS DOUBLE)"
    times = [f"FILTER (WHERE {when} AND isfinite({number}))" for when in (BAD, f"NOT {BAD}")]
    return [f"{what} {when}" for what in (f"count({number})", f"sum({number})") for when in times]


def _values(
    source: Source, choice: Choice, mean_of: str | None, *, is_free: bool
) -> tuple[dict[str, list[str | None]], dict[LeftOut, int]]:
    """For each dimension the values worth telling apart, those that moved farthest from what the whole did first;
    and what was left out.

    Args:
        is_free: whether the dimensions are to be chosen.
    """
    names = choice.dimensions[:MOST_COUNTED]
    if not names:
        return {}, dict(choice.left_out)
    keys = [key(place) for place in range(len(names))]
    counts = _counts(len(names), is_mean=mean_of is not None)
    found = source.run(
        f"SELECT {', '.join(f'CAST({name} AS VARCHAR)' for name in keys)}, GROUPING({', '.join(keys)}),"
        f" {', '.join(counts)} FROM {source.marked([*names, *([mean_of] if mean_of else [])])}"
        f" GROUP BY GROUPING SETS ({', '.join(f'({name})' for name in keys)})"
    )
    told, farthest, new = dict[str, list[str | None]](), dict[str, float](), 0
    for place, name in enumerate(names):
        of_name = 2 ** len(names) - 1 - 2 ** (len(names) - 1 - place)
        rows = [row for row in found if row[len(names)] == of_name]
        moved = _Moved.of(list(zip(*rows, strict=True))[len(names) + 1 :] or [()] * 4, is_mean=mean_of is not None)
        if is_free and not moved.is_of_parts:
            new += sum(1 for each in moved.before if each) > 1
            continue
        ranked = sorted(zip(moved.excess, (row[place] for row in rows), strict=True), key=lambda pair: -pair[0])
        told[name], farthest[name] = [value for _, value in ranked[:MOST_VALUES]], ranked[0][0] if ranked else 0.0
    fewer = len(choice.dimensions) - len(names)
    left_out = Counter(choice.left_out) + Counter({LeftOut.NEW_VALUES: new, LeftOut.LESS_TELLING: fewer})
    chosen = Choice(dimensions=list(told), left_out=left_out)
    chosen = chosen.narrowed(farthest) if is_free else chosen
    values = {name: told[name] for name in chosen.dimensions}
    shorten(list(values.values()))
    return values, dict(chosen.left_out)
