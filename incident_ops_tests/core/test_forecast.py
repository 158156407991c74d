"""Which deadlines will be missed, told while the clock moves. raw → orders → cfo_dash unless said otherwise."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import pytest

from incident_ops.core.forecast import Expected, Verdict, between, clock_text, forecast, next_harm, route_text
from incident_ops.core.forecast.arrivals import LateSince
from incident_ops.core.forecast.under_way import Run, builds_of
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.provenance import Materialization
from incident_ops_tests.builders import T0, minutes
from incident_ops_tests.core.builds import built, chain

LINE = AssetGraph.from_edges([("raw", "orders"), ("orders", "cfo_dash")])
TEN = minutes(60)
LATE = LateSince(since=minutes(-60))
PAST = chain(raw=10, orders=7, cfo_dash=5)


def ahead(
    *late: str,
    at: datetime = T0,
    due: Mapping[str, datetime] | datetime = TEN,
    history: Iterable[Materialization] = PAST,
    graph: AssetGraph = LINE,
    runs: Iterable[Run] = (),
) -> tuple[Expected, ...]:
    deadlines = due if isinstance(due, Mapping) else {"cfo_dash": due}
    return forecast(dict.fromkeys(late, LATE), graph, history, deadlines, now=at, builds=builds_of(runs, graph))


def test_the_arrival_is_the_sum_of_the_builds_on_the_way() -> None:
    (found,) = ahead("raw")
    assert found.eta == found.eta_high == minutes(22)
    assert found.slack == timedelta(minutes=38)
    assert found.path == ("raw", "orders", "cfo_dash")
    assert found.verdict is Verdict.WILL_MAKE
    assert found.basis == (
        "median of 14 builds along raw → orders → cfo_dash: 22 min; "
        "as if raw, late since 08:00 UTC, were repaired now"
    )


@pytest.mark.parametrize(
    ("at", "verdict"),
    [
        (minutes(37), Verdict.WILL_MAKE),
        (minutes(38), Verdict.WILL_MAKE),
        (minutes(38.02), Verdict.WILL_MISS),
        (minutes(59), Verdict.WILL_MISS),
        (minutes(60), Verdict.MISSED),
        (minutes(90), Verdict.MISSED),
    ],
)
def test_will_miss_is_said_as_soon_as_no_repair_can_help_any_more(at: datetime, verdict: Verdict) -> None:
    """22 minutes before the deadline, when the freshness policy has nothing to say yet."""
    (found,) = ahead("raw", at=at)
    assert found.verdict is verdict


def test_the_nearer_to_the_end_something_fails_the_later_it_is_said() -> None:
    assert [ahead(late, at=minutes(50))[0].verdict for late in ("raw", "orders", "cfo_dash")] == [
        Verdict.WILL_MISS,
        Verdict.WILL_MISS,
        Verdict.WILL_MAKE,
    ]


def test_a_late_asset_with_a_deadline_of_its_own_is_told_of_too() -> None:
    found = ahead("raw", at=minutes(55), due={"raw": minutes(60), "cfo_dash": minutes(90)})
    assert [(each.asset, each.verdict, each.path) for each in found] == [
        ("raw", Verdict.WILL_MISS, ("raw",)),
        ("cfo_dash", Verdict.WILL_MAKE, ("raw", "orders", "cfo_dash")),
    ]
    assert found[0].basis.startswith("median of 14 builds of raw: 10 min")


def test_a_failed_asset_waits_for_its_own_late_upstream() -> None:
    (found,) = ahead("raw", "orders")
    assert (found.eta, found.path[0]) == (minutes(22), "raw")


def test_what_lies_beside_the_way_is_not_spoken_of() -> None:
    assert ahead("orders", due={"raw": minutes(1)}) == ()
    assert ahead("nobody knows it") == ()
    assert ahead() == ()


def run(*to_come: str, began: float | None, built: Mapping[str, float] | None = None, failed: str = "") -> Run:
    """Minutes after nine; None for one that waits in the queue."""
    return Run(
        started_at=None if began is None else minutes(began),
        to_come=frozenset(to_come),
        built={key: minutes(minute) for key, minute in (built or {}).items()},
        failed=frozenset(failed.split()),
    )


def test_a_build_under_way_counts_from_its_start() -> None:
    (found,) = ahead("raw", at=minutes(30), runs=[run("raw", began=24)])
    assert found.eta == minutes(24 + 22)
    assert found.basis.endswith("raw is being built since 09:24 UTC")


def test_a_build_that_takes_longer_than_usual_is_expected_any_moment() -> None:
    (found,) = ahead("raw", at=minutes(50), runs=[run("raw", began=24)])
    assert found.eta == minutes(50 + 12)


@pytest.mark.parametrize(
    ("runs", "eta", "begins"),
    [
        pytest.param([run("raw", began=None)], 52, "raw waits in the run queue", id="queued"),
        pytest.param([run("raw", "orders", "cfo_dash", began=24)], 46, "raw is being built", id="the whole way"),
        pytest.param([run("orders", began=24)], 36, "orders is being built since 09:24", id="with what is there"),
        pytest.param([run("cfo_dash", began=None)], 35, "cfo_dash waits in the run queue", id="queued below"),
        pytest.param(
            [run("orders", began=10, built={"raw": 28})], 40, "orders is being built since 09:28", id="turn"
        ),
        pytest.param([run("raw", began=29), run("raw", began=24)], 46, "raw is being built since 09:24", id="two"),
        pytest.param([run("orders", began=24, failed="raw")], 52, "as if raw", id="skipped"),
        pytest.param([run("cfo_dash", "orders", began=24, failed="raw")], 52, "as if raw", id="skipped after it"),
        pytest.param([run("aside", began=24)], 52, "as if raw", id="of something else"),
    ],
)
def test_what_runs_have_still_to_build_comes_from_them(runs: list[Run], eta: float, begins: str) -> None:
    """Asked at half past nine; 22 minutes from raw, 12 from orders, 5 of the dashboard alone."""
    (found,) = ahead("raw", at=minutes(30), runs=runs)
    assert found.eta == minutes(eta)
    assert begins in found.basis


def test_in_one_run_no_asset_waits_for_its_usual_time() -> None:
    """Usually by the clock at six; this run has it right after raw."""
    past: list[Materialization] = []
    for day in range(9):
        raw = built("raw", T0 - timedelta(days=9 - day, hours=5, minutes=(day * 37) % 120), took=10)
        past += [raw, built("dash", T0 - timedelta(days=9 - day, hours=3), took=5, reads={"raw": raw})]
    graph = AssetGraph.from_edges([("raw", "dash")])
    due = {"dash": minutes(60)}
    (alone,) = ahead("raw", due=due, graph=graph, history=past)
    (together,) = ahead("raw", due=due, graph=graph, history=past, runs=[run("raw", "dash", began=-2)])
    assert "dash starts at its usual times" in alone.basis
    assert together.eta == minutes(8 + 5)
    assert "usual times" not in together.basis


def test_a_run_that_hangs_keeps_no_warning_back() -> None:
    """Its process was killed, and it stays "started" for ever; a new one beside it counts."""
    dead, now = run("raw", began=-24 * 60), minutes(45)
    (found,) = ahead("raw", at=now, runs=[dead])
    assert found.verdict is Verdict.WILL_MISS
    assert found.basis.endswith(
        "its run of 2026-11-19 09:00 UTC takes far longer than any before and is not counted on"
    )
    (found,) = ahead("raw", at=now, runs=[dead, run("raw", began=36)])
    assert (found.eta, found.verdict) == (minutes(36 + 22), Verdict.WILL_MAKE)


def test_a_known_repair_is_counted_from() -> None:
    late = {"raw": LateSince(since=T0, repaired_at=minutes(45))}
    (found,) = forecast(late, LINE, PAST, {"cfo_dash": minutes(60)}, now=T0)
    assert (found.eta, found.verdict) == (minutes(67), Verdict.WILL_MISS)
    assert "raw repaired at 09:45 UTC" in found.basis


def test_the_slowest_of_several_ways_decides() -> None:
    graph = AssetGraph.from_edges([("raw", "quick"), ("raw", "slow"), ("quick", "mart"), ("slow", "mart")])
    past: list[Materialization] = []
    for day in range(9):
        start = T0 - timedelta(days=9 - day)
        raw = built("raw", start, took=10)
        quick = built("quick", start + timedelta(minutes=1), took=1, reads={"raw": raw})
        slow = built("slow", start + timedelta(minutes=40), took=40, reads={"raw": raw})
        mart = built("mart", start + timedelta(minutes=45), took=5, reads={"quick": quick, "slow": slow})
        past += [raw, quick, slow, mart]
    (found,) = ahead("raw", due={"mart": minutes(50)}, graph=graph, history=past)
    assert (found.eta, found.path) == (minutes(55), ("raw", "slow", "mart"))
    assert found.verdict is Verdict.WILL_MISS


def test_what_starts_by_the_clock_waits_for_its_next_start() -> None:
    """orders starts at 07:00 whenever raw came: a raw at 09:10 is read tomorrow at 07:00."""
    past: list[Materialization] = []
    for day, took in enumerate([10, 14, 6, 22, 9, 17, 12, 5, 25, 11, 13, 8]):
        six = T0 - timedelta(days=12 - day, hours=3)
        raw = built("raw", six + timedelta(minutes=took), took=took)
        past += [raw, built("orders", six + timedelta(minutes=80), took=20, reads={"raw": raw})]
    (found,) = ahead("raw", due={"orders": minutes(120)}, history=past)
    assert found.eta == T0 + timedelta(hours=22, minutes=20)
    assert found.verdict is Verdict.WILL_MISS
    assert found.basis.endswith("orders starts at its usual times, every 1 d")


def test_what_does_not_wait_for_the_late_asset_is_not_held_up() -> None:
    """A daily table over a weekly one is built from last week's, on time."""
    graph = AssetGraph.from_edges([("raw", "orders"), ("countries", "orders")])
    past = [built("countries", T0 - timedelta(days=30), took=3)]
    for day in range(9):
        raw = built("raw", T0 - timedelta(days=9 - day), took=10)
        read = {"raw": raw, "countries": past[0]}
        past += [raw, built("orders", raw.at + timedelta(minutes=7), took=7, reads=read)]
    assert ahead("countries", due={"orders": minutes(5)}, graph=graph, history=past) == ()
    assert len(ahead("raw", due={"orders": minutes(5)}, graph=graph, history=past)) == 1


def test_bad_luck_is_weighed_and_does_not_add_up() -> None:
    """Builds of 10 min, one in five of 30: three in a row take 30 min usually; all three being slow is rare."""
    past: list[Materialization] = []
    for day in range(20):
        moment, above = T0 - timedelta(days=20 - day), dict[str, Materialization]()
        for place, asset in enumerate(("raw", "orders", "cfo_dash")):
            took = 30 if (day + 2 * place) % 5 == 0 else 10
            moment += timedelta(minutes=took)
            above = {asset: built(asset, moment, took=took, reads=above)}
            past += above.values()
    (found,) = ahead("raw", history=past, due=minutes(40))
    assert found.eta == minutes(30)
    assert minutes(45) < found.eta_high < minutes(80), "one or two slow ones; 90 min would be all three"
    assert found.verdict is Verdict.MAY_MISS


def test_without_a_past_the_arrival_is_the_earliest_possible_and_says_so() -> None:
    (found,) = ahead("raw", history=[])
    assert found.eta == T0
    assert found.basis.startswith("no build along raw → orders → cfo_dash is known, counted as 0 s")
    (found,) = ahead("raw", history=[m for m in PAST if m.asset != "orders"])
    assert "no build of orders is known, counted as 0 s" in found.basis


def test_few_builds_and_assumptions_are_owned_up_to() -> None:
    past = [
        built(asset, T0 - timedelta(days=d), took=5) for asset in ("raw", "orders", "cfo_dash") for d in (1, 2)
    ]
    (found,) = ahead("raw", history=past)
    assert found.eta == minutes(15)
    assert found.basis.startswith("median of only 2 builds along raw")
    assert found.basis.endswith("assuming that orders, cfo_dash follow at once")


@pytest.mark.parametrize("back", [("orders", "raw"), ("cfo_dash", "raw"), ("cfo_dash", "orders")])
def test_a_cycle_gives_an_answer_that_is_not_too_early(back: tuple[str, str]) -> None:
    graph = AssetGraph.from_edges([("raw", "orders"), ("orders", "cfo_dash"), back])
    (found,) = ahead("raw", graph=graph)
    assert found.eta >= minutes(22)
    assert (found.path[0], found.path[-1]) == ("raw", "cfo_dash")


def test_the_soonest_deadline_comes_first_and_the_next_harm_is_one_that_will_be_missed() -> None:
    due = {"raw": minutes(12), "orders": minutes(10), "cfo_dash": minutes(20)}
    found = ahead("raw", due=due)
    assert [each.asset for each in found] == ["orders", "raw", "cfo_dash"]
    assert next_harm(found) == minutes(10)
    assert next_harm(ahead("raw", at=minutes(15), due=due)) == minutes(20), "one that has passed is not ahead"
    assert next_harm(ahead("raw")) is None


def test_only_what_lies_between_is_looked_at() -> None:
    graph = AssetGraph.from_edges([("raw", "a"), ("a", "b"), ("raw", "c"), ("d", "b")])
    assert between(graph, ["raw"], ["b"]) == {"raw", "a", "b"}
    assert between(graph, ["raw"], ["d"]) == set()
    assert between(graph, ["unheard of"], ["unheard of"]) == {"unheard of"}


def test_the_same_question_has_the_same_answer() -> None:
    assert ahead("raw", history=PAST) == ahead("raw", history=reversed(PAST))


def test_long_ways_and_other_days_are_said_shortly() -> None:
    assert route_text(list("abcdef")) == "a → b → c → d → e → f"
    assert route_text(list("abcdefgh")) == "a → b → c → 3 more → g → h"
    assert clock_text(T0, T0) == "09:00 UTC"
    assert clock_text(T0 + timedelta(days=1), T0) == "2026-11-21 09:00 UTC"
