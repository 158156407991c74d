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

from incident_ops.core.attribution import LeftOut
from incident_ops.core.attribution.record import ATTRIBUTION_METADATA
from incident_ops.detectors import AttributionError, explain_change, explain_failing_rows
from incident_ops.detectors.attribution.source import Source

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
    assert all("other" not in value for told in found.slices for value in told.conditions.values())
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
        (["channel", "is_gift", "Channel"], "the dimension 'channel' is given twice"),
        ([], "name the dimensions to look at"),
    ],
)
def test_dimensions_that_cannot_be_looked_at_are_refused(
    connection: duckdb.DuckDBPyConnection, dimensions: list[str], message: str
) -> None:
    with pytest.raises(AttributionError, match=message):
        explain_failing_rows(connection, "orders", "customer IS NULL", dimensions, pii=["email"])


# ---- whatever the columns are called


SHOP = """SELECT CASE WHEN channel = 'tiktok' THEN NULL ELSE 1 END AS amount, * FROM (
    SELECT i AS id, ['web', 'ios', 'tiktok', 'mail'][1 + i % 4] AS channel, (i // 4) % 5 AS ver
    FROM range(8000) AS t(i))
"""


@pytest.mark.parametrize("kind", ["VARCHAR", "INTEGER", "BOOLEAN"])
@pytest.mark.parametrize(
    "name",
    [
        "total",
        "bad",
        "of",
        "among",
        "excess",
        "counted",
        "incident_ops_0",
        "incident_ops_bad",
        "incident_ops_rows",
    ],
)
def test_no_name_of_a_column_is_taken_for_a_count(name: str, kind: str) -> None:
    with duckdb.connect() as shop:
        shop.execute(f"CREATE TABLE t AS SELECT *, (id // 20 % 2)::{kind} AS {name} FROM ({SHOP})")
        found = explain_failing_rows(shop, "t", "amount IS NULL")
        assert found.slices[0].conditions == {"channel": "tiktok"}
        assert found.dimensions == ("channel", "ver", name)
        found = explain_failing_rows(shop, "t", f"{name} = '0'")
        assert (found.failing, found.dimensions) == (4000, ("amount", "channel", "ver"))


@pytest.mark.parametrize(
    ("failing", "about"),
    [
        ('"channel fee" IS NULL', {"channel fee"}),
        ('"we""ird" IS NULL', {'we"ird'}),
        ("shop.Fee IS NULL AND main.shop.ver > 0", {"fee", "ver"}),
        ("fee IS NULL -- whatever the channel", {"fee"}),
        ("fee IS NULL AND 'the channel' <> 'ver'", {"fee"}),
        ("trim(\"is\"::TEXT) = '' /* ver */", {"is"}),
        ("payload.ver > 3 AND payload.fee IS NULL", {"payload"}),
        ("fee NOT IN (SELECT ver FROM shop AS paid WHERE paid.channel = shop.is)", {"fee", "is"}),
        ("fee > 1 -- ;", {"fee"}),
    ],
)
def test_only_the_columns_that_the_condition_speaks_of_are_left_out(failing: str, about: set[str]) -> None:
    columns = ["channel fee", 'we"ird', "fee", "channel", "ver", "trim", "is", "null", "abs"]
    values = ", ".join(
        f"""i % {place + 2} AS "{name.replace('"', '""')}" """ for place, name in enumerate(columns)
    )
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE shop AS SELECT {values}, {{'size': i}} AS payload FROM range(1000) AS t(i)"
        )
        source = Source.of(connection, "shop", failing)
        assert source.mentioned() == about
        if "payload" not in failing:
            found = explain_failing_rows(connection, "shop", failing)
            missing = {name for name in columns if name not in found.dimensions}
            assert missing == about


@pytest.mark.parametrize("relation", ["shop", "-- of the shop\nSELECT * FROM shop -- all of it", "(FROM shop)"])
def test_a_comment_ends_neither_the_question_nor_the_condition(relation: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE shop AS {SHOP}")
        found = explain_failing_rows(connection, relation, "amount IS NULL -- must be there")
        assert found.slices[0].conditions == {"channel": "tiktok"}


# ---- whatever the columns hold


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (
            "CASE WHEN id % 50 = 0 THEN NULL ELSE (id % 7)::DOUBLE END",
            "3",
        ),  # whole numbers beside a null, in pandas
        ("(id % 7)::FLOAT", "3"),
        ("(id % 7 / 2)::DECIMAL(9, 1)", "1.5"),
        ("TIMESTAMP '2026-01-01' + to_days((id % 7)::INTEGER)", "2026-01-04 00:00:00"),
        ("DATE '2026-01-01' + (id % 7)::INTEGER", "2026-01-04"),
        ("TIME '10:00:00' + to_hours(id % 7)", "13:00:00"),
        ("('00000000-0000-0000-0000-00000000000' || id % 7)::UUID", "00000000-0000-0000-0000-000000000003"),
        ("'s' || id % 7", "s3"),
        ("['(else)', '', 'web', '(other)', 'ios', 'a', 'b'][1 + id % 7]", "(other)"),
        ("['(else)', '', 'web', '(missing)', 'ios', 'a', NULL][1 + id % 7]", "'(missing)'"),
    ],
)
def test_a_column_of_few_values_is_looked_along_whatever_its_type(expression: str, value: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE shop AS SELECT *, {expression} AS shop FROM ({SHOP})")
        found = explain_failing_rows(connection, "shop", "id % 7 = 3 AND id % 50 <> 0")
    assert found.slices[0].conditions == {"shop": value}


def test_one_value_of_three_hundred_is_found_among_larger_ones_that_always_fail_a_little() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            """CREATE TABLE visits AS SELECT i, 'shop ' || CASE WHEN i % 600 = 17 THEN 17
            WHEN i % 2 = 0 THEN 300 + i % 60 ELSE i % 240 END AS shop FROM range(120000) AS t(i)"""
        )
        found = explain_failing_rows(connection, "visits", "shop = 'shop 17' OR hash(i) % 100 = 0", about=[])
    assert found.slices[0].conditions == {"shop": "shop 17"}


def test_of_many_columns_those_that_tell_the_most_are_looked_along_wherever_they_stand() -> None:
    dull = ", ".join(f"hash(id + {n}) % 3 AS dull{n}" for n in range(100))
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS SELECT {dull}, 'one' AS constant, * FROM ({SHOP})")
        found = explain_failing_rows(connection, "t", "amount IS NULL AND ver = 2")
        assert found.slices[0].conditions == {"channel": "tiktok"}
        found = explain_failing_rows(connection, "t", "amount IS NULL AND ver = 2", about=["amount"])
        assert found.slices[0].conditions == {"channel": "tiktok", "ver": "2"}
    assert found.dimensions[-2:] == ("channel", "ver") and len(found.dimensions) == 8
    assert found.left_out == {LeftOut.LESS_TELLING: 94, LeftOut.MANY_VALUES: 1}


def test_that_no_slice_explains_it_is_said_with_the_columns_that_were_not_looked_along(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    failing = "hash(order_id * 7919) % 50 = 0"
    connection.execute("ALTER TABLE orders ADD COLUMN items INTEGER[]")
    found = explain_failing_rows(connection, "orders", failing, pii=["email"])
    assert found.sentence.endswith("; not at 3 columns: 2 of fractions or nested values, 1 of personal data)")
    found = explain_failing_rows(connection, "orders", failing, ["channel", "app_version"])
    assert found.sentence.endswith("(looked at channel, app_version)")


def test_a_value_of_a_few_failing_rows_only_is_found_in_a_table_far_larger_than_the_sample() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            """CREATE TABLE logs AS SELECT i, CASE WHEN i % 30011 = 7 THEN 'v2' ELSE 'v1' END AS writer,
            i % 4 AS region FROM range(1000000) AS t(i)"""
        )
        found = explain_failing_rows(connection, "logs", "i % 30011 = 7")
        assert found.slices[0].conditions == {"writer": "v2"}
        connection.execute("UPDATE logs SET writer = 'v1'")
        assert explain_failing_rows(connection, "logs", "i % 30011 = 7").dimensions == ("region",)


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
        "left_out": {},
        "failed": None,
        "measure": "rate",
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


# ---- of a change


@pytest.mark.parametrize(
    ("now", "options", "says"),
    [
        ("channel <> 'ios'", {}, "99 % of the deviation: channel = ios"),
        ("channel <> 'ios'", {"dimensions": ["Channel"]}, "% of the deviation: channel = ios"),
        ("NOT (channel = 'ios' AND ver = 2)", {}, "% of the deviation: channel = ios and ver = 2"),
        ("id % 2 = 0", {}, "no single slice explains it (looked at channel, ver; not at "),
        ("false", {}, "no single slice explains it"),
        ("true", {"mean_of": "price"}, "% of the deviation: channel = web and ver = 3"),
    ],
)
def test_a_change_is_explained_by_what_moved_apart_from_the_whole(
    now: str, options: dict[str, Any], says: str
) -> None:
    with duckdb.connect() as shop:
        shop.execute(
            """CREATE TABLE days AS SELECT i AS id, i // 20000 AS day, 'load ' || day || '/' || i % 3 AS load,
            ['web', 'ios', 'mail'][1 + (hash(i) % 3)::INTEGER] AS channel, hash(3 * i) % 5 AS ver,
            CASE WHEN i % 100 = 0 THEN 'nan'::DOUBLE ELSE (1 + ver) * (1 + hash(5 * i) % 9 / 10)
                * CASE WHEN day = 1 AND channel = 'web' AND ver = 3 THEN 10 ELSE 1 END END AS price
            FROM range(40000) AS t(i)"""
        )
        rows, before = f"FROM days WHERE day = 1 AND ({now}) -- now", "SELECT * FROM days WHERE day = 0"
        found = explain_change(shop, rows, before, **options)
        assert says in found.sentence
        document: Any = found.metadata()[ATTRIBUTION_METADATA].value
        assert document["sentence"] == found.sentence
        assert "load" not in found.dimensions or now == "false"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimensions": ["ver", "ver"]}, "given twice"),
        ({"dimensions": ["ver"], "pii": ["VER"]}, "marked as PII"),
        ({"mean_of": "vers"}, "there is no column 'vers': there are id, ver"),
        ({"mean_of": "ver"}, "no column has several values that were there before"),
    ],
)
def test_a_change_that_cannot_be_explained_is_refused_in_one_sentence(
    options: dict[str, Any], message: str
) -> None:
    with duckdb.connect() as shop:
        shop.execute("CREATE TABLE days AS SELECT i AS id, i % 5 AS ver FROM range(3000) AS t(i)")
        with pytest.raises(AttributionError, match=message):
            explain_change(shop, "days", "days", **options)
