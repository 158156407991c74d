"""What the code location offers, written down: it cannot change by accident."""

import dagster as dg
import pytest

from incident_ops_tests.marketplace.shop import Shop

pytestmark = pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated:DeprecationWarning")

ASSETS = """
dashboards/cfo_revenue      finance   gold   < marts/revenue_daily
dashboards/cmo_channels     marketing gold   < marts/ad_performance
dashboards/service_sla      service   silver < marts/support_sla
marts/ad_performance        marketing gold   < marts/fct_orders staging/stg_ad_spend
marts/customer_ltv          marketing silver < marts/fct_orders staging/stg_customers
marts/fct_orders            finance   gold   < staging/stg_orders staging/stg_payments
marts/revenue_daily         finance   gold   < marts/fct_orders
marts/support_sla           service   gold   < staging/stg_support_tickets
models/churn                service   silver < marts/customer_ltv marts/fct_orders staging/stg_support_tickets
raw/ad_spend                marketing silver <
raw/customers               marketing silver <
raw/orders                  finance   gold   <
raw/payments                finance   gold   <
raw/support_tickets         service   silver <
staging/stg_ad_spend        marketing silver < raw/ad_spend
staging/stg_customers       marketing silver < raw/customers
staging/stg_orders          finance   silver < raw/orders
staging/stg_payments        finance   silver < raw/payments
staging/stg_support_tickets service   silver < raw/support_tickets
"""

CHECKS = """
-        marts/ad_performance: not_null_ad_performance_return_on_ad_spend
-        marts/customer_ltv: freshness
-        marts/fct_orders: freshness
-        marts/fct_orders: payments_match_orders
-        marts/fct_orders: schema
-        marts/fct_orders: volume
-        marts/revenue_daily: schema
-        models/churn: freshness
-        models/churn: model_still_separates
-        raw/ad_spend: channel_is_known
-        raw/ad_spend: freshness
-        raw/ad_spend: reaches_reporting_day
-        raw/ad_spend: schema
-        raw/ad_spend: volume
-        raw/customers: emails_look_valid
-        raw/customers: freshness
-        raw/customers: schema
-        raw/customers: volume
-        raw/orders: amount_is_present
-        raw/orders: field_health
-        raw/orders: freshness
-        raw/orders: reaches_reporting_day
-        raw/orders: schema
-        raw/orders: volume
-        raw/payments: field_health
-        raw/payments: freshness
-        raw/payments: orders_exist
-        raw/payments: reaches_reporting_day
-        raw/payments: schema
-        raw/payments: volume
-        raw/support_tickets: field_health
-        raw/support_tickets: freshness
-        raw/support_tickets: reaches_reporting_day
-        raw/support_tickets: schema
-        raw/support_tickets: volume
-        staging/stg_customers: not_null_stg_customers_email
-        staging/stg_orders: not_null_stg_orders_amount
-        staging/stg_orders: reconciliation
-        staging/stg_payments: accepted_values_stg_payments_method__card__wallet__transfer__invoice
-        staging/stg_payments: relationships_stg_payments_order_id__order_id__ref_stg_orders_
-        staging/stg_support_tickets: accepted_values_stg_support_tickets_satisfaction__False__1__2__3__4__5
blocking marts/ad_performance: not_null_ad_performance_channel
blocking marts/customer_ltv: not_null_customer_ltv_customer_id
blocking marts/customer_ltv: relationships_customer_ltv_customer_id__customer_id__ref_stg_customers_
blocking marts/customer_ltv: unique_customer_ltv_customer_id
blocking marts/fct_orders: not_null_fct_orders_customer_id
blocking marts/fct_orders: not_null_fct_orders_order_id
blocking marts/fct_orders: unique_fct_orders_order_id
blocking marts/revenue_daily: not_null_revenue_daily_day
blocking marts/revenue_daily: not_null_revenue_daily_revenue
blocking marts/support_sla: not_null_support_sla_day
blocking marts/support_sla: not_null_support_sla_share_within_four_hours
blocking raw/orders: order_ids_are_unique
blocking raw/support_tickets: source_not_null_raw_support_tickets_ticket_id
blocking staging/stg_ad_spend: accepted_values_stg_ad_spend_channel__google__meta__tiktok__email
blocking staging/stg_ad_spend: not_null_stg_ad_spend_spend
blocking staging/stg_customers: not_null_stg_customers_customer_id
blocking staging/stg_customers: unique_stg_customers_customer_id
blocking staging/stg_orders: accepted_values_stg_orders_channel__google__meta__tiktok__email__organic
blocking staging/stg_orders: accepted_values_stg_orders_status__completed__returned__cancelled
blocking staging/stg_orders: not_null_stg_orders_order_id
blocking staging/stg_orders: unique_stg_orders_order_id
blocking staging/stg_payments: not_null_stg_payments_payment_id
blocking staging/stg_payments: unique_stg_payments_payment_id
blocking staging/stg_support_tickets: accepted_values_stg_support_tickets_topic__delivery__refund__product__account
blocking staging/stg_support_tickets: not_null_stg_support_tickets_ticket_id
blocking staging/stg_support_tickets: unique_stg_support_tickets_ticket_id
"""


def test_the_assets_their_domains_tiers_and_edges(shop: Shop) -> None:
    lines = []
    for spec in shop.definitions.resolve_all_asset_specs():
        domain, tier = spec.tags["incident_ops/domain"], spec.tags["incident_ops/tier"]
        deps = " ".join(sorted(dep.asset_key.to_user_string() for dep in spec.deps))
        lines.append(f"{spec.key.to_user_string():27} {domain:9} {tier:6} < {deps}".rstrip())
        assert (list(spec.owners), spec.group_name) == ([f"team:{domain}"], domain)
    assert sorted(lines) == ASSETS.strip().splitlines()


def test_the_checks_and_which_of_them_block(shop: Shop) -> None:
    graph = shop.definitions.resolve_asset_graph()
    lines = []
    for key in graph.asset_check_keys:
        blocking = "blocking" if graph.get_check_spec(key).blocking else "-"
        lines.append(f"{blocking:8} {key.asset_key.to_user_string()}: {key.name}")
    assert sorted(lines) == CHECKS.strip().splitlines()


def test_the_jobs(shop: Shop) -> None:
    jobs = {job.name: job for job in shop.definitions.resolve_all_job_defs() if not job.name.startswith("__")}
    assert set(jobs) == {"refresh", "refresh_finance", "refresh_marketing", "refresh_service", "checks"}
    assert set(jobs["checks"].asset_layer.executable_asset_keys) == set(), "checks build nothing"
    assert len(jobs["checks"].asset_layer.asset_graph.asset_check_keys) == len(CHECKS.strip().splitlines())


def test_checks_run_every_hour_from_the_start_and_the_refresh_waits_to_be_switched_on(shop: Shop) -> None:
    repository = shop.definitions.get_repository_def()
    assert {
        (schedule.name, schedule.job_name, schedule.cron_schedule, schedule.default_status.value)
        for schedule in repository.schedule_defs
    } == {
        ("checks_schedule", "checks", "42 * * * *", "RUNNING"),
        ("daily_refresh", "refresh", "0 5 * * *", "STOPPED"),
    }


def test_hourly_checks_wait_until_something_was_loaded(shop: Shop) -> None:
    """Twenty checks of tables that don't exist yet would greet a new user with twenty alarms."""
    schedule = shop.definitions.get_repository_def().get_schedule_def("checks_schedule")
    with dg.instance_for_test() as on_disk:  # a schedule opens its instance by reference
        tick = schedule.evaluate_tick(dg.build_schedule_context(instance=on_disk))
    assert not tick.run_requests and "run the job `refresh` first" in (tick.skip_message or "")


def test_consumers_and_people_are_on_the_leaves(shop: Shop) -> None:
    consumers = {
        spec.key.to_user_string(): spec.metadata["incident_ops/consumers"]
        for spec in shop.definitions.resolve_all_asset_specs()
        if "incident_ops/consumers" in spec.metadata
    }
    assert consumers == {
        "dashboards/cfo_revenue": ["cfo@acme.test"],
        "dashboards/cmo_channels": ["cmo@acme.test"],
        "dashboards/service_sla": ["head-of-service@acme.test"],
        "models/churn": ["retention@acme.test"],
    }


def test_every_source_and_the_figures_people_wait_for_have_a_freshness_policy(shop: Shop) -> None:
    specs = {spec.key.to_user_string(): spec for spec in shop.definitions.resolve_all_asset_specs()}
    policies = {
        name: type(spec.freshness_policy).__name__ for name, spec in specs.items() if spec.freshness_policy
    }
    assert policies == {
        "marts/ad_performance": "CronFreshnessPolicy",
        "marts/revenue_daily": "CronFreshnessPolicy",
        "marts/support_sla": "CronFreshnessPolicy",
        **{name: "TimeWindowFreshnessPolicy" for name in specs if name.startswith("raw/")},
    }


@pytest.mark.parametrize(
    ("asset", "pii"), [("raw/customers", {"name", "email"}), ("staging/stg_customers", {"name", "email"})]
)
def test_personal_data_is_marked_before_anything_has_run(shop: Shop, asset: str, pii: set[str]) -> None:
    key = dg.AssetKey(asset.split("/"))
    spec = next(spec for spec in shop.definitions.resolve_all_asset_specs() if spec.key == key)
    schema = spec.metadata["dagster/column_schema"]
    assert {column.name for column in getattr(schema, "schema", schema).columns if "pii" in column.tags} == pii
