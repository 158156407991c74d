"""Jira Service Management and Opsgenie: one alert an incident, over its life, within the API's limits."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import pytest

from incident_ops.adapters.notify import opsgenie
from incident_ops.adapters.notify.opsgenie import OpsgenieNotifier, alert_of
from incident_ops.core.errors import TransportError
from incident_ops.core.incident import Incident
from incident_ops.core.message import Colour, bulletin, told
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity, priority_for
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.local_server import Answer, LocalServer, json_answer, unused_port
from incident_ops_tests.adapters.notify.sinks.opsgenie import API_KEY, Alerts, notifier_at
from incident_ops_tests.builders import minutes
from incident_ops_tests.fake_slack import Trouble, lost_answer

Kind = Literal["jsm", "opsgenie"]

ALIAS = "incident_ops/prod/7f3a/INC-7"
WORSE = messages.TRIGGERED.graded(Severity.SEV0, by="erin@acme.test", at=minutes(7))
both = pytest.mark.parametrize("kind", ["jsm", "opsgenie"])


@contextmanager
def account(kind: Kind) -> Iterator[tuple[Alerts, LocalServer, OpsgenieNotifier]]:
    alerts = Alerts(reads=kind == "opsgenie")
    with LocalServer(alerts.answer) as server:
        yield alerts, server, notifier_at(server.url, kind=kind)


def place(kind: Kind) -> Destination:
    return Destination(kind=kind, address="war-room")


def post(kind: Kind) -> str:
    return f"INC-7:post:{place(kind)}"


def state(alerts: Alerts) -> list[tuple[str, bool]]:
    return [(alert["status"], alert["acknowledged"]) for alert in alerts.alerts]


# ---- over an incident's life


@both
def test_an_alert_follows_its_incident_and_a_reopened_one_begins_anew(kind: Kind) -> None:
    with account(kind) as (alerts, _, notifier):
        receipt = notifier.send(place(kind), messages.about(messages.TRIGGERED), key=post(kind))
        assert receipt.message == ALIAS
        assert state(alerts) == [("open", False)]
        notifier.update(receipt, messages.about(messages.ACKNOWLEDGED), key="INC-7:edit:r2")
        assert state(alerts) == [("open", True)]
        notifier.update(receipt, messages.about(messages.OVER), key="INC-7:edit:r3")
        assert state(alerts) == [("closed", True)]
        notifier.update(receipt, messages.about(messages.OVER), key="INC-7:edit:r4")
        assert state(alerts) == [("closed", True)]
        notifier.update(receipt, messages.about(messages.REOPENED), key="INC-7:edit:r5")
        assert state(alerts) == [("closed", True), ("open", False)]


@both
def test_an_incident_that_was_reopened_and_taken_at_once_is_taken_there_too(kind: Kind) -> None:
    """Edits are told as things stand, not one by one."""
    taken = messages.REOPENED.acknowledged(by="erin@acme.test", at=minutes(96))
    with account(kind) as (alerts, _, notifier):
        receipt = notifier.send(place(kind), messages.about(messages.TRIGGERED), key=post(kind))
        notifier.update(receipt, messages.about(messages.OVER), key="INC-7:edit:r3")
        notifier.update(receipt, messages.about(taken), key="INC-7:edit:r6")
        assert state(alerts) == [("closed", False), ("open", True)]


@both
@pytest.mark.parametrize(
    ("incident", "expected"), [(messages.ACKNOWLEDGED, [("open", True)]), (messages.OVER, [])]
)
def test_a_post_that_comes_late_shows_how_things_stand(
    kind: Kind, incident: Incident, expected: list[tuple[str, bool]]
) -> None:
    """Nobody is called for what is over."""
    with account(kind) as (alerts, _, notifier):
        notifier.send(place(kind), messages.about(incident), key=post(kind))
        assert state(alerts) == expected


def test_opsgenies_alert_changes_where_the_incident_has_changed() -> None:
    with account("opsgenie") as (alerts, server, notifier):
        receipt = notifier.send(place("opsgenie"), messages.about(messages.TRIGGERED), key=post("opsgenie"))
        assert alerts.alerts[0]["priority"] == "P3"
        notifier.update(receipt, messages.about(WORSE), key="INC-7:edit:r2")
        (alert,) = alerts.alerts
        assert (alert["priority"], alert["message"][:10], alert["count"]) == ("P1", "INC-7 SEV0", 1)
        before = len(server.requests)
        notifier.update(receipt, messages.about(WORSE), key="INC-7:edit:r3")
        assert [request.method for request in server.requests[before:]] == ["GET"]


def test_in_jira_service_management_a_change_goes_to_the_activity_log() -> None:
    with account("jsm") as (alerts, server, notifier):
        receipt = notifier.send(place("jsm"), messages.about(messages.TRIGGERED), key=post("jsm"))
        notifier.update(receipt, messages.about(WORSE), key="INC-7:edit:r2")
        (alert,) = alerts.alerts
        assert alert["activity"][0]["message"].startswith("INC-7 SEV0")
        assert {request.method for request in server.requests} == {"POST"}, "a key may do nothing else"


def test_an_acknowledgement_that_has_ended_is_taken_back_at_opsgenie() -> None:
    with account("opsgenie") as (alerts, _, notifier):
        receipt = notifier.send(place("opsgenie"), messages.about(messages.ACKNOWLEDGED), key=post("opsgenie"))
        notifier.update(receipt, messages.about(messages.TRIGGERED), key="INC-7:edit:r2")
        assert state(alerts) == [("open", False)]


def test_an_integration_that_may_not_read_still_gets_its_alerts() -> None:
    """It is treated as Jira Service Management is."""
    alerts = Alerts(reads=False)
    with LocalServer(alerts.answer) as server:
        notifier = notifier_at(server.url, kind="opsgenie")
        receipt = notifier.send(place("opsgenie"), messages.about(messages.TRIGGERED), key=post("opsgenie"))
        notifier.update(receipt, messages.about(messages.ACKNOWLEDGED), key="INC-7:edit:r2")
        notifier.reply(receipt, "hello", key="r1", broadcast=False)
    assert state(alerts) == [("open", True)]
    assert len(alerts.alerts[0]["notes"]) == 1


# ---- lost answers


@both
def test_an_alert_whose_answer_was_lost_is_there_once(kind: Kind) -> None:
    with account(kind) as (alerts, server, notifier):
        server.next(lost_answer())
        with pytest.raises(TransportError) as caught:
            notifier.send(place(kind), messages.about(messages.TRIGGERED), key=post(kind))
        assert caught.value.fate_unknown
        notifier.send(place(kind), messages.about(messages.TRIGGERED), key=post(kind))
        assert state(alerts) == [("open", False)]


def test_a_note_that_is_repeated_is_at_opsgenie_once() -> None:
    with account("opsgenie") as (alerts, _, notifier):
        receipt = notifier.send(place("opsgenie"), messages.about(messages.TRIGGERED), key=post("opsgenie"))
        notifier.reply(receipt, "a retry failed", key="INC-7:reply:r2", broadcast=False)
        notifier.reply(receipt, "a retry failed", key="INC-7:reply:r2", broadcast=False)
        notifier.reply(receipt, "a retry failed", key="INC-7:reply:r3", broadcast=False)
        assert len(alerts.alerts[0]["notes"]) == 2


@both
def test_of_an_alert_that_somebody_deleted_the_end_is_done_and_the_rest_is_final(kind: Kind) -> None:
    with account(kind) as (_, server, notifier):
        receipt = notifier.send(place(kind), messages.about(messages.TRIGGERED), key=post(kind))
        server.next(Trouble(status=404, body=b"{}"))
        notifier.update(receipt, messages.about(messages.OVER), key="INC-7:edit:r2")
        server.next(*[Trouble(status=404, body=b"{}")] * 2)
        with pytest.raises(TransportError, match="no such alert any more") as caught:
            notifier.reply(receipt, "hello", key="INC-7:reply:r3", broadcast=False)
        assert caught.value.permanent


# ---- messages of their own


@both
def test_a_message_of_its_own_is_an_alert_of_its_own(kind: Kind) -> None:
    question = told(messages.TRIGGERED, "INC-7: is it over?", colour=Colour.RED, links=messages.LINKS)
    with account(kind) as (alerts, _, notifier):
        notifier.send(place(kind), messages.about(messages.TRIGGERED), key=post(kind))
        notifier.send(place(kind), question, key="INC-7:question:erin:r3")
        notifier.send(place(kind), bulletin("Your digest"), key="digest:x")
        assert [(alert["alias"], alert["priority"]) for alert in alerts.alerts] == [
            (ALIAS, "P3"),
            ("incident_ops/prod/7f3a/INC-7:question:erin:r3", "P3"),
            ("incident_ops/prod/7f3a/digest:x", "P5"),
        ]


@both
def test_a_message_of_its_own_does_not_end_with_its_incident(kind: Kind) -> None:
    """It is updated when it was found again after its answer was lost."""
    question = told(messages.OVER, "INC-7: what was it?", colour=Colour.RED, links=messages.LINKS)
    with account(kind) as (alerts, _, notifier):
        receipt = notifier.send(place(kind), question, key="INC-7:question:erin:r3")
        notifier.update(receipt, question, key="INC-7:question:erin:r3")
        assert state(alerts) == [("open", False)]


# ---- form


@both
@pytest.mark.parametrize("name", messages.EVERY)
def test_every_alert_and_note_is_within_the_limits(kind: Kind, name: str) -> None:
    """The stand-in refuses what the API would."""
    message = messages.EVERY[name]
    with account(kind) as (alerts, _, notifier):
        receipt = notifier.send(place(kind), message, key="k" * 2_000)
        notifier.reply(receipt, message.summary + message.detail * 9, key="r1", broadcast=False)
        assert len(alerts.alerts) == 1
        assert len(alerts.alerts[0]["notes"]) == 1
        shown = json.dumps([alerts.alerts[0][name] for name in ("message", "description", "details", "notes")])
        assert not re.search(r"<[a-z/!]", shown, re.IGNORECASE), "a tag would be shown as HTML"


def test_an_alert_says_what_people_filter_by() -> None:
    alert = alert_of(messages.about(messages.TRIGGERED), ALIAS)
    assert alert["entity"] == "marts/orders"
    assert alert["tags"] == ["incident_ops", "SEV2", "rule", "team:fin", "production"]
    assert alert["details"]["Incident"] == messages.LINKS[0].url
    assert alert["details"]["tag:incident_ops/tier"] == "gold"


@pytest.mark.parametrize(("severity", "priority"), list(zip(Severity, ["P1", "P2", "P3", "P4"], strict=True)))
def test_our_priorities_are_theirs_plus_one(severity: Severity, priority: str) -> None:
    incident = replace(messages.TRIGGERED, severity=severity, priority=priority_for(severity))
    assert alert_of(messages.about(incident), ALIAS)["priority"] == priority


# ---- asking, and the end of Opsgenie


@both
def test_a_check_shows_nothing_and_finds_what_is_wrong(kind: Kind) -> None:
    with account(kind) as (alerts, server, notifier):
        notifier.check(place(kind))
        assert alerts.alerts == []
        wrong = OpsgenieNotifier(kind=kind, receiver="war-room", url=f"{server.url}/v2", api_key="x", origin="o")
        refused(wrong, kind, "copy it from the API integration again")
    with LocalServer(lambda request: Answer(status=404, body=b"<html>not here</html>")) as other:
        refused(notifier_at(other.url, kind=kind), kind, "check the url")
    with pytest.raises(TransportError, match="check the address"):
        notifier_at(f"http://127.0.0.1:{unused_port()}", kind=kind).check(place(kind))


def refused(notifier: OpsgenieNotifier, kind: Kind, remedy: str) -> None:
    with pytest.raises(TransportError, match=remedy) as caught:
        notifier.check(place(kind))
    assert caught.value.needs_person
    assert "receiver war-room" in str(caught.value)
    assert API_KEY not in str(caught.value)


def test_that_opsgenie_ends_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    opsgenie._warn_of_the_end.cache_clear()
    with caplog.at_level(logging.WARNING):
        for kind in ("jsm", "opsgenie", "opsgenie"):
            notifier_at("http://127.0.0.1:1", kind=kind)
    assert [record.getMessage().count("2027-04-05") for record in caplog.records] == [1]


@pytest.mark.parametrize("shown", [[], {}, {"data": None}, {"data": [1]}, {"data": {"status": 7}}, "text", None])
def test_an_answer_of_another_form_is_no_crash(shown: Any) -> None:
    with LocalServer(lambda request: json_answer(shown)) as server:
        notifier = notifier_at(server.url, kind="opsgenie")
        receipt = notifier.send(place("opsgenie"), messages.PLAIN, key="k1")
        for ask in (
            lambda: notifier.update(receipt, messages.about(WORSE), key="k2"),
            lambda: notifier.reply(receipt, "hello", key="k3", broadcast=False),
        ):
            try:
                ask()
            except TransportError as error:
                assert "cannot be read" in str(error)
