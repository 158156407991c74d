"""What each source promises to deliver: the contract of the raw tables. Plain data, no I/O.

The generator keeps these promises, the faults break them, ingestion loads whatever arrives.
"""

from dataclasses import dataclass

from incident_ops.marketplace.domains import FINANCE, MARKETING, SERVICE, Domain, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    type: str
    about: str
    pii: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One raw table. `day` is the column by which rows are counted per day."""

    name: str
    domain: Domain
    tier: Tier
    about: str
    day: str
    columns: tuple[Column, ...]

    @property
    def pii(self) -> frozenset[str]:
        return frozenset(column.name for column in self.columns if column.pii)

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


def _columns(*rows: tuple[str, str, str], pii: frozenset[str] = frozenset()) -> tuple[Column, ...]:
    return tuple(Column(name=name, type=type_, about=about, pii=name in pii) for name, type_, about in rows)


ORDERS = Source(
    name="orders",
    domain=FINANCE,
    tier="gold",
    about="Orders of the shop, one row each, as the shop's database exports them every night.",
    day="ordered_at",
    columns=_columns(
        ("order_id", "BIGINT", "Identity of the order."),
        ("ordered_at", "TIMESTAMP", "When the customer pressed the button, UTC."),
        ("customer_id", "BIGINT", "Who ordered."),
        ("channel", "VARCHAR", "The channel that brought the visit."),
        ("app_version", "VARCHAR", "Version of the app or site that took the order."),
        ("country", "VARCHAR", "Where it is shipped to."),
        ("quantity", "INTEGER", "Number of items."),
        ("amount", "DOUBLE", "What the customer owes, EUR."),
        ("status", "VARCHAR", "completed, returned or cancelled."),
    ),
)

PAYMENTS = Source(
    name="payments",
    domain=FINANCE,
    tier="gold",
    about="Money received, as the payment provider reports it.",
    day="paid_at",
    columns=_columns(
        ("payment_id", "BIGINT", "Identity of the payment."),
        ("order_id", "BIGINT", "The order that it pays."),
        ("paid_at", "TIMESTAMP", "When the provider booked it, UTC."),
        ("amount", "DOUBLE", "EUR."),
        ("method", "VARCHAR", "card, wallet, transfer or invoice."),
    ),
)

CUSTOMERS = Source(
    name="customers",
    domain=MARKETING,
    tier="silver",
    about="Everybody who ever signed up, from the customer database.",
    day="signed_up_at",
    columns=_columns(
        ("customer_id", "BIGINT", "Identity of the customer."),
        ("name", "VARCHAR", "Full name."),
        ("email", "VARCHAR", "Where we write to."),
        ("country", "VARCHAR", "Home country."),
        ("channel", "VARCHAR", "The channel of the first visit."),
        ("signed_up_at", "TIMESTAMP", "When the account was opened, UTC."),
        pii=frozenset({"name", "email"}),
    ),
)

AD_SPEND = Source(
    name="ad_spend",
    domain=MARKETING,
    tier="silver",
    about="Spend and clicks per day, channel and campaign, from the ad platforms.",
    day="day",
    columns=_columns(
        ("day", "DATE", "Day of the campaign, UTC."),
        ("channel", "VARCHAR", "google, meta, tiktok or email."),
        ("campaign", "VARCHAR", "Name of the campaign."),
        ("impressions", "BIGINT", "How often it was shown."),
        ("clicks", "BIGINT", "How often it was clicked."),
        ("spend", "DOUBLE", "EUR."),
    ),
)

SUPPORT_TICKETS = Source(
    name="support_tickets",
    domain=SERVICE,
    tier="silver",
    about="Tickets of the help desk.",
    day="opened_at",
    columns=_columns(
        ("ticket_id", "BIGINT", "Identity of the ticket."),
        ("customer_id", "BIGINT", "Who wrote."),
        ("order_id", "BIGINT", "The order it is about."),
        (
            "customer_email",
            "VARCHAR",
            "Reply address.",
        ),
        ("topic", "VARCHAR", "delivery, refund, product or account."),
        ("opened_at", "TIMESTAMP", "When it arrived, UTC."),
        ("first_reply_minutes", "INTEGER", "Minutes until a person answered."),
        ("satisfaction", "INTEGER", "1 (bad) to 5 (good), empty when not rated."),
        pii=frozenset({"customer_email"}),
    ),
)

SOURCES = {source.name: source for source in (ORDERS, PAYMENTS, CUSTOMERS, AD_SPEND, SUPPORT_TICKETS)}
CHANNELS = ("google", "meta", "tiktok", "email", "organic")
PAID_CHANNELS = CHANNELS[:4]
