"""Alertmanager: one alert an incident over its life, also when its labels change; and the real one."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import requests

from incident_ops.adapters.notify.alertmanager import (
    LASTS,
    MESSAGE_LASTS,
    REPEATED_EVERY,
    AlertmanagerNotifier,
    alert_of,
    labels_of,
)
from incident_ops.core.errors import TransportError
from incident_ops.core.incident import Incident
from incident_ops.core.message import Colour, bulletin, told
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity
from incident_ops.engine.ports import CanReply, Fades
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.local_server import Answer, LocalServer, json_answer, unused_port
from incident_ops_tests.adapters.notify.schemas import violations
from incident_ops_tests.adapters.notify.sinks.alertmanager import TOKEN, Alerts, notifier_at
from incident_ops_tests.builders import minutes
from incident_ops_tests.fake_slack import lost_answer, server_error
from incident_ops_tests.waiting import wait_until

POST = "INC-7:post:alertmanager:ops"
OPS = Destination(kind="alertmanager", address="ops")
WORSE = messages.TRIGGERED.graded(Severity.SEV0, by="erin@acme.test", at=minutes(7))


class Story:
    """An Alertmanager, our notifier on it, and the clock of both."""

    def __init__(self, server: LocalServer, alerts: Alerts) -> None:
        self.now = minutes(10)
        self.server, self.alerts = server, alerts
        self.notifier = notifier_at(server.url, clock=lambda: self.now)

    @property
    def firing(self) -> list[dict[str, Any]]:
        return self.alerts.firing


@pytest.fixture
def story() -> Iterator[Story]:
    held: list[Story] = []
    alerts = Alerts(lambda: held[0].now, TOKEN)
    with LocalServer(alerts.answer) as server:
        held.append(Story(server, alerts))
        yield held[0]


def test_an_incident_is_one_alert_from_beginning_to_end(story: Story) -> None:
    receipt = story.notifier.send(OPS, messages.about(messages.TRIGGERED), key=POST)
    (alert,) = story.firing
    assert alert["labels"] == {
        "alertname": "IncidentOpsRule",
        "incident": "INC-7",
        "origin": 'prod "eu"/7f3a',
        "severity": "SEV2",
        "priority": "P2",
        "nature": "rule",
        "environment": "production",
        "asset": "marts/orders",
        "check": "not_null",
        "owner": "team:fin",
        "team": "fin",
        "tag_incident_ops_tier": "gold",
    }
    assert alert["annotations"]["runbook_url"] == "https://wiki.acme.test/orders"
    assert alert["annotations"]["dashboard"] == alert["generatorURL"] == messages.LINKS[0].url
    assert alert["startsAt"] == "2026-11-20T09:00:00Z"
    story.notifier.update(receipt, messages.about(messages.ACKNOWLEDGED), key="INC-7:edit:r2")
    assert [alert["annotations"]["status"] for alert in story.firing] == ["acknowledged"]
    story.now = minutes(91)
    story.notifier.update(receipt, messages.about(messages.OVER), key="INC-7:edit:r3")
    assert story.firing == []
    assert story.alerts.ever[-1]["endsAt"] == "2026-11-20T10:30:00Z"
    story.now = minutes(96)
    story.notifier.update(receipt, messages.about(messages.REOPENED), key="INC-7:edit:r4")
    assert len(story.firing) == 1


@pytest.mark.parametrize(
    "changed",
    [
        WORSE,
        replace(messages.TRIGGERED, labels=MappingProxyType({**messages.TRIGGERED.labels, "owner": "team:ops"})),
        replace(messages.TRIGGERED, labels=MappingProxyType({})),
        replace(messages.ACKNOWLEDGED, severity=Severity.SEV0),
    ],
)
def test_an_alert_whose_labels_change_stays_one(story: Story, changed: Incident) -> None:
    """For Alertmanager other labels are another alert; the former would stay until it fades."""
    receipt = story.notifier.send(OPS, messages.about(messages.TRIGGERED), key=POST)
    story.notifier.update(receipt, messages.about(changed), key="INC-7:edit:r2")
    (alert,) = story.firing
    assert alert["labels"]["severity"] == str(changed.severity)
    story.now = minutes(91)
    over = replace(changed, status=messages.OVER.status, resolved_at=minutes(90))
    story.notifier.update(receipt, messages.about(over), key="INC-7:edit:r3")
    assert story.firing == []


def test_a_change_of_labels_that_comes_with_the_end_leaves_nothing(story: Story) -> None:
    receipt = story.notifier.send(OPS, messages.about(messages.TRIGGERED), key=POST)
    over = WORSE.resolved(at=minutes(8), by="erin@acme.test")
    story.notifier.update(receipt, messages.about(over), key="INC-7:edit:r3")
    assert story.firing == []


def test_a_half_done_change_is_completed_by_the_next_try(story: Story) -> None:
    receipt = story.notifier.send(OPS, messages.about(messages.TRIGGERED), key=POST)
    story.server.next(lost_answer())
    with pytest.raises(TransportError) as caught:
        story.notifier.update(receipt, messages.about(WORSE), key="INC-7:edit:r2")
    assert caught.value.fate_unknown
    assert len(story.firing) == 2
    story.notifier.update(receipt, messages.about(WORSE), key="INC-7:edit:r2")
    assert [alert["labels"]["severity"] for alert in story.firing] == ["SEV0"]


def test_another_installations_incident_of_the_same_number_is_left_alone(story: Story) -> None:
    other = AlertmanagerNotifier(
        receiver="ops",
        url=story.server.url,
        token=TOKEN,
        user=None,
        password=None,
        origin="staging/0001",
        clock=lambda: story.now,
    )
    other.send(OPS, messages.about(messages.TRIGGERED), key=POST)
    receipt = story.notifier.send(OPS, messages.about(messages.TRIGGERED), key=POST)
    story.notifier.update(receipt, messages.about(WORSE), key="INC-7:edit:r2")
    assert sorted(alert["labels"]["severity"] for alert in story.firing) == ["SEV0", "SEV2"]


# ---- fading


def test_an_alert_that_nobody_repeats_is_over(story: Story) -> None:
    """A dead incident_ops leaves no alerts for ever."""
    story.notifier.send(OPS, messages.about(messages.TRIGGERED), key=POST)
    story.now += LASTS
    assert story.firing == []


def test_repeats_keep_what_is_open_alive_and_nothing_else(story: Story) -> None:
    fades: Fades = story.notifier
    assert isinstance(fades, Fades) and not isinstance(fades, CanReply)
    assert fades.every == REPEATED_EVERY
    assert LASTS >= 4 * REPEATED_EVERY, "a repeat that fails must not end what is open"
    receipt = story.notifier.send(OPS, messages.about(messages.TRIGGERED), key=POST)
    for _ in range(12):
        story.now += REPEATED_EVERY
        fades.repeat([messages.about(messages.TRIGGERED), messages.about(messages.OVER), messages.PLAIN])
        assert len(story.firing) == 1
    story.notifier.update(receipt, messages.about(messages.OVER), key="INC-7:edit:r3")
    story.now = minutes(100)
    fades.repeat([messages.about(messages.OVER)])
    assert story.firing == []


def test_many_are_repeated_in_few_requests_and_none_in_none(story: Story) -> None:
    story.notifier.repeat([])
    assert story.server.requests == []
    story.notifier.repeat([messages.about(replace(messages.TRIGGERED, number=n)) for n in range(1, 251)])
    assert len(story.firing) == 250
    assert len(story.server.requests) == 3


def test_a_repeat_that_fails_says_so(story: Story) -> None:
    story.server.next(server_error(503))
    with pytest.raises(TransportError):
        story.notifier.repeat([messages.about(messages.TRIGGERED)])


# ---- messages that are no incident


def test_a_message_of_its_own_is_an_alert_of_its_own_and_ends_by_itself(story: Story) -> None:
    question = told(messages.TRIGGERED, "INC-7: is it over?", colour=Colour.RED, links=messages.LINKS)
    receipt = story.notifier.send(OPS, messages.about(messages.TRIGGERED), key=POST)
    story.notifier.send(OPS, question, key="INC-7:question:erin:r3")
    story.notifier.send(OPS, bulletin("Your digest"), key="digest:x")
    story.notifier.update(receipt, messages.about(WORSE), key="INC-7:edit:r2")
    assert [alert["labels"]["alertname"] for alert in story.firing] == [
        "IncidentOpsMessage",
        "IncidentOpsMessage",
        "IncidentOpsRule",
    ]
    story.now += MESSAGE_LASTS
    assert [alert for alert in story.firing if alert["labels"]["alertname"] == "IncidentOpsMessage"] == []


# ---- form


@pytest.mark.parametrize("name", messages.EVERY)
def test_every_alert_is_valid(name: str) -> None:
    message = messages.EVERY[name]
    labels = labels_of(message.about or messages.NASTY, 'o"\\\n\ud800')
    alert = alert_of(message, labels, begins=minutes(0), ends=minutes(10))
    assert violations("alertmanager_v2", [alert]) == []
    assert len(alert["labels"]) <= 43
    assert len(json.dumps(alert).encode()) < 100_000
    assert alert["labels"]["severity"]


def test_names_of_labels_are_made_legal() -> None:
    labels = labels_of(messages.NASTY, "prod/1")
    assert labels["_1st"] == "digit"
    assert labels["tag_____"] == "значение"
    assert "empty" not in labels
    assert labels["incident"] == "INC-7"


def test_a_label_cannot_pass_for_one_of_ours() -> None:
    forged = {"incident": "INC-1", "origin": "x", "alertname": "y", "severity": "SEV9"}
    labels = labels_of(replace(messages.TRIGGERED, labels=MappingProxyType(forged)), "prod/1")
    assert (labels["incident"], labels["origin"], labels["severity"]) == ("INC-7", "prod/1", "SEV2")


def test_a_clock_that_is_behind_makes_no_alert_that_ends_before_it_begins(story: Story) -> None:
    story.now = minutes(-60)
    story.notifier.send(OPS, messages.about(messages.TRIGGERED), key=POST)
    assert len(story.firing) == 1


@pytest.mark.parametrize(
    "shown",
    [{}, None, "text", [None], [{"labels": "x", "startsAt": 7}], [{"labels": {"a": "b"}, "startsAt": "soon"}]],
)
def test_an_answer_of_another_form_is_no_crash(shown: Any) -> None:
    def answer(request: Any) -> Answer:
        return json_answer(shown) if request.method == "GET" else Answer()

    with LocalServer(answer) as server:
        try:
            notifier_at(server.url).send(OPS, messages.about(messages.TRIGGERED), key=POST)
        except TransportError as error:
            assert "cannot be read" in str(error)


# ---- asking


def test_a_check_finds_a_wrong_token_and_a_server_that_is_no_alertmanager(story: Story) -> None:
    story.notifier.check(OPS)
    assert story.firing == []
    with LocalServer(lambda request: json_answer({"hello": 1})) as other:
        for notifier, remedy in (
            (notifier_at(other.url), "check that its url leads to an Alertmanager"),
            (notifier_at(f"{story.server.url}/prefix"), "check the url"),
        ):
            with pytest.raises(TransportError, match=remedy) as caught:
                notifier.check(OPS)
            assert caught.value.needs_person and "receiver ops" in str(caught.value)
    stranger = AlertmanagerNotifier(
        receiver="ops",
        url=story.server.url,
        token=None,
        user="a",
        password="b",
        origin="x",
        clock=lambda: story.now,
    )
    with pytest.raises(TransportError, match="token or password"):
        stranger.check(OPS)
    assert story.server.requests[-1].headers["authorization"] == "Basic YTpi"


# ---- the real one

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
AMTOOL = shutil.which("amtool")


@contextmanager
def real_alertmanager(folder: Path) -> Iterator[str]:
    """A fresh one; its address."""
    config = folder / "alertmanager.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n", encoding="utf-8")
    url = f"http://127.0.0.1:{unused_port()}"
    assert PROGRAM is not None
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                PROGRAM,
                f"--config.file={config}",
                f"--storage.path={folder}",
                f"--web.listen-address={url.removeprefix('http://')}",
                "--cluster.listen-address=",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            wait_until(
                lambda: process.poll() is not None or _is_ready(url), 30, "Alertmanager does not start", pause=0.05
            )
            yield url
        finally:
            process.terminate()
            process.wait(30)


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=2).ok
    except requests.ConnectionError:
        return False


@pytest.mark.skipif(PROGRAM is None, reason="Debian's prometheus-alertmanager is not installed")
def test_the_real_alertmanager_shows_our_incidents(tmp_path: Path) -> None:
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)

    def incident(**anything: Any) -> Incident:
        return replace(messages.TRIGGERED, started_at=began, **anything)

    with real_alertmanager(tmp_path) as url:
        notifier = AlertmanagerNotifier(
            receiver="ops",
            url=url,
            token=None,
            user=None,
            password=None,
            origin='prod "eu"\\7f3a',
            clock=lambda: datetime.now(UTC),
        )

        def shown() -> list[dict[str, Any]]:
            return requests.get(f"{url}/api/v2/alerts", timeout=5).json()

        notifier.check(OPS)
        receipt = notifier.send(OPS, messages.about(incident()), key=POST)
        (alert,) = shown()
        assert alert["labels"] == labels_of(incident(), 'prod "eu"\\7f3a')
        assert alert["annotations"]["summary"] == messages.about(incident()).headline
        assert datetime.fromisoformat(alert["startsAt"]) == began

        worse = incident(severity=Severity.SEV0)
        notifier.update(receipt, messages.about(worse), key="INC-7:edit:r2")
        assert [alert["labels"]["severity"] for alert in shown()] == ["SEV0"]
        notifier.repeat([messages.about(worse)])
        assert len(shown()) == 1
        if AMTOOL is not None:
            asked = [AMTOOL, f"--alertmanager.url={url}", "alert", "query", 'incident="INC-7"', "-o", "json"]
            listed = subprocess.run(asked, check=True, capture_output=True, timeout=30)
            assert [alert["labels"]["severity"] for alert in json.loads(listed.stdout)] == ["SEV0"]

        for number, name in enumerate(messages.EVERY, start=100):
            message = messages.EVERY[name]
            about = replace(message.about or messages.NASTY, number=number, started_at=began, resolved_at=None)
            about = replace(about, status=messages.TRIGGERED.status)
            key = f"INC-{number}:post:alertmanager:ops"
            notifier.send(OPS, replace(message, about=about), key=key)
        assert len(shown()) == 1 + len(messages.EVERY)
        notifier.send(OPS, messages.HOSTILE, key="digest:x")
        assert len(shown()) == 2 + len(messages.EVERY)

        over = replace(worse, status=messages.OVER.status, resolved_at=datetime.now(UTC))
        notifier.update(receipt, messages.about(over), key="INC-7:edit:r3")
        assert [alert for alert in shown() if alert["labels"].get("incident") == "INC-7"] == []
        again = replace(worse, reopened=1)
        notifier.update(receipt, messages.about(again), key="INC-7:edit:r4")
        assert len([alert for alert in shown() if alert["labels"].get("incident") == "INC-7"]) == 1
