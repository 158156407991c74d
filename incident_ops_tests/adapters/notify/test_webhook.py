"""Webhooks: what the events say, that they are signed, how long they are, and where they never go."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from incident_ops.adapters.notify.webhook import (
    LARGEST_EVENT,
    WebhookNotifier,
    body_of,
    data_of,
    id_of,
    signed,
    signing_key,
    told_at,
)
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Colour, Message, bulletin, told
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.local_server import Answer, LocalServer
from incident_ops_tests.adapters.notify.raw_server import raw_server
from incident_ops_tests.adapters.notify.sinks.webhook import NOW, PATH, SECRET, Consumer, notifier_at
from incident_ops_tests.fake_slack import Trouble, lost_answer

POST = "INC-7:post:webhook:war-room"
WAR_ROOM = Destination(kind="webhook", address="war-room")


@contextmanager
def consuming(**settings: Any) -> Iterator[tuple[Consumer, LocalServer, WebhookNotifier]]:
    consumer = Consumer(settings.get("secret", SECRET))
    with LocalServer(consumer.answer) as server:
        yield consumer, server, notifier_at(server.url, **settings)


def types_of(consumer: Consumer) -> list[str]:
    return [event["type"].removeprefix("incident_ops.") for event in consumer.events.values()]


def envelope(message: Message) -> dict[str, Any]:
    return {"specversion": "1.0", "id": POST, "source": "a/b", "type": "c", "data": data_of(message)}


# ---- events


def test_the_life_of_an_incident_is_told_in_types() -> None:
    with consuming() as (consumer, _, notifier):
        receipt = notifier.send(WAR_ROOM, messages.ABOUT["triggered"], key=POST)
        notifier.update(receipt, messages.ABOUT["triggered"], key="INC-7:edit:r1")
        notifier.reply(receipt, "a retry failed too", key="INC-7:reply:r2", broadcast=False)
        notifier.update(receipt, messages.ABOUT["acknowledged"], key="INC-7:edit:r3")
        notifier.update(receipt, messages.ABOUT["over"], key="INC-7:edit:r4")
        notifier.update(receipt, messages.ABOUT["reopened"], key="INC-7:edit:r5")
        assert types_of(consumer) == [
            "incident.triggered",
            "incident.updated",
            "incident.note",
            "incident.acknowledged",
            "incident.resolved",
            "incident.triggered",
        ]
        assert {event["subject"] for event in consumer.events.values()} == {"INC-7"}
        assert {source for source, _ in consumer.events} == {"incident_ops/prod%20eu/7f3a"}


def test_a_change_that_another_process_told_is_never_called_an_update() -> None:
    """Who listens for `resolved` only must hear it, also after a restart."""
    with consuming() as (consumer, server, notifier):
        receipt = notifier.send(WAR_ROOM, messages.ABOUT["triggered"], key=POST)
        told_at.cache_clear()  # as after a restart
        notifier_at(server.url).update(receipt, messages.ABOUT["over"], key="INC-7:edit:r4")
        notifier_at(server.url).update(receipt, messages.ABOUT["over"], key="INC-7:edit:r5")
        assert types_of(consumer) == ["incident.triggered", "incident.resolved", "incident.updated"]


def test_a_change_that_was_not_accepted_is_told_under_its_name_later() -> None:
    with consuming() as (consumer, server, notifier):
        server.next(Trouble(status=503))
        with pytest.raises(TransportError):
            notifier.send(WAR_ROOM, messages.ABOUT["triggered"], key=POST)
        notifier.send(WAR_ROOM, messages.ABOUT["triggered"], key=POST)
        assert types_of(consumer) == ["incident.triggered"]


def test_a_message_of_its_own_is_no_incidents_event() -> None:
    question = told(messages.TRIGGERED, "INC-7: is it over?", colour=Colour.RED, links=messages.LINKS)
    with consuming() as (consumer, _, notifier):
        notifier.send(WAR_ROOM, question, key="INC-7:question:erin@acme.test:r3")
        notifier.send(WAR_ROOM, bulletin("Your digest\nnothing"), key="digest:x")
        asked, digest = consumer.events.values()
        assert [asked["type"], digest["type"]] == ["incident_ops.message"] * 2
        assert asked["subject"] == "INC-7" and asked["data"]["incident"]["id"] == "INC-7"
        assert "subject" not in digest and digest["data"]["incident"] is None


def test_the_data_is_the_incident_and_what_people_read() -> None:
    with consuming() as (consumer, _, notifier):
        notifier.send(WAR_ROOM, messages.ABOUT["acknowledged"], key=POST)
        (event,) = consumer.events.values()
    assert event["time"] == "2026-11-20T09:05:00Z"
    assert event["data"]["incident"]["status"] == "acknowledged"
    assert event["data"]["incident"]["root"]["asset"] == "marts/orders"
    assert event["data"]["message"]["headline"] == messages.ABOUT["acknowledged"].headline
    assert {"label": "Status", "value": "acknowledged"} in event["data"]["message"]["facts"]
    assert "left_out" not in event["data"]


def test_an_event_that_comes_again_has_the_same_id() -> None:
    with consuming() as (consumer, server, notifier):
        server.next(lost_answer())
        with pytest.raises(TransportError) as caught:
            notifier.send(WAR_ROOM, messages.ABOUT["triggered"], key=POST)
        assert caught.value.fate_unknown
        notifier.send(WAR_ROOM, messages.ABOUT["triggered"], key=POST)
        assert len(consumer.events) == 1
        assert server.requests[0].body == server.requests[1].body


@pytest.mark.parametrize("name", messages.EVERY)
def test_every_event_is_valid_and_short_enough(name: str) -> None:
    """The consumer refuses what is not."""
    with consuming() as (consumer, server, notifier):
        notifier.send(WAR_ROOM, messages.EVERY[name], key=POST)
        (event,) = consumer.events.values()
        assert len(server.requests[0].body) <= LARGEST_EVENT
    assert event["data"]["message"]["headline"].startswith("INC-")


def test_what_is_left_out_is_counted() -> None:
    data = json.loads(body_of(envelope(messages.ABOUT["huge"])))["data"]
    kept = len(data["incident"]["members"])
    assert 0 < kept < 500
    assert data["left_out"]["incident.members"] == 500 - kept
    assert data["incident"]["summary"].endswith("more characters")
    assert data["incident"]["status"] == "triggered"


def test_an_ordinary_event_is_not_shortened() -> None:
    data = json.loads(body_of(envelope(messages.LONG_ERROR)))["data"]
    assert data["message"]["detail"] == messages.LONG_ERROR.detail.strip()
    assert "left_out" not in data


def test_control_characters_and_lone_surrogates_do_not_leave() -> None:
    text = body_of(envelope(messages.ABOUT["nasty"])).decode()
    assert not [sign for sign in ("\x1b", "\\u0000", "\u202e", "\ud800", "\\ud800") if sign in text]


# ---- signatures


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of Standard Webhooks' own reference libraries."""
    headers = signed(
        b'{"test": 2432232314}',
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


@pytest.mark.parametrize("secret", [SECRET, f"whsec_{base64.b64encode(b'another key').decode()}"])
def test_only_who_knows_the_secret_can_sign(secret: str) -> None:
    consumer = Consumer(SECRET)
    with LocalServer(consumer.answer) as server:
        notifier = notifier_at(server.url, secret=secret)
        if secret == SECRET:
            notifier.send(WAR_ROOM, messages.PLAIN, key="k1")
        else:
            with pytest.raises(TransportError, match="check the secret on both sides") as caught:
                notifier.send(WAR_ROOM, messages.PLAIN, key="k1")
            assert caught.value.needs_person
    assert len(consumer.events) == int(secret == SECRET)


def test_a_plain_secret_is_taken_as_it_is() -> None:
    assert signing_key("a plain ✓ secret") == "a plain ✓ secret".encode()
    assert signing_key(SECRET) == b"a key of thirty-two bytes length"


def test_without_a_secret_nothing_is_signed() -> None:
    with consuming(secret=None) as (consumer, server, notifier):
        notifier.send(WAR_ROOM, messages.PLAIN, key="k1")
        assert len(consumer.events) == 1
        assert not [name for name in server.requests[0].headers if name.startswith("webhook-")]


@pytest.mark.parametrize("secret", ["whsec_not base64!", "whsec_", "whsec_é"])
def test_a_secret_that_cannot_be_a_key_needs_a_person(secret: str) -> None:
    with LocalServer(lambda request: Answer()) as server:
        notifier = notifier_at(server.url, secret=secret)
        for ask in (
            lambda: notifier.send(WAR_ROOM, messages.PLAIN, key="k1"),
            lambda: notifier.check(WAR_ROOM),
        ):
            with pytest.raises(TransportError, match="copy it again") as caught:
                ask()
            assert caught.value.needs_person
            assert secret == "whsec_" or secret not in str(caught.value)
        assert server.requests == []


@pytest.mark.parametrize(
    "key", ["k1", "INC-7:page:x:0.1:email:ana@acme.test", "a\nb: c", "schlüssel ✓ \ud800", "a.b"]
)
def test_an_id_fits_a_header_and_has_no_full_stop(key: str) -> None:
    assert id_of(key).isascii() and id_of(key).isprintable() and "." not in id_of(key)
    with consuming() as (consumer, _, notifier):
        notifier.send(WAR_ROOM, messages.PLAIN, key=key)
        assert len(consumer.events) == 1


# ---- where they go


def test_an_address_of_our_own_network_is_refused_unless_it_is_meant() -> None:
    with LocalServer(lambda request: Answer()) as server:
        notifier = notifier_at(server.url, private=False)
        with pytest.raises(TransportError, match="private: true") as caught:
            notifier.send(WAR_ROOM, messages.PLAIN, key="k1")
        assert caught.value.needs_person and PATH not in str(caught.value)
        with pytest.raises(TransportError, match="private: true"):
            notifier.check(WAR_ROOM)
        assert server.requests == []


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (204, None),
        (404, None),
        (405, None),
        (501, None),
        (401, "check the secret on both sides"),
        (301, "write the final address"),
        (410, "was taken down"),
        (407, "HTTPS_PROXY"),
    ],
)
def test_a_check_tells_what_is_wrong_with_the_place_and_shows_nothing(status: int, remedy: str | None) -> None:
    with raw_server(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()) as (url, received):
        if remedy is None:
            notifier_at(url).check(WAR_ROOM)
        else:
            with pytest.raises(TransportError, match=remedy) as caught:
                notifier_at(url).check(WAR_ROOM)
            assert caught.value.needs_person
            assert "receiver war-room" in str(caught.value)
        assert received[0].startswith(b"OPTIONS ")


@pytest.mark.parametrize("status", [404, 405, 410])
def test_a_place_that_takes_no_webhooks_is_for_a_person_to_mend(status: int) -> None:
    """The event waits: nothing is wrong with it."""
    with LocalServer(lambda request: Answer(status=status)) as server, pytest.raises(TransportError) as caught:
        notifier_at(server.url).send(WAR_ROOM, messages.PLAIN, key="k1")
    assert caught.value.needs_person


def test_the_time_in_the_signature_is_that_of_the_try() -> None:
    with consuming() as (_, server, notifier):
        notifier.send(WAR_ROOM, messages.PLAIN, key="k1")
        assert server.requests[0].headers["webhook-timestamp"] == str(int(NOW.timestamp()))
