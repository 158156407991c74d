"""Which nature a check has, by what its author says or by its name."""

import pytest

from incident_ops.core.alert import Nature
from incident_ops.core.nature import nature_of_check


@pytest.mark.parametrize(
    ("name", "declared", "expected"),
    [
        ("orders_freshness", None, Nature.FRESHNESS),
        ("freshness_check", None, Nature.FRESHNESS),
        ("dbt_utils_recency_orders", None, Nature.FRESHNESS),
        ("column_schema_change", None, Nature.SCHEMA),
        ("row_count_in_band", None, Nature.VOLUME),
        ("daily_volume", None, Nature.VOLUME),
        ("not_null_orders_price", None, Nature.FIELD_HEALTH),
        ("unique_orders_id", None, Nature.FIELD_HEALTH),
        ("accepted_values_orders_status", None, Nature.FIELD_HEALTH),
        ("relationships_orders_customer", None, Nature.FIELD_HEALTH),
        ("revenue_reconciles", None, Nature.RULE),
        ("NOT_NULL_PRICE", None, Nature.FIELD_HEALTH),
        ("not_null_orders_price", "volume", Nature.VOLUME),
        ("not_null_orders_price", "beauty", Nature.FIELD_HEALTH),
        ("", None, Nature.RULE),
    ],
)
def test_the_nature_is_declared_or_read_off_the_name(name: str, declared: str | None, expected: Nature) -> None:
    """By its nature an incident finds the engineer or the analyst."""
    assert nature_of_check(name, declared) is expected
