"""Jira, in the cloud and of a data centre, on a stand-in that keeps issues and comments."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from incident_ops.adapters.notify.jira import JiraNotifier
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify.local_server import (
    Answer,
    LocalServer,
    Request,
    http_failures,
    json_answer,
)
from incident_ops_tests.adapters.notify.sinks import Opening, Sink

TOKEN = "ATATT3xFfGF0-very-secret"
USER = "erin@acme.test"
LONGEST_SUMMARY, LONGEST_TEXT = 255, 32_767


class Issues:
    """Issues of the project OPS, which has tasks and bugs. The cloud searches at `search/jql`, a data centre at
    `search`; neither knows the other's.

    Attributes:
        required: a field that the project asks for besides.
        may_create: whether the account has the right.
    """

    def __init__(self, *, cloud: bool) -> None:
        account = b64encode(f"{USER}:{TOKEN}".encode()).decode()
        self._authorization = f"Basic {account}" if cloud else f"Bearer {TOKEN}"
        self._search = "search/jql" if cloud else "search"
        self.issues: dict[str, dict[str, Any]] = {}
        self.required: str | None = None
        self.may_create = True
        self._ids = iter(range(10_000, 99_999))

    def answer(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        if request.headers.get("authorization") != self._authorization:
            return json_answer({"errorMessages": ["Client must be authenticated"]}, status=401)
        query = dict(parse_qsl(parts.query))
        steps = parts.path.removeprefix("/rest/api/2/").split("/")
        if parts.path == f"/rest/api/2/{self._search}":
            return self._found(query["jql"])
        if steps[0] == "project":
            return self._project(steps[1])
        if steps[0] == "mypermissions":
            return json_answer({"permissions": {"CREATE_ISSUES": {"havePermission": self.may_create}}})
        if steps == ["issue"]:
            return self._create(request.json["fields"])
        issue = self.issues.get(steps[1]) if steps[0] == "issue" else None
        if issue is None:
            return json_answer({"errorMessages": ["Issue does not exist"]}, status=404)
        if steps[2:] == ["comment"]:
            return self._comments(issue, request)
        wrong = _wrong(request.json["fields"])
        issue.update({} if wrong else request.json["fields"])
        return json_answer({"errors": wrong}, status=400) if wrong else Answer(status=204)

    def _project(self, name: str) -> Answer:
        if name != "OPS":
            return json_answer({"errorMessages": ["No project could be found"]}, status=404)
        return json_answer({"key": "OPS", "issueTypes": [{"name": "Task"}, {"name": "Bug"}]})

    def _create(self, fields: dict[str, Any]) -> Answer:
        wrong = _wrong(fields)
        if fields["project"] != {"key": "OPS"}:
            wrong["project"] = "valid project is required"
        if fields["issuetype"]["name"] not in ("Task", "Bug"):
            wrong["issuetype"] = "The issue type selected is invalid."
        if self.required and self.required not in fields:
            wrong[self.required] = f"{self.required} is required."
        if wrong:
            return json_answer({"errorMessages": [], "errors": wrong}, status=400)
        key = f"OPS-{len(self.issues) + 1}"
        self.issues[key] = {**fields, "comments": []}
        return json_answer({"id": str(next(self._ids)), "key": key}, status=201)

    def _found(self, jql: str) -> Answer:
        asked = re.fullmatch(r'project = "OPS" AND labels = "([A-Za-z0-9_.\-]+)"', jql)
        assert asked, f"a search that Jira would not understand: {jql}"
        keys = [key for key, issue in self.issues.items() if asked[1] in issue["labels"]]
        return json_answer({"issues": [{"key": key} for key in keys[:1]]})

    def _comments(self, issue: dict[str, Any], request: Request) -> Answer:
        if request.method == "GET":
            return json_answer({"comments": issue["comments"][::-1]})
        if len(request.json["body"]) > LONGEST_TEXT:
            return json_answer({"errors": {"comment": "too long"}}, status=400)
        comment = {"id": str(next(self._ids)), "body": request.json["body"]}
        issue["comments"].append(comment)
        return json_answer(comment, status=201)


def _wrong(fields: dict[str, Any]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    summary = fields["summary"]
    if not summary or len(summary) > LONGEST_SUMMARY or "\n" in summary:
        wrong["summary"] = "Summary must be one line of at most 255 characters."
    if len(fields["description"]) > LONGEST_TEXT:
        wrong["description"] = "The entered text is too long."
    if any(not label or " " in label or len(label) > 255 for label in fields.get("labels", ())):
        wrong["labels"] = "Labels must not have spaces."
    return wrong


def notifier_at(url: str, timeout: float = 5.0, *, user: str | None = USER, **other: str) -> JiraNotifier:
    settings = {"token": TOKEN, "project": "OPS", "issue_type": "Task"} | other
    return JiraNotifier(receiver="tasks", url=url, user=user, origin="prod eu/7f3a", timeout=timeout, **settings)


@contextmanager
def _sink(*, cloud: bool) -> Iterator[Sink]:
    stand_in = Issues(cloud=cloud)

    def make(url: str, timeout: float = 5.0) -> JiraNotifier:
        return notifier_at(url, timeout, user=USER if cloud else None)

    def posts() -> list[str]:
        return [json.dumps({**issue, "comments": []}, ensure_ascii=False) for issue in stand_in.issues.values()]

    with LocalServer(stand_in.answer) as server:
        yield Sink(
            notifier=make(server.url),
            destination=Destination(kind="jira", address="tasks"),
            posts=posts,
            replies=lambda key: [comment["body"] for comment in stand_in.issues[key]["comments"]],
            sent=server.sent,
            secrets=(TOKEN, b64encode(f"{USER}:{TOKEN}".encode()).decode()),
            deduplicates=False,
            failing=http_failures(server, make),
        )


def in_the_cloud() -> AbstractContextManager[Sink]:
    return _sink(cloud=True)


def in_a_data_centre() -> AbstractContextManager[Sink]:
    return _sink(cloud=False)


SINKS: dict[str, Opening] = {"jira": in_the_cloud, "jira of a data centre": in_a_data_centre}
