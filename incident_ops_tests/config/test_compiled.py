"""What stands in the file arrives in the core as what it means there: zones, defaults and inheritance applied."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from incident_ops.config import Config, attention_rules_of, parse_config, routing_rules_of, schedules_of
from incident_ops.config.compiled import people_of, teams_of
from incident_ops.core.attention import AttentionRules
from incident_ops.core.budget import Budget
from incident_ops.core.classification import Classification
from incident_ops.core.escalation import EscalationPolicy, EscalationStep
from incident_ops.core.flapping import FlappingRule
from incident_ops.core.hours import Hours
from incident_ops.core.matching import parse_matcher
from incident_ops.core.muting import InhibitRule, Maintenance
from incident_ops.core.oncall import Layer, Override, Schedule, Swap, who_is_on_call
from incident_ops.core.routing import Destination, OwnChannels, Receiver, RouteNode, Subscription
from incident_ops.core.severity import Severity
from incident_ops.core.teams import DigestTime, Person, Team

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
WEEKDAYS = frozenset(range(5))


def read(text: str) -> Config:
    return parse_config(text, file="incident_ops.yaml")


@pytest.fixture(scope="module")
def config() -> Config:
    return read((Path(__file__).parent / "full.yaml").read_text(encoding="utf-8"))


def test_a_schedule_has_its_times_in_its_own_zone(config: Config) -> None:
    """An hour's difference pages the wrong person at every hand-over."""
    erin, otto, nina = "erin@acme.test", "otto@acme.test", "nina@acme.test"
    start = date(2026, 1, 5)
    nights = Hours(zone=BERLIN, begins=time(18), ends=time(9))
    expected = Schedule(
        name="fin-primary",
        zone=BERLIN,
        layers=(
            Layer(members=(erin, otto), rotation="weekly", handoff=time(9), handoff_day=0, start=start),
            Layer(members=(nina,), rotation="daily", handoff=time(18), start=start, restrict=nights),
            Layer(members=(nina,), rotation=timedelta(hours=12), handoff=time(6), start=start),
        ),
        overrides=(
            Override(
                member=otto,
                begins=datetime(2026, 11, 20, 8, tzinfo=UTC),
                ends=datetime(2026, 11, 21, 8, tzinfo=UTC),
            ),
        ),
        swaps=(
            Swap(
                between=(erin, otto),
                begins=datetime(2026, 12, 23, 23, tzinfo=UTC),
                ends=datetime(2026, 12, 26, 23, tzinfo=UTC),
            ),
        ),
    )
    assert schedules_of(config) == {"fin-primary": expected}


def test_an_override_in_the_hour_that_the_clocks_skip_takes_no_time() -> None:
    """It is a slip of the pen and must not make the whole configuration unusable."""
    config = read(
        """
schedules:
  s:
    timezone: Europe/Berlin
    layers: [{rotation: daily, handoff: "09:00", start: 2026-01-05, members: [a@acme.test]}]
    overrides: [{member: b@acme.test, from: 2026-03-29T02:10, until: 2026-03-29T03:05}]
"""
    )
    schedule = schedules_of(config)["s"]
    assert schedule.overrides == ()
    assert who_is_on_call(schedule, datetime(2026, 3, 29, 1, 2, tzinfo=UTC)) == ("a@acme.test",)


def test_teams_work_by_their_own_clock_and_have_a_channel(config: Config) -> None:
    """Working hours in the wrong zone wake people."""
    hours = Hours(zone=BERLIN, days=WEEKDAYS, begins=time(9), ends=time(18))
    assert teams_of(config) == {
        "fin": Team(
            name="fin",
            channel="#fin-data",
            engineer="erin@acme.test",
            analyst="anna@acme.test",
            lead="lea@acme.test",
            zone=BERLIN,
            working_hours=hours,
            escalation_policy="standard",
        ),
        "web": Team(name="web", channel="#web-data", zone=NEW_YORK),
    }
    assert teams_of(read("teams: {Data Platform: }"))["Data Platform"].channel == "#data-platform"


LAYERS = "layers: [{rotation: daily, handoff: '09:00', start: 2026-01-05, members: [a@acme.test]}]"


@pytest.mark.parametrize(
    ("around", "own", "zone"),
    [
        ("", "", "UTC"),
        ("", ", timezone: Asia/Kolkata", "Asia/Kolkata"),
        ("teams: {t: {lead: a@acme.test, timezone: Europe/Berlin}}", ", timezone: Asia/Kolkata", "Asia/Kolkata"),
        ("teams: {t: {engineer: a@acme.test, timezone: Europe/Berlin}}", "", "Europe/Berlin"),
        ("teams: {t: {analyst: a@acme.test, timezone: Europe/Berlin}}", "", "Europe/Berlin"),
        ("teams: {u: {timezone: Asia/Tokyo}, t: {lead: a@acme.test, timezone: UTC}}", "", "UTC"),
        (f"schedules: {{s: {{timezone: Asia/Tokyo, {LAYERS}}}}}", "", "Asia/Tokyo"),
        (f"schedules: {{s: {{timezone: Asia/Tokyo, {LAYERS}}}}}\nteams: {{t: {{lead: a@acme.test}}}}", "", "UTC"),
    ],
)  # fmt: skip
def test_a_digest_comes_by_the_clock_of_where_the_person_works(around: str, own: str, zone: str) -> None:
    """A digest at 17:00 of another continent comes at night."""
    config = read(f"people: {{a@acme.test: {{digest: weekly fri 17:00{own}}}}}\n{around}")
    digest = DigestTime(at=time(17), zone=ZoneInfo(zone), day=4)
    assert people_of(config) == {"a@acme.test": Person(email="a@acme.test", digest=digest)}


def test_people_are_known_by_their_slack_id_and_digest(config: Config) -> None:
    assert people_of(config) == {
        "erin@acme.test": Person(
            email="erin@acme.test", slack="U0ERIN", digest=DigestTime(at=time(17), zone=BERLIN)
        ),
        "lea@acme.test": Person(
            email="lea@acme.test", digest=DigestTime(at=time(9), zone=ZoneInfo("Europe/Lisbon"), day=0)
        ),
    }


def test_attention_asks_for_all_of_these(config: Config) -> None:
    """A section that is read and not passed on has no effect, and nobody is told."""
    targets = ("lea@acme.test", "receiver:war-room", "team:web")
    assert attention_rules_of(config) == AttentionRules(
        intervals={
            "nights": (Hours(zone=NEW_YORK, begins=time(20), ends=time(8)),),
            "weekends": (Hours(zone=BERLIN, days=frozenset({5, 6})),),
            "evenings": (Hours(zone=ZoneInfo("UTC"), begins=time(18), ends=time(0)),),
        },
        policies={
            "standard": EscalationPolicy(
                name="standard",
                steps=(
                    EscalationStep(targets=("schedule:fin-primary",), wait=timedelta(minutes=5)),
                    EscalationStep(targets=targets, wait=timedelta(minutes=10)),
                ),
                repeat=1,
                acknowledge_timeout=timedelta(minutes=30),
            )
        },
        maintenance=(
            Maintenance(
                matchers=(parse_matcher("group = warehouse"),),
                begins=datetime(2026, 12, 1, 22, tzinfo=UTC),
                ends=datetime(2026, 12, 2, 2, tzinfo=UTC),
                comment="warehouse upgrade",
            ),
            Maintenance(
                matchers=(parse_matcher("group = crm"),),
                begins=datetime(2026, 12, 23, 23, tzinfo=UTC),
                ends=datetime(2026, 12, 26, 23, tzinfo=UTC),
            ),
        ),
        inhibit=(
            InhibitRule(
                sources=(parse_matcher("nature = pipeline"),),
                targets=(parse_matcher("nature = freshness"),),
                equal=("asset",),
            ),
        ),
        reminders={Severity.SEV0: timedelta(minutes=10), Severity.SEV1: timedelta(hours=2)},
        budget=Budget(pushes=7, per=timedelta(hours=12), always=frozenset({Severity.SEV0})),
        flapping=FlappingRule(changes=6, within=timedelta(hours=2)),
        classification=Classification(required=False, remind_after=timedelta(hours=48)),
    )


@pytest.mark.parametrize(
    ("read_off", "expected"),
    [
        (lambda rules: rules.sink, "inbox"),
        (lambda rules: rules.default_channel, "#data-help"),
        (lambda rules: rules.fallback, "web-mail"),
        (lambda rules: rules.teams["fin"].channel, "#fin-data"),
        (lambda rules: rules.people["erin@acme.test"].slack, "U0ERIN"),
        (lambda rules: [node.receiver for node in rules.tree.routes], ["war-room", "web-mail", "digest"]),
        (lambda rules: rules.receivers["war-room"],
         Receiver(
             name="war-room",
             destinations=(
                 Destination(kind="inbox", address="#war-room"),
                 Destination(kind="pagerduty", address="war-room"),
             ),
         )),
        (lambda rules: {name: [str(place) for place in receiver.destinations]
                        for name, receiver in rules.receivers.items() if name != "war-room"},
         {"web-mail": ["email:web-data@acme.test, night@acme.test"], "hook": ["webhook:hook"],
          "secret-hook": ["webhook:secret-hook"], "anywhere": ["apprise:anywhere"],
          "desk": ["jsm:desk", "opsgenie:desk", "jira:desk"],
          "screens": ["alertmanager:screens", "sentry:screens"]}),
        (lambda rules: rules.mail, True),
        (lambda rules: rules.own_channels,
         OwnChannels(severities=frozenset({Severity.SEV0, Severity.SEV1}), prefix="major-")),
        (lambda rules: rules.subscriptions,
         (Subscription(who="cfo@acme.test", matchers=(parse_matcher("domain = finance"),), how="digest"),)),
    ],
)  # fmt: skip
def test_routing_asks_for_all_of_these(config: Config, read_off: Any, expected: object) -> None:
    """A receiver that leads elsewhere than the file says tells the wrong people."""
    assert read_off(routing_rules_of(config, sink="inbox", default_channel="#data-help")) == expected


def test_without_a_file_everything_goes_to_its_owner() -> None:
    rules = routing_rules_of(Config(), sink="slack", default_channel="#data-incidents")
    assert rules.tree == RouteNode(path="route", receiver="owner")
    reminders = {Severity.SEV0: timedelta(minutes=15), Severity.SEV1: timedelta(hours=1)}
    assert attention_rules_of(Config()) == AttentionRules(reminders=reminders)
