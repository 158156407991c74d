"""Every kind of quiet as a table: what is kept quiet, why, and until when. T0 is a Friday, 09:00 UTC."""

from collections.abc import Mapping
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from incident_ops.core.hours import Hours
from incident_ops.core.matching import Matcher, parse_matcher
from incident_ops.core.muting import (
    Firing,
    InhibitRule,
    Maintenance,
    Quiet,
    QuietKind,
    QuietRules,
    Silence,
    quiet_by_hours,
    quiet_by_rule,
)
from incident_ops_tests.builders import minutes

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LABELS = {"asset": "a/b", "team": "fin", "nature": "freshness"}


def matchers(*texts: str) -> tuple[Matcher, ...]:
    return tuple(parse_matcher(text) for text in texts)


def silence(*texts: str, begins: float = -10, ends: float = 10, comment: str = "") -> Silence:
    return Silence(
        id=7,
        matchers=matchers(*texts),
        begins=minutes(begins),
        ends=minutes(ends),
        author="ann",
        comment=comment,
    )


def window(*texts: str, begins: float = -10, ends: float = 20, comment: str = "upgrade") -> Maintenance:
    return Maintenance(matchers=matchers(*texts), begins=minutes(begins), ends=minutes(ends), comment=comment)


def judged(rules: QuietRules, *, firing: tuple[Firing, ...] = (), snoozed: float | None = None) -> Quiet | None:
    return quiet_by_rule(
        "INC-1",
        LABELS,
        rules,
        firing=firing,
        snoozed_until=minutes(snoozed) if snoozed is not None else None,
        now=minutes(0),
    )


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (QuietRules(), None),
        (QuietRules(silences=(silence("team = fin"),)), (QuietKind.SILENCED, 10)),
        (QuietRules(silences=(silence(),)), (QuietKind.SILENCED, 10)),
        (QuietRules(silences=(silence("team = fin", "asset = x"),)), None),
        (QuietRules(silences=(silence("team = web"),)), None),
        (QuietRules(silences=(silence('domain = ""'),)), (QuietKind.SILENCED, 10)),
        (QuietRules(silences=(silence(begins=0),)), (QuietKind.SILENCED, 10)),
        (QuietRules(silences=(silence(begins=0.1),)), None),
        (QuietRules(silences=(silence(ends=0),)), None),
        (QuietRules(maintenance=(window("asset =~ a/.*"),)), (QuietKind.MAINTENANCE, 20)),
        (QuietRules(maintenance=(window("asset = x"),)), None),
        (QuietRules(silences=(silence(), silence(ends=30)), maintenance=(window(),)), (QuietKind.SILENCED, 30)),
        (QuietRules(silences=(silence(),), maintenance=(window(),)), (QuietKind.MAINTENANCE, 20)),
    ],
)
def test_silences_and_maintenance_windows(rules: QuietRules, expected: tuple[QuietKind, float] | None):
    """The reason that ends last wins: nobody looks again before."""
    quiet = judged(rules)
    assert (quiet and (quiet.kind, quiet.until)) == (expected and (expected[0], minutes(expected[1])))


def test_a_snooze_is_a_quiet_until_it_ends():
    snoozed = judged(QuietRules(silences=(silence(),)), snoozed=60)
    assert snoozed == Quiet(kind=QuietKind.SNOOZED, text="snoozed until 2026-11-20 10:00 UTC", until=minutes(60))
    assert judged(QuietRules(), snoozed=0) is None


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (
            QuietRules(silences=(silence(comment="known, ticket 12"),)),
            "silenced by ann until 2026-11-20 09:10 UTC (silence 7: known, ticket 12)",
        ),
        (QuietRules(silences=(silence(),)), "silenced by ann until 2026-11-20 09:10 UTC (silence 7)"),
        (QuietRules(maintenance=(window(),)), "maintenance window until 2026-11-20 09:20 UTC: upgrade"),
    ],
)
def test_the_reason_says_who_until_when_and_what_for(rules: QuietRules, text: str):
    quiet = judged(rules)
    assert quiet is not None and quiet.text == text


# ---- inhibition

PIPELINE = {"nature": "pipeline", "asset": "a/b", "team": "fin"}


def rule(sources: str, targets: str, *equal: str) -> InhibitRule:
    return InhibitRule(sources=matchers(sources), targets=matchers(targets), equal=equal)


@pytest.mark.parametrize(
    ("rule", "source", "expected"),
    [
        pytest.param(rule("nature = pipeline", "nature = freshness"), PIPELINE, True, id="no labels asked for"),
        pytest.param(rule("nature = pipeline", "nature = freshness", "asset"), PIPELINE, True, id="equal"),
        pytest.param(
            rule("nature = pipeline", "nature = freshness", "asset"),
            {**PIPELINE, "asset": "x"},
            False,
            id="differs",
        ),
        pytest.param(rule("nature = pipeline", "nature = freshness", "domain"), PIPELINE, True, id="both lack it"),
        pytest.param(
            rule("nature = pipeline", "nature = freshness", "domain"),
            {**PIPELINE, "domain": "finance"},
            False,
            id="one lacks it",
        ),
        pytest.param(
            rule("nature = pipeline", "nature = freshness", "domain"),
            {**PIPELINE, "domain": ""},
            True,
            id="empty is as good as missing",
        ),
        pytest.param(rule("nature = pipeline", "nature = volume"), PIPELINE, False, id="it is no target"),
        pytest.param(rule("nature = schema", "nature = freshness"), PIPELINE, False, id="the other is no source"),
        pytest.param(
            rule("team = fin", "nature = freshness"), PIPELINE, True, id="a target that is a source as well"
        ),
        pytest.param(rule("team = fin", "team = fin"), PIPELINE, False, id="two that would keep each other quiet"),
        pytest.param(
            rule("nature = pipeline", 'team = "fin"'), PIPELINE, True, id="a source that is a target too"
        ),
    ],
)
def test_inhibition(rule: InhibitRule, source: Mapping[str, str], expected: bool):
    quiet = judged(QuietRules(inhibit=(rule,)), firing=(Firing(id="INC-9", labels=source),))
    wanted = Quiet(kind=QuietKind.INHIBITED, text="inhibited while INC-9 is open") if expected else None
    assert quiet == wanted


def test_an_incident_does_not_inhibit_itself_and_what_only_an_event_ends_ends_last():
    inhibit = (rule("asset = a/b", "nature = freshness"),)
    assert judged(QuietRules(inhibit=inhibit), firing=(Firing(id="INC-1", labels=LABELS),)) is None
    others = tuple(Firing(id=f"INC-{n}", labels={"asset": "a/b"}) for n in (5, 6))
    both = judged(QuietRules(inhibit=inhibit * 2, silences=(silence(),)), firing=others)
    assert both is not None and (both.text, both.until) == ("inhibited while INC-5 is open", None)


# ---- hours

INTERVALS = {
    "nights": (Hours(zone=NEW_YORK, begins=time(20), ends=time(8)),),
    "weekends": (Hours(zone=BERLIN, days=frozenset({5, 6})),),
    "office": (Hours(zone=BERLIN, days=frozenset(range(5)), begins=time(9), ends=time(18)),),
    "lunch": (
        Hours(zone=BERLIN, begins=time(12), ends=time(13)),
        Hours(zone=NEW_YORK, begins=time(12), ends=time(13)),
    ),
    "always": (Hours(zone=BERLIN),),
}


@pytest.mark.parametrize(
    ("mute", "active", "now", "until"),
    [
        pytest.param((), (), "2026-11-20T02:00", None, id="neither"),
        pytest.param(("nights",), (), "2026-11-20T12:59", "2026-11-20T13:00", id="07:59 in New York"),
        pytest.param(("nights",), (), "2026-11-20T13:00", None, id="08:00 in New York"),
        pytest.param(("nights",), (), "2026-07-20T12:30", None, id="in summer 12:30 is 08:30 there"),
        pytest.param(("weekends",), (), "2026-11-20T23:00", "2026-11-22T23:00", id="Saturday in Berlin already"),
        pytest.param(
            ("nights", "weekends"), (), "2026-11-21T02:00", "2026-11-22T23:00", id="the one that ends last"
        ),
        pytest.param(("lunch",), (), "2026-11-20T17:30", "2026-11-20T18:00", id="one of two stretches of a name"),
        pytest.param((), ("office",), "2026-11-20T08:00", None, id="09:00 in Berlin: active"),
        pytest.param((), ("office",), "2026-11-20T07:59", "2026-11-20T08:00", id="08:59 in Berlin"),
        pytest.param((), ("office",), "2026-11-20T17:00", "2026-11-23T08:00", id="Friday evening, until Monday"),
        pytest.param(
            (), ("office",), "2026-10-23T17:00", "2026-10-26T08:00", id="the clocks are put back meanwhile"
        ),
        pytest.param((), ("office", "weekends"), "2026-11-21T17:00", None, id="active in one of them is enough"),
        pytest.param(
            ("lunch",), ("office",), "2026-11-20T11:10", "2026-11-20T12:00", id="muted within the active"
        ),
        pytest.param(("unknown",), (), "2026-11-20T11:10", None, id="a name that nobody knows"),
    ],
)
def test_a_route_is_quiet_inside_of_what_mutes_it_and_outside_of_what_activates_it(
    mute: tuple[str, ...], active: tuple[str, ...], now: str, until: str | None
):
    quiet = quiet_by_hours(mute, active, INTERVALS, now=datetime.fromisoformat(f"{now}Z"))
    assert (quiet.until if quiet else None) == (datetime.fromisoformat(f"{until}Z") if until else None)


@pytest.mark.parametrize(
    ("mute", "active", "text"),
    [
        (("always",), (), "muted by the time interval always"),
        (("office",), (), "muted by the time interval office until 2026-11-20 17:00 UTC"),
        (
            (),
            ("nights", "weekends"),
            "outside of the active time intervals nights, weekends, until 2026-11-20 23:00 UTC",
        ),
    ],
)
def test_the_reason_names_the_interval(mute: tuple[str, ...], active: tuple[str, ...], text: str):
    quiet = quiet_by_hours(mute, active, INTERVALS, now=datetime.fromisoformat("2026-11-20T14:00Z"))
    assert quiet is not None and (quiet.kind, quiet.text) == (QuietKind.MUTED, text)
