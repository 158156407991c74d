"""Attribution pushed down to DuckDB: one group-by to leaves there, the search for the slice in `core.attribution`.

For a user's own code location: the failing rows are named by a SQL condition, the answer is an `Explanation` that
goes with the check's result. What it does not do is choose the condition; a check that fails knows it.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from incident_ops.core import attribution
from incident_ops.core.attribution import OTHER, AttributionError, localise_columns
from incident_ops.core.attribution.record import ATTRIBUTION_METADATA, document_of
from incident_ops.core.errors import IncidentOpsError

if TYPE_CHECKING:
    import duckdb

GROUPED_TYPES = (
    "VARCHAR",
    "ENUM",
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "DATE",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
)
MOST_DIMENSIONS = 8  # 92 group-bys of up to three; each further one makes the leaves smaller and more
MOST_DISTINCT = 100  # a column with more values is an identifier or a measure, not a dimension, unless asked for
MOST_VALUES = 50  # of a dimension are told apart, the rest is `OTHER`
MOST_LEAVES = 50_000  # 10 million rows of six even dimensions would be four million leaves and half a minute
SAMPLE = 100_000  # rows in which distinct values are counted

Query = Callable[[str], list[tuple[Any, ...]]]


class DuckDBMissing(IncidentOpsError, ImportError):
    """The rows are counted by DuckDB, and it is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(attribution.Explanation):
    """What explains the failing rows, ready to go with a check's result."""

    def metadata(self) -> dict[str, dg.JsonMetadataValue]:
        """For `AssetCheckResult(metadata={**explanation.metadata(), …})`: the incident then says it.

        Values of dimensions are in it, so name columns of personal data in `pii` when you ask.
        """
        return {ATTRIBUTION_METADATA: dg.MetadataValue.json(document_of(self))}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What stands after FROM, and who runs it."""

    run: Query
    name: str


def explain_failing_rows(
    connection: "duckdb.DuckDBPyConnection",
    relation: "str | duckdb.DuckDBPyRelation",
    failing: str,
    dimensions: Sequence[str] | None = None,
    *,
    pii: Collection[str] = (),
) -> Explanation:
    """Which combination of dimensions explains the rows on which `failing` holds.

    Two scans of the table: failing rows by each dimension alone, which tells the values that matter, then by all
    of them at once.

    Args:
        relation: a table (`orders`, `"my schema".orders`), a query (`SELECT …`), or a DuckDB relation.
        failing: a SQL condition on one row, such as `customer_id IS NULL`. It is run as it stands: never take it
            from outside. Where it is NULL the row does not fail.
        dimensions: columns to look at; by default those with 2 to 100 distinct values, except columns that
            `failing` speaks of (they would explain the failure by itself) and those of `pii`; eight at most, in
            table order.
        pii: columns whose values must not be told. Naming one in `dimensions` is an error.

    Raises:
        AttributionError: no such column, a PII column was asked for, or nothing to look at.
        DuckDBMissing: DuckDB is not installed.
        duckdb.Error: the table or the condition cannot be queried.
    """
    _require_duckdb()
    source = _source(connection, relation)
    types = {row[0]: str(row[1]) for row in source.run(f"DESCRIBE SELECT * FROM {source.name}")}
    hidden = {name.lower() for name in pii}
    chosen = (
        _default(source, failing, types, hidden) if dimensions is None else _checked(dimensions, types, hidden)
    )
    if not chosen:
        raise AttributionError("no column has 2 to 100 distinct values: name the dimensions to look at")
    columns, counts = _leaves(source, failing, types, _values(source, failing, chosen))
    failing_rows, rows = sum(counts["bad"]), sum(counts["total"])
    slices = localise_columns(columns, counts, measure="rate") if failing_rows else []
    return Explanation(slices=tuple(slices), dimensions=tuple(chosen), failing=failing_rows, rows=rows)


def _require_duckdb() -> None:
    try:
        import duckdb  # noqa: F401
    except ImportError as error:
        raise DuckDBMissing("explain_failing_rows needs DuckDB: pip install 'incident-ops[detectors]'") from error


def quoted(name: str) -> str:
    """`name` as a SQL identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def _source(connection: "duckdb.DuckDBPyConnection", relation: "str | duckdb.DuckDBPyRelation") -> _Source:
    if not isinstance(relation, str):
        view = "incident_ops_rows"

        def run_on_relation(sql: str) -> list[tuple[Any, ...]]:
            found = relation.query(view, sql)
            return found.fetchall() if found else []

        return _Source(run=run_on_relation, name=view)

    def run(sql: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql).fetchall()

    if re.match(r"\s*(select|with|from|values)\b|\s*\(", relation, re.IGNORECASE):
        return _Source(run=run, name=f"({relation.strip().rstrip(';')}) AS incident_ops_rows")
    parts = re.findall(r'"(?:[^"]|"")*"|[^."]+', relation)
    return _Source(run=run, name=".".join(p if p.startswith('"') else quoted(p) for p in parts))


def _checked(dimensions: Sequence[str], types: Mapping[str, str], hidden: Collection[str]) -> list[str]:
    if isinstance(dimensions, str):
        raise AttributionError(f"dimensions are a list of names, such as [{dimensions!r}]")
    for name in dimensions:
        if name not in types:
            raise AttributionError(f"there is no column {name!r}: there are {', '.join(types)}")
        if name.lower() in hidden:
            raise AttributionError(f"column {name!r} is marked as PII and its values cannot be told")
    return list(dimensions)


def _speaks_of(failing: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", failing, re.IGNORECASE) is not None


def _default(source: _Source, failing: str, types: Mapping[str, str], hidden: Collection[str]) -> list[str]:
    """Columns with few distinct values in a sample, NULL being one, that neither are hidden nor in `failing`."""
    names = [name for name, kind in types.items() if kind.split("(")[0] in GROUPED_TYPES]
    names = [name for name in names if name.lower() not in hidden and not _speaks_of(failing, name)]
    if not names:
        return []
    counts = ", ".join(
        f"approx_count_distinct({quoted(n)}) + (count(*) > count({quoted(n)}))::INTEGER" for n in names
    )
    counted = source.run(f"SELECT {counts} FROM (SELECT * FROM {source.name} USING SAMPLE {SAMPLE} ROWS)")[0]
    few = [name for name, count in zip(names, counted, strict=True) if 2 <= count <= MOST_DISTINCT]
    return few[:MOST_DIMENSIONS]


def _values(source: _Source, failing: str, chosen: Sequence[str]) -> dict[str, list[str | None]]:
    """For each dimension the values worth telling apart: most failing rows beyond their share of the table first.

    A slice that explains the failure has failing rows beyond its share in each of its conditions alone, so what is
    folded into `OTHER` is no part of it.
    """
    names = [quoted(name) for name in chosen]
    found = source.run(
        f"SELECT {', '.join(f'CAST({name} AS VARCHAR)' for name in names)}, of, bad, total FROM ("
        f"SELECT {', '.join(names)}, GROUPING({', '.join(names)}) AS of, {_counts(failing)} FROM {source.name}"
        f" GROUP BY GROUPING SETS ({', '.join(f'({name})' for name in names)})) WHERE bad > 0"
        f" QUALIFY row_number() OVER (PARTITION BY of ORDER BY bad DESC) <= {MOST_VALUES}"
    )
    everything = 2 ** len(chosen) - 1
    values: dict[str, list[str | None]] = {}
    for place, name in enumerate(chosen):
        rows = [row for row in found if row[-3] == everything - 2 ** (len(chosen) - 1 - place)]
        rate = sum(row[-2] for row in rows) / max(sum(row[-1] for row in rows), 1)
        values[name] = [row[place] for row in sorted(rows, key=lambda row: row[-1] * rate - row[-2])]
    while math.prod(len(told) + 1 for told in values.values()) > MOST_LEAVES:
        max(values.values(), key=len).pop()
    return values


def _leaves(
    source: _Source, failing: str, types: Mapping[str, str], values: Mapping[str, Sequence[str | None]]
) -> tuple[dict[str, list[Any]], dict[str, Sequence[Any]]]:
    """Columns of the leaves: the dimensions as text, `bad` and `total`.

    Values become small numbers before they are grouped, which halves the time.
    """
    keys = [_code(name, types[name], told) for name, told in values.items()]
    found = source.run(f"SELECT {', '.join(keys)}, {_counts(failing)} FROM {source.name} GROUP BY ALL")
    columns = list(zip(*found, strict=True)) or [()] * (len(keys) + 2)
    labels = [[*told, OTHER] for told in values.values()]
    texts = [[label[code] for code in column] for label, column in zip(labels, columns[:-2], strict=True)]
    return dict(zip(values, texts, strict=True)), {"bad": columns[-2], "total": columns[-1]}


def _code(name: str, kind: str, told: Sequence[str | None]) -> str:
    """SQL for the index of a row's value in `told`; the index after the last for every other value."""
    cases = (
        f"WHEN {quoted(name)} IS NULL THEN {code}"
        if value is None
        else f"WHEN {quoted(name)} = CAST({_literal(value)} AS {kind}) THEN {code}"
        for code, value in enumerate(told)
    )
    return f"CASE {' '.join(cases)} ELSE {len(told)} END::UTINYINT" if told else "0::UTINYINT"


def _counts(failing: str) -> str:
    return f"count(*) FILTER (WHERE {failing}) AS bad, count(*) AS total"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
