"""The configuration in the core's words: what stands in the file, put together with what it leaves out."""

from incident_ops.config.compiled.attention import attention_rules_of, subscriptions_of
from incident_ops.config.compiled.calendars import hours_of, intervals_of, maintenance_of, schedules_of
from incident_ops.config.compiled.people import people_of, teams_of
from incident_ops.config.compiled.routes import (
    escalation_policies_of,
    inhibit_rules_of,
    receivers_of,
    route_tree,
)
from incident_ops.config.compiled.rules import routing_rules_of

__all__ = [
    "attention_rules_of",
    "escalation_policies_of",
    "hours_of",
    "inhibit_rules_of",
    "intervals_of",
    "maintenance_of",
    "people_of",
    "receivers_of",
    "route_tree",
    "routing_rules_of",
    "schedules_of",
    "subscriptions_of",
    "teams_of",
]
