"""Where people look and ask, whichever entrance they take."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.commands import (
    Acknowledge,
    Assign,
    Command,
    Resolve,
    TakeRole,
)
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import IllegalChange
from incident_ops.core.status import Resolution, Role
from incident_ops.core.teams import Person
from incident_ops.engine.front_desk import FrontDesk
from incident_ops.engine.ports import IncidentDesk
from incident_ops_tests.builders import minutes
from incident_ops_tests.engine.commanded import ANN, BOB, Desk, knowing

HOUR = timedelta(hours=1)


@pytest.fixture
def desk(store: SqlStore) -> Desk:
    return Desk(store, knowing("tasks"))


@pytest.fixture
def front_desk(desk: Desk) -> tuple[IncidentDesk, list[str]]:
    """On the same store; the list fills with a word for each change."""
    people = {ANN: Person(email=ANN, slack="U1"), BOB: Person(email=BOB)}
    changes: list[str] = []
    front = FrontDesk(
        desk.store,
        lambda now: knowing(people=people),
        clock=lambda: minutes(10),
        changed=lambda: changes.append("changed"),
    )
    return front, changes


def test_the_front_desk_says_when_something_is_owed(front_desk: tuple[IncidentDesk, list[str]]) -> None:
    desk, changes = front_desk
    assert desk.perform(Acknowledge(number=1), by=ANN) == desk.incident(1)
    with pytest.raises(IllegalChange):
        desk.perform(Acknowledge(number=1), by=BOB)
    assert changes == ["changed"]


@pytest.mark.parametrize(
    "taken",
    [
        Assign(number=1, to=BOB),
        Acknowledge(number=1),
        TakeRole(number=1, role=Role.COMMUNICATOR, who=BOB),
    ],
)
def test_what_is_somebodys_is_found_however_the_address_is_written(
    front_desk: tuple[IncidentDesk, list[str]], taken: Command
) -> None:
    desk, _ = front_desk
    assert desk.of_person("Bob@Acme.TEST") == []
    desk.perform(taken, by=BOB)
    assert [incident.id for incident in desk.of_person("Bob@Acme.TEST")] == ["INC-1"]
    desk.perform(Resolve(number=1, reason=Resolution.FIXED), by=BOB)
    assert desk.of_person(BOB) == desk.open_incidents() == []


def test_a_slack_id_is_known_by_the_configuration(front_desk: tuple[IncidentDesk, list[str]]) -> None:
    desk, _ = front_desk
    assert [desk.address_of(user) for user in ("U1", "U2")] == [ANN, None]
    assert desk.on_call() == {}


def test_a_message_leads_to_the_incident_it_is_about(
    desk: Desk, front_desk: tuple[IncidentDesk, list[str]], accepted: Callable[[SqlStore], Receipt]
) -> None:
    receipt = accepted(desk.store)
    front, _ = front_desk
    assert front.incident_of_message(receipt.channel, receipt.message) == 1
    assert front.incident_of_message("C-ELSEWHERE", receipt.message) is None
    assert front.incident_of_message(receipt.channel, "2.000") is None


@pytest.fixture
def accepted() -> Callable[[SqlStore], Receipt]:
    """A sink took the post."""

    def accept(store: SqlStore) -> Receipt:
        receipt = Receipt(channel="C1", message="1.000")
        [post] = store.claim(now=minutes(1), lease=HOUR, limit=1)
        store.accepted(post, receipt, now=minutes(1))
        return receipt

    return accept
