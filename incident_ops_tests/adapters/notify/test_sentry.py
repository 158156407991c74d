"""What becomes of an incident in Sentry."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from incident_ops.adapters.notify.sentry import SentryNotifier, event_of
from incident_ops.core.alert import AlertKind
from incident_ops.core.errors import TransportError
from incident_ops.core.incident import Incident
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.local_server import LocalServer
from incident_ops_tests.adapters.notify.messages import TRIGGERED, about
from incident_ops_tests.adapters.notify.sinks.sentry import PUBLIC_KEY, Project, notifier_at
from incident_ops_tests.builders import make_alert, make_incident
from incident_ops_tests.fake_slack import Trouble

ERRORS = Destination(kind="sentry", address="errors")
DETAIL = "KeyError: 'price'\n\nStack Trace:\n  File load.py, line 7, in load\n    row['price']"


@pytest.fixture
def project() -> Project:
    return Project()


@pytest.fixture
def server(project: Project) -> Iterator[LocalServer]:
    with LocalServer(project.answer) as running:
        yield running


def failed_run(number: int, signature: str = "") -> Incident:
    alert = make_alert("marts/orders", kind=AlertKind.RUN_FAILED, error_signature=signature)
    return make_incident(number, alert, detail=DETAIL)


def test_a_run_that_failed_is_an_error_with_its_stack_trace(server: LocalServer, project: Project) -> None:
    notifier_at(server.url).send(ERRORS, about(failed_run(7)), key="INC-7:post:sentry:errors")
    (event,) = project.events.values()
    (error,) = event["exception"]["values"]
    assert error["type"] == "KeyError"
    assert error["value"] == DETAIL
    assert event["tags"] == {
        "incident": "INC-7",
        "asset": "marts/orders",
        "owner": "team:fin",
        "severity": str(failed_run(7).severity),
        "nature": "pipeline",
    }
    assert event["contexts"]["links"]["Run"] == messages.LINKS[1].url
    assert event["environment"] == "prod"


def test_the_same_error_of_two_incidents_is_one_issue_and_another_error_another(
    server: LocalServer, project: Project
) -> None:
    notifier = notifier_at(server.url)
    for number, signature in ((7, "s1"), (8, "s1"), (9, "s2"), (10, ""), (11, "")):
        key = f"INC-{number}:post:sentry:errors"
        notifier.send(ERRORS, about(failed_run(number, signature)), key=key)
    groups = [tuple(event["fingerprint"]) for event in project.events.values()]
    assert len(groups) == 5
    assert len(set(groups)) == 4


def test_what_is_no_error_of_a_run_is_seen_all_the_same(server: LocalServer, project: Project) -> None:
    """A silent drop would look like a sink that works."""
    notifier_at(server.url).send(ERRORS, about(TRIGGERED), key="INC-7:post:sentry:errors")
    (event,) = project.events.values()
    assert "exception" not in event
    assert event["logentry"]["formatted"].startswith("INC-7 SEV2 marts/orders: check not_null failed")
    assert event["fingerprint"] == ["incident_ops", "incident_ops/prod/7f3a/INC-7"]


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        (Severity.SEV0, "fatal"),
        (Severity.SEV1, "error"),
        (Severity.SEV2, "warning"),
        (Severity.SEV3, "info"),
    ],
)
def test_each_severity_has_a_level(severity: Severity, level: str) -> None:
    incident = replace(TRIGGERED, severity=severity)
    event = event_of(about(incident), event_id="0" * 32, group="g", environment="prod")
    assert event["level"] == level


@pytest.mark.parametrize(
    ("detail", "kind"),
    [
        ("sqlalchemy.exc.OperationalError: gone", "OperationalError"),
        ("something odd happened", "RunFailed"),
        ("", "RunFailed"),
    ],
)
def test_the_class_of_an_error_is_what_stands_before_its_colon(detail: str, kind: str) -> None:
    incident = replace(failed_run(7), detail=detail)
    event = event_of(about(incident), event_id="0" * 32, group="g", environment="prod")
    assert event["exception"]["values"][0]["type"] == kind


def test_an_environment_that_sentry_would_refuse_is_written_so_that_it_does_not() -> None:
    for given, written in (("prod/eu 1", "prod-eu-1"), ("", "production")):
        event = event_of(about(TRIGGERED), event_id="0" * 32, group="g", environment=given)
        assert event["environment"] == written


@pytest.mark.parametrize(
    "dsn", ["", "nonsense", f"https://{PUBLIC_KEY}@sentry.acme.test/not-a-number", "https://sentry.acme.test/42"]
)
def test_a_dsn_that_is_none_is_told_when_something_is_sent_and_not_quoted(dsn: str) -> None:
    notifier = SentryNotifier(receiver="errors", dsn=dsn, environment="prod", origin="prod/7f3a")
    with pytest.raises(TransportError) as caught:
        notifier.send(ERRORS, about(TRIGGERED), key="INC-7:post:sentry:errors")
    assert caught.value.needs_person
    assert 'receiver "errors"' in str(caught.value)
    assert PUBLIC_KEY not in repr(caught.value)


@pytest.mark.parametrize(
    ("status", "needs_person", "permanent"), [(403, True, False), (404, True, False), (400, False, True)]
)
def test_what_a_refusal_means(server: LocalServer, status: int, needs_person: bool, permanent: bool) -> None:
    server.next(Trouble(status=status, body=b'{"detail": "no such key"}'))
    with pytest.raises(TransportError) as caught:
        notifier_at(server.url).send(ERRORS, about(TRIGGERED), key="INC-7:post:sentry:errors")
    assert (caught.value.needs_person, caught.value.permanent) == (needs_person, permanent)
    assert "no such key" in str(caught.value)
