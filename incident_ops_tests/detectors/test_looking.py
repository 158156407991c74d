"""One look at a table: what is proposed rests on it, so what it calls a key must be one."""

from pathlib import Path

import duckdb
import pytest

from incident_ops.core.suggestion import ColumnLook
from incident_ops.detectors.looking import look_at
from incident_ops.detectors.reading import ReadError


@pytest.fixture
def url(tmp_path: Path) -> str:
    file = tmp_path / "shop.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            'CREATE TABLE "my orders" AS SELECT n AS id, least(n, 119999) AS nearly,'
            ' \'k\' || n % 3 AS "a ""kind""",'
            " CASE WHEN n % 4 > 0 THEN 'p' || n % 2 END AS secret, [n] AS parts FROM range(120001) AS numbers(n)"
        )
        connection.execute("CREATE TABLE empty (id BIGINT, name VARCHAR)")
    return f"duckdb:///{file}"


def test_in_a_large_table_a_key_is_counted_and_not_estimated(url: str) -> None:
    """`nearly` repeats one value: no estimate can tell."""
    rows, columns = look_at(["shop", "my orders"], {"source": url, "table": '"my orders"'}, personal={"SECRET"})
    assert rows == 120_001
    assert columns == (
        ColumnLook(name="id", type="int64", nulls=0, distinct=120_001),
        ColumnLook(name="nearly", type="int64", nulls=0, distinct=120_000),
        ColumnLook(name='a "kind"', type="string", nulls=0, distinct=3, values=("k0", "k1", "k2")),
        ColumnLook(name="secret", type="string", is_personal=True, nulls=30_001, distinct=2),
        ColumnLook(name="parts", type="array<int64>", nulls=0),
    )


def test_an_empty_table_has_columns_and_nothing_else(url: str) -> None:
    rows, columns = look_at(["empty"], {"source": url})
    assert rows == 0
    assert [(column.name, column.type, column.values) for column in columns] == [
        ("id", "int64", ()),
        ("name", "string", ()),
    ]


def test_a_file_that_is_no_database_is_an_error_of_ours(tmp_path: Path) -> None:
    """The command line prints those as one sentence, all others with a traceback."""
    file = tmp_path / "shop.duckdb"
    file.write_text("this is not a database")
    with pytest.raises(ReadError, match="a source duckdb:… cannot be opened: IOException"):
        look_at(["orders"], {"source": f"duckdb:///{file}"})
