"""From a press in Slack to the changed message, over real connections: signed HTTP and Socket Mode."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from incident_ops.adapters.notify.slack.actions import ACKNOWLEDGE
from incident_ops.adapters.notify.slack.socket import SlackSocket
from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.adapters.wiring import utc_now
from incident_ops.core.status import Status
from incident_ops_tests.fake_slack import FakeSlack, server_error
from incident_ops_tests.waiting import wait_until
from incident_ops_tests.web.at_work import ANN, BOB, PEOPLE, SECONDS, AtWork, answering, begun, console
from incident_ops_tests.web.serving import Slack
from incident_ops_tests.web.socket_slack import APP_TOKEN, SocketSlack

BY_MAIL = {email: user for user, email in PEOPLE.items()}


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    with FakeSlack(channels=["data"], users=BY_MAIL) as slack:
        yield slack


@pytest.fixture
def at_work(store: SqlStore, slack: FakeSlack) -> AtWork:
    return begun(store, slack)


def told(at_work: AtWork) -> list[str]:
    return sorted(whisper.text for whisper in at_work.slack.whispers)


def test_a_press_turns_the_post_yellow_at_once(at_work: AtWork) -> None:
    with console(at_work) as slack:
        answer = slack.interacts(at_work.press(ACKNOWLEDGE))
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.elapsed < timedelta(seconds=3)
        at_work.wait_until_edited()
    assert at_work.store.incident(1).status is Status.ACKNOWLEDGED
    assert at_work.post.headline.startswith("🟡 INC-1")
    assert [reply.text for reply in at_work.slack.replies(at_work.post.ts)] == [f"Acknowledged by {ANN}"]
    assert told(at_work) == ["INC-1 is acknowledged."]


def test_a_press_twice_changes_nothing_twice_and_says_so(at_work: AtWork) -> None:
    press, of_bob = (at_work.press(ACKNOWLEDGE, user) for user in PEOPLE)
    moment = utc_now()
    later = moment + timedelta(seconds=2)
    with console(at_work) as slack:
        the_very_same = [slack.interacts(press, at=moment).status_code for _ in range(2)]
        assert the_very_same == [200, 401]
        assert slack.interacts(press, at=later).status_code == 200
        assert slack.interacts(of_bob, at=later).status_code == 200
    assert at_work.story == [f"acknowledged by {ANN}"]
    assert told(at_work) == [
        f"INC-1 is acknowledged already: {ANN} has it.",
        "INC-1 is acknowledged already: you have it.",
        "INC-1 is acknowledged.",
    ]


@pytest.fixture
def elsewhere(store_url: str) -> Iterator[Callable[[AtWork], AtWork]]:
    """The same at another console: a store of its own on the same database."""
    opened: list[SqlStore] = []

    def make(at_work: AtWork) -> AtWork:
        opened.append(open_store(store_url))
        return AtWork(store=opened[-1], slack=at_work.slack)

    yield make
    for store in opened:
        store.dispose()


def test_two_consoles_with_the_same_press_make_one_change(
    at_work: AtWork, elsewhere: Callable[[AtWork], AtWork]
) -> None:
    """A load balancer may give a request to both, and two people may press at the same moment."""
    moment = utc_now()
    ann, bob = (at_work.press(ACKNOWLEDGE, user) for user in PEOPLE)

    with console(at_work) as here, console(elsewhere(at_work)) as there, ThreadPoolExecutor(4) as people:

        def presses(console: Slack, press: object) -> int:
            assert isinstance(press, dict)
            return console.interacts(press, at=moment).status_code

        answers = list(people.map(presses, (here, there, here, there), (ann, ann, bob, bob)))
        at_work.wait_until_edited()
        wait_until(lambda: len(told(at_work)) == 2, SECONDS, lambda: f"both were answered: {told(at_work)}")
    assert sorted(answers) == [200, 200, 401, 401], "each of the two requests is believed once"
    [line] = at_work.story
    first = ANN if ANN in line else BOB
    assert line == f"acknowledged by {first}"
    assert told(at_work) == [f"INC-1 is acknowledged already: {first} has it.", "INC-1 is acknowledged."]
    assert at_work.post.edits == 1
    assert len(at_work.slack.replies(at_work.post.ts)) == 1


def test_a_slash_command_is_answered_where_it_was_given(at_work: AtWork) -> None:
    with console(at_work) as slack:
        listed = slack.commands("list")
        mine = slack.commands("mine")
    assert listed.json()["response_type"] == "ephemeral"
    assert "INC-1" in listed.text and "orders" in listed.text
    assert "Nothing open is yours" in mine.text


def test_while_slack_is_down_the_change_is_kept_and_told_later(at_work: AtWork) -> None:
    press = at_work.press(ACKNOWLEDGE)
    at_work.slack.down(server_error())
    with console(at_work) as slack:
        assert slack.interacts(press).status_code == 200
    assert at_work.store.incident(1).status is Status.ACKNOWLEDGED
    assert at_work.store.unfinished() > 0


# ---- Socket Mode


@pytest.fixture
def socket_slack() -> Iterator[SocketSlack]:
    with SocketSlack(channels=["data"], users=BY_MAIL) as slack:
        yield slack


def test_over_socket_mode_it_is_the_same(store: SqlStore, socket_slack: SocketSlack) -> None:
    at_work = begun(store, socket_slack)
    with (
        answering(at_work) as answers,
        SlackSocket(APP_TOKEN, socket_slack.base_url, answers) as socket,
    ):
        socket_slack.wait_for_connection()
        assert socket_slack.asks("interactive", dict(at_work.press(ACKNOWLEDGE)), id="e-1") == {
            "envelope_id": "e-1"
        }
        at_work.wait_until_edited()
        listed = socket_slack.asks(
            "slash_commands", {"command": "/incident", "text": "list", "user_id": "U1ANN"}, id="e-2"
        )
        assert socket.state == "connected"
    assert at_work.story == [f"acknowledged by {ANN}"]
    assert at_work.post.headline.startswith("🟡 INC-1")
    assert listed["envelope_id"] == "e-2"
    assert "INC-1" in str(listed["payload"])
