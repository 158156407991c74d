"""From settings to the sinks: which notifier for which destination, what a target needs, and what takes its place
when that is missing.

A sink's library is imported when something is sent there: a pass with nothing to say does not wait for it.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache, partial
from typing import Literal

from incident_ops.adapters.dagster_links import links_of
from incident_ops.adapters.notify.inbox import InboxNotifier
from incident_ops.adapters.notify.unusable import Unusable
from incident_ops.adapters.store import SqlStore
from incident_ops.config import Secret, Settings
from incident_ops.config.addresses import is_url
from incident_ops.config.compiled import receivers_of, routing_rules_of
from incident_ops.config.secrets import secrets_in
from incident_ops.config.section import Section
from incident_ops.config.shape import (
    AlertmanagerTarget,
    AppriseTarget,
    JiraTarget,
    JsmTarget,
    OpsgenieTarget,
    PagerDutyTarget,
    SentryTarget,
    Smtp,
    WebhookTarget,
)
from incident_ops.core.errors import ConfigError
from incident_ops.core.message import Message
from incident_ops.core.routing import EMAIL, INBOX, Destination, RoutingRules, destination_of
from incident_ops.engine.ports import Notifier
from incident_ops.engine.sinks import UNPACED, Pace, Sinks, undressed

SLACK = "slack"
FADING = frozenset({"alertmanager"})
"""Kinds whose notifiers are `Fades`."""

INSTALLATION = "installation"
"""Under which name the store keeps the id of this installation."""


def sinks_of(settings: Settings, store: SqlStore, *, now: datetime) -> Sinks:
    """The sinks that the settings give access to; the inbox always."""
    routing = routing_of(settings)
    notifiers = _notifiers(settings, store, now)
    return Sinks(
        notifiers=notifiers,
        fading=frozenset(name for name in notifiers if name.partition(":")[0] in FADING),
        default=_default(routing),
        fallback=_fallback(routing, notifiers),
        address_of=lambda who: destination_of(who, routing).address,
        links_of=partial(links_of, webserver_url=settings.dagster_url),
        jitter=random.random,
        dress=_dress(settings),
        mail=routing.mail,
        pace=_slack_pace() if settings.slack_token else UNPACED,
    )


def routing_of(settings: Settings) -> RoutingRules:
    """Who hears of what; without a Slack account the inbox stands for its channels."""
    return routing_rules_of(
        settings.config, sink=kind_of_channels(settings), default_channel=settings.slack_default_channel
    )


def kind_of_channels(settings: Settings) -> str:
    return SLACK if settings.slack_token else INBOX


def origin_of(settings: Settings, store: SqlStore) -> str:
    """Whose incidents these are, in sinks that several installations write to: `production/3f0c…`."""
    return f"{settings.config.environment}/{store.value(INSTALLATION) or 'unknown'}"


def _default(routing: RoutingRules) -> Destination:
    return Destination(kind=routing.sink, address=routing.default_channel)


def _fallback(routing: RoutingRules, notifiers: "_OnDemand") -> Destination:
    """The first place of the fallback receiver that can be written to, else the default channel; without a
    fallback receiver the inbox."""
    if routing.fallback is None:
        return Destination(kind=INBOX, address=routing.default_channel)
    return next((place for place in routing.last_resort if notifiers.can_reach(place)), _default(routing))


def _dress(settings: Settings) -> Callable[[Destination, Message], Message]:
    receivers = receivers_of(settings.config, sink=kind_of_channels(settings))
    templates = {
        destination: receiver.templates
        for receiver in reversed(settings.config.receivers)  # where two meet the first holds
        if receiver.templates is not None
        for destination in receivers[receiver.name].destinations
    }
    if not templates:
        return undressed
    from incident_ops.adapters.templates import Wardrobe

    return Wardrobe(templates).dress


# ---- which notifiers there are


class _OnDemand(Mapping[str, Notifier]):
    """Notifiers by kind or by destination, each made when it is first asked for."""

    def __init__(self) -> None:
        self._makers: dict[str, Callable[[], Notifier]] = {}
        self._made: dict[str, Notifier] = {}
        self._unusable: set[str] = set()

    def add(self, name: str, make: Callable[[], Notifier]) -> None:
        self._makers[name] = make

    def add_unusable(self, name: str, sentence: str) -> None:
        self._unusable.add(name)
        self._made[name] = Unusable(name.partition(":")[0], sentence)
        self._makers[name] = lambda: self._made[name]

    def can_reach(self, place: Destination) -> bool:
        """Whether there is a notifier that is not known to be unusable; nothing is made for it."""
        name = next((name for name in (str(place), place.kind) if name in self._makers), None)
        return name is not None and name not in self._unusable

    def __getitem__(self, name: str) -> Notifier:
        if name not in self._made:
            try:
                self._made[name] = self._makers[name]()
            except ConfigError as error:
                self._made[name] = Unusable(name.partition(":")[0], str(error).rstrip("."))
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def _notifiers(settings: Settings, store: SqlStore, now: datetime) -> _OnDemand:
    found = _OnDemand()
    making = _Making(settings=settings, origin_of=cache(partial(origin_of, settings, store)), now=now)
    found.add(INBOX, lambda: InboxNotifier(store, lambda: now))
    slack, config = settings.config.slack, settings.config
    if settings.slack_token is not None:
        answers = settings.slack_signing_secret is not None or settings.slack_app_token is not None
        channels = slack.incident_channels.prefix if slack.incident_channels.severities else None
        token = settings.slack_token.get_secret_value()
        found.add(SLACK, partial(_slack, token, settings.slack_base_url, answers, channels))
    _add_mail(found, config.smtp, making)
    for place, receiver in enumerate(config.receivers):
        for kind, make in _MAKERS.items():
            target = getattr(receiver, kind)
            if target is None:
                continue
            name, key = f"{kind}:{receiver.name}", f"receivers[{place}].{kind}"
            trouble = _trouble_with(target, key, settings)
            if trouble is not None:
                found.add_unusable(name, f"the receiver {receiver.name} cannot be written to: {trouble}")
            else:
                found.add(name, partial(make, replace(making, receiver=receiver.name), target))
    return found


def _trouble_with(section: Section, key: str, settings: Settings) -> str | None:
    """What is missing, or None."""
    for path, secret in secrets_in(section):
        place = ".".join([key, *map(str, path)])
        value = settings.secret(secret)
        if value is None:
            return f"the environment variable {secret.env} of {place} is not set; set it where Dagster runs"
        is_web_address = path == ("url",) and not isinstance(section, AppriseTarget)
        if is_web_address and not is_url(value.get_secret_value()):
            remedy = "write it like https://host.example/path, without a user or password in it"
            return f"the environment variable {secret.env} of {place} cannot be used as an address; {remedy}"
    return None


def _add_mail(found: _OnDemand, smtp: Smtp | None, making: "_Making") -> None:
    if smtp is None:
        remedy = "add smtp: {host: mail.example, from: incidents@mail.example} to the configuration"
        found.add_unusable(EMAIL, f"mail cannot be sent: no server is named that would send it; {remedy}")
    elif (trouble := _trouble_with(smtp, "smtp", making.settings)) is not None:
        found.add_unusable(EMAIL, f"mail cannot be sent: {trouble}")
    else:
        found.add(EMAIL, partial(_email, making, smtp))


# ---- how each is made


@lru_cache(maxsize=4)
def _slack(token: str, base_url: str, interactive: bool, incident_channels: str | None) -> Notifier:
    """One notifier per account and process: it remembers the channels it found."""
    from incident_ops.adapters.notify.slack.resource import IncidentSlackResource

    resource = IncidentSlackResource(token=token, base_url=base_url)
    return resource.get_notifier(interactive=interactive, incident_channels=incident_channels)


@lru_cache(maxsize=1)
def _slack_pace() -> Pace:
    """One per process: what a pass has used up of Slack's allowance, the next one does not have."""
    from incident_ops.adapters.notify.slack.pace import SlackPace

    return SlackPace(monotonic=time.monotonic, wait=time.sleep)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Making:
    """What makers ask for besides the target. Its secrets are known to be there."""

    settings: Settings
    origin_of: Callable[[], str]
    now: datetime
    receiver: str = ""

    @property
    def origin(self) -> str:
        return self.origin_of()

    def clock(self) -> datetime:
        return self.now

    def secret(self, named: Secret) -> str:
        value = self.settings.secret(named)
        if value is None:
            raise ConfigError([f"the environment variable {named.env} is not set; set it where Dagster runs."])
        return value.get_secret_value()

    def secret_or_none(self, named: Secret | None) -> str | None:
        return None if named is None else self.secret(named)

    def text(self, value: str | Secret) -> str:
        return self.secret(value) if isinstance(value, Secret) else value


def _pagerduty(making: _Making, target: PagerDutyTarget) -> Notifier:
    from incident_ops.adapters.notify.pager_duty import PagerDutyNotifier

    routing_key = making.secret(target.routing_key)
    return PagerDutyNotifier(
        receiver=making.receiver, routing_key=routing_key, url=target.url, origin=making.origin
    )


def _operations(kind: Literal["jsm", "opsgenie"], making: _Making, target: JsmTarget | OpsgenieTarget) -> Notifier:
    from incident_ops.adapters.notify.opsgenie import OpsgenieNotifier

    return OpsgenieNotifier(
        kind=kind,
        receiver=making.receiver,
        url=target.url,
        api_key=making.secret(target.api_key),
        origin=making.origin,
    )


def _jira(making: _Making, target: JiraTarget) -> Notifier:
    from incident_ops.adapters.notify.jira import JiraNotifier

    return JiraNotifier(
        receiver=making.receiver,
        url=making.text(target.url),
        token=making.secret(target.token),
        user=target.user,
        project=target.project,
        issue_type=target.issue_type,
        origin=making.origin,
    )


def _email(making: _Making, smtp: Smtp) -> Notifier:
    from incident_ops.adapters.notify.mail import EmailNotifier

    return EmailNotifier(
        host=smtp.host,
        port=smtp.port_in_use,
        security=smtp.security,
        user=smtp.user,
        password=making.secret_or_none(smtp.password),
        sender=smtp.sender,
        origin=making.origin,
        clock=making.clock,
    )


def _webhook(making: _Making, target: WebhookTarget) -> Notifier:
    from incident_ops.adapters.notify.webhook import WebhookNotifier

    return WebhookNotifier(
        receiver=making.receiver,
        url=making.text(target.url),
        secret=making.secret_or_none(target.secret),
        private=target.private,
        origin=making.origin,
        clock=making.clock,
    )


def _apprise(making: _Making, target: AppriseTarget) -> Notifier:
    from incident_ops.adapters.notify.apprise import AppriseNotifier

    return AppriseNotifier(receiver=making.receiver, url=making.secret(target.url))


def _alertmanager(making: _Making, target: AlertmanagerTarget) -> Notifier:
    from incident_ops.adapters.notify.alertmanager import AlertmanagerNotifier

    return AlertmanagerNotifier(
        receiver=making.receiver,
        url=making.text(target.url),
        token=making.secret_or_none(target.token),
        user=target.user,
        password=making.secret_or_none(target.password),
        origin=making.origin,
        clock=making.clock,
    )


def _sentry(making: _Making, target: SentryTarget) -> Notifier:
    from incident_ops.adapters.notify.sentry import SentryNotifier

    return SentryNotifier(
        receiver=making.receiver,
        dsn=making.secret(target.dsn),
        environment=making.settings.config.environment,
        origin=making.origin,
    )


_MAKERS: Mapping[str, Callable[..., Notifier]] = {
    "pagerduty": _pagerduty,
    "jsm": partial(_operations, "jsm"),
    "opsgenie": partial(_operations, "opsgenie"),
    "jira": _jira,
    "webhook": _webhook,
    "apprise": _apprise,
    "alertmanager": _alertmanager,
    "sentry": _sentry,
}
