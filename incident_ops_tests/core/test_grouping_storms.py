"""A small storm benchmark that needs no data: a made-up lineage, the draws and rules of `benchmarks.storms`."""

import random

import pytest

from incident_ops.core.lineage import AssetGraph
from incident_ops_tests.benchmarks.storms import (
    Lineage,
    Reading,
    Scores,
    Trial,
    draw,
    measure,
    merging_siblings,
    ours,
)


def _made_up(assets: int) -> Lineage:
    """Layered like a dbt project: most assets are built from one or two that are a little older."""
    rng = random.Random(4)
    names = [f"m{n:03}" for n in range(assets)]
    edges = [
        (names[rng.randrange(max(0, n - 150), n)], names[n])
        for n in range(20, assets)
        for _ in range(rng.choice((1, 1, 2)))
    ]
    return Lineage(name="made up", graph=AssetGraph.from_edges(edges, nodes=names), assets=names)


LINEAGE = _made_up(600)


def _dense(assets: int) -> Lineage:
    """Up to four parents each: storms are large and run into one another, so that only order tells them apart."""
    rng = random.Random(3)
    names = [f"d{n:03}" for n in range(assets)]
    edges = [
        (names[rng.randrange(max(0, n - 100), n)], names[n])
        for n in range(40, assets)
        for _ in range(rng.choice((1, 2, 3, 4)))
    ]
    return Lineage(name="dense", graph=AssetGraph.from_edges(edges, nodes=names), assets=names)


@pytest.mark.parametrize(
    "reading", [Reading(name="checked at once"), Reading(name="any order", any_order=1_800)], ids=lambda r: r.name
)
def test_storms_are_told_apart_better_than_by_merging_siblings(reading: Reading) -> None:
    scores, _ = measure(LINEAGE, reading, {"ours": ours, "simple": merging_siblings})
    f1, incidents, named = scores["ours"].three
    simple_f1, _, simple_named = scores["simple"].three
    assert f1 >= max(0.93, simple_f1)
    assert 0.95 <= incidents <= 1.05
    assert named > simple_named


def test_most_roots_that_can_be_named_are_where_failures_are_detected_at_arrival() -> None:
    scores, can_be_named = measure(_dense(400), Reading(name="checked at once"), {"ours": ours})
    _, incidents, named = scores["ours"].three
    assert 0.9 <= incidents <= 1.05
    assert named >= can_be_named - 0.2


def test_storms_whose_checks_are_a_little_late_stay_whole() -> None:
    scores, _ = measure(_dense(400), Reading(name="two minutes late", late=120), {"ours": ours})
    assert scores["ours"].three[1] <= 1.05


def test_the_scores_are_what_they_say() -> None:
    reading = Reading(name="one")
    trial = Trial(seen={"a": 0.0, "b": 9.0, "c": 5.0}, owner={"a": 0, "b": 0, "c": -1}, roots={0: "a"})
    right, apart, together = Scores(), Scores(), Scores()
    right.add(trial, [("a", {"a", "b"}), ("c", {"c"})], reading)
    apart.add(trial, [("a", {"a"}), ("b", {"b"}), ("c", {"c"})], reading)
    together.add(trial, [("c", {"a", "b", "c"})], reading)
    assert right.three == (1.0, 1.0, 1.0)
    assert apart.three == (0.0, 2.0, 1.0)
    assert together.three == (0.5, 1.0, 0.0)


def test_a_trial_draws_faults_with_symptoms_and_strangers_apart() -> None:
    trial = draw(LINEAGE, Reading(name="three strangers", strangers=3), 2, random.Random(1))
    assert trial.seen.keys() == trial.owner.keys()
    assert sum(owner < 0 for owner in trial.owner.values()) == 3
    for asset, owner in trial.owner.items():
        if owner >= 0:
            assert asset == trial.roots[owner] or trial.roots[owner] in LINEAGE.ancestors[asset]
