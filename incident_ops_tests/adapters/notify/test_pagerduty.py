"""What PagerDuty's people see, and what its refusals mean."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from incident_ops.adapters.notify.pager_duty import LARGEST_EVENT, PagerDutyNotifier, event_of
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Colour, told
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.local_server import Answer, LocalServer, json_answer
from incident_ops_tests.adapters.notify.messages import ACKNOWLEDGED, OVER, REOPENED, TRIGGERED, about
from incident_ops_tests.adapters.notify.pager_duty_events import Events
from incident_ops_tests.adapters.notify.sinks.pagerduty import ROUTING_KEY, notifier_at
from incident_ops_tests.fake_slack import Trouble, redirect

WAR_ROOM = Destination(kind="pagerduty", address="war-room")
POST = "INC-7:post:pagerduty:war-room"
DEDUP_KEY = "incident_ops/prod/7f3a/INC-7"


@pytest.fixture
def events() -> Events:
    return Events(ROUTING_KEY)


@pytest.fixture
def server(events: Events) -> Iterator[LocalServer]:
    with LocalServer(events.answer) as running:
        yield running


@pytest.fixture
def notifier(server: LocalServer) -> PagerDutyNotifier:
    return notifier_at(server.url)


def refusal_of(server: LocalServer, answer: Trouble) -> TransportError:
    server.next(answer)
    with pytest.raises(TransportError) as caught:
        notifier_at(server.url).send(WAR_ROOM, about(TRIGGERED), key=POST)
    assert ROUTING_KEY not in str(caught.value)
    return caught.value


def test_an_alert_says_what_fails_where_and_whose_it_is() -> None:
    event = event_of(about(TRIGGERED))
    payload: dict[str, Any] = event["payload"]
    assert payload["summary"] == "INC-7 SEV2 marts/orders: check not_null failed"
    assert payload["source"] == "marts/orders: not_null"
    assert (payload["component"], payload["group"], payload["class"]) == ("marts/orders", "team:fin", "rule")
    assert payload["timestamp"] == "2026-11-20T09:00:00+00:00"
    assert payload["custom_details"]["Status"] == "triggered"
    assert [link["text"] for link in event["links"]] == ["Incident", "Run", "Runbook"]
    assert event["client_url"] == messages.LINKS[0].url


@pytest.mark.parametrize(
    ("severity", "theirs"),
    [
        (Severity.SEV0, "critical"),
        (Severity.SEV1, "error"),
        (Severity.SEV2, "warning"),
        (Severity.SEV3, "info"),
    ],
)
def test_each_severity_has_one_of_theirs(severity: Severity, theirs: str) -> None:
    event = event_of(about(replace(TRIGGERED, severity=severity)))
    assert event["payload"]["severity"] == theirs


def test_an_incident_has_one_alert_over_its_life(notifier: PagerDutyNotifier, events: Events) -> None:
    receipt = notifier.send(WAR_ROOM, about(TRIGGERED), key=POST)
    assert receipt.message == DEDUP_KEY
    for n, incident in enumerate((ACKNOWLEDGED, OVER, REOPENED)):
        notifier.update(receipt, about(incident), key=f"INC-7:edit:r{n}")
    assert events.actions == ["trigger", "acknowledge", "resolve", "trigger"]
    assert list(events.alerts) == [DEDUP_KEY]
    assert events.alerts[DEDUP_KEY]["status"] == "triggered"


def test_who_is_told_late_sees_that_somebody_has_it(notifier: PagerDutyNotifier, events: Events) -> None:
    notifier.send(WAR_ROOM, about(ACKNOWLEDGED), key=POST)
    assert events.alerts[DEDUP_KEY]["status"] == "acknowledged"


def test_nobody_is_woken_for_what_is_over(notifier: PagerDutyNotifier, events: Events) -> None:
    notifier.send(WAR_ROOM, about(OVER), key=POST)
    assert events.actions == ["resolve"]
    assert not events.alerts


def test_a_question_about_an_incident_that_is_over_is_asked_all_the_same(
    notifier: PagerDutyNotifier, events: Events
) -> None:
    question = told(OVER, "INC-7: what was it?", colour=Colour.GREEN, links=())
    notifier.send(WAR_ROOM, question, key="INC-7:question:erin@acme.test:r9")
    (alert,) = events.alerts.values()
    assert alert["dedup_key"] == "incident_ops/prod/7f3a/INC-7:question:erin@acme.test:r9"


def test_keys_longer_than_pagerduty_takes_stay_apart(notifier: PagerDutyNotifier, events: Events) -> None:
    for last in "ab":
        notifier.send(WAR_ROOM, messages.PLAIN, key=f"digest:{'x' * 400}{last}")
    assert len(events.alerts) == 2


def test_the_largest_incident_is_cut_and_counted() -> None:
    event = event_of(about(messages.HUGE))
    assert len(json.dumps(event)) < LARGEST_EVENT
    details = event["payload"]["custom_details"]
    assert details["Not run"][-1] == "… and 450 more"
    assert details["detail"].endswith("more characters")
    assert len(event["payload"]["summary"]) == 1_024


def test_an_invalid_event_is_final_and_names_its_errors(server: LocalServer) -> None:
    errors = [f"'payload.severity' is invalid, sent by {ROUTING_KEY}"]
    body = json_answer({"status": "invalid event", "errors": errors}).body
    error = refusal_of(server, Trouble(status=400, body=body))
    assert error.permanent
    assert "'payload.severity' is invalid" in str(error)


@pytest.mark.parametrize(
    ("errors", "is_the_key"),
    [(["Invalid routing key"], True), (["'routing_key' is invalid"], True), (["bad"], False), ([], False)],
)
def test_every_400_names_the_routing_key_as_what_may_be_wrong(
    server: LocalServer, errors: list[str], is_the_key: bool
) -> None:
    body = json_answer({"status": "invalid event", "errors": errors}).body
    error = refusal_of(server, Trouble(status=400, body=body))
    assert (error.needs_person, error.permanent) == (is_the_key, not is_the_key)
    assert "copy the integration key" in str(error)


def test_a_routing_key_that_is_not_known_needs_a_person(server: LocalServer) -> None:
    stranger = PagerDutyNotifier(receiver="war-room", routing_key="x" * 32, url=server.url, origin="prod/7f3a")
    with pytest.raises(TransportError) as caught:
        stranger.send(WAR_ROOM, about(TRIGGERED), key=POST)
    assert caught.value.needs_person
    assert 'receiver "war-room"' in str(caught.value)
    assert "copy the integration key" in str(caught.value)
    assert "x" * 32 not in str(caught.value)


@pytest.mark.parametrize(
    ("trouble", "needs_person", "permanent"),
    [
        (redirect("http://127.0.0.1:1/elsewhere"), True, False),
        (Trouble(status=404), True, False),
        (Trouble(status=403), True, False),
        (Trouble(status=413), False, True),
        (Trouble(status=502, body=b"<html>"), False, False),
        (Trouble(status=200, body=b"<html>please log in"), False, False),
        (Trouble(status=202, body=b"[]"), False, False),
    ],
)
def test_what_an_answer_means(server: LocalServer, trouble: Trouble, needs_person: bool, permanent: bool) -> None:
    error = refusal_of(server, trouble)
    assert (error.needs_person, error.permanent) == (needs_person, permanent)
    assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["ftp://events.acme.test", "events.acme.test", "https://", "http://[::1"])
def test_an_address_that_is_none_is_told_when_something_is_sent(url: str) -> None:
    with pytest.raises(TransportError) as caught:
        notifier_at(url).send(WAR_ROOM, about(TRIGGERED), key=POST)
    assert caught.value.needs_person


def test_the_rules_of_the_stand_in_bite() -> None:
    events = Events(ROUTING_KEY)
    with LocalServer(events.answer) as server:
        server.next(Trouble(handled=True, status=202, body=b'{"dedup_key": "x"}'))
        notifier_at(server.url).send(WAR_ROOM, about(TRIGGERED), key=POST)
        (request,) = server.requests
    for broken in ({"severity": "bad"}, {"summary": ""}, {"summary": "x" * 1_025}):
        body = request.json
        body["payload"] |= broken
        answer: Answer = events.answer(replace(request, body=json.dumps(body).encode()))
        assert answer.status == 400
