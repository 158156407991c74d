"""Accepted values that are learnt, on real runs: those seen so far, and what people said of new ones."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from incident_ops.core.feedback import Lesson
from incident_ops.detectors.accepted_memory import ACCEPTED_METADATA, BUILDS, Known, Look, document_of
from incident_ops.detectors.rules import build_accepted_values_checks
from incident_ops_tests.detectors.runs import (
    DAYS,
    Clock,
    answer,
    error_of,
    evaluate,
    evaluate_alone,
    everything_in,
    schema_of,
    told,
)


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


def test_what_was_learnt_outlives_a_day_on_which_nothing_could_be_looked_at(instance: dg.DagsterInstance) -> None:
    shop = Shop(instance, column="channel")
    shop.learnt(channel=["app", "web"])
    for _ in range(24):
        assert "no column 'channel'" in shop.error(gone=[1])
    assert not shop.has(channel=NEW).passed
