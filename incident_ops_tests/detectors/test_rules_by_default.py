"""Rules without options, on real runs: what definitions declare, what names tell, what was seen so far."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pytest

from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.references import build_referential_integrity_checks
from incident_ops.detectors.rules import build_accepted_values_checks
from incident_ops.detectors.sql_rules import build_sql_checks
from incident_ops_tests.detectors.runs import (
    error_of,
    evaluate,
    kept,
    table_asset,
    told,
)

# ---- rules in SQL


AMOUNTS = {"id": [1, 2, 3, 4], "amount": [5, -1, -2, 7]}


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"ids": "id > 9"}, "the rule holds: ids"),
        ({"ids": "id > 9", "all": "SELECT * FROM {table} WHERE id < 0"}, "all 2 rules hold: ids, all"),
        ({"sign": "amount < 0"}, "2 of 4 rows (50.0%) break the rule sign"),
        (
            {
                "ids": "id > 9",
                "sign": "amount < 0",
                "few": "SELECT count(*) AS n FROM {table} HAVING count(*) > 3",
            },
            "2 of 3 rules fail: 2 of 4 rows (50.0%) break the rule sign; 1 of 4 rows (25.0%) break the rule few",
        ),
        (dg.MetadataValue.json({"sign": "amount < 0"}), "2 of 4 rows (50.0%) break the rule sign"),
    ],
)
def test_without_sql_the_declared_rules_are_run_and_those_that_fail_are_named(
    instance: dg.DagsterInstance, rules: Any, says: str
) -> None:
    orders = kept("orders", AMOUNTS, {"incident_ops/rules": rules})
    found = evaluate(instance, [orders], build_sql_checks([orders]))
    assert told(found) == says
    assert found.passed is ("hold" in says)


def test_of_each_declared_rule_the_rows_are_counted_and_the_sample_is_of_one_that_fails(
    instance: dg.DagsterInstance,
) -> None:
    orders = kept("orders", AMOUNTS, {"incident_ops/rules": {"ids": "id > 9", "sign": "amount < 0"}})
    found = evaluate(instance, [orders], build_sql_checks([orders]))
    rules, sample = found.metadata["rules"], found.metadata["sample"]
    assert isinstance(rules, dg.TableMetadataValue) and isinstance(sample, dg.TableMetadataValue)
    assert [(r.data["name"], r.data["passed"]) for r in rules.records] == [("ids", True), ("sign", False)]
    assert [record.data["amount"] for record in sample.records] == [-1, -2]
    metrics: Any = found.metadata["incident_ops/metrics"].value
    counts = {point["metric"]: point["value"] for point in metrics["points"]}
    assert (counts["failing_rows/ids"], counts["failing_rows/sign"]) == (0, 2)


def test_declared_rules_run_where_the_table_is(instance: dg.DagsterInstance) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE orders AS SELECT i AS id FROM range(5) t(i)")
        connection.execute("CREATE TABLE paid AS SELECT 1 AS id")
        orders = table_asset(metadata={"incident_ops/rules": {"paid": "id NOT IN (SELECT id FROM paid)"}})
        found = evaluate(instance, [orders], build_sql_checks([orders], source=connection))
        assert told(found) == "4 of 5 rows (80.0%) break the rule paid"


def test_what_a_build_reports_is_not_run(instance: dg.DagsterInstance) -> None:
    @dg.asset
    def orders(context: dg.AssetExecutionContext) -> pd.DataFrame:
        context.add_output_metadata({"incident_ops/rules": {"all": "true"}})
        return pd.DataFrame({"id": [1]})

    assert told(evaluate(instance, [orders], build_sql_checks([orders]))).startswith("no rule is declared")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([1, 2], "no rule is declared: it can be read and has rows"),
        ([], "no rule is declared: it can be read and has no rows"),
    ],
)
def test_without_any_rule_it_is_told_whether_there_are_rows(
    instance: dg.DagsterInstance, rows: list[int], says: str
) -> None:
    orders = kept("orders", {"id": rows})
    checks = build_sql_checks([orders])
    found = evaluate(instance, [orders], checks)
    assert (told(found), found.passed) == (says, bool(rows))
    (spec,) = checks[0].check_specs
    assert spec.description == "no rule is declared: that it can be read and has rows"


def test_a_table_that_cannot_be_read_is_no_failure_without_a_rule_either(instance: dg.DagsterInstance) -> None:
    orders = table_asset()
    with duckdb.connect() as connection:
        assert "there is no table orders" in error_of(
            instance, [orders], build_sql_checks([orders], source=connection)
        )


# ---- accepted values that are declared


PEOPLE = {"status": ["paid", "open", "lost", None], "country": ["de", "at", "de", "de"], "stars": [1, 2, 3, 9]}


@pytest.mark.parametrize(
    ("declared", "column", "says"),
    [
        ({"status": ["paid", "open", "lost"]}, None, "none of 4 rows have a status that is none of the 3"),
        ({"status": ["paid", "open"]}, None, "1 of 4 rows (25.0%) have a status that is none of the 2"),
        ({"status": ["paid", "open", "lost"], "country": ["de", "at"]}, None, "all of 4 rows have accepted"),
        (
            {"status": ["paid", "open"], "country": ["de", "at"], "stars": [1, 2, 3]},
            None,
            "2 of 3 columns fail: 1 of 4 rows (25.0%) have a status that is none of the 2 accepted values,"
            " such as 'lost' (1); 1 of 4 rows (25.0%) have a stars that is none of the 3 accepted values,"
            " such as 9 (1)",
        ),
        ({"status": ["paid"], "country": ["de", "at"]}, "country", "none of 4 rows have a country"),
    ],
)
def test_declared_values_are_the_accepted_ones(
    instance: dg.DagsterInstance, declared: Any, column: str | None, says: str
) -> None:
    orders = kept("orders", PEOPLE, {"incident_ops/accepted_values": declared})
    found = evaluate(instance, [orders], build_accepted_values_checks([orders], column=column))
    assert told(found).startswith(says)
    assert found.passed is says.startswith(("none", "all"))


def test_of_several_columns_only_those_that_fail_are_bad(instance: dg.DagsterInstance) -> None:
    declared = {"status": ["paid", "open"], "country": ["de", "at"]}
    orders = kept("orders", PEOPLE, {"incident_ops/accepted_values": declared})
    found = evaluate(instance, [orders], build_accepted_values_checks([orders]))
    assert found.metadata["incident_ops/columns"].value == ["status"]


def test_declared_columns_may_be_tolerated_together(instance: dg.DagsterInstance) -> None:
    declared = {"status": ["paid", "open"], "country": ["de", "at"]}
    orders = kept("orders", PEOPLE, {"incident_ops/accepted_values": declared})
    found = evaluate(instance, [orders], build_accepted_values_checks([orders], at_most=1))
    assert found.passed and told(found).endswith("as is tolerated")


# ---- references


CUSTOMERS = {"id": [1, 2], "name": ["a", "b"]}


@pytest.mark.parametrize(
    ("column", "other", "its"),
    [
        ("customer_id", "customers", "id"),
        ("customer_id", "customer", "customer_id"),
        ("Customer_Key", "shop/dim_customer", "customer_key"),
        ("customer_id", "stg_shop__customers", "ID"),
        ("box_id", "boxes", "id"),
        ("country_id", "countries", "id"),
    ],
)
def test_references_are_told_by_name_and_it_is_said_which(
    instance: dg.DagsterInstance, column: str, other: str, its: str
) -> None:
    orders = kept("orders", {"id": [7, 8, 9], column: [1, 2, 3]})
    others = kept(other, {its: [1, 2], "name": ["a", "b"]})
    checks = build_referential_integrity_checks([orders, others])
    assert "told by name" in str([spec.description for check in checks for spec in check.check_specs])
    found = evaluated(instance, [orders, others], checks)
    assert told(found["orders"]) == (
        f"1 of 3 rows (33.3%) have a {column} that is not in {other} (told by name: {column} → {other}.{its})"
    )
    assert not found["orders"].passed and found["orders"].metadata["incident_ops/columns"].value == [column]
    assert told(found[other]) == "nothing refers to another asset" and found[other].passed


def evaluated(
    instance: dg.DagsterInstance,
    assets: Sequence[dg.AssetsDefinition],
    checks: Sequence[dg.AssetChecksDefinition],
) -> dict[str, dg.AssetCheckEvaluation]:
    result = dg.materialize([*assets, *checks], instance=instance)
    return {"/".join(found.asset_key.path): found for found in result.get_asset_check_evaluations()}


@pytest.mark.parametrize(
    ("columns", "other", "its"),
    [
        ({"customer": [9]}, "customers", {"id": [1]}),
        ({"customer_id": [9]}, "clients", {"id": [1]}),
        ({"customer_id": [9]}, "customers", {"number": [1]}),
        ({"customer_id": ["9"]}, "customers", {"id": [1]}),
        ({"orders_id": [9]}, "stg_orders", {"id": [1]}),
    ],
    ids=["no key", "another name", "no such column", "another type", "its own key"],
)
def test_names_that_agree_by_chance_are_no_reference(
    instance: dg.DagsterInstance, columns: Mapping[str, Any], other: str, its: Mapping[str, Any]
) -> None:
    orders, others = kept("orders", columns), kept(other, its)
    found = evaluated(instance, [orders, others], build_referential_integrity_checks([orders, others]))
    assert {told(evaluation) for evaluation in found.values()} == {"nothing refers to another asset"}


def test_of_two_assets_of_a_name_the_nearer_is_meant(instance: dg.DagsterInstance) -> None:
    orders = kept("staging/stg_orders", {"customer_id": [1]})
    near, far = kept("staging/stg_customers", {"id": [1]}), kept("customers", {"id": [2]})
    checks = build_referential_integrity_checks([far, orders, near])
    found = evaluated(instance, [orders, near, far], checks)["staging/stg_orders"]
    assert found.passed and "customer_id → staging/stg_customers.id" in told(found)


def test_several_references_are_looked_at_in_one_check(instance: dg.DagsterInstance) -> None:
    orders = kept("orders", {"customer_id": [1, None, 5], "product_id": [3, 3, 3]})
    others = [kept("customers", CUSTOMERS), kept("products", {"product_id": [3]})]
    checks = build_referential_integrity_checks([orders, *others])
    found = evaluated(instance, [orders, *others], checks)["orders"]
    assert told(found) == (
        "1 of 2 references fail: 1 of 3 rows (33.3%) have a customer_id that is not in customers"
        " (told by name: customer_id → customers.id, product_id → products.product_id)"
    )


def test_declared_references_go_before_names(instance: dg.DagsterInstance) -> None:
    declared = {"incident_ops/references": {"buyer": "shop/people.number"}}
    orders = kept("orders", {"buyer": [1, 4], "customer_id": [8, 8]}, declared)
    others = [kept("customers", CUSTOMERS), kept("shop/people", {"number": [1]})]
    checks = build_referential_integrity_checks([orders, others[0]])
    assert checks[0].check_specs_by_output_name["orders_referential_integrity"].description == (
        "Every buyer is a number of shop/people"
    )
    found = evaluated(instance, [orders, *others], checks)["orders"]
    assert told(found) == "1 of 2 rows (50.0%) have a buyer that is not in shop/people"


def test_references_by_name_are_looked_up_where_the_tables_are(instance: dg.DagsterInstance) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE orders AS SELECT i AS order_id, i % 4 AS customer_id FROM range(8) t(i)")
        connection.execute("CREATE TABLE dim_customers AS SELECT i AS customer_id FROM range(3) t(i)")
        assets = [table_asset("orders"), table_asset("dim_customers")]
        checks = build_referential_integrity_checks(assets, source=connection)
        found = evaluated(instance, assets, checks)
    assert told(found["orders"]).startswith("2 of 8 rows (25.0%) have a customer_id that is not in dim_customers")
    assert found["dim_customers"].passed


# ---- what is refused


@pytest.mark.parametrize(
    ("build", "metadata", "options", "says"),
    [
        (build_sql_checks, {"incident_ops/rules": ["a < 0"]}, {}, "is a mapping from names to queries"),
        (build_sql_checks, {"incident_ops/rules": {"a": "SELECT 1"}}, {}, "rule a of orders does not"),
        (build_sql_checks, {"incident_ops/rules": {"a": " "}}, {}, "rule a of orders is empty"),
        (build_accepted_values_checks, {}, {"values": ["paid"]}, "name it with column="),
        (build_accepted_values_checks, {}, {"column": "status", "values": []}, "give the list"),
        (build_referential_integrity_checks, {}, {"column": "a"}, "add references="),
        (build_referential_integrity_checks, {}, {"references": ("b", "id")}, "name the column with column="),
        (build_referential_integrity_checks, {"incident_ops/references": "b.id"}, {}, "is a mapping from"),
        (build_referential_integrity_checks, {"incident_ops/references": {"a": "b"}}, {}, "is a mapping from"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_when_the_location_loads(
    build: Any, metadata: Mapping[str, Any], options: Mapping[str, Any], says: str
) -> None:
    with pytest.raises(DetectorError, match=says):
        build([table_asset(metadata=metadata)], **options)


def test_a_blocking_check_does_not_wait_for_what_may_wait_for_it() -> None:
    assets = [table_asset("orders"), table_asset("customers")]
    with pytest.raises(DetectorError, match=r"blocking check on orders .* or declare it"):
        build_referential_integrity_checks(assets, blocking=True)
    assert len(build_referential_integrity_checks(assets[:1], blocking=True)) == 1


@pytest.mark.parametrize("declared", [["paid"], {"status": "paid"}, {"status": []}])
def test_declared_values_that_are_no_lists_are_an_error_that_says_what_is_meant(
    instance: dg.DagsterInstance, declared: Any
) -> None:
    orders = kept("orders", PEOPLE, {"incident_ops/accepted_values": declared})
    assert "is a mapping from columns to lists" in error_of(
        instance, [orders], build_accepted_values_checks([orders])
    )
