"""Anything at all in an incident's texts, on its way through every kind of sink.

What a sink gets here is what the engine gives it: `engine.sending` composes the message and takes secrets out. The
stand-ins refuse what breaks a limit, so being accepted is the proof; what people see is searched for mentions, and
every byte that was sent for what must never leave.

`INCIDENT_OPS_FUZZ=500 pytest …` runs that many examples for every kind.
"""

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from incident_ops.adapters.notify.mail_body import body_of, subject_of
from incident_ops.core.alert import AlertKind, Nature
from incident_ops.core.cleansing import without_secrets
from incident_ops.core.delivery import Delivery, DeliveryStatus, Receipt
from incident_ops.core.incident import Incident
from incident_ops.core.message import Link, compose
from incident_ops.core.notices import Action
from incident_ops.core.pii import mask
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity
from incident_ops.core.status import Resolution
from incident_ops.engine.ports import CanUpdate, Subject
from incident_ops.engine.sending import send
from incident_ops.engine.sinks import Sinks
from incident_ops_tests.adapters.notify.sinks import Sink, every_sink
from incident_ops_tests.builders import T0, make_alert, make_incident, minutes

EXAMPLES = int(os.environ.get("INCIDENT_OPS_FUZZ", "12"))

# ---- what must never leave

PLANTED = "hunter2Xq9PLANTEDzz"
SECRETS = (
    f"postgresql://etl:{PLANTED}@db.acme.test/shop",
    f"password={PLANTED}",
    f"PGPASSWORD='{PLANTED} {PLANTED}'",
    f'{{"api_key": "{PLANTED}"}}',
    f"Authorization: Bearer {PLANTED}",
    f"AccountKey={PLANTED}==;EndpointSuffix=core.windows.net",
    f"https://blobs.acme.test/a?sv=1&sig={PLANTED}",
    f"xoxb-1234567890-{PLANTED}",
    f"ghp_{PLANTED}{PLANTED}",
    f"-----BEGIN RSA PRIVATE KEY-----\n{PLANTED}\n-----END RSA PRIVATE KEY-----",
    f"\x1b[1mpassword\x1b[0m={PLANTED}",  # as tools colour what they log
    f"tok\x1b(B\x1b[men: {PLANTED}",
    f"pass\x00word={PLANTED}",
)
ROWS = (
    f"Key (email)=({PLANTED}@acme.test) already exists.",
    f"email={PLANTED}@acme.test",
    f"Failing row contains (1, {PLANTED}, null).",
)

# ---- anything at all

NASTY_PARTS = (
    *("<!channel>", "@here", "@channel", "@everyone", "<@U1>", "<!subteam^S1>", "<at>Erin</at>", "[~accountid:1]"),
    *(
        "[x](http://evil.test)",
        "<http://evil.test|x>",
        "[x|http://evil.test]",
        "http://evil.test/",
        "javascript:1",
    ),
    *(
        "<script>alert(1)</script>",
        "</b>",
        "<img src=x onerror=1>",
        "&amp;",
        "&",
        "<",
        ">",
        '"',
        "'",
        "\\",
        "{{7*7}}",
    ),
    *("```", "`", "*", "_", "~", "|", "{code}", "{noformat}", "h1. ", "# ", "> ", "- ", "%s", "\\n", "${x}"),
    *("\r\nBcc: a@evil.test\r\n", "\r\n.\r\n", "\n", "\t", "\u2028", "\x85", "\x00", "\x1b[31m", "\x1b]0;t\x07"),
    *("\u202e", "\u2066", "\u200b", "\ud800", "\udfff", "😀", "é" * 60, "é", "表" * 200, "ab ", "stg_orders", " "),
)
PARTS = st.one_of(st.sampled_from(NASTY_PARTS), st.text(max_size=20))
LINES = st.lists(PARTS, max_size=8).map("".join)
LENGTHS = st.sampled_from([300, 3_000, 30_000])
LONG = st.builds(lambda part, length: (part * length)[:length], LINES.filter(bool), LENGTHS)
PHRASES = st.one_of(
    st.sampled_from(SECRETS),
    st.sampled_from(ROWS).map(lambda row: mask(row, {"email"})),  # as it is stored
)
PLANTED_TEXTS = st.builds(lambda before, phrase, after: f"{before} {phrase}\n{after}", LINES, PHRASES, LINES)
TEXTS = st.one_of(LINES, LINES, PLANTED_TEXTS, LONG)
NAMES = st.one_of(LINES.filter(bool), PLANTED_TEXTS)


@st.composite
def incidents(draw: st.DrawFn) -> Incident:
    """One that could come out of a user's code: names, errors, metadata and labels as the strategies have them."""
    alert = make_alert(
        draw(NAMES),
        check=draw(st.one_of(st.none(), NAMES)),
        kind=draw(st.sampled_from(AlertKind)),
        nature=draw(st.sampled_from(Nature)),
        partition=draw(st.one_of(st.none(), NAMES)),
        error_signature=draw(st.sampled_from(["", "3f0c"])),
    )
    incident = make_incident(next(_numbers), alert)
    others = tuple(
        replace(incident.members[0], subject=make_alert(name).subject, fingerprint=f"f{n}")
        for n, name in enumerate(draw(st.lists(NAMES, max_size=4)) * draw(st.sampled_from([1, 40])))
    )
    incident = replace(
        incident,
        title=draw(TEXTS),
        summary=draw(TEXTS),
        detail=draw(TEXTS),
        owner=draw(st.one_of(st.none(), NAMES)),
        severity=draw(st.sampled_from(Severity)),
        members=(*incident.members, *others),
        responders=tuple(draw(st.lists(NAMES, max_size=2))),
        labels=MappingProxyType(draw(st.dictionaries(NAMES, TEXTS, max_size=3))),
        facts=MappingProxyType(draw(st.dictionaries(NAMES, TEXTS, max_size=3))),
        not_run=tuple(draw(st.lists(NAMES, max_size=3)) * draw(st.sampled_from([1, 60]))),
        runbook=draw(st.one_of(st.just("https://wiki.acme.test/orders"), TEXTS)),
        failure_count=draw(st.integers(0, 10**9)),
    )
    return draw(
        st.sampled_from(
            [
                incident,
                incident.acknowledged(by="erin@acme.test", at=minutes(5)),
                incident.resolved(at=minutes(9), by="erin@acme.test", reason=Resolution.FIXED),
            ]
        )
    )


_numbers = itertools.count(1)


# ---- the way an incident takes to a sink


def links_of(label: str, url: str) -> tuple[Link, ...]:
    ours = Link(label="Incident", url="http://127.0.0.1:3000/assets/incidents?partition=INC-7&view=events")
    return (ours, Link(label=label, url=url), Link(label=label, url=f"https://a.test/{url}"))


def delivered(
    sink: Sink, incident: Incident, action: Action, *, text: str, links: tuple[Link, ...], thread: Receipt | None
) -> Receipt | None:
    delivery = Delivery(
        id=1,
        key=f"{incident.id}:{action}:{sink.destination}",
        number=incident.number,
        destination=sink.destination,
        action=action,
        text=text,
        note=text if action is Action.POST else "",
        pushes=True,
        status=DeliveryStatus.SENDING,
        attempts=1,
        created_at=T0,
        not_before=T0,
        thread=thread,
    )
    inbox = Destination(kind="inbox", address="#fin")
    sinks = Sinks(
        notifiers={sink.destination.kind: sink.notifier},
        default=inbox,
        fallback=inbox,
        links_of=lambda _: links,
        address_of=lambda who: who,
        jitter=lambda: 0.5,
    )
    return send(sinks, delivery, Subject(incident=incident, found=None)).receipt


# What each kind would act on, in what its people see. The others show plain text, or are read by programs.
LIVE = {
    "slack": re.compile(r"@(?:channel|here|everyone|group)|(?<![\w.+\-])@\w|<[!@#]", re.IGNORECASE),
    "apprise": re.compile(r"@(?:channel|here|everyone|all)\b|<[!@#]|<at>|\]\(http://evil", re.IGNORECASE),
    "jira": re.compile(r"(?<!\\)\[~|(?<!\\)\[x\|http"),
    "inbox": re.compile("[\x00\x1b\x07\u202e\u2066]"),
}


@pytest.fixture(scope="module", params=every_sink())
def sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    with every_sink()[request.param]() as one:
        yield one


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 12,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
@given(incident=incidents(), text=TEXTS, label=NAMES, url=TEXTS)
def test_whatever_an_incident_says_is_accepted_and_does_no_harm(
    sink: Sink, incident: Incident, text: str, label: str, url: str
) -> None:
    posts, sent = len(sink.posts()), len(sink.sent())
    links = links_of(label, url)
    thread = delivered(sink, incident, Action.POST, text=text, links=links, thread=None)
    assert thread is not None
    if isinstance(sink.notifier, CanUpdate) and incident.is_open:
        over = incident.resolved(at=minutes(10))
        delivered(sink, over, Action.EDIT, text="", links=links, thread=thread)
    delivered(sink, incident, Action.REPLY, text=text, links=links, thread=thread)
    delivered(sink, incident, Action.TELL, text=text, links=links, thread=None)
    assert PLANTED.encode() not in sink.sent()[sent:]
    live = LIVE.get(sink.notifier.kind)
    seen = "\n".join((*sink.posts()[posts:], *sink.replies(thread.message)))
    assert live is None or not live.search(seen), seen[:2_000]


OF_OURS = {
    "!DOCTYPE",
    *("html", "head", "meta", "body", "table", "tr", "td", "b", "ul", "li", "div", "pre", "a", "br"),
}


@pytest.mark.parametrize("sink", [name for name in every_sink() if not name.startswith("inbox")], indirect=True)
def test_megabytes_are_cut_before_they_cost_anything(sink: Sink) -> None:
    """The inbox keeps them: nothing leaves."""
    sent = len(sink.sent())
    noise = "é <!channel> @here\n" * 100_000
    incident = make_incident(
        next(_numbers), title=noise, summary=noise, detail=noise, facts=MappingProxyType({noise: noise})
    )
    message = compose(incident, links_of=lambda _: links_of(noise, noise))
    sink.notifier.send(sink.destination, message, key=f"{incident.id}:post:{sink.destination}")
    assert len(sink.sent()) - sent < 400_000


@settings(max_examples=max(EXAMPLES, 40), deadline=None, derandomize=EXAMPLES <= 12)
@given(incident=incidents(), label=NAMES, url=TEXTS)
def test_no_text_becomes_a_tag_a_link_or_a_header_of_a_mail(incident: Incident, label: str, url: str) -> None:
    links = links_of(label, url)
    message = without_secrets(compose(incident, links_of=lambda _: links))
    html = body_of(message).html
    tags = set(re.findall(r"<\s*/?\s*([a-zA-Z!]+)", html))
    assert tags <= {
        "!DOCTYPE",
        *["html", "head", "meta", "body", "table", "tr", "td", "b", "ul", "li", "div", "pre", "a", "br"],
    }
    allowed = {"http://127.0.0.1:3000", "https://a.test", "https://wiki.acme.test"}
    for address in re.findall(r'href="([^"]*)"', html):
        assert any(address.startswith(ours) for ours in allowed) or address.startswith(("http://", "https://"))
    assert not re.search(r"[\r\n\x00-\x1f\x85\u2028\u2029]", subject_of(message))
