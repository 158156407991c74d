"""The marketplace run for real: green when healthy, red in the right place for each fault, green again."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg
import pytest

from incident_ops.core.attribution.record import ATTRIBUTION_METADATA
from incident_ops.marketplace import faults
from incident_ops.marketplace.churn import CHURN_KEY
from incident_ops.marketplace.faults import FAULTS
from incident_ops_tests.marketplace.shop import Outcome, Shop, files_in_package

# xdist: these tests share one refresh; `--dist loadfile` keeps them in one worker and does it once.
# A package that sqlglot (of dagster-dbt) imports when it finds it says so at every import.
pytestmark = pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated:DeprecationWarning")


@pytest.fixture(scope="module")
def first_refresh(shop: Shop) -> tuple[Outcome, frozenset[str]]:
    """What came of a refresh on a fresh home, and the files it left in the package beyond those it found."""
    before = files_in_package()
    return shop.run("refresh"), files_in_package() - before


@pytest.fixture(autouse=True)
def _no_fault_outlives_its_test(shop: Shop) -> Iterator[None]:
    yield
    faults.heal(home=shop.home)


def test_a_refresh_without_faults_is_green_from_source_to_dashboard(
    shop: Shop, first_refresh: tuple[Outcome, frozenset[str]]
) -> None:
    outcome, _ = first_refresh
    graph = shop.definitions.resolve_asset_graph()
    assert (outcome.failed_steps, outcome.failed_checks, outcome.success) == (frozenset(), {}, True)
    assert outcome.materialized == {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert outcome.passed_checks == {
        f"{key.asset_key.to_user_string()}: {key.name}" for key in graph.asset_check_keys
    }


def test_a_refresh_writes_nothing_into_the_package(first_refresh: tuple[Outcome, frozenset[str]]) -> None:
    """It may be installed where nobody may write."""
    assert first_refresh[1] == frozenset()


@pytest.mark.usefixtures("first_refresh")
@pytest.mark.parametrize(
    ("asset", "upstream"),
    [
        ("staging/stg_orders", {"raw/orders"}),
        ("marts/revenue_daily", {"marts/fct_orders"}),
        ("dashboards/cfo_revenue", {"marts/revenue_daily"}),
        ("dashboards/cmo_channels", {"marts/ad_performance"}),
        ("dashboards/service_sla", {"marts/support_sla"}),
        ("models/churn", {"marts/customer_ltv", "marts/fct_orders", "staging/stg_support_tickets"}),
    ],
)
def test_provenance_points_at_the_very_events_it_was_built_from(
    shop: Shop, asset: str, upstream: set[str]
) -> None:
    """Without pointers nobody could say which reader saw which figures."""
    assert shop.pointers(asset) == {name: shop.storage_id(name) for name in upstream}


@pytest.mark.usefixtures("first_refresh")
def test_dashboards_leave_an_extract_and_show_its_head(shop: Shop) -> None:
    event = shop.latest("dashboards/cfo_revenue").asset_materialization
    assert event is not None
    lines = (shop.home.dashboards / "cfo_revenue.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "day,revenue,orders" and lines[1].startswith("2026-11-14")
    assert event.metadata["dagster/row_count"].value == len(lines) - 1 == 30
    assert "| 2026-11-14 |" in str(event.metadata["preview"].value)


@pytest.mark.usefixtures("first_refresh")
@pytest.mark.parametrize(
    ("asset", "pii"),
    [
        ("raw/customers", {"name", "email"}),
        ("raw/support_tickets", {"customer_email"}),
        ("raw/orders", set()),
        ("staging/stg_customers", {"name", "email"}),
        ("marts/customer_ltv", {"email"}),
    ],
)
def test_materialized_tables_tell_their_rows_columns_and_personal_data(
    shop: Shop, asset: str, pii: set[str]
) -> None:
    event = shop.latest(asset).asset_materialization
    assert event is not None
    schema = event.metadata["dagster/column_schema"].value
    rows = event.metadata["dagster/row_count"].value
    assert isinstance(schema, dg.TableSchema) and isinstance(rows, int) and rows > 0
    assert {column.name for column in schema.columns if "pii" in column.tags} == pii


@pytest.mark.usefixtures("first_refresh")
def test_models_know_from_which_columns_theirs_come(shop: Shop) -> None:
    event = shop.latest("marts/ad_performance").asset_materialization
    assert event is not None
    lineage = event.metadata["dagster/column_lineage"].value
    assert isinstance(lineage, dg.TableColumnLineage)
    assert {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage.deps_by_column["revenue"]} == {
        ("marts/fct_orders", "amount")
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Which part of the marketplace is run with a fault, and what must come of it."""

    job: str = "refresh"
    assets: tuple[str, ...] = ()
    success: bool = True
    failed_steps: frozenset[str] = frozenset()
    failed_checks: dict[str, str] = field(default_factory=dict)
    built: frozenset[str] = frozenset()
    not_built: frozenset[str] = frozenset()
    healed_by: tuple[str, tuple[str, ...]] | None = None
    """Job and assets of the run after healing; the same as before when not given. Steps of dbt take seconds."""


STORIES = {
    # Green runs with bad data in them, up to the dashboard: what run-failure alerts never see.
    "null_prices": Story(
        job="refresh_finance",
        failed_checks={
            "raw/orders: amount_is_present": "ERROR",
            "raw/orders: field_health": "ERROR",
            "staging/stg_orders: not_null_stg_orders_amount": "WARN",
        },
        built=frozenset({"raw/orders", "marts/revenue_daily", "dashboards/cfo_revenue"}),
        healed_by=("refresh", ("raw/orders",)),
    ),
    "dropped_rows": Story(
        job="refresh_finance",
        failed_checks={
            "raw/orders: volume": "ERROR",
            "raw/payments: orders_exist": "WARN",
            "staging/stg_payments: relationships_stg_payments_order_id__order_id__ref_stg_orders_": "WARN",
            "marts/fct_orders: payments_match_orders": "ERROR",
        },
        built=frozenset({"raw/orders", "marts/revenue_daily", "dashboards/cfo_revenue"}),
        healed_by=("refresh", ("raw/orders",)),
    ),
    "stale_export": Story(
        assets=("raw/ad_spend",),
        failed_checks={"raw/ad_spend: reaches_reporting_day": "ERROR"},
        built=frozenset({"raw/ad_spend"}),
    ),
    # A blocking check: evaluation, failed step, failed run.
    "duplicated_orders": Story(
        assets=("raw/orders", "staging/stg_orders"),
        success=False,
        failed_steps=frozenset({"raw__orders__order_ids_are_unique"}),
        failed_checks={"raw/orders: order_ids_are_unique": "ERROR"},
        built=frozenset({"raw/orders"}),
        not_built=frozenset({"staging/stg_orders"}),
        healed_by=("refresh", ("raw/orders",)),
    ),
    # A source that fails: no evaluation at all.
    "broken_payments": Story(
        assets=("raw/payments", "staging/stg_payments"),
        success=False,
        failed_steps=frozenset({"raw__payments"}),
        not_built=frozenset({"raw/payments", "staging/stg_payments"}),
        healed_by=("refresh", ("raw/payments",)),
    ),
    # A dbt test of severity error: evaluation and failed step.
    "new_channel": Story(
        assets=("raw/ad_spend", "staging/stg_ad_spend", "marts/ad_performance"),
        success=False,
        failed_steps=frozenset({"dbt_marketing"}),
        failed_checks={
            "raw/ad_spend: channel_is_known": "ERROR",
            "staging/stg_ad_spend: accepted_values_stg_ad_spend_channel__google__meta__tiktok__email": "ERROR",
        },
        built=frozenset({"raw/ad_spend", "staging/stg_ad_spend"}),
        not_built=frozenset({"marts/ad_performance"}),
        healed_by=("refresh", ("raw/ad_spend",)),
    ),
    # A model that fails inside a step that builds others as well.
    "renamed_column": Story(
        job="refresh_marketing",
        success=False,
        failed_steps=frozenset({"dbt_marketing"}),
        failed_checks={"raw/ad_spend: schema": "ERROR"},
        built=frozenset({"raw/ad_spend", "staging/stg_customers", "marts/customer_ltv"}),
        not_built=frozenset({"staging/stg_ad_spend", "marts/ad_performance", "dashboards/cmo_channels"}),
        healed_by=("refresh", ("raw/ad_spend", "staging/stg_ad_spend")),
    ),
    # Nothing arrives: the run is green, nothing is built, only the freshness policy will notice.
    "late": Story(
        assets=("raw/support_tickets", "staging/stg_support_tickets"),
        not_built=frozenset({"raw/support_tickets", "staging/stg_support_tickets"}),
    ),
}


def test_every_fault_has_its_story() -> None:
    assert set(STORIES) == set(FAULTS)


@pytest.mark.usefixtures("first_refresh")
def test_an_hourly_tick_runs_every_check_and_builds_nothing(shop: Shop) -> None:
    """Before any fault: healing one rebuilds what it hit, and no more."""
    schedule = shop.definitions.resolve_schedule_def("checks_schedule")
    at = datetime(2026, 11, 15, 6, 42, tzinfo=UTC)
    with dg.instance_for_test() as on_disk:  # a schedule opens its instance by reference
        on_disk.report_runless_asset_event(dg.AssetMaterialization(CHURN_KEY))
        context = dg.build_schedule_context(instance=on_disk, scheduled_execution_time=at)
        [request] = schedule.evaluate_tick(context).run_requests or []
    every = shop.definitions.resolve_asset_graph().asset_check_keys
    assert set(request.asset_check_keys or ()) == every
    outcome = shop.run("checks")
    assert (outcome.success, outcome.materialized, outcome.failed_checks) == (True, frozenset(), {})
    assert len(outcome.passed_checks) == len(every)


@pytest.mark.usefixtures("first_refresh")
@pytest.mark.parametrize("name", STORIES)
def test_a_fault_is_seen_where_it_strikes_and_healing_makes_it_green_again(name: str, shop: Shop) -> None:
    story = STORIES[name]
    faults.inject(name, shop.home)
    struck = shop.run(story.job, story.assets)
    assert (struck.success, struck.failed_steps) == (story.success, story.failed_steps)
    assert struck.failed_checks == story.failed_checks
    assert story.built <= struck.materialized and not story.not_built & struck.materialized

    faults.heal(name, shop.home)
    healed = shop.run(*(story.healed_by or (story.job, story.assets)))
    assert (healed.success, healed.failed_steps, healed.failed_checks) == (True, frozenset(), {})
    if story.healed_by is None:
        assert story.built | story.not_built <= healed.materialized
    else:
        assert set(story.healed_by[1]) <= healed.materialized


@pytest.mark.usefixtures("first_refresh")
@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("raw/orders: volume", r"\d+ rows, usually \d+–\d+ on Saturdays"),
        ("raw/payments: volume", r"\d+ rows, usually \d+–\d+ on Saturdays"),
        ("raw/orders: field_health", r"3 columns as usual"),
        ("raw/orders: schema", r"9 columns, as the contract"),
        ("raw/orders: freshness", r"by its policy every 1 d 2 h"),
        ("models/churn: freshness", r"learning, \d+ of 7"),
        ("staging/stg_orders: reconciliation", r"raw/orders"),
    ],
)
def test_detectors_know_their_seasons_from_the_first_load_on(shop: Shop, check: str, says: str) -> None:
    """What is learnt from one build after the other would let the faults of the first month pass."""
    asset, name = check.split(": ")
    key = dg.AssetCheckKey(dg.AssetKey(asset.split("/")), name)
    history = shop.instance.event_log_storage.get_asset_check_execution_history(key, limit=50)
    first = history[-1].evaluation
    assert isinstance(first, dg.AssetCheckEvaluation)
    assert re.search(says, first.description or ""), first.description


@pytest.mark.usefixtures("first_refresh")
def test_missing_amounts_are_explained_by_the_channel_and_the_version_that_lost_them(shop: Shop) -> None:
    faults.inject("null_prices", shop.home)
    shop.run(assets=["raw/orders"])
    key = dg.AssetCheckKey(dg.AssetKey(["raw", "orders"]), "amount_is_present")
    [record] = shop.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert record.event is not None
    evaluation = record.event.get_dagster_event().asset_check_evaluation_data
    [explained] = [value.value for name, value in evaluation.metadata.items() if name == ATTRIBUTION_METADATA]
    assert "100 % of the failing rows: channel = tiktok and app_version = 7.2" in repr(explained)


@pytest.mark.usefixtures("first_refresh")
def test_the_same_content_again_is_the_same_data_version_and_changed_content_another(shop: Shop) -> None:
    """A rebuild that changed nothing must not look like new data, nor a spoilt table like the old one."""
    versions = []
    for fault in (None, "null_prices", None):
        if fault:
            faults.inject(fault, shop.home)
        shop.run(assets=["raw/orders"])
        faults.heal(home=shop.home)
        event = shop.latest("raw/orders").asset_materialization
        assert event is not None
        versions.append((event.tags or {})["dagster/data_version"])
    assert versions[0] == versions[2] != versions[1]


@pytest.mark.usefixtures("first_refresh")
def test_a_damaged_faults_file_stops_ingestion_instead_of_hiding(shop: Shop) -> None:
    shop.home.faults.write_text(json.dumps({"active": ["typo"]}), encoding="utf-8")
    try:
        assert shop.run(assets=["raw/ad_spend"]).failed_steps == {"raw__ad_spend"}
    finally:
        shop.home.faults.unlink()
