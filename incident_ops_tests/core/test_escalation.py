"""Who is paged next, and that nobody is left out or called twice."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.escalation import (
    PUNCTUAL,
    Climb,
    EscalationPolicy,
    EscalationStep,
    Page,
    advanced,
    begun,
    frozen,
    resumed,
    skipped,
)
from incident_ops_tests.builders import minutes


def step(who: str, wait: float) -> EscalationStep:
    return EscalationStep(targets=(who,), wait=timedelta(minutes=wait))


STANDARD = EscalationPolicy(name="standard", steps=(step("schedule:primary", 5), step("lea", 10)), repeat=1)


def climbed(climb: Climb, times: Sequence[datetime]) -> tuple[Climb, list[tuple[datetime, Page]]]:
    pages: list[tuple[datetime, Page]] = []
    for now in times:
        climb, page = advanced(climb, now=now)
        pages += [(now, page)] if page is not None else []
    return climb, pages


def every(seconds: float, until: float) -> list[datetime]:
    return [minutes(n * seconds / 60) for n in range(int(until * 60 / seconds) + 1)]


@pytest.mark.parametrize("seconds", [1, 7, 30, 60])
def test_pages_at_0_5_15_and_20_minutes_then_it_is_exhausted_at_30(seconds: float):
    """However the passes fall, they do not add up."""
    climb, pages = climbed(begun(STANDARD, at=minutes(0)), every(seconds, 29.9))
    on_time = [
        timedelta(0) <= at - minutes(due) < timedelta(seconds=seconds)
        for (at, _), due in zip(pages, [0, 5, 15, 20], strict=True)
    ]
    assert all(on_time) and not climb.is_exhausted
    assert [str(page) for _, page in pages] == [
        "step 0 of standard",
        "step 1 of standard",
        "step 0 of standard, round 2",
        "step 1 of standard, round 2",
    ]
    climb, page = advanced(climb, now=minutes(30))
    assert (climb.is_exhausted, page) == (True, None)
    assert advanced(climb, now=minutes(999)) == (climb, None)


def test_an_acknowledged_incident_does_not_climb():
    climb, [first] = climbed(begun(STANDARD, at=minutes(0)), [minutes(0)])
    climb, pages = climbed(frozen(climb), every(30, 60))
    assert (first[1].targets, pages) == (("schedule:primary",), [])


def test_an_acknowledgement_that_led_to_nothing_calls_the_next_at_once():
    climb, _ = climbed(begun(STANDARD, at=minutes(0)), [minutes(0)])
    climb, pages = climbed(resumed(frozen(climb), at=minutes(33)), every(60, 90))
    assert [(at, page.number) for at, page in pages] == [(minutes(33), 1), (minutes(43), 2), (minutes(48), 3)]
    assert climb.is_exhausted


@pytest.mark.parametrize("acknowledged_at", [25, 40])
def test_at_the_top_the_steps_are_gone_through_once_more(acknowledged_at: float):
    climb, _ = climbed(begun(STANDARD, at=minutes(0)), every(60, acknowledged_at))
    climb, pages = climbed(resumed(frozen(climb), at=minutes(70)), every(60, 100))
    assert [(at, page.number, page.step) for at, page in pages] == [(minutes(70), 4, 0), (minutes(75), 5, 1)]
    assert climb.is_exhausted


def test_who_was_not_acknowledged_is_not_resumed():
    climb = begun(STANDARD, at=minutes(0))
    assert resumed(climb, at=minutes(9)) is climb


def test_after_a_standstill_who_is_paged_has_the_whole_time_to_answer():
    climb, pages = climbed(begun(STANDARD, at=minutes(0)), [minutes(300), minutes(304.9), minutes(305)])
    assert [at for at, _ in pages] == [minutes(300), minutes(305)]
    assert climb.due_at == minutes(315)


def test_a_step_that_reached_nobody_is_followed_by_the_next_at_once():
    climb, _ = climbed(begun(STANDARD, at=minutes(0)), [minutes(0)])
    _, page = advanced(skipped(climb, now=minutes(0)), now=minutes(0))
    assert page is not None and page.targets == ("lea",)


def test_a_policy_without_steps_is_exhausted_at_once():
    climb, page = advanced(begun(replace(STANDARD, steps=()), at=minutes(0)), now=minutes(0))
    assert (climb.is_exhausted, page) == (True, None)


policies = st.builds(
    EscalationPolicy,
    name=st.just("p"),
    steps=st.lists(st.builds(step, st.sampled_from("abc"), st.integers(0, 30)), max_size=4).map(tuple),
    repeat=st.integers(0, 5),
)
gaps = st.lists(st.one_of(st.integers(-20, 90), st.integers(0, 40_000)), max_size=80)
"""Seconds from pass to pass: workers whose clocks differ, doubled passes, standstills."""


@given(policies, gaps)
def test_whatever_the_timing_no_step_is_skipped_doubled_or_early(policy: EscalationPolicy, seconds: list[int]):
    times, now = [], minutes(0)
    for gap in seconds:
        now += timedelta(seconds=gap)
        times.append(now)
    climb, pages = climbed(begun(policy, at=minutes(0)), times)
    assert [page.number for _, page in pages] == list(range(len(pages)))
    assert [(page.round, page.step) for _, page in pages] == [
        divmod(n, len(policy.steps)) for n in range(len(pages))
    ]
    for (before, page), (after, _) in pairwise(pages):
        wait = policy.steps[page.step].wait
        assert after - before >= wait - PUNCTUAL, "who was paged had the time to answer"
    assert climb.taken == len(pages) <= policy.length
    end = max([*times, climb.due_at])
    rest = [end + timedelta(days=n) for n in range(policy.length - len(pages) + 1)]
    climb, more = climbed(climb, rest)
    assert (len(pages) + len(more), climb.is_exhausted) == (policy.length, True), "it comes to its end"
