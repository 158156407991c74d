"""Socket Mode: Slack's buttons and commands over a connection that we open, for those without an inbound address.

The connection is `slack_sdk`'s, which opens another when one is lost. Its log lines quote addresses that hold
tickets: they are kept quiet, and what becomes of the connection is said here.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPException
from typing import Any, Self
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from slack_sdk.errors import SlackApiError, SlackClientError, SlackClientNotConnectedError
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web import WebClient

from incident_ops.adapters.notify.slack.http import slack_client
from incident_ops.core.errors import ConfigError, IncidentOpsError

AGAIN_AFTER = 5.0  # seconds between two tries while Slack cannot be reached
AGAIN_AFTER_REFUSAL = 60.0  # what Slack refuses, a person has to mend
LONGEST_GOODBYE = 5.0

_ANSWERED = frozenset({"interactive", "slash_commands"})
_REFUSED = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "not_allowed_token_type",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "forbidden_team",
        "team_access_not_granted",
        "socket_mode_not_enabled",
    }
)
_REMEDY = (
    "check INCIDENT_OPS_SLACK_APP_TOKEN (xapp-…, scope connections:write) and that the app has Socket Mode enabled"
)

_log = logging.getLogger(__name__)
_silent = logging.getLogger(f"{__name__}.slack_sdk")
_silent.setLevel(logging.CRITICAL)

Answers = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


class SlackSocket:
    """Connected, or trying to be, from the beginning of `with` until its end.

    Args:
        app_token: the app-level token, `xapp-…`.
        base_url: as `slack_sdk` takes it.
        answers: a payload → Slack's answer, in time; what it raises it logs itself, as `SlackIntake` does.
        ping_seconds: how often the connection is looked at; one that is lost is noticed within four times that.

    Raises:
        ConfigError: the token cannot be one.
    """

    def __init__(self, app_token: str, base_url: str, answers: Answers, *, ping_seconds: float = 5) -> None:
        self._answers = answers
        self._ends = threading.Event()
        self._client = _Client(_web_client(app_token, base_url), app_token, ping_seconds=ping_seconds)
        self._client.socket_mode_request_listeners.append(self._take)
        self._connecting = threading.Thread(target=self._connect, name="slack-socket", daemon=True)

    def __repr__(self) -> str:
        return "SlackSocket()"

    def __enter__(self) -> Self:
        self._connecting.start()
        return self

    def __exit__(self, *_: object) -> None:
        """slack_sdk may be asking for a new connection; nobody waits for that to end."""
        self._ends.set()
        leaving = threading.Thread(target=self._client.leave, daemon=True)
        leaving.start()
        leaving.join(LONGEST_GOODBYE)

    @property
    def state(self) -> str:
        """In a few words."""
        if self._client.is_connected():
            return "connected"
        return f"not connected: {self._client.trouble}" if self._client.trouble else "connecting"

    def _connect(self) -> None:
        """Until it has succeeded once; from then on slack_sdk keeps it up."""
        while not self._ends.is_set() and not self._client.current_app_monitor_started:
            try:
                self._client.connect_to_new_endpoint(force=True)
            except (SlackClientError, URLError, HTTPException, OSError, ValueError):
                self._ends.wait(self._client.patience)

    def _take(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        try:
            answer = self._answers(request.payload) if request.type in _ANSWERED else None
        except IncidentOpsError:  # whoever answers has logged it
            answer = None
        payload = dict(answer) if answer is not None and request.accepts_response_payload else None
        try:
            client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload))
        except SlackClientNotConnectedError:  # Slack asks again over the next connection
            _log.warning("Slack's Socket Mode connection was lost before an answer; Slack may ask again.")


class _Client(SocketModeClient):
    """slack_sdk's, but each try is one try, says what went wrong, and goes where TLS is verified."""

    def __init__(self, web_client: WebClient, app_token: str, *, ping_seconds: float) -> None:
        self.trouble = ""
        self._not_before = 0.0
        super().__init__(app_token, logger=_silent, web_client=web_client, ping_interval=ping_seconds)

    @property
    def patience(self) -> float:
        """Seconds until Slack may be asked again."""
        return max(self._not_before - time.monotonic(), 0.0)

    def issue_new_wss_url(self) -> str:
        if self.patience > 0:  # slack_sdk looks at the connection more often than Slack wants to be asked
            raise SlackClientError(self.trouble)
        try:
            url = str(self.web_client.apps_connections_open(app_token=self.app_token)["url"])
        except SlackApiError as error:
            name = str(error.response.get("error") or f"HTTP {error.response.status_code}")
            self._stumble(*_meaning_of(name, error.response.headers))
            raise
        except (SlackClientError, URLError, HTTPException, OSError, ValueError) as error:
            self._stumble(f"Slack cannot be reached ({type(error).__name__})", AGAIN_AFTER)
            raise
        if not is_safe(url, api=self.web_client.base_url):
            self._stumble("Slack named an address that is not encrypted", AGAIN_AFTER_REFUSAL)
            raise ValueError("not an encrypted address")
        self.proxy = _proxy_to(url)
        return url

    def connect(self) -> None:
        super().connect()
        if self.is_connected():
            if self.trouble:
                _log.warning("Slack's Socket Mode is connected again.")
            self.trouble = ""
        else:
            self._stumble("Slack's Socket Mode address cannot be reached", AGAIN_AFTER)

    def leave(self) -> None:
        """Close, without slack_sdk's three seconds until it looks up from reading."""
        self.auto_reconnect_enabled = False
        self.current_session_state.terminated = True
        if (session := self.current_session) is not None and (connection := session.sock) is not None:
            with suppress(OSError):  # the other side was first
                connection.shutdown(socket.SHUT_RDWR)
        self.close()

    def _stumble(self, trouble: str, wait_for: float) -> None:
        if trouble != self.trouble:
            _log.warning("Slack's Socket Mode is not connected: %s.", trouble)
        self.trouble, self._not_before = trouble, time.monotonic() + wait_for


def is_safe(url: str, *, api: str) -> bool:
    """Whether slack_sdk would go to `url` over TLS: it does so on port 443 alone, whatever the address says. Where
    the API itself has no TLS (a test's) nothing else needs it."""
    try:
        named = urlsplit(url)
        is_encrypted = named.scheme == "wss" and named.port in (None, 443)
    except ValueError:
        return False
    return is_encrypted or (named.scheme == "ws" and api.startswith("http://"))


def _web_client(app_token: str, base_url: str) -> WebClient:
    try:
        return slack_client(app_token, base_url)
    except ConfigError:
        sentence = "INCIDENT_OPS_SLACK_APP_TOKEN is empty or has characters no token has; copy it again."
        raise ConfigError([sentence]) from None


def _meaning_of(name: str, headers: Mapping[str, Any]) -> tuple[str, float]:
    """What a refusal means for people, and how long to wait."""
    if name in _REFUSED:
        return f"Slack refused the app token ({name}): {_REMEDY}", AGAIN_AFTER_REFUSAL
    if name == "ratelimited":
        asked = str(headers.get("Retry-After") or headers.get("retry-after") or "")
        return "Slack asks us to wait (ratelimited)", float(asked) if asked.isdecimal() else AGAIN_AFTER_REFUSAL
    return f"Slack answered {name}", AGAIN_AFTER


def _proxy_to(url: str) -> str | None:
    """slack_sdk reads HTTPS_PROXY but not NO_PROXY."""
    named = urlsplit(url)
    if named.scheme == "ws" or proxy_bypass(named.netloc):
        return None
    return getproxies().get("https")
