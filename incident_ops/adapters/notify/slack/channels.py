"""Channels: the id that goes with a name, and the channel that a major incident has of its own."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from slack_sdk.errors import SlackApiError

from incident_ops.adapters.notify.slack.api import CannotBeKnown, SlackApi
from incident_ops.adapters.notify.slack.errors import Request, error_name, refused
from incident_ops.adapters.notify.slack.text import fit_line, inline
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Message

CONVERSATION_ID = re.compile(r"[CGD][A-Z0-9]+")

TOPIC = 250
MOST_INVITED = 30

_KINDS_OF_CHANNELS = ("public_channel,private_channel", "public_channel")
_CHANNELS_OF_A_PAGE = 1_000
_IS_THERE_ALREADY = frozenset({"already_in_channel", "cant_invite_self"})


class NotMade(Exception):
    """The channel can't be made by us; whether it exists the post itself will show. Never raised out of the
    adapter."""


class Channels:
    """Names of channels → their ids, remembered."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api
        self._ids: dict[str, str] = {}

    def remember(self, address: str, channel: str) -> None:
        self._ids[address] = channel

    def remembered(self, address: str) -> str | None:
        return self._ids.get(address)

    def id_of(self, name: str) -> str | None:
        """Of a channel that is not archived, from Slack's list. Raises as `SlackApi.read`."""
        for kinds in _KINDS_OF_CHANNELS:
            try:
                for channel in self._listed(kinds, with_archived=False):
                    self._ids[f"#{channel['name']}"] = str(channel["id"])
                break
            except CannotBeKnown:
                if kinds == _KINDS_OF_CHANNELS[-1]:
                    raise
        return self._ids.get(_named(name))

    def found(self, name: str) -> Mapping[str, Any] | None:
        """The channel as Slack describes it, an archived one too. Raises as `SlackApi.read`."""
        for kinds in _KINDS_OF_CHANNELS:
            try:
                listed = self._listed(kinds, with_archived=True)
                return next((one for one in listed if f"#{one['name']}" == _named(name)), None)
            except CannotBeKnown:
                if kinds == _KINDS_OF_CHANNELS[-1]:
                    raise
        return None

    def _listed(self, kinds: str, *, with_archived: bool) -> list[Mapping[str, Any]]:
        arguments = {"types": kinds, "exclude_archived": not with_archived, "limit": _CHANNELS_OF_A_PAGE}
        pages = self._api.pages(Request(method="conversations.list"), arguments)
        return [channel for page in pages for channel in page.get("channels") or ()]


class IncidentChannels:
    """The channels `#<prefix><number>-…`, made when they are first needed.

    Each step can be done again: after a crash between them the next try makes up for what is missing.
    """

    def __init__(self, api: SlackApi, channels: Channels, prefix: str) -> None:
        self._api, self._channels = api, channels
        self._name = re.compile(rf"#?{re.escape(prefix.removeprefix('#'))}([0-9]+)(?:-.*)?")

    def is_for(self, address: str, message: Message) -> bool:
        """Whether that is the name of this incident's own channel. A channel of people's own whose name merely
        begins so is left alone."""
        name = self._name.fullmatch(address)
        return name is not None and message.about is not None and int(name[1]) == message.about.number

    def could_be(self, address: str) -> bool:
        return self._name.fullmatch(address) is not None

    def opened(self, address: str, message: Message, people: Collection[str]) -> str:
        """The channel's id, with its topic set and people invited.

        Args:
            people: ids in Slack.

        Raises:
            NotMade: it can't be made by us, and may be there all the same.
            TransportError: Slack can't be asked now, or the channel is there and archived.
        """
        channel = self._made(address)
        channel_id = str(channel["id"])
        self._channels.remember(_named(address), channel_id)
        if not (channel.get("topic") or {}).get("value"):
            topic = fit_line(message.headline, TOPIC, inline)
            self._try("conversations.setTopic", address, {"channel": channel_id, "topic": topic})
        for person in list(dict.fromkeys(people))[:MOST_INVITED]:
            self._try("conversations.invite", address, {"channel": channel_id, "users": person})
        return channel_id

    def _made(self, address: str) -> Mapping[str, Any]:
        request = Request(method="conversations.create", place=address)
        try:
            channel = self._api.ask(request, json={"name": address.removeprefix("#")}).get("channel")
        except SlackApiError as error:
            if error_name(error) == "name_taken":
                return self._joined(address)
            trouble = refused(error, request)
            if trouble.permanent or trouble.needs_person:
                raise NotMade(str(trouble)) from None
            raise trouble from None
        if not isinstance(channel, dict) or not channel.get("id"):
            raise TransportError(f"{request} named no channel")
        return channel

    def _joined(self, address: str) -> Mapping[str, Any]:
        """The channel that bears the name already, made by an earlier try or by hand."""
        try:
            channel = self._channels.found(address)
        except CannotBeKnown as trouble:
            raise NotMade(str(trouble)) from None
        if channel is None:
            raise NotMade("a channel of this name exists, and the app cannot see it")
        if channel.get("is_archived"):
            remedy = "bring it back, or it is told elsewhere"
            raise TransportError(f"the channel {address} exists and is archived; {remedy}", permanent=True)
        if channel.get("is_member") is False:
            self._try("conversations.join", address, {"channel": str(channel["id"])})
        return channel

    def _try(self, method: str, address: str, arguments: dict[str, Any]) -> None:
        """What may be refused without keeping the message back. Raises `TransportError` when it can be done
        later."""
        request = Request(method=method, place=address)
        try:
            self._api.ask(request, json=arguments)
        except SlackApiError as error:
            if error_name(error) in _IS_THERE_ALREADY:
                return
            trouble = refused(error, request)
            if not (trouble.permanent or trouble.needs_person):
                raise trouble from None
            whom = f" ({arguments['users']})" if "users" in arguments else ""
            self._api.warn(f"{trouble}{whom}")


def _named(name: str) -> str:
    return f"#{name.removeprefix('#')}"
