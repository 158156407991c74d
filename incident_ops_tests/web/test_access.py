"""Which programs may report to the console: with a token, without one, and where others can reach it."""

import logging

import pytest
from starlette.testclient import TestClient

from incident_ops.adapters.store import SqlStore
from incident_ops.core.errors import ConfigError
from incident_ops.web.access import access_at
from incident_ops.web.views import VIEWS
from incident_ops_tests.web.portal import CEO, EVERYWHERE, HERE, Kept, portal_of

TOKEN = "s3cr3t-of-the-portal"


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def portal(store: SqlStore, kept: Kept) -> TestClient:
    return portal_of(store, kept)


@pytest.mark.parametrize("host", [HERE, EVERYWHERE])
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (f"Bearer {TOKEN}", 202),
        (f"bearer  {TOKEN}", 202),
        (None, 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer gêheim", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
    ],
)
def test_with_a_token_only_who_sends_it_is_believed_wherever_he_is(
    store: SqlStore, kept: Kept, host: str, sent: str | None, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    portal = portal_of(store, kept, host=host, token=TOKEN)
    headers = {b"Host": b"incidents.shop.example", b"X-Forwarded-For": b"203.0.113.9"}
    if sent is not None:
        headers[b"Authorization"] = sent.encode("latin-1")
    with caplog.at_level(logging.INFO):
        answer = portal.post(VIEWS, json=CEO, headers=headers)
    assert answer.status_code == status
    assert answer.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
    assert len(kept.views) == (status == 202)
    assert TOKEN not in answer.text + caplog.text + repr(access_at(host, TOKEN))
    if status == 401:
        assert "INCIDENT_OPS_API_TOKEN" in answer.json()["error"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:3100", "127.0.0.1:3100", "[::1]", "[::1]:3100"])
def test_without_a_token_programs_on_this_machine_are_believed(portal: TestClient, host: str) -> None:
    assert portal.post(VIEWS, json=CEO, headers={"Host": host}).status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.attacker.example"},
        {"Host": "127.0.0.1.attacker.example"},
        {"Host": "localhost:3100@attacker.example"},
        {"Host": "192.168.0.7:3100"},
        {"Host": ""},
        {"Forwarded": "for=203.0.113.9"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"x-forwarded-proto": "https"},
        {"X-Real-IP": "203.0.113.9"},
        {"Via": "1.1 proxy"},
    ],
)
def test_without_a_token_nobody_who_comes_from_elsewhere_is_believed(
    portal: TestClient, kept: Kept, headers: dict[str, str]
) -> None:
    """A page that makes its own name lead to this machine, and a proxy that brings strangers."""
    answer = portal.post(VIEWS, json=CEO, headers=headers)
    assert (answer.status_code, kept.views) == (403, [])
    assert answer.json()["error"] == (
        "While INCIDENT_OPS_API_TOKEN is not set, only this machine itself may do this."
    )


def test_a_page_of_another_site_may_not_ask_a_browser_to_send_it(portal: TestClient) -> None:
    """Without consent to the content type a browser keeps it to itself."""
    asked = {"Origin": "https://attacker.example", "Access-Control-Request-Method": "POST"}
    answer = portal.options(VIEWS, headers={**asked, "Access-Control-Request-Headers": "content-type"})
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("host", "token", "state"),
    [
        (EVERYWHERE, TOKEN, "on, at /api/views, with a token"),
        (HERE, TOKEN, "on, at /api/views, with a token"),
        ("127.0.0.2", None, "on, at /api/views, without a token, on this machine only"),
        ("::1", None, "on, at /api/views, without a token, on this machine only"),
        (EVERYWHERE, None, "off: INCIDENT_OPS_API_TOKEN is not set and others can reach 0.0.0.0"),
        ("192.0.2.1", None, "off: INCIDENT_OPS_API_TOKEN is not set and others can reach 192.0.2.1"),
        ("::", None, "off: INCIDENT_OPS_API_TOKEN is not set and others can reach ::"),
    ],
)
def test_the_front_page_says_who_may(host: str, token: str | None, state: str) -> None:
    assert access_at(host, token).state(VIEWS) == state


def test_where_others_can_reach_us_nothing_is_taken_without_a_token(store: SqlStore, kept: Kept) -> None:
    answer = portal_of(store, kept, host=EVERYWHERE).post(VIEWS, json=CEO)
    assert (answer.status_code, kept.views) == (403, [])
    assert answer.json()["error"] == (
        "Nothing is taken here: INCIDENT_OPS_API_TOKEN is not set and others can reach 0.0.0.0."
    )


@pytest.mark.parametrize("token", ["", " ", "two words", "line\n", "gêheim"])
def test_a_token_that_nobody_could_send_is_a_mistake_and_opens_nothing(token: str) -> None:
    with pytest.raises(ConfigError) as refused:
        access_at(HERE, token)
    assert str(refused.value).startswith("INCIDENT_OPS_API_TOKEN has characters that no header carries")
