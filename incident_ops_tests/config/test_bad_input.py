"""Each mistake in the file is answered with one sentence: file, line, key, what was read, what would be right."""

# ruff: noqa: E501 (a sentence is easier to compare with the screen in one piece)

import pytest

from incident_ops_tests.config.problems import FILE, problems_of

RECEIVERS = """receivers:
- {name: hook, webhook: {url: "https://h.test/x"}}
- {name: war-room, slack: {channel: "#war-room"}}
- {name: web-mail, email: {to: [a@acme.test]}}
"""

ROWS = {
    # keys
    "teams:\n  fin: {slak: \"#fin\"}": 'line 2: teams.fin.slak is not a known key; did you mean "slack"?',
    "teams: {fin: {Slack: \"#fin\"}}": 'line 1: teams.fin.Slack is not a known key; did you mean "slack"?',
    "escalation: {}": 'line 1: escalation is not a known key; did you mean "escalation_policies"?',
    "budget: {xyz: 1}": "line 1: budget.xyz is not a known key; known are pushes, per, always.",
    "route:\n  routes:\n  - {receiver: owner, reciever: x}": (
        'line 3: route.routes[0].reciever is not a known key; did you mean "receiver"?'
    ),
    "route:\n  routes:\n  - routes:\n    - {kontinue: true}": (
        'line 4: route.routes[0].routes[0].kontinue is not a known key; did you mean "continue"?'
    ),
    "receivers: [{name: a, webhook: {url: {envv: A}}}]": (
        "line 1: receivers[0].webhook.url.env is missing; add it.",
        'line 1: receivers[0].webhook.url.envv is not a known key; did you mean "env"?',
    ),
    "people: {erin@acme.test: {slak: U0ERIN}}": (
        'line 1: people["erin@acme.test"].slak is not a known key; did you mean "slack"?'
    ),
    "schedules:\n\n  p: {}": "line 3: schedules.p.layers is missing; add it.",
    "route:\n  matchers: ['a=b']": (
        "line 2: route.matchers: the top of the tree matches everything; put it into an entry of route.routes."
    ),
    # shapes
    "teams: fin": "line 1: teams must hold keys of its own, not a single value or a list; write teams: {key: value}.",
    "teams:\n  fin: [a]": (
        "line 2: teams.fin must hold keys of its own, not a single value or a list; write fin: {key: value}."
    ),
    "inhibit_rules: {a: b}": (
        'line 1: inhibit_rules must be a list; write [first, second], or one line "- entry" for each.'
    ),
    "receivers: [{name: a, email: {to: a@acme.test}}]": (
        'line 1: receivers[0].email.to must be a list; write [first, second], or one line "- entry" for each.'
    ),
    "receivers:\n- name: a\n  email:\n    to: []": "line 4: receivers[0].email.to is empty; add at least one entry.",
    "environment: 5": "line 1: environment: 5 is not text; put it in quotes, if it is meant.",
    "environment: true": "line 1: environment: true is not text; put it in quotes, if it is meant.",
    "environment: [a]": "line 1: environment: this is not text; put it in quotes, if it is meant.",
    "environment:": "line 1: environment is empty; give it a value or remove the key.",
    'environment: "  "': "line 1: environment is empty; give it a value or remove the key.",
    "severity: [{severity:}]": "line 1: severity[0].severity is empty; give it a value or remove the key.",
    # words from a list
    "severity:\n- severity: SEV7": (
        'line 2: severity[0].severity: "SEV7" is not one of SEV0, SEV1, SEV2, SEV3; did you mean "SEV3"?'
    ),
    "budget: {always: [sev1]}": (
        'line 1: budget.always[0]: "sev1" is not one of SEV0, SEV1, SEV2, SEV3; did you mean "SEV1"?'
    ),
    "reminders: {high: 1h}": (
        'line 1: reminders.high: "high" is not one of SEV0, SEV1, SEV2, SEV3; write one of these.'
    ),
    "expected_events: [{name: x, assets: [y], natures: [field-health], from: 2026-01-01, until: 2026-01-02}]": (
        'line 1: expected_events[0].natures[0]: "field-health" is not one of freshness, volume, schema, field_health, '
        'rule, pipeline; did you mean "field_health"?'
    ),
    "route: {digest: dayly}": 'line 1: route.digest: "dayly" is not one of daily, weekly; did you mean "daily"?',
    "route: {routes: [{continue: maybe}]}": (
        'line 1: route.routes[0].continue: "maybe" is not an answer; write true or false.'
    ),
    "classification: {required: 1}": "line 1: classification.required: 1 is not an answer; write true or false.",
    # time
    "teams: {fin: {timezone: Europe/Berln}}": (
        'line 1: teams.fin.timezone: "Europe/Berln" is not a time zone; did you mean "Europe/Berlin"?'
    ),
    "teams: {fin: {timezone: Europe}}": (
        'line 1: teams.fin.timezone: "Europe" is not a time zone; write a name such as "Europe/Berlin" or "UTC".'
    ),
    "teams: {fin: {timezone: Berlin}}": (
        'line 1: teams.fin.timezone: "Berlin" is not a time zone; did you mean "Europe/Berlin"?'
    ),
    "teams: {fin: {timezone: ../../etc/passwd}}": (
        'line 1: teams.fin.timezone: "../../etc/passwd" is not a time zone; write a name such as "Europe/Berlin" '
        'or "UTC".'
    ),
    "reopen_within: 24": "line 1: reopen_within: 24 is not a duration; add a unit, as in 24s, 24m or 24h.",
    "reopen_within: a day": (
        'line 1: reopen_within: "a day" is not a duration; write it like 30s, 5m, 4h, 2d or 1h30m.'
    ),
    "route: {repeat_interval: 0m}": (
        'line 1: route.repeat_interval: "0m" is no time at all; write a longer duration, such as 5m.'
    ),
    "teams:\n  fin:\n    working_hours:\n      from: \"9:00\"\n      to: \"25:00\"": (
        'line 4: teams.fin.working_hours.from: "9:00" is not a time of day; write it like "09:00", from 00:00 to 23:59.',
        'line 5: teams.fin.working_hours.to: "25:00" is not a time of day; write it like "09:00", from 00:00 to 23:59.',
    ),
    "teams: {fin: {working_hours: {from: 09:00}}}": (
        "line 1: teams.fin.working_hours has only one of from and to; write both, such as "
        'from: "09:00", to: "18:00".'
    ),
    "time_intervals: [{name: x}]": (
        'line 1: time_intervals[0] has neither days nor hours; add days: [mon, fri], or from: "09:00" and to: "18:00".'
    ),
    "time_intervals: [{name: x, from: 00:00, to: 24:00}]": (
        "line 1: time_intervals[0] begins and ends at the same time; leave out from and to for the whole day."
    ),
    "people: {a@acme.test: {digest: hourly}}": (
        'line 1: people["a@acme.test"].digest: "hourly" is not a digest time; write it like "daily 17:00" or '
        '"weekly mon 09:00".'
    ),
    "schedules:\n  p:\n    layers:\n    - {rotation: yearly, handoff: noon, start: 2026-02-30, members: [bob]}": (
        'line 4: schedules.p.layers[0].rotation: "yearly" is not a rotation; write daily, weekly, or a length such '
        "as 12h.",
        'line 4: schedules.p.layers[0].handoff: "noon" is not a handoff; write it like "18:00", or "mon 09:00" for a '
        "weekly rotation.",
        'line 4: schedules.p.layers[0].start: "2026-02-30" is not in the calendar (day is out of range for month); '
        "correct it.",
        'line 4: schedules.p.layers[0].members[0]: "bob" is not an e-mail address; write it like erin@acme.test.',
    ),
    "schedules: {p: {layers: [{rotation: weekly, handoff: 09:00, start: 2026-01-05, members: [a@acme.test]}]}}": (
        "line 1: schedules.p.layers[0] rotates weekly, but its handoff names no day; write it like "
        'handoff: "mon 09:00".'
    ),
    "schedules: {p: {layers: [{rotation: 12h, handoff: mon 09:00, start: 2026-01-05, members: [a@acme.test]}]}}": (
        "line 1: schedules.p.layers[0] has a day in its handoff, but does not rotate weekly; write it like "
        'handoff: "09:00".'
    ),
    "schedules: {p: {layers: [{rotation: daily, handoff: 09:00, start: soon, members: [a@acme.test]}]}}": (
        'line 1: schedules.p.layers[0].start: "soon" is not a date; write it like 2026-01-05.'
    ),
    "schedules:\n  p:\n    layers: [{rotation: daily, handoff: 09:00, start: 2026-01-05, members: [a@b.test]}]\n"
    "    swaps:\n    - {between: [a@b.test], from: 2026-01-06, until: 2026-01-07}\n"
    "    - {between: [a@b.test, a@b.test], from: 2026-01-06, until: 2026-01-07}\n"
    "    - {between: [a@b.test, bob], from: 2026-01-06, until: 2026-01-07}\n"
    "    - {between: [a@b.test, c@d.test], from: 2026-01-06, until: 2026-01-05}\n"
    "    - {between: [a@b.test, c@d.test], from: 2026-01-06}": (
        "line 5: schedules.p.swaps[0] is not between two people; write between: [erin@acme.test, otto@acme.test].",
        "line 6: schedules.p.swaps[1] is not between two people; write between: [erin@acme.test, otto@acme.test].",
        'line 7: schedules.p.swaps[2].between[1]: "bob" is not an e-mail address; write it like erin@acme.test.',
        "line 8: schedules.p.swaps[3] does not end after it begins; make until later than from.",
        "line 9: schedules.p.swaps[4].until is missing; add it.",
    ),
    "people: {a@acme.test: {timezone: Berlin}}": (
        'line 1: people["a@acme.test"].timezone: "Berlin" is not a time zone; did you mean "Europe/Berlin"?'
    ),
    "maintenance:\n- {matchers: [a=b], from: 2026-12-02T02:00Z, until: 2026-12-02T02:00Z}": (
        "line 2: maintenance[0] does not end after it begins; make until later than from."
    ),
    "maintenance:\n- {matchers: [a=b], from: 2026-12-01T22:00, until: 2026-12-02T02:00}": (
        "line 2: maintenance[0] has a time without an offset; write it like 2026-12-01T22:00Z, or add "
        "timezone: Europe/Berlin."
    ),
    "maintenance:\n- {matchers: [a=b], from: 2026-12-01T22:00Z, until: 2026-12-02T02:00}": (
        "line 2: maintenance[0] has an offset on only one of from and until; give both one, such as Z, or neither."
    ),
    "maintenance:\n- {matchers: [a=b], from: tonight, until: 2026-12-02T25:00Z}": (
        'line 2: maintenance[0].from: "tonight" is not a point in time; write it like 2026-12-01, 2026-12-01T22:00 '
        "or 2026-12-01T22:00Z.",
        'line 2: maintenance[0].until: "2026-12-02T25:00Z" is not in the calendar (hour must be in 0..23); correct it.',
    ),
    # addresses
    "teams: {fin: {slack: fin-data}}": (
        'line 1: teams.fin.slack: "fin-data" is not a Slack channel; write "#fin-data", or its id, such as C0123456789.'
    ),
    'teams: {fin: {slack: "#Fin"}}': (
        'line 1: teams.fin.slack: "#Fin" has capital letters; write "#name" in lower case letters, digits, - and _.'
    ),
    'teams: {fin: {slack: "#fin data"}}': (
        'line 1: teams.fin.slack: "#fin data" has a character that Slack does not allow; write "#name" in lower case '
        "letters, digits, - and _."
    ),
    f'teams: {{fin: {{slack: "#{"a" * 81}"}}}}': (
        'line 1: teams.fin.slack: this value has more than 80 characters; write "#name" in lower case letters, '
        "digits, - and _."
    ),
    "people: {erin@acme.test: {slack: '@erin'}}": (
        'line 1: people["erin@acme.test"].slack: "@erin" is not a Slack member id; copy it from the profile, such as '
        "U0123456789."
    ),
    "people: {erin: {}}": 'line 1: people.erin: "erin" is not an e-mail address; write it like erin@acme.test.',
    "consumers: {dash: [cfo]}": (
        'line 1: consumers.dash[0]: "cfo" is neither an e-mail address nor a team; write erin@acme.test or team:fin.'
    ),
    "dagster_url: localhost:3000": (
        'line 1: dagster_url: this is not a web address; write it like "https://host.example/path".'
    ),
    "database_url: incidents.db": (
        "line 1: database_url: this is not a database URL; write it like "
        '"postgresql+psycopg://user@host/name".'
    ),
    # matchers and numbers
    "route:\n  routes:\n  - matchers: ['severity ~ x']": (
        "line 3: route.routes[0].matchers[0]: `severity ~ x` is not a matcher; write it like "
        'severity = "SEV1", with one of = != =~ !~.'
    ),
    "severity:\n- matchers:\n  - 'a = b'\n  - 'a =~ \"[\"'\n  severity: SEV1": (
        "line 4: severity[0].matchers[1]: `[` is not a regular expression: unterminated character set at position 0; "
        "correct it, or compare with = if it was meant literally."
    ),
    "budget: {pushes: -1}": (
        "line 1: budget.pushes: -1 is not a whole number; write 0, 1, 2 or more, without quotes."
    ),
    "budget: {pushes: true}": (
        "line 1: budget.pushes: true is not a whole number; write 0, 1, 2 or more, without quotes."
    ),
    "slos: [{name: x, assets: [a], sli: freshness, target: 99, window: 28d}]": (
        "line 1: slos[0].target: 99 does not fit; write a share between 0 and 1, such as 0.99."
    ),
    "flapping: {changes: 1}": "line 1: flapping would call everything flapping; write changes: 2 or more.",
    "escalation_policies: {p: {repeat: 6, steps: [{notify: [a@acme.test], wait: 5m}]}}": (
        "line 1: escalation_policies.p repeats more than five times; write repeat: 5 or less."
    ),
    # names that lead nowhere
    RECEIVERS + "route:\n  receiver: war-rom": (
        'line 6: route.receiver: there is no receiver "war-rom"; defined are hook, war-room, web-mail and the '
        "built-in owner, default, digest, inbox."
    ),
    "route:\n  routes:\n  - receiver: owner\n    routes:\n    - {receiver: x}": (
        'line 5: route.routes[0].routes[0].receiver: there is no receiver "x"; defined are the built-in owner, '
        "default, digest, inbox."
    ),
    "fallback_receiver: ops": (
        'line 1: fallback_receiver: there is no receiver "ops"; defined are the built-in owner, default, digest, inbox.'
    ),
    "teams: {fin: {escalation_policy: std}}": (
        'line 1: teams.fin.escalation_policy: there is no escalation policy "std"; none are defined; add it under '
        "escalation_policies."
    ),
    "route: {routes: [{mute_time_intervals: [nite]}]}\ntime_intervals: [{name: night, days: [sat]}]": (
        'line 1: route.routes[0].mute_time_intervals[0]: there is no time interval "nite"; defined are night.'
    ),
    "teams: {fin: }\nescalation_policies:\n  p:\n    steps:\n"
    "    - notify:\n      - schedule:a\n      - team:b\n      - receiver:c\n      - d\n      wait: 5m": (
        'line 6: escalation_policies.p.steps[0].notify[0]: there is no schedule "a"; none are defined; add it under '
        "schedules.",
        'line 7: escalation_policies.p.steps[0].notify[1]: unknown team "b"; defined are fin.',
        'line 8: escalation_policies.p.steps[0].notify[2]: there is no receiver "c"; defined are the built-in owner, '
        "default, digest, inbox.",
        'line 9: escalation_policies.p.steps[0].notify[3]: "d" is not a target; write an e-mail address, '
        "schedule:NAME, team:NAME or receiver:NAME.",
    ),
    "teams: {fin: }\nsubscriptions: [{who: team:fim}]\nconsumers: {dash: [team:web]}": (
        'line 2: subscriptions[0].who: unknown team "fim"; defined are fin.',
        'line 3: consumers.dash[0]: unknown team "web"; defined are fin.',
    ),
    "receivers:\n- {name: a, slack: {channel: C012}}\n- {name: a, slack: {channel: C013}}": (
        'line 3: receivers[1].name: "a" is already the name of the one in line 2; choose another name.'
    ),
    "receivers: [{name: owner, slack: {channel: C012}}]": (
        'line 1: receivers[0].name: "owner" is built in; choose another name.'
    ),
    "receivers: [{name: a}]": (
        "line 1: receivers[0] leads nowhere; add slack, pagerduty, jsm, opsgenie, jira, email, webhook, apprise, "
        "alertmanager or sentry."
    ),
    # mail and channels of their own
    "smtp:\n  host: mail.acme.test\n  security: none\n  password: {env: A}\n  from: a@acme.test": (
        "line 1: smtp would send its password over the network in plain text; write security: starttls or tls."
    ),
    "smtp: {host: localhost, port: 70000, from: a@acme.test}": (
        "line 1: smtp.port: 70000 is not a port; write a number from 1 to 65535, without quotes."
    ),
    "smtp: {host: localhost, security: ssl, from: a@acme.test}": (
        'line 1: smtp.security: "ssl" is not one of starttls, tls, none; write one of these.'
    ),
    "smtp: {host: localhost}": "line 1: smtp.from is missing; add it.",
    'slack: {incident_channels: {prefix: "#inc-"}}': (
        'line 1: slack.incident_channels.prefix: "#inc-" cannot begin a channel\'s name; write it like "inc-", '
        "without #."
    ),
    "slack: {incident_channels: {severities: [SEV9]}}": (
        'line 1: slack.incident_channels.severities[0]: "SEV9" is not one of SEV0, SEV1, SEV2, SEV3; did you mean '
        '"SEV3"?'
    ),
    # secrets
    "slack: {token: xoxb-1-hunter2}": (
        "line 1: slack.token: a secret does not belong in the file; put it into an environment variable and write "
        "{env: NAME} here."
    ),
    "slack: {token: {env: xoxb-1-hunter2}}": (
        "line 1: slack.token.env: this is not the name of an environment variable; write it in capitals, such as "
        "PAGERDUTY_KEY."
    ),
    "database_url: postgresql://u:hunter2@h/db": (
        "line 1: database_url: a password does not belong in the file; put the URL into INCIDENT_OPS_DATABASE_URL, "
        "or into another environment variable and write {env: NAME} here."
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ROWS.items())
def test_a_mistake_is_named_with_its_line_its_key_and_its_remedy(
    text: str, expected: str | tuple[str, ...]
) -> None:
    """A person who reads the sentence can mend the file without opening the documentation."""
    sentences = (expected,) if isinstance(expected, str) else expected
    assert problems_of(text) == tuple(f"{FILE}, {sentence}" for sentence in sentences)


def test_all_mistakes_of_a_file_are_found_at_once_in_the_order_of_its_lines() -> None:
    """One mistake per run makes ten runs; a wrong type in one section must not hide a wrong name in another."""
    text = "environment: 5\nroute:\n  receiver: nope\nteams:\n  fin: {slak: x}\n  fin: {}\nfoo: 1"
    lines = [problem.split(":")[0] for problem in problems_of(text)]
    assert lines == [f"{FILE}, line {line}" for line in (1, 3, 5, 6, 7)]


def test_many_defined_names_are_not_all_listed() -> None:
    """A sentence with two hundred names is not read."""
    teams = "teams:\n" + "".join(f"  team{number:03}: {{}}\n" for number in range(200))
    assert problems_of(f"{teams}consumers: {{a: [team:tem007]}}") == (
        f'{FILE}, line 202: consumers.a[0]: unknown team "tem007"; did you mean "team007"?',
    )
    (problem,) = problems_of(f"{teams}consumers: {{a: [team:zzz]}}")
    assert problem.endswith("team011 and 188 more.")


SECRET = "hunter2x9A"


@pytest.mark.parametrize(
    "text",
    [
        f"slack: {{token: {SECRET}}}",
        f"slack: {{token: [{SECRET}]}}",
        f"slack: {{token: {{env: {SECRET}}}}}",
        f"slack: {{token: {{env: [{SECRET}]}}}}",
        f"slack: {{token: {{env: A, value: {SECRET}}}}}",
        f"slack: {{token: *{SECRET}}}",
        f"slack: {{token: !{SECRET} x}}",
        f"slack: {{token: '{SECRET}}}",
        f"slack: {{token: @{SECRET}}}",
        f"slack: {{token: %{SECRET}: {SECRET}: x}}",
        f"slack: {{base_url: ftp://{SECRET}}}",
        f"slack: {{default_channel: xoxb-{SECRET}}}",
        f"database_url: postgresql://u:{SECRET}@h/db",
        f"database_url: postgresql://h/db?password={SECRET}",
        f"database_url: [{SECRET}]",
        f"receivers: [{{name: a, apprise: {{url: 'slack://{SECRET}'}}}}]",
        f"receivers: [{{name: a, webhook: {{url: 'https://u:{SECRET}@h/'}}}}]",
        f"receivers: [{{name: a, webhook: {{url: 'https//hooks/{SECRET}'}}}}]",
        f"receivers: [{{name: a, webhook: {{url: 'https://h/', secret: {SECRET}}}}}]",
        f"receivers: [{{name: a, pagerduty: {SECRET}}}]",
        f"receivers: [{{name: a, pagerduty: {{routing_key: {SECRET}}}}}]",
        f"receivers: [{{name: a, pagerduty: {{routing_key: {{env: {SECRET}: 1}}}}}}]",
    ],
)  # fmt: skip
def test_no_message_repeats_a_secret(text: str) -> None:
    """The message goes to logs, to the terminal and into an alert that many people read."""
    assert SECRET not in "\n".join(problems_of(text))
