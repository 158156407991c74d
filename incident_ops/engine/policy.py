"""The settings of one pass, as plain values: what the configuration file means to the engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from incident_ops.core.attention import AttentionRules
from incident_ops.core.expected_events import ExpectedEvent
from incident_ops.core.matching import Matcher, matches_all
from incident_ops.core.oncall import Schedule
from incident_ops.core.routing import RoutingRules
from incident_ops.core.severity import Assessment, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityRule:
    """The configuration's own grading: the first rule whose matchers all match decides."""

    matchers: tuple[Matcher, ...]
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How incidents are graded, routed, reopened and repeated.

    Attributes:
        version: changes whenever the configuration does: who is quiet or waits is then looked at again.
        schedules: the on-call calendars, by name.
        resolve_after: how long everything must be healthy before an incident resolves by itself.
        reopen_within: how long after its resolution a new failure reopens an incident.
        group_window: how far apart a cause and its effect may be seen, where no pointer proves them.
        consumers: asset key, or a pattern like `marketing/*`, → people and teams that use it.
        expected_events: what was announced; numbers that jump on account of it wake nobody.
        backlog_age: what happened longer than this before our installation is recorded and not pushed.
    """

    routing: RoutingRules
    version: str = ""
    environment: str = ""
    attention: AttentionRules = field(default_factory=AttentionRules)
    schedules: Mapping[str, Schedule] = field(default_factory=lambda: MappingProxyType({}))
    severity_rules: tuple[SeverityRule, ...] = ()
    resolve_after: timedelta = timedelta(0)
    reopen_within: timedelta = timedelta(hours=24)
    group_window: timedelta = timedelta(hours=1)
    consumers: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    expected_events: tuple[ExpectedEvent, ...] = ()
    backlog_age: timedelta = timedelta(hours=24)

    def graded(self, assessment: Assessment, labels: dict[str, str]) -> Assessment:
        """`assessment`, unless one of the configuration's rules says otherwise."""
        for rule in self.severity_rules:
            if matches_all(rule.matchers, labels):
                return Assessment(severity=rule.severity, reasons=(f"severity rule {rule.text}",))
        return assessment
