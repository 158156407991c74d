"""The route tree as a record: what leads where, with which options, and who is behind the names now."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from incident_ops.core.durations import format_duration
from incident_ops.core.escalation import EscalationPolicy
from incident_ops.core.muting import quiet_by_hours
from incident_ops.core.oncall import who_is_on_call
from incident_ops.core.routing import INBOX, RouteNode, RoutingRules, Subscription, receiver_destinations
from incident_ops.engine.policy import Policy

Record = dict[str, Any]
_SCHEDULE = "schedule:"


def route_map(policy: Policy, *, now: datetime) -> Record:
    """The tree, the teams' own escalation policies, which hold where `owner` is told, every policy with who is on
    call for it now, the subscriptions, and which incidents have a channel of their own."""
    routing = policy.routing
    teams = {name: team.escalation_policy for name, team in sorted(routing.teams.items())}
    return {
        "tree": _node(routing.tree, None, policy, now),
        "escalation_policies": {
            name: _escalation(each, policy, now) for name, each in policy.attention.policies.items()
        },
        "teams": {name: policy_name for name, policy_name in teams.items() if policy_name is not None},
        "subscriptions": [_subscription(each) for each in routing.subscriptions],
        "own_channels": _own_channels(routing),
        "default": routing.default_channel,
        "fallback": routing.fallback,
    }


def _own_channels(routing: RoutingRules) -> Record | None:
    own = routing.own_channels
    if not own.severities or routing.sink == INBOX:
        return None
    return {"severities": sorted(own.severities), "named": own.channel_of(0)}


def _node(node: RouteNode, parent: RouteNode | None, policy: Policy, now: datetime) -> Record:
    routing = policy.routing
    quiet = quiet_by_hours(node.mute, node.active, policy.attention.intervals, now=now)
    options, inherited = _options(node), _options(parent) if parent is not None else {}
    return {
        "path": node.path,
        "matchers": [str(matcher) for matcher in node.matchers],
        "receiver": node.receiver,
        "leads_to": [str(place) for place in receiver_destinations(node.receiver, routing)],
        "continue": node.continues,
        "options": options,
        "differs": {name: value for name, value in options.items() if inherited.get(name) != value},
        "muted_in": list(node.mute),
        "active_in": list(node.active),
        "quiet_now": quiet.text if quiet is not None else None,
        "routes": [_node(child, node, policy, now) for child in node.routes],
    }


def _options(node: RouteNode) -> Record:
    return {
        "group_by": list(node.group_by),
        "group_wait": format_duration(node.group_wait),
        "group_interval": format_duration(node.group_interval),
        "repeat_interval": format_duration(node.repeat_interval),
        "escalation_policy": node.escalation_policy,
        "digest": node.digest,
    }


def _escalation(each: EscalationPolicy, policy: Policy, now: datetime) -> Record:
    limit = each.acknowledge_timeout
    return {
        "repeat": each.repeat,
        "acknowledge_timeout": format_duration(limit) if limit is not None else None,
        "steps": [
            {
                "notify": list(step.targets),
                "wait": format_duration(step.wait),
                "on_call": dict(_on_call(step.targets, policy, now)),
            }
            for step in each.steps
        ],
    }


def _on_call(targets: tuple[str, ...], policy: Policy, now: datetime) -> Iterator[tuple[str, list[str]]]:
    for target in targets:
        schedule = policy.schedules.get(target.removeprefix(_SCHEDULE)) if target.startswith(_SCHEDULE) else None
        if schedule is not None:
            yield schedule.name, list(who_is_on_call(schedule, now))


def _subscription(each: Subscription) -> Mapping[str, Any]:
    return {"who": each.who, "matchers": [str(matcher) for matcher in each.matchers], "how": each.how}
