"""What the stand-in saw: calls, messages, edits."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from incident_ops_tests.fake_slack.troubles import Trouble

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request, and Slack's answer to it (None when it was not handled)."""

    method: str
    body: Json
    at: datetime
    answer: Json | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True, kw_only=True)
class FakeMessage:
    """A message as it stands now."""

    channel: str
    channel_name: str
    ts: str
    text: str
    blocks: list[Json]
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: Json | None = None
    edits: int = 0

    @property
    def key(self) -> str | None:
        """The delivery's key from the metadata."""
        return ((self.metadata or {}).get("event_payload") or {}).get("key")

    @property
    def headline(self) -> str:
        """Text of the header block, else the first line of the text."""
        headers = [block["text"]["text"] for block in self.blocks if block["type"] == "header"]
        return headers[0] if headers else self.text.split("\n", 1)[0]

    @property
    def content(self) -> str:
        """Everything that is shown, as JSON without escapes, for `in`."""
        return json.dumps([self.text, self.blocks], ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A `chat.update` that took effect; `message` is the message after it."""

    message: FakeMessage
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Whisper:
    """What one person alone was shown. Of an answer to a `response_url` Slack knows whose it is; we do not."""

    channel: str
    user: str
    text: str
    blocks: list[Json]

    @property
    def content(self) -> str:
        return json.dumps([self.text, self.blocks], ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class FakeView:
    """A window that was opened."""

    id: str
    trigger: str
    view: Json


def as_json(message: FakeMessage, *, with_metadata: bool) -> Json:
    shown: Json = {"type": "message", "ts": message.ts, "text": message.text, "blocks": message.blocks}
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    if message.broadcast:
        shown["subtype"] = "thread_broadcast"
    if with_metadata and message.metadata:
        shown["metadata"] = message.metadata
    return shown
