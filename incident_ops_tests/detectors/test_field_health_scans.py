"""What evaluating field health costs, as the engines count it: DuckDB in its log, PostgreSQL in its statistics."""

from collections.abc import Callable

import dagster as dg
import duckdb
import psycopg

from incident_ops.detectors.field_health import build_field_health_checks

EVERY_DAY = """
    SELECT n AS id, n * 1.5e0 AS amount, CASE WHEN n % 3 = 0 THEN 'web' ELSE 'mail' END AS channel,
        CAST(n % 7 AS integer) AS weekday, n % 2 = 0 AS express
    FROM generate_series(1, 1000) AS t(n)
"""
ONE_NEW = "UPDATE orders SET channel = 'fax' WHERE id % 10 = 0"
GROWN = "INSERT INTO orders SELECT id + 1000000, amount, channel, weekday, express FROM orders"
SHRUNK = "DELETE FROM orders WHERE id > 1000000"
TWO_NEW = "UPDATE orders SET channel = CASE WHEN id % 2 = 0 THEN 'telex' ELSE 'pigeon' END WHERE id % 5 < 3"
DAYS = ["", ONE_NEW, "", GROWN, SHRUNK, *[""] * 7, TWO_NEW, ""]
"""What happens to the table before each evaluation."""


def scans_on_days(
    instance: dg.DagsterInstance,
    source: object,
    run: Callable[[str], object],
    scans_of: Callable[[Callable[[], object]], int],
) -> list[int]:
    """The scans that each of the evaluations costs; the last two fail."""

    @dg.asset(name="orders")
    def asset() -> dg.MaterializeResult[object]:
        return dg.MaterializeResult()

    checks = build_field_health_checks([asset], source=source, metrics=["psi", "new_category_rate"])
    scans: list[int] = []
    passed: list[bool] = []

    def evaluate() -> None:
        (found,) = dg.materialize([asset, *checks], instance=instance).get_asset_check_evaluations()
        passed.append(found.passed)

    for day in DAYS:
        if day:
            run(day)
        scans.append(scans_of(evaluate))
    assert passed == [True] * (len(DAYS) - 2) + [False] * 2
    return scans


def test_on_duckdb_an_evaluation_is_one_statement_from_the_second_on(instance: dg.DagsterInstance) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE orders AS {EVERY_DAY}")

        def statements_of(work: Callable[[], object]) -> int:
            connection.execute("CALL enable_logging('QueryLog')")
            work()
            connection.execute("CALL disable_logging()")
            logged = connection.execute("SELECT message FROM duckdb_logs WHERE type = 'QueryLog'").fetchall()
            connection.execute("CALL truncate_duckdb_logs()")
            return sum(_reads_orders(message) for (message,) in logged)

        scans = scans_on_days(instance, connection, connection.execute, statements_of)
    assert scans == [3, *[1] * 11, 2, 1], "the first is a count, the scan, and the categories"


def _reads_orders(statement: str) -> bool:
    return statement.lstrip().startswith("SELECT") and '"orders"' in statement


def test_on_postgres_an_evaluation_is_one_scan_from_the_second_on(
    instance: dg.DagsterInstance, postgres_url: str
) -> None:
    url = postgres_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE orders AS {EVERY_DAY}".encode())

        def scans() -> int:
            connection.execute("SELECT pg_stat_force_next_flush()")
            connection.execute("SELECT pg_stat_clear_snapshot()")
            row = connection.execute(
                "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'orders'"
            ).fetchone()
            assert row is not None
            return int(row[0])

        def scans_of(work: Callable[[], object]) -> int:
            before = scans()
            work()
            return scans() - before

        found = scans_on_days(instance, url, lambda day: connection.execute(day.encode()), scans_of)
    assert found == [2, *[1] * 11, 2, 1], "the first is the scan, and the categories"
