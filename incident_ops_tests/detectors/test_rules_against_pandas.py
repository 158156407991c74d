"""Rules on rows against a count by brute force, over tables that nobody thought of."""

from collections import Counter
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.detectors.reading import opened
from incident_ops.detectors.references import dangling_rows
from incident_ops.detectors.rules import repeated_rows
from incident_ops.detectors.targets import Target
from incident_ops_tests.detectors.runs import scope_without_run

values = st.one_of(st.none(), st.integers(0, 4))
columns = st.lists(st.tuples(values, values), max_size=12)


def table_of(rows: list[tuple[int | None, int | None]]) -> pa.Table:
    first, second = zip(*rows, strict=True) if rows else ((), ())
    return pa.table({'the "first"': pa.array(first, pa.int64()), "second one": pa.array(second, pa.int64())})


def counted(table: pa.Table, *keys: list[str]) -> int:
    with opened(scope_without_run(), {"source": table}) as data:
        return len(data.rows(repeated_rows(data, keys).rows))


@given(rows=columns)
def test_rows_that_share_a_key_are_those_that_pandas_calls_duplicated(rows: Any) -> None:
    table = table_of(rows)
    known = pd.DataFrame(rows, columns=table.column_names, dtype="Int64").dropna()
    assert counted(table, table.column_names) == known.duplicated(keep=False).sum()
    each = [known_of(rows, place) for place in (0, 1)]
    either = [a or b for a, b in zip(*each, strict=True)]
    assert counted(table, *([name] for name in table.column_names)) == sum(either)


def known_of(rows: list[tuple[Any, Any]], place: int) -> list[bool]:
    """Whether each row shares its value in this place with another."""
    times = Counter(row[place] for row in rows if row[place] is not None)
    return [times[row[place]] > 1 for row in rows]


@given(rows=columns)
def test_rows_with_a_twin_are_those_that_occur_twice_nulls_included(rows: Any) -> None:
    table = table_of(rows)
    assert counted(table) == sum(times for times in Counter(rows).values() if times > 1)


@given(rows=columns, known=st.lists(values, max_size=6))
def test_dangling_rows_are_the_same_in_one_engine_and_between_two(rows: Any, known: Any) -> None:
    table = table_of(rows)
    name = table.column_names[0]
    other = Target(key=dg.AssetKey("customers"))
    expected = sum(row[0] is not None and row[0] not in known for row in rows)
    referred_table = pa.table({"id": pa.array(known, pa.int64())})
    with opened(scope_without_run(), {"source": table}) as data:
        with opened(scope_without_run(), {"source": referred_table}) as apart:
            assert dangling_rows(data, apart, name, "id", other).count == expected
        getattr(data.backend, "con").register("customers", referred_table)  # noqa: B009 - the base class has none
        with opened(scope_without_run("customers"), {"source": data.backend}) as beside:
            found = dangling_rows(data, beside, name, "id", other)
            assert found.count is None and len(data.rows(found.rows)) == expected
