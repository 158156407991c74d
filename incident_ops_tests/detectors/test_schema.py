"""Columns on real runs: drift from the last good ones, contracts, and what people say of a change."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import polars as pl
import psycopg
import pytest

from incident_ops.core.feedback import Lesson
from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.schema import build_schema_checks
from incident_ops_tests.detectors.runs import (
    Clock,
    Reports,
    answer,
    evaluate,
    schema_of,
    table_asset,
    written,
)

WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


class Table:
    """A table with its schema check."""

    def __init__(self, instance: dg.DagsterInstance, **options: Any) -> None:
        self.clock = Clock()
        self.reports = Reports()
        self._checks = build_schema_checks([self.reports.asset], clock=self.clock, **options)
        self._instance = instance

    def has(self, **columns: str) -> dg.AssetCheckEvaluation:
        self.clock.days_later()
        self.reports.has(**columns)
        return evaluate(self._instance, [self.reports.asset], self._checks)

    def was(self, lesson: Lesson) -> None:
        """What is said of the last evaluation."""
        minute = timedelta(minutes=1)
        now = self.clock.now
        answer(self._instance, "schema", lesson, since=now - minute, until=now + minute)


def columns_in(evaluation: dg.AssetCheckEvaluation) -> Any:
    return (
        evaluation.metadata["incident_ops/columns"].value if "incident_ops/columns" in evaluation.metadata else []
    )


def test_a_first_look_remembers_the_columns_and_passes(instance: dg.DagsterInstance) -> None:
    found = Table(instance).has(id="BIGINT", amount="DOUBLE")
    assert (found.passed, found.description) == (True, "2 columns, looked at for the first time")
    assert found.metadata["incident_ops/nature"].value == "schema"


def test_a_first_look_knows_the_columns_of_the_build_before(instance: dg.DagsterInstance) -> None:
    instance.report_runless_asset_event(
        dg.AssetMaterialization("orders", metadata={"dagster/column_schema": schema_of(id="BIGINT", gone="TEXT")})
    )
    instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
    found = Table(instance).has(id="BIGINT")
    assert (found.passed, found.description) == (False, "columns removed gone (against the last good ones)")


def test_a_breaking_change_fails_until_the_columns_are_back(instance: dg.DagsterInstance) -> None:
    table = Table(instance)
    assert table.has(id="BIGINT", amount="DOUBLE", at="TIMESTAMP").passed
    for _ in range(2):
        broken = table.has(id="BIGINT", amount="VARCHAR")
        assert (broken.passed, broken.severity) == (False, ERROR)
        assert broken.description == (
            "columns removed at; columns retyped amount DOUBLE → VARCHAR (against the last good ones)"
        )
        assert columns_in(broken) == ["amount", "at"]
    assert table.has(id="BIGINT", amount="DOUBLE", at="TIMESTAMP").passed


@pytest.mark.parametrize(
    ("lesson", "passes"), [(Lesson.EXPECTED, True), (Lesson.FALSE_POSITIVE, True), (Lesson.FIXED, False)]
)
def test_a_breaking_change_that_people_expected_is_the_good_one_from_then_on(
    instance: dg.DagsterInstance, lesson: Lesson, passes: bool
) -> None:
    table = Table(instance)
    table.has(id="BIGINT", price="DOUBLE")
    renamed = table.has(id="BIGINT", cost="DOUBLE")
    assert renamed.description == "columns renamed, it seems, price → cost (against the last good ones)"
    table.was(lesson)
    assert table.has(id="BIGINT", cost="DOUBLE").passed is passes
    back = table.has(id="BIGINT", price="DOUBLE")
    assert back.passed is not passes


def test_an_answer_counts_though_the_check_failed_again_before_it_came(instance: dg.DagsterInstance) -> None:
    table = Table(instance)
    table.has(id="BIGINT", price="DOUBLE")
    table.has(id="BIGINT")
    told_of = table.clock.now
    assert not table.has(id="BIGINT").passed
    answer(instance, "schema", Lesson.EXPECTED, since=told_of, until=told_of)
    assert table.has(id="BIGINT").passed


def test_an_added_column_is_a_warning_once(instance: dg.DagsterInstance) -> None:
    table = Table(instance)
    table.has(id="BIGINT")
    added = table.has(id="BIGINT", note="TEXT")
    assert (added.passed, added.severity, columns_in(added)) == (False, WARN, [])
    assert table.has(id="BIGINT", note="TEXT").passed
    assert not table.has(id="BIGINT").passed, "it is one of the table's now"


def test_what_another_writer_calls_the_same_type_is_no_change(instance: dg.DagsterInstance) -> None:
    table = Table(instance)
    table.has(id="BIGINT", name="VARCHAR(40)", at="TIMESTAMP")
    assert table.has(id="int64", name="text", at="datetime64[us]").passed


@pytest.mark.parametrize(
    ("contract", "passed", "severity", "says"),
    [
        ({"id": "int64", "amount": "double"}, True, ERROR, "2 columns, as the contract"),
        (["id", "amount"], True, ERROR, "2 columns, as the contract"),
        ([dg.TableColumn("id", "int64"), dg.TableColumn("amount", "text")], False, ERROR, "amount text → DOUBLE"),
        (schema_of(id="BIGINT", amount="DOUBLE", at="DATE"), False, ERROR, "removed at (against the contract)"),
        (["id"], False, WARN, "columns added amount (against the contract)"),
    ],
)  # fmt: skip
def test_columns_are_held_against_a_contract(
    instance: dg.DagsterInstance, contract: Any, passed: bool, severity: dg.AssetCheckSeverity, says: str
) -> None:
    found = Table(instance, contract=contract).has(id="BIGINT", amount="DOUBLE")
    assert (found.passed, found.severity) == (passed, severity)
    assert says in (found.description or "")


def test_the_definition_can_be_the_contract(instance: dg.DagsterInstance) -> None:
    orders = Reports(metadata={"dagster/column_schema": schema_of(id="BIGINT", amount="DOUBLE")})
    orders.has(id="BIGINT")
    found = evaluate(instance, [orders.asset], build_schema_checks([orders.asset], contract=True))
    assert found.description == "columns removed amount (against the contract)"


@pytest.mark.parametrize(
    ("contract", "says"),
    [(True, "definition of orders declares no columns"), ([], "names no column"), ("id", r"\['id'\]")],
)
def test_a_contract_that_says_nothing_is_refused_when_the_location_loads(contract: Any, says: str) -> None:
    with pytest.raises(DetectorError, match=says):
        build_schema_checks(["orders"], contract=contract)


@pytest.mark.parametrize(
    "contract",
    [
        {"id": "itneger", "mood": "feelings"},
        [dg.TableColumn("id", "itneger")],
        schema_of(id="itneger"),
        True,
    ],
)
def test_a_slip_in_a_type_is_refused_when_the_location_loads(contract: Any) -> None:
    """Else the column would be called retyped at night, and for ever."""
    orders = Reports("shop/orders", metadata={"dagster/column_schema": schema_of(id="itneger")})
    says = (
        "^the contract of shop/orders has the column id of type 'itneger', which is none: integer is the nearest"
    )
    with pytest.raises(DetectorError, match=says):
        build_schema_checks([orders.asset], contract=contract)


def test_a_type_that_is_no_text_is_refused_when_the_location_loads() -> None:
    contract: Any = {"id": int}
    with pytest.raises(
        DetectorError, match=r"orders has the column id of type <class 'int'>: .* such as 'integer'"
    ):
        build_schema_checks(["orders"], contract=contract)


def test_columns_that_no_build_reports_are_read_where_the_data_is(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    path = tmp_path / "shop.duckdb"
    with written(path) as connection:
        connection.execute('CREATE TABLE orders ("the ""id""" BIGINT, "full name" VARCHAR)')
    orders = table_asset()
    checks = build_schema_checks([orders], source=f"duckdb://{path}")
    assert evaluate(instance, [orders], checks).passed
    with written(path) as connection:
        connection.execute('ALTER TABLE orders DROP "full name"')
    found = evaluate(instance, [orders], checks)
    assert columns_in(found) == ["full name"]


class Frame:
    """A data frame with its schema check."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._value: Any = None
        self._asset = table_asset()
        self._checks = build_schema_checks([self._asset], source=lambda: self._value)

    def holds(self, value: Any) -> str:
        """What the check says; nothing where it passes."""
        self._value = value
        found = evaluate(self._instance, [self._asset], self._checks)
        return "" if found.passed else found.description or "failed"


PEOPLE = pd.DataFrame({"id": [1, 2], "name": ["a", "b"], "amount": [0.5, 2.0]})
IN_POLARS = pl.DataFrame({"id": [1, 2], "name": ["a", "b"], "amount": [0.5, 2.0]})


@pytest.mark.parametrize(
    ("usual", "later"),
    [
        (PEOPLE, PEOPLE.assign(name=None)),
        (PEOPLE, PEOPLE.assign(name=float("nan"))),
        (PEOPLE, pd.DataFrame(columns=["id", "name", "amount"])),
        (PEOPLE, pd.DataFrame({"id": [], "name": [], "amount": []})),
        (PEOPLE, PEOPLE.assign(id=[1, None])),
        (IN_POLARS, IN_POLARS.with_columns(name=None)),
        (IN_POLARS, pl.DataFrame({"id": [], "name": [], "amount": []})),
    ],
    ids=[
        "all null", "all NaN", "empty objects", "empty numbers", "an integer is null",
        "all null in polars", "empty in polars",
    ],
)  # fmt: skip
def test_what_nulls_and_no_rows_make_of_a_frames_types_is_no_change_and_is_not_learnt(
    instance: dg.DagsterInstance, usual: Any, later: Any
) -> None:
    frame = Frame(instance)
    assert [frame.holds(usual), frame.holds(later), frame.holds(usual)] == ["", "", ""]
    texts = usual.assign(id=["x", "y"]) if isinstance(usual, pd.DataFrame) else usual.cast({"id": pl.String})
    assert [frame.holds(later), frame.holds(texts)] == [
        "", "columns retyped id int64 → string (against the last good ones)",
    ]  # fmt: skip


def test_a_frame_without_types_is_compared_by_those_that_it_has_later(instance: dg.DagsterInstance) -> None:
    frame = Frame(instance)
    assert [frame.holds(PEOPLE.assign(name=None, id=[1, None])), frame.holds(PEOPLE)] == ["", ""]
    assert "retyped name string → int64" in frame.holds(PEOPLE.assign(name=1))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"id": [1.5, None]}, "retyped id int64 → float64 "),
        ({"id": [1.0, 2.0]}, "retyped id int64 → float64 "),
        ({"name": [1, None]}, "retyped name string → float64 of whole numbers "),
    ],
    ids=["parts", "no nulls", "texts before"],
)
def test_a_frames_column_that_was_retyped_is_told_though_it_has_nulls(
    instance: dg.DagsterInstance, change: dict[str, Any], says: str
) -> None:
    frame = Frame(instance)
    assert frame.holds(PEOPLE) == ""
    assert says in frame.holds(PEOPLE.assign(**change))


def test_a_column_that_went_from_a_table_without_rows_is_told(instance: dg.DagsterInstance) -> None:
    frame = Frame(instance)
    assert frame.holds(PEOPLE) == ""
    assert frame.holds(PEOPLE[["id", "name"]].head(0)) == "columns removed amount (against the last good ones)"


def test_columns_of_a_postgres_table_agree_with_a_contract_in_its_own_words(
    instance: dg.DagsterInstance, postgres_url: str
) -> None:
    types = {
        "a": "bigint", "b": "character varying(40)", "c": "timestamp with time zone", "d": "numeric(18, 2)",
        "e": "double precision", "f": "boolean", "g": "date", "h": "jsonb", "i": "bytea", "j": "integer",
    }  # fmt: skip
    columns = ", ".join(f"{name} {kind} NOT NULL" for name, kind in types.items())
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE TABLE orders ({columns})".encode())
        connection.execute("INSERT INTO orders VALUES (1, 'b', now(), 1, 1, true, now(), '{}', 'i', 1)")
    orders = table_asset()
    found = evaluate(instance, [orders], build_schema_checks([orders], source=postgres_url, contract=types))
    assert found.passed, found.description


def test_a_thousand_columns_are_compared_and_few_are_named(instance: dg.DagsterInstance) -> None:
    table = Table(instance)
    wide = {f"column {n}": "DOUBLE" for n in range(1000)}
    assert table.has(**wide).passed
    found = table.has(**dict(list(wide.items())[:900]))
    assert len(found.description or "") < 200
    assert len(columns_in(found)) == 100
    assert len(json.dumps(found.metadata["incident_ops/schema"].value)) < 100_000


def test_a_note_in_another_form_is_not_obeyed(instance: dg.DagsterInstance) -> None:
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("orders"),
            check_name="schema",
            passed=True,
            metadata={"incident_ops/schema": dg.MetadataValue.json({"version": 99})},
        )
    )
    assert Table(instance).has(id="BIGINT").description == "1 column, looked at for the first time"
