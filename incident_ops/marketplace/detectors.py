"""What is watched with the library's factories: the same calls that a code location of one's own would make.

What no factory knows is in `checks.py`, dbt's tests are with its models; all three are on the same assets.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time
from functools import partial
from typing import TypedDict

import dagster as dg
import duckdb

from incident_ops.detectors import (
    EventLog,
    Feedback,
    Measured,
    Measurement,
    Remembers,
    build_accepted_values_checks,
    build_field_health_checks,
    build_freshness_checks,
    build_reconciliation_checks,
    build_referential_integrity_checks,
    build_schema_checks,
    build_sql_checks,
    build_uniqueness_checks,
    build_volume_checks,
)
from incident_ops.marketplace import warehouse
from incident_ops.marketplace.churn import CHURN_KEY
from incident_ops.marketplace.home import current_home
from incident_ops.marketplace.ingestion import raw_key
from incident_ops.marketplace.sources import (
    AD_SPEND,
    CUSTOMERS,
    ORDERS,
    PAID_CHANNELS,
    PAYMENTS,
    SUPPORT_TICKETS,
    Source,
)

WARN = dg.AssetCheckSeverity.WARN
STG_ORDERS, FCT_ORDERS = ["staging", "stg_orders"], ["marts", "fct_orders"]
REVENUE, LIFETIME_VALUE = ["marts", "revenue_daily"], ["marts", "customer_ltv"]
MISSING_AMOUNTS_ALLOWED = 0.005
INVALID_EMAILS_ALLOWED = 0.01
LOST_ORDERS_ALLOWED = 0.002


def build_detectors(ingestion: Sequence[dg.AssetsDefinition]) -> list[dg.AssetChecksDefinition]:
    """
    Args:
        ingestion: the definitions of the raw tables: they say more than keys (policy, columns, personal data).
    """
    raw = {definition.key: definition for definition in ingestion}
    orders, payments, tickets = (raw[raw_key(source)] for source in (ORDERS, PAYMENTS, SUPPORT_TICKETS))
    customers, ad_spend = raw[raw_key(CUSTOMERS)], raw[raw_key(AD_SPEND)]
    return [
        # by the policy that each source declares; of what declares none, by its habit
        *build_freshness_checks(ingestion),
        *build_freshness_checks([FCT_ORDERS, LIFETIME_VALUE, CHURN_KEY], severity=WARN),
        # the newest day against those of the months before
        *build_volume_checks([orders], **_newest_day(ORDERS)),
        *build_volume_checks([payments], **_newest_day(PAYMENTS)),
        *build_volume_checks([tickets], severity=WARN, **_newest_day(SUPPORT_TICKETS)),
        *build_field_health_checks([orders], columns=["amount", "channel", "status"], **_newest_day(ORDERS)),
        *build_field_health_checks([payments], columns=["amount", "method"], **_newest_day(PAYMENTS)),
        *build_field_health_checks(
            [tickets],
            columns=["topic", "first_reply_minutes", "satisfaction"],
            severity=WARN,
            **_newest_day(SUPPORT_TICKETS),
        ),
        # all rows, as each build reports them
        *build_volume_checks([customers, ad_spend, FCT_ORDERS], source=connected),
        # sources promise their columns; marts may change, and are told when they do
        *build_schema_checks(ingestion, contract=True),
        *build_schema_checks([FCT_ORDERS, REVENUE], source=connected),
        # blocks: figures built on doubled orders must not reach anybody
        *build_uniqueness_checks(
            [orders], columns="order_id", name="order_ids_are_unique", blocking=True, source=connected
        ),
        *build_sql_checks(
            [orders],
            "amount IS NULL",
            name="amount_is_present",
            at_most=MISSING_AMOUNTS_ALLOWED,
            description="At most .5 % of the orders of the last three days have no amount.",
            where="ordered_at >= (SELECT max(ordered_at)::DATE FROM raw.orders) - 2",
            source=connected,
        ),
        *build_sql_checks(
            [customers],
            "email IS NULL OR email NOT LIKE '%_@_%.%'",
            name="emails_look_valid",
            at_most=INVALID_EMAILS_ALLOWED,
            severity=WARN,
            description="At most 1 % of the addresses could not be written to.",
            source=connected,
        ),
        *build_accepted_values_checks(
            [ad_spend], column="channel", values=PAID_CHANNELS, name="channel_is_known", source=connected
        ),
        *build_referential_integrity_checks(
            [payments],
            column="order_id",
            references=(orders, "order_id"),
            at_most=LOST_ORDERS_ALLOWED,
            name="orders_exist",
            severity=WARN,
            source=connected,
        ),
        *build_reconciliation_checks(
            [STG_ORDERS], with_=orders, sums=["amount"], by="ordered_at", window="day", source=connected
        ),
    ]


def connected() -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    """Opened and given back by each check: nobody holds the file longer than that."""
    return warehouse.connected(current_home())


class OnNewestDay(TypedDict):
    """Options of a check that looks at the newest day of a raw table."""

    source: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
    where: str
    history: Remembers
    clock: Callable[[], datetime]


def _newest_day(source: Source) -> OnNewestDay:
    """The tables hold months and are loaded whole, so a build has no figures of its own. What is judged is the
    newest day, on the clock of the data, and the history are the days before: the seasons are known from the first
    load on."""
    day = f"CAST({source.day} AS DATE)"
    return {
        "source": connected,
        "where": f"{day} = (SELECT max({day}) FROM raw.{source.name})",
        "history": partial(DaysOf, source),
        "clock": partial(_newest_midnight, source),
    }


class DaysOf:
    """The figures of each day in a raw table, as what was measured. People's answers are in the event log."""

    def __init__(self, source: Source, instance: dg.DagsterInstance) -> None:
        self._source = source
        self._log = EventLog(instance)

    def measurements(self, check: dg.AssetCheckKey) -> Sequence[Measurement]:
        days = warehouse.figures_by_day(current_home(), self._source, FIGURES[self._source.name])
        return [
            Measurement(
                at=_midnight(day),
                evaluated_at=_midnight(day),
                points=tuple(
                    Measured(metric=metric, column=column, value=value)
                    for (metric, column), value in figures.items()
                ),
            )
            for day, figures in list(days.items())[:-1]
        ]

    def feedback(self, check: dg.AssetCheckKey) -> Sequence[Feedback]:
        return self._log.feedback(check)


def _newest_midnight(source: Source) -> datetime:
    return _midnight(max(warehouse.figures_by_day(current_home(), source, {})))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


FIGURES: Mapping[str, Mapping[tuple[str, str], str]] = {
    ORDERS.name: {
        ("row_count", ""): "count(*)",
        ("null_rate", "amount"): "avg((amount IS NULL)::INT)",
        ("mean", "amount"): "avg(amount)",
        ("distinct_count", "channel"): "count(DISTINCT channel)",
        ("distinct_count", "status"): "count(DISTINCT status)",
    },
    PAYMENTS.name: {
        ("row_count", ""): "count(*)",
        ("null_rate", "amount"): "avg((amount IS NULL)::INT)",
        ("mean", "amount"): "avg(amount)",
        ("distinct_count", "method"): "count(DISTINCT method)",
    },
    SUPPORT_TICKETS.name: {
        ("row_count", ""): "count(*)",
        ("mean", "first_reply_minutes"): "avg(first_reply_minutes)",
        ("null_rate", "satisfaction"): "avg((satisfaction IS NULL)::INT)",
        ("mean", "satisfaction"): "avg(satisfaction)",
    },
}
"""Metric and column → how DuckDB tells it of a day."""
