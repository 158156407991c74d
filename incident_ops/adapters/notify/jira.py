"""Jira as a sink: one issue an incident, and one for every message of its own, such as a follow-up task.

The REST API's version 2, since a data centre has no other and the cloud has it too; text in it is wiki markup.
All text from outside stands in `{noformat}`, where Jira reads no markup, no mention and no link: backslashes, the
other way, are not read alike by all versions. Only our own links are links. Limits: 255 characters for a summary
and a label, 32,767 for a description and a comment (`jira.text.field.character.limit`).
"""

import hashlib
import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from incident_ops.adapters.notify.alert_keys import is_post
from incident_ops.adapters.notify.http import Answer, Api, basic, host_of
from incident_ops.adapters.notify.http_outcomes import Sink
from incident_ops.adapters.notify.plain import clean, render_lines
from incident_ops.adapters.notify.shortened import bounded, short, short_line, web_links
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Message
from incident_ops.core.routing import Destination

LONGEST_SUMMARY, LONGEST_LABEL, LONGEST_TEXT = 255, 255, 30_000
COMMENTS_LOOKED_AT = 100

_REMEDIES = {
    401: "the token is not accepted; make a new one, and with an Atlassian account write whose it is as user",
    403: "the token's user may not do this; give it the project's right, or answer Jira's captcha once",
    404: "there is no Jira at this address, or the token's user may see nothing; check url, user and project",
    405: "there is no Jira at this address; check the url",
    410: "this Jira has no such search any more; write the user of the token if it is in the cloud",
}
_GONE = "the issue is gone, or the token's user may not see it any more"
_OUR_OWN_FAULT = frozenset({"summary", "description"})
_NOT_IN_A_LABEL = re.compile(r"[^A-Za-z0-9_.\-]+")
_NOT_IN_A_LINK = re.compile(r"[^\w .,\-]+")
_MARKUP = re.compile(r"\{(?=\s{0,9}noformat)|\[(?=~|[^\]|\n]{0,200}\|)", re.IGNORECASE)
_ZERO_WIDTH = "\u200b"


class JiraNotifier:
    """Notifier with `CanUpdate`, `CanReply`, `CanLookUp` and `CanCheck`. Receipts hold the project and the issue's
    key (`OPS-12`), those of replies the comment's id.

    The incident's issue has the label `incident_ops-<origin>-INC-7`, by which it is found when an answer was lost.
    Jira's cloud needs a moment to find what was just made, commonly less than the outbox waits. Edits change
    summary and description, replies are comments. No issue is ever moved to another status: workflows are the
    project's own, and whether the work is done when the incident is over is for people to say; the description
    tells the incident's status. A message of its own, such as a follow-up task (`INC-7:follow-up:…`), is an issue
    with a label of its own.

    Args:
        receiver: its name in the configuration.
        url: of the site, `https://acme.atlassian.net`.
        token: of `user` in the cloud (basic authentication); without a user a personal access token of a data
            centre (bearer).
        project: its key.
        issue_type: its name.
        origin: `<environment>/<installation id>`.
        timeout: seconds to connect, and to wait for an answer.
    """

    kind: str = "jira"

    def __init__(
        self,
        *,
        receiver: str,
        url: str,
        token: str,
        user: str | None,
        project: str,
        issue_type: str,
        origin: str,
        timeout: float = 10,
    ) -> None:
        self._project, self._issue_type, self._origin = project, issue_type, origin
        self._search = "search/jql" if user else "search"
        self._name = f"Jira (receiver {receiver})"
        self._api = Api(
            sink=Sink(name=self._name, host=host_of(url), remedies=_REMEDIES),
            url=f"{url.rstrip('/')}/rest/api/2",
            authorization=basic(user, token) if user else f"Bearer {token}",
            timeout=timeout,
            said=_said,
        )

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        labels = ["incident_ops", label_of(key, self._origin)]
        if message.about is not None:
            labels.append(message.about.id)
        fields = {
            "project": {"key": self._project},
            "issuetype": {"name": self._issue_type},
            "labels": labels,
            **fields_of(message),
        }
        what = f"the issue {labels[1]}"
        answer = self._api.ask("POST", "/issue", what=what, value={"fields": fields}, adds=True, also=(400,))
        if answer.status == 400:
            raise self._refused_issue(answer)
        return Receipt(channel=self._project, message=self._told(answer.json, "key", what))

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None:
        value = {"fields": fields_of(message)}
        self._api.ask("PUT", _issue(receipt), what=f"the change of {receipt.message}", value=value, gone=_GONE)

    def reply(self, thread: Receipt, text: str, *, key: str, broadcast: bool) -> Receipt:
        what = f"a comment on {thread.message}"
        value = {"body": f"{literal(text)}\n{signature_of(key)}"}
        path = f"{_issue(thread)}/comment"
        comment = self._api.ask_json("POST", path, what=what, value=value, adds=True, gone=_GONE)
        return Receipt(channel=thread.channel, message=self._told(comment, "id", what))

    def look_up(
        self, destination: Destination, key: str, *, thread: Receipt | None, since: datetime
    ) -> Receipt | None:
        try:
            return self._issue_with(key) if thread is None else self._comment_with(thread, key)
        except TransportError as error:
            error.fate_unknown = True
            raise

    def check(self, destination: Destination) -> None:
        """Asks for the project, its types of issues, and the right to create one."""
        project = self._api.ask(
            "GET", f"/project/{quote(self._project, safe='')}", what="its project", also=(404,)
        )
        if project.status == 404 or not isinstance(project.json, dict):
            problem = f"{self._name} shows no project {self._project}"
            raise TransportError(f"{problem}; check project, url, and what the user may see", needs_person=True)
        listed = project.json.get("issueTypes") or ()
        types = [str(each.get("name")) for each in listed if isinstance(each, dict)]
        if types and self._issue_type not in types:
            problem = f"{self._name}: the project {self._project} has no issue type {self._issue_type}"
            known = short_line(", ".join(types), 200)
            raise TransportError(f"{problem}; set issue_type to one of {known}", needs_person=True)
        asked = [("projectKey", self._project), ("permissions", "CREATE_ISSUES")]
        rights = self._api.ask_json("GET", "/mypermissions", what="its rights", query=asked)
        if '"havePermission":false' in json.dumps(rights, separators=(",", ":")):  # only one was asked for
            problem = f"{self._name}: the token's user may not create issues in {self._project}"
            raise TransportError(f"{problem}; give it that right", needs_person=True)

    # ---- what answers say

    def _issue_with(self, key: str) -> Receipt | None:
        label = label_of(key, self._origin)
        query = [
            ("jql", f'project = "{_in_quotes(self._project)}" AND labels = "{label}"'),
            ("fields", "summary"),
            ("maxResults", "1"),
        ]
        what = f"the search for {label}"
        found = self._api.ask_json("GET", f"/{self._search}", what=what, query=query)
        issues = found.get("issues") if isinstance(found, dict) else None
        if not isinstance(issues, list):
            raise TransportError(f"{self._name} answered {what} with something that cannot be read")
        return Receipt(channel=self._project, message=self._told(issues[0], "key", what)) if issues else None

    def _comment_with(self, thread: Receipt, key: str) -> Receipt | None:
        what = f"the question for comments on {thread.message}"
        query = [("orderBy", "-created"), ("maxResults", str(COMMENTS_LOOKED_AT))]
        page = self._api.ask_json("GET", f"{_issue(thread)}/comment", what=what, query=query, gone=_GONE)
        signature = signature_of(key)
        for comment in (page.get("comments") or ()) if isinstance(page, dict) else ():
            if isinstance(comment, dict) and signature in str(comment.get("body")):
                return Receipt(channel=thread.channel, message=self._told(comment, "id", what))
        return None

    def _told(self, value: Any, name: str, what: str) -> str:
        told = value.get(name) if isinstance(value, dict) else None
        if not told:
            problem = f"{self._name} answered {what} with something that cannot be read"
            raise TransportError(f"{problem}; check the url and the proxy", fate_unknown=True)
        return str(told)

    def _refused_issue(self, answer: Answer) -> TransportError:
        """A field that the project asks for, or has not, is for a person to mend; what we wrote is not."""
        errors = answer.json.get("errors") if isinstance(answer.json, dict) else None
        fields = set(errors) if isinstance(errors, dict) else set[str]()
        problem = f"{self._name} refused the issue (HTTP 400): {self._api.words(answer) or 'without a reason'}"
        if fields - _OUR_OWN_FAULT:
            remedy = f"check project {self._project}, issue_type {self._issue_type} and the fields of its screen"
            return TransportError(f"{problem}; {remedy}", needs_person=True)
        return TransportError(problem, permanent=True)


def label_of(key: str, origin: str) -> str:
    """The label of the issue that a delivery with this key makes: its incident's for a post, else its own."""
    if is_post(key):
        return _NOT_IN_A_LABEL.sub("_", f"incident_ops-{origin}-{key.partition(':')[0]}")[:LONGEST_LABEL]
    name = _NOT_IN_A_LABEL.sub("_", f"incident_ops-{origin}-{key}")
    return f"{name[: LONGEST_LABEL - 13]}-{_digest(key)}"


def fields_of(message: Message) -> dict[str, str]:
    """Summary and description. Pure."""
    links = [
        f"[{_NOT_IN_A_LINK.sub(' ', link.label).strip() or 'link'}|{quote(link.url, safe=_URL_SAFE)}]"
        for link in web_links(message.links, 10)
    ]
    text = literal(render_lines(replace(bounded(message), links=())), LONGEST_TEXT - sum(map(len, links)))
    return {
        "summary": short_line(harmless(message.headline[: 4 * LONGEST_SUMMARY]), LONGEST_SUMMARY)
        or "incident_ops",
        "description": "\n".join((text, " ".join(links))),
    }


_URL_SAFE = "%:/?#@!$&'()*+,;=~"  # all that a URL may hold but square brackets, which end a link


def literal(text: str, limit: int = LONGEST_TEXT) -> str:
    """Text that Jira shows as it is: at most `limit` characters of it."""
    return f"{{noformat}}\n{short(harmless(text[: 4 * limit]), limit)}\n{{noformat}}"


def harmless(text: str) -> str:
    """Text without an end of the fence, a mention or a link with a label. Summaries have no markup, but are passed
    on to places that have."""
    return _MARKUP.sub(lambda found: found[0] + _ZERO_WIDTH, clean(text))


def signature_of(key: str) -> str:
    """The last line of a comment of ours, by which it is found again."""
    return f"incident_ops {_digest(key)}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _issue(receipt: Receipt) -> str:
    return f"/issue/{quote(receipt.message, safe='')}"


def _in_quotes(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _said(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    messages, errors = body.get("errorMessages") or [], body.get("errors") or {}
    named = [f"{field}: {why}" for field, why in errors.items()] if isinstance(errors, dict) else []
    return "; ".join([*map(str, messages if isinstance(messages, list) else []), *named])
