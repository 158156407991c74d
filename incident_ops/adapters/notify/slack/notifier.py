"""Slack as a sink, over `slack_sdk`: posts, edits, replies, and looking up what became of a message.

Every post carries the delivery's key as message metadata. One try is one try: the client must have no retry
handlers, because repeating is the outbox's business, which looks up first. The exception is a refusal of the form,
where nothing was shown: blocks that Slack does not take are replaced by text, metadata that it does not take is
left out, at once. Rendering is `blocks.py` and `actions.py`, one request `api.py`, the meaning
of errors `errors.py`, the client `http.py`. What people answer comes in by `desk.py`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from slack_sdk import WebClient
from slack_sdk.web import SlackResponse

from incident_ops.adapters.notify.slack.actions import actions_of
from incident_ops.adapters.notify.slack.api import CannotBeKnown, SlackApi
from incident_ops.adapters.notify.slack.blocks import SlackPayload, render, render_reply, render_text
from incident_ops.adapters.notify.slack.channels import CONVERSATION_ID, Channels, IncidentChannels, NotMade
from incident_ops.adapters.notify.slack.check import check
from incident_ops.adapters.notify.slack.errors import Request
from incident_ops.adapters.notify.slack.http import DEFAULT_BASE_URL, slack_client
from incident_ops.adapters.notify.slack.text import fit_line, inline
from incident_ops.adapters.notify.slack.users import EMAIL, USER_ID, IdsByEmail, is_address
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Message
from incident_ops.core.routing import Destination

EVENT_TYPE = "incident_ops_delivery"

# Nothing in our texts is to be turned into a link or a mention by Slack. `chat.update` takes back what it is not
# told again: its `parse` would be `client`.
_LITERALLY = {"parse": "none", "link_names": False}
_QUIETLY = {"unfurl_links": False, "unfurl_media": False, **_LITERALLY}

_OF_A_POST = re.compile(r"INC-[0-9]+:(?:post|edit):")

# Slack's clock and ours may differ; keys are unique, so looking further back costs only reading.
_CLOCK_SKEW = timedelta(minutes=5)
_MESSAGES_OF_A_PAGE = 200
LONGEST_NAME = 100


class SlackNotifier:
    """Notifier with `CanUpdate`, `CanReply`, `CanLookUp` and `CanCheck`.

    Addresses are `#name`, the id of a conversation (`C…`, `G…`, `D…`) or of a user (`U…`, `W…`: a direct message),
    or somebody's e-mail address, by which Slack knows the user (scope `users:read.email`).
    Receipts hold the conversation's id and the message's `ts`. A server that is only like Slack may name neither
    of them: then they hold the address, and nothing for the message, which can be neither edited nor answered.

    Args:
        interactive: whether somebody answers what people press (`SlackDesk`); without, posts have no buttons.
        incident_channels: how the names of incidents' own channels begin (`inc-`): a post to `#inc-7-orders` about
            INC-7 makes the channel; None where they have none.
    """

    kind: str = "slack"

    def __init__(
        self, client: WebClient, *, interactive: bool = False, incident_channels: str | None = None
    ) -> None:
        self._api = SlackApi(client)
        self._interactive = interactive
        self._users = IdsByEmail(self._api)
        self._channels = Channels(self._api)
        self._own = (
            IncidentChannels(self._api, self._channels, incident_channels)
            if incident_channels is not None
            else None
        )

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        people = {who: self._person(who) for who in message.calls}
        place, trouble = self._place_of(destination.address, message, [who for who in people.values() if who])
        calls = [f"<@{id_}>" if id_ else fit_line(who, LONGEST_NAME, inline) for who, id_ in people.items()]
        payload = self._drawn(message, key, calls=calls)
        request = Request(method="chat.postMessage", place=destination.address, adds=True)
        arguments = {
            "channel": place,
            "text": payload.text,
            "blocks": list(payload.blocks),
            "metadata": _metadata(key),
            **_QUIETLY,
        }
        try:
            answer = self._api.write(request, arguments, instead_of_blocks={"text": render_text(message)})
        except TransportError as refusal:
            if trouble is None or not refusal.permanent:
                raise
            raise TransportError(f"{destination.address} is not made: {trouble}", permanent=True) from None
        receipt = _receipt(answer, asked_for=destination.address)
        if receipt.channel != destination.address:
            self._channels.remember(destination.address, receipt.channel)
        return receipt

    def _place_of(self, address: str, message: Message, people: list[str]) -> tuple[str, NotMade | None]:
        """What to give Slack as the channel; and, of an incident's own channel, why it could not be made."""
        if EMAIL.fullmatch(address):
            return self._users.id_of(address), None
        if self._own is None or not self._own.is_for(address, message):
            return address, None
        try:
            return self._own.opened(address, message, people), None
        except NotMade as trouble:
            self._api.warn(f"{address} is not made: {trouble}")
            return address, trouble

    def _drawn(self, message: Message, key: str, *, calls: list[str] | None = None) -> SlackPayload:
        """A post with its buttons; of a message by itself (to somebody who uses the data) without."""
        has_buttons = self._interactive and message.about is not None and _OF_A_POST.match(key) is not None
        actions = actions_of(message.about) if has_buttons and message.about is not None else ()
        return render(message, calls=calls or [], actions=actions)

    def _person(self, who: str) -> str:
        """Their id; nothing of somebody whom Slack does not know, or does not tell us of."""
        if USER_ID.fullmatch(who):
            return who
        if not is_address(who):
            return ""
        try:
            return self._users.id_of(who)
        except TransportError as trouble:
            self._api.warn(f"nobody is mentioned: {trouble}")
            return ""

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None:
        request = Request(method="chat.update", place=receipt.channel)
        _insist_on_a_name(receipt, request)
        payload = self._drawn(message, key)
        arguments = {
            "channel": receipt.channel,
            "ts": receipt.message,
            "text": payload.text,
            "blocks": list(payload.blocks),
            **_LITERALLY,
        }
        # Without an empty list Slack would keep showing the old blocks.
        self._api.write(request, arguments, instead_of_blocks={"text": render_text(message), "blocks": []})

    def reply(self, thread: Receipt, text: str, *, key: str, broadcast: bool) -> Receipt:
        request = Request(method="chat.postMessage", place=f"a thread in {thread.channel}", adds=True)
        _insist_on_a_name(thread, request)
        arguments = {
            "channel": thread.channel,
            "thread_ts": thread.message,
            "reply_broadcast": broadcast,
            "text": render_reply(text),
            "metadata": _metadata(key),
            **_QUIETLY,
        }
        return _receipt(self._api.write(request, arguments), asked_for=thread.channel)

    def look_up(
        self, destination: Destination, key: str, *, thread: Receipt | None, since: datetime
    ) -> Receipt | None:
        """The receipt of the message that carries `key`, or None.

        None is also the answer when looking is impossible for good (a scope is missing, the app is not in the
        channel, the name is unknown, or too many messages came since): a warning is logged once, and the message
        is sent again with the same key. Raises `TransportError` with `fate_unknown` when looking is impossible
        now: wait and look again.
        """
        if thread and not thread.message:
            return None
        try:
            channel = thread.channel if thread else self._conversation_id(destination.address)
            if channel is None:
                self._api.warn(f"Slack's messages in {destination.address} cannot be looked up: unknown channel")
                return None
            for page in self._messages(channel, thread, since=since):
                for message in page.get("messages") or ():
                    if _key_of(message) == key:
                        return Receipt(channel=channel, message=str(message["ts"]))
        except CannotBeKnown as impossible:
            self._api.warn(f"what Slack accepted cannot be looked up, so it may be sent twice: {impossible}")
        return None

    def _messages(self, channel: str, thread: Receipt | None, *, since: datetime) -> Iterator[SlackResponse]:
        arguments: dict[str, Any] = {
            "channel": channel,
            "include_all_metadata": True,
            "oldest": f"{(since - _CLOCK_SKEW).timestamp():.6f}",
            "inclusive": True,
            "limit": _MESSAGES_OF_A_PAGE,
        }
        if thread is None:
            return self._api.pages(Request(method="conversations.history", place=channel), arguments)
        arguments["ts"] = thread.message
        return self._api.pages(Request(method="conversations.replies", place=channel), arguments)

    def _conversation_id(self, address: str) -> str | None:
        """The id that goes with an address, remembered from posts and from earlier look-ups."""
        if EMAIL.fullmatch(address):
            address = self._users.id_of(address)
        if CONVERSATION_ID.fullmatch(address):
            return address
        if known := self._channels.remembered(address):
            return known
        if USER_ID.fullmatch(address):
            opened = self._api.read(Request(method="conversations.open", place=address), {"users": address})
            return (opened.get("channel") or {}).get("id")
        return self._channels.id_of(address)

    def check(self, destination: Destination) -> None:
        """Raises `TransportError` with the remedy if a message would not be accepted there; posts nothing."""
        is_made_when_needed = self._own is not None and self._own.could_be(destination.address)
        check(
            destination.address,
            self._api,
            self._channels,
            self._users,
            interactive=self._interactive,
            is_made_when_needed=is_made_when_needed,
        )


def slack_notifier(
    token: str,
    base_url: str = DEFAULT_BASE_URL,
    timeout: int = 10,
    *,
    interactive: bool = False,
    incident_channels: str | None = None,
) -> SlackNotifier:
    """
    Args:
        token: of the app's bot (`xoxb-…`); the scopes are those of `scopes.py`.
        base_url: as `slack_sdk` takes it.
        timeout: seconds to connect, and to wait for an answer.
    """
    client = slack_client(token, base_url, timeout)
    return SlackNotifier(client, interactive=interactive, incident_channels=incident_channels)


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key}}


def _key_of(message: Mapping[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    return (metadata.get("event_payload") or {}).get("key") if metadata.get("event_type") == EVENT_TYPE else None


def _receipt(answer: SlackResponse, *, asked_for: str) -> Receipt:
    """`ok` is an acceptance, whatever else is missing: the post would otherwise be repeated for ever."""
    channel, ts = answer.get("channel"), answer.get("ts")
    return Receipt(
        channel=channel if isinstance(channel, str) and channel else asked_for,
        message=ts if isinstance(ts, str) else "",
    )


def _insist_on_a_name(receipt: Receipt, request: Request) -> None:
    if not receipt.message:
        problem = f"{request} is impossible: the server named no message when it accepted the post"
        raise TransportError(problem, permanent=True)
