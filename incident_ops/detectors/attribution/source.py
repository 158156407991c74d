"""The rows that are asked about, in DuckDB: a table, a query or a relation, and on what condition one fails."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import duckdb

ROWS = "incident_ops_rows"
"""What a query or a relation is called."""
BAD = "incident_ops_bad"
_QUERY = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:(?:select|with|from|values)\b|\()", re.IGNORECASE | re.DOTALL)
"""What a query begins with, after comments; anything else is a table's name."""

Query = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The rows, and who is asked about them.

    Attributes:
        run: runs a query.
        name: what stands after FROM.
        called: what a condition may call the rows, in lower case.
        failing: the condition.
        types: column → type.
    """

    run: Query
    name: str
    called: str
    failing: str
    types: Mapping[str, str]

    @classmethod
    def of(
        cls,
        connection: "duckdb.DuckDBPyConnection",
        relation: "str | duckdb.DuckDBPyRelation",
        failing: str,
    ) -> "Source":
        """
        Raises:
            duckdb.Error: there is no such table, or the query cannot be run.
        """
        run, name, called = _found(connection, relation)
        types = {row[0]: str(row[1]) for row in run(f"DESCRIBE SELECT * FROM {name}")}
        return cls(run=run, name=name, called=called.lower(), failing=failing, types=types)

    def marked(self, columns: Sequence[str]) -> str:
        """For FROM: the columns as `key(0)`, `key(1)` …, and `BAD`. No name of the table's own is left in what is
        put around it, so that none can be taken for a count, whatever the columns are called."""
        keys = [f"{quoted(column)} AS {key(place)}" for place, column in enumerate(columns)]
        bad = f"({self.failing}\n) IS TRUE AS {BAD}"  # a comment may end the condition
        return f"(SELECT {', '.join([*keys, bad])} FROM {self.name})"

    def mentioned(self) -> set[str]:
        """The columns that the condition speaks of, in lower case, as DuckDB itself reads it. An unqualified name
        in a subquery is taken for one of the other table's.

        Raises:
            duckdb.Error: it cannot be read here.
        """
        text = literal(f"SELECT ({self.failing}\n)")
        tree = json.loads(self.run(f"SELECT json_serialize_sql({text})")[0][0])
        known = {name.lower() for name in self.types}
        found: set[str] = set()
        for parts, is_nested in _columns_in(tree, is_nested=False):
            names = [part.lower() for part in parts]
            if self.called in names[:-1]:
                names = names[names.index(self.called) + 1 :]
            elif is_nested:
                continue
            found.update([name for name in names if name in known][:1])  # of `payload.amount` the struct
        return found


def _columns_in(tree: object, *, is_nested: bool) -> Iterator[tuple[list[str], bool]]:
    """The names of the column references in a serialised query, in parts, and whether they are in a subquery."""
    if isinstance(tree, list):
        for part in cast("list[object]", tree):
            yield from _columns_in(part, is_nested=is_nested)
    elif isinstance(tree, dict):
        node = cast("dict[str, Any]", tree)
        if node.get("class") == "COLUMN_REF":
            yield node["column_names"], is_nested
        for name, part in node.items():
            yield from _columns_in(part, is_nested=is_nested or name == "subquery")


def _found(
    connection: "duckdb.DuckDBPyConnection", relation: "str | duckdb.DuckDBPyRelation"
) -> tuple[Query, str, str]:
    if not isinstance(relation, str):

        def run_on_relation(sql: str) -> list[tuple[Any, ...]]:
            found = relation.query(ROWS, sql)
            return found.fetchall() if found else []

        return run_on_relation, ROWS, ROWS

    def run(sql: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql).fetchall()

    return run, *named(relation)


def named(relation: str) -> tuple[str, str]:
    """What stands after FROM for a table's name or a query, and what a condition may call its rows."""
    if _QUERY.match(relation):
        return f"({relation.strip().rstrip(';')}\n) AS {ROWS}", ROWS
    parts = re.findall(r'"(?:[^"]|"")*"|[^."]+', relation)
    names = [p[1:-1].replace('""', '"') if p.startswith('"') else p for p in parts]
    return ".".join(map(quoted, names)), names[-1]


def key(place: int) -> str:
    """What a column is called in `Source.marked`."""
    return f"incident_ops_{place}"


def quoted(name: str) -> str:
    """`name` as a SQL identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as SQL, whatever it holds."""
    return "'" + text.replace("'", "''") + "'"
