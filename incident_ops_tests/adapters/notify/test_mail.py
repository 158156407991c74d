"""What stands in a mail, when one is sent, and what the server's replies mean."""

import hashlib
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from incident_ops.adapters.notify.mail import EmailNotifier
from incident_ops.adapters.notify.mail_body import body_of, subject_of
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.certificates import authority, server_context
from incident_ops_tests.adapters.notify.local_server import unused_port
from incident_ops_tests.adapters.notify.mail_server import DROP, PASSWORD, USER, MailServer, texts_of
from incident_ops_tests.adapters.notify.messages import ACKNOWLEDGED, OVER, TRIGGERED, about
from incident_ops_tests.adapters.notify.sinks.email import NOW, notifier_at

TWO = Destination(kind="email", address="erin@acme.test, data@acme.test")
POST = f"INC-7:post:{TWO}"


@pytest.fixture(autouse=True)
def trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority()))


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer(tls=server_context()) as running:
        yield running


@pytest.fixture
def notifier(server: MailServer) -> EmailNotifier:
    return notifier_at(server.port)


def make_notifier(port: int | None, **anything: Any) -> EmailNotifier:
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "security": "none",
        "user": None,
        "password": None,
        "sender": "incidents@acme.test",
        "origin": "prod/7f3a",
        "clock": lambda: NOW,
        "timeout": 5,
    }
    return EmailNotifier(port=port, **(values | anything))


def refusal_of(notifier: EmailNotifier, to: Destination = TWO) -> TransportError:
    with pytest.raises(TransportError) as caught:
        notifier.send(to, about(TRIGGERED), key=POST)
    assert PASSWORD not in repr(caught.value)
    return caught.value


# ---- what stands in it


def test_one_mail_goes_to_all_with_headers_that_programs_know_it_by(
    server: MailServer, notifier: EmailNotifier
) -> None:
    notifier.send(TWO, about(TRIGGERED), key=POST)
    (mail,) = server.mails
    assert server.recipients == [["erin@acme.test", "data@acme.test"]]
    assert mail["To"] == "erin@acme.test, data@acme.test"
    assert mail["From"] == "Incidents <incidents@acme.test>"
    assert mail["Subject"] == "INC-7 SEV2 marts/orders: check not_null failed"
    assert mail["Date"] == "Sat, 01 Mar 2025 09:00:00 +0000"
    assert mail["Message-ID"] == f"<{hashlib.sha256(POST.encode()).hexdigest()[:40]}@7f3a.prod.incident-ops>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [mail[f"X-Incident{part}"] for part in ("", "-Status", "-Severity")] == ["INC-7", "triggered", "SEV2"]


def test_text_and_html_say_the_same(server: MailServer, notifier: EmailNotifier) -> None:
    notifier.send(TWO, about(TRIGGERED), key=POST)
    (mail,) = server.mails
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    for said in ("INC-7 SEV2", "12 rows without a price", "team:fin", "2026-11-20 09:00 UTC"):
        assert said in text.get_content()
        assert said in html.get_content()
    assert f'<a href="{messages.LINKS[1].url}"' in html.get_content()
    assert messages.LINKS[1].url in text.get_content()


def test_the_colour_is_seen_at_a_glance() -> None:
    bodies = [body_of(about(incident)) for incident in (TRIGGERED, ACKNOWLEDGED, OVER)]
    assert len({body.html.partition('bgcolor="')[2][:7] for body in bodies}) == 3
    assert [body.text[0] for body in bodies] == ["🔴", "🟡", "🟢"]


def test_text_from_outside_is_no_tag_and_no_link_in_html() -> None:
    message = messages.make_message(
        summary="<script>alert(1)</script> https://evil.test",
        detail="</pre><img src=x onerror=alert(1)> www.evil.test",
        facts=(("<b>", '"><a href="https://evil.test">'),),
        links=(*messages.LINKS, *messages.HOSTILE.links),
    )
    html = body_of(message).html
    assert set(re.findall(r"<([a-z]+)", html)) == {
        *("html", "head", "meta", "body", "table", "tr", "td", "pre", "a"),
    }
    assert set(re.findall(r'href="([^"]*)"', html)) == {link.url.replace("&", "&amp;") for link in messages.LINKS}
    assert not re.search(r"(?<!href=\")https?://", html)
    assert "www.evil" not in html


def test_a_headline_cannot_add_a_header(server: MailServer, notifier: EmailNotifier) -> None:
    hurting = messages.make_message(headline="INC-7\r\nBcc: everybody@acme.test\n\nbody\x85X-A: 1\u2028X-B: 2")
    notifier.send(TWO, hurting, key="k\r\nX-C: 3")
    (mail,) = server.mails
    assert not {"Bcc", "X-A", "X-B", "X-C"} & set(mail.keys())
    assert server.recipients == [["erin@acme.test", "data@acme.test"]]


def test_a_subject_is_short_and_never_empty() -> None:
    assert len(subject_of(about(messages.HUGE))) <= 150
    assert subject_of(messages.make_message(headline=" \x00 ")) == "incident-ops"


def test_the_largest_mail_is_small_enough_for_any_server(server: MailServer, notifier: EmailNotifier) -> None:
    notifier.send(TWO, about(messages.HUGE), key=POST)
    (raw,) = server.raw
    assert len(raw) < 1_000_000
    assert max(len(line) for line in raw.splitlines()) <= 998
    assert "… and 450 more" in texts_of(server.mails[0])


# ---- threads


def test_a_turn_is_mailed_in_the_same_conversation_and_repeated_under_the_same_id(
    server: MailServer, notifier: EmailNotifier
) -> None:
    """Mail programs know it again, should an answer have been lost."""
    thread = notifier.send(TWO, about(TRIGGERED), key=POST)
    for process in (notifier, notifier_at(server.port)):
        process.reply(thread, "Resolved: it is well", key=f"INC-7:turn:{TWO}:r2", broadcast=False)
    first, *ends = server.mails
    for mail in ends:
        assert mail["In-Reply-To"] == mail["References"] == first["Message-ID"]
        assert mail["Subject"] == f"Re: {first['Subject']}"
        assert "Resolved: it is well" in texts_of(mail)
    assert len(ends) == 2
    assert len({mail["Message-ID"] for mail in server.mails}) == 2


def test_a_reply_is_a_mail_only_where_people_are_to_be_interrupted(
    server: MailServer, notifier: EmailNotifier
) -> None:
    thread = notifier.send(TWO, about(TRIGGERED), key=POST)
    notifier.reply(thread, "A note", key="k2", broadcast=False)
    reply = notifier.reply(thread, "Still open after 4 h\r\nBcc: x@acme.test", key="k3", broadcast=True)
    first, second = server.mails
    assert second["In-Reply-To"] == first["Message-ID"]
    assert reply.message.startswith(second["Message-ID"])
    assert "Still open after 4 h" in texts_of(second)
    assert "Bcc" not in second


# ---- the way there


def test_nothing_is_sent_in_the_clear_to_a_server_without_starttls() -> None:
    with MailServer() as server:
        error = refusal_of(make_notifier(server.port, security="starttls", user=USER, password=PASSWORD))
        assert error.needs_person
        assert "STARTTLS" in str(error)
        assert not server.mails
        assert server.logins == 0


def test_tls_from_the_start() -> None:
    with MailServer(tls=server_context(), implicit=True) as server:
        make_notifier(server.port, security="tls", user=USER, password=PASSWORD).send(TWO, messages.PLAIN, key="k")
        assert len(server.mails) == server.logins == 1


def test_another_hosts_certificate_is_refused_although_its_authority_is_trusted() -> None:
    with MailServer(tls=server_context("elsewhere.test"), implicit=True) as server:
        error = refusal_of(make_notifier(server.port, security="tls"))
        assert error.needs_person
        assert "certificate" in str(error)
        assert not server.mails


def test_plain_text_where_tls_is_expected_is_a_wrong_port() -> None:
    with MailServer() as server:
        error = refusal_of(make_notifier(server.port, security="tls"))
        assert error.needs_person
        assert "smtp.port" in str(error)


def test_without_any_security_it_is_said_so_and_done() -> None:
    with MailServer() as server:
        make_notifier(server.port).send(TWO, messages.PLAIN, key="k")
        assert len(server.mails) == 1


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_is_the_usual_one_unless_another_is_named(security: str, port: int) -> None:
    error = refusal_of(make_notifier(port=None, security=security, host="127.0.0.9", timeout=1))
    assert f"127.0.0.9:{port}" in str(error)


def test_a_host_that_is_none_is_no_crash() -> None:
    for host in ("no-such-host.invalid", "a" * 70 + ".test", ""):
        error = refusal_of(make_notifier(unused_port(), host=host, timeout=1))
        assert not error.fate_unknown


# ---- what the server says


@pytest.mark.parametrize(
    ("reply", "permanent", "needs_person"),
    [
        ("421 4.3.2 shutting down", False, False),
        ("450 4.2.0 greylisted", False, False),
        ("452 4.3.1 disk full", False, False),
        ("552 5.3.4 too large", True, False),
        ("554 5.7.1 looks like spam", True, False),
        ("530 5.7.0 authentication required", False, True),
    ],
)
def test_four_is_for_now_and_five_for_good(
    server: MailServer, notifier: EmailNotifier, reply: str, permanent: bool, needs_person: bool
) -> None:
    server.next(reply)
    error = refusal_of(notifier)
    assert (error.permanent, error.needs_person, error.fate_unknown) == (permanent, needs_person, False)
    assert reply[:3] in str(error)


def test_a_connection_that_breaks_after_the_text_leaves_the_fate_open(
    server: MailServer, notifier: EmailNotifier
) -> None:
    server.next(DROP)
    assert refusal_of(notifier).fate_unknown
    assert not refusal_of(notifier_at(unused_port())).fate_unknown


def test_those_who_get_the_mail_read_who_did_not(caplog: pytest.LogCaptureFixture) -> None:
    with (
        MailServer(refuses={"data@acme.test": "550 5.1.1 no such user"}) as server,
        caplog.at_level(logging.WARNING),
    ):
        make_notifier(server.port).send(TWO, about(TRIGGERED), key=POST)
        assert server.recipients == [["erin@acme.test"]]
        assert "refused to deliver this to data@acme.test" in texts_of(server.mails[0])
    assert "data@acme.test" in caplog.text


@pytest.mark.parametrize(("code", "permanent"), [("550 5.1.1 no such user", True), ("450 4.2.1 later", False)])
def test_a_mail_that_nobody_would_get_is_refused_by_name(code: str, permanent: bool) -> None:
    refuses = {"erin@acme.test": "550 5.1.1 no such user", "data@acme.test": code}
    with MailServer(refuses=refuses) as server:
        error = refusal_of(make_notifier(server.port))
        assert error.permanent == permanent
        assert "erin@acme.test, data@acme.test" in str(error)
        with pytest.raises(TransportError):
            make_notifier(server.port).check(TWO)


def test_a_check_names_every_address_that_is_refused_and_sends_nothing() -> None:
    with MailServer(refuses={"data@acme.test": "550 5.1.1 no such user"}) as server:
        with pytest.raises(TransportError, match=r"mail to data@acme\.test"):
            make_notifier(server.port).check(TWO)
        make_notifier(server.port).check(Destination(kind="email", address="erin@acme.test"))
        assert not server.mails


@pytest.mark.parametrize(
    "address", ["", " , ", "nobody", "a@b\r\nRCPT TO:<c@d>", "a@b>, c@d", "Erin <erin@acme.test>"]
)
def test_what_is_no_address_goes_nowhere(server: MailServer, notifier: EmailNotifier, address: str) -> None:
    assert refusal_of(notifier, Destination(kind="email", address=address)).permanent
    assert not server.mails


def test_a_reply_to_a_mail_that_an_earlier_version_sent_is_no_crash(
    server: MailServer, notifier: EmailNotifier
) -> None:
    thread = Receipt(channel=TWO.address, message="<a@b>")
    notifier.reply(thread, "Resolved", key=f"INC-7:turn:{TWO}:r2", broadcast=False)
    (mail,) = server.mails
    assert (mail["In-Reply-To"], mail["Subject"]) == ("<a@b>", "Re: INC-7")
