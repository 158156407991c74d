"""What an evaluation says for machines, read from real events: metrics of every one, masked, and never a fact."""

from typing import Any

import dagster as dg
import pytest

from incident_ops.adapters.dagster_events import DagsterEvents
from incident_ops.core.alert import Alert, Nature
from incident_ops.core.declared import Declared
from incident_ops.core.metrics import METRICS_METADATA, CheckMeasurement, Measured, Measurement, document_of
from incident_ops.engine.ports import Page
from incident_ops_tests.adapters.event_log import now
from incident_ops_tests.builders import minutes

ROWS = Measured(metric="row_count", value=30, low=900, high=1_100, score=0.98)
MEASURED = Measurement(at=minutes(0), evaluated_at=minutes(1), points=(ROWS,))


def document(*points: Measured) -> dict[str, Any]:
    return document_of(Measurement(at=minutes(0), evaluated_at=minutes(1), points=points or (ROWS,)))


def reported(instance: dg.DagsterInstance, *, passed: bool = False, **metadata: Any) -> Page:
    """What the tail makes of one evaluation with this metadata, each name of it ours."""
    named = {f"incident_ops/{name}": value for name, value in metadata.items()}
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(["shop", "orders"]),
            check_name="volume",
            passed=passed,
            description="30 rows",
            metadata={"rows": 30, **named},
        )
    )
    return DagsterEvents(instance).read(None, now=now(), limit=100)


def alert_in(page: Page) -> Alert:
    [alert] = page.observations
    assert isinstance(alert, Alert)
    return alert


@pytest.mark.parametrize("passed", [True, False])
def test_what_was_measured_is_a_fact_of_the_history_whatever_the_verdict(
    instance: dg.DagsterInstance, passed: bool
):
    page = reported(instance, passed=passed, metrics=dg.MetadataValue.json(document()))
    [found] = page.facts.measurements
    assert found == CheckMeasurement(
        event_id=page.observations[0].event_id, asset="shop/orders", check="volume", measurement=MEASURED
    )


def test_an_alert_has_what_was_measured_and_what_the_check_says_of_itself(instance: dg.DagsterInstance):
    alert = alert_in(
        reported(
            instance,
            metrics=dg.MetadataValue.json(document()),
            nature="volume",
            owner="team:orders",
            tier="bronze",
            runbook=dg.MetadataValue.url("https://wiki.acme.test/orders"),
            columns=dg.MetadataValue.json(["amount"]),
        )
    )
    assert (alert.nature, alert.measurement) == (Nature.VOLUME, MEASURED)
    assert alert.declared == Declared(
        owner="team:orders", tier="bronze", runbook="https://wiki.acme.test/orders", columns=("amount",)
    )


def test_what_is_written_for_machines_is_no_fact_for_people(instance: dg.DagsterInstance):
    json = dg.MetadataValue.json
    alert = alert_in(
        reported(instance, metrics=json(document()), failing_rows=json({"a": 1}), feedback=json({}), profile=7)
    )
    assert alert.evidence.facts == {"rows": "30"}


@pytest.mark.parametrize(
    "broken",
    [
        dg.MetadataValue.text("30 rows"),
        dg.MetadataValue.json([]),
        dg.MetadataValue.json({"version": 2}),
        dg.MetadataValue.json({**document(), "points": [7]}),
        dg.MetadataValue.json({**document(), "points": [[]]}),
        dg.MetadataValue.json({**document(), "points": [{"metric": "x", "value": "many"}]}),
        dg.MetadataValue.json({**document(), "at": "2026-11-20T09:00:00"}),
        dg.MetadataValue.json({**document(), "at": "0001-01-01T00:00:00+14:00"}),
        dg.MetadataValue.json({**document(), "partition": ["a"]}),
    ],
)
def test_a_document_that_cannot_be_read_costs_the_metrics_and_not_the_alert(
    instance: dg.DagsterInstance, broken: dg.MetadataValue
):
    page = reported(instance, metrics=broken, columns=broken, owner=broken, tier=broken, runbook=broken)
    alert = alert_in(page)
    assert (alert.measurement, alert.evidence.summary, page.facts.measurements) == (None, "30 rows", ())


def test_values_of_a_column_of_personal_data_are_not_kept(instance: dg.DagsterInstance):
    """The detector that measured it was not told; the asset's schema says so."""
    schema = dg.TableSchema([dg.TableColumn("salary", "int", tags={"pii": ""}), dg.TableColumn("age", "int")])
    instance.report_runless_asset_event(
        dg.AssetMaterialization(["shop", "orders"], metadata={"dagster/column_schema": schema})
    )
    kept = (
        Measured(metric="null_rate", column="Salary", value=0.25),
        Measured(metric="js", column="Salary", value=0.5),
        Measured(metric="max", column="age", value=99),
        ROWS,
    )
    told = [
        Measured(metric=metric, column="Salary", value=123_456)
        for metric in ("max", "p95", "duration", "top_count")
    ]
    for passed in (True, False):
        page = reported(instance, passed=passed, metrics=dg.MetadataValue.json(document(*told, *kept)))
        assert page.facts.measurements[-1].measurement.points == kept
    alert = page.observations[-1]
    assert isinstance(alert, Alert)
    assert alert.measurement is not None
    assert alert.measurement.points == kept


def test_columns_are_asked_for_personal_data_only_where_there_is_something_to_hide(instance: dg.DagsterInstance):
    """A passing check on a hundred thousand tables costs no query each."""
    asked: list[str] = []

    def declared(key: str) -> tuple[str, ...]:
        asked.append(key)
        return ()

    safe = document(ROWS, Measured(metric="null_rate", column="salary", value=0.0))
    unsafe = document(ROWS, Measured(metric="mean", column="salary", value=7.0))
    for points, times in ((safe, 0), (unsafe, 1)):
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey("x"),
                check_name="health",
                passed=True,
                metadata={METRICS_METADATA: dg.MetadataValue.json(points)},
            )
        )
        DagsterEvents(instance, declared_pii=declared).read(None, now=now(), limit=100)
        assert len(asked) == times
