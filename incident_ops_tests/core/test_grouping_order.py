"""Stories of storms that show, or do not show, that causes are seen before their effects."""

import random
from itertools import pairwise
from typing import ClassVar

import pytest

from incident_ops.core.alert import Alert
from incident_ops.core.grouping import Known, Link, correlate
from incident_ops.core.lineage import AssetGraph
from incident_ops_tests.builders import make_alert, minutes
from incident_ops_tests.core.test_grouping import HOUR, fail, grouped

# A long pipeline, and beside its end an asset that feeds on it as well.
CHAIN = [f"step_{n:02}" for n in range(26)]
EDGES = [*pairwise(CHAIN), (CHAIN[-1], "early"), ("early", "below")]
# Two strangers are seldom siblings in an estate of this size.
OTHERS = [f"other_{n}" for n in range(1_000)]
ESTATE = AssetGraph.from_edges(EDGES, nodes=OTHERS)


def early_one(at: float) -> list[tuple[str, float]]:
    return [("early", at), ("below", at + 1)]


def test_what_fails_before_all_above_it_has_failed_by_itself_where_order_is_kept() -> None:
    alerts = fail(*CHAIN) + [make_alert(name, minutes(at)) for name, at in early_one(-5)]
    expected = {"step_00": {*CHAIN}, "early": {"early", "below"}}
    assert grouped(alerts, ESTATE) == expected
    random.Random(1).shuffle(alerts)
    assert grouped(alerts, ESTATE) == expected


def test_what_fails_after_its_cause_belongs_to_it_where_order_is_kept() -> None:
    alerts = fail(*CHAIN) + [make_alert(name, minutes(at)) for name, at in early_one(40)]
    assert set(grouped(alerts, ESTATE)) == {"step_00"}


def test_a_parent_that_was_checked_late_is_seen_through_where_order_is_kept() -> None:
    alerts = fail(*CHAIN) + [make_alert(name, minutes(at)) for name, at in early_one(24.5)]
    assert set(grouped(alerts, ESTATE)) == {"step_00"}


@pytest.mark.parametrize("seed", range(5))
def test_times_in_any_order_part_nothing(seed: int) -> None:
    names = [*CHAIN, "early", "below"]
    random.Random(seed).shuffle(names)
    assert set(grouped(fail(*names), ESTATE)) == {"step_00"}


def test_times_that_are_all_the_same_part_nothing() -> None:
    alerts = fail(*CHAIN, every=0) + [make_alert(name, minutes(at)) for name, at in early_one(-5)]
    assert set(grouped(alerts, ESTATE)) == {"step_00"}


def test_a_small_storm_shows_nothing_of_order() -> None:
    steps = CHAIN[10:]
    alerts = fail(*steps) + [make_alert(name, minutes(at)) for name, at in early_one(-5)]
    assert set(grouped(alerts, ESTATE)) == {"step_10"}


def test_a_hub_that_is_checked_first_is_one_piece_of_luck() -> None:
    leaves = [f"leaf_{n:02}" for n in range(40)]
    star = AssetGraph.from_edges([*(("hub", leaf) for leaf in leaves), (leaves[-1], "early")], nodes=OTHERS)
    alerts = [*fail("hub", *leaves, every=0.5), make_alert("early", minutes(-5))]
    assert set(grouped(alerts, star)) == {"hub"}


def test_a_silent_parent_is_named_for_children_of_which_one_feeds_the_other_too_late() -> None:
    family = [("source", "first"), ("source", "second"), ("second", "first")]
    origin = [("origin", child) for child in ("first", CHAIN[0], "quiet")]
    estate = AssetGraph.from_edges([*EDGES, *family, *origin], nodes=OTHERS)
    siblings = fail("first", "second", every=3)
    assert grouped(siblings, estate) == {"second": {"first", "second"}}
    in_order = grouped([*siblings, *fail(*CHAIN)], estate)
    assert in_order == {"source?": {"first", "second"}, "step_00": {*CHAIN}}


def test_provenance_is_asked_once_a_pair_though_order_is_learnt_first() -> None:
    class Counting(Known):
        asked: ClassVar[list[tuple[str, str]]] = []

        def link(self, upstream: Alert, downstream: Alert) -> Link:
            self.asked.append((str(upstream.asset), str(downstream.asset)))
            return Link.UNKNOWN

    correlate(fail(*CHAIN), ESTATE, window=HOUR, known=Counting())
    assert sorted(Counting.asked) == [*pairwise(CHAIN)]


def test_what_provenance_proves_stands_above_order() -> None:
    class Proof(Known):
        def link(self, upstream: Alert, downstream: Alert) -> Link:
            return Link.PROVED if str(downstream.asset) == "early" else Link.UNKNOWN

    alerts = fail(*CHAIN) + [make_alert(name, minutes(at)) for name, at in early_one(-5)]
    (group,) = correlate(alerts, ESTATE, window=HOUR, known=Proof())
    assert group.root.key == "step_00"
