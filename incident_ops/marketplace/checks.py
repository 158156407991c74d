"""Checks in Python on the raw tables and on what must agree across them. dbt's tests live with its models.

A check says what it saw in figures; whether they are acceptable is decided by the small pure functions at
the end, which know neither Dagster nor the warehouse. An exception means "could not check" and stays one.
"""

from datetime import date, timedelta

import dagster as dg

from incident_ops.detectors import explain_failing_rows
from incident_ops.marketplace import warehouse
from incident_ops.marketplace.churn import CHURN_KEY
from incident_ops.marketplace.home import current_home
from incident_ops.marketplace.ingestion import raw_key
from incident_ops.marketplace.reporting_day import reporting_day
from incident_ops.marketplace.sources import AD_SPEND, CUSTOMERS, ORDERS, PAYMENTS, SUPPORT_TICKETS, Source

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
TOLERATED_LAG = timedelta(days=1)
"""An export that is one day short is waited for; sources do that after midnight."""
MISSING_AMOUNTS_ALLOWED = 0.005
UNMATCHED_MONEY_ALLOWED = 0.01
INVALID_EMAILS_ALLOWED = 0.01
LEAST_AUC = 0.6


def build_checks() -> list[dg.AssetChecksDefinition]:
    return [
        amount_is_present,
        order_ids_are_unique,
        emails_look_valid,
        payments_match_orders,
        model_still_separates,
        *(_reaches_reporting_day(source) for source in (ORDERS, PAYMENTS, AD_SPEND, SUPPORT_TICKETS)),
        _volume_as_usual(ORDERS, ERROR, low=0.6, high=1.6),
        _volume_as_usual(PAYMENTS, ERROR, low=0.6, high=1.6),
        _volume_as_usual(SUPPORT_TICKETS, WARN, low=0.2, high=2.8),
    ]


def _count(sql: str) -> dict[str, float]:
    """One row of figures, by name. No rows count as zeros would hide an empty table, so they are an error."""
    row = warehouse.query(current_home(), sql).iloc[0]
    return {str(name): float(value) for name, value in row.items()}


@dg.asset_check(
    asset=raw_key(ORDERS),
    description="At most .5 % of the orders of the last three days have no amount.",
)
def amount_is_present() -> dg.AssetCheckResult:
    recent = "FROM raw.orders WHERE ordered_at >= (SELECT max(ordered_at)::DATE FROM raw.orders) - 2"
    with warehouse.connected(current_home()) as connection:
        orders = explain_failing_rows(
            connection, recent, "amount IS NULL", ["channel", "app_version", "country"], pii=ORDERS.pii
        )
    share = orders.failing / orders.rows
    return dg.AssetCheckResult(
        passed=share <= MISSING_AMOUNTS_ALLOWED,
        severity=ERROR,
        description=f"{share:.2%} of {orders.rows:,} recent orders have no amount",
        metadata={"null_share": share, "rows": orders.rows, **orders.metadata()},
    )


@dg.asset_check(
    asset=raw_key(ORDERS),
    blocking=True,
    description="No order is there twice. Blocks: figures built on doubled orders must not reach anybody.",
)
def order_ids_are_unique() -> dg.AssetCheckResult:
    figures = _count("SELECT count(*) AS rows, count(*) - count(DISTINCT order_id) AS doubled FROM raw.orders")
    return dg.AssetCheckResult(
        passed=figures["doubled"] == 0,
        severity=ERROR,
        description=f"{figures['doubled']:,.0f} of {figures['rows']:,.0f} orders are repetitions",
        metadata={"doubled": int(figures["doubled"]), "rows": int(figures["rows"])},
    )


@dg.asset_check(asset=raw_key(CUSTOMERS), description="At most 1 % of the addresses could not be written to.")
def emails_look_valid() -> dg.AssetCheckResult:
    figures = _count(
        "SELECT count(*) AS rows, count(*) FILTER (WHERE email IS NULL OR email NOT LIKE '%_@_%.%') AS invalid"
        " FROM raw.customers"
    )
    share = figures["invalid"] / figures["rows"]
    return dg.AssetCheckResult(
        passed=share <= INVALID_EMAILS_ALLOWED, severity=WARN, metadata={"invalid_share": share}
    )


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
        newest = max(_rows_by_day(source))
        return dg.AssetCheckResult(
            passed=is_recent(newest, due=due),
            severity=ERROR,
            description=f"newest day {newest}, due {due}",
            metadata={"newest_day": newest.isoformat(), "days_behind": (due - newest).days},
        )

    return check


def _volume_as_usual(
    source: Source, severity: dg.AssetCheckSeverity, *, low: float, high: float
) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=raw_key(source),
        name="volume_as_usual",
        description=f"Rows of the newest day are {low:g} to {high:g} times those of its weekday in four weeks.",
    )
    def check() -> dg.AssetCheckResult:
        counts = _rows_by_day(source)
        ratio, rows = relative_volume(counts), counts[max(counts)]
        return dg.AssetCheckResult(
            passed=low <= ratio <= high,
            severity=severity,
            description=f"{rows} rows on {max(counts)}, {ratio:.2f} times the usual",
            metadata={"rows": rows, "ratio": ratio},
        )

    return check


def _rows_by_day(source: Source) -> dict[date, int]:
    frame = warehouse.query(
        current_home(),
        f"SELECT CAST({source.day} AS DATE)::VARCHAR AS day, count(*) AS rows FROM raw.{source.name} GROUP BY 1",
    )
    return {date.fromisoformat(str(day)): int(rows) for day, rows in zip(frame["day"], frame["rows"], strict=True)}


def is_recent(newest: date, *, due: date) -> bool:
    return newest >= due - TOLERATED_LAG


def relative_volume(counts: dict[date, int]) -> float:
    """Rows of the newest day relative to the mean of the same weekday in the four weeks before it."""
    newest = max(counts)
    usual = [counts.get(newest - timedelta(weeks=back), 0) for back in range(1, 5)]
    return counts[newest] * len(usual) / sum(usual)
