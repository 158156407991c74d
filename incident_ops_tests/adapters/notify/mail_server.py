"""A mail server on this machine, by aiosmtpd, with its troubles on request."""

import asyncio
import email
import ssl
from contextlib import AbstractContextManager
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Server
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from incident_ops_tests.adapters.notify.local_server import unused_port

USER, PASSWORD = "incidents", "pa55word-of-the-mail-account"
DROP, HANG = "drop", "hang"


class MailServer(AbstractContextManager["MailServer"]):
    """
    Args:
        tls: with this certificate; by STARTTLS unless `implicit`. None for neither.
        refuses: address → the reply to `RCPT TO` of it.
    """

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, implicit: bool = False, refuses: dict[str, str] | None = None
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.recipients: list[list[str]] = []
        self.logins = 0
        self._refuses = refuses or {}
        self._next: list[str] = []
        self._sent: list[bytes] = []
        self._released = asyncio.Event()
        options: dict[str, Any] = {"authenticator": self._let_in, "auth_require_tls": tls is not None}
        if implicit:
            options |= {"auth_require_tls": False}
        elif tls is not None:
            options |= {"tls_context": tls, "require_starttls": True}
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=unused_port(),
            ssl_context=tls if implicit else None,
            **options,
        )

    @property
    def port(self) -> int:
        return self._controller.port

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.loop.call_soon_threadsafe(self._released.set)
        self._controller.stop()

    def next(self, *replies: str) -> None:
        """The next mails get these replies after their text: a line of SMTP, `DROP` or `HANG`."""
        self._next.extend(replies)

    def sent(self) -> bytes:
        """The mails as they came, and besides each part as it reads."""
        return b"\n".join(self._sent)

    # what aiosmtpd calls

    def _let_in(
        self, server: Server, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        self.logins += 1
        is_known = data == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_known, handled=is_known)

    async def handle_RCPT(
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self._refuses:
            return self._refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        reply = self._next.pop(0) if self._next else "250 OK"
        if reply == DROP:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if reply == HANG:
            await self._released.wait()
        if reply == "250 OK":
            assert isinstance(envelope.original_content, bytes)
            self.raw.append(envelope.original_content)
            mail = email.message_from_bytes(envelope.original_content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self._sent += [envelope.original_content, _as_it_reads(mail).encode()]
            self.recipients.append(list(envelope.rcpt_tos))
        return reply


def _as_it_reads(mail: EmailMessage) -> str:
    heads = [f"{name}: {value}" for name, value in mail.items()]
    return "\n".join((*heads, *(part.get_content() for part in mail.walk() if not part.is_multipart())))


def texts_of(mail: EmailMessage) -> str:
    """Subject and plain text."""
    body = mail.get_body(("plain",))
    assert body is not None
    return f"{mail['Subject']}\n{body.get_content()}"
