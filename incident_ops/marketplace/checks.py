"""Checks that no factory knows, written by hand in Python. Those that one does know are in `detectors.py`, dbt's
tests with its models.

A check says what it saw in figures; whether they are acceptable is decided by the small pure functions at
the end, which know neither Dagster nor the warehouse. An exception means "could not check" and stays one.
"""

from datetime import date, timedelta

import dagster as dg

from incident_ops.marketplace import warehouse
from incident_ops.marketplace.churn import CHURN_KEY
from incident_ops.marketplace.home import current_home
from incident_ops.marketplace.ingestion import raw_key
from incident_ops.marketplace.reporting_day import reporting_day
from incident_ops.marketplace.sources import AD_SPEND, ORDERS, PAYMENTS, SUPPORT_TICKETS, Source

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
TOLERATED_LAG = timedelta(days=1)
"""An export that is one day short is waited for; sources do that after midnight."""
UNMATCHED_MONEY_ALLOWED = 0.01
LEAST_AUC = 0.6


def build_checks() -> list[dg.AssetChecksDefinition]:
    return [
        payments_match_orders,
        model_still_separates,
        *(_reaches_reporting_day(source) for source in (ORDERS, PAYMENTS, AD_SPEND, SUPPORT_TICKETS)),
    ]


def _count(sql: str) -> dict[str, float]:
    """One row of figures, by name. No rows count as zeros would hide an empty table, so they are an error."""
    row = warehouse.query(current_home(), sql).iloc[0]
    return {str(name): float(value) for name, value in row.items()}


@dg.asset_check(
    asset=["marts", "fct_orders"],
    additional_deps=[raw_key(PAYMENTS)],
    description="Of the money of the last week at most 1 % belongs to no order that we know.",
)
def payments_match_orders() -> dg.AssetCheckResult:
    figures = _count(
        "SELECT sum(payments.amount) AS received,"
        " coalesce(sum(payments.amount) FILTER (WHERE orders.order_id IS NULL), 0) AS unmatched"
        " FROM raw.payments AS payments LEFT JOIN marts.fct_orders AS orders USING (order_id)"
        " WHERE payments.paid_at >= (SELECT max(paid_at)::DATE FROM raw.payments) - 6"
    )
    share = figures["unmatched"] / figures["received"]
    return dg.AssetCheckResult(
        passed=share <= UNMATCHED_MONEY_ALLOWED,
        severity=ERROR,
        description=f"{share:.2%} of EUR {figures['received']:,.0f} match no order",
        metadata={"unmatched_share": share, "received": figures["received"]},
    )


@dg.asset_check(asset=CHURN_KEY, description="The model still tells those who leave from those who stay.")
def model_still_separates(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    event = context.instance.get_latest_materialization_event(CHURN_KEY)
    if event is None or event.asset_materialization is None:
        raise dg.DagsterInvariantViolationError("the churn model was never fitted")
    auc = event.asset_materialization.metadata["auc"].value
    if not isinstance(auc, float):
        raise dg.DagsterInvariantViolationError(f"the churn model's AUC is not a number: {auc!r}")
    return dg.AssetCheckResult(passed=auc >= LEAST_AUC, severity=WARN, metadata={"auc": auc})


def _reaches_reporting_day(source: Source) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=raw_key(source),
        name="reaches_reporting_day",
        description="The newest row is from the day before the run, or at most a day older.",
    )
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        due = reporting_day(context)
        newest = max(warehouse.figures_by_day(current_home(), source, {}))
        return dg.AssetCheckResult(
            passed=is_recent(newest, due=due),
            severity=ERROR,
            description=f"newest day {newest}, due {due}",
            metadata={"newest_day": newest.isoformat(), "days_behind": (due - newest).days},
        )

    return check


def is_recent(newest: date, *, due: date) -> bool:
    return newest >= due - TOLERATED_LAG
