"""Whether Slack would take a message for an address, asked without posting anything.

Every trouble is one `TransportError` whose sentence names the remedy.
"""

from collections.abc import Mapping
from typing import Any

from incident_ops.adapters.notify.slack.api import CannotBeKnown, SlackApi
from incident_ops.adapters.notify.slack.channels import CONVERSATION_ID, Channels
from incident_ops.adapters.notify.slack.errors import Request
from incident_ops.adapters.notify.slack.scopes import (
    KNOWING_PEOPLE,
    OWN_CHANNELS,
    POSTING,
    POSTING_ANYWHERE,
    WORKING,
    lacking,
)
from incident_ops.adapters.notify.slack.users import EMAIL, USER_ID, IdsByEmail
from incident_ops.core.errors import TransportError


def check(
    address: str,
    api: SlackApi,
    channels: Channels,
    users: IdsByEmail,
    *,
    interactive: bool,
    is_made_when_needed: bool,
) -> None:
    """
    Args:
        interactive: whether posts have buttons.
        is_made_when_needed: the channel is an incident's own.
    """
    granted = _scopes_of(api)
    _insist(POSTING, granted, "to post")
    if interactive:
        _insist(WORKING, granted, "for the buttons, for /incident and to know who presses")
    if is_made_when_needed:
        _insist(OWN_CHANNELS, granted, "to make channels for incidents")
    elif EMAIL.fullmatch(address):
        _insist(KNOWING_PEOPLE, granted, f"to find {address}")
        _check_person(users.id_of(address), api, granted, called=address)
    elif USER_ID.fullmatch(address):
        _check_person(address, api, granted, called=address)
    elif not address.startswith("D"):
        _check_channel(address, api, channels, granted)


def _scopes_of(api: SlackApi) -> frozenset[str] | None:
    """None where the server does not name them: then only what it refuses can tell."""
    answer = api.do(Request(method="auth.test"))
    named = {str(name).lower(): value for name, value in answer.headers.items()}.get("x-oauth-scopes")
    if isinstance(named, list):  # slack_sdk gives a header's values as a list
        named = ",".join(map(str, named))
    return frozenset(scope.strip() for scope in str(named).split(",")) if named is not None else None


def _insist(scopes: tuple[str, ...], granted: frozenset[str] | None, purpose: str) -> None:
    if granted is not None and (trouble := lacking(scopes, granted=granted, purpose=purpose)) is not None:
        raise trouble


def _check_person(user: str, api: SlackApi, granted: frozenset[str] | None, *, called: str) -> None:
    _insist(("users:read",), granted, f"to see whether {called} can be written to")
    found = api.do(Request(method="users.info", place=called), params={"user": user}).get("user")
    if isinstance(found, dict) and found.get("deleted"):
        remedy = "take them out of the configuration, or name somebody else"
        raise TransportError(f"{called} has left the workspace, Slack says; {remedy}", permanent=True)
    if isinstance(found, dict) and found.get("is_bot"):
        raise TransportError(f"{called} is a bot, which cannot be written to; name a person", permanent=True)


def _check_channel(address: str, api: SlackApi, channels: Channels, granted: frozenset[str] | None) -> None:
    _insist(("channels:read",), granted, f"to see whether {address} exists")
    channel = _described(address, api, channels)
    if channel.get("is_archived"):
        remedy = "bring it back, or name another channel"
        raise TransportError(f"the channel {address} is archived; {remedy}", permanent=True)
    is_outside = channel.get("is_member") is False
    if is_outside and channel.get("is_private"):
        raise TransportError(f"the app is not in the private channel {address}; invite it there", permanent=True)
    if is_outside and granted is not None and not granted.issuperset(POSTING_ANYWHERE):
        remedy = "invite it there, or give it the scope chat:write.public"
        raise TransportError(f"the app is not in the channel {address}; {remedy}", permanent=True)


def _described(address: str, api: SlackApi, channels: Channels) -> Mapping[str, Any]:
    if CONVERSATION_ID.fullmatch(address):
        answer = api.do(Request(method="conversations.info", place=address), params={"channel": address})
        channel = answer.get("channel")
        return channel if isinstance(channel, dict) else {}
    try:
        found = channels.found(address)
    except CannotBeKnown as trouble:
        raise TransportError(f"whether {address} exists cannot be seen: {trouble}", needs_person=True) from None
    if found is None:
        remedy = "make it, or invite the app if it is private"
        raise TransportError(f"Slack shows no channel {address}; {remedy}", permanent=True)
    return found
