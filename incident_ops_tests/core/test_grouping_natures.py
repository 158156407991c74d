"""The tables of natures, as people say it: along an edge, and on one asset."""

from datetime import timedelta

import pytest

from incident_ops.core.alert import Alert, Nature
from incident_ops.core.grouping import EXPLAINS, Known, Link, correlate, explains
from incident_ops.core.lineage import AssetGraph
from incident_ops_tests.builders import make_alert, minutes

RAW_TO_ORDERS = AssetGraph.from_edges([("raw", "orders"), ("orders", "report")])
HOUR = timedelta(hours=1)

SAYINGS = [
    ("freshness", "freshness", True),
    ("freshness", "volume", True),
    ("freshness", "field_health", False),
    ("freshness", "schema", False),
    ("freshness", "rule", False),
    ("field_health", "field_health", True),
    ("field_health", "volume", True),
    ("field_health", "schema", False),
    ("pipeline", "pipeline", True),
    ("pipeline", "freshness", True),
    ("pipeline", "volume", True),
    ("pipeline", "field_health", False),
    ("schema", "pipeline", True),
    ("schema", "field_health", True),
    ("volume", "freshness", True),
]


@pytest.mark.parametrize(("upstream", "downstream", "answer"), SAYINGS)
def test_which_trouble_explains_which(upstream: str, downstream: str, answer: bool) -> None:
    assert explains(Nature(upstream), Nature(downstream)) is answer


@pytest.mark.parametrize("nature", Nature)
def test_every_nature_has_a_row_and_explains_its_own_kind(nature: Nature) -> None:
    assert nature in EXPLAINS[nature]


@pytest.mark.parametrize("nature", Nature)
def test_a_rule_explains_everything_since_nobody_knows_what_it_looks_at(nature: Nature) -> None:
    assert explains(Nature.RULE, nature)


ON_ONE_ASSET = [
    ("freshness", "pipeline", 1),  # not built, and so not there in time
    ("freshness", "volume", 1),  # late data are short
    ("pipeline", "volume", 1),
    ("freshness", "rule", 2),
    ("freshness", "schema", 2),
    ("pipeline", "field_health", 2),
    ("volume", "field_health", 1),  # there, and wrong in two ways
    ("schema", "rule", 1),
]


@pytest.mark.parametrize("later", [5, -5])
@pytest.mark.parametrize(("nature", "other", "groups"), ON_ONE_ASSET)
def test_what_is_not_there_and_what_is_wrong_are_two_troubles_of_one_asset(
    nature: str, other: str, groups: int, later: int
) -> None:
    alerts = [make_alert("orders", nature=nature), make_alert("orders", minutes(later), nature=other)]
    assert len(correlate(alerts, RAW_TO_ORDERS, window=HOUR)) == groups


def test_late_data_upstream_explain_what_is_stale_and_what_is_short_as_one_group() -> None:
    alerts = [
        make_alert("raw", kind="freshness"),
        make_alert("orders", minutes(5), nature="volume"),
        make_alert("orders", minutes(9), kind="freshness"),
    ]
    (group,) = correlate(alerts, RAW_TO_ORDERS, window=HOUR)
    assert group.root.key == "raw"
    assert [group.hops[alert.event_id] for alert in alerts] == [0, 1, 1]


def test_two_troubles_of_one_asset_have_one_cause_where_it_explains_both() -> None:
    alerts = [
        make_alert("raw", nature="rule"),
        make_alert("orders", minutes(5), nature="field_health"),
        make_alert("orders", minutes(9), kind="freshness"),
    ]
    (group,) = correlate(alerts, RAW_TO_ORDERS, window=HOUR)
    assert group.root.key == "raw"


def test_each_of_two_troubles_of_one_asset_keeps_its_own_effects() -> None:
    alerts = [
        make_alert("orders", kind="freshness"),
        make_alert("orders", minutes(1), nature="schema"),
        make_alert("report", minutes(2), nature="schema"),
    ]
    stale, wrong = correlate(alerts, RAW_TO_ORDERS, window=HOUR)
    assert stale.members == (alerts[0],)
    assert wrong.members == (alerts[1], alerts[2])
    assert [group.root.key for group in (stale, wrong)] == ["orders", "orders"]


def test_low_volume_long_before_the_asset_is_stale_is_a_trouble_of_its_own() -> None:
    alerts = [make_alert("orders", nature="volume"), make_alert("orders", minutes(61), kind="freshness")]
    assert len(correlate(alerts, RAW_TO_ORDERS, window=HOUR)) == 2


class AllProved(Known):
    def link(self, upstream: Alert, downstream: Alert) -> Link:
        return Link.PROVED


def test_a_proved_cause_above_stands_before_another_trouble_of_the_asset() -> None:
    alerts = [
        make_alert("orders", kind="freshness"),
        make_alert("orders", minutes(1), nature="volume"),
        make_alert("raw", minutes(2), nature="schema"),
    ]
    (group,) = correlate(alerts, RAW_TO_ORDERS, window=HOUR, known=AllProved())
    assert group.root.key == "raw"
    assert group.proved == {alerts[0].event_id, alerts[1].event_id}
