"""The shape of incident_ops.yaml: one model per section, one field per key, with its default.

References between sections are `references`'s, what the scalars may look like is `times`, `addresses` and
`scalars`. Times of day are local to the time zone beside them.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from incident_ops.config.addresses import (
    ChannelPrefix,
    Consumer,
    DatabaseUrl,
    Email,
    PersonOrTeam,
    SlackChannel,
    SlackUser,
    Target,
    Url,
    is_loopback,
)
from incident_ops.config.calendar import ExpectedEvent, Hours, MaintenanceWindow, Schedule, TimeInterval
from incident_ops.config.refusals import flaw
from incident_ops.config.scalars import Flag, MatcherText, Port, Share, Text, WholeNumber
from incident_ops.config.secrets import Secret
from incident_ops.config.section import AtLeastOne, Many, Named, Section
from incident_ops.config.times import DigestAt, Duration, PositiveDuration, TimeZone, utc
from incident_ops.core.alert import Nature
from incident_ops.core.routing import channel_named
from incident_ops.core.severity import Severity

BUILT_IN_RECEIVERS = ("owner", "default", "digest", "inbox")
KINDS_OF_RECEIVERS = (
    "slack",
    "pagerduty",
    "jsm",
    "opsgenie",
    "jira",
    "email",
    "webhook",
    "apprise",
    "alertmanager",
    "sentry",
)
EVERY_LABEL = "..."  # Alertmanager's word in `group_by`
_PORTS_OF_MAIL = {"starttls": 587, "tls": 465, "none": 25}  # submission, submissions (RFC 8314), smtp


def _literal_or_secret(value: Any) -> str:
    return "(secret)" if isinstance(value, (dict, Secret)) else "(literal)"


UrlOrSecret = Annotated[
    Annotated[Secret, Tag("(secret)")] | Annotated[Url, Tag("(literal)")], Discriminator(_literal_or_secret)
]
DatabaseUrlOrSecret = Annotated[
    Annotated[Secret, Tag("(secret)")] | Annotated[DatabaseUrl, Tag("(literal)")],
    Discriminator(_literal_or_secret),
]


class Team(Section):
    """What the owner `team:x` stands for."""

    slack: SlackChannel | None = None
    engineer: Email | None = None
    analyst: Email | None = None
    lead: Email | None = None
    timezone: TimeZone = Field(default_factory=utc)
    working_hours: Hours | None = None
    escalation_policy: Text | None = None


class Person(Section):
    """How one person is reached; the digest time is local to `timezone`, by default to where the person works."""

    slack: SlackUser | None = None
    digest: DigestAt | None = None
    timezone: TimeZone | None = None


class EscalationStep(Section):
    """Who is told, and how long to wait for an answer before the next step."""

    notify: AtLeastOne[Target]
    wait: Duration


class EscalationPolicy(Section):
    """Steps that are climbed until somebody acknowledges."""

    repeat: WholeNumber = 0
    acknowledge_timeout: PositiveDuration | None = None
    steps: AtLeastOne[EscalationStep]

    @model_validator(mode="after")
    def _repeats_at_most_five_times(self) -> "EscalationPolicy":
        if self.repeat > 5:
            raise flaw("repeats more than five times; write repeat: 5 or less")
        return self


class Route(Section):
    """A branch of the route tree. What is None is inherited from the branch above."""

    matchers: Many[MatcherText] = ()
    receiver: Text | None = None
    continue_: Flag = Field(default=False, alias="continue")
    escalation_policy: Text | None = None
    group_by: Many[Text] | None = None
    group_wait: Duration | None = None
    group_interval: PositiveDuration | None = None
    repeat_interval: PositiveDuration | None = None
    mute_time_intervals: Many[Text] = ()
    active_time_intervals: Many[Text] = ()
    digest: Literal["daily", "weekly"] | None = None
    routes: Many["Route"] = ()


class RootRoute(Section):
    """The top of the route tree: it matches everything and can't be muted."""

    receiver: Text = "owner"
    escalation_policy: Text | None = None
    group_by: Many[Text] = ("root",)
    group_wait: Duration = timedelta(seconds=30)
    group_interval: PositiveDuration = timedelta(minutes=5)
    repeat_interval: PositiveDuration = timedelta(hours=4)
    digest: Literal["daily", "weekly"] | None = None
    routes: Many[Route] = ()


class SlackTarget(Section):
    channel: SlackChannel


class PagerDutyTarget(Section):
    """An integration of type Events API v2. In the EU's service region `url` is https://events.eu.pagerduty.com."""

    routing_key: Secret
    url: Url = "https://events.pagerduty.com"


class JsmTarget(Section):
    """An API integration of Jira Service Management's operations."""

    api_key: Secret
    url: Url = "https://api.atlassian.com/jsm/ops/integration/v2"


class OpsgenieTarget(Section):
    """An API integration of Opsgenie, which ends on 2027-04-05."""

    api_key: Secret
    url: Url = "https://api.opsgenie.com/v2"


class JiraTarget(Section):
    """A project in which each incident becomes an issue. `user` is whose `token` it is; without one the token is a
    personal access token of a data centre."""

    url: UrlOrSecret
    token: Secret
    user: Email | None = None
    project: Text
    issue_type: Text = "Task"


class EmailTarget(Section):
    """Sent through the server that `smtp` names."""

    to: AtLeastOne[Email]


class WebhookTarget(Section):
    """`secret` signs the body; `private` allows addresses of our own network."""

    url: UrlOrSecret
    secret: Secret | None = None
    private: Flag = False


class AppriseTarget(Section):
    url: Secret


class AlertmanagerTarget(Section):
    """`token` is a bearer's; `user` and `password` are for basic authentication."""

    url: UrlOrSecret
    token: Secret | None = None
    user: Text | None = None
    password: Secret | None = None


class SentryTarget(Section):
    dsn: Secret


class Templates(Section):
    """Jinja2 in place of what a message says by itself, in the words of `docs/templates.md`. A fact that is
    empty is left out."""

    headline: Text | None = None
    summary: Text | None = None
    facts: Named[Text, Text] | None = None


class Receiver(Section):
    """A name for one or more places that are written to together."""

    name: Text
    slack: SlackTarget | None = None
    pagerduty: PagerDutyTarget | None = None
    jsm: JsmTarget | None = None
    opsgenie: OpsgenieTarget | None = None
    jira: JiraTarget | None = None
    email: EmailTarget | None = None
    webhook: WebhookTarget | None = None
    apprise: AppriseTarget | None = None
    alertmanager: AlertmanagerTarget | None = None
    sentry: SentryTarget | None = None
    templates: Templates | None = None

    @model_validator(mode="after")
    def _leads_somewhere(self) -> "Receiver":
        if not any(getattr(self, kind) for kind in KINDS_OF_RECEIVERS):
            kinds = f"{', '.join(KINDS_OF_RECEIVERS[:-1])} or {KINDS_OF_RECEIVERS[-1]}"
            raise flaw(f"leads nowhere; add {kinds}")
        return self


class InhibitRule(Section):
    """While a source fires, targets that equal it in these labels are not pushed."""

    source_matchers: AtLeastOne[MatcherText]
    target_matchers: AtLeastOne[MatcherText]
    equal: Many[Text] = ()


class SeverityRule(Section):
    """The first rule that matches decides."""

    matchers: Many[MatcherText] = ()
    severity: Severity


class Budget(Section):
    """At most so many pushes a person; above it everything but `always` goes into the digest."""

    pushes: WholeNumber = 5
    per: PositiveDuration = timedelta(hours=24)
    always: Many[Severity] = (Severity.SEV0, Severity.SEV1)


class Flapping(Section):
    """So many changes of status within this time are told as one."""

    changes: WholeNumber = 4
    within: PositiveDuration = timedelta(hours=1)

    @model_validator(mode="after")
    def _takes_two_changes(self) -> "Flapping":
        if self.changes < 2:
            raise flaw("would call everything flapping; write changes: 2 or more")
        return self


class Classification(Section):
    """Whether resolving asks for a reason, and when a missing one is asked for again."""

    required: Flag = True
    remind_after: PositiveDuration = timedelta(hours=24)


class Subscription(Section):
    """Somebody wants to hear of what matches, whoever owns it."""

    who: PersonOrTeam
    matchers: Many[MatcherText] = ()
    how: Literal["push", "digest"] = "push"


class Slo(Section):
    """A promise: the share of the window in which the assets were good."""

    name: Text
    assets: AtLeastOne[Text]
    sli: Nature
    target: Share
    window: PositiveDuration


class Smtp(Section):
    """The server that sends our mail, and as whom. By default the port is that of the `security`."""

    host: Text
    port: Port | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: Text | None = None
    password: Secret | None = None
    sender: Email = Field(alias="from")

    @model_validator(mode="after")
    def _shows_nobody_the_password(self) -> "Smtp":
        if self.password is not None and self.security == "none" and not is_loopback(self.host):
            raise flaw("would send its password over the network in plain text; write security: starttls or tls")
        return self

    @property
    def port_in_use(self) -> int:
        return self.port or _PORTS_OF_MAIL[self.security]


class IncidentChannels(Section):
    """Whether a major incident gets a Slack channel of its own, and the first part of its name."""

    severities: Many[Severity] = ()
    prefix: ChannelPrefix = "inc-"


class SlackAccount(Section):
    """Our Slack app. The environment's INCIDENT_OPS_SLACK_… come before it."""

    base_url: Url | None = None
    default_channel: SlackChannel | None = None
    token: Secret | None = None
    signing_secret: Secret | None = None
    app_token: Secret | None = None
    incident_channels: IncidentChannels = IncidentChannels()


def _default_reminders() -> dict[Severity, timedelta]:
    return {Severity.SEV0: timedelta(minutes=15), Severity.SEV1: timedelta(hours=1)}


class Config(Section):
    """The whole file. `Config()` is what holds without one."""

    environment: Text = "production"
    database_url: DatabaseUrlOrSecret | None = None
    dagster_url: UrlOrSecret | None = None
    slack: SlackAccount = SlackAccount()
    smtp: Smtp | None = None
    teams: Named[Text, Team] = Field(default_factory=dict)
    people: Named[Email, Person] = Field(default_factory=dict)
    schedules: Named[Text, Schedule] = Field(default_factory=dict)
    escalation_policies: Named[Text, EscalationPolicy] = Field(default_factory=dict)
    route: RootRoute = RootRoute()
    receivers: Many[Receiver] = ()
    fallback_receiver: Text | None = None
    time_intervals: Many[TimeInterval] = ()
    inhibit_rules: Many[InhibitRule] = ()
    maintenance: Many[MaintenanceWindow] = ()
    expected_events: Many[ExpectedEvent] = ()
    severity: Many[SeverityRule] = ()
    reminders: Named[Severity, PositiveDuration] = Field(default_factory=_default_reminders)
    budget: Budget = Budget()
    flapping: Flapping = Flapping()
    group_window: PositiveDuration = timedelta(hours=1)
    reopen_within: Duration = timedelta(hours=24)
    resolve_after: Duration = timedelta(0)
    classification: Classification = Classification()
    consumers: Named[Text, Many[Consumer]] = Field(default_factory=dict)
    subscriptions: Many[Subscription] = ()
    slos: Many[Slo] = ()

    def receiver_named(self, name: str) -> Receiver | None:
        """The receiver of the file, or None for a built-in one."""
        return next((receiver for receiver in self.receivers if receiver.name == name), None)


def channel_of_team(config: Config, team: str) -> str:
    """The Slack channel of a team, whether the file knows the team or not: `#` and its name by default."""
    known = config.teams.get(team)
    if known is not None and known.slack is not None:
        return known.slack
    return channel_named(team)
