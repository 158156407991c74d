"""The route tree with its inherited options, receivers, escalation policies and inhibit rules."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from incident_ops.config.shape import EVERY_LABEL, KINDS_OF_RECEIVERS, Config, Receiver, RootRoute, Route
from incident_ops.core.escalation import EscalationPolicy, EscalationStep
from incident_ops.core.muting import InhibitRule
from incident_ops.core.routing import DIGEST, Destination, RouteNode
from incident_ops.core.routing import Receiver as CoreReceiver

_INHERITED = (
    "receiver",
    "group_by",
    "group_wait",
    "group_interval",
    "repeat_interval",
    "escalation_policy",
    "digest",
)


def route_tree(config: Config) -> RouteNode:
    """The tree with the options that hold in each node, inherited ones included.

    The built-in receiver `digest` sends daily where nothing else is said, and a branch that names another receiver
    leaves `digest` behind with it.
    """
    root = RouteNode(path="route", **_said(config.route))
    return _with_routes(_with_digest(root), config.route.routes)


def _with_routes(node: RouteNode, routes: tuple[Route, ...]) -> RouteNode:
    below = (_node(route, f"{node.path}.routes[{place}]", node) for place, route in enumerate(routes))
    return replace(node, routes=tuple(below))


def _node(route: Route, path: str, parent: RouteNode) -> RouteNode:
    said = _said(route)
    if parent.receiver == DIGEST != said.get("receiver", DIGEST):
        said.setdefault("digest", None)
    node = replace(
        parent,
        path=path,
        matchers=route.matchers,
        continues=route.continue_,
        mute=route.mute_time_intervals,
        active=route.active_time_intervals,
        **said,
    )
    return _with_routes(_with_digest(node), route.routes)


def _said(route: RootRoute | Route) -> dict[str, Any]:
    """The options that stand in the file, or have a default at the top. By every label (`...`) is by incident."""
    said = {name: getattr(route, name) for name in _INHERITED if getattr(route, name) is not None}
    return {**said, "group_by": ("root",)} if EVERY_LABEL in said.get("group_by", ()) else said


def _with_digest(node: RouteNode) -> RouteNode:
    return replace(node, digest="daily") if node.receiver == DIGEST and node.digest is None else node


def receivers_of(config: Config, *, sink: str) -> Mapping[str, CoreReceiver]:
    """The receivers of the file by name; the built-in ones are not among them.

    Args:
        sink: kind of the destinations that stand for Slack channels: `slack`, or `inbox` without an account.
    """
    return {receiver.name: _receiver(receiver, sink) for receiver in config.receivers}


def _receiver(receiver: Receiver, sink: str) -> CoreReceiver:
    return CoreReceiver(name=receiver.name, destinations=tuple(_destinations(receiver, sink)))


def _destinations(receiver: Receiver, sink: str) -> Iterator[Destination]:
    """A channel and mail are known by their address, whatever needs a key or a secret address by the receiver."""
    for kind in KINDS_OF_RECEIVERS:
        if getattr(receiver, kind) is None:
            continue
        if receiver.slack is not None and kind == "slack":
            yield Destination(kind=sink, address=receiver.slack.channel)
        elif receiver.email is not None and kind == "email":
            yield Destination(kind=kind, address=", ".join(receiver.email.to))
        else:
            yield Destination(kind=kind, address=receiver.name)


def escalation_policies_of(config: Config) -> Mapping[str, EscalationPolicy]:
    """The escalation policies by name."""
    return {
        name: EscalationPolicy(
            name=name,
            steps=tuple(EscalationStep(targets=step.notify, wait=step.wait) for step in policy.steps),
            repeat=policy.repeat,
            acknowledge_timeout=policy.acknowledge_timeout,
        )
        for name, policy in config.escalation_policies.items()
    }


def inhibit_rules_of(config: Config) -> tuple[InhibitRule, ...]:
    """The inhibit rules in the order of the file."""
    return tuple(
        InhibitRule(sources=rule.source_matchers, targets=rule.target_matchers, equal=rule.equal)
        for rule in config.inhibit_rules
    )
