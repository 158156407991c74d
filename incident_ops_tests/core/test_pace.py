"""Token buckets: never more in a minute than allowed, and nobody waits without need."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.delivery import Delivery, DeliveryStatus
from incident_ops.core.notices import Action
from incident_ops.core.pace import Allowance, Lane, full, refilled, seconds_to_wait, taken
from incident_ops.core.routing import Destination
from incident_ops_tests.builders import minutes


def delivery(
    action: Action = Action.POST, *, to: str = "slack:#a", number: int | None = 1, in_doubt: bool = False
) -> Delivery:
    kind, _, address = to.partition(":")
    return Delivery(
        id=1,
        key="k",
        number=number,
        destination=Destination(kind=kind, address=address),
        action=action,
        text="",
        pushes=False,
        status=DeliveryStatus.SENDING,
        attempts=0,
        created_at=minutes(0),
        not_before=minutes(0),
        fate_unknown=in_doubt,
    )


@pytest.mark.parametrize(
    ("lane", "expected"),
    [
        (Lane(kind="slack"), True),
        (Lane(kind="email"), False),
        (Lane(kind="slack", address="#a"), True),
        (Lane(kind="slack", address="#b"), False),
        (Lane(kind="slack", actions=frozenset({Action.EDIT})), False),
        (Lane(kind="slack", actions=frozenset({Action.EDIT, Action.POST})), True),
        (Lane(kind="slack", number=1), True),
        (Lane(kind="slack", number=2), False),
        (Lane(kind="slack", in_doubt=True), False),
    ],
)
def test_a_lane_has_what_fits_all_that_it_names(lane: Lane, expected: bool) -> None:
    assert lane.has(delivery()) is expected


def test_what_is_in_doubt_is_in_the_lane_of_look_ups_and_in_the_others_too() -> None:
    doubtful = delivery(in_doubt=True)
    assert Lane(kind="slack", in_doubt=True).has(doubtful) and Lane(kind="slack").has(doubtful)


def test_a_full_bucket_lets_a_burst_pass_and_then_one_at_a_time() -> None:
    allowance = Allowance(every=2, burst=3)
    bucket = full(allowance, at=100)
    for _ in range(3):
        assert seconds_to_wait(bucket, allowance, at=100) == 0
        bucket = taken(bucket, allowance, at=100)
    assert seconds_to_wait(bucket, allowance, at=100) == 2
    assert seconds_to_wait(bucket, allowance, at=101.5) == 0.5
    assert seconds_to_wait(bucket, allowance, at=102) == 0
    assert refilled(bucket, allowance, at=1_000).tokens == 3, "no more is saved up"


@given(
    st.floats(0.01, 10),
    st.integers(1, 20),
    st.lists(st.floats(0, 30), min_size=1, max_size=80),
)
def test_in_no_stretch_of_time_does_more_pass_than_is_allowed(
    every: float, burst: int, pauses: list[float]
) -> None:
    """Whoever waits as long as was said may go, and never too many go."""
    allowance = Allowance(every=every, burst=burst)
    bucket, now, passed = full(allowance, at=0), 0.0, list[float]()
    for pause in pauses:
        now += pause
        now += seconds_to_wait(bucket, allowance, at=now)
        assert seconds_to_wait(bucket, allowance, at=now) == 0
        bucket = taken(bucket, allowance, at=now)
        passed.append(now)
    for n, begin in enumerate(passed):
        for m in range(n, len(passed)):
            assert m - n + 1 <= (passed[m] - begin) / every + burst + 1e-6


def test_a_clock_that_stands_still_or_steps_back_gives_nothing_away() -> None:
    allowance = Allowance(every=1)
    bucket = taken(full(allowance, at=10), allowance, at=10)
    assert seconds_to_wait(bucket, allowance, at=10) == 1
    assert seconds_to_wait(bucket, allowance, at=5) == 1
