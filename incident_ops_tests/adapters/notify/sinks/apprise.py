"""Apprise, with its plugin for JSON, and with the one for Teams (Workflows), which insists on TLS."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from incident_ops.adapters.notify.apprise import AppriseNotifier
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify.certificates import authority
from incident_ops_tests.adapters.notify.local_server import (
    Answer,
    LocalServer,
    Request,
    http_failures,
    json_answer,
)
from incident_ops_tests.adapters.notify.sinks import Failure, Opening, Sink

PASSWORD, SIGNATURE = "pa55word-of-the-hook", "s1gnature-of-the-workflow"
LONGEST_BODY, LONGEST_TITLE, LONGEST_CARD = 32_768, 250, 1_000


class Posts:
    """What a service shows, and which headline each has. It refuses what is longer than its plugin says that it
    takes."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self._titles: list[str] = []

    def first(self) -> list[str]:
        """Those that are the first with their headline."""
        return [text for n, text in enumerate(self.shown) if self._titles[n] not in self._titles[:n]]

    def after(self, headline: str) -> list[str]:
        """Those that come back to a message with this headline."""
        return [text for title, text in zip(self._titles, self.shown, strict=True) if title == headline][1:]

    def _show(self, title: str, text: str) -> None:
        self._titles.append(title)
        self.shown.append(text)

    def json(self, request: Request) -> Answer:
        value = request.json
        if len(value["message"]) > LONGEST_BODY or len(value["title"]) > LONGEST_TITLE or not value["message"]:
            return json_answer({}, 413)
        self._show(value["title"], f"{value['title']}\n{value['message']}")
        return Answer()

    def card(self, request: Request) -> Answer:
        (attachment,) = request.json["attachments"]
        blocks = attachment["content"]["body"]
        if max(len(block.get("text", "")) for block in blocks) > LONGEST_CARD:
            return json_answer({}, 413)
        [title] = [block["text"] for block in blocks if block.get("id") == "title"]
        self._show(title, json.dumps(attachment["content"], ensure_ascii=False))
        return Answer(status=202)


def at(url: str, timeout: float = 5.0) -> AppriseNotifier:
    scheme, _, place = url.partition("://")
    kind = "jsons" if scheme == "https" else "json"
    return AppriseNotifier(receiver="hook", url=f"{kind}://incidents:{PASSWORD}@{place}/hook", timeout=timeout)


@contextmanager
def to_json() -> Iterator[Sink]:
    posts = Posts()
    with LocalServer(posts.json) as server:
        yield _sink(at(server.url), posts, server, http_failures(server, at, without=(Failure.RATE_LIMITED,)))


@contextmanager
def to_teams() -> Iterator[Sink]:
    posts = Posts()
    with pytest.MonkeyPatch.context() as patched, LocalServer(posts.card, certificate_of="127.0.0.1") as server:
        patched.setenv("REQUESTS_CA_BUNDLE", str(authority()))

        def teams(url: str, timeout: float = 5.0) -> AppriseNotifier:
            place = url.partition("://")[2]
            return AppriseNotifier(
                receiver="hook", url=f"workflows://{place}/w0rkflow/{SIGNATURE}", timeout=timeout
            )

        failures = http_failures(server, teams, without=(Failure.RATE_LIMITED,))
        yield _sink(teams(server.url), posts, server, failures)


def _sink(notifier: AppriseNotifier, posts: Posts, server: LocalServer, failing: Mapping) -> Sink:
    return Sink(
        notifier=notifier,
        destination=Destination(kind="apprise", address="hook"),
        posts=posts.first,
        replies=lambda message: posts.after(message.partition("\n")[2]),
        sent=server.sent,
        secrets=(PASSWORD, SIGNATURE),
        deduplicates=False,
        failing=failing,
    )


SINKS: dict[str, Opening] = {"apprise": to_json, "apprise to Teams": to_teams}
