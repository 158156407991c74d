"""The cause proved by Dagster's own pointers, and notices only to those who really got bad data: real runs of the
graph G, raw → orders → rev_daily → cfo_dash and raw → web → web_dash."""

import dagster as dg
import pytest

from incident_ops.core.catalog import AssetNode
from incident_ops.core.status import CauseClass, Resolution
from incident_ops.engine.triage import change
from incident_ops_tests.scenarios.shop import BAD, GOOD, UNCHECKED, Shop, opened_in, pipeline, way
from incident_ops_tests.scenarios.story import Story

RAW = dg.AssetKey("raw")


@pytest.fixture
def shop(story: Story) -> Shop:
    return opened_in(story)


@pytest.fixture
def broken(shop: Shop) -> int:
    """Story 5: raw is e1, then e2 from which orders is built, then e3, and only then the check on orders fails.
    Returns e2."""
    shop.builds(GOOD, "raw", "orders", "rev_daily", "web")
    shop.builds(BAD, "raw")
    e2 = shop.newest("raw")
    shop.builds(BAD, "orders")
    shop.builds(GOOD, "raw")
    shop.checks(passed=False)
    return e2


def test_the_suspect_is_the_build_that_was_read_not_the_newest_one(shop: Shop, broken: int):
    shop.story.tick()
    shown = shop.shown()
    first = shown["suspects"][0]
    assert (first["asset"], first["materialization"]) == ("raw", broken)
    assert (first["confidence"], first["cause_class"]) == ("proved by pointer", "code")
    assert way(first["path"]) == [("orders", "pointer"), ("raw", "pointer")]
    evidence = [item["summary"] for item in first["evidence"]]
    assert "declared code version v1 → v2" in evidence
    assert any("1,000 → 30" in summary and "97 %" in summary for summary in evidence)
    assert (shown["root"]["asset"], shown["root"]["materialization"]) == ("raw", broken)
    assert [(m["asset"], m["hops"], m["edge"]) for m in shown["members"]] == [("orders", 1, "pointer")]
    assert shop.story.incident.cause_class is CauseClass.CODE
    [built] = [
        r for r in shop.story.instance.fetch_materializations(RAW, limit=9).records if r.storage_id == broken
    ]
    assert shop.story.incident.started_at.timestamp() == pytest.approx(built.timestamp), "bad data began with it"


def test_with_nothing_changed_upstream_the_root_stays_and_the_cause_is_unknown(shop: Shop):
    shop.builds(GOOD, "raw", "orders")
    shop.checks(passed=False)
    shop.story.tick()
    shown = shop.shown()
    assert (shown["root"]["asset"], shown["cause_class"], shown["suspects"]) == ("orders", None, [])
    assert shown["looked_at"] == ["looked at 1 asset upstream: raw: nothing changed"]


def test_only_those_who_got_bad_data_are_told_and_each_gets_the_all_clear(shop: Shop, broken: int):
    """Story 6."""
    shop.builds(BAD, "rev_daily")
    shop.story.tick()
    impact = shop.shown()["impact"]
    assert [hit["asset"] for hit in impact["tainted"]] == ["cfo_dash", "orders", "rev_daily"]
    assert shop.told("start") == ["cfo@acme.test"]
    assert "cmo@acme.test" not in str(shop.shown())
    assert shop.told("hold") in ([], ["team:web"])
    shop.builds(GOOD, "orders")
    shop.story.tick()
    assert shop.told("end") == [], "rev_daily is still the bad one"
    shop.builds(GOOD, "rev_daily")
    shop.checks(passed=True)
    shop.story.tick()
    assert (shop.told("start"), shop.told("end")) == (["cfo@acme.test"], ["cfo@acme.test"])
    shop.story.tick()
    assert shop.told("end") == ["cfo@acme.test"]
    assert not shop.story.incident.is_open


def test_without_pointers_the_way_is_inferred_from_time_and_says_so(shop: Shop):
    """Somebody reports the builds of a foreign system; Dagster wrote no pointers."""
    story = shop.story
    for rows in (1_000, 1_010, 30):
        for asset in ("raw", "orders"):
            story.instance.report_runless_asset_event(
                dg.AssetMaterialization(asset, metadata={"dagster/row_count": rows if asset == "raw" else 10})
            )
    story.clock.catch_up()
    story.reports_check("orders", "enough", passed=False)
    story.tick()
    first = shop.shown()["suspects"][0]
    assert (first["asset"], first["confidence"]) == ("raw", "inferred from time")
    assert way(first["path"]) == [("orders", "time"), ("raw", "time")]
    assert shop.shown()["root"]["asset"] == "orders", "what is only inferred moves no root"


def test_a_bigger_change_of_an_unrelated_asset_is_never_named(shop: Shop, broken: int):
    for rows in (1_000_000, 1):
        shop.story.instance.report_runless_asset_event(
            dg.AssetMaterialization("elsewhere", metadata={"dagster/row_count": rows})
        )
    shop.story.tick()
    assert {suspect["asset"] for suspect in shop.shown()["suspects"]} == {"raw"}


def test_two_troubles_at_once_have_their_own_causes(shop: Shop):
    """Story 13: raw goes late; independently web's code changes, and its check fails on an input that is fine."""
    shop.builds(GOOD, "raw", "orders", "web")
    shop.builds(pipeline(web_version="w2"), "web")
    shop.story.reports_freshness("raw", "PASS", "FAIL")
    shop.checks("web", passed=False)
    shop.story.tick()
    by_root = {str(incident.root.subject.asset): incident for incident in shop.story.incidents}
    assert by_root.keys() == {"raw", "web"}
    web = shop.shown(by_root["web"])
    assert [item["summary"] for item in web["suspects"][0]["evidence"]] == ["declared code version w1 → w2"]
    assert (web["cause_class"], web["suspects"][0]["asset"]) == ("code", "web")
    assert all(suspect["asset"] == "raw" for suspect in shop.shown(by_root["raw"])["suspects"])


def test_two_symptoms_of_one_bad_build_are_one_incident_whatever_their_distance_in_time(shop: Shop):
    """Pointers prove it: hours between the two checks make no difference."""
    shop.builds(GOOD, "raw", "orders", "web")
    shop.builds(BAD, "raw", "orders", "web")
    shop.checks("orders", passed=False)
    shop.story.tick()
    shop.story.later(hours=5)
    shop.checks("web", passed=False)
    shop.story.tick()
    [incident] = [incident for incident in shop.story.incidents if incident.is_open]
    assert str(incident.root.subject.asset) == "raw"
    assert {(str(m.subject.asset), m.hops) for m in incident.members} == {("orders", 1), ("web", 1)}


def test_two_symptoms_of_fine_input_stay_two(shop: Shop):
    """The control: raw is checked by nobody, and nothing about it changed."""
    shop.builds(GOOD, "raw", "orders", "web")
    for asset in ("orders", "web"):
        shop.checks(asset, passed=False)
    shop.story.tick()
    assert [str(i.root.subject.asset) for i in shop.story.incidents] == ["orders", "web"]


def test_the_owner_of_what_is_at_risk_gets_one_note_to_hold_and_hears_when_it_is_over(shop: Shop):
    shop.builds(GOOD, "raw", "orders", "rev_daily", "web")
    shop.builds(BAD, "raw")
    shop.builds(BAD, "orders")
    shop.checks(passed=False)
    shop.story.tick()
    shown = shop.shown()
    assert [hit["asset"] for hit in shown["impact"]["at_risk"]] == ["cfo_dash", "rev_daily", "web", "web_dash"]
    assert shop.told("hold") == ["team:web"], "team:fin has the incident itself"
    assert shop.told("start") == []
    shop.story.tick()
    assert shop.told("hold") == ["team:web"]
    shop.builds(GOOD, "raw")
    shop.builds(GOOD, "orders")
    shop.checks(passed=True)
    shop.story.tick()
    [hold] = [entry for entry in shop.shown()["audience"] if entry["kind"] == "hold"]
    assert hold["ended_at"] is not None
    said = [post.text for post in shop.story.slack.posts("#web")]
    assert len(said) == 2 and "hold the next build" in said[0] and "you can build again" in said[1]


def test_a_verdict_that_the_data_was_fine_gives_the_all_clear_at_once(shop: Shop, broken: int):
    shop.builds(BAD, "rev_daily")
    shop.story.tick()
    story, now = shop.story, shop.story.now
    change(
        story.store,
        1,
        lambda i: i.resolved(at=now, by="ana", reason=Resolution.FALSE_POSITIVE),
        story.knowledge(),
        now=now,
    )
    story.tick()
    assert (shop.told("start"), shop.told("end")) == (["cfo@acme.test"], ["cfo@acme.test"])


def test_whoever_looked_at_bad_data_is_listed_with_the_version_seen(shop: Shop, broken: int):
    shop.builds(BAD, "rev_daily")
    for viewer, version in (("cfo@acme.test", None), ("ann@acme.test", shop.newest("rev_daily"))):
        seen = {} if version is None else {"incident_ops/viewed": version}
        shop.story.instance.report_runless_asset_event(
            dg.AssetObservation("rev_daily", metadata={"incident_ops/viewer": viewer, **seen})
        )
    shop.story.instance.report_runless_asset_event(
        dg.AssetObservation("web", metadata={"incident_ops/viewer": "eve@acme.test"})
    )
    shop.story.clock.catch_up()
    shop.story.tick()
    viewers = [(v["viewer"], v["asset"], v["materialization"]) for v in shop.shown()["impact"]["viewers"]]
    assert viewers == [
        ("cfo@acme.test", "rev_daily", None),
        ("ann@acme.test", "rev_daily", shop.newest("rev_daily")),
    ]


def test_an_earlier_incident_of_the_same_kind_is_remembered(shop: Shop, broken: int):
    story = shop.story
    story.tick()
    shop.builds(GOOD, "orders")
    shop.checks(passed=True)
    story.tick()
    story.later(hours=30)
    story.reports_check("orders", "enough", passed=False)
    story.tick()
    second = story.incidents[-1]
    assert any(
        text.startswith("2nd time in 30 days; last time: INC-1") for text in shop.shown(second)["looked_at"]
    )


def test_a_failure_reported_without_a_record_overrules_the_older_pass_on_it(shop: Shop):
    """orders passed its check when it was built; later somebody reports that it is bad."""
    shop.builds(GOOD, "raw", "orders", "rev_daily")
    shop.story.reports_check("orders", "enough", passed=False)
    shop.story.tick()
    assert [hit["asset"] for hit in shop.shown()["impact"]["tainted"]] == ["cfo_dash", "orders", "rev_daily"]
    assert shop.told("start") == ["cfo@acme.test"]
    shop.story.later(minutes=5)
    shop.story.reports_check("orders", "enough", passed=True)
    shop.story.tick()
    assert (shop.told("start"), shop.told("end")) == (["cfo@acme.test"], ["cfo@acme.test"])


def test_a_failure_reported_of_an_old_partition_taints_what_was_built_from_it(story: Story):
    story.knows_the_catalog([AssetNode(key="days"), AssetNode(key="report", upstream=("days",))])
    story.is_configured("consumers: {report: [cfo@acme.test]}")
    for n in range(40):
        day = dg.AssetMaterialization("days", partition=f"d{n:02}")
        story.instance.report_runless_asset_event(day)
    first = story.instance.fetch_materializations(dg.AssetKey("days"), limit=40).records[-1].storage_id
    story.instance.report_runless_asset_event(
        dg.AssetMaterialization("report", tags={"dagster/input_event_pointer/days": str(first)})
    )
    story.clock.catch_up()
    story.reports_check("days", "enough", passed=False, partition="d00")
    story.tick()
    shop = Shop(story)
    assert [(h["asset"], h["partitions"]) for h in shop.shown()["impact"]["tainted"]] == [
        ("days", ["d00"]),
        ("report", []),
    ]
    assert shop.told("start") == ["cfo@acme.test"]


def test_what_was_never_built_holds_bad_data_back(story: Story):
    """rev_daily is to be built and feeds a dashboard: until it is, nobody sees anything bad there."""
    shop = opened_in(story, is_materializable=("raw", "orders", "rev_daily", "web"))
    shop.builds(GOOD, "raw")
    shop.builds(pipeline(fine=()), "orders")
    story.tick()
    impact = shop.shown()["impact"]
    assert [hit["asset"] for hit in impact["tainted"]] == ["orders"]
    assert [hit["asset"] for hit in impact["at_risk"]] == ["cfo_dash", "rev_daily"]
    assert shop.told("start") == []


def test_an_installation_that_kept_no_history_reads_it_once_more(shop: Shop, broken: int):
    """As after an upgrade: the log was read to its end before anything was kept of it."""
    store = shop.story.store
    shop.story.tick()
    with store.transaction() as tx:
        for rows in ("materializations", "pointers", "evaluations", "cursors WHERE name = 'history'"):
            tx._connection.exec_driver_sql(f"DELETE FROM {rows}")  # type: ignore[attr-defined]
    store.set_value("history", "", now=shop.story.now)
    shop.builds(BAD, "rev_daily")
    shop.story.tick()
    assert shop.shown()["suspects"][0]["materialization"] == broken
    assert shop.told("start") == ["cfo@acme.test"]


def test_only_a_pass_says_that_the_data_is_good_again(shop: Shop, broken: int):
    """A build alone heals nothing while the check that found the data bad has not looked at it."""
    shop.builds(BAD, "rev_daily")
    shop.story.tick()
    shop.builds(UNCHECKED, "orders", "rev_daily")
    shop.story.tick()
    assert (shop.told("start"), shop.told("end")) == (["cfo@acme.test"], [])
    shown = shop.shown()["impact"]
    assert [hit["asset"] for hit in shown["tainted"]] == ["cfo_dash", "orders", "rev_daily"]
    assert [hit["asset"] for hit in shown["healed"]] == ["raw"]
    shop.checks(passed=False)
    shop.story.tick()
    assert (shop.told("start"), shop.told("end")) == (["cfo@acme.test"], []), "it was bad all the time"
    shop.builds(GOOD, "orders", "rev_daily")
    shop.checks(passed=True)
    shop.story.tick()
    assert (shop.told("start"), shop.told("end")) == (["cfo@acme.test"], ["cfo@acme.test"])


def test_what_is_built_for_the_first_time_from_data_not_judged_yet_alarms_nobody(shop: Shop, broken: int):
    shop.story.tick()
    shop.builds(UNCHECKED, "orders")
    shop.builds(UNCHECKED, "rev_daily")
    shop.story.tick()
    assert shop.told("start") == []
    shop.checks(passed=False)
    shop.story.tick()
    assert shop.told("start") == ["cfo@acme.test"], "now it is known"


def test_who_shows_the_second_bad_build_hears_no_all_clear_while_it_is_shown(shop: Shop):
    """orders fails twice; rev_daily is built from the second; orders alone is repaired."""
    shop.builds(GOOD, "raw", "orders", "rev_daily")
    for _ in range(2):
        shop.builds(UNCHECKED, "orders")
        shop.checks(passed=False)
    shop.builds(UNCHECKED, "rev_daily")
    shop.story.tick()
    assert shop.told("start") == ["cfo@acme.test"]
    shop.builds(GOOD, "orders")
    shop.checks(passed=True)
    shop.story.tick()
    assert [hit["asset"] for hit in shop.shown()["impact"]["tainted"]] == ["cfo_dash", "rev_daily"]
    assert shop.told("end") == []


def test_what_was_built_from_bad_data_stays_bad_when_what_lies_between_is_built_again(shop: Shop):
    """Without pointers: orders is bad, then rev_daily and cfo_dash are built, then rev_daily once more."""
    story = shop.story
    for asset in ("orders", "rev_daily", "cfo_dash", "rev_daily"):
        story.instance.report_runless_asset_event(dg.AssetMaterialization(asset))
        story.clock.catch_up()
        if asset == "orders":
            story.reports_check("orders", "enough", passed=False)
    story.tick()
    impact = shop.shown()["impact"]
    assert [hit["asset"] for hit in impact["tainted"]] == ["cfo_dash", "orders", "rev_daily"]
    assert len(next(hit for hit in impact["tainted"] if hit["asset"] == "rev_daily")["materializations"]) == 2
