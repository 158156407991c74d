"""The stand-in itself: it checks a request as Slack would, keeps what it was told, and answers."""

import hashlib
import re
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Self

from incident_ops_tests.fake_slack.http import Server, handler_of
from incident_ops_tests.fake_slack.records import Call, Edit, FakeMessage, Json, as_json
from incident_ops_tests.fake_slack.rules import (
    Refusal,
    content_of,
    is_true,
    metadata_of,
    page_of,
)
from incident_ops_tests.fake_slack.troubles import Trouble

ANY_CHANNEL = "*"

_SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "conversations.list": "channels:read",
    "conversations.open": "im:write",
    "users.lookupByEmail": "users:read.email",
}


# --- the server -----------------------------------------------------------------------------------------------


class FakeSlack:
    """Slack, on 127.0.0.1.

    Args:
        token: the only one that is accepted.
        channels: names of the channels that exist, `*` for any name.
        users: e-mail → user id; with the channel `*` any user id can be written to.
        scopes: of the token; None means all.
        clock: for the messages' `ts`.
    """

    def __init__(
        self,
        *,
        token: str = "xoxb-fake",
        channels: Iterable[str] = (ANY_CHANNEL,),
        users: Mapping[str, str] | None = None,
        scopes: Collection[str] | None = None,
        port: int = 0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.token = token
        self._users = dict(users or {})
        self._scopes = scopes
        self._clock = clock
        self._log = log
        self._lock = threading.RLock()
        names = [name.removeprefix("#") for name in channels]
        self._any_channel = ANY_CHANNEL in names
        self._channels = {channel_id(name): name for name in names if name != ANY_CHANNEL}
        self._messages: dict[tuple[str, str], FakeMessage] = {}
        self._calls: list[Call] = []
        self._edits: list[Edit] = []
        self._troubles: list[tuple[str | None, Trouble]] = []
        self._down: tuple[str | None, Trouble] | None = None
        self._hanging: list[Trouble] = []
        self._last_ts = 0
        self._server = Server(("127.0.0.1", port), handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/api/"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        with self._lock:
            hanging = [*self._hanging, *(trouble for _, trouble in self._troubles)]
        for trouble in hanging:
            trouble.release()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    # what goes wrong

    def next(self, *troubles: Trouble, method: str | None = None) -> None:
        """The next requests (of one method, if given) meet these troubles, one each, in order."""
        with self._lock:
            self._troubles.extend((method, trouble) for trouble in troubles)

    def down(self, trouble: Trouble, *, method: str | None = None) -> None:
        """Every request (of one method, if given) meets the trouble, until `up()`."""
        with self._lock:
            self._down = (method, trouble)

    def up(self) -> None:
        with self._lock:
            self._down = None

    # what was seen

    @property
    def calls(self) -> list[Call]:
        with self._lock:
            return list(self._calls)

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    @property
    def messages(self) -> list[FakeMessage]:
        """All of them, replies included, in the order of their `ts`."""
        with self._lock:
            return list(self._messages.values())

    def posts(self, channel: str | None = None) -> list[FakeMessage]:
        """Messages that are no replies; `channel` is a name (with or without #) or an id."""
        posts = [message for message in self.messages if message.thread_ts is None]
        if channel is None:
            return posts
        wanted = channel.removeprefix("#")
        return [post for post in posts if wanted in (post.channel, post.channel_name)]

    def replies(self, ts: str) -> list[FakeMessage]:
        return [message for message in self.messages if message.thread_ts == ts]

    @property
    def edits(self) -> list[Edit]:
        with self._lock:
            return list(self._edits)

    # answering

    def answer(self, method: str, body: Json, token: str | None) -> tuple[Json | None, Trouble | None]:
        """Handle a request as far as its trouble allows; called by the HTTP handler."""
        with self._lock:
            trouble = self._trouble_for(method)
            answer = None if trouble and not trouble.handled else self._handle(method, body, token)
            self._calls.append(Call(method=method, body=body, at=self._clock(), answer=answer, trouble=trouble))
            if trouble and trouble.released:
                self._hanging.append(trouble)
        if self._log:
            said = "trouble" if answer is None else "ok" if answer.get("ok") else answer.get("error")
            self._log(f"{method} {body.get('channel', '')} {str(body.get('text', ''))[:100]!r} → {said}")
        return answer, trouble

    def _trouble_for(self, method: str) -> Trouble | None:
        for index, (wanted, trouble) in enumerate(self._troubles):
            if wanted in (None, method):
                del self._troubles[index]
                return trouble
        if self._down and self._down[0] in (None, method):
            return self._down[1]
        return None

    def _handle(self, method: str, body: Json, token: str | None) -> Json:
        try:
            if method not in _METHODS:
                raise Refusal("unknown_method", req_method=method)
            if not token:
                raise Refusal("not_authed")
            if token != self.token:
                raise Refusal("invalid_auth")
            needed = _SCOPES.get(method)
            if self._scopes is not None and needed and needed not in self._scopes:
                raise Refusal("missing_scope", needed=needed, provided=",".join(sorted(self._scopes)))
            return {"ok": True, **_METHODS[method](self, body)}
        except Refusal as refusal:
            return refusal.answer

    def _auth_test(self, body: Json) -> Json:
        return {
            "url": "https://fake.slack.com/",
            "team": "fake",
            "user": "incident_ops",
            "team_id": "T0FAKE",
            "user_id": "U0FAKE",
            "bot_id": "B0FAKE",
        }

    def _post_message(self, body: Json) -> Json:
        channel = self._channel(str(body.get("channel", "")))
        text, blocks = content_of(body)
        thread_ts = body.get("thread_ts")
        if thread_ts is not None and (channel, str(thread_ts)) not in self._messages:
            raise Refusal("thread_not_found")
        message = FakeMessage(
            channel=channel,
            channel_name=self._channels[channel],
            ts=self._new_ts(),
            text=text,
            blocks=blocks or [],
            thread_ts=thread_ts,
            broadcast=bool(thread_ts) and is_true(body.get("reply_broadcast")),
            metadata=metadata_of(body.get("metadata")),
        )
        self._messages[channel, message.ts] = message
        return {"channel": channel, "ts": message.ts, "message": as_json(message, with_metadata=True)}

    def _update(self, body: Json) -> Json:
        channel, ts = str(body.get("channel", "")), str(body.get("ts", ""))
        if channel not in self._channels:
            raise Refusal("channel_not_found")
        if (channel, ts) not in self._messages:
            raise Refusal("message_not_found")
        text, blocks = content_of(body)
        old = self._messages[channel, ts]
        message = replace(
            old,
            text=text,
            blocks=old.blocks if blocks is None else blocks,
            metadata=metadata_of(body["metadata"]) if "metadata" in body else old.metadata,
            edits=old.edits + 1,
        )
        self._messages[channel, ts] = message
        self._edits.append(Edit(message=message, at=self._clock()))
        return {"channel": channel, "ts": ts, "text": text}

    def _history(self, body: Json) -> Json:
        channel = self._known_id(body)
        shown = [m for m in self.messages if m.channel == channel and (m.thread_ts is None or m.broadcast)]
        return self._page_of_messages(body, list(reversed(shown)), most=999)

    def _replies(self, body: Json) -> Json:
        channel, ts = self._known_id(body), str(body.get("ts", ""))
        if (channel, ts) not in self._messages:
            raise Refusal("thread_not_found")
        parent = self._messages[channel, ts]
        return self._page_of_messages(body, self.replies(ts), most=999, first=[parent])

    def _list(self, body: Json) -> Json:
        channels = [{"id": id_, "name": name} for id_, name in self._channels.items() if id_.startswith("C")]
        page, cursor = page_of(body, channels, most=1000)
        return {"channels": page, "response_metadata": {"next_cursor": cursor}}

    def _open(self, body: Json) -> Json:
        return {"channel": {"id": self._channel(str(body.get("users", "")))}}

    def _lookup_by_email(self, body: Json) -> Json:
        email = str(body.get("email", ""))
        if email not in self._users:
            raise Refusal("users_not_found")
        return {"user": {"id": self._users[email], "profile": {"email": email}}}

    def _page_of_messages(
        self, body: Json, messages: list[FakeMessage], *, most: int, first: Iterable[FakeMessage] = ()
    ) -> Json:
        oldest, latest = float(body.get("oldest") or 0), float(body.get("latest") or "inf")
        kept = [*first, *(message for message in messages if oldest <= float(message.ts) <= latest)]
        page, cursor = page_of(body, kept, most=most)
        with_metadata = is_true(body.get("include_all_metadata"))
        return {
            "messages": [as_json(message, with_metadata=with_metadata) for message in page],
            "has_more": bool(cursor),
            "response_metadata": {"next_cursor": cursor},
        }

    def _channel(self, address: str) -> str:
        """The id for what `chat.postMessage` takes as a channel: a name, an id, a user's id."""
        if address in self._channels:
            return address
        if re.fullmatch(r"[UW][A-Z0-9]+", address):
            if not self._any_channel and address not in self._users.values():
                raise Refusal("channel_not_found")
            direct = f"D{channel_id(address)[1:]}"
            self._channels[direct] = address
            return direct
        if self._any_channel and re.fullmatch(r"[CGD][A-Z0-9]+", address):
            self._channels[address] = address
            return address
        name = address.removeprefix("#")
        if channel_id(name) not in self._channels:
            if not self._any_channel or not name:
                raise Refusal("channel_not_found")
            self._channels[channel_id(name)] = name
        return channel_id(name)

    def _known_id(self, body: Json) -> str:
        """Reading methods take ids only: `#name` is not found."""
        if body.get("channel") not in self._channels:
            raise Refusal("channel_not_found")
        return str(body["channel"])

    def _new_ts(self) -> str:
        self._last_ts = max(int(self._clock().timestamp() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"


def channel_id(name: str) -> str:
    """The id that a channel's name has here."""
    return f"C{hashlib.sha256(name.encode()).hexdigest()[:10].upper()}"


_METHODS: dict[str, Callable[[FakeSlack, Json], Json]] = {
    "auth.test": FakeSlack._auth_test,
    "chat.postMessage": FakeSlack._post_message,
    "chat.update": FakeSlack._update,
    "conversations.history": FakeSlack._history,
    "conversations.replies": FakeSlack._replies,
    "conversations.list": FakeSlack._list,
    "conversations.open": FakeSlack._open,
    "users.lookupByEmail": FakeSlack._lookup_by_email,
}
