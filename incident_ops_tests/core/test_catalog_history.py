"""What changed between two readings of the catalog, each change one sentence."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.catalog.history import Change, ChangeKind, differences
from incident_ops.core.forecast.deadlines import CronWindow, TimeWindow
from incident_ops_tests.builders import T0, minutes

WEB = AssetNode(key="web", location="shop", owners=("team:a",), upstream=("raw",), checks=("not_empty",))
DAY = TimeWindow(fail_window=timedelta(hours=24), warn_window=timedelta(hours=12))
NINE = CronWindow(deadline_cron="0 9 * * *", lower_bound_delta=timedelta(hours=1), timezone="Europe/Berlin")

CHANGES: list[tuple[dict[str, Any], list[tuple[ChangeKind, str]]]] = [
    ({}, []),
    ({"description": "other words", "runbook": "https://example.com"}, []),
    ({"upstream": ("raw", "ads")}, [(ChangeKind.EDGE_ADDED, "edge added: web is now built from ads")]),
    ({"upstream": ()}, [(ChangeKind.EDGE_REMOVED, "edge removed: web is no longer built from raw")]),
    (
        {"upstream": ("ads",)},
        [
            (ChangeKind.EDGE_ADDED, "edge added: web is now built from ads"),
            (ChangeKind.EDGE_REMOVED, "edge removed: web is no longer built from raw"),
        ],
    ),
    ({"owners": ("team:b",)}, [(ChangeKind.OWNER, "owner changed: team:a → team:b")]),
    ({"owners": ()}, [(ChangeKind.OWNER, "owner changed: team:a → none")]),
    ({"tags": {"tier": "gold", "new": ""}}, [(ChangeKind.TAGS, "tags changed: none → new, tier=gold")]),
    ({"kinds": ("dbt",)}, [(ChangeKind.KINDS, "kinds changed: none → dbt")]),
    ({"group": "g"}, [(ChangeKind.GROUP, "group changed: none → g")]),
    ({"location": "desk"}, [(ChangeKind.LOCATION, "code location changed: shop → desk")]),
    (
        {"freshness": DAY},
        [(ChangeKind.FRESHNESS, "freshness policy changed: none → at most 1 d old, warning from 12 h on")],
    ),
    (
        {"freshness": NINE},
        [
            (
                ChangeKind.FRESHNESS,
                "freshness policy changed: none → by 0 9 * * * (Europe/Berlin), built within the 1 h before",
            )
        ],
    ),
    ({"checks": ("not_empty", "unique")}, [(ChangeKind.CHECK_ADDED, "check added: unique")]),
    ({"checks": ()}, [(ChangeKind.CHECK_REMOVED, "check removed: not_empty")]),
    ({"checks": (), "is_detailed": False}, []),
    ({"partitions": "static"}, [(ChangeKind.PARTITIONS, "partitions changed: none → static")]),
    ({"consumers": ("team:c",)}, [(ChangeKind.CONSUMERS, "consumers changed: none → team:c")]),
]


@pytest.mark.parametrize(("changed", "expected"), CHANGES)
def test_a_change_is_one_sentence(changed: dict[str, Any], expected: list[tuple[ChangeKind, str]]) -> None:
    before = Catalog([WEB], fetched_at=T0)
    after = Catalog([replace(WEB, **changed)], fetched_at=minutes(5))
    found = differences(before, after)
    assert [(change.kind, change.text) for change in found] == expected
    assert {(change.asset, change.at) for change in found} <= {("web", minutes(5))}


def test_assets_come_and_go() -> None:
    before, after = Catalog([WEB], fetched_at=T0), Catalog([AssetNode(key="new", location="shop")], fetched_at=T0)
    assert differences(before, after) == (
        Change(at=T0, asset="new", kind=ChangeKind.ASSET_ADDED, text="asset added: new is now defined in shop"),
        Change(
            at=T0,
            asset="web",
            kind=ChangeKind.ASSET_GONE,
            text="asset gone: web is defined in no code location any more",
        ),
    )


def test_the_first_reading_is_no_change_or_every_installation_would_begin_with_thousands() -> None:
    assert differences(Catalog(), Catalog([WEB], fetched_at=T0)) == ()
    with pytest.raises(ValueError, match="never fetched"):
        differences(Catalog([WEB], fetched_at=T0), Catalog())


def test_an_asset_met_in_events_comes_when_it_is_defined_and_goes_when_it_no_longer_is() -> None:
    """What events tell of it changes all the time, and is no change of anybody's definitions."""
    met = AssetNode(key="web", upstream=("x",), is_observed=True)
    one, two = Catalog([met], fetched_at=T0), Catalog([replace(met, upstream=("y",))], fetched_at=T0)
    declared = Catalog([WEB], fetched_at=T0)
    assert differences(one, two) == differences(one, Catalog(fetched_at=T0)) == ()
    assert [c.kind for c in differences(one, declared)] == [ChangeKind.ASSET_ADDED]
    assert [c.kind for c in differences(declared, one)] == [ChangeKind.ASSET_GONE]


def test_an_asset_that_another_location_only_names_is_gone_and_has_not_moved_there() -> None:
    named = AssetNode(key="web", location="b", locations=("b",), is_named_only=True)
    before, after = Catalog([WEB], fetched_at=T0), Catalog([named], fetched_at=T0)
    assert [(c.kind, c.text) for c in differences(before, after)] == [
        (ChangeKind.ASSET_GONE, "asset gone: web is defined in no code location any more (b still names it)")
    ]
    assert [c.kind for c in differences(after, before)] == [ChangeKind.ASSET_ADDED]
    nothing = Catalog(fetched_at=T0)
    assert differences(after, nothing) == differences(nothing, after) == (), "it never was defined"
