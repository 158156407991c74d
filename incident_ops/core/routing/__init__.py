"""From an incident's labels to destinations, with the reasons."""

from incident_ops.core.routing.destinations import DEFAULT, DIGEST, INBOX, OWNER, Destination, Receiver
from incident_ops.core.routing.owners import (
    RoutingRules,
    Subscription,
    Way,
    channel_named,
    destination_of,
    receiver_destinations,
    responders,
    ways,
)
from incident_ops.core.routing.tree import RouteNode, branches

__all__ = [
    "DEFAULT",
    "DIGEST",
    "INBOX",
    "OWNER",
    "Destination",
    "Receiver",
    "RouteNode",
    "RoutingRules",
    "Subscription",
    "Way",
    "branches",
    "channel_named",
    "destination_of",
    "receiver_destinations",
    "responders",
    "ways",
]
