"""Messages for the notifiers' tests: an ordinary one, and the ones that are meant to hurt."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from incident_ops.core.incident import Incident
from incident_ops.core.message import Colour, Link, Message, compose
from incident_ops.core.status import Resolution
from incident_ops_tests.builders import make_alert, make_incident, minutes

LINKS = (
    Link(label="Incident", url="http://127.0.0.1:3000/assets/incidents?partition=INC-7&view=events"),
    Link(label="Run", url="http://127.0.0.1:3000/runs/3f0b"),
)


def make_message(**anything: Any) -> Message:
    values: dict[str, Any] = {
        "incident_id": "INC-7",
        "colour": Colour.RED,
        "headline": "INC-7 SEV1 orders: not_null failed",
        "summary": "12 of 1,000 rows of orders have no customer_id.",
        "facts": (("Status", "triggered"), ("Owner", "team:fin"), ("Since", "2025-03-01 08:00 UTC")),
        "links": LINKS,
    }
    return Message(**(values | anything))


PLAIN = make_message()
RESOLVED = make_message(
    colour=Colour.GREEN,
    summary="Every check of orders passes again.",
    facts=(("Status", "resolved as fixed after 1 h 12 min"), ("Owner", "team:fin")),
)
LONG_ERROR = make_message(
    headline="INC-8 SEV2 stg_orders_daily: run failed",
    detail="\n".join(
        f"  File models/stg_orders.py, line {n}, in load: <row> & 'value' is not null" for n in range(130)
    ),
)
EIGHTY_MEMBERS = make_message(
    headline="INC-9 SEV0 raw: 80 checks fail",
    lists=(
        ("Also", tuple(f"marts/orders_{n:02d} check not_null" for n in range(80))),
        ("Not run", ("leaf", "bud")),
    ),
)
HOSTILE = make_message(
    headline="INC-10 SEV2 <!channel> @here\nsecond *line* </b>",
    summary="<@U0ERIN> <!subteam^S01> @everyone <https://evil.test|click me> & &lt;!here&gt; "
    "*bold* _it_ ~gone~ `code`",
    facts=(
        ("<!here>", "> quoted\n*bold* _private_ stg_orders_daily"),
        ("Owner *x*", "@channel ana@acme.test"),
        ("", "   "),
        ("Direction", "abc\u202edef\u2069"),
    ),
    detail="before\n``` \n<!channel> outside?\n````@here````\x1b[31mred\x1b[0m \x00 end`",
    lists=(("Also `x`", ("a|b <#C1>", "*", "@everyone\n• forged item")), ("Empty", ())),
    links=(
        LINKS[0],
        *(
            Link(label="x", url=url)
            for url in ("javascript:alert(1)", "https://evil.test/a|b> <!channel>?a=1&b=`")
        ),
    ),
)
ALL = {
    "plain": PLAIN,
    "resolved": RESOLVED,
    "long_error": LONG_ERROR,
    "eighty_members": EIGHTY_MEMBERS,
    "hostile": HOSTILE,
}


# ---- messages about an incident, for the sinks that take more than text


def about(incident: Incident, **anything: Any) -> Message:
    """The incident's message as the engine composes it."""
    return replace(compose(incident, links_of=lambda _: LINKS), **anything)


def make_orders(**anything: Any) -> Incident:
    """INC-7 as it begins: rows of marts/orders without a customer."""
    values: dict[str, Any] = {
        "labels": MappingProxyType(
            {
                "environment": "production",
                "asset": "marts/orders",
                "check": "not_null",
                "owner": "team:fin",
                "team": "fin",
                "tag:incident_ops/tier": "gold",
            }
        ),
        "runbook": "https://wiki.acme.test/orders",
    }
    return make_incident(7, make_alert("marts/orders"), **(values | anything))


TRIGGERED = make_orders()
ACKNOWLEDGED = TRIGGERED.acknowledged(by="erin@acme.test", at=minutes(5))
OVER = ACKNOWLEDGED.resolved(at=minutes(90), by="erin@acme.test", reason=Resolution.FIXED)
REOPENED = OVER.reopen(why="it fails again", at=minutes(95))

_NASTY = HOSTILE.summary + HOSTILE.detail
NASTY = make_orders(
    title=HOSTILE.headline,
    summary=_NASTY,
    detail=_NASTY,
    owner='team:"fin"\n, <b>',
    runbook="javascript:alert(1)",
    labels=MappingProxyType(
        {
            "environment": 'prod "eu"\n\\',
            "1st": "digit",
            "tag:ключ": "значение",
            "": "nameless",
            "empty": "",
            "é" * 300: "long",
        }
    ),
    facts=MappingProxyType({_NASTY: _NASTY, "": "  "}),
    not_run=(_NASTY, "", "\ud800"),
    responders=("@channel", "ana@acme.test"),
)
HUGE = make_orders(
    title="t" * 9_000,
    summary="🌊" * 9_000,
    detail="\n".join(f"line {n}: {'é' * 100}" for n in range(2_000)),
    members=tuple(
        replace(
            TRIGGERED.members[0],
            subject=make_alert(f"marts/{'deep/' * 20}table_{n}").subject,
            fingerprint=f"f{n}",
            first_fired_at=minutes(n),
            last_fired_at=minutes(n) + timedelta(seconds=1),
        )
        for n in range(500)
    ),
    labels=MappingProxyType({f"tag:{'k' * 150}{n}": "🌊" * 2_000 for n in range(200)}),
    facts=MappingProxyType({f"{'fact ' * 60}{n}": "é" * 3_000 for n in range(200)}),
    not_run=tuple(f"asset {n} {'x' * 500}" for n in range(500)),
    responders=tuple(f"person{n}@acme.test" for n in range(200)),
)
ABOUT = {
    "triggered": about(TRIGGERED),
    "acknowledged": about(ACKNOWLEDGED),
    "over": about(OVER),
    "reopened": about(REOPENED),
    "nasty": about(NASTY),
    "huge": about(HUGE),
}
EVERY = ALL | {f"about: {name}": message for name, message in ABOUT.items()}
