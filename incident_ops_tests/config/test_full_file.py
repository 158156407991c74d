"""A file with every key loads, and each key arrives as the value it stands for."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from zoneinfo import ZoneInfo

import pytest
import yaml
from pydantic import BaseModel

from incident_ops.config import (
    Config,
    channel_of_team,
    doubtful_secrets,
    missing_secrets,
    not_yet_effective,
    parse_config,
)
from incident_ops.config.times import DigestTime, Handoff, Weekday
from incident_ops.core.alert import Nature
from incident_ops.core.matching import parse_matcher
from incident_ops.core.severity import Severity

FULL = (Path(__file__).parent / "full.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def config() -> Config:
    return parse_config(FULL, file="incident_ops.yaml")


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Annotated, Union, UnionType, dict, tuple):
        for part in get_args(annotation):
            yield from _sections(part)


def _known_keys(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[str, str]]:
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        yield model.__name__, field.alias or name
        for section in _sections(field.annotation):
            yield from _known_keys(section, seen)


def _used_keys(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            if name in value.model_fields_set:
                yield type(value).__name__, field.alias or name
                yield from _used_keys(getattr(value, name))
    elif isinstance(value, dict | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _used_keys(item)


def test_the_fixture_uses_every_key_there_is(config: Config) -> None:
    """A key that no test reads could be dropped, or never have worked, without anybody noticing."""
    assert set(_known_keys(Config, set())) - set(_used_keys(config)) == set()


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda c: c.environment, "staging"),
        (lambda c: c.teams["fin"].timezone, ZoneInfo("Europe/Berlin")),
        (lambda c: c.teams["fin"].working_hours.days[-1], Weekday.FRI),
        (lambda c: c.teams["fin"].working_hours.from_, time(9)),
        (lambda c: c.people["erin@acme.test"].digest, DigestTime(every="daily", at=time(17))),
        (lambda c: c.people["lea@acme.test"].digest, DigestTime(every="weekly", at=time(9), day=Weekday.MON)),
        (lambda c: c.schedules["fin-primary"].layers[0].handoff, Handoff(at=time(9), day=Weekday.MON)),
        (lambda c: c.schedules["fin-primary"].layers[0].start, date(2026, 1, 5)),
        (lambda c: [layer.rotation for layer in c.schedules["fin-primary"].layers],
         ["weekly", "daily", timedelta(hours=12)]),
        (lambda c: c.schedules["fin-primary"].overrides[0].from_, datetime(2026, 11, 20, 9)),  # noqa: DTZ001 (local)
        (lambda c: c.schedules["fin-primary"].overrides[0].span(ZoneInfo("Europe/Berlin"))[0],
         datetime(2026, 11, 20, 8, tzinfo=UTC)),
        (lambda c: c.schedules["fin-primary"].swaps[0].between, ("erin@acme.test", "otto@acme.test")),
        (lambda c: c.schedules["fin-primary"].swaps[0].span(ZoneInfo("Europe/Berlin")),
         (datetime(2026, 12, 23, 23, tzinfo=UTC), datetime(2026, 12, 26, 23, tzinfo=UTC))),
        (lambda c: c.people["lea@acme.test"].timezone, ZoneInfo("Europe/Lisbon")),
        (lambda c: c.people["erin@acme.test"].timezone, None),
        (lambda c: c.escalation_policies["standard"].steps[1].wait, timedelta(minutes=10)),
        (lambda c: c.route.repeat_interval, timedelta(hours=6)),
        (lambda c: c.route.routes[0].matchers[1], parse_matcher("severity =~ SEV[01]")),
        (lambda c: c.route.routes[0].continue_, True),
        (lambda c: c.route.routes[1].continue_, False),
        (lambda c: c.route.routes[1].group_by, None),
        (lambda c: c.route.routes[1].routes[0].group_by, ()),
        (lambda c: c.receiver_named("war-room").pagerduty.routing_key.env, "PAGERDUTY_KEY"),
        (lambda c: c.receiver_named("war-room").pagerduty.url, "https://events.eu.pagerduty.com"),
        (lambda c: c.receiver_named("war-room").templates.facts, {"Team": "{{ labels.team }}"}),
        (lambda c: c.receiver_named("hook").webhook.private, True),
        (lambda c: c.receiver_named("secret-hook").webhook.private, False),
        (lambda c: c.receiver_named("desk").jira.issue_type, "Bug"),
        (lambda c: c.receiver_named("screens").alertmanager.url.env, "ALERTMANAGER_URL"),
        (lambda c: c.smtp.port_in_use, 2525),
        (lambda c: c.smtp.sender, "incidents@acme.test"),
        (lambda c: c.slack.incident_channels.severities, (Severity.SEV0, Severity.SEV1)),
        (lambda c: c.receiver_named("owner"), None),
        (lambda c: c.time_intervals[2].to, time(0)),
        (lambda c: c.maintenance[0].window,
         (datetime(2026, 12, 1, 22, tzinfo=UTC), datetime(2026, 12, 2, 2, tzinfo=UTC))),
        (lambda c: c.maintenance[1].window,
         (datetime(2026, 12, 23, 23, tzinfo=UTC), datetime(2026, 12, 26, 23, tzinfo=UTC))),
        (lambda c: c.expected_events[0].window,
         (datetime(2026, 11, 26, 23, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC))),
        (lambda c: c.expected_events[0].natures, (Nature.VOLUME, Nature.FIELD_HEALTH)),
        (lambda c: c.severity[0].severity, Severity.SEV1),
        (lambda c: c.reminders[Severity.SEV1], timedelta(hours=2)),
        (lambda c: c.resolve_after, timedelta(0)),
        (lambda c: c.slos[0].target, 0.99),
    ],
)  # fmt: skip
def test_a_key_arrives_as_the_value_it_stands_for(config: Config, read: Any, expected: object) -> None:
    """Text that looks right and means something else is found at three in the morning."""
    assert read(config) == expected


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# nothing yet\n", "---\n", "teams:\nreceivers: # none\nroute:\nseverity:\n"]
)
def test_an_empty_file_holds_what_holds_without_one(text: str) -> None:
    """A file that somebody created with the intention to fill it later must not stop detection."""
    assert parse_config(text, file="incident_ops.yaml") == Config()


def test_defaults_are_those_the_documentation_promises() -> None:
    """Without a file incidents go to their owners, and nothing is without a time limit."""
    config = Config()
    assert config.route.receiver == "owner"
    assert (config.route.group_wait, config.route.group_interval, config.route.repeat_interval) == (
        timedelta(seconds=30),
        timedelta(minutes=5),
        timedelta(hours=4),
    )
    assert (config.reopen_within, config.resolve_after) == (timedelta(hours=24), timedelta(0))
    assert config.group_window == timedelta(hours=1)
    assert config.budget.pushes == 5


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_of_mail_follows_from_its_security(security: str, port: int) -> None:
    text = f"smtp: {{host: mail.acme.test, security: {security}, from: a@acme.test}}"
    smtp = parse_config(text, file="incident_ops.yaml").smtp
    assert smtp is not None
    assert smtp.port_in_use == port


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", '"[::1]"', "localhost."])
def test_on_this_machine_a_password_may_go_in_plain_text(host: str) -> None:
    """Nobody else hears it, and relays on the same machine often speak no TLS."""
    text = f"smtp: {{host: {host}, security: none, user: u, password: {{env: A}}, from: a@acme.test}}"
    assert parse_config(text, file="incident_ops.yaml").smtp is not None


@pytest.mark.parametrize(
    ("team", "expected"),
    [
        ("fin", "#fin-data"),
        ("bare", "#bare"),
        ("marketing", "#marketing"),
        ("Data Platform", "#data-platform"),
        ("x" * 100, "#" + "x" * 80),
    ],
)
def test_a_team_has_a_channel_even_if_the_file_does_not_know_it(team: str, expected: str) -> None:
    """`team:x` on an asset works without any file; the name is bent to what Slack allows."""
    config = parse_config('teams: {fin: {slack: "#fin-data"}, bare: }', file="incident_ops.yaml")
    assert channel_of_team(config, team) == expected


def test_secrets_stay_names_and_missing_ones_are_listed(config: Config) -> None:
    """The file can be checked on a laptop that has none of the production keys."""
    environ = {
        "INCIDENT_OPS_SLACK_TOKEN": "t",
        "SLACK_SIGNING": "s",
        "SLACK_APP": "a",
        "HOOK_URL": "u",
        **dict.fromkeys(("PAGERDUTY_KEY", "JSM_KEY", "OPSGENIE_KEY", "JIRA_TOKEN", "SENTRY_DSN"), "k"),
        **dict.fromkeys(("ALERTMANAGER_URL", "ALERTMANAGER_TOKEN", "ALERTMANAGER_PASSWORD"), "k"),
    }
    assert missing_secrets(config, environ | {"HOOK_SECRET": ""}) == [
        "smtp.password: the environment variable MAIL_PASSWORD is not set; set it where Dagster runs.",
        "receivers[2].webhook.secret: the environment variable HOOK_SECRET is not set; set it where Dagster runs.",
        "receivers[4].apprise.url: the environment variable APPRISE_URL is not set; set it where Dagster runs.",
    ]


@pytest.mark.parametrize("value", ["wrong key", "x" * 31, "x" * 33, "x" * 31 + "é"])
def test_a_routing_key_that_can_be_none_is_doubted_and_not_shown(config: Config, value: str) -> None:
    [sentence] = doubtful_secrets(config, {"PAGERDUTY_KEY": value})
    assert sentence == (
        "receivers[0].pagerduty.routing_key: the environment variable PAGERDUTY_KEY does not hold 32 letters and "
        "digits; copy the integration key of the service's Events API v2 integration."
    )
    assert doubtful_secrets(config, {"PAGERDUTY_KEY": "R0UT1NGKEY0123456789abcdefABCDEF"}) == []
    assert doubtful_secrets(config, {"PAGERDUTY_KEY": ""}) == [], "which is missing, and said so"


def test_json_of_a_config_can_be_written_and_keeps_the_words_of_the_file(config: Config) -> None:
    """The configuration in force is shown and logged as JSON."""
    written = yaml.safe_load(config.model_dump_json(by_alias=True))
    assert written["teams"]["fin"]["timezone"] == "Europe/Berlin"
    assert written["route"]["routes"][0]["matchers"][0] == 'tag:incident_ops/tier = "gold"'
    assert written["route"]["routes"][0]["continue"] is True


def test_every_key_without_effect_is_said_and_no_other(config: Config) -> None:
    """Somebody who configures a page and is not told that it won't come relies on it."""
    without = "read and checked, but without effect in this version"
    assert not_yet_effective(config) == [f"slos: {without}."]


def test_nothing_is_said_of_keys_that_have_an_effect() -> None:
    """A warning about what works teaches people to ignore warnings."""
    config = parse_config(
        """
environment: production
dagster_url: http://dagster.acme.test
teams: {fin: {slack: "#fin-data", engineer: erin@acme.test, escalation_policy: p}}
people: {erin@acme.test: {slack: U0ERIN, digest: "daily 17:00"}}
schedules:
  s: {layers: [{rotation: daily, handoff: "09:00", start: 2026-01-05, members: [erin@acme.test]}]}
escalation_policies: {p: {steps: [{notify: ["schedule:s"], wait: 5m}]}}
route:
  receiver: war-room
  repeat_interval: 2h
  routes: [{matchers: [team = fin], receiver: owner, mute_time_intervals: [nights]}]
time_intervals: [{name: nights, from: "20:00", to: "08:00"}]
inhibit_rules: [{source_matchers: [nature = pipeline], target_matchers: [nature = freshness], equal: [asset]}]
maintenance: [{matchers: [group = crm], from: 2026-12-01T22:00Z, until: 2026-12-02T02:00Z}]
reminders: {SEV0: 5m}
budget: {pushes: 3}
flapping: {changes: 6}
classification: {required: false}
subscriptions: [{who: cfo@acme.test}]
receivers: [{name: war-room, slack: {channel: "#war-room"}, sentry: {dsn: {env: A}}, templates: {headline: x}}]
fallback_receiver: default
severity: [{matchers: ['team = fin'], severity: SEV0}]
group_window: 2h
reopen_within: 1h
resolve_after: 5m
consumers: {cfo_dash: [cfo@acme.test]}
expected_events: [{name: sale, assets: [orders], from: 2026-11-27, until: 2026-11-30, up_to: 6.0}]
slack: {token: {env: SLACK_TOKEN}, incident_channels: {severities: [SEV0]}}
smtp: {host: mail.acme.test, from: incidents@acme.test}
""",
        file="incident_ops.yaml",
    )
    assert not_yet_effective(config) == []


def test_consumers_are_spelled_as_they_are_compared() -> None:
    """One person in two spellings would be told everything twice."""
    config = parse_config('consumers: {dash: [" CFO@acme.test", "team:Fin"]}\nteams: {Fin: {}}', file="x")
    assert config.consumers == {"dash": ("cfo@acme.test", "team:Fin")}
