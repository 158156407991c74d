"""What all factories share: assets and selections, options, partitions, and how a finding becomes a result."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import dagster as dg
import pytest

from incident_ops.core.alert import Nature
from incident_ops.core.feedback import FEEDBACK_METADATA, Feedback, Lesson
from incident_ops.core.feedback import document_of as feedback_document
from incident_ops.core.metrics import METRICS_METADATA, Measured, measurement_in
from incident_ops.detectors.factory import CheckOptions, DetectorError, Finding, build_checks, op_name
from incident_ops.detectors.history import EventLog
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Assets, UnknownAssets, targets_of

DAYS = dg.DailyPartitionsDefinition("2026-01-01")


@dg.asset(group_name="shop")
def orders() -> None:
    return None


@dg.asset(key_prefix="raw", partitions_def=DAYS, group_name="shop")
def clicks() -> None:
    return None


@dg.multi_asset(specs=[dg.AssetSpec("left"), dg.AssetSpec(["deep", "right"], group_name="shop")])
def pair():
    return None


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def checks_of(assets: Assets, finding: Finding | None = None, **options: Any) -> list[dg.AssetChecksDefinition]:
    def look(scope: Scope) -> Finding:
        seen = f"{scope.partition} {scope.at.isoformat()}"
        return finding or Finding(passed=True, summary=seen, metrics=[Measured(metric="row_count", value=7)])

    return build_checks(
        assets, look, nature=Nature.VOLUME, name="volume", description="d", options=cast("CheckOptions", options)
    )


def evaluated(result: dg.ExecuteInProcessResult) -> list[dg.AssetCheckEvaluation]:
    assert result.success
    return list(result.get_asset_check_evaluations())


@pytest.mark.parametrize(
    ("assets", "keys"),
    [
        (["orders", "raw/clicks"], ["orders", "raw/clicks"]),
        ([["raw", "clicks"]], ["raw/clicks"]),
        ([orders, clicks, orders], ["orders", "raw/clicks"]),
        ([pair], ["left", "deep/right"]),
        ([dg.AssetSpec("out")], ["out"]),
        (dg.AssetSelection.assets("orders"), ["orders"]),
    ],
)
def test_assets_are_named_in_every_way_dagster_names_them(assets: Assets, keys: list[str]) -> None:
    assert [target.name for target in targets_of(assets)] == keys


def test_a_source_asset_that_dagster_would_rather_not_see_is_an_asset_too() -> None:
    with pytest.warns(DeprecationWarning):
        feed = dg.SourceAsset("feed")
    assert [target.name for target in targets_of([feed])] == ["feed"]


def test_a_selection_chooses_among_definitions_and_from_a_multi_asset_only_what_it_means() -> None:
    found = targets_of(dg.AssetSelection.groups("shop"), among=[orders, pair, clicks])
    assert [target.name for target in found] == ["orders", "deep/right", "raw/clicks"]


@pytest.mark.parametrize(
    ("assets", "says"),
    [
        ([], "name at least one"),
        ("orders", "assets are a list"),
        (orders, "assets are a list"),
        (dg.AssetSelection.groups("shop"), "among="),
    ],
)
def test_assets_that_cannot_be_told_are_refused_with_the_remedy(assets: Any, says: str) -> None:
    with pytest.raises(UnknownAssets, match=says):
        targets_of(assets)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tier": "platinum"}, "gold, silver, bronze"),
        ({"owner": "fin"}, "team:fin"),
        ({"sevrity": 1}, "no option sevrity"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DetectorError, match=says):
        checks_of(["orders"], **options)


def test_every_asset_has_a_definition_of_its_own_with_an_op_of_its_own() -> None:
    found = checks_of(["a/b", "a_b", "a__b", "a/b__volume"])
    assert len({definition.op.name for definition in found}) == 4
    assert next(key.asset_key.path for definition in found for key in definition.check_keys) == ["a", "b"]


def test_names_of_ops_are_the_same_tomorrow() -> None:
    assert op_name("volume", dg.AssetKey(["a", "b"])) == "a__b__volume"
    assert op_name("volume", dg.AssetKey("a__b")) == "a__b__volume_5021a713"


def test_a_result_says_of_itself_what_other_code_locations_need(instance: dg.DagsterInstance) -> None:
    finding = Finding(passed=False, summary="3 rows", columns=["amount"], metadata={"rows": 3})
    checks = checks_of(
        [orders], finding, owner="team:fin", tier="gold", runbook="https://docs.acme.test/orders",
        severity=dg.AssetCheckSeverity.WARN,
    )  # fmt: skip
    (found,) = evaluated(dg.materialize([orders, *checks], instance=instance))
    assert (found.passed, found.severity, found.description) == (False, dg.AssetCheckSeverity.WARN, "3 rows")
    assert {name: value.value for name, value in found.metadata.items()} == {
        "rows": 3,
        "incident_ops/nature": "volume",
        "incident_ops/owner": "team:fin",
        "incident_ops/tier": "gold",
        "incident_ops/runbook": "https://docs.acme.test/orders",
        "incident_ops/columns": ["amount"],
    }


def test_a_check_of_a_partition_says_which_and_stands_for_its_day(instance: dg.DagsterInstance) -> None:
    checks = checks_of([clicks])
    (found,) = evaluated(dg.materialize([clicks, *checks], instance=instance, partition_key="2026-01-05"))
    assert (found.partition, found.description) == ("2026-01-05", "2026-01-05 2026-01-05T00:00:00+00:00")


def test_an_unpartitioned_check_runs_alone_and_looks_at_the_newest_day_not_the_last_built(
    instance: dg.DagsterInstance,
) -> None:
    checks = checks_of([clicks], by_partition=False)
    for key in ("2026-01-05", "2026-01-03"):
        dg.materialize([clicks], instance=instance, partition_key=key)
    job = dg.Definitions(
        assets=[clicks],
        asset_checks=checks,
        jobs=[dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())],
    ).resolve_job_def("checks")
    (found,) = evaluated(job.execute_in_process(instance=instance))
    assert found.description == "2026-01-05 2026-01-05T00:00:00+00:00"


def test_what_was_measured_is_remembered_oldest_first_and_by_check(instance: dg.DagsterInstance) -> None:
    checks, others = checks_of([orders]), checks_of([orders], name="another")
    for _ in range(2):
        dg.materialize([orders, *checks, *others], instance=instance)
    remembered = EventLog(instance).measurements(dg.AssetCheckKey(dg.AssetKey("orders"), "volume"))
    assert [m.points[0].value for m in remembered] == [7, 7]
    assert remembered[0].evaluated_at < remembered[1].evaluated_at


def test_a_document_that_cannot_be_read_blinds_nobody(instance: dg.DagsterInstance) -> None:
    key = dg.AssetCheckKey(dg.AssetKey("orders"), "volume")
    for document in ({"version": 99}, {"version": 1}):
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=key.asset_key,
                check_name="volume",
                passed=True,
                metadata={METRICS_METADATA: dg.MetadataValue.json(document)},
            )
        )
    instance.report_runless_asset_event(
        dg.AssetObservation("orders", metadata={FEEDBACK_METADATA: dg.MetadataValue.json({"version": 7})})
    )
    dg.materialize([orders, *checks_of([orders])], instance=instance)
    log = EventLog(instance)
    assert [m.points[0].value for m in log.measurements(key)] == [7]
    assert log.feedback(key) == []


def test_answers_are_found_on_the_asset_and_belong_to_one_check(instance: dg.DagsterInstance) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    answers = [
        Feedback(check=check, lesson=Lesson.EXPECTED, since=now, until=now + timedelta(hours=hours))
        for check, hours in (("volume", 1), ("schema", 2), ("volume", 3))
    ]
    for answer in answers:
        document = dg.MetadataValue.json(feedback_document(answer))
        instance.report_runless_asset_event(dg.AssetObservation("orders", metadata={FEEDBACK_METADATA: document}))
    key = dg.AssetCheckKey(dg.AssetKey("orders"), "volume")
    assert EventLog(instance).feedback(key) == [answers[0], answers[2]]


def test_a_clock_that_goes_ahead_does_not_date_a_point_into_the_future(instance: dg.DagsterInstance) -> None:
    early = datetime(2026, 1, 1, tzinfo=UTC)
    checks = checks_of([orders], clock=lambda: early)
    (found,) = evaluated(dg.materialize([orders, *checks], instance=instance))
    document = cast("dg.JsonMetadataValue", found.metadata[METRICS_METADATA]).data
    assert measurement_in(document).at == early


def test_a_look_that_raises_leaves_no_evaluation(instance: dg.DagsterInstance) -> None:
    def look(scope: Scope) -> Finding:
        raise ConnectionError("the warehouse is down")

    checks = build_checks([orders], look, nature=Nature.RULE, name="x", description="d", options={})
    result = dg.materialize([orders, *checks], instance=instance, raise_on_error=False)
    assert not result.success
    assert result.get_asset_check_evaluations() == []
