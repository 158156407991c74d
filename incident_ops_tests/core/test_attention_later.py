"""What the clock alone brings about: the night, climbs, reminders, questions. T0 is a Friday, 09:00 UTC."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from incident_ops.core.attention import Attention, AttentionRules
from incident_ops.core.attention.record import from_record, to_record
from incident_ops.core.classification import Classification
from incident_ops.core.escalation import EscalationPolicy, EscalationStep
from incident_ops.core.flapping import FlappingRule
from incident_ops.core.hours import Hours
from incident_ops.core.severity import Severity
from incident_ops.core.status import Resolution
from incident_ops.core.urgency import Harm
from incident_ops_tests.builders import make_alert, make_incident, minutes
from incident_ops_tests.core.attending import (
    BERLIN,
    CLIMBED,
    DAY,
    FIN,
    HOUR,
    STANDARD,
    TEAM,
    WEB,
    Desk,
    graded,
    silence,
    warning,
    way,
)

# ---- the night

NIGHT = -6 * HOUR - 60  # 03:00 in Berlin, two working hours begin at 08:00 UTC


def at_night(severity: Severity, harm: float | None, **anything: Any) -> Desk:
    at = minutes(NIGHT)
    incident = graded(severity, members=make_incident(1, make_alert(occurred_at=at)).members, detected_at=at)
    found = Harm(asset="rev_daily", at=minutes(harm)) if harm is not None else None
    return Desk(incident=incident, team=TEAM, harm=found, now=at, **anything)


def test_at_three_a_sev3_with_a_deadline_a_day_off_waits_for_nine_and_says_why():
    desk = at_night(Severity.SEV3, NIGHT + DAY).fails(NIGHT + 90).until(0)
    assert desk.pushes == [(-60, "#fin", "first")], "09:00 in Berlin is 08:00 UTC"
    assert desk.said == [
        "nobody is pushed: held until Fri 2026-11-20 09:00 CET, when team fin works: the next deadline is that of "
        "rev_daily at Sat 2026-11-21 03:00 CET"
    ]
    assert desk.notes[0].startswith("It waited: held until Fri 2026-11-20 09:00 CET")
    assert desk.state.held == ""


def test_at_three_a_sev3_with_a_deadline_in_forty_minutes_is_pushed_at_three_and_says_why():
    desk = at_night(Severity.SEV3, NIGHT + 40).until(0)
    assert desk.pushes[0] == (NIGHT + 0.5, "#fin", "first")
    when = "Fri 2026-11-20 03:40 CET, in 39 min 30 s"
    assert desk.notes[0] == f"Pushed outside of the working hours of team fin: rev_daily is due at {when}."


def test_a_held_incident_that_gets_worse_is_pushed_at_once_and_does_not_say_that_it_waited():
    desk = at_night(Severity.SEV3, NIGHT + DAY).fails(NIGHT + 30, severity=Severity.SEV1)
    assert (desk.pushes, desk.notes) == ([(NIGHT + 30, "#fin", "first")], [""])


def test_a_deadline_that_is_found_meanwhile_wakes():
    desk = at_night(Severity.SEV3, None, is_assessed=False).until(NIGHT + 1)
    assert "it waits to be looked into" in desk.said[0]
    desk.harm, desk.is_assessed = Harm(asset="rev_daily", at=minutes(NIGHT + 90)), True
    desk.decide()
    assert desk.pushes == [(NIGHT + 1, "#fin", "first")]


def test_a_held_incident_that_is_over_before_anybody_works_wakes_nobody():
    desk = at_night(Severity.SEV3, NIGHT + DAY).recovers(NIGHT + 60).until(0)
    assert (desk.pushes, desk.wake_at) == ([], None)


# ---- escalation


def climbing(**anything: Any) -> Desk:
    return Desk(ways=[CLIMBED], rules=AttentionRules(policies={"standard": STANDARD}), **anything)


ONCE_AND_AGAIN = [(0, "schedule:primary"), (5, "lea@acme.test"), (15, "schedule:primary"), (20, "lea@acme.test")]


def test_pages_go_out_at_0_5_15_and_20_minutes_then_it_is_exhausted():
    desk = climbing().until(29)
    assert (desk.pages, desk.said) == (ONCE_AND_AGAIN, [])
    assert desk.until(30).said == ["escalation policy standard is exhausted: nobody has acknowledged"]
    assert desk.until(DAY).pages == ONCE_AND_AGAIN


def test_acknowledged_at_three_minutes_nobody_else_is_paged_until_that_times_out():
    desk = climbing().acknowledged(3).until(32)
    assert desk.pages == ONCE_AND_AGAIN[:1]
    desk.until(60)
    assert desk.pages == [
        (0, "schedule:primary"),
        (33, "lea@acme.test"),
        (43, "schedule:primary"),
        (48, "lea@acme.test"),
    ]


def test_an_acknowledgement_that_comes_at_the_top_and_leads_to_nothing_pages_once_more():
    """Exhausted as it is, nothing else would."""
    desk = climbing().acknowledged(40).until(3 * HOUR)
    assert desk.pages[4:] == [(70, "schedule:primary"), (75, "lea@acme.test")]
    assert desk.numbers == list(range(6)), "no page is taken for one that was sent"
    assert desk.said[-1] == "escalation policy standard is exhausted: nobody has acknowledged"


def test_a_changed_file_does_not_touch_a_climb_under_way():
    for policies in ({"standard": replace(STANDARD, steps=())}, {}):
        desk = climbing().until(2)
        desk.rules = AttentionRules(policies=policies)
        assert desk.until(29).pages == ONCE_AND_AGAIN


def test_a_hold_holds_the_climb_and_a_new_failure_climbs_anew():
    desk = at_night(
        Severity.SEV3, NIGHT + DAY, ways=[CLIMBED], rules=AttentionRules(policies={"standard": STANDARD})
    )
    desk.until(-58)
    assert desk.pages == [(-60, "schedule:primary")]
    desk.recovers(-57).fails(-50)
    assert desk.pages[1:] == [(-50, "schedule:primary")]


def test_a_climb_waits_while_any_quiet_is_on_every_way_of_its_policy():
    muted = way(WEB, group_wait=timedelta(0), escalation_policy="standard", mute=("always",))
    always = {"always": (Hours(zone=BERLIN),)}
    rules = AttentionRules(policies={"standard": STANDARD}, intervals=always)
    assert Desk(ways=[muted], rules=rules).until(DAY).pages == []
    assert Desk(ways=[muted, CLIMBED], rules=rules).until(29).pages == ONCE_AND_AGAIN


def test_steps_that_are_shorter_than_a_late_pass_are_not_lost():
    quick = EscalationPolicy(
        name="standard", steps=tuple(EscalationStep(targets=(who,), wait=timedelta(0)) for who in ("a", "b", "c"))
    )
    desk = Desk(ways=[CLIMBED], rules=AttentionRules(policies={"standard": quick})).until(1)
    assert [who for _, who in desk.pages] == ["a", "b", "c"]


def test_warnings_and_digests_page_nobody():
    rules = AttentionRules(policies={"standard": STANDARD})
    assert Desk(ways=[CLIMBED], rules=rules, incident=warning()).until(DAY).pages == []
    listed = way(digest="daily", escalation_policy="standard")
    assert Desk(ways=[listed], rules=rules).until(DAY).pages == []


# ---- reminders, flapping, the question


def test_grave_ones_remind_until_somebody_takes_them():
    rules = AttentionRules(reminders={Severity.SEV0: timedelta(minutes=15)})
    desk = Desk(rules=rules, incident=graded(Severity.SEV0)).acknowledged(50).until(DAY)
    assert desk.reminders == [15.5, 30.5, 45.5]
    assert Desk(rules=rules).until(100).reminders == [], "a SEV2 is not reminded of"


def test_what_flaps_is_told_once_until_it_has_calmed_down():
    desk = Desk(rules=AttentionRules(flapping=FlappingRule(changes=4, within=timedelta(hours=1))))
    desk.recovers(10).fails(20).recovers(30).fails(40).recovers(50).fails(55)
    assert desk.pushes == [(0.5, "#fin", "first"), (30, "#fin", "again")]
    assert desk.lines == ["Flapping: 4 changes within 1 h; the next news comes when it has calmed down."]
    assert desk.last is not None and not desk.last.tells_story
    desk.until(5 * HOUR)
    assert desk.lines[1:] == ["No longer flapping: it is triggered."]
    assert desk.pushes[2:] == [(270, "#fin", "again")], "as if it had not flapped"


def test_what_has_calmed_down_because_it_is_over_says_so_and_rings_nowhere():
    rules = AttentionRules(flapping=FlappingRule(changes=3))
    desk = Desk(rules=rules).recovers(10).fails(20).recovers(30).until(DAY)
    assert desk.lines[1:] == ["No longer flapping: it is resolved."]
    assert [kind for _, _, kind in desk.pushes] == ["first", "again"]


def test_nobody_is_woken_or_paged_by_what_flaps():
    rules = AttentionRules(flapping=FlappingRule(changes=2), policies={"standard": STANDARD})
    asleep = at_night(Severity.SEV3, NIGHT + DAY, rules=rules)
    asleep.told[FIN] = Desk().until(1).told[FIN]
    asleep.recovers(NIGHT + 10).fails(NIGHT + 20)
    assert (asleep.pushes, len(asleep.lines)) == ([], 1), "told in the thread, without a ring"
    assert climbing_and(rules).recovers(3).fails(4).until(30).pages == ONCE_AND_AGAIN[:1]


def climbing_and(rules: AttentionRules) -> Desk:
    return Desk(ways=[CLIMBED], rules=rules)


def test_what_it_was_is_asked_of_the_owner_and_then_of_the_lead():
    desk = Desk(rules=AttentionRules(classification=Classification(remind_after=timedelta(hours=2))))
    assert desk.recovers(60).until(3 * DAY).questions == [(180, 1), (300, 2)]
    named = Desk().changes(60, lambda i: i.resolved(at=minutes(60), by="ann", reason=Resolution.FIXED))
    assert named.until(9 * DAY).questions == []


def test_the_lead_is_not_asked_in_the_same_breath_after_a_standstill():
    desk = Desk().recovers(60)
    desk.now = minutes(9 * DAY)
    desk.decide()
    assert desk.until(12 * DAY).questions == [(9 * DAY, 1), (10 * DAY, 2)]


def test_what_ends_a_second_time_is_asked_about_again():
    desk = Desk().recovers(60).until(5 * DAY).fails(5 * DAY).recovers(5 * DAY + 60).until(6 * DAY + 60)
    assert desk.questions == [(60 + DAY, 1), (60 + 2 * DAY, 2), (6 * DAY + 60, 1)]


# ---- those who use the data


def test_those_who_use_the_data_may_be_told_when_nobody_waits_for_the_group_any_more():
    desk = Desk().until(0.2)
    assert desk.last is not None and desk.state.is_unheard and not desk.last.is_heard_now
    desk.until(1)
    assert desk.last.is_heard_now and not desk.state.is_unheard
    held = at_night(Severity.SEV3, NIGHT + DAY).until(NIGHT + 10)
    assert not held.state.is_unheard, "that the team is asleep is no reason not to tell the others"
    assert Desk(silences=(silence(-1, 60),)).until(50).state.is_unheard


# ---- what is remembered


def test_nothing_remembered_is_the_beginning_and_what_a_later_version_wrote_is_left_alone():
    assert to_record(Attention()) == {}
    assert from_record({}) == from_record({"something": ["new"]}) == Attention()
