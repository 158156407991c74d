"""From an incident's labels to destinations, with the reasons."""

from incident_ops.core.routing.destinations import DEFAULT, DIGEST, EMAIL, INBOX, OWNER, Destination, Receiver
from incident_ops.core.routing.owners import (
    OwnChannels,
    RoutingRules,
    Subscription,
    Way,
    channel_named,
    destination_of,
    receiver_destinations,
    responders,
    told_apart,
    ways,
)
from incident_ops.core.routing.tree import RouteNode, branches

__all__ = [
    "DEFAULT",
    "DIGEST",
    "EMAIL",
    "INBOX",
    "OWNER",
    "Destination",
    "OwnChannels",
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
    "told_apart",
    "ways",
]
