"""Who hears of an incident: from its owners and tags to destinations, with the reasons.

The first version of routing: the asset's `incident_ops/slack` tag, else its owners' channels, else the default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.catalog import SLACK_TAG, AssetNode
from incident_ops.core.incident import Incident

INBOX = "inbox"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Destination:
    """One place that can be written to: the kind of sink and an address that the sink understands."""

    kind: str
    address: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRules:
    """The configuration, as far as routing asks for it.

    Attributes:
        sink: kind of the destinations (`slack`, or `inbox` where no account is configured).
        default_channel: for whatever has no owner, and for our own troubles unless `fallback` is set.
        team_channels: team name → channel, where it is not `#` and the name.
        people: e-mail → Slack id.
        receiver: a channel that gets everything instead of the owners, or None.
    """

    sink: str
    default_channel: str
    team_channels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    people: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    receiver: str | None = None
    fallback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where an incident goes and why; `suppressed` says why nobody is pushed."""

    destinations: tuple[Destination, ...]
    reasons: tuple[str, ...]
    suppressed: str | None = None


def route(incident: Incident, rules: RoutingRules, nodes: tuple[AssetNode, ...]) -> Route:
    """The destinations of an incident.

    Args:
        nodes: what the catalog knows of the root and of every member that failed by itself.
    """
    channels: dict[str, str] = {}
    is_ours = incident.labels.get("source") == "incident_ops"
    if is_ours:
        channels[rules.fallback or rules.default_channel] = "our own trouble"
    elif rules.receiver is not None:
        channels[rules.receiver] = "the route's receiver"
    else:
        for node in nodes:
            for channel, reason in _channels_of(node, rules):
                channels.setdefault(channel, reason)
    if not channels:
        subject = incident.root.subject
        why = f"{subject.asset} has no known owner" if subject.asset else f"{subject} has no owner"
        channels[rules.default_channel] = f"{why}: default channel"
    destinations = [Destination(kind=rules.sink, address=channel) for channel in channels]
    if is_ours and rules.sink != INBOX:  # the trouble may be the sink itself
        destinations.append(Destination(kind=INBOX, address=rules.default_channel))
    return Route(
        destinations=tuple(destinations),
        reasons=tuple(f"{channel}: {reason}" for channel, reason in channels.items()),
        suppressed=_suppression(incident),
    )


def channel_named(name: str) -> str:
    """A team's or a tag's name as a Slack channel: lower case, no spaces, at most 80 characters."""
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in name.removeprefix("#").lower())
    return f"#{kept[:80]}"


def destination_of(recipient: str, rules: RoutingRules) -> Destination:
    """Where a person (an e-mail address) or a team (`team:x`) is reached. A sink may know an address that the
    configuration has no id for."""
    if recipient.startswith("team:"):
        team = recipient.removeprefix("team:")
        return Destination(kind=rules.sink, address=rules.team_channels.get(team, channel_named(team)))
    return Destination(kind=rules.sink, address=rules.people.get(recipient, recipient))


def _channels_of(node: AssetNode, rules: RoutingRules) -> list[tuple[str, str]]:
    if tagged := node.tags.get(SLACK_TAG):
        return [(channel_named(tagged), f"tag {SLACK_TAG} of {node.key}")]
    channels: list[tuple[str, str]] = []
    for owner in node.owners:
        if owner.startswith("team:"):
            team = owner.removeprefix("team:")
            channels.append((rules.team_channels.get(team, channel_named(team)), f"{owner} owns {node.key}"))
        elif owner in rules.people:
            channels.append((rules.people[owner], f"{owner} owns {node.key}"))
    return channels


def _suppression(incident: Incident) -> str | None:
    if incident.excuse is not None:
        return incident.excuse
    if incident.backlog:
        return "it is older than our installation by more than a day: recorded, not pushed"
    if all(member.check_severity is CheckSeverity.WARN for member in incident.members):
        return "WARN is recorded and listed, not pushed"
    return None
