"""Nothing secret leaves with a message, wherever in it the secret is."""

from dataclasses import fields, replace

import pytest

from incident_ops.core.cleansing import without_secrets
from incident_ops.core.error_text import redact
from incident_ops.core.message import Colour, Link, Message
from incident_ops_tests.adapters.store.values import COMPLETE_INCIDENT

SECRET = "hunter2"
URL = f"postgresql://ana:{SECRET}@db.test/shop"
PLAIN = Message(
    incident_id="INC-7",
    colour=Colour.RED,
    headline="INC-7 SEV1 shop/orders",
    summary="3 rows",
    calls=("ana@example.com",),
    note="why",
    facts=(("Owner", "team:fin"),),
    detail="long",
    lists=(("Also", ("shop/daily",)),),
    links=(Link(label="Run", url="https://dagster.test/runs/1"),),
    about=COMPLETE_INCIDENT,
)


@pytest.mark.parametrize(
    "planted",
    [
        {"headline": URL},
        {"summary": URL},
        {"note": URL},
        {"calls": (URL,)},
        {"detail": "x" * 9_000 + URL},
        {"facts": (("Owner", URL),)},
        {"facts": ((URL, "x"),)},
        {"lists": (("Also", ("shop/daily", URL)),)},
        {"links": (Link(label="Run", url=URL),)},
        {"about": replace(COMPLETE_INCIDENT, title=URL)},
        {"about": replace(COMPLETE_INCIDENT, facts={"where": URL})},
        {"about": replace(COMPLETE_INCIDENT, labels={URL: "x"})},
        {"about": replace(COMPLETE_INCIDENT, members=(replace(COMPLETE_INCIDENT.members[0], partition=URL),))},
    ],
    ids=str,
)
def test_a_planted_secret_is_taken_out_and_all_else_stays(planted: dict[str, object]) -> None:
    message = replace(PLAIN, **planted)  # type: ignore[arg-type]
    assert SECRET in repr(message)
    clean = without_secrets(message)
    assert SECRET not in repr(clean)
    for field in fields(Message):
        if field.name not in planted:
            assert getattr(clean, field.name) == getattr(PLAIN, field.name)


def test_what_holds_no_secret_is_left_as_it_is() -> None:
    assert without_secrets(PLAIN) is PLAIN


def test_a_reply_and_an_error_are_cleansed_too() -> None:
    assert without_secrets(f"could not reach {URL}") == "could not reach postgresql://ana:[redacted]@db.test/shop"


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[1mpassword\x1b[0m=hunter2",
        "password\x1b(B\x1b[m: hunter2",
        "\x1b]8;;https://a.test\x1b\\tok\x1b]8;;\x1b\\en=hunter2",
        "tok\x00en=hunter2",
        "pa\u202essword=hunter2",
    ],
)
def test_a_secret_that_control_characters_hide_is_found(text: str) -> None:
    """Sinks take those characters out; whoever reads it then sees the secret."""
    assert SECRET not in without_secrets(text) + redact(text)
    assert without_secrets(replace(PLAIN, detail=f"x {text} y")).detail.endswith("[redacted] y")


def test_an_escape_that_could_eat_the_first_letter_hides_nothing() -> None:
    assert "hunter2" not in without_secrets("\x1b password=hunter2 and \x1b(password=hunter2")
