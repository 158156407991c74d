"""Rules without options, on real runs: what definitions declare, what names tell, what was seen so far."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pytest

from incident_ops.core.feedback import Lesson
from incident_ops.detectors.accepted_memory import ACCEPTED_METADATA, BUILDS, Known, Look, document_of
from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.references import build_referential_integrity_checks
from incident_ops.detectors.rules import build_accepted_values_checks
from incident_ops.detectors.sql_rules import build_sql_checks
from incident_ops_tests.detectors.runs import (
    DAYS,
    Clock,
    answer,
    error_of,
    evaluate,
    evaluate_alone,
    schema_of,
    table_asset,
)


def kept(
    key: str, columns: Mapping[str, Sequence[Any]], metadata: Mapping[str, Any] | None = None
) -> dg.AssetsDefinition:
    """An asset whose value the default IO manager keeps."""

    @dg.asset(key=key.split("/"), metadata=metadata)
    def made() -> pd.DataFrame:
        return pd.DataFrame(dict(columns))

    return made


def told(found: dg.AssetCheckEvaluation) -> str:
    return found.description or ""


def everything_in(found: dg.AssetCheckEvaluation) -> str:
    return " ".join([told(found), *(str(value) for value in found.metadata.values())])


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


# ---- accepted values that are learnt


class Shop:
    """A table of orders whose values change from build to build, and its check, a day apart."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        *,
        pii: Sequence[str] = (),
        partitions_def: dg.PartitionsDefinition[Any] | None = None,
        **options: Any,
    ) -> None:
        self.clock = Clock()
        self._instance = instance
        self._next: Mapping[str, Sequence[Any]] = {}
        tagged = {"dagster/column_schema": schema_of(pii=pii, **dict.fromkeys(pii, "VARCHAR"))}

        @dg.asset(metadata=tagged if pii else None, partitions_def=partitions_def)
        def orders() -> pd.DataFrame:
            return pd.DataFrame(dict(self._next))

        self._orders = orders
        self._checks = build_accepted_values_checks([orders], clock=self.clock, **options)

    def has(self, partition: str | None = None, **columns: Any) -> dg.AssetCheckEvaluation:
        self.clock.days_later()
        self._next = columns
        return evaluate(self._instance, [self._orders], self._checks, partition=partition)

    def error(self, **columns: Sequence[Any]) -> str:
        self._next = columns
        return error_of(self._instance, [self._orders], self._checks)

    def looks_again(self) -> dg.AssetCheckEvaluation:
        self.clock.days_later()
        return evaluate_alone(self._instance, [self._orders], self._checks)

    def learnt(self, **values: Sequence[str]) -> None:
        """What seven builds with these values leave."""
        known = {name: Known(values=tuple(each), builds=BUILDS) for name, each in values.items()}
        look = Look(at=self.clock.now, build=None, known=known)
        self._instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=self._orders.key,
                check_name="accepted_values",
                passed=True,
                metadata={ACCEPTED_METADATA: dg.MetadataValue.json(document_of(look))},
            )
        )

    def hears(self, lesson: Lesson) -> None:
        """What people said of the latest evaluation."""
        now = self.clock.now
        answer(self._instance, "accepted_values", lesson, since=now - timedelta(hours=1), until=now)


TEN = 10
USUAL = ["web"] * TEN + ["app"] * TEN
NEW = [*USUAL, "fax"]


def test_values_seen_so_far_are_the_accepted_ones_and_a_new_one_fails_by_name(
    instance: dg.DagsterInstance,
) -> None:
    shop = Shop(instance)
    said = [told(shop.has(channel=USUAL)) for _ in range(8)]
    assert said[0] == "learning, 1 of 7 builds: channel"
    assert said[5] == "learning, 6 of 7 builds: channel"
    assert said[7] == "all of 20 rows have accepted values in channel"
    found = shop.has(channel=NEW)
    assert not found.passed
    assert told(found) == (
        "1 of 21 rows (4.8%) have a channel that is none of the 2 accepted values, such as 'fax' (1)"
    )
    assert found.metadata["incident_ops/columns"].value == ["channel"]


@pytest.mark.parametrize(
    ("lesson", "passes"),
    [(None, False), (Lesson.FIXED, False), (Lesson.EXPECTED, True), (Lesson.FALSE_POSITIVE, True)],
)
def test_a_new_value_fails_as_long_as_it_is_there_and_nobody_expects_it(
    instance: dg.DagsterInstance, lesson: Lesson | None, passes: bool
) -> None:
    shop = Shop(instance)
    shop.learnt(channel=["web", "app"])
    assert not shop.has(channel=NEW).passed
    if lesson is not None:
        shop.hears(lesson)
    assert shop.has(channel=NEW).passed is passes
    assert shop.has(channel=USUAL).passed
    assert shop.has(channel=NEW).passed is passes
    assert not shop.has(channel=[*NEW, "telex"]).passed, "what was not there then was not accepted"


def test_an_answer_that_comes_late_still_counts_and_the_newest_of_two_does(instance: dg.DagsterInstance) -> None:
    shop = Shop(instance)
    shop.learnt(channel=["web", "app"])
    shop.has(channel=NEW)
    at = shop.clock.now
    shop.has(channel=USUAL)
    answer(instance, "accepted_values", Lesson.EXPECTED, since=at, until=at)
    answer(instance, "accepted_values", Lesson.FIXED, since=at, until=at + timedelta(hours=1))
    assert not shop.has(channel=NEW).passed
    answer(instance, "accepted_values", Lesson.EXPECTED, since=at, until=at + timedelta(hours=2))
    assert shop.has(channel=NEW).passed


def test_builds_are_counted_not_looks(instance: dg.DagsterInstance) -> None:
    shop = Shop(instance)
    shop.has(channel=USUAL)
    assert told(shop.looks_again()) == told(shop.looks_again()) == "learning, 1 of 7 builds: channel"
    assert told(shop.has(channel=USUAL)) == "learning, 2 of 7 builds: channel"


def test_a_column_whose_every_build_brings_a_new_value_is_never_judged(instance: dg.DagsterInstance) -> None:
    shop = Shop(instance, partitions_def=DAYS)
    days = [f"2026-01-{day:02}" for day in range(1, 11)]
    found = [shop.has(partition=day, day=[day] * TEN, channel=["web"] * TEN) for day in days]
    assert all(evaluation.passed for evaluation in found)
    assert told(found[-1]) == "all of 10 rows have accepted values in channel; learning, 1 of 7 builds: day"


@pytest.mark.parametrize(
    "column",
    [
        [f"name {n}" for n in range(20)],
        [f"city {n % 51}" for n in range(51 * TEN)],
        ["x" * 101] * TEN,
        list(range(2)) * TEN,
        [None] * TEN,
        [],
    ],
    ids=["few rows of each", "many values", "long ones", "no text", "all null", "empty"],
)
def test_what_is_no_set_of_names_is_not_learnt(instance: dg.DagsterInstance, column: list[Any]) -> None:
    shop = Shop(instance)
    found = shop.has(x=pd.Series(column, dtype=None if column else "object"))
    assert found.passed and told(found).startswith("nothing to learn")


def test_a_table_that_was_empty_once_forgets_nothing(instance: dg.DagsterInstance) -> None:
    shop = Shop(instance)
    shop.learnt(channel=["web", "app"])
    assert told(shop.has(channel=pd.Series([], dtype="str"))) == "no rows to look at"
    assert told(shop.has(other=[1])).startswith("nothing to learn")
    assert not shop.has(channel=NEW).passed


def test_no_value_of_personal_data_is_remembered(instance: dg.DagsterInstance) -> None:
    shop = Shop(instance, pii=["Owner"])
    assert "anna" not in everything_in(shop.has(owner=["anna"] * TEN, channel=["web"] * TEN))
    shop.learnt(owner=["anna"], channel=["web"])
    found = shop.has(owner=["bert"] * TEN, channel=["web"] * TEN)
    assert found.passed
    assert "anna" not in everything_in(found) and "bert" not in everything_in(found)
    assert "web" in everything_in(found)


@pytest.mark.parametrize(
    ("usual", "texts", "new"),
    [
        (["a", "b"], ["a", "b"], ["a", "c"]),
        ([1, 2], ["1", "2"], [1, 3]),
        ([True], ["true"], [False]),
        ([1.5, None], ["1.5"], [2.5, None]),
    ],
)
def test_a_column_that_is_named_is_learnt_whatever_its_type_and_few_its_rows(
    instance: dg.DagsterInstance, usual: list[Any], texts: list[str], new: list[Any]
) -> None:
    shop = Shop(instance, column="x")
    first: Any = shop.has(x=usual, other=new).metadata[ACCEPTED_METADATA].value
    assert first["columns"] == {"x": {"builds": 1, "accepted": texts, "new": []}}
    shop.learnt(x=texts)
    assert shop.has(x=usual, other=new).passed
    found = shop.has(x=new, other=new)
    assert not found.passed and "have a x that is none of" in told(found)
    shop.hears(Lesson.EXPECTED)
    assert shop.has(x=new, other=new).passed


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"x": [f"n{n}" for n in range(51)]}, "x has more than 50 values"),
        ({"x": [f"n{n}" for n in range(5000)]}, "x has more than 50 values"),
        ({"other": [1]}, "no column 'x'"),
    ],
)
def test_a_named_column_that_cannot_be_learnt_is_no_failure_but_an_error(
    instance: dg.DagsterInstance, data: Mapping[str, Any], says: str
) -> None:
    assert says in Shop(instance, column="x").error(**data)
    assert "x is tagged pii" in Shop(instance, column="x", pii=["X"]).error(x=["a"])


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
