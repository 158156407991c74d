"""The marketplace's history, made of nothing but a seed: `(seed, days, until)` → one frame per source.

Every day has random numbers of its own, so a day looks the same in whatever window it is seen: tomorrow's
export repeats today's and adds a day, as a real one would. Pure: no clock, no files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

import numpy as np
import pandas as pd

from incident_ops.marketplace.sources import CHANNELS, PAID_CHANNELS

DEFAULT_SEED = 7
DEFAULT_DAYS = 120
REGULARS = 2_000
"""Customers who were there before any window begins; ids 1 … REGULARS."""
NEWCOMER_WINDOW = 30
"""For so many days after signing up a newcomer orders; then they count as lapsed."""
WEEKDAY = np.array([0.95, 0.92, 0.95, 1.0, 1.12, 1.25, 1.08])
COUNTRIES = ("DE", "FR", "NL", "ES", "PL")
_FIRST = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ida", "Jon", "Kim", "Lou", "Mia", "Noa")
_LAST = ("Abel", "Bosch", "Costa", "Duda", "Evers", "Faber", "Garin", "Haas", "Ivens", "Jansen", "Kowal", "Lima")
_TOPICS = ("delivery", "refund", "product", "account")
_EPOCH = date(2024, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One frame per source, columns and names as in `sources.py`."""

    orders: pd.DataFrame
    payments: pd.DataFrame
    customers: pd.DataFrame
    ad_spend: pd.DataFrame
    support_tickets: pd.DataFrame

    def frame(self, source: str) -> pd.DataFrame:
        return getattr(self, source)


def generate(*, seed: int = DEFAULT_SEED, days: int = DEFAULT_DAYS, until: date) -> History:
    """`days` days of history, the last of which is `until`. The same arguments give the same bytes."""
    if days < 1:
        raise ValueError(f"a history needs at least one day, not {days}")
    span = [until - timedelta(days=back) for back in range(days - 1, -1, -1)]
    regulars = _Regulars(seed)
    orders = pd.concat([_orders(seed, day, regulars) for day in span], ignore_index=True)
    cohorts = [until - timedelta(days=back) for back in range(days - 1 + NEWCOMER_WINDOW, -1, -1)]
    customers = pd.concat([regulars.frame(), *(_newcomers(seed, day) for day in cohorts)], ignore_index=True)
    return History(
        orders=orders,
        payments=_payments(seed, orders),
        customers=customers,
        ad_spend=pd.concat([_ad_spend(seed, day) for day in span], ignore_index=True),
        support_tickets=_support_tickets(seed, orders, regulars),
    )


def _rng(seed: int, stream: int, *key: int) -> np.random.Generator:
    return np.random.default_rng([seed, stream, *key])


def _demand(day: date) -> float:
    """Orders relative to an average day: the week, a slow trend, and a swing over the year."""
    age = (day - _EPOCH).days
    season = 1 + 0.1 * np.sin(2 * np.pi * day.timetuple().tm_yday / 365)
    return float(WEEKDAY[day.weekday()] * season * (1 + 0.0002 * age))


def _moments(rng: np.random.Generator, day: date, size: int) -> pd.DatetimeIndex:
    """Ordered moments of one day, more of them in the evening."""
    seconds = np.sort((rng.beta(3.0, 2.0, size) * 86_399).astype("int64"))
    return pd.DatetimeIndex(np.datetime64(day, "s") + seconds.astype("timedelta64[s]"))


def _people(rng: np.random.Generator, ids: np.ndarray, signed_up: pd.DatetimeIndex) -> pd.DataFrame:
    first, last = rng.integers(len(_FIRST), size=len(ids)), rng.integers(len(_LAST), size=len(ids))
    return pd.DataFrame(
        {
            "customer_id": ids,
            "name": [f"{_FIRST[a]} {_LAST[b]}" for a, b in zip(first, last, strict=True)],
            "email": [
                f"{_FIRST[a]}.{_LAST[b]}.{i}@shop.test".lower() for a, b, i in zip(first, last, ids, strict=True)
            ],
            "country": rng.choice(COUNTRIES, len(ids), p=[0.4, 0.2, 0.15, 0.15, 0.1]),
            "channel": rng.choice(CHANNELS, len(ids)),
            "signed_up_at": signed_up,
        }
    )


class _Regulars:
    """The customers of old. Each has a loyalty; who is active changes by the month, and that is what churn is."""

    def __init__(self, seed: int) -> None:
        rng = _rng(seed, 1)
        self._seed = seed
        self._ids = np.arange(1, REGULARS + 1)
        self.loyalty = rng.beta(2.5, 1.5, REGULARS)
        self._weight = rng.gamma(2.0, 1.0, REGULARS)

    def frame(self) -> pd.DataFrame:
        rng = _rng(self._seed, 2)
        ages = rng.integers(1, 700, REGULARS).astype("timedelta64[D]")
        signed_up = pd.DatetimeIndex((np.datetime64(_EPOCH, "D") - ages).astype("datetime64[s]"))
        return _people(rng, self._ids, signed_up)

    def pick(self, rng: np.random.Generator, day: date, size: int) -> np.ndarray:
        here = _rng(self._seed, 3, day.year, day.month).random(REGULARS) < self.loyalty
        weight = self._weight * here
        return rng.choice(self._ids, size, p=weight / weight.sum())


def _cohort(seed: int, day: date) -> np.ndarray:
    size = int(_rng(seed, 4, day.toordinal()).poisson(8))
    return day.toordinal() * 100 + np.arange(min(size, 99))


def _newcomers(seed: int, day: date) -> pd.DataFrame:
    rng, ids = _rng(seed, 5, day.toordinal()), _cohort(seed, day)
    return _people(rng, ids, _moments(rng, day, len(ids)))


def _orders(seed: int, day: date, regulars: _Regulars) -> pd.DataFrame:
    rng = _rng(seed, 6, day.toordinal())
    size = int(rng.poisson(240 * _demand(day)))
    recent = np.concatenate([_cohort(seed, day - timedelta(days=back)) for back in range(1, NEWCOMER_WINDOW + 1)])
    is_new = rng.random(size) < 0.15
    customer = np.where(is_new, rng.choice(recent, size), regulars.pick(rng, day, size))
    quantity = 1 + rng.poisson(0.8, size)
    return pd.DataFrame(
        {
            "order_id": day.toordinal() * 10_000 + np.arange(size),
            "ordered_at": _moments(rng, day, size),
            "customer_id": customer,
            "channel": rng.choice(CHANNELS, size, p=[0.3, 0.2, 0.15, 0.1, 0.25]),
            "app_version": rng.choice(["7.0", "7.1", "7.2", "web"], size, p=[0.1, 0.25, 0.35, 0.3]),
            "country": rng.choice(COUNTRIES, size, p=[0.4, 0.2, 0.15, 0.15, 0.1]),
            "quantity": quantity.astype("int32"),
            "amount": np.round(rng.lognormal(3.3, 0.45, size) * quantity, 2),
            "status": rng.choice(["completed", "returned", "cancelled"], size, p=[0.92, 0.05, 0.03]),
        }
    )


def _payments(seed: int, orders: pd.DataFrame) -> pd.DataFrame:
    """Each order that was not cancelled is paid once, in full, minutes later."""
    pieces = []
    for day, of_day in _by_day(orders):
        rng = _rng(seed, 7, day.toordinal())
        delay = rng.integers(20, 900, len(of_day)).astype("timedelta64[s]")
        method = rng.choice(["card", "wallet", "transfer", "invoice"], len(of_day), p=[0.5, 0.3, 0.1, 0.1])
        piece = pd.DataFrame(
            {
                "payment_id": of_day["order_id"].to_numpy() * 10 + 1,
                "order_id": of_day["order_id"].to_numpy(),
                "paid_at": of_day["ordered_at"].to_numpy() + delay,
                "amount": of_day["amount"].to_numpy(),
                "method": method,
            }
        )
        pieces.append(piece[of_day["status"].to_numpy() != "cancelled"])
    return pd.concat(pieces, ignore_index=True)


def _ad_spend(seed: int, day: date) -> pd.DataFrame:
    rng = _rng(seed, 8, day.toordinal())
    campaigns = [(channel, f"{channel}-{kind}") for channel in PAID_CHANNELS for kind in ("brand", "prospecting")]
    size = len(campaigns)
    impressions = (rng.lognormal(9.5, 0.25, size) * _demand(day)).astype("int64")
    clicks = rng.binomial(impressions, 0.018)
    return pd.DataFrame(
        {
            "day": pd.DatetimeIndex([np.datetime64(day, "s")] * size),
            "channel": [channel for channel, _ in campaigns],
            "campaign": [campaign for _, campaign in campaigns],
            "impressions": impressions,
            "clicks": clicks,
            "spend": np.round(clicks * rng.normal(0.42, 0.04, size).clip(0.2), 2),
        }
    )


def _support_tickets(seed: int, orders: pd.DataFrame, regulars: _Regulars) -> pd.DataFrame:
    """One order in twelve brings a ticket; the less loyal write more and rate worse."""
    pieces = []
    for day, of_day in _by_day(orders):
        rng = _rng(seed, 9, day.toordinal())
        customer = of_day["customer_id"].to_numpy()
        loyalty = np.where(customer <= REGULARS, regulars.loyalty[np.minimum(customer, REGULARS) - 1], 0.6)
        writes = rng.random(len(of_day)) < 0.04 + 0.12 * (1 - loyalty)
        size = int(writes.sum())
        stars = np.clip(np.round(rng.normal(2.2 + 2.6 * loyalty[writes], 0.8)), 1, 5)
        pieces.append(
            pd.DataFrame(
                {
                    "ticket_id": of_day["order_id"].to_numpy()[writes] * 10 + 2,
                    "customer_id": customer[writes],
                    "order_id": of_day["order_id"].to_numpy()[writes],
                    "customer_email": [f"reply.{number}@shop.test" for number in customer[writes]],
                    "topic": rng.choice(_TOPICS, size, p=[0.45, 0.2, 0.25, 0.1]),
                    "opened_at": _moments(rng, day, size),
                    "first_reply_minutes": rng.gamma(2.0, 45.0, size).astype("int32") + 3,
                    "satisfaction": pd.array(np.where(rng.random(size) < 0.7, stars, np.nan)).astype("Int32"),
                }
            )
        )
    return pd.concat(pieces, ignore_index=True)


def _by_day(orders: pd.DataFrame) -> Iterator[tuple[date, pd.DataFrame]]:
    # pandas types group keys as Hashable; these are dates.
    yield from cast("Iterator[tuple[date, pd.DataFrame]]", orders.groupby(orders["ordered_at"].dt.date, sort=True))
