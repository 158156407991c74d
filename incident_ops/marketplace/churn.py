"""The churn model: who will not order again, from what customers bought and how support treated them.

Fitted on what was known thirty days ago and what happened since, then applied to today. It reads the marts of
two domains and the tickets of the third, which makes it the first to suffer when any of them is wrong.
"""

from datetime import date, timedelta

import dagster as dg
import duckdb
import numpy as np
import pandas as pd

from incident_ops.marketplace import warehouse
from incident_ops.marketplace.domains import SERVICE
from incident_ops.marketplace.home import Home, current_home
from incident_ops.marketplace.logistic import Floats, LogisticModel, area_under_roc, fit

CHURN_KEY = dg.AssetKey(["models", "churn"])
UPSTREAM = (["marts", "customer_ltv"], ["marts", "fct_orders"], ["staging", "stg_support_tickets"])
HORIZON_DAYS = 30
HISTORY_DAYS = 60
FEATURES = ["days_since_order", "orders", "revenue", "tickets", "satisfaction"]
_FEATURES_AT = """
    SELECT customers.customer_id,
           date_diff('day', max(orders.day), $as_of) AS days_since_order,
           count(orders.order_id) AS orders,
           coalesce(sum(orders.amount), 0) AS revenue,
           coalesce(any_value(tickets.tickets), 0) AS tickets,
           coalesce(any_value(tickets.satisfaction), 3) AS satisfaction
    FROM marts.customer_ltv AS customers
    JOIN marts.fct_orders AS orders
      ON orders.customer_id = customers.customer_id AND orders.day <= $as_of AND orders.day > $as_of - $history
    LEFT JOIN (
        SELECT customer_id, count(*) AS tickets, avg(satisfaction) AS satisfaction
        FROM staging.stg_support_tickets
        WHERE day <= $as_of AND day > $as_of - $history
        GROUP BY customer_id
    ) AS tickets ON tickets.customer_id = customers.customer_id
    GROUP BY customers.customer_id
    ORDER BY customers.customer_id
"""


@dg.asset(
    key=CHURN_KEY,
    deps=UPSTREAM,
    description="Probability that a customer orders nothing within thirty days; read by the retention calls.",
    group_name=SERVICE.name,
    owners=[SERVICE.owner],
    tags=SERVICE.tags("silver"),
    kinds={"model", "numpy"},
    metadata={"incident_ops/consumers": ["retention@acme.test"], **SERVICE.people},
    code_version="1",
)
def churn() -> dg.MaterializeResult:
    home = current_home()
    with warehouse.connected(home) as connection:
        today: date = connection.execute("SELECT max(day) FROM marts.fct_orders").fetchall()[0][0]
        then = today - timedelta(days=HORIZON_DAYS)
        past = _features(connection, then)
        present = _features(connection, today)
        back = connection.execute("SELECT DISTINCT customer_id FROM marts.fct_orders WHERE day > ?", [then]).df()
    left = (~past["customer_id"].isin(back["customer_id"])).to_numpy(dtype=np.float64)
    held_out = (past["customer_id"] % 5 == 0).to_numpy()
    model = fit(_matrix(past)[~held_out], left[~held_out])
    auc = area_under_roc(model.predict(_matrix(past)[held_out]), left[held_out])
    scores = present[["customer_id"]].assign(churn_probability=np.round(model.predict(_matrix(present)), 4))
    _store(home, scores)
    return dg.MaterializeResult(metadata=_facts(model, auc, float(left.mean()), scores))


def _features(connection: duckdb.DuckDBPyConnection, as_of: date) -> pd.DataFrame:
    return connection.execute(_FEATURES_AT, {"as_of": as_of, "history": HISTORY_DAYS}).df()


def _matrix(frame: pd.DataFrame) -> Floats:
    return frame[FEATURES].to_numpy(dtype=np.float64)


def _store(home: Home, scores: pd.DataFrame) -> None:
    with warehouse.connected(home) as connection:
        connection.register("scores", scores)
        connection.execute("CREATE SCHEMA IF NOT EXISTS models")
        connection.execute("CREATE OR REPLACE TABLE models.churn AS SELECT * FROM scores")


def _facts(model: LogisticModel, auc: float, churned: float, scores: pd.DataFrame) -> dict[str, dg.MetadataValue]:
    return {
        "dagster/row_count": dg.MetadataValue.int(len(scores)),
        "auc": dg.MetadataValue.float(round(auc, 4)),
        "churned_share": dg.MetadataValue.float(round(churned, 4)),
        "weights": dg.MetadataValue.json(
            dict(zip(["intercept", *FEATURES], [round(float(weight), 4) for weight in model.weights], strict=True))
        ),
    }
