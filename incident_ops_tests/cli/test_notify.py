"""`incident-ops notify test`: one message to every place behind a receiver, and what each of them says."""

from collections.abc import Callable, Iterator

import pytest

from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops_tests.adapters.notify.certificates import authority, server_context
from incident_ops_tests.adapters.notify.local_server import Answer, LocalServer, unused_port
from incident_ops_tests.adapters.notify.mail_server import PASSWORD, USER, MailServer
from incident_ops_tests.adapters.notify.pager_duty_events import Events
from incident_ops_tests.builders import T0
from incident_ops_tests.cli.conftest import Answer as Printed
from incident_ops_tests.cli.conftest import CommandLine
from incident_ops_tests.fake_slack import FakeSlack, error

TOKEN = "xoxb-1234567890-very-secret"
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
SLACK_ALONE = 'receivers: [{name: room, slack: {channel: "#room"}}]\nroute: {receiver: room}'

Environment = Callable[..., None]


@pytest.fixture
def slack(environment: Environment) -> Iterator[FakeSlack]:
    with FakeSlack(token=TOKEN, channels=["#room", "#data-incidents"]) as running:
        environment(INCIDENT_OPS_SLACK_TOKEN=TOKEN, INCIDENT_OPS_SLACK_BASE_URL=running.base_url)
        yield running


def outcomes(printed: Printed) -> list[tuple[str, str]]:
    return [(each["to"], each["outcome"]) for each in printed.json["destinations"]]


def problem(printed: Printed) -> str:
    """The one sentence of the one place that failed; it names no secret."""
    [said] = [each["problem"] for each in printed.json["destinations"] if each["problem"]]
    assert printed.json["ok"] is False
    assert not any(secret in printed.out + printed.err for secret in (TOKEN, ROUTING_KEY, PASSWORD))
    return said


# ---- it arrives


def test_in_slack_it_is_one_message_that_says_it_is_a_test_and_ends_itself(
    cli: CommandLine, slack: FakeSlack
) -> None:
    cli.configure(SLACK_ALONE)
    done = cli("notify", "test", "room", "--json")
    assert (done.code, outcomes(done)) == (0, [("slack:#room", "accepted")])
    [message] = slack.messages
    assert "TEST of the receiver room" in message.text
    assert "resolved" in str(message.blocks)
    assert done.json["destinations"][0]["receipt"]["message"] == message.ts


def test_every_place_of_a_receiver_is_tried_and_what_has_states_is_left_without_one(
    cli: CommandLine, slack: FakeSlack, environment: Environment
) -> None:
    """A test that leaves an alert behind pages somebody about it at night."""
    events = Events(ROUTING_KEY)
    with LocalServer(events.answer) as pager:
        cli.configure(
            'receivers: [{name: war-room, slack: {channel: "#room"}, '
            f"pagerduty: {{routing_key: {{env: PAGER}}, url: '{pager.url}'}}}}]\nroute: {{receiver: war-room}}"
        )
        environment(PAGER=ROUTING_KEY)
        done = cli("notify", "test", "war-room", "--json")
        assert outcomes(done) == [("slack:#room", "accepted"), ("pagerduty:war-room", "accepted")]
        actions = [request.json["event_action"] for request in pager.requests]
        assert (actions[0], actions[-1]) == ("trigger", "resolve")
        assert len({request.json["dedup_key"] for request in pager.requests}) == 1
        assert pager.requests[0].json["payload"]["severity"] == "info"


def test_mail_goes_through_the_server_of_the_file(cli: CommandLine, environment: Environment) -> None:
    with MailServer(tls=server_context()) as server:
        environment(MAIL_PASSWORD=PASSWORD, SSL_CERT_FILE=str(authority()))
        cli.configure(
            f"smtp: {{host: 127.0.0.1, port: {server.port}, user: {USER}, password: {{env: MAIL_PASSWORD}}, "
            "from: incidents@acme.test}\nreceivers: [{name: mail, email: {to: [erin@acme.test, otto@acme.test]}}]"
        )
        done = cli("notify", "test", "mail", "--json")
        assert (done.code, outcomes(done)) == (0, [("email:erin@acme.test, otto@acme.test", "accepted")])
        assert server.recipients[0] == ["erin@acme.test", "otto@acme.test"]
        assert "TEST of the receiver mail" in server.mails[0]["Subject"]


def test_without_any_account_the_inbox_takes_it(cli: CommandLine) -> None:
    done = cli("notify", "test", "default")
    assert (done.code, done.out.split(" (")[0]) == (0, "inbox:#data-incidents: accepted")
    with cli.store() as store:
        [kept] = store.inbox()
    assert "TEST of the receiver default" in kept.headline


def test_the_owner_is_that_of_an_asset(cli: CommandLine) -> None:
    with cli.store() as store:
        store.save_catalog(Catalog([AssetNode(key="orders", owners=("team:fin",))], fetched_at=T0))
    assert outcomes(cli("notify", "test", "owner", "--asset", "orders", "--json")) == [("inbox:#fin", "accepted")]
    without = cli("notify", "test", "owner")
    assert without.code == 2
    assert "say whose: owner depends on the asset; add --asset KEY" in without.err
    unknown = cli("notify", "test", "owner", "--asset", "order")
    assert (unknown.code, unknown.err) == (1, "the catalog has no asset 'order'; did you mean orders?\n")


def test_a_receiver_that_does_not_exist_is_not_found(cli: CommandLine) -> None:
    cli.configure(SLACK_ALONE)
    done = cli("notify", "test", "rom")
    assert (done.code, done.err) == (1, 'there is no receiver "rom"; did you mean room?\n')
    assert "there are room, owner, default, digest, inbox" in cli("notify", "test", "zzz").err


def test_it_wears_the_receivers_templates(cli: CommandLine, slack: FakeSlack) -> None:
    cli.configure(
        'receivers: [{name: room, slack: {channel: "#room"}, templates: {headline: "{{ severity }} by {{ id }}"}}]'
    )
    assert cli("notify", "test", "room").code == 0
    assert "SEV3 by INC-0" in slack.messages[0].text


# ---- it does not arrive


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_a_wrong_token_is_said(
    cli: CommandLine, slack: FakeSlack, environment: Environment, check: tuple[str, ...]
) -> None:
    environment(INCIDENT_OPS_SLACK_TOKEN="xoxb-another")
    cli.configure(SLACK_ALONE)
    done = cli("notify", "test", "room", "--json", *check)
    assert (done.code, outcomes(done)) == (2, [("slack:#room", "refused")])
    assert "invalid_auth" in problem(done)
    assert slack.messages == []


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_a_missing_scope_is_named(cli: CommandLine, environment: Environment, check: tuple[str, ...]) -> None:
    with FakeSlack(token=TOKEN, scopes=["channels:read"]) as running:
        environment(INCIDENT_OPS_SLACK_TOKEN=TOKEN, INCIDENT_OPS_SLACK_BASE_URL=running.base_url)
        cli.configure(SLACK_ALONE)
        done = cli("notify", "test", "room", "--json", *check)
    assert done.code == 2
    assert "chat:write" in problem(done)


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_an_unknown_channel_is_said(cli: CommandLine, slack: FakeSlack, check: tuple[str, ...]) -> None:
    cli.configure(SLACK_ALONE.replace("#room", "#rom"))
    done = cli("notify", "test", "room", "--json", *check)
    assert (done.code, outcomes(done)) == (2, [("slack:#rom", "refused")])
    assert "channel" in problem(done)


def test_an_archived_channel_is_said(cli: CommandLine, slack: FakeSlack) -> None:
    slack.next(error("is_archived"))
    cli.configure(SLACK_ALONE)
    done = cli("notify", "test", "room", "--json")
    assert (done.code, outcomes(done)) == (2, [("slack:#room", "refused")])
    assert "archived" in problem(done)


def test_a_host_that_cannot_be_reached_may_work_the_next_time(cli: CommandLine) -> None:
    cli.configure(
        f"receivers: [{{name: hook, webhook: {{url: 'http://127.0.0.1:{unused_port()}/x', private: true}}}}]"
    )
    for check in ((), ("--check",)):
        done = cli("notify", "test", "hook", "--json", *check)
        assert (done.code, outcomes(done)) == (1, [("webhook:hook", "not now")])
        assert "hook" in problem(done)


def test_a_certificate_for_another_host_is_refused(cli: CommandLine, environment: Environment) -> None:
    environment(SSL_CERT_FILE=str(authority()), REQUESTS_CA_BUNDLE=str(authority()))
    with LocalServer(lambda _: Answer(status=202), certificate_of="elsewhere.test") as server:
        cli.configure(f"receivers: [{{name: hook, webhook: {{url: '{server.url}/x', private: true}}}}]")
        done = cli("notify", "test", "hook", "--json")
        assert (done.code, outcomes(done)) == (2, [("webhook:hook", "refused")])
        assert "certificate" in problem(done)
        assert server.requests == []


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("pagerduty: {routing_key: {env: MISSING}}",
         "the environment variable MISSING of receivers[0].pagerduty.routing_key is not set"),
        ("apprise: {url: {env: MISSING}}",
         "the environment variable MISSING of receivers[0].apprise.url is not set"),
        ("webhook: {url: {env: NOT_WEB}}",
         "the environment variable NOT_WEB of receivers[0].webhook.url cannot be used as an address; "
         "write it like https://host.example/path"),
        ("email: {to: [a@acme.test]}", "mail cannot be sent: no server is named that would send it; add smtp: "),
    ],
)  # fmt: skip
@pytest.mark.parametrize("check", [(), ("--check",)])
def test_what_the_configuration_lacks_is_said_with_its_key(
    cli: CommandLine, environment: Environment, target: str, expected: str, check: tuple[str, ...]
) -> None:
    """Of a receiver that is never tried it is found out at night."""
    environment(MISSING=None, NOT_WEB="hooks.acme.test/secret-path")
    cli.configure(f"receivers: [{{name: them, {target}}}]")
    done = cli("notify", "test", "them", "--json", *check)
    assert done.code == 2
    assert expected in problem(done)
    assert "secret-path" not in done.out


def test_what_is_only_asked_is_heard_by_nobody(cli: CommandLine, slack: FakeSlack) -> None:
    cli.configure(SLACK_ALONE)
    done = cli("notify", "test", "room", "--check")
    assert (done.code, done.out) == (0, "slack:#room: would be accepted\n")
    assert slack.messages == []
    assert cli("notify", "test", "inbox", "--check").out == "inbox:#data-incidents: cannot be asked\n"


# ---- the whole file at once


def test_config_check_online_asks_every_receiver_and_slack_itself(cli: CommandLine, slack: FakeSlack) -> None:
    cli.configure(
        'receivers:\n- {name: room, slack: {channel: "#room"}}\n'
        f"- {{name: hook, webhook: {{url: 'http://127.0.0.1:{unused_port()}/x', private: true}}}}\n"
        "route: {receiver: room}\nfallback_receiver: hook"
    )
    done = cli("config", "check", "--online", "--json")
    assert done.code == 1
    assert (done.json["ok"], done.json["notes"]) == (False, [])
    assert [(each["to"], each["outcome"]) for each in done.json["receivers"]] == [
        ("slack:#data-incidents", "would be accepted"),
        ("slack:#room", "would be accepted"),
        ("webhook:hook", "not now"),
    ]
    assert slack.messages == []
    assert "slack:#room: would be accepted" in cli("config", "check", "--online").out


def test_a_filter_that_breaks_costs_nobody_the_message(cli: CommandLine, slack: FakeSlack) -> None:
    """Jinja's truncate raises an AssertionError."""
    cli.configure(
        "receivers:\n- name: room\n  slack: {channel: '#room'}\n  templates:\n"
        "    summary: '{{ title|truncate(-5) }}'\nroute: {receiver: room}"
    )
    checked = cli("config", "check")
    assert (checked.code, checked.err) == (
        2,
        "incident_ops.yaml, line 5: receivers[0].templates.summary: expected length >= 3, got -5; correct the "
        "template.\n",
    )
    assert outcomes(cli("notify", "test", "room", "--json")) == [("slack:#room", "accepted")]
    assert "a template failed: summary: expected length" in str(slack.messages)


def test_config_check_doubts_a_routing_key_that_can_be_none(cli: CommandLine, environment: Environment) -> None:
    cli.configure("receivers: [{name: pager, pagerduty: {routing_key: {env: PAGER}}}]\nroute: {receiver: pager}")
    environment(PAGER="wrong key")
    done = cli("config", "check")
    assert done.code == 0
    assert "the environment variable PAGER does not hold 32 letters and digits" in done.out
    assert "wrong key" not in done.out


def test_config_check_names_a_template_that_fails(cli: CommandLine) -> None:
    cli.configure(
        "receivers:\n- name: room\n  slack: {channel: C012}\n  templates:\n    headline: '{{ severty }}'\n"
        "route: {receiver: room}"
    )
    done = cli("config", "check", "--json")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        'incident_ops.yaml, line 5: receivers[0].templates.headline: there is no field "severty"; '
        'did you mean "severity"?\n'
    )
