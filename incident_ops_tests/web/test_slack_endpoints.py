"""The endpoints that Slack calls, over a real connection: who is answered, what, and how fast."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from incident_ops.adapters.notify.slack.intake import SlackIntake
from incident_ops.adapters.store import SqlStore
from incident_ops.adapters.wiring import utc_now
from incident_ops.core.errors import StoreUnavailable
from incident_ops.web.app import make_app
from incident_ops.web.requests import LARGEST_BODY
from incident_ops.web.signatures import Guard
from incident_ops.web.slack import SlackEndpoints
from incident_ops_tests.waiting import wait_until
from incident_ops_tests.web.serving import SECONDS, SECRET, Slack, serving

Payload = Mapping[str, Any]
PATHS = ("/slack/interactivity", "/slack/commands", "/slack/events")


class Desk:
    """Answers with what it is told to; `taken` is what it was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[Payload], Payload | None] = lambda payload: None
        self.taken: list[Payload] = []

    def __call__(self, payload: Payload) -> Payload | None:
        self.taken.append(payload)
        return self.answer(payload)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def url(store: SqlStore, desk: Desk) -> Iterator[str]:
    endpoints = SlackEndpoints(Guard(SECRET, store), desk, clock=utc_now)
    app = make_app(store, dagster_url="http://127.0.0.1:3000", parts=[], more=endpoints.routes())
    with serving(app) as url:
        yield url


@pytest.fixture
def slack(url: str) -> Slack:
    return Slack(url)


# ---- what is believed


def test_a_press_reaches_the_desk_and_is_answered(slack: Slack, desk: Desk) -> None:
    press = {"type": "block_actions", "actions": [{"value": "INC-1 & <more>"}]}
    answer = slack.interacts(press)
    assert (answer.status_code, answer.content) == (200, b"")
    assert desk.taken == [press]


def test_an_answer_to_a_window_is_json(slack: Slack, desk: Desk) -> None:
    refusal = {"response_action": "errors", "errors": {"reason": "Choose what it was."}}
    desk.answer = lambda _: refusal
    answer = slack.interacts({"type": "view_submission"})
    assert (answer.status_code, answer.json()) == (200, refusal)
    assert answer.headers["Content-Type"] == "application/json"


def test_a_slash_command_reaches_the_desk_as_its_fields(slack: Slack, desk: Desk) -> None:
    desk.answer = lambda payload: {"text": f"you said {payload['text']}"}
    answer = slack.commands("show INC-1 ä", team_id="")
    assert answer.json() == {"text": "you said show INC-1 ä"}
    assert desk.taken[0].items() >= {"command": "/incident", "user_id": "U1ANN", "team_id": ""}.items()


def test_slack_may_check_the_address_of_its_events(slack: Slack, desk: Desk) -> None:
    asked = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aBm2r"}).encode()
    answer = slack.sends("/slack/events", asked, content_type="application/json; charset=utf-8")
    assert answer.json() == {"challenge": "3eZbrw1aBm2r"}
    event = slack.sends("/slack/events", b'{"type": "event_callback"}', content_type="application/json")
    assert (event.status_code, event.content) == (200, b"")
    assert desk.taken == []


def test_slacks_own_check_of_the_certificate_is_answered_and_asks_nobody(slack: Slack, desk: Desk) -> None:
    answer = slack.posts("/slack/commands", {"ssl_check": "1", "token": "x"})
    assert (answer.status_code, answer.content, desk.taken) == (200, b"", [])


# ---- what is not


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"X_Slack_Signature": ""},
        {"X_Slack_Request_Timestamp": ""},
        {"X_Slack_Signature": "v0=" + "0" * 64},
        {"X_Slack_Request_Timestamp": "1531420618"},
    ],
)
def test_who_is_not_slack_is_refused_without_a_reason(
    slack: Slack, desk: Desk, path: str, headers: dict[str, str]
) -> None:
    answer = slack.posts(path, {"payload": "{}"}, at=None, **headers)
    assert (answer.status_code, answer.text) == (401, "This request is not signed by Slack.")
    assert desk.taken == []


def test_the_same_request_again_is_refused(slack: Slack, desk: Desk) -> None:
    moment = utc_now()
    answers = [slack.interacts({"type": "block_actions"}, at=moment) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[1].text == "This request is not signed by Slack."
    assert len(desk.taken) == 1


def test_the_log_says_why_and_holds_no_secret(slack: Slack, caplog: pytest.LogCaptureFixture, desk: Desk) -> None:
    with caplog.at_level(logging.DEBUG):
        slack.posts("/slack/commands", {"token": "xoxb-1"}, X_Slack_Signature="v0=00")
    assert "A request to /slack/commands is not believed: its signature does not fit." in caplog.text
    assert SECRET not in caplog.text and "xoxb" not in caplog.text


@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("/slack/interactivity", "application/json", b'{"type": "block_actions"}'),
        ("/slack/commands", "multipart/form-data; boundary=x", b"--x--"),
        ("/slack/commands", "", b"command=x"),
        ("/slack/events", "application/x-www-form-urlencoded", b"type=url_verification"),
        ("/slack/events", "application/json", b"{"),
        ("/slack/events", "application/json", b"\xff\xfe"),
        ("/slack/events", "application/json", b"[" * 100_000),
        ("/slack/events", "application/json", b'["a"]'),
        ("/slack/interactivity", "application/x-www-form-urlencoded", b""),
        ("/slack/interactivity", "application/x-www-form-urlencoded", b"payload="),
        ("/slack/interactivity", "application/x-www-form-urlencoded", b"payload=%7B"),
        ("/slack/interactivity", "application/x-www-form-urlencoded", b"payload=1"),
        ("/slack/interactivity", "application/x-www-form-urlencoded", b"other=%7B%7D"),
        ("/slack/commands", "application/x-www-form-urlencoded", b"nonsense"),
        ("/slack/commands", "application/x-www-form-urlencoded", b"text=%ff"),
        ("/slack/commands", "application/x-www-form-urlencoded", "text=ä".encode()),
        ("/slack/commands", "application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(60))),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    slack: Slack, desk: Desk, path: str, content_type: str, body: bytes
) -> None:
    answer = slack.sends(path, body, content_type=content_type)
    assert answer.status_code == 400
    assert answer.text.startswith("This ") and answer.text.count(".") == 1
    assert desk.taken == []


@pytest.mark.parametrize("path", PATHS)
def test_what_is_too_large_is_not_read_to_its_end(url: str, desk: Desk, path: str) -> None:
    """Anybody can send it: it must cost neither memory nor time."""

    def endless() -> Iterator[bytes]:
        for _ in range(4):
            yield b"x" * (LARGEST_BODY // 3)

    answer = requests.post(f"{url}{path}", data=endless(), timeout=SECONDS)
    assert (answer.status_code, answer.text, desk.taken) == (413, "This is too large.", [])


@pytest.mark.parametrize(("method", "path"), [("GET", "/slack/commands"), ("POST", "/"), ("PUT", "/healthz")])
def test_other_methods_are_not_allowed(url: str, method: str, path: str) -> None:
    assert requests.request(method, f"{url}{path}", timeout=SECONDS).status_code == 405


def test_a_client_that_goes_away_in_the_middle_harms_nobody(url: str, slack: Slack) -> None:
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.sendall(b"POST /slack/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    assert slack.commands("list").status_code == 200


def test_without_the_database_nothing_is_believed_and_nothing_is_said_of_it(
    url: str, slack: Slack, desk: Desk, store_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether a request was seen before could not be known."""
    store_file.rename(store_file.with_suffix(".away"))
    answer = slack.commands("list")
    store_file.with_suffix(".away").rename(store_file)
    assert (answer.status_code, answer.text, desk.taken) == (503, "This cannot be done now.", [])
    assert "x.db cannot be used" in caplog.text
    assert slack.commands("list").status_code == 200


# ---- in time


def test_slack_is_answered_before_it_gives_up_and_the_work_goes_on(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    """Else it tells the person that the app is broken, while what was asked for is done."""
    may_end, ended = threading.Event(), threading.Event()

    def slow(payload: Payload) -> Payload:
        may_end.wait(SECONDS)
        ended.set()
        return {"text": "done"}

    with SlackIntake(slow, patience=0.05) as intake:
        endpoints = SlackEndpoints(Guard(SECRET, store), intake.answer, clock=utc_now)
        with serving(make_app(store, dagster_url="", parts=[], more=endpoints.routes())) as url:
            command = Slack(url).commands("list")
            press = Slack(url).interacts({"type": "block_actions"})
            assert not ended.is_set()
            may_end.set()
            assert ended.wait(SECONDS)
    assert command.json()["text"] == "This takes longer than usual, and is still being done."
    assert (press.status_code, press.content) == (200, b"")


def test_what_was_found_out_too_late_is_handed_on_and_what_came_in_time_is_not() -> None:
    may_end, late = threading.Event(), list[tuple[Payload, Payload]]()

    def slow(payload: Payload) -> Payload | None:
        if payload["text"] != "at once":
            may_end.wait(SECONDS)
        return {"text": payload["text"]} if payload["text"] else None

    with SlackIntake(slow, patience=0.05, late=lambda payload, answer: late.append((payload, answer))) as intake:
        assert intake.answer({"text": "at once"}) == {"text": "at once"}
        for text in ("", "late"):
            assert intake.answer({"text": text}) is None
        may_end.set()
        wait_until(lambda: late, SECONDS, "it is handed on", pause=0.02)
    assert late == [({"text": "late"}, {"text": "late"})]


def test_what_fails_after_the_answer_is_not_lost_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    may_fail = threading.Event()

    def fails(_: Payload) -> None:
        may_fail.wait(SECONDS)
        raise LookupError("nobody")

    with SlackIntake(fails, patience=0.01) as intake:
        assert intake.answer({"type": "block_actions"}) is None
        may_fail.set()
        wait_until(lambda: "What Slack asked for failed" in caplog.text, SECONDS, "it is told", pause=0.02)


def test_what_cannot_be_done_is_logged_and_said_without_its_reason(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Payload) -> None:
        raise StoreUnavailable("the database db.internal cannot be used")

    with SlackIntake(fails) as intake:
        endpoints = SlackEndpoints(Guard(SECRET, store), intake.answer, clock=utc_now)
        with serving(make_app(store, dagster_url="", parts=[], more=endpoints.routes())) as url:
            answer = Slack(url).commands("list")
        with pytest.raises(StoreUnavailable):
            intake.answer({})
    assert (answer.status_code, answer.text) == (503, "This cannot be done now.")
    assert "could not be done: the database db.internal cannot be used" in caplog.text
