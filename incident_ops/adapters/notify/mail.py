"""E-mail as a sink, over SMTP (RFC 5321) with TLS. What a mail looks like is `mail_body.py`."""

import hashlib
import logging
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Literal

from incident_ops.adapters.notify.mail_body import Body, body_of, reply_body_of, subject_of
from incident_ops.adapters.notify.mail_outcomes import no_answer, refused, refused_addresses
from incident_ops.adapters.notify.plain import one_line
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.incident import Incident
from incident_ops.core.message import Message
from incident_ops.core.notices import tells_a_turn
from incident_ops.core.routing import Destination

Security = Literal["starttls", "tls", "none"]

PORTS = {"starttls": 587, "tls": 465, "none": 25}  # submission, submissions (RFC 8314), smtp

_log = logging.getLogger(__name__)

_POLICY = SMTP.clone(cte_type="7bit")  # every server takes that
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,253}[A-Za-z0-9])?")


class EmailNotifier:
    """Notifier with `CanReply` and `CanCheck`. An address is one or more mail addresses with commas between them;
    all stand in one mail. Receipts hold the addresses, and the Message-ID with the subject after it.

    A mail cannot be edited. A reply is a mail in the same conversation if people are to be interrupted, or if it
    tells a turn (`core.notices.tells_a_turn`): somebody has it, it is over, it began again. Any other costs none;
    what it says stands in no mail.

    A mail cannot be looked up: it is repeated with the same Message-ID, by which mail programs know it again. An
    address that the server refuses is named in the mail to the others, and in the log; if it refuses all, the mail
    is refused.

    Args:
        port: None for the usual one of that security.
        security: `starttls` and `tls` insist on it, with a valid certificate; a server without it gets nothing.
        sender: an address, or `Name <address>`.
        origin: `<environment>/<installation id>`; the host part of Message-IDs.
        clock: the time now, aware, in UTC.
        timeout: seconds to connect, and to wait for each answer.
    """

    kind: str = "email"

    def __init__(
        self,
        *,
        host: str,
        port: int | None,
        security: Security,
        user: str | None,
        password: str | None,
        sender: str,
        origin: str,
        clock: Callable[[], datetime],
        timeout: float = 10,
    ) -> None:
        self._host, self._port, self._security = host, port or PORTS[security], security
        self._user, self._password = user, password
        self._sender, self._clock, self._timeout = one_line(sender), clock, timeout
        self._own_host = re.sub(r"[^a-z0-9.]+", "-", ".".join(reversed(origin.lower().split("/")))).strip("-.")
        self._place = f"the mail server {host}:{self._port}"

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        message_id, subject = self._message_id(key), subject_of(message)
        self._mail(
            destination.address,
            message_id,
            subject,
            message.about,
            lambda unreached: body_of(message, unreached=unreached),
        )
        return Receipt(channel=destination.address, message=f"{message_id} {subject}")

    def reply(self, thread: Receipt, text: str, *, key: str, broadcast: bool) -> Receipt:
        if not (broadcast or tells_a_turn(key)):
            return Receipt(channel=thread.channel, message="")
        first, _, subject = thread.message.partition(" ")
        subject = subject or key.partition(":")[0]  # a receipt of an earlier version
        message_id = self._message_id(key)
        self._mail(
            thread.channel,
            message_id,
            f"Re: {subject}",
            None,
            lambda unreached: reply_body_of(text, subject, unreached=unreached),
            thread=first,
        )
        return Receipt(channel=thread.channel, message=f"{message_id} {subject}")

    def check(self, destination: Destination) -> None:
        """Whether the server lets us in and takes these addresses; no mail is sent."""
        addresses = self._addresses(destination.address)
        with self._session() as session:
            unreached = self._address_to(session, addresses)
            session.rset()
        if unreached:
            raise refused_addresses(self._place, unreached)

    def _mail(
        self,
        to: str,
        message_id: str,
        subject: str,
        incident: Incident | None,
        body: Callable[[tuple[str, ...]], Body],
        *,
        thread: str | None = None,
    ) -> None:
        addresses = self._addresses(to)
        with self._session() as session:
            unreached = self._address_to(session, addresses)
            mail = self._composed(addresses, message_id, subject, incident, body(tuple(unreached)), thread)
            if unreached:
                _log.warning("%s refused to deliver to %s; the others get it", self._place, ", ".join(unreached))
            with _meaning(self._place, fate_unknown=True):
                code, _ = session.data(mail.as_bytes())
            if code != 250:
                raise refused(self._place, code, what="the mail")

    def _composed(
        self,
        addresses: tuple[str, ...],
        message_id: str,
        subject: str,
        incident: Incident | None,
        body: Body,
        thread: str | None,
    ) -> EmailMessage:
        mail = EmailMessage(policy=_POLICY)
        mail["From"], mail["To"], mail["Subject"] = self._sender, ", ".join(addresses), subject
        mail["Date"], mail["Message-ID"] = format_datetime(self._clock()), message_id
        if thread is not None:
            mail["In-Reply-To"] = mail["References"] = thread
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834
        mail["X-Auto-Response-Suppress"] = "All"  # Exchange does not heed the other
        if incident is not None:
            mail["X-Incident"], mail["X-Incident-Status"] = incident.id, str(incident.status)
            mail["X-Incident-Severity"] = str(incident.severity)
        mail.set_content(body.text)
        mail.add_alternative(body.html, subtype="html")
        return mail

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """A session that has been let in. Until the mail itself is on its way nothing has been sent."""
        with _meaning(self._place, fate_unknown=False):
            session = self._connected()
            with closing(session):
                self._let_in(session)
                yield session
                with suppress(OSError):  # the mail is accepted by now
                    session.quit()

    def _connected(self) -> smtplib.SMTP:
        name = socket.gethostname()  # smtplib would ask the resolver, which can take seconds
        if self._security == "tls":
            return smtplib.SMTP_SSL(
                self._host, self._port, name, timeout=self._timeout, context=ssl.create_default_context()
            )
        return smtplib.SMTP(self._host, self._port, name, timeout=self._timeout)

    def _let_in(self, session: smtplib.SMTP) -> None:
        if self._security == "starttls":
            session.ehlo_or_helo_if_needed()
            if not session.has_extn("starttls"):
                remedy = "set security to tls if it wants TLS from the start; nothing is sent in the clear"
                raise TransportError(f"{self._place} offers no STARTTLS; {remedy}", needs_person=True)
            session.starttls(context=ssl.create_default_context())
        session.ehlo_or_helo_if_needed()
        if self._user is not None:
            session.login(self._user, self._password or "")

    def _address_to(self, session: smtplib.SMTP, addresses: tuple[str, ...]) -> list[str]:
        """Name sender and recipients; returns those who are refused while others are taken."""
        code, _ = session.mail(parseaddr(self._sender)[1])
        if code != 250:
            raise refused(self._place, code, what="the sender; check smtp.from")
        codes = {address: session.rcpt(address)[0] for address in addresses}
        unreached = {address: code for address, code in codes.items() if code not in (250, 251)}
        if len(unreached) == len(addresses):
            raise refused_addresses(self._place, list(unreached), code=min(unreached.values()))
        return list(unreached)

    def _addresses(self, to: str) -> tuple[str, ...]:
        addresses = tuple(dict.fromkeys(part.strip() for part in to.split(",") if part.strip()))
        if not addresses or not all(map(_ADDRESS.fullmatch, addresses)):
            problem = f"{one_line(to)[:200] or 'nobody'} is no mail address; correct it"
            raise TransportError(f"no mail was sent: {problem}", permanent=True)
        return addresses

    def _message_id(self, key: str) -> str:
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:40]
        return f"<{digest}@{self._own_host}.incident-ops>"


@contextmanager
def _meaning(place: str, *, fate_unknown: bool) -> Iterator[None]:
    """Errors of smtplib's and of the connection become ours."""
    try:
        yield
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise no_answer(error, place, fate_unknown=fate_unknown) from None
