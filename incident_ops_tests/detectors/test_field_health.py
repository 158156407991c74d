"""Field health: which columns of a table are out of the ordinary, told by one check."""

import datetime as dt
import json
from collections.abc import Callable, Sequence
from typing import Any, cast

import dagster as dg
import duckdb
import numpy as np
import polars as pl
import pytest

from incident_ops.core.attribution.record import ATTRIBUTION_METADATA
from incident_ops.core.feedback import FEEDBACK_METADATA, Feedback, Lesson, document_of
from incident_ops.core.metrics import METRICS_METADATA, Measured, Measurement
from incident_ops.core.profile import PROFILE_METADATA, ColumnProfile, Kind, Metric, TableProfile
from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.field_health import build_field_health_checks
from incident_ops.detectors.field_health.past import Past
from incident_ops.detectors.field_health.verdicts import bar_of, verdicts_on
from incident_ops.detectors.learnt import LearntOptions, Memory
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Target

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
EMAIL = dg.TableColumn("email", tags={"pii": ""})
ROWS = 3000
CHANNELS = ("web", "mail", "ads", "tiktok")


def orders(rows: int = ROWS, seed: int = 1) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "id": np.arange(rows),
            "amount": random.gamma(2, 20, rows),
            "channel": random.choice(CHANNELS, rows),
            "email": [f"anna{n}@acme.test" for n in range(rows)],
            "note": [None if n % 50 == 0 else "x" for n in range(rows)],
        }
    )


class Table:
    """A table that is built and checked in a run, as often as wanted, one day after the other."""

    def __init__(self, instance: dg.DagsterInstance, *, schema: Sequence[dg.TableColumn] = (), **options: Any):
        self._instance = instance
        self._day = 0
        self._source: Any = None
        metadata = {"dagster/column_schema": dg.TableSchema(columns=list(schema))} if schema else {}

        @dg.asset(name="orders", metadata=metadata)
        def asset() -> dg.MaterializeResult[Any]:
            return dg.MaterializeResult()

        self._asset = asset
        every: dict[str, Any] = {"source": lambda: self._source, "clock": lambda: START, **options}
        self._checks = build_field_health_checks([asset], **every)

    def built_as(self, source: Any) -> dg.AssetCheckEvaluation:
        self._source = source
        result = dg.materialize([self._asset, *self._checks], instance=self._instance)
        (found,) = result.get_asset_check_evaluations()
        return found

    def was_like(self, evaluation: dg.AssetCheckEvaluation, *, days: int, jitter: float = 0.0) -> None:
        """As if the table had been found like this on days before, its values moving by `jitter`."""
        random = np.random.default_rng(0)
        document = cast("dg.JsonMetadataValue", evaluation.metadata[METRICS_METADATA]).data
        for day in range(days, 0, -1):
            at = (START - dt.timedelta(days=day)).isoformat()
            points = [
                {**point, "value": point["value"] * (1 + jitter * random.standard_normal())}
                for point in cast("Any", document)["points"]
            ]
            metrics = dg.MetadataValue.json(
                {**cast("Any", document), "at": at, "evaluated_at": at, "points": points}
            )
            self._instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(
                    asset_key=evaluation.asset_key,
                    check_name=evaluation.check_name,
                    passed=True,
                    metadata={**evaluation.metadata, METRICS_METADATA: metrics},
                )
            )


@pytest.fixture
def learnt(instance: dg.DagsterInstance) -> Table:
    """Orders as they were on twelve days."""
    table = Table(instance, schema=[EMAIL])
    assert table.built_as(orders()).passed
    table.was_like(table.built_as(orders(seed=9)), days=12, jitter=0.02)
    return table


def told(evaluation: dg.AssetCheckEvaluation) -> tuple[bool, object]:
    columns = evaluation.metadata.get("incident_ops/columns")
    return evaluation.passed, columns.value if columns else []


def test_the_first_evaluation_learns_and_passes(instance: dg.DagsterInstance) -> None:
    found = Table(instance).built_as(orders())
    assert (found.passed, found.description) == (True, "learning, 0 of 8: 5 columns, 3,000 rows")


def test_a_day_like_others_passes(learnt: Table) -> None:
    found = learnt.built_as(orders(seed=2))
    assert (found.passed, found.description) == (True, "5 columns as usual, 3,000 rows")


def test_nulls_of_one_slice_are_told_with_the_column_and_the_slice(learnt: Table) -> None:
    bad = orders(seed=3).with_columns(
        amount=pl.when(pl.col("channel") == "tiktok").then(None).otherwise(pl.col("amount"))
    )
    found = learnt.built_as(bad)
    assert told(found) == (False, ["amount"])
    assert found.description is not None
    assert found.description.startswith("amount: 2")
    assert "% null, usually 0–" in found.description
    explanation = cast("Any", found.metadata[ATTRIBUTION_METADATA]).data
    assert explanation["slices"][0]["conditions"] == {"channel": "tiktok"}


def test_what_no_mean_can_be_told_with_is_counted_and_its_slice_named(learnt: Table) -> None:
    """Infinities, and numbers so large that their squares are."""
    bad = orders(seed=3).with_columns(
        amount=pl.when(pl.col("channel") != "tiktok")
        .then(pl.col("amount"))
        .when(pl.col("id") % 3 == 0)
        .then(pl.lit(-1e200))
        .when(pl.col("id") % 3 == 1)
        .then(pl.lit(float("inf")))
        .otherwise(pl.lit(float("nan")))
    )
    tiktok = bad.filter(pl.col("channel") == "tiktok").select(nan=pl.col("amount").is_nan()).to_series()
    found = learnt.built_as(bad)
    assert told(found) == (False, ["amount"])
    assert cast("Any", found.metadata["rows_without_a_finite_number"]).data == {
        "amount": {"NaN": tiktok.sum(), "infinite": (~tiktok).sum()}
    }
    assert (found.description or "").split(", ")[0].endswith(" % infinite")
    explanation = cast("Any", found.metadata[ATTRIBUTION_METADATA]).data
    assert explanation["slices"][0]["conditions"] == {"channel": "tiktok"}


def test_of_nulls_that_are_spread_evenly_it_is_said_that_no_slice_explains_them(learnt: Table) -> None:
    found = learnt.built_as(orders(seed=3).with_columns(amount=_every(12, "amount")))
    assert told(found) == (False, ["amount"])
    explanation = cast("Any", found.metadata[ATTRIBUTION_METADATA]).data
    assert explanation["slices"] == []
    assert explanation["sentence"].startswith("no single slice explains it (looked at channel, note; not at ")


def _every(rows: int, column: str) -> pl.Expr:
    return pl.when(pl.int_range(pl.len()) % rows == 0).then(None).otherwise(pl.col(column))


def test_of_several_bad_columns_the_worst_is_told_and_the_others_counted(learnt: Table) -> None:
    none = pl.lit(None, dtype=pl.String)
    found = learnt.built_as(orders(seed=3).with_columns(note=none, channel=none, amount=-pl.col("amount")))
    assert found.description is not None
    assert found.description.endswith("; and 2 more columns")
    assert set(cast("list[str]", told(found)[1])) == {"note", "channel", "amount"}
    assert "| channel | null_rate | 1 | " in str(found.metadata["out_of_the_ordinary"].value)


def test_a_column_that_becomes_all_null_is_told_though_bounds_are_still_learnt(
    instance: dg.DagsterInstance,
) -> None:
    table = Table(instance)
    table.was_like(table.built_as(orders()), days=3)
    found = table.built_as(orders().with_columns(amount=pl.lit(None, dtype=pl.Float64)))
    assert told(found) == (False, ["amount"])
    assert found.description == "amount: 100 % null, at most 0 % before"


def test_a_column_that_is_gone_is_told_until_it_is_accepted(learnt: Table, instance: dg.DagsterInstance) -> None:
    found = learnt.built_as(orders().drop("note"))
    assert told(found) == (False, ["note"])
    assert found.description == "note: the column is gone"
    assert not learnt.built_as(orders().drop("note")).passed
    answer = Feedback(
        check="field_health", lesson=Lesson.EXPECTED, since=START, until=START + dt.timedelta(hours=1)
    )
    document = dg.MetadataValue.json(document_of(answer))
    instance.report_runless_asset_event(dg.AssetObservation("orders", metadata={FEEDBACK_METADATA: document}))
    assert learnt.built_as(orders().drop("note")).passed


def test_a_column_that_goes_while_the_table_is_read_is_told_too(instance: dg.DagsterInstance) -> None:
    with duckdb.connect() as connection:
        frame = orders()
        connection.register("frame", frame.to_arrow())
        connection.execute("CREATE TABLE orders AS SELECT * FROM frame")

        def where(table: Any) -> Any:
            if self_destructs:
                self_destructs.pop()
                connection.execute("ALTER TABLE orders DROP COLUMN note")
            return table.id >= 0

        self_destructs: list[bool] = []
        table = Table(instance, where=where)
        assert table.built_as(connection).passed
        self_destructs.append(True)
        found = table.built_as(connection)
        assert (found.passed, found.description) == (False, "note: the column is gone")


@pytest.mark.parametrize(
    ("change", "column", "says"),
    [
        (lambda f: f.with_columns(amount=pl.col("amount") * 3), "amount", "amount: "),
        (lambda f: f.with_columns(amount=pl.lit(float("nan"))), "amount", "amount: 100 % NaN"),
        (
            lambda f: f.with_columns(
                channel=pl.when(pl.col("id") % 3 == 0).then(pl.lit("telex")).otherwise("channel")
            ),
            "channel",
            "channel: 33.3 % of its rows with values it had not before, usually 0–",
        ),
    ],
)
def test_values_that_are_distributed_otherwise_are_told(
    learnt: Table, change: Callable[[pl.DataFrame], pl.DataFrame], column: str, says: str
) -> None:
    found = learnt.built_as(change(orders(seed=4)))
    assert told(found) == (False, [column])
    assert found.description is not None
    assert found.description.startswith(says)


@pytest.mark.parametrize(
    ("new", "says"),
    [
        (dict.fromkeys(range(1000), "fax"), "; new category fax (1,000 rows)"),
        (
            {n: f"c{min(n, 10)}" for n in range(20)},
            "; new categories c10 (10 rows), c0 (1 row), c1 (1 row), c2 (1 row), c3 (1 row) and 6 more",
        ),
    ],
)
def test_new_categories_are_named_with_their_rows(learnt: Table, new: dict[int, str], says: str) -> None:
    frame = orders(seed=4).with_columns(
        channel=pl.col("id").replace_strict(new, default=pl.col("channel"), return_dtype=pl.String)
    )
    found = learnt.built_as(frame)
    assert told(found) == (False, ["channel"])
    assert (found.description or "").endswith(says)


def test_drift_alone_is_told_where_the_mean_stays(instance: dg.DagsterInstance) -> None:
    """All amounts at the mean: no rate, no mean and no count of distinct values moves."""
    table = Table(instance, metrics=["psi", "js"])
    first = table.built_as(orders())
    assert first.passed
    table.was_like(table.built_as(orders(seed=2)), days=12, jitter=0.2)
    frame = orders(seed=3)
    mean = float(cast("float", frame["amount"].mean()))
    found = table.built_as(frame.with_columns(amount=mean + (pl.col("amount") - mean) / 1000))
    assert told(found) == (False, ["amount"])
    assert found.description is not None
    assert "amount: its values are distributed otherwise than in the last good build (PSI " in found.description


def test_of_personal_data_nothing_leaves_but_rates_and_counts(learnt: Table) -> None:
    bad = orders(seed=5).with_columns(
        email=pl.when(pl.col("channel") == "tiktok").then(pl.lit("bob@acme.test")).otherwise(None)
    )
    found = learnt.built_as(bad)
    assert told(found)[0] is False
    everything = json.dumps({name: str(value) for name, value in found.metadata.items()}) + str(found.description)
    assert "email: " in everything
    assert "@acme.test" not in everything
    profile = cast("Any", found.metadata[PROFILE_METADATA]).data
    assert profile["columns"]["email"] is None
    measured = cast("Any", found.metadata[METRICS_METADATA]).data["points"]
    assert {p["metric"] for p in measured if p["column"] == "email"} == {
        "null_rate", "blank_rate", "distinct_count", "unique_rate",
    }  # fmt: skip


AWKWARD = {
    "an empty table": orders(0),
    "one row": orders(1),
    "all null": pl.DataFrame({"a": [None] * 4, "b": pl.Series([None] * 4, dtype=pl.Float64)}),
    "NaN and infinities": pl.DataFrame({"a": [float("nan"), float("inf"), -float("inf"), None, 1e308, -1e308]}),
    "names with quotes": pl.DataFrame({'a "b" c': [1, 2], "it's; --": ["x", None], "by": [1, 2], "": [1.5, 2]}),
}


@pytest.mark.parametrize("frame", AWKWARD.values(), ids=AWKWARD)
def test_awkward_tables_are_answered_twice(instance: dg.DagsterInstance, frame: pl.DataFrame) -> None:
    """Twice: the second evaluation compares with the first."""
    table = Table(instance)
    assert table.built_as(frame).passed
    assert table.built_as(frame).passed


def test_an_empty_table_says_so(instance: dg.DagsterInstance) -> None:
    assert Table(instance).built_as(orders(0)).description == "no rows, so no field to look at"


def test_a_table_that_has_become_empty_is_left_to_volume_and_nothing_is_learnt_of_it(learnt: Table) -> None:
    for frame in (orders(0), orders(0).drop("amount")):
        found = learnt.built_as(frame)
        assert (found.passed, found.description) == (True, "no rows, so no field to look at")
        points = cast("Any", found.metadata[METRICS_METADATA]).data["points"]
        assert [point["metric"] for point in points] == ["column_count"]
    assert learnt.built_as(orders(seed=2)).passed
    assert told(learnt.built_as(orders(seed=2).drop("amount"))) == (False, ["amount"])


def test_only_the_columns_that_are_asked_for_are_looked_at(instance: dg.DagsterInstance) -> None:
    found = Table(instance, columns=lambda target: ["id"] if target.name == "orders" else None).built_as(orders())
    assert found.description == "learning, 0 of 8: 1 column, 3,000 rows"


def test_a_sample_is_said(instance: dg.DagsterInstance) -> None:
    found = Table(instance, sample=500).built_as(orders())
    assert found.description == "learning, 0 of 8: 5 columns, 500 rows (in a random sample of 500 rows)"


def test_what_cannot_be_read_leaves_no_evaluation(instance: dg.DagsterInstance) -> None:
    checks = build_field_health_checks(["orders"], source="postgres://nobody@localhost:1/none")
    job = dg.Definitions(
        assets=[dg.AssetSpec("orders")],
        asset_checks=checks,
        jobs=[dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())],
    ).resolve_job_def("checks")
    result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    assert result.get_asset_check_evaluations() == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"metrics": ["nulls"]}, "no metric nulls: there are blank_rate, "),
        ({"metrics": "null_rate"}, "metrics are a list"),
        ({"colums": ["a"]}, "no option colums"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DetectorError, match=says):
        build_field_health_checks(["orders"], **options)


# ---- many series at once


@pytest.mark.parametrize(("series", "bar"), [(0, 1.0), (1, 1.0), (100, 2.0), (1000, 2.5), (7000, 2.92)])
def test_the_bar_rises_by_one_with_each_hundredfold_of_series(series: int, bar: float) -> None:
    assert bar_of(series) == pytest.approx(bar, abs=0.01)


def test_a_thousand_columns_raise_hardly_more_false_alarms_than_one_and_a_burst_is_seen_all_the_same() -> None:
    random = np.random.default_rng(11)
    days, width = 40, 1000
    rates = np.clip(0.2 + 0.01 * random.standard_t(4, (days + 1, width)), 0, 1)
    rates[-1, 0] = 0.6
    measurements = [
        Measurement(
            at=START + dt.timedelta(days=day),
            evaluated_at=START + dt.timedelta(days=day),
            points=tuple(Measured(metric="null_rate", column=f"c{n}", value=rates[day, n]) for n in range(width)),
        )
        for day in range(days)
    ]
    by_name = {
        ("null_rate", f"c{n}"): [
            Measurement(at=m.at, evaluated_at=m.evaluated_at, points=(m.points[n],)) for m in measurements
        ]
        for n in range(width)
    }
    profile = TableProfile(
        rows=10_000,
        columns={
            f"c{n}": ColumnProfile(name=f"c{n}", kind=Kind.TEXT, metrics={Metric.NULL_RATE: rates[-1, n]})
            for n in range(width)
        },
    )
    past = Past(memory=Memory(measurements=[], feedback=[], options=LearntOptions()), series=by_name, good=None)
    scope = Scope(
        context=cast("dg.AssetCheckExecutionContext", None), target=Target(key=dg.AssetKey("wide")),
        check="field_health", partition=None, window=None, built=None, now=START + dt.timedelta(days=days), pii=(),
    )  # fmt: skip
    verdicts = verdicts_on(profile, scope, past, metrics=[Metric.NULL_RATE])
    assert [verdict.measured.column for verdict in verdicts if verdict.measured.is_out] == ["c0"]
    alone = [verdict.judgement for verdict in verdicts if verdict.judgement and verdict.judgement.anomalous]
    assert len(alone) > 1, "each for itself would have raised false alarms, or this test shows nothing"
