"""What is allowed and probably not meant is said, with its line, and nothing else is."""

# ruff: noqa: E501 (a sentence is easier to compare with the screen in one piece)

from datetime import UTC, datetime
from pathlib import Path

import pytest

from incident_ops.config import warnings_of
from incident_ops.config.warnings import DOMAINS, LABELS
from incident_ops.core.catalog import AssetNode
from incident_ops.core.errors import ConfigError
from incident_ops.core.incident import opened
from incident_ops.core.labels import labels_of
from incident_ops.core.severity import Assessment, Severity
from incident_ops_tests.builders import make_alert

FILE = "incident_ops.yaml"
NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)  # a Monday; the clocks change on the 29th

ROUTES = "route:\n  routes:\n"
LAYER = "rotation: weekly, handoff: mon 09:00, start: 2026-01-05, members: [a@acme.test]"
PAGING = "\nescalation_policies: {p: {steps: [{notify: ['schedule:s'], wait: 5m}]}}\nroute: {escalation_policy: p}"


PRIVATE = "receivers[0].webhook.url: an address of your own network is refused; write private: true beside it, if it is meant."


def said(text: str) -> list[str]:
    return [warning.removeprefix(f"{FILE}, ") for warning in warnings_of(text, file=FILE, now=NOW)]


def never(line: int, place: str, why: str) -> str:
    return f"line {line}: route.{place} can never match: {why}."


def taken(by: str, asks: str) -> str:
    return f"route.{by} ({asks}) stands before it, takes all of it and has no continue: true"


ROWS = {
    # an earlier sibling takes all of it
    ROUTES + "  - {receiver: owner}\n  - {matchers: [team = a]}": never(4, "routes[1]", taken("routes[0]", "asks for nothing")),
    ROUTES + "  - {matchers: [team = a]}\n  - {matchers: [nature = rule, team = a]}": never(4, "routes[1]", taken("routes[0]", '`team = "a"`')),
    ROUTES + "  - {matchers: [team = a]}\n  - {matchers: [nature = rule]}\n  - {matchers: [team = a]}": never(5, "routes[2]", taken("routes[0]", '`team = "a"`')),
    ROUTES + "  - {matchers: ['team =~ \"a|b\"']}\n  - {matchers: [team = b]}": never(4, "routes[1]", taken("routes[0]", '`team =~ "a|b"`')),
    ROUTES + "  - {matchers: ['asset =~ \"raw/.*\"']}\n  - {matchers: [asset = raw/x]}": never(4, "routes[1]", taken("routes[0]", '`asset =~ "raw/.*"`')),
    ROUTES + "  - {matchers: ['team != \"a\"']}\n  - {matchers: ['team !~ \"a|b\"']}": never(4, "routes[1]", taken("routes[0]", '`team != "a"`')),
    ROUTES + "  - {matchers: ['team =~ \".+\"']}\n  - {matchers: [team = a]}": never(4, "routes[1]", taken("routes[0]", '`team =~ ".+"`')),
    ROUTES + "  - {matchers: ['team =~ \".*\"']}\n  - {matchers: [check = a]}": never(4, "routes[1]", taken("routes[0]", '`team =~ ".*"`')),
    ROUTES + "  - {matchers: ['severity =~ \"SEV[01]\"']}\n  - {matchers: [severity = SEV0]}": never(4, "routes[1]", taken("routes[0]", '`severity =~ "SEV[01]"`')),
    ROUTES + "  - {matchers: ['severity =~ \"SEV.\"']}\n  - {matchers: [team = a]}": never(4, "routes[1]", taken("routes[0]", '`severity =~ "SEV."`')),
    ROUTES + "  - matchers: [team = a]\n    routes:\n    - {matchers: ['team != \"b\"']}\n    - {matchers: [check = x]}": never(6, "routes[0].routes[1]", taken("routes[0].routes[0]", '`team != "b"`')),
    ROUTES + "  - {matchers: [team = a], routes: [{matchers: [check = x]}]}\n  - {matchers: [team = a], routes: [{matchers: [check = y]}]}": never(4, "routes[1]", taken("routes[0]", '`team = "a"`')),
    # matchers that exclude each other
    ROUTES + "  - {matchers: [team = a, team = b]}": never(3, "routes[0]", 'no value of team fulfils `team = "a"` and `team = "b"`'),
    ROUTES + "  - {matchers: [team = a, 'team =~ \"b.*\"']}": never(3, "routes[0]", 'no value of team fulfils `team = "a"` and `team =~ "b.*"`'),
    ROUTES + "  - {matchers: ['team =~ \"a.*\"', 'team !~ \"a.*\"']}": never(3, "routes[0]", 'no value of team fulfils `team =~ "a.*"` and `team !~ "a.*"`'),
    ROUTES + "  - {matchers: ['team !~ \".+\"', 'team != \"\"']}": never(3, "routes[0]", 'no value of team fulfils `team !~ ".+"` and `team != ""`'),
    ROUTES + "  - matchers: [team = a]\n    routes:\n    - {matchers: [team = b]}": never(5, "routes[0].routes[0]", 'no value of team fulfils `team = "a"` and `team = "b"`'),
    ROUTES + "  - {matchers: [nature = Rule]}": never(3, "routes[0]", 'no value of nature fulfils `nature = "Rule"`; it is one of field_health, freshness, pipeline, rule, schema, volume'),
    # labels
    ROUTES + "  - {matchers: [nature = rule, taem = a]}": 'line 3: route.routes[0].matchers[1]: no incident has a label "taem"; did you mean "team"?',
    "route: {group_by: [asset, owners]}": 'line 1: route.group_by[1]: no incident has a label "owners"; did you mean "owner"?',
    "maintenance:\n- matchers:\n  - grp = x\n  from: 2026-12-01T22:00Z\n  until: 2026-12-02T02:00Z": 'line 3: maintenance[0].matchers[0]: no incident has a label "grp"; did you mean "group"?',
    "inhibit_rules:\n- {source_matchers: [natur = rule], target_matchers: [team = a], equal: [assets]}": (
        'line 2: inhibit_rules[0].source_matchers[0]: no incident has a label "natur"; did you mean "nature"?',
        'line 2: inhibit_rules[0].equal[0]: no incident has a label "assets"; did you mean "asset"?',
    ),
    "subscriptions: [{who: a@acme.test, matchers: [incident_ops/tier = gold]}]": (
        'line 1: subscriptions[0].matchers[0]: no incident has a label "incident_ops/tier"; write "tag:incident_ops/tier" '
        f"for a tag of the asset, or one of {', '.join(LABELS)}."
    ),
    # nobody uses it
    "receivers:\n- {name: a, slack: {channel: C012}}\n- {name: b, slack: {channel: C013}}\nfallback_receiver: a": 'line 3: receivers[1].name: nothing uses the receiver "b"; use it or remove it.',
    "time_intervals:\n- {name: a, days: [sat]}\nroute: {routes: [{matchers: [team = a]}]}": 'line 2: time_intervals[0].name: nothing uses the time interval "a"; use it or remove it.',
    "escalation_policies:\n  p: {steps: [{notify: [stranger@acme.test], wait: 5m}]}": 'line 2: escalation_policies.p: nothing uses the escalation policy "p"; use it or remove it.',
    f"schedules:\n  s: {{layers: [{{{LAYER}}}]}}": 'line 2: schedules.s: nothing uses the schedule "s"; use it or remove it.',
    # gaps
    f"schedules:\n  s:\n    timezone: Europe/Berlin\n    layers: [{{{LAYER}, restrict: {{from: '02:00', to: '01:00'}}}}]{PAGING}": (
        "line 2: schedules.s: nobody is on call for 1 d 4 h of the next 28 days, first from 2026-03-10 01:00 until "
        "2026-03-10 02:00 (Europe/Berlin); add somebody, or page a second target beside it."
    ),
    f"schedules:\n  s: {{layers: [{{{LAYER}}}]}}{PAGING}".replace("2026-01-05", "2026-03-16"): (
        "line 2: schedules.s: nobody is on call for 6 d 21 h of the next 28 days, first from 2026-03-09 12:00 until "
        "2026-03-16 09:00 (UTC); add somebody, or page a second target beside it."
    ),
    # receivers
    "receivers:\n- name: a\n  email: {to: [a@acme.test]}\nfallback_receiver: a": 'line 3: receivers[0].email: no server is named that would send it; add smtp: {host: mail.example, from: incidents@mail.example} at the top of the file.',
    "receivers:\n- name: a\n  opsgenie: {api_key: {env: A}}\nfallback_receiver: a": "line 3: receivers[0].opsgenie: Opsgenie's API ends on 2027-04-05; move to jsm, which takes the same.",
    "receivers:\n- name: a\n  webhook:\n    url: https://10.1.2.3/x\nfallback_receiver: a": f"line 4: {PRIVATE}",
    "receivers:\n- {name: a, webhook: {url: 'https://localhost:8080/x'}}\nfallback_receiver: a": f"line 2: {PRIVATE}",
    "receivers:\n- {name: a, webhook: {url: 'http://[fd00::1]/x'}}\nfallback_receiver: a": f"line 2: {PRIVATE}",
    "receivers:\n- {name: a, webhook: {url: 'http://169.254.169.254/x', private: true}}\nfallback_receiver: a": "line 2: receivers[0].webhook.url: a link-local address is always refused; name another.",
    "smtp: {host: mail.acme.test, user: u, from: a@acme.test}": "line 1: smtp: there is a user and no password; add the password.",
    "smtp: {host: mail.acme.test, password: {env: A}, from: a@acme.test}": "line 1: smtp: there is a password and no user; add the user.",
    "receivers:\n- {name: a, webhook: {url: 'http://hooks.acme.test/', secret: {env: A}}}\nfallback_receiver: a": "line 2: receivers[0].webhook.url: http sends in plain text what is signed as confidential; write https.",
    "receivers: [{name: a, pagerduty: {routing_key: {env: A}}, jira: {url: 'https://j.test', token: {env: A}, project: X}}]\nroute:\n  routes:\n  - {matchers: [team = x], receiver: a, digest: daily}": (
        'line 4: route.routes[0]: a digest goes to "a", which takes single incidents only (pagerduty, jira); give it slack, email, webhook or apprise too, or name another receiver.'
    ),
    "receivers:\n- {name: a, slack: {channel: C012}, templates: {headline: x}}\n- {name: b, slack: {channel: C012}, templates: {headline: y}}\nroute: {receiver: a}\nfallback_receiver: b": (
        'line 3: receivers[1].templates: slack:C012 has those of the receiver "a"; keep the templates of one of them.'
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    "receiver",
    [
        "webhook: {url: 'https://10.1.2.3/x', private: true}",
        "webhook: {url: 'http://127.0.0.1/x', private: true, secret: {env: A}}",
        "webhook: {url: 'http://hooks.acme.test/'}",
        "webhook: {url: {env: A}, secret: {env: A}}",
        "slack: {channel: C012}, pagerduty: {routing_key: {env: A}}",
    ],
)
def test_nothing_is_said_of_receivers_that_work(receiver: str) -> None:
    """The same as of routes."""
    text = f"receivers: [{{name: a, {receiver}}}]\nroute: {{receiver: a, digest: daily}}"
    assert said(text) == []


def test_after_its_end_opsgenie_has_ended() -> None:
    text = "receivers: [{name: a, opsgenie: {api_key: {env: A}}}]\nroute: {receiver: a}"
    [sentence] = warnings_of(text, file=FILE, now=datetime(2027, 4, 5, tzinfo=UTC))
    assert "Opsgenie's API ended on 2027-04-05" in sentence


@pytest.mark.parametrize(("text", "expected"), ROWS.items())
def test_what_is_probably_not_meant_is_said_with_its_line(text: str, expected: str | tuple[str, ...]) -> None:
    """A route that never matches looks like one that works until the night it is needed."""
    assert said(text) == ([expected] if isinstance(expected, str) else list(expected))


@pytest.mark.parametrize(
    "routes",
    [
        "  - {matchers: [team = a], continue: true}\n  - {matchers: [team = a]}",
        "  - {matchers: [team = a, nature = rule]}\n  - {matchers: [team = a]}",
        "  - {matchers: [team = a]}\n  - {matchers: ['team =~ \"a|b\"']}",
        "  - {matchers: ['team != \"a\"']}\n  - {matchers: [nature = rule]}",
        "  - {matchers: ['team !~ \"a|b\"']}\n  - {matchers: ['team != \"a\"']}",
        "  - {matchers: ['asset =~ \"raw/.*\"']}\n  - {matchers: ['asset =~ \"raw.*\"']}",
        "  - {matchers: ['team =~ \".+\"']}\n  - {matchers: ['team != \"a\"']}",
        "  - {matchers: [team = a, 'team =~ \"a.*\"', 'team !~ \"b\"']}",
        "  - {matchers: ['tag:a/b = \"x\"', 'tag:c != \"\"']}",
        "  - {matchers: [team = a], group_by: [...]}",
        "  - matchers: [team = a]\n    routes:\n    - {matchers: ['team =~ \"a|b\"', check = x]}\n    - {matchers: [check = y]}",
        "  - {matchers: ['cause_class = \"\"']}\n  - {matchers: [cause_class = code]}",
        "  - {matchers: ['severity =~ \"SEV[01]\"']}\n  - {matchers: [severity = SEV2]}",
    ],
)  # fmt: skip
def test_nothing_is_said_of_routes_that_can_match(routes: str) -> None:
    """Warnings about what works teach people to ignore warnings."""
    assert said(ROUTES + routes) == []


def test_a_calendar_without_gaps_and_strangers_as_targets_are_fine() -> None:
    """Who is paged need not be among `people`."""
    assert said(f"schedules:\n  s: {{layers: [{{{LAYER}}}]}}{PAGING}") == []


def test_the_full_file_has_only_names_that_nothing_uses() -> None:
    """It has one of everything."""
    text = (Path(__file__).parent / "full.yaml").read_text(encoding="utf-8")
    unused = [sentence.split(": ", 2)[2] for sentence in said(text) if "Opsgenie" not in sentence]
    assert unused == [
        f"nothing uses the {name}; use it or remove it."
        for name in (
            'receiver "hook"',
            'receiver "secret-hook"',
            'receiver "anywhere"',
            'receiver "desk"',
            'receiver "screens"',
            'time interval "evenings"',
        )
    ]


def test_mistakes_come_before_warnings() -> None:
    """Of a file that cannot be read it is not known what it means."""
    with pytest.raises(ConfigError):
        warnings_of("teams: 5", file=FILE, now=NOW)


def test_every_label_that_an_incident_gets_is_known_here() -> None:
    """Somebody who matches on a real label must not be told that there is none."""
    node = AssetNode(
        key="marts/revenue",
        owners=("team:fin",),
        group="g",
        location="l",
        kinds=("dbt",),
        tags={"incident_ops/tier": "gold", "incident_ops/domain": "finance", "x": "y"},
    )
    alert = make_alert("marts/revenue", check="not_null", partition="2026-03-09")
    assessment = Assessment(severity=Severity.SEV1, reasons=())
    labels = opened(
        1,
        alert,
        assessment,
        owner="team:fin",
        labels=labels_of(alert, node, environment="prod"),
        backlog=False,
        now=NOW,
    ).current_labels
    assert {label for label in labels if not label.startswith("tag:")} <= {*LABELS}
    assert all(labels[label] in values for label, values in DOMAINS.items() if label in labels)
