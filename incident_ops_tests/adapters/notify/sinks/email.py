"""E-mail, on a server with STARTTLS, a login and a certificate of our own authority."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from incident_ops.adapters.notify.mail import EmailNotifier
from incident_ops.core.routing import Destination
from incident_ops.engine.ports import Notifier
from incident_ops_tests.adapters.notify.certificates import authority, server_context
from incident_ops_tests.adapters.notify.local_server import unused_port
from incident_ops_tests.adapters.notify.mail_server import DROP, HANG, PASSWORD, USER, MailServer, texts_of
from incident_ops_tests.adapters.notify.sinks import TIMEOUT, Failure, Opening, Sink

NOW = datetime(2025, 3, 1, 9, tzinfo=UTC)


def notifier_at(port: int, *, password: str = PASSWORD, timeout: float = 5.0) -> EmailNotifier:
    return EmailNotifier(
        host="127.0.0.1",
        port=port,
        security="starttls",
        user=USER,
        password=password,
        sender="Incidents <incidents@acme.test>",
        origin="prod/7f3a",
        clock=lambda: NOW,
        timeout=timeout,
    )


@contextmanager
def email() -> Iterator[Sink]:
    with (
        pytest.MonkeyPatch.context() as patched,
        MailServer(tls=server_context()) as server,
        MailServer(tls=server_context("elsewhere.test")) as other,
    ):
        patched.setenv("SSL_CERT_FILE", str(authority()))

        def meeting(reply: str, timeout: float = 5.0) -> Callable[[], Notifier]:
            def arranged() -> Notifier:
                server.next(reply)
                return notifier_at(server.port, timeout=timeout)

            return arranged

        yield Sink(
            notifier=notifier_at(server.port),
            destination=Destination(kind="email", address="erin@acme.test, data@acme.test"),
            posts=lambda: _conversations(server),
            replies=lambda message: _answers(server, message.partition(" ")[0]),
            sent=server.sent,
            secrets=(PASSWORD, "wrong-but-secret-too"),
            failing={
                Failure.BROKEN: meeting("451 4.3.0 try again"),
                Failure.SILENT: meeting(HANG, timeout=TIMEOUT),
                Failure.DROPPED: meeting(DROP),
                Failure.UNAUTHORISED: lambda: notifier_at(server.port, password="wrong-but-secret-too"),
                Failure.UNREACHABLE: lambda: notifier_at(unused_port()),
                Failure.WRONG_CERTIFICATE: lambda: notifier_at(other.port),
            },
        )


def _conversations(server: MailServer) -> list[str]:
    """As a mail program shows them: a mail with the same Message-ID once, answers with what they answer."""
    shown: dict[str, dict[str, str]] = {}
    for mail in server.mails:
        first = mail["In-Reply-To"] or mail["Message-ID"]
        shown.setdefault(first, {})[mail["Message-ID"]] = texts_of(mail)
    return ["\n".join(mails.values()) for mails in shown.values()]


def _answers(server: MailServer, message_id: str) -> list[str]:
    return [texts_of(mail) for mail in server.mails if mail["In-Reply-To"] == message_id]


SINKS: dict[str, Opening] = {"email": email}
