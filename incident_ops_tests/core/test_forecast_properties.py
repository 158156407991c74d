"""What holds for any graph (cycles too) and any past: arrivals are bounded from below and move one way."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.forecast import Expected, Verdict, forecast
from incident_ops.core.forecast.arrivals import LateSince
from incident_ops.core.forecast.under_way import Build, Run, builds_of
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.provenance import Materialization
from incident_ops_tests.builders import T0
from incident_ops_tests.core.builds import built

KEYS = "abcdef"
keys = st.sampled_from(KEYS)
edge_lists = st.lists(st.tuples(keys, keys), max_size=12)
pasts = st.fixed_dictionaries({key: st.lists(st.integers(0, 90), max_size=7) for key in KEYS})
late_sets = st.sets(keys, min_size=1, max_size=3)
DEADLINES = dict.fromkeys(KEYS, T0 + timedelta(minutes=60))


def records(minutes: Mapping[str, list[int]]) -> list[Materialization]:
    return [
        built(key, T0 - timedelta(days=day + 1), took=took)
        for key, several in minutes.items()
        for day, took in enumerate(several)
    ]


def ask(
    edges: list[tuple[str, str]],
    minutes: Mapping[str, list[int]],
    late: set[str],
    *,
    at: datetime = T0,
    builds: Mapping[str, Sequence[Build]] | None = None,
) -> dict[str, Expected]:
    since = dict.fromkeys(late, LateSince(since=T0))
    graph = AssetGraph.from_edges(edges, nodes=KEYS)
    return {e.asset: e for e in forecast(since, graph, records(minutes), DEADLINES, now=at, builds=builds)}


def usual(minutes: list[int]) -> timedelta:
    ordered, half = sorted(minutes), len(minutes) // 2
    middle = (ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2) if ordered else 0
    return timedelta(minutes=middle)


def ways(
    edges: list[tuple[str, str]], here: str, there: str, so_far: tuple[str, ...] = ()
) -> list[tuple[str, ...]]:
    way = (*so_far, here)
    if here == there:
        return [way]
    return [w for a, b in set(edges) if a == here and b not in way for w in ways(edges, b, there, way)]


@given(edge_lists, pasts, late_sets)
def test_no_arrival_is_earlier_than_any_way_to_it(
    edges: list[tuple[str, str]], past: dict[str, list[int]], late: set[str]
) -> None:
    found = ask(edges, past, late)
    for key in KEYS:
        lengths = [
            sum((usual(past[k]) for k in way), timedelta(0)) for each in late for way in ways(edges, each, key)
        ]
        assert bool(lengths) is (key in found)
        if lengths:
            assert found[key].eta - T0 >= max(lengths) - timedelta(microseconds=9)
            assert found[key].eta_high >= found[key].eta


@given(edge_lists, pasts, late_sets)
def test_without_cycles_the_arrival_is_the_longest_way_and_its_path_says_which(
    edges: list[tuple[str, str]], past: dict[str, list[int]], late: set[str]
) -> None:
    edges = [(a, b) for a, b in edges if a < b]
    for each in ask(edges, past, late).values():
        took = sum((usual(past[key]) for key in each.path), timedelta(0))
        assert abs(each.eta - T0 - took) <= timedelta(microseconds=9)
        assert each.path in ways(edges, each.path[0], each.asset)
        assert each.path[0] in late


@given(edge_lists, pasts, late_sets, keys, st.integers(0, 6), st.integers(1, 60))
def test_a_longer_build_makes_nothing_earlier(
    edges: list[tuple[str, str]], past: dict[str, list[int]], late: set[str], key: str, place: int, more: int
) -> None:
    longer = past | {key: [took + more * (n == place) for n, took in enumerate(past[key])]}
    assert_none_is_earlier(ask(edges, past, late), ask(edges, longer, late))


@given(edge_lists, pasts, late_sets, keys, keys)
def test_an_added_edge_makes_nothing_earlier(
    edges: list[tuple[str, str]], past: dict[str, list[int]], late: set[str], up: str, down: str
) -> None:
    assert_none_is_earlier(ask(edges, past, late), ask([*edges, (up, down)], past, late))


@given(edge_lists, pasts, late_sets, keys)
def test_something_more_that_is_late_makes_nothing_earlier(
    edges: list[tuple[str, str]], past: dict[str, list[int]], late: set[str], key: str
) -> None:
    assert_none_is_earlier(ask(edges, past, late), ask(edges, past, late | {key}))


@given(edge_lists, pasts, late_sets, st.integers(0, 120), st.dictionaries(keys, st.integers(0, 90), max_size=3))
def test_arrivals_do_not_come_nearer_by_waiting_nor_lie_in_the_past(
    edges: list[tuple[str, str]], past: dict[str, list[int]], late: set[str], wait: int, running: dict[str, int]
) -> None:
    """And so a deadline that will be missed stays missed while nothing happens but time."""
    now = T0 + timedelta(minutes=wait)
    builds = {key: [Build(since=T0 - timedelta(minutes=ago))] for key, ago in running.items()}
    before, after = ask(edges, past, late, builds=builds), ask(edges, past, late, at=now, builds=builds)
    assert_none_is_earlier(before, after)
    assert all(each.eta >= now for each in after.values())
    given_up = {key for key, each in before.items() if each.verdict in (Verdict.WILL_MISS, Verdict.MISSED)}
    assert all(after[key].verdict in (Verdict.WILL_MISS, Verdict.MISSED) for key in given_up)


@given(
    edge_lists,
    pasts,
    late_sets,
    st.lists(st.tuples(st.none() | st.integers(0, 90), st.frozensets(keys), st.frozensets(keys)), max_size=3),
)
def test_no_run_makes_anything_later_nor_its_end_earlier_than_its_builds_take(
    edges: list[tuple[str, str]],
    past: dict[str, list[int]],
    late: set[str],
    runs: list[tuple[int | None, frozenset[str], frozenset[str]]],
) -> None:
    """What began `ago` minutes before can be there `ago` minutes sooner, and no more."""
    under_way = [
        Run(started_at=None if ago is None else T0 - timedelta(minutes=ago), to_come=keys, failed=failed - keys)
        for ago, keys, failed in runs
    ]
    builds = builds_of(under_way, AssetGraph.from_edges(edges, nodes=KEYS))
    without, found = ask(edges, past, late), ask(edges, past, late, builds=builds)
    assert_none_is_earlier(found, without)
    longest = timedelta(minutes=max((ago or 0 for ago, _, _ in runs), default=0))
    assert all(each.eta >= max(T0, T0 + usual(past[key]) - longest) for key, each in found.items())


def assert_none_is_earlier(before: dict[str, Expected], after: dict[str, Expected]) -> None:
    grain = timedelta(microseconds=9)  # of floating-point seconds
    assert before.keys() <= after.keys()
    for key, each in before.items():
        assert after[key].eta >= each.eta - grain
        assert after[key].eta_high >= each.eta_high - grain
