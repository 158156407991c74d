"""All of the file that routing asks for, in one value."""

from incident_ops.config.compiled.attention import subscriptions_of
from incident_ops.config.compiled.people import people_of, teams_of
from incident_ops.config.compiled.routes import receivers_of, route_tree
from incident_ops.config.shape import Config
from incident_ops.core.routing import OwnChannels, RoutingRules


def routing_rules_of(config: Config, *, sink: str, default_channel: str) -> RoutingRules:
    """Who hears of what.

    Args:
        sink: kind of the destinations that stand for Slack channels: `slack`, or `inbox` without an account.
    """
    channels = config.slack.incident_channels
    return RoutingRules(
        sink=sink,
        default_channel=default_channel,
        teams=teams_of(config),
        people=people_of(config),
        receivers=receivers_of(config, sink=sink),
        tree=route_tree(config),
        subscriptions=subscriptions_of(config),
        fallback=config.fallback_receiver,
        mail=config.smtp is not None,
        own_channels=OwnChannels(severities=frozenset(channels.severities), prefix=channels.prefix),
    )
