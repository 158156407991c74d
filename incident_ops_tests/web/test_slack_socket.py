"""The Socket Mode connection: envelopes are acknowledged, lost connections are opened again, it ends in time, and
no ticket or token is in any log."""

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from incident_ops.adapters.notify.slack.socket import SlackSocket, is_safe
from incident_ops.core.errors import ConfigError, StoreUnavailable
from incident_ops_tests.waiting import wait_until
from incident_ops_tests.web.socket_slack import APP_TOKEN, SECONDS, SocketSlack

Payload = Mapping[str, Any]


@pytest.fixture
def slack() -> Iterator[SocketSlack]:
    with SocketSlack() as slack:
        yield slack


@pytest.fixture
def connected(slack: SocketSlack) -> Iterator[SlackSocket]:
    """Answers every payload with what it was."""
    with SlackSocket(APP_TOKEN, slack.base_url, lambda payload: {"was": payload}, ping_seconds=0.1) as socket:
        slack.wait_for_connection()
        yield socket


@pytest.mark.parametrize(
    ("type", "accepts", "acknowledged"),
    [
        ("interactive", True, {"envelope_id": "e-1", "payload": {"was": {"n": 1}}}),
        ("slash_commands", True, {"envelope_id": "e-1", "payload": {"was": {"n": 1}}}),
        ("interactive", False, {"envelope_id": "e-1"}),
        ("events_api", True, {"envelope_id": "e-1"}),
        ("something_new", True, {"envelope_id": "e-1"}),
    ],
)
@pytest.mark.usefixtures("connected")
def test_every_envelope_is_acknowledged(
    slack: SocketSlack, type: str, accepts: bool, acknowledged: Payload
) -> None:
    """What is not, Slack sends again and again."""
    assert slack.asks(type, {"n": 1}, accepts=accepts) == acknowledged


def test_what_cannot_be_done_is_acknowledged_all_the_same(slack: SocketSlack) -> None:
    def fails(_: Payload) -> None:
        raise StoreUnavailable("away")

    with SlackSocket(APP_TOKEN, slack.base_url, fails):
        slack.wait_for_connection()
        assert slack.asks("interactive", {}) == {"envelope_id": "e-1"}


@pytest.mark.usefixtures("connected")
def test_when_slack_asks_us_to_leave_we_come_back(slack: SocketSlack) -> None:
    """It does so every few hours."""
    slack.sends({"type": "disconnect", "reason": "refresh_requested"})
    slack.wait_for_connection(2)
    assert slack.asks("interactive", {"n": 2})["payload"] == {"was": {"n": 2}}


def test_a_lost_connection_is_opened_again(slack: SocketSlack, connected: SlackSocket) -> None:
    slack.connections[0].close()
    slack.wait_for_connection(2)
    wait_until(lambda: connected.state == "connected", SECONDS, lambda: connected.state, pause=0.02)
    assert slack.asks("interactive", {"n": 3})["payload"] == {"was": {"n": 3}}


def test_what_slack_refuses_is_said_with_the_remedy_and_not_asked_again_at_once(
    slack: SocketSlack, caplog: pytest.LogCaptureFixture
) -> None:
    slack.refuses = "invalid_auth"
    with SlackSocket(APP_TOKEN, slack.base_url, lambda _: None, ping_seconds=0.1) as socket:
        wait_until(lambda: "refused" in socket.state, SECONDS, lambda: socket.state, pause=0.02)
        assert "INCIDENT_OPS_SLACK_APP_TOKEN" in socket.state and "invalid_auth" in socket.state
    assert len(slack.calls_of("apps.connections.open")) == 1
    assert len([r for r in caplog.records if "invalid_auth" in r.getMessage()]) == 1


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("wss://wss-primary.slack.com/link/?ticket=1", True),
        ("wss://wss-primary.slack.com:443/link/", True),
        ("wss://wss-primary.slack.com:8443/link/", False),
        ("ws://wss-primary.slack.com/link/", False),
        ("http://wss-primary.slack.com/link/", False),
        ("wss://[::1", False),
        ("wss://h:x/", False),
        ("", False),
    ],
)
def test_only_addresses_to_which_slack_sdk_speaks_tls_are_gone_to(address: str, safe: bool) -> None:
    """On any other port than 443 it does not, even if the address begins with wss."""
    assert is_safe(address, api="https://slack.com/api/") is safe


def test_after_a_lost_connection_a_refusal_is_not_met_with_asking_on_and_on(slack: SocketSlack) -> None:
    """slack_sdk looks every few seconds whether it is connected, and would ask each time."""
    looks: list[str] = []
    with SlackSocket(APP_TOKEN, slack.base_url, lambda _: None, ping_seconds=0.02) as socket:
        slack.wait_for_connection()
        asking = socket._client.issue_new_wss_url

        def look() -> str:
            looks.append(socket.state)
            return asking()

        socket._client.issue_new_wss_url = look
        slack.refuses = "ratelimited"
        slack.connections[0].close()
        wait_until(lambda: len(looks) > 5, SECONDS, "slack_sdk has looked several times", pause=0.02)
    assert "ratelimited" in looks[-1]
    assert len(slack.calls_of("apps.connections.open")) == 2


def test_an_address_that_is_not_safe_is_not_gone_to(slack: SocketSlack) -> None:
    slack.leads_to = "wss://127.0.0.1:8443/"
    with SlackSocket(APP_TOKEN, slack.base_url, lambda _: None) as socket:
        wait_until(lambda: "not encrypted" in socket.state, SECONDS, lambda: socket.state, pause=0.02)
    assert slack.connections == []


def test_it_ends_within_seconds_whatever_it_is_doing(slack: SocketSlack) -> None:
    began = time.monotonic()
    with SlackSocket(APP_TOKEN, slack.base_url, lambda _: None):
        slack.wait_for_connection()
    slack.refuses = "internal_error"
    with SlackSocket(APP_TOKEN, slack.base_url, lambda _: None) as socket:
        wait_until(lambda: "internal_error" in socket.state, SECONDS, lambda: socket.state, pause=0.02)
    with SlackSocket(APP_TOKEN, "http://127.0.0.1:9/api/", lambda _: None) as socket:
        wait_until(lambda: "cannot be reached" in socket.state, SECONDS, lambda: socket.state, pause=0.02)
    assert time.monotonic() - began < 20


def test_nobody_reads_a_ticket_or_a_token_in_a_log(slack: SocketSlack, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        SlackSocket(APP_TOKEN, slack.base_url, lambda _: None, ping_seconds=0.1) as socket,
    ):
        slack.wait_for_connection()
        slack.asks("interactive", {"token": "verification-token"})
        slack.connections[0].close()
        slack.wait_for_connection(2)
        shown = repr(socket)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets")]
    for secret in (APP_TOKEN, "secret-ticket", "verification-token"):
        assert secret not in "\n".join([*ours, shown])


def test_a_token_that_cannot_be_one_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="INCIDENT_OPS_SLACK_APP_TOKEN"):
        SlackSocket("xapp 1\n2", "https://slack.test/api/", lambda _: None)
