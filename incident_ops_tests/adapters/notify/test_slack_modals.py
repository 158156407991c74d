"""The windows: within Slack's limits whatever the incident is like, and read back as the command that is meant."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_ops.adapters.notify.slack import answers as answers
from incident_ops.adapters.notify.slack.actions import actions_of
from incident_ops.adapters.notify.slack.blocks import render
from incident_ops.adapters.notify.slack.filled import NotFilledIn, about, command_of, errors_of
from incident_ops.adapters.notify.slack.modals import LONGEST_INPUT, Modal, Place, modal, note_window
from incident_ops.core.commands import Assign, Command, Grade, Note, Resolve, Silence, Snooze, TakeRole
from incident_ops.core.findings import Findings
from incident_ops.core.incident import Incident
from incident_ops.core.message import Link, compose
from incident_ops.core.severity import Severity
from incident_ops.core.status import Resolution, Role
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.golden_files import assert_looks_as_it_did
from incident_ops_tests.adapters.notify.slack_payloads import Json, chosen, selected, submitted, written
from incident_ops_tests.adapters.notify.slack_texts import NASTY_PARTS, TEXTS, assert_harmless, texts_in
from incident_ops_tests.builders import T0, make_alert, make_incident
from incident_ops_tests.fake_slack.rules import block_problems
from incident_ops_tests.fake_slack.text_rules import length
from incident_ops_tests.fake_slack.view_rules import view_problems

INCIDENT = make_incident(7)
HOUR = timedelta(hours=1)


def window(kind: Modal, incident: Incident = INCIDENT, place: Place = Place(channel="C0FIN")) -> Json:  # noqa: B008
    return modal(kind, incident, asked_by="U0ERIN", place=place)


def read(kind: Modal, filled: dict[str, Json]) -> Command:
    view = submitted(window(kind), filled)["view"]
    return command_of(kind, 7, view, address_of=lambda user: f"{user}@acme.test")


@pytest.mark.parametrize("kind", Modal)
def test_the_window_looks_as_it_did(kind: Modal) -> None:
    view = window(kind, INCIDENT.in_role(Role.COMMANDER, "max@acme.test", by="max@acme.test", at=T0))
    assert view_problems(view) == []
    assert_looks_as_it_did(f"window_{kind.name.lower()}", view)


# ---- what was filled in

WHO, LENGTH = selected("U0MAX"), chosen("4h")

READ: list[tuple[Modal, dict[str, Json], Command]] = [
    (Modal.ASSIGN, {"who": WHO}, Assign(number=7, to="U0MAX@acme.test")),
    (Modal.RESOLVE, {"reason": chosen("fixed")}, Resolve(number=7, reason=Resolution.FIXED)),
    (
        Modal.RESOLVE,
        {"reason": chosen("no_action"), "text": written(" a known\x00 gap ")},
        Resolve(number=7, reason=Resolution.NO_ACTION, note="a known gap"),
    ),
    (Modal.NOTE, {"text": written("the source was late")}, Note(number=7, text="the source was late")),
    (Modal.SEVERITY, {"severity": chosen("SEV0")}, Grade(number=7, severity=Severity.SEV0)),
    (
        Modal.ROLE,
        {"role": chosen("commander"), "who": WHO},
        TakeRole(number=7, role=Role.COMMANDER, who="U0MAX@acme.test"),
    ),
    (
        Modal.ROLE,
        {"role": chosen("communicator"), "who": selected(None)},
        TakeRole(number=7, role=Role.COMMUNICATOR, who=None),
    ),
    (
        Modal.SILENCE,
        {"length": LENGTH, "text": written("a known backfill")},
        Silence(number=7, lasting=4 * HOUR, comment="a known backfill"),
    ),
    (
        Modal.SILENCE,
        {"length": LENGTH, "other_length": written("1h 30m"), "text": written(None)},
        Silence(number=7, lasting=1.5 * HOUR, comment="for INC-7"),
    ),
    (Modal.SNOOZE, {"length": chosen("24h")}, Snooze(number=7, lasting=24 * HOUR)),
    (Modal.SNOOZE, {"length": chosen("end")}, Snooze(number=7, lasting=None)),
    (Modal.SNOOZE, {"length": chosen("end"), "other_length": written("2d")}, Snooze(number=7, lasting=48 * HOUR)),
]


@pytest.mark.parametrize(
    ("kind", "filled", "command"), READ, ids=[f"{row[0].name} {n}" for n, row in enumerate(READ)]
)
def test_what_is_filled_in_is_read_as_what_was_meant(
    kind: Modal, filled: dict[str, Json], command: Command
) -> None:
    assert read(kind, filled) == command


@pytest.mark.parametrize(
    ("kind", "filled", "place"),
    [
        (Modal.ASSIGN, {}, "who"),
        (Modal.ASSIGN, {"who": selected("someone")}, "who"),
        (Modal.RESOLVE, {"reason": chosen("because")}, "reason"),
        (Modal.NOTE, {"text": written(" \n")}, "text"),
        (Modal.SEVERITY, {}, "severity"),
        (Modal.ROLE, {"role": chosen("boss")}, "role"),
        (Modal.SILENCE, {"length": chosen("for ever")}, "length"),
        (Modal.SILENCE, {"length": chosen("end")}, "length"),
        (Modal.SILENCE, {"length": LENGTH, "other_length": written("a while")}, "other_length"),
        (Modal.SILENCE, {"length": LENGTH, "other_length": written("0m")}, "other_length"),
        (Modal.SNOOZE, {"length": LENGTH, "other_length": written("31d")}, "other_length"),
        (Modal.SNOOZE, {"length": LENGTH, "other_length": written("9" * 20 + "w")}, "other_length"),
    ],
)
def test_what_cannot_be_used_is_said_where_it_was_written(
    kind: Modal, filled: dict[str, Json], place: str
) -> None:
    with pytest.raises(NotFilledIn) as refused:
        read(kind, filled)
    [(name, sentence)] = refused.value.problems.items()
    assert name == place
    assert any(block.get("block_id") == name for block in window(kind)["blocks"])
    assert sentence.endswith(".")


@pytest.mark.parametrize("kind", Modal)
def test_a_window_knows_what_it_is_about_and_where_it_was_asked_for(kind: Modal) -> None:
    place = Place(channel="C0FIN", thread="1764000000.000100")
    assert about(window(kind, place=place)) == (kind, 7, place)
    assert {*errors_of(kind, "no")} <= {block.get("block_id") for block in window(kind)["blocks"]}


@pytest.mark.parametrize(
    "view",
    [
        {},
        {"callback_id": "incident_resolve"},
        {"callback_id": "incident_resolve", "private_metadata": "{}"},
        {"callback_id": "incident_resolve", "private_metadata": "[1]"},
        {"callback_id": "incident_resolve", "private_metadata": "not JSON"},
        {"callback_id": "incident_resolve", "private_metadata": "[" * 3_000},
        {"callback_id": "incident_resolve", "private_metadata": '{"incident": "INC-7; drop"}'},
        {"callback_id": "of_another_app", "private_metadata": '{"incident": "INC-7"}'},
    ],
)
def test_a_window_that_is_not_ours_is_not_read(view: dict[str, Any]) -> None:
    assert about(view) is None


def test_a_place_that_is_no_channel_is_forgotten() -> None:
    view = window(Modal.NOTE, place=Place(channel="https://elsewhere.test"))
    assert about(view) == (Modal.NOTE, 7, Place())


# ---- limits

INCIDENTS = st.builds(
    lambda number, texts, many, severity: replace(
        make_incident(number, make_alert("a/b")),
        title=texts[0],
        summary=texts[1],
        detail=texts[2],
        assignee=texts[3],
        owner=texts[4],
        roles=MappingProxyType({Role.COMMANDER: texts[5], Role.COMMUNICATOR: texts[0]}),
        not_run=tuple(texts[1] for _ in range(many)),
        facts={texts[2] or "x": texts[3]},
        severity=severity,
    ),
    st.integers(1, 10**15 - 1),
    st.tuples(*[TEXTS] * 6),
    st.sampled_from([0, 1, 500]),
    st.sampled_from(Severity),
)


@settings(max_examples=40)
@given(INCIDENTS, st.sampled_from(Modal))
def test_no_window_breaks_slacks_limits_or_mentions_anybody(incident: Incident, kind: Modal) -> None:
    view = window(kind, incident, Place(channel="C" + "A" * 20, thread="1764000000.000100"))
    assert view_problems(view) == []
    for text in texts_in(view):
        assert_harmless(text)


@settings(max_examples=40)
@given(TEXTS, st.sampled_from(Modal))
def test_no_sentence_is_too_long_for_a_window_or_an_answer(text: str, kind: Modal) -> None:
    assert view_problems(note_window("Nothing was done", text)) == []
    [said] = errors_of(kind, text).values()
    assert 0 < length(said) <= 300
    for body in (answers.sentence(text), answers.help_text(text)):
        assert block_problems(body["blocks"]) == []
        assert_harmless(body["text"])


@settings(max_examples=30)
@given(st.lists(INCIDENTS, max_size=45), TEXTS)
def test_no_answer_breaks_slacks_limits_or_mentions_anybody(incidents: list[Incident], url: str) -> None:
    def links_of(_: Incident) -> tuple[Link, ...]:
        return (Link(label="Incident", url=f"https://a.test/{url}"),)

    bodies = [
        answers.listed(incidents, heading="Open", nothing="Nothing.", links_of=links_of, now=T0),
        *(answers.shown(incident, links_of=links_of) for incident in incidents[:3]),
        answers.on_call({incident.title: (incident.summary, "x") for incident in incidents}, ""),
    ]
    for body in bodies:
        assert block_problems(body["blocks"]) == []
        for text in (body["text"], *texts_in(body["blocks"])):
            assert_harmless(text)


def huge() -> Incident:
    """500 tainted assets, 80 failing checks, an error of 9,000 characters, hostile throughout."""
    nasty = "".join(part for part in NASTY_PARTS if part != "\ud800")
    incident = make_incident(7, make_alert("a/b", summary=nasty * 20))
    checks = tuple(replace(incident.members[0], fingerprint=f"f{n}") for n in range(80))
    return replace(
        incident,
        title=nasty * 40,
        members=checks,
        detail="Traceback <!channel> ```\n" * 360,
        not_run=tuple(f"{nasty} {n}" for n in range(500)),
        facts={f"{nasty} {n}": nasty * 30 for n in range(60)},
        responders=tuple(f"{nasty}{n}@acme.test" for n in range(40)),
        roles=MappingProxyType(dict.fromkeys(Role, nasty * 30)),
        assignee=nasty * 10,
        owner=nasty * 10,
    )


def test_the_largest_incident_fits_with_its_buttons_and_everywhere_else() -> None:
    incident = huge()
    consumers = [{"consumer": f"<!here> {n}@acme.test"} for n in range(500)]
    evidence = [{"kind": "check", "summary": f"<@U1> *{n}* failed"} for n in range(80)]
    found = Findings(
        at=T0,
        suspects=[{"asset": "a/<!channel>" * 50, "confidence": "certain", "evidence": evidence}],
        impact={"counts": {"tainted": 500}, "consumers": consumers},
        forecast=[
            {"asset": f"a_{n}", "deadline": "2026-11-20T09:00:00Z", "verdict": "will_miss"} for n in range(500)
        ],
    )
    ended = incident.resolved(at=T0)
    for each in (incident, ended):
        payload = render(compose(each, links_of=lambda _: messages.LINKS, found=found), actions=actions_of(each))
        assert block_problems(list(payload.blocks)) == []
        for text in texts_in(payload.blocks):
            assert_harmless(text)
    for kind in Modal:
        view = window(kind, incident)
        assert view_problems(view) == []
        assert length(view["private_metadata"]) < 200
    assert LONGEST_INPUT <= 3_000
