"""Jira: one issue an incident, found by its label; text that is no markup; and what a person has to mend."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from incident_ops.adapters.notify.jira import JiraNotifier, fields_of, label_of, literal
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Colour, bulletin, told
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.local_server import Answer, LocalServer, json_answer, unused_port
from incident_ops_tests.adapters.notify.sinks.jira import TOKEN, USER, Issues, notifier_at
from incident_ops_tests.builders import T0
from incident_ops_tests.fake_slack import dropped, lost_answer, rate_limited, server_error

POST = "INC-7:post:jira:tasks"
TASKS = Destination(kind="jira", address="tasks")
LABEL = "incident_ops-prod_eu_7f3a-INC-7"


@contextmanager
def site(*, cloud: bool = True) -> Iterator[tuple[Issues, LocalServer, JiraNotifier]]:
    issues = Issues(cloud=cloud)
    with LocalServer(issues.answer) as server:
        yield issues, server, notifier_at(server.url, user=USER if cloud else None)


def found(notifier: JiraNotifier, key: str, thread: Receipt | None = None, since: datetime = T0) -> Receipt | None:
    return notifier.look_up(TASKS, key, thread=thread, since=since)


# ---- issues and comments


@pytest.mark.parametrize("cloud", [True, False])
def test_an_incident_is_one_issue_that_is_edited_and_commented_on(cloud: bool) -> None:
    with site(cloud=cloud) as (issues, server, notifier):
        receipt = notifier.send(TASKS, messages.about(messages.TRIGGERED), key=POST)
        assert receipt == Receipt(channel="OPS", message="OPS-1")
        assert issues.issues["OPS-1"]["labels"] == ["incident_ops", LABEL, "INC-7"]
        notifier.update(receipt, messages.about(messages.OVER), key="INC-7:edit:r3")
        assert "resolved as fixed" in issues.issues["OPS-1"]["description"]
        reply = notifier.reply(receipt, "Acknowledged by erin", key="INC-7:reply:r2", broadcast=True)
        assert found(notifier, "INC-7:reply:r2", receipt) == reply
        assert found(notifier, "INC-7:reply:r3", receipt) is None
        assert found(notifier, POST) == receipt
        assert not [request for request in server.requests if "transition" in request.path]


def test_a_follow_up_task_is_an_issue_of_its_own() -> None:
    task = told(messages.TRIGGERED, "Add a test\nfor orders without a customer", colour=Colour.GREEN, links=())
    with site() as (issues, _, notifier):
        notifier.send(TASKS, messages.about(messages.TRIGGERED), key=POST)
        first = notifier.send(TASKS, task, key="INC-7:follow-up:1")
        second = notifier.send(TASKS, task, key="INC-7:follow-up:2")
        notifier.send(TASKS, bulletin("Your digest"), key="digest:x")
        assert len(issues.issues) == 4
        assert issues.issues[first.message]["summary"] == "Add a test"
        assert found(notifier, "INC-7:follow-up:1") == first
        assert found(notifier, "INC-7:follow-up:2") == second
        assert found(notifier, POST) == Receipt(channel="OPS", message="OPS-1")


@pytest.mark.parametrize("trouble", [lost_answer(), server_error(502, handled=True)])
def test_an_issue_whose_answer_was_lost_is_found_again(trouble: Any) -> None:
    with site() as (issues, server, notifier):
        server.next(trouble)
        with pytest.raises(TransportError) as caught:
            notifier.send(TASKS, messages.about(messages.TRIGGERED), key=POST)
        assert caught.value.fate_unknown
        assert found(notifier, POST) == Receipt(channel="OPS", message="OPS-1")
        assert len(issues.issues) == 1


@pytest.mark.parametrize("trouble", [dropped(), server_error(500), rate_limited(7), server_error(403)])
def test_a_look_up_that_fails_keeps_the_fate_open(trouble: Any) -> None:
    """Sent again without having looked, there would be two issues."""
    with site() as (_, server, notifier):
        receipt = notifier.send(TASKS, messages.about(messages.TRIGGERED), key=POST)
        for thread in (None, receipt):
            server.next(trouble)
            with pytest.raises(TransportError) as caught:
                found(notifier, POST, thread)
            assert caught.value.fate_unknown and not caught.value.permanent


def test_an_issue_that_is_gone_ends_its_edits_and_replies() -> None:
    with site() as (_, _, notifier):
        gone = Receipt(channel="OPS", message="OPS-99/../1")
        for ask in (
            lambda: notifier.update(gone, messages.PLAIN, key="e"),
            lambda: notifier.reply(gone, "x", key="r", broadcast=False),
        ):
            with pytest.raises(TransportError, match="the issue is gone") as caught:
                ask()
            assert caught.value.permanent


# ---- text


@pytest.mark.parametrize("name", messages.EVERY)
def test_every_issue_and_comment_is_within_the_limits(name: str) -> None:
    message = messages.EVERY[name]
    with site() as (issues, _, notifier):
        receipt = notifier.send(TASKS, message, key=POST)
        notifier.reply(receipt, (message.summary + message.detail) * 20, key="r", broadcast=False)
        (issue,) = issues.issues.values()
        assert len(issue["comments"]) == 1


@pytest.mark.parametrize("name", messages.EVERY)
def test_text_from_outside_stands_between_two_fences_and_nowhere_else(name: str) -> None:
    description = fields_of(messages.EVERY[name])["description"]
    before, inside, links = description.split("{noformat}")
    assert before == ""
    assert inside
    assert all(link.startswith("[") and link.endswith("]") for link in links.split())
    assert "evil.test" not in links and "javascript" not in links


@pytest.mark.parametrize("text", ["{noformat}", "{NoFormat:title=x}", "{ noformat }", "{{noformat}}", "{noformat"])
def test_no_text_can_end_the_fence(text: str) -> None:
    assert literal(f"a {text} *b* [~erin] b").lower().replace(" ", "").count("{noformat") == 2


@pytest.mark.parametrize(
    "text", ["[~erin]", "[~accountid:1]", "[here|http://evil.test]", "[\x00~erin]", "[[~erin]]"]
)
def test_no_mention_and_no_labelled_link_is_left_anywhere(text: str) -> None:
    """A summary has no markup in Jira, but goes on into mail and chat."""
    fields = fields_of(messages.make_message(headline=text, summary=text, detail=text, links=()))
    assert not re.search(r"\[~|\[here\|", "".join(fields.values()))


def test_brackets_without_meaning_stay_as_they_are() -> None:
    assert "list[int] {a: 1} [1, 2]" in literal("list[int] {a: 1} [1, 2]")


def test_a_label_has_no_spaces_and_is_its_owns() -> None:
    assert label_of(POST, "prod eu/7f3a") == LABEL
    assert label_of("INC-8:post:x", "prod eu/7f3a") != LABEL
    keys = [
        "INC-7:follow-up:1",
        "INC-7:follow-up:2",
        "INC-7:follow up:1",
        "INC-7:follow_up:1",
        f"d:{'x' * 400}",
        f"d:{'x' * 401}",
    ]
    labels = {label_of(key, "p/1") for key in keys}
    assert len(labels) == len(keys)
    assert all(len(label) <= 255 and " " not in label for label in labels)


# ---- what a person has to mend


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"project": "OPZ"}, "project OPZ"),
        ({"issue_type": "Epik"}, "issue_type Epik"),
        ({"token": "wrong"}, "make a new one"),
    ],
)
def test_a_wrong_setting_is_told_by_sending_and_by_checking(other: dict[str, str], words: str) -> None:
    with site() as (issues, server, _):
        notifier = notifier_at(server.url, 5.0, **other)
        with pytest.raises(TransportError, match=words) as caught:
            notifier.send(TASKS, messages.PLAIN, key=POST)
        assert caught.value.needs_person and not caught.value.permanent
        with pytest.raises(TransportError, match="receiver tasks") as caught:
            notifier.check(TASKS)
        assert caught.value.needs_person
        assert issues.issues == {}


def test_a_field_that_the_project_asks_for_is_named() -> None:
    with site() as (issues, _, notifier):
        issues.required = "customfield_10010"
        with pytest.raises(TransportError, match="customfield_10010 is required") as caught:
            notifier.send(TASKS, messages.PLAIN, key=POST)
        assert caught.value.needs_person


def test_what_we_wrote_wrong_is_final() -> None:
    def refusing(request: Any) -> Answer:
        return json_answer({"errors": {"summary": "no"}}, status=400)

    with LocalServer(refusing) as server, pytest.raises(TransportError) as caught:
        notifier_at(server.url).send(TASKS, messages.PLAIN, key=POST)
    assert caught.value.permanent


def test_a_check_shows_nothing_and_finds_a_missing_right() -> None:
    with site() as (issues, server, notifier):
        notifier.check(TASKS)
        assert issues.issues == {}
        issues.may_create = False
        with pytest.raises(TransportError, match="may not create issues in OPS") as caught:
            notifier.check(TASKS)
        assert caught.value.needs_person
        assert {request.method for request in server.requests} == {"GET"}
    with pytest.raises(TransportError, match="check the address"):
        notifier_at(f"http://127.0.0.1:{unused_port()}").check(TASKS)


@pytest.mark.parametrize(
    "shown",
    [
        [],
        {},
        "text",
        None,
        {"issues": None},
        {"issues": [7]},
        {"issues": [{}]},
        {"comments": None},
        {"comments": [7]},
    ],
)
def test_an_answer_of_another_form_is_no_crash(shown: Any) -> None:
    with LocalServer(lambda request: json_answer(shown)) as server:
        notifier = notifier_at(server.url)
        thread = Receipt(channel="OPS", message="OPS-1")
        for ask in (
            lambda: notifier.send(TASKS, messages.PLAIN, key=POST),
            lambda: notifier.reply(thread, "x", key="r", broadcast=False),
            lambda: found(notifier, POST),
        ):
            with pytest.raises(TransportError, match="cannot be read") as caught:
                ask()
            assert caught.value.fate_unknown and TOKEN not in str(caught.value)
        try:
            assert found(notifier, "r", thread) is None
            notifier.check(TASKS)
        except TransportError as error:
            assert TOKEN not in str(error)
