"""Tables of one job: what they do together is no anomaly of one of them, an outage of all is one of each."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from incident_ops.core.anomaly import Series, judge

MONDAY = datetime(2025, 3, 3, 6, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = 100
AT = MONDAY + DAYS * DAY


def tables(count: int, *, today: float, noise: float = 0.1, level: float = 2000) -> list[Series]:
    """Tables with a value at `AT`, `today` times the usual."""
    return [
        [
            (
                MONDAY + day * DAY,
                round((today if day == DAYS else 1) * level * (n + 1) * random.lognormvariate(0, noise)),
            )
            for day in range(DAYS + 1)
        ]
        for n, random in enumerate(map(Random, range(count)))
    ]


OWN = tables(9, today=1.0)[8][:-1]
USUAL = 18_000.0


@pytest.mark.parametrize(
    ("share", "peers_at", "anomalous"),
    [
        (0.4, 1.0, True),  # alone
        (0.4, 0.4, False),  # a holiday
        (2.2, 2.2, False),  # a campaign
        (1.0, 0.4, True),  # as ever, while all others fall
        (0.0, 0.0, True),  # all are empty: an outage is an anomaly of each
        (0.02, 0.02, True),
        (0.0, 0.4, True),  # empty on a holiday
    ],
)
def test_what_all_tables_of_a_job_do_is_not_held_against_one(share: float, peers_at: float, anomalous: bool):
    found = judge(OWN, round(share * USUAL), at=AT, peers=tables(8, today=peers_at))
    assert found.anomalous is anomalous, found


def test_the_reason_tells_of_the_common_movement():
    """Otherwise the bounds of a holiday look like a mistake."""
    found = judge(OWN, 7000, at=AT, peers=tables(8, today=0.4))
    assert " when its peers are at −" in found.reason
    assert " when its peers" not in judge(OWN, 7000, at=AT, peers=tables(8, today=1.0)).reason


def test_peers_that_go_on_as_ever_make_the_bounds_narrower():
    """With them a day that is strange everywhere is ruled out."""
    alone, together = (judge(OWN, USUAL, at=AT, peers=peers) for peers in ((), tables(8, today=1.0)))
    assert alone.low < together.low < together.high < alone.high


@pytest.mark.parametrize("count", [1, 2])
def test_two_peers_are_no_crowd(count: int):
    """The fault of one of two must not move the other table's bounds."""
    assert judge(OWN, USUAL, at=AT, peers=tables(count, today=0.3)) == judge(OWN, USUAL, at=AT)


def test_a_fault_of_one_peer_is_not_a_common_movement():
    peers = tables(8, today=1.0)
    broken = [[*peers[0][:-1], (AT, 0.0)], *peers[1:]]
    assert not judge(OWN, USUAL, at=AT, peers=broken).anomalous
    assert judge(OWN, 0, at=AT, peers=broken).anomalous


@pytest.mark.parametrize(
    "peers",
    [
        [[]],
        [[(AT, 5.0)]] * 5,
        [[(AT - DAY, float("nan"))]] * 5,
        [[(MONDAY + n * DAY, -5.0) for n in range(DAYS + 1)]] * 5,
        [series[:-1] for series in tables(5, today=1.0)],  # not loaded yet
        [[*series, (AT + DAY, 1e9)] for series in tables(5, today=1.0)],
        [list(reversed(series)) for series in tables(5, today=1.0)],
        [series[::40] for series in tables(5, today=1.0)],
    ],
)
def test_peers_of_any_shape_are_borne(peers: list[Series]):
    assert not judge(OWN, USUAL, at=AT, peers=peers).anomalous
    assert judge(OWN, 0, at=AT, peers=peers).anomalous


@pytest.mark.parametrize("minutes", [-90, 40, 90])
def test_peers_may_be_loaded_a_little_earlier_or_later(minutes: int):
    peers = [
        [(when + timedelta(minutes=minutes), value) for when, value in series] for series in tables(8, today=0.4)
    ]
    assert not judge(OWN, 7200, at=AT, peers=peers).anomalous


def test_weekly_tables_have_peers_too():
    def slow(series: Series) -> Series:
        return [(MONDAY + (when - MONDAY) * 7, value) for when, value in series]

    at, peers = MONDAY + DAYS * DAY * 7, [slow(series) for series in tables(8, today=0.4)]
    assert judge(slow(OWN), 7200, at=at).anomalous
    assert not judge(slow(OWN), 7200, at=at, peers=peers).anomalous
