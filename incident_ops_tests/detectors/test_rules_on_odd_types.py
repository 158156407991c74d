"""Rules on tables of PostgreSQL with types that it compares otherwise than texts and numbers, or not at all."""

import dagster as dg
import psycopg
import pytest

from incident_ops.detectors.rules import build_accepted_values_checks, build_uniqueness_checks
from incident_ops_tests.detectors.runs import evaluate, table_asset

TABLES = (
    "CREATE TYPE mood AS ENUM ('sad', 'glad')",
    """CREATE TABLE orders AS SELECT i AS id, mood 'sad' AS mood, json '{"a": 1}' AS told, point '(1, 2)' AS place
       FROM generate_series(1, 40) AS i""",
)


@pytest.fixture
def source(postgres_url: str) -> str:
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in TABLES:
            connection.execute(statement.encode())
    return postgres_url


def test_rows_are_compared_by_what_has_no_equality(instance: dg.DagsterInstance, source: str) -> None:
    orders = table_asset()
    found = evaluate(instance, [orders], build_uniqueness_checks([orders], source=source))
    assert found.description == "none of 40 rows are alike in all columns to another row"


def test_an_enum_is_learnt_as_a_text_is(instance: dg.DagsterInstance, source: str) -> None:
    orders = table_asset()
    found = evaluate(instance, [orders], build_accepted_values_checks([orders], source=source))
    assert found.description == "learning, 1 of 7 builds: mood"
