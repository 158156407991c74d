"""Incidents shown on a real instance: what a person finds in the UI, and what repeats it must not make."""

from dataclasses import replace

import dagster as dg
import pytest

from incident_ops.adapters.dagster_board import DagsterBoard, board_of, materialization_of
from incident_ops.adapters.dagster_events import DagsterEvents
from incident_ops.core.feedback import FEEDBACK_METADATA, Feedback, Lesson, Taught, feedback_in
from incident_ops.core.incident import Incident
from incident_ops.core.provenance import RecordKind
from incident_ops.core.severity import Severity
from incident_ops.core.status import Resolution
from incident_ops.detectors.history import EventLog
from incident_ops_tests.builders import T0, make_alert, make_incident, minutes

UI = "http://dagster.example.com"


def shown(instance: dg.DagsterInstance, key: str = "incidents", partition: str | None = None) -> list:
    """Materializations of an asset, oldest first."""
    records_filter = dg.AssetRecordsFilter(dg.AssetKey(key), asset_partitions=[partition] if partition else None)
    records = instance.fetch_materializations(records_filter, limit=1000, ascending=True).records
    return [record.asset_materialization for record in records]


def remarks(instance: dg.DagsterInstance, *path: str) -> list[dg.AssetObservation]:
    """Observations of an asset, oldest first."""
    records = instance.fetch_observations(dg.AssetKey(path), limit=1000, ascending=True).records
    return [r.event_log_entry.asset_observation for r in records if r.event_log_entry.asset_observation]


def an_incident(number: int = 1, **anything) -> Incident:
    alert = make_alert(
        "shop/orders",
        run_id="0a1b2c3d",
        partition="2026-11-19",
        began_at=minutes(-30),
        summary="12 rows | no price",
    )
    return make_incident(number, alert, **anything)


class TestShow:
    def test_a_new_incident_gets_a_partition_a_materialization_and_an_observation_without_any_run(self, instance):
        DagsterBoard(instance, UI).show([an_incident()])
        assert instance.get_dynamic_partitions("incidents") == ["INC-1"]
        assert [m.partition for m in shown(instance)] == ["INC-1"]
        (remark,) = remarks(instance, "shop", "orders")
        assert remark.partition == "2026-11-19"
        assert remark.metadata["incident"].value == f"{UI}/assets/incidents?view=partitions&partition=INC-1"
        assert remark.metadata["incident status"].value == "triggered"
        assert instance.get_runs() == []

    def test_the_materialization_says_what_a_person_wants_to_know(self, instance):
        incident = an_incident(detail="ValueError: ```no``` price", facts={"rows": "12"}, not_run=("x (not run)",))
        incident = incident.acknowledged(by="ana", at=minutes(3)).resolved(at=minutes(9), reason=Resolution.FIXED)
        DagsterBoard(instance, UI).show([incident])
        (event,) = shown(instance, partition="INC-1")
        metadata = event.metadata
        assert metadata["status"].value == "resolved as fixed"
        assert metadata["severity"].value.startswith("SEV2: the detector's severity is ERROR; ")
        assert metadata["owner"].value == "team:fin"
        assert metadata["failures"].value == 1
        assert metadata["failing asset"] == dg.MetadataValue.asset(dg.AssetKey(["shop", "orders"]))
        assert metadata["check"].value == f"{UI}/assets/shop/orders?view=checks&checkDetail=not_null"
        assert metadata["run"].value == f"{UI}/runs/0a1b2c3d"
        assert metadata["bad data since"] == dg.MetadataValue.timestamp(minutes(-30))
        assert metadata["resolved"] == dg.MetadataValue.timestamp(minutes(9))
        assert "12 rows \\| no price" in metadata["what failed"].value
        assert "````text\nValueError: ```no``` price\n````" in metadata["what failed"].value
        assert not [label for label, value in metadata.items() if isinstance(value, dg.FloatMetadataValue)]
        assert event.tags == {
            "incident_ops/status": "resolved", "incident_ops/severity": "SEV2", "incident_ops/number": "1",
        }  # fmt: skip

    def test_a_storm_of_alerts_leaves_one_observation_on_the_failing_asset(self, instance):
        board, incident = DagsterBoard(instance, UI), an_incident()
        for count in range(1, 6):
            board.show([replace(incident, alert_count=count)])
        assert len(shown(instance, partition="INC-1")) == 5
        assert len(remarks(instance, "shop", "orders")) == 1

    def test_each_change_of_status_is_told_on_the_failing_asset_once(self, instance):
        board, incident = DagsterBoard(instance, UI), an_incident()
        resolved = incident.resolved(at=minutes(5))
        reopened = resolved.reopen(why="fails again", at=minutes(6))
        for state in (incident, resolved, resolved, reopened, reopened):
            board.show([state])
        statuses = [remark.metadata["incident status"].value for remark in remarks(instance, "shop", "orders")]
        assert statuses == ["triggered", "resolved", "triggered"]

    def test_an_incident_whose_first_revision_was_never_shown_is_still_told(self, instance):
        DagsterBoard(instance, UI).show([an_incident(revision=4, alert_count=30)])
        assert len(remarks(instance, "shop", "orders")) == 1

    def test_a_kill_between_partition_and_materialization_does_not_lose_the_observation(self, instance):
        instance.add_dynamic_partitions("incidents", ["INC-1"])
        DagsterBoard(instance, UI).show([an_incident()])
        assert len(remarks(instance, "shop", "orders")) == 1

    def test_two_states_of_one_incident_in_one_call_are_shown_in_order(self, instance):
        incident = an_incident()
        DagsterBoard(instance, UI).show([incident, incident.resolved(at=minutes(5))])
        assert [m.metadata["status"].value for m in shown(instance)] == ["triggered", "resolved"]
        assert len(remarks(instance, "shop", "orders")) == 2

    def test_every_failing_asset_of_an_incident_is_told(self, instance):
        incident = an_incident()
        for asset in ("shop/a", "shop/b"):
            other = make_incident(2, make_alert(asset, kind="run_failed")).members[0]
            incident = replace(incident, members=(*incident.members, other))
        DagsterBoard(instance, UI).show([incident])
        assert len(remarks(instance, "shop", "a")) == len(remarks(instance, "shop", "b")) == 1

    def test_an_incident_without_an_asset_is_shown_too(self, instance):
        DagsterBoard(instance, UI).show([make_incident(1, make_alert(None, name="nightly", kind="run_failed"))])
        (event,) = shown(instance)
        assert "failing asset" not in event.metadata
        assert "check" not in event.metadata

    def test_nothing_to_show_writes_nothing(self, instance):
        DagsterBoard(instance, UI, open_incidents=lambda: []).show([])
        assert shown(instance, "incident_board") == []

    def test_texts_of_any_length_and_content_are_shown_and_never_refused(self, instance):
        nasty = "![x](http://evil.example.com/p.png) <img src=x> @channel *b* \n# h\n" * 2000
        incident = an_incident(summary=nasty, detail=nasty, title=nasty, owner=nasty, facts={nasty: nasty})
        DagsterBoard(instance, UI, open_incidents=lambda: [incident]).show([incident])
        story = shown(instance)[0].metadata["what failed"].value
        assert len(story) < 20_000
        before_code = story.split("```text")[0]
        assert "\\!\\[x\\](http" in before_code
        assert "](" not in before_code.replace("\\](", "")
        assert "<img" not in before_code.replace("\\<img", "")

    @pytest.mark.filterwarnings("ignore::dagster.BetaWarning")  # observable_source_asset is one
    @pytest.mark.filterwarnings("ignore:Property `OpDefinition.version`:DeprecationWarning")  # Dagster's own use
    def test_an_observable_assets_data_version_survives_our_remark(self, instance):
        # without it Dagster takes the remark for new data, and automation rebuilds what is downstream
        key = dg.AssetKey(["shop", "orders"])

        @dg.observable_source_asset(key=key)
        def orders() -> dg.DataVersion:
            return dg.DataVersion("v1")

        @dg.asset(deps=[orders], automation_condition=dg.AutomationCondition.any_deps_updated())
        def revenue() -> None: ...

        defs = dg.Definitions(assets=[orders, revenue])
        observed = dg.AssetObservation(key, tags={"dagster/data_version": "v1"})
        instance.report_runless_asset_event(observed)
        before = dg.evaluate_automation_conditions(defs=defs, instance=instance)
        DagsterBoard(instance, UI).show([make_incident(1, make_alert("shop/orders"))])
        after = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=before.cursor)
        assert after.total_requested == 0
        assert remarks(instance, "shop", "orders")[-1].tags == {"dagster/data_version": "v1"}


class TestTeach:
    LESSON = Taught(
        asset="shop/orders",
        feedback=Feedback(check="volume", lesson=Lesson.EXPECTED, since=T0, until=minutes(5)),
        incident=7,
    )

    def test_an_answer_is_an_observation_that_a_detector_of_any_code_location_finds(self, instance):
        assert DagsterBoard(instance, UI).teach(self.LESSON) is None
        (remark,) = remarks(instance, "shop", "orders")
        assert remark.description == "volume: what INC-7 tells of is the new level"
        assert feedback_in(remark.metadata[FEEDBACK_METADATA].value) == self.LESSON.feedback
        check = dg.AssetCheckKey(dg.AssetKey(["shop", "orders"]), "volume")
        assert list(EventLog(instance).feedback(check)) == [self.LESSON.feedback]

    def test_it_repeats_the_data_version_so_that_automation_takes_it_for_no_new_data(self, instance):
        version = {"dagster/data_version": "v7"}
        instance.report_runless_asset_event(dg.AssetObservation(["shop", "orders"], tags=version))
        DagsterBoard(instance, UI).teach(self.LESSON)
        assert remarks(instance, "shop", "orders")[-1].tags == version

    def test_the_tail_takes_it_for_a_remark_of_ours(self, instance):
        instance.report_runless_asset_event(
            dg.AssetObservation(["shop", "orders"], tags={"dagster/data_version": "v7"})
        )
        DagsterBoard(instance, UI).teach(self.LESSON)
        page = DagsterEvents(instance).read(None, now=minutes(9), limit=9)
        assert page.observations == ()
        kinds = [record.kind for record in page.facts.materializations]
        assert kinds == [RecordKind.OBSERVATION, RecordKind.REMARK]


class TestRetire:
    def test_a_retired_incident_leaves_the_list_and_the_others_stay(self, instance):
        board = DagsterBoard(instance, UI)
        old, young = an_incident(1), an_incident(2)
        board.show([old, young])
        board.retire([old])
        board.retire([old])
        assert instance.get_dynamic_partitions("incidents") == ["INC-2"]
        assert len(shown(instance, partition="INC-1")) == 1, "its history stays in the event log"


class TestBoard:
    def test_the_board_is_renewed_once_for_each_call_that_shows_something(self, instance):
        incidents = [an_incident(1), an_incident(2)]
        DagsterBoard(instance, UI, open_incidents=lambda: incidents).show(incidents)
        (event,) = shown(instance, "incident_board")
        assert event.metadata["open"].value == 2
        assert event.description == "2 open, the worst SEV2"

    def test_the_worst_comes_first_and_of_those_the_oldest(self):
        incidents = [
            an_incident(1, severity=Severity.SEV2, detected_at=T0),
            an_incident(2, severity=Severity.SEV0, detected_at=minutes(2)),
            an_incident(3, severity=Severity.SEV0, detected_at=minutes(1)),
        ]
        table = str(board_of(incidents, UI).metadata["incidents"].value)
        assert table.index("INC-3") < table.index("INC-2") < table.index("INC-1")

    def test_a_long_board_says_how_many_it_leaves_out(self):
        table = str(board_of([an_incident(n) for n in range(1, 1053)], UI).metadata["incidents"].value)
        assert table.count("view=partitions") == 50
        assert table.endswith("and 1,002 more")

    def test_an_empty_board_says_so(self):
        assert board_of([], UI).metadata["incidents"].value == "Nothing is open."

    def test_a_title_with_a_bar_does_not_break_the_table(self):
        row = str(board_of([an_incident(title="a|b\nc")], UI).metadata["incidents"].value).splitlines()[2]
        assert row.endswith("| a\\|b c |")


def test_every_status_and_severity_is_a_tag_that_dagster_accepts():
    for severity in Severity:
        materialization_of(an_incident(severity=severity), UI)
