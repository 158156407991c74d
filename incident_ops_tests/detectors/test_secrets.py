"""What must not leave with a result or an error: personal data, and the passwords of where the data is."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import dagster as dg
import duckdb
import psycopg
import pytest

from incident_ops.detectors.reading import ReadError, ReadOptions, opened
from incident_ops.detectors.rules import build_uniqueness_checks
from incident_ops.detectors.sql_rules import build_sql_checks
from incident_ops.detectors.volume import build_volume_checks
from incident_ops_tests.detectors.runs import error_of, evaluate, frame, scope_without_run, table_asset

PERSON = "anna@example.org"
SECRET = "HUNTER2pw"
PEOPLE = {"id": [1, 2, 3], "email": [PERSON] * 3, "plan": ["a", "b", "a"]}


@pytest.fixture(params=["duckdb", "postgres"])
def people(request: pytest.FixtureRequest) -> Any:
    """A source with the table, in each engine."""
    if request.param == "duckdb":
        return frame(PEOPLE)
    url: str = request.getfixturevalue("postgres_url")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id int, email text, plan text)")
        for row in zip(*PEOPLE.values(), strict=True):
            connection.execute("INSERT INTO orders VALUES (%s, %s, %s)", row)
    return url


def kept(instance: dg.DagsterInstance) -> str:
    """All that Dagster has of all runs."""
    return "".join(repr(instance.all_logs(run.run_id)) for run in instance.get_runs())


# ---- values of columns tagged pii


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id, t1 AS plan FROM {table} AS t1",
        "SELECT id, to_json(t1) AS plan FROM {table} AS t1",
        "SELECT id, t1::varchar AS plan FROM {table} AS t1",
        "SELECT id, p AS plan FROM {table} AS q(id, p, s)",
        "SELECT id, plan FROM {table} AS q(id, plan, email)",
        "SELECT id, plan FROM {table} AS q(id, plan, email) WHERE id > 0",
        "SELECT id, 'x' AS plan FROM {table} WHERE id < 0 UNION ALL SELECT * EXCLUDE plan FROM {table}",
        "id < 0 UNION ALL SELECT id, plan, email FROM {table}",
        "WITH q AS (SELECT * FROM {table}) SELECT id, to_json(q) AS plan FROM q",
        "SELECT id, #2 AS plan FROM {table}",
        "SELECT id, concat_ws('|', *COLUMNS(*)) AS plan FROM {table}",
        "SELECT id, plan FROM (SELECT id, COLUMNS('^e.*') AS x FROM {table}) UNPIVOT (plan FOR name IN (x))",
        "SELECT * REPLACE (id AS id) FROM (SELECT * EXCLUDE (plan) RENAME (EMAIL AS plan) FROM {table})",
    ],
)
def test_of_a_query_that_may_name_values_anew_nothing_is_shown(instance: dg.DagsterInstance, sql: str) -> None:
    orders = table_asset(pii=["email"])
    found = evaluate(instance, [orders], build_sql_checks([orders], sql, source=frame(PEOPLE)))
    assert not found.passed
    assert "sample" not in found.metadata
    assert PERSON not in kept(instance)


def test_without_personal_data_what_any_query_returns_is_shown(instance: dg.DagsterInstance) -> None:
    orders = table_asset()
    checks = build_sql_checks([orders], "SELECT id, t1 AS plan FROM {table} AS t1", source=frame(PEOPLE))
    assert PERSON in str(evaluate(instance, [orders], checks).metadata["sample"].value)


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (build_sql_checks, {"sql": "CAST(email AS int) > 3"}),
        (build_sql_checks, {"sql": "SELECT id AS n FROM {table} WHERE CAST(email AS int) > 3 LIMIT 5"}),
        (build_uniqueness_checks, {"columns": "id", "where": "CAST(email AS int) > 3"}),
        (build_volume_checks, {"where": "CAST(email AS int) > 3"}),
    ],
)
def test_an_engine_that_quotes_personal_data_is_not_quoted(
    instance: dg.DagsterInstance, people: Any, build: Callable[..., Any], options: dict[str, Any]
) -> None:
    orders = table_asset(pii=["email"])
    error = error_of(instance, [orders], build([orders], source=people, **options))
    assert "ConversionException" in error or "InvalidTextRepresentation" in error
    assert "withheld" in error
    assert PERSON not in kept(instance)


def test_without_personal_data_an_engine_is_quoted(instance: dg.DagsterInstance, people: Any) -> None:
    orders = table_asset()
    assert PERSON in error_of(
        instance, [orders], build_sql_checks([orders], "CAST(email AS int) > 3", source=people)
    )


def test_a_source_that_quotes_personal_data_is_not_quoted(instance: dg.DagsterInstance) -> None:
    orders = table_asset(pii=["email"])
    error = error_of(instance, [orders], build_volume_checks([orders], source=lambda: int(PERSON)))
    assert "ReadError: ValueError was raised while orders was read" in error
    assert PERSON not in kept(instance)


# ---- passwords


def error_at(source: object) -> ReadError:
    with pytest.raises(ReadError) as raised, opened(scope_without_run(), cast("ReadOptions", {"source": source})):
        pass
    return raised.value


NO_URL = "is a URL, scheme://…, and the one given is none: give source="
ENCODE = "the URL of a source postgres:… cannot be read: percent-encode"


@pytest.mark.parametrize("is_variable", [False, True], ids=["url", "variable"])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"postgres://bob:{SECRET}#x@127.0.0.1:1/shop", ENCODE),
        (f"postgres://bob:12#{SECRET}@127.0.0.1:1/shop", ENCODE),
        (f"postgres://bob:12/{SECRET}@127.0.0.1:1/shop", ENCODE),
        (f"postgres://bob:12?{SECRET}@127.0.0.1:1/shop", ENCODE),
        (f"postgres://bob:1@{SECRET}/x@127.0.0.1:1/shop", ENCODE),
        (f"postgres://bob:[{SECRET}@127.0.0.1:1/shop", ENCODE),
        (f"postgres://bob:{SECRET}@127.0.0.1:port/shop", ENCODE),
        (f"postgresql+psycopg://bob:{SECRET}@127.0.0.1:port/shop", "source postgresql:… cannot be read"),
        (f"Post-gres://bob:{SECRET}@127.0.0.1:1/shop", NO_URL),
        (f"host=127.0.0.1 port=1 user=bob password={SECRET}", NO_URL),
        (f"password={SECRET} dbname=shop.db", NO_URL),
        (f"bob:{SECRET}@127.0.0.1/shop", NO_URL),
        (f"postgres:bob:{SECRET}@127.0.0.1/shop", NO_URL),
        (SECRET, NO_URL),
        (f"foodb://bob:{SECRET}@127.0.0.1/shop", "no engine is known for a source foodb:…"),
        (f"postgres://bob:{SECRET}@127.0.0.1:1/shop", "a source postgres:… cannot be opened: OperationalError"),
        (f"duckdb://no.duckdb?motherduck_token={SECRET}", "there is no DuckDB file no.duckdb"),
    ],
)
def test_no_part_of_a_password_is_told(
    url: str, says: str, is_variable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", url)
    error = error_at(dg.EnvVar("SHOP_URL") if is_variable else url)
    assert says in str(error)
    assert "hunter2" not in "".join(traceback.format_exception(error)).lower()


@pytest.mark.parametrize(("password", "is_told"), [("%2Fs3cret%2Fdir", False), ("x", True)])
def test_what_a_driver_repeats_of_a_password_is_replaced(password: str, is_told: bool) -> None:
    """It tells the directory of the socket that it tried, and here that is the password too."""
    error = str(error_at(f"postgres://bob:{password}@localhost:1/shop?host=%2Fs3cret%2Fdir"))
    assert "OperationalError" in error
    assert ("/s3cret/dir" in error) is is_told


@pytest.mark.parametrize("value", [f"postgres://bob:{SECRET}@127.0.0.1:1/shop", f"duckdb://{SECRET}.duckdb"])
def test_a_text_that_an_io_manager_keeps_is_data_and_no_url(instance: dg.DagsterInstance, value: str) -> None:
    @dg.asset
    def orders() -> str:
        return value

    error = error_of(instance, [orders], build_volume_checks([orders]))
    assert "ReadError: a str is no table and no place of tables: give source=" in error
    assert SECRET not in kept(instance)


def test_the_path_of_a_file_may_hold_what_no_url_of_a_host_may(tmp_path: Path) -> None:
    path = tmp_path / "me@home.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE orders AS SELECT 1 AS id")
    for source in (f"duckdb://{path}", str(path)):
        with opened(scope_without_run(), {"source": source}) as data:
            assert data.rows(data.table) == [{"id": 1}]
