"""The slash command: what it answers, and with which buttons."""

from collections.abc import Mapping, Sequence

import pytest

from incident_ops.adapters.notify.slack.actions import ACKNOWLEDGE, More
from incident_ops.adapters.notify.slack.answers import MOST_LISTED
from incident_ops.core.errors import IncidentOpsError
from incident_ops_tests.adapters.notify.slack_payloads import (
    button,
    chosen,
    selected,
    slash,
)
from incident_ops_tests.adapters.notify.slack_stage import BrokenDesk, Stage, said_in
from incident_ops_tests.adapters.notify.slack_texts import assert_harmless

ERIN, MAX = "erin@acme.test", "max@acme.test"


def test_the_list_begins_with_what_is_most_urgent(stage: Stage) -> None:
    stage.presses(ACKNOWLEDGE)
    for n in range(MOST_LISTED + 2):
        stage.later()
        stage.breaks(f"x/{n}", summary="<!channel>")
    stage.chooses(More.SEVERITY, "INC-9")
    stage.fills_in({"severity": chosen("SEV0")})
    lines = said_in(stage.writes("list")).split("\n")
    assert lines[0] == f"*Open incidents* ({MOST_LISTED + 3})"
    assert lines[1] == "🔴 INC-9 SEV0 x/7: check not_null failed · triggered for 14 min"
    assert lines[2] == "🔴 INC-2 SEV2 x/0: check not_null failed · triggered for 21 min"
    assert len(lines) == MOST_LISTED + 2
    assert lines[-1] == "… and 3 more"


def test_one_incident_is_shown_with_its_buttons(stage: Stage) -> None:
    for text in ("show INC-1", "SHOW inc-1", "show  1 "):
        body = stage.writes(text)
        assert "INC-1 SEV2 a/b: check not_null failed" in said_in(body)
        assert body["blocks"][-1]["block_id"] == "incident_actions"
    assert "INC-99" in said_in(stage.writes("show INC-99"))


def test_the_buttons_of_an_answer_work_like_those_of_the_post(stage: Stage) -> None:
    """Slack sends no message along with a press on what one person alone was shown."""
    stage.writes("show INC-1", by="U0MAX")
    container = {"type": "message", "message_ts": "1764000060.000300", "is_ephemeral": True}
    press = stage.of_a_press(button(ACKNOWLEDGE, "INC-1"), by="U0MAX", container=container)
    del press["message"]
    assert stage.desk.handle(press) is None
    assert (stage.incident.assignee, stage.whispers) == (MAX, ["INC-1 is acknowledged."])


def test_mine_is_what_one_is_assigned_or_has_a_role_in(stage: Stage) -> None:
    assert said_in(stage.writes("mine", by="U0MAX")) == "Nothing open is yours (max＠acme.test).".replace(
        "＠", "@"
    )
    stage.chooses(More.ROLE)
    stage.fills_in({"role": chosen("communicator"), "who": selected("U0MAX")})
    assert "INC-1" in said_in(stage.writes("mine", by="U0MAX"))
    assert "you are slack:stranger here" in said_in(stage.writes("mine", by="U0STRANGER"))
    hostile = {**slash("mine", by="U0STRANGER"), "user_name": "<!channel> *@here*"}
    body = stage.desk_on(stage.front).handle(hostile)
    assert body is not None
    assert "&lt;!channel&gt;" in said_in(body)
    assert_harmless(said_in(body))


def test_who_is_on_call_is_told_by_schedule(stage: Stage) -> None:
    class Front(BrokenDesk):
        def on_call(self) -> Mapping[str, Sequence[str]]:
            return {"fin": ["erin@acme.test", "max@acme.test"], "web <!here>": []}

        def address_of(self, slack_user: str) -> str | None:
            return None

    assert "There is no schedule: add one" in said_in(stage.writes("oncall"))
    stage.desk = stage.desk_on(Front(IncidentOpsError()))
    assert said_in(stage.writes("oncall")) == ("*fin*: erin@acme.test, max@acme.test\n*web &lt;!here&gt;*: nobody")
    assert said_in(stage.writes("oncall FIN")) == "*fin*: erin@acme.test, max@acme.test"
    assert "there are: fin, web" in said_in(stage.writes("oncall nights"))


def test_schedules_of_long_names_fit_into_one_answer(stage: Stage) -> None:
    class Front(BrokenDesk):
        def on_call(self) -> Mapping[str, Sequence[str]]:
            return {f"{n} {'& nights ' * 30}": [] for n in range(60)}

    stage.desk = stage.desk_on(Front(IncidentOpsError()))
    assert "There is no schedule fin; there are: 0" in said_in(stage.writes("oncall fin"))
    assert "and 20 more" in said_in(stage.writes("oncall"))


@pytest.mark.parametrize(
    "text", ["", "help", "list everything", "show", "show INC-x", "delete INC-1", "<!channel>"]
)
def test_anything_else_is_answered_with_what_can_be_asked(untouched: Stage, text: str) -> None:
    said = said_in(untouched.writes(text))
    assert "`/incident list`" in said
    assert ("I do not know" in said) == (text not in ("", "help"))
    assert "<!" not in said
