"""The stand-in itself: it checks a request as Slack would, keeps what it was told, and answers."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Self

from incident_ops_tests.fake_slack.http import Server, handler_of
from incident_ops_tests.fake_slack.records import Call, Edit, FakeMessage, FakeView, Json, Whisper, as_json
from incident_ops_tests.fake_slack.rules import (
    Refusal,
    content_of,
    is_true,
    metadata_of,
    page_of,
)
from incident_ops_tests.fake_slack.troubles import Trouble
from incident_ops_tests.fake_slack.view_rules import view_of
from incident_ops_tests.fake_slack.workspace import (
    ANY_CHANNEL,
    BOT,
    WORKSPACE_METHODS,
    FakeChannel,
    FakeUser,
    Workspace,
)

ANSWERS = "answers"
"""Path of the `response_url`s, beside `/api/`."""

_SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "conversations.list": "channels:read",
    "conversations.open": "im:write",
    "conversations.info": "channels:read",
    "conversations.create": "channels:manage",
    "conversations.invite": "channels:manage",
    "conversations.setTopic": "channels:manage",
    "conversations.join": "channels:join",
    "chat.postEphemeral": "chat:write",
    "users.lookupByEmail": "users:read.email",
    "users.info": "users:read",
}


# --- the server -----------------------------------------------------------------------------------------------


class FakeSlack:
    """Slack, on 127.0.0.1.

    Args:
        token: the only one that is accepted.
        channels: those that exist, by name where all about them is ordinary; `*` for any name.
        users: e-mail → user id; with the channel `*` any user id can be written to.
        people: more users, of whom more is to be said.
        scopes: of the token; None means all, and that `auth.test` names none.
        clock: for the messages' `ts`.
    """

    def __init__(
        self,
        *,
        token: str = "xoxb-fake",
        channels: Iterable[str | FakeChannel] = (ANY_CHANNEL,),
        users: Mapping[str, str] | None = None,
        people: Iterable[FakeUser] = (),
        scopes: Collection[str] | None = None,
        port: int = 0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.token = token
        self.workspace = Workspace(channels, users or {}, people)
        self._scopes = scopes
        self._clock = clock
        self._log = log
        self._lock = threading.RLock()
        self._messages: dict[tuple[str, str], FakeMessage] = {}
        self._calls: list[Call] = []
        self._edits: list[Edit] = []
        self._whispers: list[Whisper] = []
        self._views: list[FakeView] = []
        self._triggers: set[str] = set()
        self._troubles: list[tuple[str | None, Trouble]] = []
        self._down: tuple[str | None, Trouble] | None = None
        self._nth: tuple[int, Trouble] | None = None
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

    def every(self, nth: int, trouble: Trouble) -> None:
        """Each `nth` request from the first on meets the trouble, whatever it is, until `up()`."""
        with self._lock:
            self._nth = (nth, trouble)

    def up(self) -> None:
        with self._lock:
            self._down = self._nth = None

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

    @property
    def whispers(self) -> list[Whisper]:
        """What single people were shown, by `chat.postEphemeral` or a `response_url`."""
        with self._lock:
            return list(self._whispers)

    @property
    def views(self) -> list[FakeView]:
        """The windows that were opened."""
        with self._lock:
            return list(self._views)

    def channel(self, name: str) -> FakeChannel:
        """By its name, with or without #."""
        wanted = name.removeprefix("#")
        return next(one for one in self.workspace.channels.values() if wanted in (one.id, one.name))

    # what people do

    def trigger(self) -> str:
        """A new `trigger_id`: it opens one window."""
        with self._lock:
            self._triggers.add(f"{len(self._triggers) + 1}.0.fake")
            return f"{len(self._triggers)}.0.fake"

    @property
    def response_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{ANSWERS}/T0FAKE/1/secret"

    # answering

    def answer(
        self, method: str, body: Json, token: str | None, *, path: str = ""
    ) -> tuple[Json | None, Trouble | None]:
        """Handle a request as far as its trouble allows; called by the HTTP handler."""
        method = ANSWERS if path.startswith(f"/{ANSWERS}/") else method
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
        if self._nth and len(self._calls) % self._nth[0] == self._nth[0] - 1:
            return self._nth[1]
        return None

    def headers_of(self, method: str) -> Mapping[str, str]:
        """Slack names the token's scopes with every answer."""
        return {"x-oauth-scopes": ",".join(sorted(self._scopes))} if self._scopes is not None else {}

    def _handle(self, method: str, body: Json, token: str | None) -> Json:
        try:
            if method == ANSWERS:
                return {"ok": True, **self._take_answer(body, token)}
            if method not in _METHODS and method not in WORKSPACE_METHODS:
                raise Refusal("unknown_method", req_method=method)
            if not token:
                raise Refusal("not_authed")
            if token != self.token:
                raise Refusal("invalid_auth")
            needed = _SCOPES.get(method)
            if self._scopes is not None and needed and needed not in self._scopes:
                raise Refusal("missing_scope", needed=needed, provided=",".join(sorted(self._scopes)))
            if method in WORKSPACE_METHODS:
                return {"ok": True, **WORKSPACE_METHODS[method](self.workspace, body)}
            return {"ok": True, **_METHODS[method](self, body)}
        except Refusal as refusal:
            return refusal.answer

    def _auth_test(self, body: Json) -> Json:
        return {
            "url": "https://fake.slack.com/",
            "team": "fake",
            "user": "incident_ops",
            "team_id": "T0FAKE",
            "user_id": BOT,
            "bot_id": "B0FAKE",
        }

    def _post_message(self, body: Json) -> Json:
        place = self.workspace.channel_of(str(body.get("channel", "")))
        self._insist_on_access(place)
        channel = place.id
        text, blocks = content_of(body)
        thread_ts = body.get("thread_ts")
        if thread_ts is not None and (channel, str(thread_ts)) not in self._messages:
            raise Refusal("thread_not_found")
        message = FakeMessage(
            channel=channel,
            channel_name=place.name,
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
        if channel not in self.workspace.channels:
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
        channel = self.workspace.known(body).id
        shown = [m for m in self.messages if m.channel == channel and (m.thread_ts is None or m.broadcast)]
        return self._page_of_messages(body, list(reversed(shown)), most=999)

    def _replies(self, body: Json) -> Json:
        channel, ts = self.workspace.known(body).id, str(body.get("ts", ""))
        if (channel, ts) not in self._messages:
            raise Refusal("thread_not_found")
        parent = self._messages[channel, ts]
        return self._page_of_messages(body, self.replies(ts), most=999, first=[parent])

    def _insist_on_access(self, channel: FakeChannel) -> None:
        if channel.is_archived:
            raise Refusal("is_archived")
        may_post_anywhere = self._scopes is None or "chat:write.public" in self._scopes
        if BOT not in channel.members and (channel.is_private or not may_post_anywhere):
            raise Refusal("channel_not_found" if channel.is_private else "not_in_channel")

    def _whisper(self, body: Json) -> Json:
        channel, user = self.workspace.known(body), str(body.get("user", ""))
        self._insist_on_access(channel)
        if user not in self.workspace.users:
            raise Refusal("user_not_in_channel")
        text, blocks = content_of(body)
        self._whispers.append(Whisper(channel=channel.id, user=user, text=text, blocks=blocks or []))
        return {"message_ts": self._new_ts()}

    def _take_answer(self, body: Json, token: str | None) -> Json:
        """A post to a `response_url`, which needs no token and must not get one."""
        if token:
            raise Refusal("a token was sent where none belongs")
        text, blocks = content_of(body)
        self._whispers.append(Whisper(channel="", user="", text=text, blocks=blocks or []))
        return {}

    def _open_view(self, body: Json) -> Json:
        trigger = str(body.get("trigger_id", ""))
        if trigger not in self._triggers:
            raise Refusal("invalid_trigger_id")
        view = FakeView(id=f"V{len(self._views) + 1:05d}", trigger=trigger, view=view_of(body.get("view")))
        if any(trigger == other.trigger for other in self._views):
            raise Refusal("exchanged_trigger_id")
        self._views.append(view)
        return {"view": {**view.view, "id": view.id}}

    def _update_view(self, body: Json) -> Json:
        for index, view in enumerate(self._views):
            if view.id == body.get("view_id"):
                self._views[index] = replace(view, view=view_of(body.get("view")))
                return {"view": {**self._views[index].view, "id": view.id}}
        raise Refusal("not_found")

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

    def _new_ts(self) -> str:
        self._last_ts = max(int(self._clock().timestamp() * 1_000_000), self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"


_METHODS: dict[str, Callable[[FakeSlack, Json], Json]] = {
    "auth.test": FakeSlack._auth_test,
    "chat.postMessage": FakeSlack._post_message,
    "chat.update": FakeSlack._update,
    "conversations.history": FakeSlack._history,
    "conversations.replies": FakeSlack._replies,
    "chat.postEphemeral": FakeSlack._whisper,
    "views.open": FakeSlack._open_view,
    "views.update": FakeSlack._update_view,
}
