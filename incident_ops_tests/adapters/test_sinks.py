"""From settings to sinks: every kind of receiver is wired, and what cannot work says what to do."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from incident_ops.adapters.notify.unusable import Unusable
from incident_ops.adapters.sinks import origin_of, sinks_of
from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.config import Settings, missing_secrets, settings_from_text
from incident_ops.config.shape import KINDS_OF_RECEIVERS
from incident_ops.core.errors import TransportError
from incident_ops.core.message import compose
from incident_ops.core.notices import Action
from incident_ops.core.routing import Destination
from incident_ops.core.sample import bare_incident, full_incident
from incident_ops.engine.ports import CanCheck, CanReply, CanUpdate, Fades
from incident_ops.engine.sinks import Sinks
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.blank import blank_store
from incident_ops_tests.engine.outbox import deliver, open_incident, owe
from incident_ops_tests.fake_slack import FakeSlack

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
FULL = (Path(__file__).parents[1] / "config" / "full.yaml").read_text(encoding="utf-8")
SECRETS = {
    "SLACK_TOKEN": "xoxb-secret-1",
    "SLACK_SIGNING": "secret-2",
    "SLACK_APP": "xapp-secret-3",
    "MAIL_PASSWORD": "secret-4",
    "PAGERDUTY_KEY": "secret5secret5secret5secret5secr",
    "HOOK_SECRET": "secret-6",
    "HOOK_URL": "https://hooks.acme.test/secret-7",
    "APPRISE_URL": "ntfy://secret-8@ntfy.acme.test/topic",
    "JSM_KEY": "secret-9",
    "OPSGENIE_KEY": "secret-10",
    "JIRA_TOKEN": "secret-11",
    "ALERTMANAGER_URL": "https://alertmanager.acme.test/secret-12",
    "ALERTMANAGER_TOKEN": "secret-13",
    "ALERTMANAGER_PASSWORD": "secret-14",
    "SENTRY_DSN": "https://secret15@sentry.acme.test/7",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with open_store(blank_store(tmp_path / "incident_ops.db")) as opened:
        yield opened


def settings_of(text: str, **environ: str) -> Settings:
    return settings_from_text(text, environ, file="incident_ops.yaml")


def wired(store: SqlStore, text: str, **environ: str) -> Sinks:
    return sinks_of(settings_of(text, **environ), store, now=NOW)


def refusal(sinks: Sinks, place: Destination) -> str:
    notifier = sinks.notifier_of(place)
    assert isinstance(notifier, Unusable)
    for ask in (
        lambda: notifier.send(place, messages.PLAIN, key="k"),
        lambda: notifier.check(place),
    ):
        with pytest.raises(TransportError) as caught:
            ask()
        assert caught.value.needs_person and not caught.value.permanent
    return str(caught.value)


def test_every_kind_of_receiver_is_wired(store: SqlStore) -> None:
    """A kind that the file takes and nothing writes to is a page that never comes."""
    sinks = wired(store, FULL, **SECRETS)
    kinds = {place: sinks.notifiers[place].kind for place in sinks.notifiers}
    assert kinds == {
        "inbox": "inbox",
        "slack": "slack",
        "email": "email",
        "pagerduty:war-room": "pagerduty",
        "webhook:hook": "webhook",
        "webhook:secret-hook": "webhook",
        "apprise:anywhere": "apprise",
        "jsm:desk": "jsm",
        "opsgenie:desk": "opsgenie",
        "jira:desk": "jira",
        "alertmanager:screens": "alertmanager",
        "sentry:screens": "sentry",
    }
    assert {*KINDS_OF_RECEIVERS} <= {*kinds.values()}
    assert not any(isinstance(sinks.notifiers[place], Unusable) for place in sinks.notifiers)


def test_abilities_are_those_the_document_tells_of(store: SqlStore) -> None:
    sinks = wired(store, FULL, **SECRETS)
    fading = {name for name, each in sinks.notifiers.items() if isinstance(each, Fades)}
    assert fading == sinks.fading == {"alertmanager:screens"}
    unedited = {name for name, each in sinks.notifiers.items() if not isinstance(each, CanUpdate)}
    assert unedited == {"email", "apprise:anywhere", "sentry:screens"}
    without_end = {name for name in unedited if not isinstance(sinks.notifiers[name], CanReply)}
    assert without_end == {"sentry:screens"}
    unasked = {name for name, each in sinks.notifiers.items() if not isinstance(each, CanCheck)}
    assert unasked <= {"inbox", "pagerduty:war-room", "apprise:anywhere", "sentry:screens"}


def test_nothing_that_is_wired_shows_a_secret(store: SqlStore) -> None:
    settings = settings_of(FULL, **SECRETS)
    sinks = sinks_of(settings, store, now=NOW)
    shown = repr(settings) + repr(sinks) + "".join(repr(sinks.notifiers[name]) for name in sinks.notifiers)
    assert not [secret for secret in SECRETS.values() if secret in shown]


def test_a_sinks_library_is_not_loaded_before_it_is_used(tmp_path: Path) -> None:
    """A second for each pass that has nothing to say."""
    (tmp_path / "full.yaml").write_text(FULL)
    script = f"""
import sys
from datetime import UTC, datetime
from incident_ops.adapters.sinks import sinks_of
from incident_ops.adapters.store import open_store
from incident_ops.config import settings_from_text
text = open({str(tmp_path / "full.yaml")!r}).read()
store = open_store("sqlite:///{tmp_path / "s.db"}")
environ = {SECRETS!r}
sinks = sinks_of(settings_from_text(text, environ, file="f"), store, now=datetime.now(UTC))
before = {{"pagerduty", "apprise", "sentry_sdk", "slack_sdk", "dagster_slack"}} & {{*sys.modules}}
list(sinks.notifiers.values())
print(sorted(before), sorted({{"pagerduty", "apprise", "sentry_sdk"}} & {{*sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip().endswith("[] ['apprise', 'pagerduty', 'sentry_sdk']")


# ---- what is missing


def test_a_target_whose_secret_is_missing_names_receiver_variable_and_remedy(store: SqlStore) -> None:
    sinks = wired(store, FULL)
    assert refusal(sinks, Destination(kind="pagerduty", address="war-room")) == (
        "the receiver war-room cannot be written to: the environment variable PAGERDUTY_KEY of "
        "receivers[0].pagerduty.routing_key is not set; set it where Dagster runs"
    )
    assert refusal(sinks, Destination(kind="email", address="a@acme.test")) == (
        "mail cannot be sent: the environment variable MAIL_PASSWORD of smtp.password is not set; set it where "
        "Dagster runs"
    )


def test_whatever_config_check_finds_missing_is_unusable_and_nothing_else(store: SqlStore) -> None:
    """What the check passes over and the sink then lacks would be found at night."""
    config = settings_of(FULL).config
    for variable in SECRETS:
        sinks = wired(store, FULL, **{name: value for name, value in SECRETS.items() if name != variable})
        unusable = [name for name in sinks.notifiers if isinstance(sinks.notifiers[name], Unusable)]
        [missing] = missing_secrets(config, {**SECRETS, variable: ""})
        if variable.startswith("SLACK"):
            assert unusable == []
        else:
            key = missing.partition(":")[0]
            assert [name.partition(":")[0] for name in unusable] == [
                "email" if "smtp" in key else key.split(".")[1]
            ]


@pytest.mark.parametrize(
    "url", ["hooks.acme.test", "ftp://hooks.acme.test", "https://u:secret-16@hooks.acme.test"]
)
def test_an_address_in_a_variable_that_is_none_is_said_without_it(store: SqlStore, url: str) -> None:
    sinks = wired(store, FULL, **{**SECRETS, "HOOK_URL": url})
    sentence = refusal(sinks, Destination(kind="webhook", address="secret-hook"))
    remedy = "write it like https://host.example/path, without a user or password in it"
    assert sentence.endswith(f"HOOK_URL of receivers[3].webhook.url cannot be used as an address; {remedy}")
    assert "acme.test" not in sentence


def test_a_token_that_cannot_be_one_waits_for_a_person_and_stops_nothing_else(store: SqlStore) -> None:
    sinks = wired(store, "", INCIDENT_OPS_SLACK_TOKEN="xoxb 1 \u2026 secret")
    assert "INCIDENT_OPS_SLACK_TOKEN" in refusal(sinks, Destination(kind="slack", address="#fin"))
    assert sinks.notifiers["inbox"].kind == "inbox"


# ---- where things go instead

MAIL = """
receivers:
- {name: mail, email: {to: [ops@acme.test]}}
- {name: both, email: {to: [ops@acme.test]}, slack: {channel: C012}}
"""
SMTP = "\nsmtp: {host: mail.acme.test, from: incidents@acme.test}"


@pytest.mark.parametrize(
    ("text", "token", "expected"),
    [
        ("", "", "inbox:#data-incidents"),
        ("", "xoxb-1", "inbox:#data-incidents"),
        (f"{MAIL}{SMTP}\nfallback_receiver: mail", "xoxb-1", "email:ops@acme.test"),
        (f"{MAIL}\nfallback_receiver: mail", "xoxb-1", "slack:#data-incidents"),
        (f"{MAIL}\nfallback_receiver: mail", "", "inbox:#data-incidents"),
        (f"{MAIL}\nfallback_receiver: both", "xoxb-1", "slack:C012"),
        ("fallback_receiver: default", "xoxb-1", "slack:#data-incidents"),
        ("receivers: [{name: p, pagerduty: {routing_key: {env: NONE}}}]\nfallback_receiver: p", "xoxb-1",
         "slack:#data-incidents"),
    ],
)  # fmt: skip
def test_the_fallback_is_a_place_that_can_be_written_to(
    store: SqlStore, text: str, token: str, expected: str
) -> None:
    """A fallback that waits for a person as well is none."""
    assert str(wired(store, text, INCIDENT_OPS_SLACK_TOKEN=token).fallback) == expected


@pytest.mark.parametrize(
    ("place", "kept_for"),
    [
        (Destination(kind="pagerduty", address="p"), "the receiver p cannot be written to: "),
        (Destination(kind="email", address="ops@acme.test"), "mail cannot be sent: "),
    ],
)
def test_what_cannot_be_sent_is_said_kept_and_told_elsewhere(
    store: SqlStore, place: Destination, kept_for: str
) -> None:
    """The file of an example: the fallback receiver is mail, and nobody has named a server yet."""
    number = open_incident(store)
    owe(store, number, Action.POST, to=place)
    text = f"{MAIL}- {{name: p, pagerduty: {{routing_key: {{env: NONE}}}}}}\nfallback_receiver: mail"
    done = deliver(store, wired(store, text))
    assert [sentence.removeprefix(f"{place}: ").startswith(kept_for) for sentence in done.for_people] == [True]
    assert (done.delivered, done.pending) == (1, 1)
    assert [kept.to for kept in store.inbox()] == ["#data-incidents"]


def test_people_can_be_written_to_by_mail_where_a_server_is_named(store: SqlStore) -> None:
    assert wired(store, SMTP).mail is True
    assert wired(store, "").mail is False


# ---- Slack, origin, templates


@pytest.mark.parametrize(
    ("more", "has_buttons"),
    [
        ({}, False),
        ({"INCIDENT_OPS_SLACK_SIGNING_SECRET": "s"}, True),
        ({"INCIDENT_OPS_SLACK_APP_TOKEN": "xapp-1"}, True),
    ],
)
def test_messages_have_buttons_where_somebody_hears_them(
    store: SqlStore, more: dict[str, str], has_buttons: bool
) -> None:
    """A button that nothing answers looks broken, and is."""
    token = f"xoxb-{len(more)}-{'-'.join(more)}"
    with FakeSlack(token=token) as slack:
        sinks = wired(
            store, "", INCIDENT_OPS_SLACK_TOKEN=token, INCIDENT_OPS_SLACK_BASE_URL=slack.base_url, **more
        )
        message = compose(replace(bare_incident(NOW), number=7), links_of=lambda _: ())
        place = Destination(kind="slack", address="#fin")
        sinks.notifiers["slack"].send(place, message, key="INC-7:post:slack:#fin")
        kinds = {block["type"] for block in slack.messages[0].blocks}
    assert ("actions" in kinds) is has_buttons


def test_the_origin_tells_installations_apart_and_stays(store: SqlStore) -> None:
    """Two installations that write to one PagerDuty service must not end each other's incidents."""
    settings = settings_of("environment: staging")
    origin = origin_of(settings, store)
    assert origin == f"staging/{store.value('installation')}"
    assert origin == origin_of(settings, store)


def test_the_templates_of_a_receiver_hold_at_each_of_its_places_and_the_first_where_two_meet(
    store: SqlStore,
) -> None:
    text = """
receivers:
  - {name: a, slack: {channel: "#a"}, sentry: {dsn: {env: DSN}}, templates: {headline: "{{ id }} by a"}}
  - {name: b, slack: {channel: "#a"}, templates: {headline: "{{ id }} by b"}}
"""
    sinks = wired(store, text, INCIDENT_OPS_SLACK_TOKEN="xoxb-1")
    message = compose(full_incident(NOW), links_of=lambda _: ())
    said = {
        str(place): sinks.dress(place, message).headline
        for place in (Destination(kind="slack", address="#a"), Destination(kind="sentry", address="a"))
    }
    assert said == {"slack:#a": "INC-0 by a", "sentry:a": "INC-0 by a"}
    assert sinks.dress(Destination(kind="slack", address="#b"), message) is message
