"""What explains the failing rows of a table in DuckDB, whatever its columns are called and hold."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from incident_ops.core.attribution.record import ATTRIBUTION_METADATA
from incident_ops.detectors import AttributionError, explain_failing_rows

README = Path(__file__).parents[2] / "README.md"

FAULT = {"channel": "tiktok", "app_version": "7.2"}


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(
        """CREATE TABLE orders AS SELECT i AS order_id,
        ['web', 'ios', 'tiktok', NULL, 'o''brien'][1 + i % 5] AS channel,
        '7.' || (i // 5) % 10 AS app_version, i % 3 AS "weird "" column", i % 7 < 3 AS is_gift,
        'p' || i % 11 AS email, DATE '2026-01-01' + (i % 4)::INTEGER AS day, hash(i) % 1000 / 10 AS score,
        CASE WHEN i % 5 = 2 AND (i // 5) % 10 = 2 THEN NULL ELSE 'x' END AS customer
        FROM range(20000) AS t(i)"""
    )
    return connection


def test_two_percent_of_null_rows_from_one_channel_and_version_are_told_with_their_share(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = explain_failing_rows(connection, "orders", "customer IS NULL")
    assert found.slices[0].conditions == FAULT
    assert found.sentence == "100 % of the failing rows: channel = tiktok and app_version = 7.2 (2 % of all rows)"
    assert (found.failing, found.rows) == (400, 20000)


@pytest.mark.parametrize("relation", ["main.orders", '"orders"', "SELECT * FROM orders;", "FROM orders"])
def test_a_table_may_be_named_or_queried(connection: duckdb.DuckDBPyConnection, relation: str) -> None:
    assert explain_failing_rows(connection, relation, "customer IS NULL").slices[0].conditions == FAULT


def test_a_relation_is_taken_as_it_is(connection: duckdb.DuckDBPyConnection) -> None:
    found = explain_failing_rows(connection, connection.table("orders"), "customer IS NULL")
    assert found.slices[0].conditions == FAULT


@pytest.mark.parametrize(
    ("failing", "conditions"),
    [
        ("order_id % 5 = 3", {"channel": "(missing)"}),
        ("order_id % 5 = 4", {"channel": "o'brien"}),
        ("order_id % 3 = 1", {'weird " column': "1"}),
        ("order_id % 7 < 3", {"is_gift": "true"}),
        ("order_id % 4 = 2", {"day": "2026-01-03"}),
    ],
)
def test_odd_names_and_values_are_found_and_named(
    connection: duckdb.DuckDBPyConnection, failing: str, conditions: dict[str, str]
) -> None:
    assert explain_failing_rows(connection, "orders", failing).slices[0].conditions == conditions


def test_evenly_spread_failures_say_that_no_slice_explains_them(connection: duckdb.DuckDBPyConnection) -> None:
    found = explain_failing_rows(connection, "orders", "hash(order_id * 7919) % 50 = 0", pii=["email"])
    assert found.slices == ()
    assert found.sentence.startswith("no single slice explains it (looked at channel, app_version, ")


def test_the_failing_column_identifiers_and_pii_are_not_looked_at(connection: duckdb.DuckDBPyConnection) -> None:
    found = explain_failing_rows(connection, "orders", "Channel IS NULL", pii=["EMAIL"])
    assert found.dimensions == ("app_version", 'weird " column', "is_gift", "day", "customer")


def test_a_column_of_many_values_can_be_asked_for_and_its_rare_values_are_folded(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute("CREATE VIEW visits AS SELECT *, 'shop ' || order_id % 2000 AS shop FROM orders")
    failing = "order_id % 2000 = 17 OR order_id % 997 = 1"
    found = explain_failing_rows(connection, "visits", failing, ["shop", "channel"])
    assert found.slices == () or found.slices[0].conditions != {"shop": "(other)"}
    found = explain_failing_rows(connection, "visits", "order_id % 2000 = 17", ["shop", "app_version"])
    assert found.slices[0].conditions == {"shop": "shop 17"}


def test_a_table_without_rows_or_without_failing_rows_has_no_slice(connection: duckdb.DuckDBPyConnection) -> None:
    assert explain_failing_rows(connection, "orders", "false", ["channel"]).slices == ()
    empty = explain_failing_rows(connection, "FROM orders LIMIT 0", "true", ["channel"])
    assert (empty.slices, empty.rows) == ((), 0)


@pytest.mark.parametrize(
    ("dimensions", "message"),
    [
        (["chanel"], "there is no column 'chanel': there are order_id, channel"),
        (["email"], "column 'email' is marked as PII"),
        ("channel", "dimensions are a list of names"),
        ([], "name the dimensions to look at"),
    ],
)
def test_dimensions_that_cannot_be_looked_at_are_refused(
    connection: duckdb.DuckDBPyConnection, dimensions: list[str], message: str
) -> None:
    with pytest.raises(AttributionError, match=message):
        explain_failing_rows(connection, "orders", "customer IS NULL", dimensions, pii=["email"])


# ---- with the result of a check


def test_the_metadata_says_it_in_words_and_in_json(connection: duckdb.DuckDBPyConnection) -> None:
    found = explain_failing_rows(connection, "orders", "customer IS NULL", ["channel", "app_version"])
    value: Any = found.metadata()[ATTRIBUTION_METADATA].value
    assert json.loads(json.dumps(value, allow_nan=False)) == value
    assert value == {
        "sentence": "100 % of the failing rows: channel = tiktok and app_version = 7.2 (2 % of all rows)",
        "slices": value["slices"],
        "dimensions": ["channel", "app_version"],
        "withheld": 0,
    }
    assert value["slices"][0].keys() == {"conditions", "explained", "share", "score"}
    assert value["slices"][0]["conditions"] == FAULT


def test_values_of_a_column_named_as_pii_are_not_in_the_metadata(connection: duckdb.DuckDBPyConnection) -> None:
    failing = "order_id % 11 = 3"
    told, kept = (explain_failing_rows(connection, "orders", failing, pii=pii) for pii in ((), ("EMAIL",)))
    assert "'email': 'p3'" in repr(told.metadata())
    assert "email" not in repr(kept.metadata()) and "p3" not in repr(kept.metadata())


def test_without_duckdb_the_detectors_are_imported_and_the_call_says_what_to_install() -> None:
    program = """
import sys
sys.modules["duckdb"] = None
from incident_ops.detectors import explain_failing_rows
try:
    explain_failing_rows(object(), "orders", "amount IS NULL")
except ImportError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert said.stdout == "explain_failing_rows needs DuckDB: pip install 'incident-ops[detectors]'\n"


def test_the_check_of_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with duckdb.connect("shop.duckdb") as shop:
        shop.execute(
            """CREATE TABLE orders AS SELECT ['web', 'tiktok'][1 + i % 2] AS channel, 'p' || i % 3 AS email,
            CASE WHEN i % 2 = 0 THEN 1 END AS amount FROM range(100) AS t(i)"""
        )
    text = README.read_text(encoding="utf-8")
    [_, snippet] = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(snippet, names)
    result: dg.AssetCheckResult = names["amount_is_present"]()
    assert not result.passed
    assert "channel = tiktok" in repr(result.metadata) and "email" not in repr(result.metadata)
