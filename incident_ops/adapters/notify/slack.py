"""Slack as a sink, over `slack_sdk`: posts, edits, replies, and looking up what became of a message.

Every post carries the delivery's key as message metadata. One try is one try: the client must have no retry
handlers, because repeating is the outbox's business, which looks up first. The exception is a refusal of the form,
where nothing was shown: blocks that Slack does not take are replaced by text, metadata that it does not take is
left out, at once. Rendering is `slack_blocks.py`, the meaning of errors `slack_errors.py`, the client
`slack_http.py`.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from http.client import HTTPException, InvalidURL
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web import SlackResponse

from incident_ops.adapters.notify.slack_blocks import render, render_reply, render_text
from incident_ops.adapters.notify.slack_errors import (
    BLOCKS_REFUSED,
    METADATA_REFUSED,
    Request,
    error_name,
    is_for_now,
    no_answer,
    refused,
)
from incident_ops.adapters.notify.slack_http import DEFAULT_BASE_URL, OnceOnlyClient, slack_client
from incident_ops.adapters.notify.slack_text import inline
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Message
from incident_ops.core.routing import Destination

EVENT_TYPE = "incident_ops_delivery"

_log = logging.getLogger(__name__)

# Nothing in our texts is to be turned into a link or a mention by Slack. `chat.update` takes back what it is not
# told again: its `parse` would be `client`.
_LITERALLY = {"parse": "none", "link_names": False}
_QUIETLY = {"unfurl_links": False, "unfurl_media": False, **_LITERALLY}

_EMAIL = re.compile(r"[^\s#@]+@[^\s@]+")
_CONVERSATION_ID = re.compile(r"[CGD][A-Z0-9]+")
_USER_ID = re.compile(r"[UW][A-Z0-9]+")
_KINDS_OF_CHANNELS = ("public_channel,private_channel", "public_channel")

# Slack's clock and ours may differ; keys are unique, so looking further back costs only reading.
_CLOCK_SKEW = timedelta(minutes=5)
_MESSAGES_OF_A_PAGE, _CHANNELS_OF_A_PAGE = 200, 1_000
_MOST_PAGES = 25


class SlackNotifier:
    """Notifier with `CanUpdate`, `CanReply` and `CanLookUp`.

    Addresses are `#name`, the id of a conversation (`C…`, `G…`, `D…`) or of a user (`U…`, `W…`: a direct message),
    or somebody's e-mail address, by which Slack knows the user (scope `users:read.email`).
    Receipts hold the conversation's id and the message's `ts`. A server that is only like Slack may name neither
    of them: then they hold the address, and nothing for the message, which can be neither edited nor answered.
    """

    kind: str = "slack"

    def __init__(self, client: WebClient) -> None:
        if client.retry_handlers or not isinstance(client, OnceOnlyClient):
            raise ValueError("the client repeats requests or follows redirects; make it with slack_client()")
        self._client = client
        self._channel_ids: dict[str, str] = {}
        self._users: dict[str, str] = {}
        self._warned: set[str] = set()

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        payload = render(message, calls=[self._mention_of(who) for who in message.calls])
        place = destination.address
        if _EMAIL.fullmatch(place):
            place = self._user_of(place)
        request = Request(method="chat.postMessage", place=destination.address, adds=True)
        arguments = {
            "channel": place,
            "text": payload.text,
            "blocks": list(payload.blocks),
            "metadata": _metadata(key),
            **_QUIETLY,
        }
        answer = self._write(request, arguments, instead_of_blocks={"text": render_text(message)})
        receipt = _receipt(answer, asked_for=destination.address)
        if receipt.channel != destination.address:
            self._channel_ids[destination.address] = receipt.channel
        return receipt

    def _mention_of(self, who: str) -> str:
        """Their phone rings; of somebody whom Slack does not know, or does not tell us of, the name is shown."""
        if not _USER_ID.fullmatch(who):
            try:
                who = self._user_of(who)
            except TransportError as trouble:
                self._warn(f"nobody is mentioned: {trouble}")
                return inline(who)
        return f"<@{who}>"

    def _user_of(self, email: str) -> str:
        """The id of the user; raises `TransportError`, permanent if Slack knows nobody of that address."""
        if email not in self._users:
            request = Request(method="users.lookupByEmail", place=email)
            try:
                user = self._ask(request, params={"email": email}).get("user")
            except SlackApiError as error:
                raise refused(error, request) from None
            if not isinstance(user, dict) or not user.get("id"):
                raise TransportError(f"{request} named nobody", permanent=True)
            self._users[email] = str(user["id"])
        return self._users[email]

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None:
        request = Request(method="chat.update", place=receipt.channel)
        _insist_on_a_name(receipt, request)
        payload = render(message)
        arguments = {
            "channel": receipt.channel,
            "ts": receipt.message,
            "text": payload.text,
            "blocks": list(payload.blocks),
            **_LITERALLY,
        }
        # Without an empty list Slack would keep showing the old blocks.
        self._write(request, arguments, instead_of_blocks={"text": render_text(message), "blocks": []})

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
        return _receipt(self._write(request, arguments), asked_for=thread.channel)

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
                self._warn(f"Slack's messages in {destination.address} cannot be looked up: unknown channel")
                return None
            for page in self._messages(channel, thread, since=since):
                for message in page.get("messages") or ():
                    if _key_of(message) == key:
                        return Receipt(channel=channel, message=str(message["ts"]))
        except _LookUpImpossible as impossible:
            self._warn(f"what Slack accepted cannot be looked up, so it may be sent twice: {impossible}")
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
            return self._pages(Request(method="conversations.history", place=channel), arguments)
        arguments["ts"] = thread.message
        return self._pages(Request(method="conversations.replies", place=channel), arguments)

    def _conversation_id(self, address: str) -> str | None:
        """The id that goes with an address, remembered from posts and from earlier look-ups."""
        if _EMAIL.fullmatch(address):
            address = self._user_of(address)
        if _CONVERSATION_ID.fullmatch(address):
            return address
        if address in self._channel_ids:
            return self._channel_ids[address]
        if _USER_ID.fullmatch(address):
            opened = self._read(Request(method="conversations.open", place=address), {"users": address})
            return (opened.get("channel") or {}).get("id")
        for kinds in _KINDS_OF_CHANNELS:
            try:
                self._list_channels(kinds)
                break
            except _LookUpImpossible:
                if kinds == _KINDS_OF_CHANNELS[-1]:
                    raise
        return self._channel_ids.get(f"#{address.removeprefix('#')}")

    def _list_channels(self, kinds: str) -> None:
        arguments = {"types": kinds, "exclude_archived": True, "limit": _CHANNELS_OF_A_PAGE}
        for page in self._pages(Request(method="conversations.list"), arguments):
            for channel in page.get("channels") or ():
                self._channel_ids[f"#{channel['name']}"] = str(channel["id"])

    def _pages(self, request: Request, arguments: Mapping[str, Any]) -> Iterator[SlackResponse]:
        cursor = ""
        for _ in range(_MOST_PAGES):
            page = self._read(request, {**arguments, "cursor": cursor} if cursor else arguments)
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
        raise _LookUpImpossible(f"{request} has more than {_MOST_PAGES} pages")

    def _write(
        self, request: Request, arguments: dict[str, Any], *, instead_of_blocks: dict[str, Any] | None = None
    ) -> SlackResponse:
        """Send; what Slack refuses of the form is left out and sent again, since nothing was shown yet."""
        while True:
            try:
                return self._ask(request, json=arguments)
            except SlackApiError as error:
                name = error_name(error)
                if name in BLOCKS_REFUSED and instead_of_blocks is not None and arguments.get("blocks"):
                    arguments = {**_without(arguments, "blocks"), **instead_of_blocks}
                elif name in METADATA_REFUSED and "metadata" in arguments:
                    arguments = _without(arguments, "metadata")
                else:
                    raise refused(error, request) from None
                _log.warning("Slack refused the form of %s (%s): sent in a simpler one", request, name)

    def _read(self, request: Request, arguments: Mapping[str, Any]) -> SlackResponse:
        """Ask; raises `_LookUpImpossible` when asking again cannot help."""
        try:
            return self._ask(request, params=dict(arguments))
        except TransportError as trouble:
            raise _still_unknown(trouble) from None
        except SlackApiError as error:
            trouble = refused(error, request)
            if is_for_now(error, trouble):
                raise _still_unknown(trouble) from None
            raise _LookUpImpossible(str(trouble)) from None

    def _ask(
        self, request: Request, *, json: dict[str, Any] | None = None, params: dict[str, Any] | None = None
    ) -> SlackResponse:
        """One HTTP request. Raises `SlackApiError` for an answer that is not `ok`, `TransportError` for none.

        Writing methods take JSON, reading ones form parameters.
        """
        try:
            return self._client.api_call(request.method, json=json, params=params)
        # AttributeError: slack_sdk takes any JSON for an object. LookupError: a body in an encoding nobody knows.
        except (URLError, UnicodeDecodeError, AttributeError, LookupError) as error:
            raise no_answer(error, request) from None
        except (SlackRequestError, InvalidURL, ValueError):
            problem = f"{request} was not sent: the base URL is no web address; set INCIDENT_OPS_SLACK_BASE_URL"
            raise TransportError(problem, needs_person=True) from None
        except (OSError, HTTPException) as error:
            raise no_answer(error, request) from None

    def _warn(self, sentence: str) -> None:
        if sentence not in self._warned:
            self._warned.add(sentence)
            _log.warning("%s", sentence)


class _LookUpImpossible(Exception):
    """Slack will not let us look; private to this module, never raised out of it."""


def slack_notifier(token: str, base_url: str = DEFAULT_BASE_URL, timeout: int = 10) -> SlackNotifier:
    """
    Args:
        token: of the app's bot (`xoxb-…`), with the scope `chat:write`; `chat:write.public` to post where it is
            not a member; `channels:read`, `channels:history` (and `groups:…`, `im:…`) to look up lost answers.
        base_url: as `slack_sdk` takes it.
        timeout: seconds to connect, and to wait for an answer.
    """
    return SlackNotifier(slack_client(token, base_url, timeout))


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


def _still_unknown(trouble: TransportError) -> TransportError:
    """The same trouble while looking up: whatever kept us from looking, the message's fate is still open."""
    return TransportError(
        str(trouble), needs_person=trouble.needs_person, fate_unknown=True, retry_after=trouble.retry_after
    )


def _without(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key != name}
