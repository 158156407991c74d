"""Queries that return failing rows, run where the data is.

The rules that they are of are `sql_rules`'.
"""

import re
from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.failing_rows import MARK, FailingRows
from incident_ops.detectors.scope import Scope

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from incident_ops.detectors.reading import Data

TABLE = "{table}"
ROWS = "incident_ops_rows"
"""What `{table}` is called in the query that is run."""
FAILING = "incident_ops_failing_rows"
_QUERY = re.compile(
    r"(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(?:(?:select|with|from|values)\b|\(\s*(?:select|with|from)\b)",
    re.IGNORECASE | re.DOTALL,
)
"""What a query begins with, after comments; anything else is a condition."""
_PLAIN = {"expressions", "from_", "where"}
"""The parts of a query that says of each row by itself whether it fails."""


def query_of(sql: str, name: str = "the query") -> str:
    """The query that `sql`, perhaps a condition alone, is short for.

    Args:
        name: what an error calls it.

    Raises:
        DetectorError: it is empty, or does not speak of `{table}`.
    """
    text = sql.strip().rstrip(";").strip()
    if not text:
        raise DetectorError(
            f"{name} is empty: give one that returns the failing rows, such as "
            f"'SELECT * FROM {TABLE} WHERE amount < 0'"
        )
    if _QUERY.match(text) is None:
        return f"SELECT * FROM {TABLE} WHERE {text}"
    if TABLE not in text:
        raise DetectorError(f"{name} does not speak of {TABLE}: write it where the asset's table is meant")
    return text


def failing_of(scope: Scope, data: "Data", query: str) -> FailingRows:
    """The rows that the query returns."""
    found = _condition(query, data)
    if found is None:
        return _returned(scope, data, query)
    alias, condition, columns = found
    source = f"({data.sql}) AS {alias}"
    marks = f"SELECT *, ({condition}) IS TRUE AS {MARK} FROM {source}"
    schema = data.table.schema()
    can_mark = data.backend_name in ("duckdb", "postgres")  # others may not take every condition as a value
    return FailingRows(
        rows=_sql(data, f"SELECT * FROM {source} WHERE {condition}", schema),
        what="fail",
        columns=[name for name in data.table.columns if name.casefold() in columns],
        marked=_sql(data, marks, {**schema.fields, MARK: "boolean"}) if can_mark else None,
    )


def _condition(query: str, data: "Data") -> tuple[str, str, Collection[str]] | None:
    """Of a query that is nothing but columns of `{table}` and a WHERE: its name for the table, the condition, and
    the names (in lower case) of what the condition speaks of. None of any other query.

    Of these alone a sample is shown where there is personal data: they return columns under their own names."""
    import sqlglot
    from sqlglot import exp

    dialect: Any = getattr(data.backend, "dialect", None)
    try:
        tree = sqlglot.parse_one(query.replace(TABLE, ROWS), read=dialect)
    except sqlglot.ParseError:
        return None  # the engine may know better
    if not isinstance(tree, exp.Select) or {name for name, part in tree.args.items() if part} != _PLAIN:
        return None
    table = tree.args["from_"].this
    if not isinstance(table, exp.Table) or table.name != ROWS or not _is_simply_named(table):
        return None
    if not all(isinstance(part, exp.Star | exp.Column) for part in tree.expressions):
        return None
    condition = tree.args["where"].this
    if any(other.name == ROWS for other in condition.find_all(exp.Table)):
        return None  # the rows have a name in the longer query only
    names = {column.name.casefold() for column in condition.find_all(exp.Column)}
    alias = table.args.get("alias")
    return (alias.this.sql(dialect) if alias else ROWS), condition.sql(dialect), names


def _is_simply_named(table: Any) -> bool:
    """Without names for its columns, joins, a pivot, a sample or another version."""
    alias = table.args.get("alias")
    parts = {name for name, part in table.args.items() if part}
    return parts <= {"this", "alias"} and not (alias and alias.args.get("columns"))


def _returned(scope: Scope, data: "Data", query: str) -> FailingRows:
    """What the query returns, all of it as text: which types an engine makes up does not matter here.

    What a column of it is made of no name tells (`t1` is a whole row, `#2` a position, `AS q(a, b)` names anew):
    where there is personal data none of it is shown."""
    from sqlglot import exp

    within = f"WITH {ROWS} AS ({data.sql}) "
    query = f"({query.replace(TABLE, ROWS)}\n) AS {FAILING}"  # a comment may end it
    names = [name for name, times in Counter(_names(data, f"{within}SELECT * FROM {query}")).items() if times == 1]
    dialect: Any = getattr(data.backend, "dialect", None)
    texts = [exp.alias_(exp.cast(exp.column(name, quoted=True), "text"), name, quoted=True) for name in names]
    selected = ", ".join(text.sql(dialect) for text in texts)
    own = {name.casefold() for name in data.table.columns}
    return FailingRows(
        rows=_sql(data, f"{within}SELECT {selected} FROM {query}", dict.fromkeys(names, "string")),
        what="were returned by the query",
        shown=[name for name in names if name.casefold() in own],
        query=f"{within}SELECT * FROM {query}",
        is_withheld=bool(scope.pii),
    )


def _names(data: "Data", query: str) -> list[str]:
    """The columns of a query. Ibis asks DuckDB by a call that its version 2 lacks, and PostgreSQL by making a
    view, which a read-only session may not."""
    connection: Any = getattr(data.backend, "con", None)
    with data.limit():
        if data.backend_name == "duckdb":
            return [row[0] for row in connection.execute(f"DESCRIBE {query}").fetchall()]
        if data.backend_name == "postgres":
            return [column.name for column in connection.execute(f"{query} LIMIT 0").description]
        return list(cast("Any", data.backend).sql(query).columns)


def _sql(data: "Data", query: str, schema: Any) -> "ir.Table":
    return cast("Any", data.backend).sql(query, schema=schema)
