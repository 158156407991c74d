"""Messages for the notifiers' tests: an ordinary one, and the ones that are meant to hurt."""

from typing import Any

from incident_ops.core.message import Colour, Link, Message

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
