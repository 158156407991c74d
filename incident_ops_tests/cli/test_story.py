"""`incident-ops show`: the cause with its path, who was hit, what will be late, and who was told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from incident_ops.core.alert import Evidence
from incident_ops.core.attribution.cube import Slice
from incident_ops.core.attribution.record import Attribution
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.forecast.deadlines import TimeWindow
from incident_ops.core.provenance import Facts, View
from incident_ops.core.routing import RoutingRules
from incident_ops.engine.assess import assess
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import triage
from incident_ops.terminal_story import MOST_LINES
from incident_ops_tests.builders import T0, make_alert, minutes
from incident_ops_tests.cli.conftest import CommandLine
from incident_ops_tests.histories import History

SHOP = Catalog(
    [
        AssetNode(key="raw", owners=("team:ingest",)),
        AssetNode(key="orders", owners=("team:fin",), upstream=("raw",)),
        AssetNode(key="rev_daily", owners=("team:fin",), upstream=("orders",)),
        AssetNode(key="cfo_dash", consumers=("cfo@acme.test",), upstream=("rev_daily",)),
        AssetNode(key="web", owners=("team:web",), upstream=("raw",)),
        AssetNode(key="ads"),
        AssetNode(key="spend", upstream=("ads",), freshness=TimeWindow(fail_window=timedelta(hours=1))),
    ],
    fetched_at=T0,
)
POLICY = Policy(routing=RoutingRules(sink="inbox", default_channel="#data-incidents"))
KNOWING = Knowledge(catalog=SHOP, policy=POLICY, installed_at=T0)
TIKTOK = Attribution(
    slices=(Slice(conditions={"channel": "tiktok"}, explained=0.98, score=0.9),), dimensions=("channel",)
)


def facts() -> Facts:
    """raw changes its code and loses rows; orders and rev_daily are built from that, web from what was before."""
    h = History()
    h.built("raw", 1, at=-60, code="v1", rows=1000)
    h.built("orders", 2, at=-59, reads={"raw": 1})
    h.built("web", 3, at=-58, reads={"raw": 1})
    h.built("raw", 4, at=0, code="v2", rows=30)
    h.built("orders", 5, at=1, reads={"raw": 4})
    h.built("rev_daily", 6, at=2, reads={"orders": 5})
    h.built("ads", 7, at=-59)
    h.built("spend", 8, at=-58, reads={"ads": 7})
    views = (View(asset="rev_daily", viewer="eve@acme.test", at=minutes(4), materialization=6),)
    return Facts(materializations=tuple(h.records), views=views)


@pytest.fixture
def told(cli: CommandLine) -> CommandLine:
    """INC-1: the check on orders fails. INC-2: nothing is known of the asset. INC-3: the run that builds ads
    fails, and spend is late with it. All was looked into."""
    evidence = Evidence(summary="970 rows are missing", attribution=TIKTOK)
    alerts = [
        make_alert("orders", minutes(3), materialization=5, evidence=evidence),
        make_alert("alone", minutes(3)),
        make_alert("ads", minutes(4), kind="run_failed"),
    ]
    with cli.store() as store:
        store.save_catalog(SHOP)
        with store.transaction() as tx:
            tx.add_facts(facts())
        triage(store, alerts, KNOWING, now=minutes(5))
        assess(store, KNOWING, now=minutes(5), may_go_on=lambda: True)
    return cli


def section(cli: CommandLine, incident: str, heading: str) -> list[str]:
    """The lines below a heading; none where it is not printed."""
    _, found, rest = cli("show", incident).out.partition(f"\n{heading}\n")
    return [line.removeprefix("  ") for line in rest.split("\n\n")[0].splitlines()] if found else []


def test_a_suspect_stands_with_its_path_and_its_evidence(told: CommandLine) -> None:
    assert section(told, "INC-1", "Suspects") == [
        "raw, materialization 4 (code, proved by pointer): raw → orders",
        "  rows 1,000 → 30 (−97 %)",
        "  declared code version v1 → v2",
        "looked at 1 asset upstream: raw",
    ]


def test_where_the_evidence_ends_the_cause_is_said_to_be_unknown(told: CommandLine) -> None:
    assert section(told, "INC-2", "Suspects") == [
        "the cause is unknown",
        "nothing is known to be upstream of alone",
    ]


def test_who_was_hit_is_drawn_from_the_bad_build_down(told: CommandLine) -> None:
    assert section(told, "INC-1", "Impact") == [
        "tainted:   cfo_dash, since 2026-11-20 09:02 UTC: orders → rev_daily → cfo_dash",
        "tainted:   orders, since 2026-11-20 09:01 UTC",
        "tainted:   raw, since 2026-11-20 09:00 UTC",
        "tainted:   rev_daily, since 2026-11-20 09:02 UTC: orders → rev_daily",
        "at risk:   web: raw → web",
        "consumer:  cfo@acme.test: cfo_dash shows rev_daily, built from orders at 2026-11-20 09:02 UTC",
        "viewer:    eve@acme.test looked at rev_daily, materialization 6 at 2026-11-20 09:04 UTC",
    ]


def test_what_explains_the_failing_rows_is_said_once(told: CommandLine) -> None:
    [line] = section(told, "INC-1", "Failing rows")
    assert line == "orders: not_null: 98 % of the failing rows: channel = tiktok"


def test_what_will_be_late_is_said_with_the_way_there(told: CommandLine) -> None:
    [line] = section(told, "INC-3", "Forecast")
    assert line.startswith("spend: missed its deadline 2026-11-20 09:02 UTC, expected 2026-11-20 09:05 UTC at the")
    assert ": ads → spend (" in line


@pytest.mark.parametrize("heading", ["Failing rows", "Impact", "Forecast"])
def test_a_section_without_content_is_left_out(told: CommandLine, heading: str) -> None:
    assert section(told, "INC-2", heading) == []


def test_a_long_list_is_counted_not_printed(told: CommandLine) -> None:
    """Hundreds of assets would push the timeline out of sight."""
    with told.store() as store, store.transaction() as tx:
        found = tx.findings(1)
        assert found is not None
        [hit, *_] = found.impact["at_risk"]
        impact = {**found.impact, "at_risk": [hit] * 500, "counts": {"at_risk": 700}}
        tx.save_findings(1, replace(found, impact=impact))
    lines = section(told, "INC-1", "Impact")
    assert lines.count("at risk:   web: raw → web") == MOST_LINES
    assert f"at risk:   and {700 - MOST_LINES} more" in lines


def test_the_ledger_alone_says_who_was_told_and_when_it_ended(told: CommandLine) -> None:
    answer = told("show", "INC-1", "--audience")
    assert (answer.code, answer.out.splitlines()) == (
        0,
        [
            "recipient      kind   at                    ended",
            "cfo@acme.test  start  2026-11-20 09:05 UTC  not yet",
            "team:web       hold   2026-11-20 09:05 UTC  not yet",
        ],
    )
    ledger = told("show", "INC-1", "--audience", "--json").json
    assert [set(entry) for entry in ledger] == [{"recipient", "kind", "at", "ended_at", "text"}] * 2
    assert ledger == told("show", "INC-1", "--json").json["audience"]


def test_the_end_of_a_notice_stands_in_the_ledger(told: CommandLine) -> None:
    """Resolved as a false positive: the data was fine, and whoever was told hears so."""
    told("resolve", "INC-1", "--reason", "false_positive", "--by", "ana")
    with told.store() as store:
        assess(store, KNOWING, now=minutes(9), may_go_on=lambda: True)
    assert told("show", "INC-1", "--audience").out.splitlines()[1:] == [
        "cfo@acme.test  start  2026-11-20 09:05 UTC  2026-11-20 09:09 UTC",
        "team:web       hold   2026-11-20 09:05 UTC  2026-11-20 09:09 UTC",
        "cfo@acme.test  end    2026-11-20 09:09 UTC",
    ]


def test_where_nobody_was_told_the_ledger_is_empty(told: CommandLine) -> None:
    assert told("show", "INC-2", "--audience").out == "Nobody was told.\n"
    assert told("show", "INC-2", "--audience", "--json").json == []
    unknown = told("show", "INC-9", "--audience")
    assert (unknown.code, unknown.out, unknown.err) == (1, "", "there is no incident INC-9\n")


def test_the_figures_of_an_alert_stand_in_the_heading(cli: CommandLine) -> None:
    """Not one of the other alerts here has any, and with some the command once ended in a traceback."""
    alert = make_alert("orders", minutes(3), evidence=Evidence(summary="12 rows fail", facts={"rows": "12"}))
    with cli.store() as store:
        store.save_catalog(SHOP)
        triage(store, [alert], KNOWING, now=minutes(5))
    assert "  rows:        12\n" in cli("show", "INC-1").out
