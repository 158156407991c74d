"""Who is told of an incident, when, and why the others are not: stories with a moving clock. T0 is a Friday, 09:00
UTC."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from incident_ops.core.attention import AttentionRules
from incident_ops.core.budget import Budget
from incident_ops.core.hours import Hours
from incident_ops.core.incident import Incident
from incident_ops.core.matching import parse_matcher
from incident_ops.core.muting import Firing, InhibitRule, Maintenance
from incident_ops.core.pacing import Group
from incident_ops.core.routing import Destination
from incident_ops.core.routing.owners import OUR_OWN, Way, told_apart
from incident_ops.core.severity import Severity
from incident_ops_tests.builders import make_alert, make_incident, minutes
from incident_ops_tests.core.attending import (
    BERLIN,
    CLIMBED,
    DAY,
    FIN,
    HOUR,
    STANDARD,
    WEB,
    Desk,
    graded,
    silence,
    warning,
    way,
)

# ---- the clock


def test_one_cause_is_told_once_repeated_while_nobody_takes_it_and_never_after():
    desk = Desk().until(10 * HOUR)
    assert desk.pushes == [(0.5, "#fin", "first"), (240.5, "#fin", "again"), (480.5, "#fin", "again")]
    assert desk.notes[1] == "Still failing after 4 h."
    desk.acknowledged(601).until(3 * DAY)
    assert len(desk.pushes) == 3 and desk.wake_at is None


def test_what_ends_within_the_group_wait_is_told_to_nobody_and_the_timeline_says_so():
    desk = Desk().recovers(0.4).until(DAY)
    assert (desk.pushes, desk.said) == ([], ["nobody is pushed: it was over before anybody was told"])
    assert desk.questions == [], "who heard nothing is not asked what it was"


def test_what_a_retry_mended_at_once_is_told_all_the_same():
    """A flaky pipeline that nobody hears of stays flaky."""
    desk = Desk().changes(0.2, lambda i: i.found_flaky("run", at=minutes(0.2)).resolved(at=minutes(0.2)))
    assert desk.until(DAY).pushes == [(0.2, "#fin", "first")]


def test_what_joins_is_told_group_interval_after_the_last_push_and_by_name():
    desk = Desk().fails(2, "x/y").fails(4, "x/z").until(HOUR)
    assert desk.pushes == [(0.5, "#fin", "first"), (5.5, "#fin", "again")]
    assert desk.notes[1] == "It has grown: x/y: not_null, x/z: not_null since the last notice."


def test_growth_is_told_where_it_was_not_heard_though_another_place_was_pushed_meanwhile():
    desk = Desk(ways=[way(), way(WEB, group_wait=timedelta(minutes=3))]).fails(2, "x/y").until(HOUR)
    assert desk.pushes == [(0.5, "#fin", "first"), (3, "#web", "first"), (5.5, "#fin", "again")]


def test_the_member_that_came_is_named_though_members_are_kept_in_the_order_of_their_nearness():
    def arranged(incident: Incident) -> Incident:
        upstream = make_incident(2, make_alert("raw", minutes(1))).members
        return replace(incident, members=(*upstream, *incident.members))

    assert "raw: not_null since" in Desk().changes(2, arranged).until(HOUR).notes[1]


def test_a_member_that_takes_the_place_of_one_that_left_is_growth():
    desk = Desk().fails(0.1, "x/y")
    desk.changes(1, lambda i: replace(i, members=i.members[:1])).fails(2, "x/z").until(HOUR)
    assert desk.pushes == [(0.5, "#fin", "first"), (5.5, "#fin", "again")]


def test_a_failure_that_comes_back_rings_no_sooner_than_one_that_stays():
    """Else a flaky task would ring with each retry."""
    desk = Desk().recovers(30).fails(40).until(5 * HOUR)
    assert desk.pushes == [(0.5, "#fin", "first"), (240.5, "#fin", "again")]


@pytest.mark.parametrize("slow", [7, 50])
def test_an_outage_of_the_sink_neither_doubles_a_push_nor_shortens_the_cool_down(slow: int):
    desk = Desk(slow=timedelta(minutes=slow)).until(8 * HOUR)
    assert [at for at, *_ in desk.pushes] == [0.5, 240.5 + slow]


def test_a_place_that_refuses_the_post_is_not_given_it_again():
    assert len(Desk(refuses=frozenset({FIN})).until(DAY).pushes) == 1


def test_a_post_that_was_withdrawn_when_the_route_left_is_given_when_it_comes_back():
    desk = Desk().until(1)
    desk.told.clear()
    desk.waiting.clear()
    desk.ways = [way(WEB)]
    desk.fails(2, "x/y").ways = [way()]
    assert desk.fails(3, "x/z").pushes[-1] == (3, "#fin", "first")


def test_what_was_told_at_a_place_with_a_merged_incidents_post_is_repeated_there():
    desk = Desk()
    desk.told[FIN] = desk.told[WEB] = replace(Desk().until(1).told[FIN], last_push_at=None)
    assert desk.until(5 * HOUR).pushes == [(240, "#fin", "again")]


def test_an_incident_whose_route_leads_nowhere_says_so():
    desk = Desk(ways=[]).until(DAY)
    assert desk.said == ["nobody is pushed: its route leads to no place that can be written to"]


# ---- groups


def test_others_of_the_group_go_along_and_do_not_ring():
    def told_now(now: datetime) -> dict[tuple[str, Destination], Group]:
        return {("route", FIN): Group(told_at=minutes(0.5), lead="INC-9")} if now >= minutes(0.5) else {}

    desk = Desk(ways=[way(group_by=("team",))], groups=told_now).until(5 * HOUR)
    assert desk.pushes == [(0.5, "#fin", "first, silently"), (240.5, "#fin", "again")]


def test_who_comes_late_to_a_group_waits_for_its_next_notice_with_the_reason():
    group = {("route", FIN): Group(told_at=minutes(-2), lead="INC-9")}
    desk = Desk(ways=[way(group_by=("team",))], groups=lambda now: group).until(HOUR)
    assert desk.pushes == [(3, "#fin", "first")]
    assert desk.said == ["nobody is pushed: grouped by team with INC-9, told at 2026-11-20 09:03 UTC"]


def test_what_goes_along_costs_no_budget():
    spent = {FIN: [minutes(-n) for n in range(5, 0, -1)]}
    desk = Desk(groups=lambda now: {("route", FIN): Group(told_at=now, lead="INC-9")}, spent=spent)
    assert desk.until(1).pushes == [(0, "#fin", "first, silently")]


# ---- quiets


def test_a_silence_stops_first_sends_and_repeats_and_is_made_up_for_at_its_end():
    assert Desk(silences=(silence(-10, 60),)).until(2 * HOUR).pushes == [(60, "#fin", "first")]
    desk = Desk(silences=(silence(100, 300),)).until(6 * HOUR)
    assert desk.pushes == [(0.5, "#fin", "first"), (300, "#fin", "again")]
    assert desk.said == [
        "nobody is pushed: silenced by ann until 2026-11-20 14:00 UTC (silence 3: known)",
    ], "said once, however often it is looked at"


def test_a_maintenance_window_stops_sends_climbs_and_reminders_and_a_resolve_inside_is_recorded():
    window = Maintenance(matchers=(), begins=minutes(-5), ends=minutes(120), comment="upgrade")
    rules = AttentionRules(
        maintenance=(window,), policies={"standard": STANDARD}, reminders={Severity.SEV1: timedelta(minutes=15)}
    )
    desk = Desk(ways=[CLIMBED], rules=rules, incident=graded(Severity.SEV1)).recovers(100).until(DAY)
    assert (desk.pushes, desk.pages, desk.reminders) == ([], [], [])
    assert desk.said[0] == "nobody is pushed: maintenance window until 2026-11-20 11:00 UTC: upgrade"
    assert not desk.incident.is_open
    going_on = Desk(ways=[CLIMBED], rules=rules, incident=graded(Severity.SEV1)).until(121)
    assert (going_on.pushes, going_on.pages) == ([(120, "#fin", "first")], [(120, "schedule:primary")])


def test_reminders_go_on_when_a_silence_ends():
    rules = AttentionRules(reminders={Severity.SEV1: timedelta(minutes=15)})
    desk = Desk(rules=rules, incident=graded(Severity.SEV1), silences=(silence(10, 60),)).until(80)
    assert desk.reminders == [60, 75]


def test_what_is_inhibited_is_pushed_when_its_source_is_over():
    rule = InhibitRule(sources=(parse_matcher("nature = pipeline"),), targets=(parse_matcher("asset = a/b"),))
    source = Firing(id="INC-9", labels={"nature": "pipeline"})
    desk = Desk(rules=AttentionRules(inhibit=(rule,)), firing=(source,)).until(HOUR)
    assert (desk.pushes, desk.said) == ([], ["nobody is pushed: inhibited while INC-9 is open"])
    desk.firing = ()
    desk.decide()
    assert desk.pushes == [(60, "#fin", "first")]


def test_a_snooze_ends_by_itself():
    desk = Desk().until(1)
    desk.state = replace(desk.state, snoozed_until=minutes(300))
    desk.decide()
    assert desk.until(DAY / 2).pushes[1] == (300, "#fin", "again")


def test_a_muted_branch_waits_and_another_does_not():
    nights = Hours(zone=BERLIN, begins=time(20), ends=time(8))
    muted = way(WEB, mute=("nights",), path="route.routes[0]")
    desk = Desk(ways=[way(), muted], rules=AttentionRules(intervals={"nights": (nights,)}))
    desk.now = minutes(11 * HOUR)  # 21:00 in Berlin
    desk.incident = make_incident(1, make_alert(occurred_at=desk.now))
    desk.until(24 * HOUR)
    assert [push for push in desk.pushes if push[1] == "#web"] == [(22 * HOUR, "#web", "first")]
    assert desk.pushes[0] == (660.5, "#fin", "first")
    assert desk.said[0] == "#web is not pushed: muted by the time interval nights until 2026-11-21 07:00 UTC"


def test_a_warning_is_one_line_in_the_digest_and_becomes_a_push_when_it_is_an_error():
    desk = Desk(incident=warning()).until(HOUR)
    why = "WARN is recorded and listed, not pushed, in the daily digest"
    assert (desk.pushes, desk.listed, desk.said) == ([], [(0.5, "#fin", why)], [f"nobody is pushed: {why}"])
    assert desk.fails(90).pushes == [(90, "#fin", "first")]


def test_our_own_warnings_are_recorded_and_our_own_troubles_know_no_budget():
    own = Way(destination=FIN, node=OUR_OWN, reason="our own trouble")
    spent = {FIN: [minutes(-n) for n in range(9, 0, -1)]}
    desk = Desk(ways=[own], incident=warning(), spent=spent).until(HOUR)
    assert (desk.pushes, desk.listed) == ([], [])
    assert desk.said == ["nobody is pushed: WARN is recorded and listed, not pushed"]
    assert Desk(ways=[own], spent=spent).until(1).pushes == [(0, "#fin", "first")]


def test_two_places_with_one_address_are_told_apart_on_the_timeline():
    inbox = replace(FIN, kind="inbox")
    both = [Way(destination=place, node=OUR_OWN, reason="our own trouble") for place in (FIN, inbox)]
    assert told_apart(both) == "slack:#fin: our own trouble; inbox:#fin: our own trouble"
    assert (
        told_apart([both[0], replace(both[1], destination=WEB)]) == "#fin: our own trouble; #web: our own trouble"
    )


def test_a_branch_for_the_digest_lists_again_when_it_fails_again_and_not_before():
    desk = Desk(ways=[way(digest="weekly", path="route.routes[2]")]).until(2 * DAY).fails(3 * DAY)
    assert [(at, address) for at, address, _ in desk.listed] == [(0.5, "#fin"), (3 * DAY, "#fin")]
    assert desk.listed[0][2] == "it is for the weekly digest (route.routes[2])"
    assert desk.pushes == []


def test_every_place_has_its_own_digest():
    """Without it the second reason would say "digest" and be in none."""
    spent = {WEB: [minutes(-n) for n in range(5, 0, -1)]}
    later = way(WEB, group_wait=timedelta(minutes=9))
    desk = Desk(ways=[way(digest="daily"), later], spent=spent).until(HOUR)
    assert [(at, address) for at, address, _ in desk.listed] == [(0.5, "#fin"), (9, "#web")]


def test_an_echo_is_listed_too():
    assert Desk(ways=[way(digest="daily")], incident=make_incident(failure_count=0)).until(1).listed != []


@pytest.mark.parametrize(
    ("anything", "reason"),
    [
        ({"backlog": True}, "it is older than our installation by more than a day: recorded, not pushed"),
        ({"merged_into": 7}, "merged into INC-7"),
        ({"excuse": "black friday was announced"}, "black friday was announced"),
    ],
)
def test_what_concerns_nobody_is_kept_with_the_reason(anything: dict[str, Any], reason: str):
    desk = Desk(incident=make_incident(**anything)).until(DAY)
    assert (desk.pushes, desk.pages, desk.listed) == ([], [], [])
    assert (desk.said, desk.wake_at) == ([f"nobody is pushed: {reason}"], None)


# ---- the budget


def test_what_is_over_budget_is_the_digests_also_when_there_is_budget_again():
    """Pushed a day later it would be old, and use up the budget of that day."""
    spent = {FIN: [minutes(-n) for n in range(5, 0, -1)]}
    desk = Desk(spent=spent).until(HOUR).fails(2 * DAY)
    assert desk.pushes == []
    assert [(at, address) for at, address, _ in desk.listed] == [(0.5, "#fin"), (2 * DAY, "#fin")]
    assert desk.said == ["nobody is pushed: over budget: #fin had its 5 pushes within 1 d"]
    desk.fails(2 * DAY + 1, severity=Severity.SEV1)
    assert desk.pushes == [(2 * DAY + 1, "#fin", "first")], "what is grave is pushed all the same"


def test_a_repeat_over_budget_rings_when_there_is_budget_again():
    desk = Desk().until(1)
    desk.spent = {FIN: [minutes(each) for each in (0.5, 100, 110, 120, 130)]}
    desk.until(2 * DAY)
    assert desk.pushes[:2] == [(0.5, "#fin", "first"), (1440.5, "#fin", "again")]


def test_the_push_that_uses_up_the_budget_says_so():
    desk = Desk(rules=AttentionRules(budget=Budget(pushes=1))).until(1)
    assert desk.notes[0].startswith("This was the last of 1 pushes within 1 d: until 2026-11-21 09:00 UTC")
