"""What a mail server's replies and silences mean for a delivery: 4yz is for now, 5yz for good (RFC 5321, 4.2.1).

The sentences never hold what the server said: many quote addresses, and some the account.
"""

import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence

from incident_ops.core.errors import TransportError

_BAD_LOGIN = frozenset({530, 534, 535, 538})  # RFC 4954, 6
_CERTIFICATE = "check smtp.host and security, or set SSL_CERT_FILE for an authority of your own"


def refused(place: str, code: int, *, what: str) -> TransportError:
    """The trouble behind a reply that is not the expected one."""
    if code in _BAD_LOGIN:
        remedy = "check smtp.user and smtp.password; some providers want a password made for applications"
        return TransportError(f"{place} did not let us in ({code}); {remedy}", needs_person=True)
    if 400 <= code < 500:
        return TransportError(f"{place} could not take {what} now ({code})")
    return TransportError(f"{place} refused {what} ({code})", permanent=True)


def refused_addresses(place: str, addresses: Sequence[str], *, code: int = 550) -> TransportError:
    """`code`: the mildest of the replies."""
    return refused(place, code, what=f"mail to {', '.join(addresses)}")


def no_answer(error: Exception, place: str, *, fate_unknown: bool) -> TransportError:
    """The trouble behind an error of smtplib's or of the connection."""
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:
        return refused(place, error.smtp_code, what="the session" if not fate_unknown else "the mail")
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return TransportError(f"{place} cannot be asked; check smtp.host and smtp.from", needs_person=True)
    if isinstance(error, smtplib.SMTPNotSupportedError) or type(error) is smtplib.SMTPException:
        remedy = "leave smtp.user out if it wants none"
        return TransportError(f"{place} takes no password this way; {remedy}", needs_person=True)
    causes = tuple(_causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return TransportError(
            f"{place} has a certificate that cannot be verified; {_CERTIFICATE}", needs_person=True
        )
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return TransportError(f"{place} cannot be found; check smtp.host")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return TransportError(f"{place} does not answer; check smtp.host and smtp.port")
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return TransportError(f"{place} did not answer in time", fate_unknown=fate_unknown)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        remedy = "check smtp.port and smtp.security"
        return TransportError(f"{place} does not speak TLS as expected; {remedy}", needs_person=not fate_unknown)
    return TransportError(f"the connection to {place} broke off", fate_unknown=fate_unknown)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
