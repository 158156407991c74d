"""Where an incident goes: each receiver that the tree or a subscription names, as destinations with the reasons.

By default to the asset's `incident_ops/slack` tag, else to its owners' channels, else to the default channel.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

from incident_ops.core.alert import Nature
from incident_ops.core.catalog import SLACK_TAG, AssetNode
from incident_ops.core.matching import Matcher, matches_all
from incident_ops.core.routing.destinations import DEFAULT, DIGEST, EMAIL, INBOX, OWNER, Destination, Receiver
from incident_ops.core.routing.tree import RouteNode, branches
from incident_ops.core.severity import Severity
from incident_ops.core.teams import Person, Team

_TEAM = "team:"
ROOT = RouteNode(path="route", receiver=OWNER)
OUR_OWN = RouteNode(path="our own troubles", receiver=DEFAULT, group_wait=timedelta(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Somebody (an e-mail address or `team:x`) wants to hear of what matches, whoever owns it."""

    who: str
    matchers: tuple[Matcher, ...] = ()
    how: Literal["push", "digest"] = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnChannels:
    """Which incidents get a Slack channel of their own, and the first part of its name."""

    severities: frozenset[Severity] = frozenset()
    prefix: str = "inc-"

    def channel_of(self, number: int) -> str:
        """By the number alone: the root may move, a channel's name may not."""
        return f"#{self.prefix}{number if number > 0 else '…'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRules:
    """The configuration, as far as routing asks for it.

    Attributes:
        sink: kind of the destinations (`slack`, or `inbox` where no account is configured).
        mail: mail can be sent, which reaches people where there is no Slack.
        default_channel: for whatever has no owner, and for our own troubles unless `fallback` is set.
        receivers: those that the file defines, by name.
        fallback: the receiver for what cannot be delivered elsewhere, and for our own troubles.
        own_channels: of major incidents; the inbox has none.
    """

    sink: str
    default_channel: str
    mail: bool = False
    teams: Mapping[str, Team] = field(default_factory=lambda: MappingProxyType({}))
    people: Mapping[str, Person] = field(default_factory=lambda: MappingProxyType({}))
    receivers: Mapping[str, Receiver] = field(default_factory=lambda: MappingProxyType({}))
    tree: RouteNode = ROOT
    subscriptions: tuple[Subscription, ...] = ()
    fallback: str | None = None
    own_channels: OwnChannels = OwnChannels()

    def team_of(self, owner: str | None) -> Team | None:
        """The team that an owner (`team:x`, or a person who is in one as engineer, analyst or lead) stands for,
        as far as the file knows it."""
        if owner is None:
            return None
        if owner.startswith(_TEAM):
            return self.teams.get(owner.removeprefix(_TEAM))
        return next((t for t in self.teams.values() if owner in (t.engineer, t.analyst, t.lead)), None)

    @property
    def last_resort(self) -> tuple[Destination, ...]:
        """Where our own troubles go, and what cannot be delivered elsewhere."""
        if self.fallback is not None and (named := receiver_destinations(self.fallback, self)):
            return named
        return (Destination(kind=self.sink, address=self.default_channel),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One destination of an incident, and the branch of the tree that leads there.

    Attributes:
        team: whose policy, hours and digest apply there, if any is known.
        also: other branches that lead there; it is quiet by its hours only when they are as well.
    """

    destination: Destination
    node: RouteNode
    reason: str
    team: Team | None = None
    also: tuple[RouteNode, ...] = ()

    @property
    def escalation_policy(self) -> str | None:
        """The branch's, else that of the team that is told as the owner."""
        if self.node.escalation_policy is not None or self.node.receiver != OWNER or self.team is None:
            return self.node.escalation_policy
        return self.team.escalation_policy

    def __str__(self) -> str:
        return f"{self.destination.address}: {self.reason}"


def told_apart(routed: Sequence[Way]) -> str:
    """Each way with its reason; places of two kinds that have the same address are named with the kind."""
    addresses = [way.destination.address for way in routed]
    return "; ".join(
        str(way) if addresses.count(way.destination.address) == 1 else f"{way.destination}: {way.reason}"
        for way in routed
    )


def ways(
    labels: Mapping[str, str], nodes: Sequence[AssetNode], rules: RoutingRules, *, number: int, unowned: str
) -> tuple[Way, ...]:
    """The destinations of an incident, each once: by the first branch that pushes there, else by the first.

    Args:
        labels: those of `labels_of_incident`.
        nodes: what the catalog knows of the root and of every member that failed by itself.
        number: the incident's; 0 or less while it has none.
        unowned: what to say of what has no owner, such as "orders has no known owner".
    """
    found: dict[Destination, Way] = {}
    for way in (*_all_ways(labels, nodes, rules, unowned), *_to_its_own_channel(labels, number, rules)):
        known = found.get(way.destination)
        if known is None or (known.node.digest is not None and way.node.digest is None):
            found[way.destination] = way
        elif way.node.digest is None or known.node.digest is not None:
            found[way.destination] = replace(known, also=(*known.also, way.node))
    return tuple(found.values())


def _all_ways(
    labels: Mapping[str, str], nodes: Sequence[AssetNode], rules: RoutingRules, unowned: str
) -> Iterator[Way]:
    if labels.get("source") == "incident_ops":
        for destination in rules.last_resort:
            yield Way(destination=destination, node=OUR_OWN, reason="our own trouble")
        inbox = Destination(kind=INBOX, address=rules.default_channel)
        if inbox not in rules.last_resort:  # the trouble may be the sink itself
            yield Way(destination=inbox, node=OUR_OWN, reason="our own trouble")
        return
    for node in branches(rules.tree, labels):
        if node.receiver in (OWNER, DIGEST):
            yield from _to_the_owners(node, nodes, rules, unowned)
        else:
            for destination, reason in _to_the_receiver(node.receiver, rules):
                yield Way(
                    destination=destination, node=node, reason=reason, team=rules.team_of(labels.get("owner"))
                )
    for place, wish in enumerate(rules.subscriptions):
        if matches_all(wish.matchers, labels):
            yield Way(
                destination=destination_of(wish.who, rules),
                node=_subscribed(f"subscriptions[{place}]", wish, rules.tree),
                reason=f"{wish.who} has subscribed",
                team=rules.team_of(wish.who),
            )


def _to_its_own_channel(labels: Mapping[str, str], number: int, rules: RoutingRules) -> Iterator[Way]:
    severity, own = labels.get("severity"), rules.own_channels
    if severity not in own.severities or rules.sink == INBOX or labels.get("source") == "incident_ops":
        return
    channel = own.channel_of(number)
    yield Way(
        destination=Destination(kind=rules.sink, address=channel),
        node=_beside("slack.incident_channels", channel, rules.tree),
        reason=f"a channel of its own for {severity}",
        team=rules.team_of(labels.get("owner")),
    )


def _subscribed(path: str, wish: Subscription, root: RouteNode) -> RouteNode:
    node = _beside(path, wish.who, root)
    return replace(node, digest="daily") if wish.how == "digest" else node


def _beside(path: str, receiver: str, root: RouteNode) -> RouteNode:
    """A branch of its own beside the tree, with the timers of the top."""
    return RouteNode(
        path=path,
        receiver=receiver,
        group_wait=root.group_wait,
        group_interval=root.group_interval,
        repeat_interval=root.repeat_interval,
    )


def _to_the_owners(
    node: RouteNode, assets: Iterable[AssetNode], rules: RoutingRules, unowned: str
) -> Iterator[Way]:
    is_known = False
    for asset in assets:
        for channel, reason, team in _channels_of(asset, rules):
            is_known = True
            destination = Destination(kind=rules.sink, address=channel)
            yield Way(destination=destination, node=node, reason=reason, team=team)
    if not is_known:
        default = Destination(kind=rules.sink, address=rules.default_channel)
        yield Way(destination=default, node=node, reason=f"{unowned}: default channel")


def _to_the_receiver(name: str, rules: RoutingRules) -> Iterator[tuple[Destination, str]]:
    for destination in receiver_destinations(name, rules):
        yield destination, f"receiver {name}"


def receiver_destinations(name: str, rules: RoutingRules) -> tuple[Destination, ...]:
    """The places behind a receiver's name that can be written to; `owner` and `digest` depend on the incident."""
    if name == DEFAULT:
        return (Destination(kind=rules.sink, address=rules.default_channel),)
    if name == INBOX:
        return (Destination(kind=INBOX, address=rules.default_channel),)
    receiver = rules.receivers.get(name)
    return receiver.destinations if receiver is not None else ()


def responders(nature: Nature, nodes: Iterable[AssetNode], rules: RoutingRules) -> tuple[tuple[str, str], ...]:
    """Who of the owning teams answers for trouble of this nature: (e-mail, as what)."""
    found: dict[str, str] = {}
    for asset in nodes:
        for owner in asset.owners:
            team = rules.teams.get(owner.removeprefix(_TEAM)) if owner.startswith(_TEAM) else None
            if team is not None and (responder := team.responder_for(nature)) is not None:
                found.setdefault(responder[0], f"{responder[1]} of team {team.name}")
    return tuple(found.items())


def channel_named(name: str) -> str:
    """A team's or a tag's name as a Slack channel: lower case, no spaces, at most 80 characters."""
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in name.removeprefix("#").lower())
    return f"#{kept[:80]}"


def destination_of(recipient: str, rules: RoutingRules) -> Destination:
    """Where a person (an e-mail address) or a team (`team:x`) is reached. A sink may know an address that the
    configuration has no id for. Without Slack a person is written to by mail, if mail can be sent: who has no
    account on this machine never sees the inbox."""
    if recipient.startswith(_TEAM):
        return Destination(kind=rules.sink, address=_channel_of(recipient.removeprefix(_TEAM), rules))
    if rules.sink == INBOX and rules.mail:
        return Destination(kind=EMAIL, address=recipient)
    # consumers are compared in lower case, whatever the spelling in the file
    same = (person for address, person in rules.people.items() if address.casefold() == recipient.casefold())
    person = rules.people.get(recipient) or next(same, None)
    return Destination(kind=rules.sink, address=(person.slack if person else None) or recipient)


def _channel_of(team: str, rules: RoutingRules) -> str:
    known = rules.teams.get(team)
    return known.channel if known is not None else channel_named(team)


def _channels_of(node: AssetNode, rules: RoutingRules) -> Iterator[tuple[str, str, Team | None]]:
    if tagged := node.tags.get(SLACK_TAG):
        first = next(iter(node.owners), None)
        yield channel_named(tagged), f"tag {SLACK_TAG} of {node.key}", rules.team_of(first)
        return
    for owner in node.owners:
        if owner.startswith(_TEAM):
            channel = _channel_of(owner.removeprefix(_TEAM), rules)
            yield channel, f"{owner} owns {node.key}", rules.team_of(owner)
        elif (person := rules.people.get(owner)) is not None and person.slack is not None:
            yield person.slack, f"{owner} owns {node.key}", rules.team_of(owner)
