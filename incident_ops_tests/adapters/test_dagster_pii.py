"""No value of a tagged column in an alert (law 8, acceptance 10): real runs on a real instance."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from incident_ops.adapters.dagster_events import DagsterEvents
from incident_ops.adapters.dagster_pii import PiiColumns, values_in
from incident_ops.core.alert import Alert
from incident_ops.core.pii import ANY_COLUMN

ADDRESS, PHONE, NAME = "anna.secret@example.com", 4917012345678, "Anna Secret"
USERS = dg.AssetKey(["crm", "users"])
SCHEMA = dg.TableSchema(
    columns=[
        dg.TableColumn("id", "int"),
        dg.TableColumn("email", "string", tags={"pii": ""}),
        dg.TableColumn("phone", "int", tags={"pii": "true"}),
        dg.TableColumn("full_name", "string", tags={"pii": ""}),
        dg.TableColumn("country", "string", tags={"pii": "false"}),
    ]
)
TAGGED = frozenset({"email", "phone", "full_name"})
UNIQUE = (
    f'duplicate key value violates unique constraint "u" DETAIL: Key (email)=({ADDRESS}) already exists. '
    f"Row: phone {PHONE}"
)


class _Config(dg.Config):
    breaks: bool = False


@dg.asset(key=USERS)
def users(config: _Config) -> dg.MaterializeResult:
    if config.breaks:
        raise ValueError(UNIQUE)
    return dg.MaterializeResult(metadata={"dagster/column_schema": SCHEMA})


@dg.asset(deps=[USERS])
def mails(config: _Config) -> None:
    if config.breaks:
        raise ValueError(UNIQUE)


@dg.asset_check(asset=USERS)
def contacts() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False,
        description=f"email={ADDRESS}, phone {PHONE}; also seen: {NAME}, {PHONE:,} ({NAME.upper()})",
        metadata={
            "phone": PHONE,
            "phone_max": PHONE,
            "worst": PHONE,
            "email_nulls": 12,
            "rows": dg.TableMetadataValue(
                records=[dg.TableRecord({"email": ADDRESS, "phone": PHONE, "full_name": NAME})],
                schema=dg.TableSchema(
                    columns=[dg.TableColumn("email"), dg.TableColumn("phone", "int"), dg.TableColumn("full_name")]
                ),
            ),
        },
    )


@dg.asset_check(asset=USERS)
def crashing() -> dg.AssetCheckResult:
    raise ValueError(UNIQUE)


DEFS = dg.Definitions(assets=[users, mails], asset_checks=[contacts])
CRASHING = dg.Definitions(assets=[users], asset_checks=[crashing])


def run(instance: dg.DagsterInstance, defs: dg.Definitions, *breaking: str) -> None:
    ops = {name: {"config": {"breaks": True}} for name in breaking}
    defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, raise_on_error=False, run_config={"ops": ops}
    )


def alerts(instance: dg.DagsterInstance, upstream: Mapping[str, tuple[str, ...]] | None = None) -> list[Alert]:
    events = DagsterEvents(instance, lineage=lambda: lambda key: (upstream or {}).get(key, ()))
    now = datetime.now(tz=UTC)
    page = events.read(None, now=now, limit=1000)
    found = [o for o in (*page.observations, *events.recent_evaluations(now=now)) if isinstance(o, Alert)]
    assert found
    return found


def assert_nobody_is_told_of(found: list[Alert]) -> None:
    told = repr(found)
    for value in (ADDRESS, "anna", "Anna", str(PHONE), f"{PHONE:,}", NAME, NAME.upper()):
        assert value not in told


def test_a_failing_check_tells_no_value_and_keeps_its_counts(instance: dg.DagsterInstance) -> None:
    run(instance, DEFS)
    found = alerts(instance)
    assert_nobody_is_told_of(found)
    assert {a.check for a in found} == {"contacts"}
    assert found[0].evidence.summary.startswith("email=[masked], phone [masked]; also seen: [masked], [masked]")
    assert found[0].evidence.facts == {"email_nulls": "12"}


def test_an_error_text_tells_no_value_and_still_says_what_happened(instance: dg.DagsterInstance) -> None:
    run(instance, DEFS)
    run(instance, DEFS, "crm__users")
    found = [a for a in alerts(instance) if a.check is None]
    assert_nobody_is_told_of(found)
    assert any("Key (email)=([masked]) already exists" in a.evidence.summary for a in found)
    assert any("Key (email)=([masked]) already exists" in a.evidence.detail for a in found)
    assert all(a.evidence.error_signature for a in found), "masked or not, it is the same error"


def test_a_check_that_raises_tells_no_value(instance: dg.DagsterInstance) -> None:
    run(instance, CRASHING)
    assert_nobody_is_told_of(alerts(instance))


def test_an_asset_built_from_tagged_columns_tells_no_value_either(instance: dg.DagsterInstance) -> None:
    """The tags are on the input, and the error is of the asset that reads it."""
    run(instance, DEFS)
    run(instance, DEFS, "mails")
    found = [a for a in alerts(instance, {"mails": ("crm/users",)}) if a.check is None]
    assert {str(a.asset) for a in found} == {"mails"}
    assert_nobody_is_told_of(found)


def test_without_tagged_columns_texts_stay_as_they_are(instance: dg.DagsterInstance) -> None:
    instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("free"),
            check_name="c",
            passed=False,
            description="email=bob@x.com",
            metadata={"email": dg.MetadataValue.int(3)},
        )
    )
    [evidence] = {a.event_id: a.evidence for a in alerts(instance)}.values()
    assert (evidence.summary, evidence.facts) == ("email=bob@x.com", {"email": "3"})


# ---- which columns


def built(instance: dg.DagsterInstance, schema: dg.TableSchema | None) -> None:
    metadata = {"dagster/column_schema": schema} if schema else {}
    instance.report_runless_asset_event(dg.AssetMaterialization(USERS, metadata=metadata))


def test_the_columns_are_those_of_the_newest_schema(instance: dg.DagsterInstance) -> None:
    assert PiiColumns(instance).of(USERS) == frozenset()
    assert PiiColumns(instance, declared=lambda key: (f"name of {key}",)).of(USERS) == {"name of crm/users"}
    built(instance, SCHEMA)
    assert PiiColumns(instance).of(USERS) == TAGGED
    built(instance, None)
    assert PiiColumns(instance).of(USERS) == TAGGED, "a materialization without a schema says nothing"
    built(instance, dg.TableSchema(columns=[dg.TableColumn("email")]))
    assert PiiColumns(instance).of(USERS) == frozenset()


def test_an_asset_is_asked_for_once(instance: dg.DagsterInstance) -> None:
    """A page may hold 300 alerts of one asset."""
    built(instance, SCHEMA)
    columns = PiiColumns(instance)
    before = columns.of(USERS)
    built(instance, dg.TableSchema(columns=[]))
    assert columns.of(USERS) is before
    assert columns.of_all(["crm/users", "other"]) == TAGGED


class _Undecodable:
    def fetch_materializations(self, *_: Any, **__: Any) -> Any:
        raise LookupError("no such class")


def test_what_cannot_be_decoded_masks_everything_and_stops_nothing() -> None:
    instance: Any = _Undecodable()
    assert PiiColumns(instance, unreadable=(LookupError,)).of(USERS) == {ANY_COLUMN}


# ---- which values


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"rows": dg.MetadataValue.json([{"EMAIL": "a@x", "id": 1}, {"email": None}])}, {"a@x"}),
        ({"row": dg.MetadataValue.json({"email": ["a@x", "b@x"], "id": 7})}, {"a@x", "b@x"}),
        ({"deep": dg.MetadataValue.json({"r": [{"user": {"phone": 12, "id": 1}}]})}, {"12"}),
        ({"phone": dg.MetadataValue.int(12), "id": dg.MetadataValue.int(3)}, {"12"}),
        ({"email": dg.MetadataValue.text("a@x"), "note": dg.MetadataValue.text("b")}, {"a@x"}),
        ({"phone": dg.MetadataValue.bool(True)}, set[str]()),
    ],
)
def test_values_are_found_where_a_check_puts_them(
    metadata: dict[str, dg.MetadataValue], expected: set[str]
) -> None:
    assert values_in(metadata, {"email", "phone"}) == expected
    assert values_in(metadata, ()) == frozenset()
