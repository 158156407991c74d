"""Rules on rows, on real runs over real tables: what fails, what is shown of it, and what must not be."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import psycopg
import pytest

from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.references import build_referential_integrity_checks
from incident_ops.detectors.rules import build_accepted_values_checks, build_uniqueness_checks
from incident_ops.detectors.sql_rules import build_sql_checks
from incident_ops_tests.detectors.runs import DAYS, error_of, evaluate, frame, table_asset, written

ODD = 'the "odd" name'


ROWS = (
    f"""CREATE TABLE orders AS SELECT * FROM (VALUES
        (1, 'paid', 10, 'anna@example.org', 'de', DATE '2026-01-01'),
        (2, 'open', 11, 'bert@example.org', 'de', DATE '2026-01-01'),
        (2, 'lost', 99, 'cleo@example.org', 'at', DATE '2026-01-02'),
        (3, 'lost', NULL, 'dora@example.org', 'at', DATE '2026-01-02'),
        (NULL, NULL, 10, 'emil@example.org', 'at', DATE '2026-01-02'),
        (NULL, 'void', 98, 'emil@example.org', 'at', DATE '2026-01-02')
    ) AS t(id, status, customer, email, "{ODD.replace('"', '""')}", day)""",
    "CREATE TABLE customers AS SELECT * FROM (VALUES (10), (11), (NULL)) AS t(id)",
)


@pytest.fixture(params=["duckdb", "postgres"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same two tables in each engine."""
    if request.param == "duckdb":
        path = tmp_path / "shop.duckdb"
        with written(path) as connection:
            for statement in ROWS:
                connection.execute(statement)
        return f"duckdb://{path}"
    url: str = request.getfixturevalue("postgres_url")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in ROWS:
            connection.execute(statement.encode())
    return url


SEVERAL = dg.AssetsDefinition(specs=[dg.AssetSpec("a"), dg.AssetSpec("b")])
UNKNOWN_CUSTOMERS = """
    WITH c AS (SELECT id FROM customers)
    SELECT o.*, 1 AS one FROM {table} o LEFT JOIN c ON c.id = o.customer WHERE c.id IS NULL
"""
Build = Callable[..., Sequence[dg.AssetChecksDefinition]]


@pytest.mark.parametrize(
    ("build", "options", "says", "bad"),
    [
        (build_uniqueness_checks, {"columns": "id"}, "2 of 6 rows (33.3%) share their id with another row", []),
        (
            build_uniqueness_checks,
            {"columns": ["id", "status"]},
            "none of 6 rows share their id, status with another row",
            [],
        ),
        (
            build_accepted_values_checks,
            {"column": "status", "values": ["paid", "open"]},
            "3 of 6 rows (50.0%) have a status that is none of the 2 accepted values,"
            " such as 'lost' (2), 'void' (1)",
            ["status"],
        ),
        (  # NULL passes by itself, and SQL's NOT IN is true of nothing where one is in the list
            build_accepted_values_checks,
            {"column": "status", "values": ["paid", "open", None]},
            "3 of 6 rows (50.0%) have a status that is none of the 2 accepted values,"
            " such as 'lost' (2), 'void' (1)",
            ["status"],
        ),
        (
            build_referential_integrity_checks,
            {"column": "customer", "references": ("customers", "id")},
            "2 of 6 rows (33.3%) have a customer that is not in customers",
            ["customer"],
        ),
        (build_sql_checks, {"sql": "customer > 90"}, "2 of 6 rows (33.3%) fail", []),
        (build_sql_checks, {"sql": "SELECT id FROM {table} o WHERE o.id < 3;"}, "3 of 6 rows (50.0%) fail", []),
        (
            build_sql_checks,
            {"sql": "/* of the shop */ -- and ours\nSELECT id FROM {table} GROUP BY 1 HAVING id < 3 -- too low"},
            "2 of 6 rows (33.3%) were returned by the query",
            [],
        ),
        (
            build_sql_checks,
            {"sql": 'SELECT id FROM {table} AS "My Orders" WHERE "My Orders".id < 3'},
            "3 of 6 rows (50.0%) fail",
            [],
        ),
        (
            build_sql_checks,
            {"sql": "customer > (SELECT avg(customer) FROM {table})"},
            "2 of 6 rows (33.3%) were returned by the query",
            [],
        ),
        (
            build_sql_checks,
            {"sql": UNKNOWN_CUSTOMERS},
            "3 of 6 rows (50.0%) were returned by the query",
            [],
        ),
        (
            build_sql_checks,
            {"sql": "SELECT status FROM {table} GROUP BY 1 HAVING count(*) > 5"},
            "none of 6 rows were returned by the query",
            [],
        ),
    ],
)  # fmt: skip
def test_a_rule_counts_the_rows_that_break_it(
    instance: dg.DagsterInstance, source: str, build: Build, options: Mapping[str, Any], says: str, bad: list[str]
) -> None:
    orders = table_asset()
    found = evaluate(instance, [orders], build([orders], source=source, **options))
    assert found.description == says
    assert found.passed is says.startswith("none")
    assert (found.metadata["incident_ops/columns"].value if bad else []) == bad


def sample_of(found: dg.AssetCheckEvaluation) -> list[dict[str, Any]]:
    value = found.metadata["sample"]
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]


def handle_of(found: dg.AssetCheckEvaluation) -> dict[str, Any]:
    value: Any = found.metadata["incident_ops/failing_rows"].value
    return value


def test_failing_rows_are_shown_with_the_columns_that_help_and_can_be_found_again(
    instance: dg.DagsterInstance, source: str
) -> None:
    orders = table_asset()
    checks = build_accepted_values_checks(
        [orders], column="status", values=["paid", "open"], context_columns=[ODD, "id"], source=source
    )
    found = evaluate(instance, [orders], checks)
    assert sorted(map(str, sample_of(found))) == sorted(
        map(
            str,
            [
                {"status": "lost", ODD: "at", "id": 2},
                {"status": "lost", ODD: "at", "id": 3},
                {"status": "void", ODD: "at", "id": None},
            ],
        )
    )
    handle = handle_of(found)
    assert (handle["backend"], handle["table"]) == (
        source.partition(":")[0].replace("postgresql+psycopg", "postgres"),
        "orders",
    )
    assert handle["context_columns"] == ["status", ODD, "id"]
    assert handle["query"].upper().startswith("SELECT")
    assert "@" not in json.dumps(handle), "neither credentials nor rows"


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (build_uniqueness_checks, {"columns": ["email"]}),
        (build_accepted_values_checks, {"column": "email", "values": ["anna@example.org"]}),
        (build_referential_integrity_checks, {"column": "email", "references": ("orders", "status")}),
        (build_sql_checks, {"sql": "EMAIL LIKE '%@example.org'"}),
        (build_sql_checks, {"sql": "SELECT email AS id FROM {table} WHERE email = 'anna@example.org'"}),
        (build_sql_checks, {"sql": "SELECT upper(email) AS status FROM {table} LIMIT 3"}),
        (build_sql_checks, {"sql": "SELECT upper(Email) AS x FROM {table} LIMIT 3", "context_columns": ["x"]}),
        (build_sql_checks, {"sql": "SELECT o AS everything FROM {table} o LIMIT 3"}),
        (build_sql_checks, {"sql": "SELECT * FROM {table} LIMIT 3", "context_columns": ["email"]}),
    ],
)  # fmt: skip
def test_no_value_of_a_column_of_personal_data_leaves(
    instance: dg.DagsterInstance, source: str, build: Build, options: Mapping[str, Any]
) -> None:
    orders = table_asset(pii=["email"])
    other = options.get("references")
    checks = build(
        [table_asset("copy", pii=["email"])] if other else [orders],
        source=source,
        **options,
        **({"table": "orders"} if other else {}),
    )
    found = evaluate(instance, [table_asset("copy", pii=["email"])] if other else [orders], checks)
    assert not found.passed
    everything = " ".join([found.description or "", *(str(value) for value in found.metadata.values())])
    assert "example.org" not in everything.lower()


def test_personal_data_in_the_sample_is_masked_and_the_rest_is_not(
    instance: dg.DagsterInstance, source: str
) -> None:
    orders = table_asset(pii=["email"])
    checks = build_sql_checks([orders], "id = 3", context_columns=["email", "status"], source=source)
    assert sample_of(evaluate(instance, [orders], checks)) == [{"id": 3, "email": "[masked]", "status": "lost"}]


@pytest.mark.parametrize(
    ("at_most", "passes"), [(1, False), (2, True), (0.3, False), (0.34, True)]
)  # two of six rows
def test_a_few_failing_rows_can_be_tolerated(instance: dg.DagsterInstance, at_most: float, passes: bool) -> None:
    orders = table_asset()
    source = frame({"id": [1, 1, 2, 3, 4, 5]})
    found = evaluate(
        instance, [orders], build_uniqueness_checks([orders], columns="id", at_most=at_most, source=source)
    )
    assert found.passed is passes
    assert ("as is tolerated" in (found.description or "")) is passes


def test_exactly_the_share_that_is_tolerated_passes(instance: dg.DagsterInstance) -> None:
    """As floating-point numbers .29 times 100 is less than 29."""
    checks = build_sql_checks(["orders"], "id < 29", at_most=0.29, source=frame({"id": range(100)}))
    assert evaluate(instance, [table_asset()], checks).passed


def test_on_duckdb_it_is_said_in_which_slice_the_failing_rows_lie(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    path = tmp_path / "shop.duckdb"
    with written(path) as connection:
        connection.execute(
            "CREATE TABLE orders AS SELECT i AS id, ['web', 'app', 'shop'][1 + i % 3] AS channel,"
            " ['de', 'at'][1 + i % 2] AS country, CASE WHEN i % 3 = 1 THEN -1 ELSE 1 END AS amount"
            " FROM range(3000) AS t(i)"
        )
    orders = table_asset()
    found = evaluate(instance, [orders], build_sql_checks([orders], "amount < 0", source=f"duckdb://{path}"))
    document: Any = found.metadata["incident_ops/attribution"].value
    assert document["slices"][0]["conditions"] == {"channel": "app"}


# ---- keys


def test_without_columns_the_declared_key_is_looked_at(instance: dg.DagsterInstance) -> None:
    data = {"a": [1, 1, 2], "b": [1, 2, 3], "c": [0, 0, 0]}
    unique = dg.TableColumnConstraints(unique=True)
    schema = dg.TableSchema([dg.TableColumn("a", constraints=unique), dg.TableColumn("b", constraints=unique)])
    for metadata, says in (
        ({"incident_ops/key": ["a", "b"]}, "none of 3 rows share their a, b with another row"),
        ({"incident_ops/key": "a"}, "2 of 3 rows (66.7%) share their a with another row"),
        ({"dagster/column_schema": schema}, "2 of 3 rows (66.7%) share their a or b with another row"),
        ({}, "none of 3 rows are alike in all columns to another row"),
    ):
        orders = table_asset(metadata=metadata)
        found = evaluate(instance, [orders], build_uniqueness_checks([orders], source=frame(data)))
        assert found.description == says


def test_a_partition_that_was_loaded_twice_is_found_without_a_key(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    path = tmp_path / "shop.duckdb"
    with written(path) as connection:
        connection.execute(
            "CREATE TABLE orders AS SELECT i AS id, NULL AS note, DATE '2026-01-05' AS day FROM range(3) t(i)"
        )
        connection.execute("INSERT INTO orders SELECT * FROM orders")
        connection.execute("INSERT INTO orders VALUES (9, NULL, DATE '2026-01-06')")
    orders = table_asset(partitions_def=DAYS, metadata={"partition_expr": "day"})
    checks = build_uniqueness_checks([orders], source=f"duckdb://{path}")
    twice = evaluate(instance, [orders], checks, partition="2026-01-05")
    assert twice.description == "6 of 6 rows (100.0%) are alike in all columns to another row"
    assert evaluate(instance, [orders], checks, partition="2026-01-06").passed


# ---- odd tables


@pytest.mark.parametrize(
    ("data", "uniqueness", "accepted"),
    [
        ({"x": pd.Series([], dtype="float64")}, True, True),
        ({"x": pd.Series([None, None], dtype="object")}, True, True),
        ({"x": [1.0]}, True, True),
        ({"x": [math.nan, math.inf, -math.inf, 1.0]}, True, False),
        ({"x": [math.inf, math.inf]}, False, False),
        ({f"c{n}": [1, 2] for n in range(1000)} | {"x": [1.0, 1.0]}, False, True),
    ],
    ids=["empty", "all null", "one row", "not finite", "infinite twice", "1,000 columns"],
)
def test_odd_tables_are_looked_at(
    instance: dg.DagsterInstance, data: Mapping[str, Any], uniqueness: bool, accepted: bool
) -> None:
    orders = table_asset()
    source = frame(data)
    unique = evaluate(instance, [orders], build_uniqueness_checks([orders], columns="x", source=source))
    values = build_accepted_values_checks([orders], column="x", values=[1.0], source=source)
    assert (unique.passed, evaluate(instance, [orders], values).passed) == (uniqueness, accepted)


@pytest.mark.parametrize(
    ("build", "options"),
    [
        (build_uniqueness_checks, {"columns": "gone"}),
        (build_accepted_values_checks, {"column": "gone", "values": [1]}),
        (build_referential_integrity_checks, {"column": "gone", "references": ("customers", "id")}),
        (build_referential_integrity_checks, {"column": "id", "references": ("customers", "gone")}),
        (build_sql_checks, {"sql": "gone > 1"}),
        (build_sql_checks, {"sql": "SELECT gone FROM {table} LIMIT 1"}),
        (build_sql_checks, {"sql": "id > 0", "context_columns": ["gone"]}),
    ],
)
def test_a_column_that_is_gone_is_no_failure_but_an_error_that_names_it(
    instance: dg.DagsterInstance, source: str, build: Build, options: Mapping[str, Any]
) -> None:
    orders = table_asset()
    assert "gone" in error_of(instance, [orders], build([orders], source=source, **options))


def test_a_warehouse_that_is_down_is_no_failure(instance: dg.DagsterInstance) -> None:
    orders = table_asset()
    checks = build_sql_checks([orders], "id < 0", source="postgres://nobody@127.0.0.1:1/shop")
    assert "OperationalError" in error_of(instance, [orders], checks)


# ---- references between places


def test_a_reference_into_another_engine_is_compared_here(instance: dg.DagsterInstance, source: str) -> None:
    orders = table_asset()
    checks = build_referential_integrity_checks(
        [orders],
        column="customer",
        references=("customers", "number"),
        references_read={"source": pd.DataFrame({"number": [11, 99]})},
        source=source,
    )
    found = evaluate(instance, [orders], checks)
    assert found.description == "3 of 6 rows (50.0%) have a customer that is not in customers"


def test_a_source_that_is_a_table_by_itself_does_not_say_where_the_other_is(instance: dg.DagsterInstance) -> None:
    orders = table_asset()
    checks = build_referential_integrity_checks(
        [orders], column="a", references=("customers", "a"), source=pd.DataFrame({"a": [1]})
    )
    assert "say where the data of customers is" in error_of(instance, [orders], checks)


def test_values_that_io_managers_keep_are_compared_without_any_option(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def customers() -> pd.DataFrame:
        return pd.DataFrame({"id": [1, 2]})

    @dg.asset
    def orders() -> pd.DataFrame:
        return pd.DataFrame({"customer": [1, 2, 3]})

    checks = build_referential_integrity_checks([orders], column="customer", references=(customers, "id"))
    found = evaluate(instance, [customers, orders], checks)
    assert found.description == "1 of 3 rows (33.3%) have a customer that is not in customers"


@pytest.mark.parametrize(
    ("build", "options", "says"),
    [
        (build_sql_checks, {"sql": " ; "}, "the query is empty: give one"),
        (build_sql_checks, {"sql": "SELECT 1"}, "does not speak of {table}"),
        (build_uniqueness_checks, {"at_most": 1.5}, "at_most=1.5"),
        (build_uniqueness_checks, {"at_most": -1}, "at_most=-1"),
        (build_uniqueness_checks, {"sample": 10}, "leave sample=… out"),
        (build_uniqueness_checks, {"columns": []}, "no key"),
        (build_accepted_values_checks, {"column": "a", "values": "paid"}, "give the list"),
        (build_accepted_values_checks, {"column": "a", "values": [None]}, "give the list"),
        (
            build_referential_integrity_checks,
            {"column": "a", "references": "customers.id"},
            "an asset and its column",
        ),
        (build_referential_integrity_checks, {"column": "a", "references": (SEVERAL, "id")}, "of 2 assets"),
        (build_referential_integrity_checks, {"references_read": {"timeout": "soon"}}, "timeout='soon'"),
        (build_referential_integrity_checks, {"references_read": {"sample": 10}}, "leave sample=… out"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_the_location_loads(
    build: Build, options: Mapping[str, Any], says: str
) -> None:
    with pytest.raises(DetectorError, match=says):
        build(["orders"], **options)
