"""Who is to blame? Stories of a symptom and the history behind it."""

from datetime import timedelta
from typing import Any

import pytest

from incident_ops.core.alert import AlertKind, Nature
from incident_ops.core.rootcause.charges import ChangeSeen, Context, Trouble
from incident_ops.core.rootcause.recurrence import Earlier
from incident_ops.core.rootcause.signals import SignalKind
from incident_ops.core.status import CauseClass, Resolution
from incident_ops.core.trail import Confidence, Edge, Hop
from incident_ops_tests.builders import minutes
from incident_ops_tests.core.investigations import first, found, story_five, symptom, texts
from incident_ops_tests.histories import History, columns_of, graph_of


def test_the_record_that_was_read_is_the_suspect_and_not_the_newest_one() -> None:
    findings = found(story_five().provenance, symptom("orders", 3))
    suspect = first(findings)
    assert (suspect.asset, suspect.materialization) == ("raw", 2)
    assert suspect.path == (
        Hop(asset="orders", materialization=3, edge=Edge.POINTER),
        Hop(asset="raw", materialization=2, edge=Edge.POINTER),
    )
    assert sorted(texts(suspect)) == ["declared code version v1 → v2", "rows 1,000 → 30 (−97 %)"]
    assert (suspect.cause_class, suspect.confidence) == (CauseClass.CODE, Confidence.PROVED)
    assert findings.proven_root == ("raw", 2)


def test_without_pointers_the_edge_says_time_and_the_root_stays() -> None:
    findings = found(story_five().without_pointers, symptom("orders", 3))
    suspect = first(findings)
    assert (suspect.asset, suspect.materialization) == ("raw", 2)
    assert [hop.edge for hop in suspect.path] == [Edge.POINTER, Edge.TIME]
    assert suspect.confidence is Confidence.INFERRED
    assert findings.proven_root is None


def test_an_unnamed_record_is_taken_from_time_and_says_so() -> None:
    suspect = first(found(story_five().provenance, symptom("orders")))
    assert [hop.edge for hop in suspect.path] == [Edge.TIME, Edge.POINTER]
    assert suspect.confidence is Confidence.INFERRED


def test_with_nothing_upstream_the_cause_is_unknown() -> None:
    """Its own rows are the symptom, not the cause."""
    h = History()
    h.built("orders", 1, rows=1_000)
    h.built("orders", 2, rows=30)
    findings = found(h.provenance, symptom("orders", 2), graph=graph_of("orders > rev_daily"))
    assert (findings.suspects, findings.cause_class, findings.proven_root) == ((), None, None)
    assert findings.confidence is Confidence.UNKNOWN
    assert findings.looked_at == "nothing is known to be upstream of orders"


def test_where_nothing_changed_nobody_is_named_and_what_was_looked_at_is_told() -> None:
    h = History()
    h.built("raw", 1, code="v1", rows=1_000)
    h.built("orders", 2, reads={"raw": 1})
    h.built("raw", 3, code="v1", rows=1_020)
    h.built("orders", 4, reads={"raw": 3})
    h.built("rev_daily", 5, reads={"orders": 4})
    findings = found(h.provenance, symptom("rev_daily", 5))
    assert findings.suspects == ()
    assert findings.looked_at == "looked at 2 assets upstream: orders, raw: nothing changed"


def test_a_carrier_is_not_the_origin() -> None:
    """The fall of rows passes through orders; it begins in raw."""
    h = story_five()
    h.records.insert(0, h.built("orders", 0, reads={}, code="o1", rows=1_000))
    h.built("rev_daily", 7, reads={"orders": 3})
    findings = found(h.provenance, symptom("rev_daily", 7))
    assert [s.asset for s in findings.suspects] == ["raw"], (
        "orders' own evidence is all carried and below the least"
    )
    assert [hop.asset for hop in first(findings).path] == ["rev_daily", "orders", "raw"]
    assert findings.proven_root == ("raw", 2)


def test_a_carrier_whose_rows_fell_much_more_is_an_origin_of_its_own() -> None:
    h = History()
    h.built("raw", 1, rows=1_000)
    h.built("orders", 2, reads={"raw": 1}, rows=1_000)
    h.built("raw", 3, rows=450)
    h.built("orders", 4, reads={"raw": 3}, rows=2)
    h.built("rev_daily", 5, reads={"orders": 4})
    findings = found(h.provenance, symptom("rev_daily", 5))
    assert findings.proven_root == ("orders", 4)


def test_own_code_on_fine_input_is_the_cause() -> None:
    """Story 13: raw is late, and that explains nothing about web, whose own code changed."""
    h = History()
    h.built("raw", 1, rows=1_000)
    h.built("web", 2, reads={"raw": 1}, code="w1")
    h.built("web", 3, reads={"raw": 1}, code="w2")
    late = Trouble(asset="raw", kind=AlertKind.FRESHNESS, at=minutes(2.5), summary="raw is 3 h late")
    findings = found(h.provenance, symptom("web", 3), context=Context(troubles=(late,)))
    suspect = first(findings)
    assert [(s.asset, s.materialization) for s in findings.suspects] == [("web", 3)]
    assert (suspect.cause_class, suspect.path) == (
        CauseClass.CODE, (Hop(asset="web", materialization=3, edge=Edge.POINTER),),
    )  # fmt: skip
    assert findings.proven_root == ("web", 3)


def test_a_code_version_long_in_force_is_no_evidence() -> None:
    h = History()
    h.built("raw", 1, code="v1")
    for day in range(5):
        h.built("raw", 10 + 10 * day, code="v2")
        h.built("orders", 11 + 10 * day, reads={"raw": 10 + 10 * day})
        h.checked("orders", 11 + 10 * day, passed=day < 4)
    assert found(h.provenance, symptom("orders", 51, check="not_null")).suspects == ()


def test_a_change_between_two_good_builds_of_the_reader_is_found_though_it_was_built_twice_since() -> None:
    """Compared with the record before, the second bad one would look like every day."""
    h = History()
    h.built("raw", 1, code="v1", rows=1_000)
    h.built("orders", 2, reads={"raw": 1})
    h.checked("orders", 2, passed=True)
    for id in range(3, 13):
        h.built("raw", id, code="v2", rows=30)
    h.built("orders", 20, reads={"raw": 12})
    h.checked("orders", 20, passed=False)
    assert found(h.provenance, symptom("orders", 20, check="not_null")).proven_root == ("raw", 12)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"rows": 1_000}, {"rows": 620}),
        ({"tags": {"team": "a"}}, {"tags": {"team": "b"}}),
        ({"config": "1a"}, {"config": "2b"}),
        ({"code": "v1"}, {"code": "v2"}),
        ({"columns": columns_of(a="int")}, {"columns": columns_of(a="int", b="int")}),
    ],
)
def test_what_may_be_harmless_moves_no_root(before: dict[str, Any], after: dict[str, Any]) -> None:
    h = History()
    h.built("raw", 1, **before)
    h.built("raw", 2, **after)
    h.built("orders", 3, reads={"raw": 2})
    assert found(h.provenance, symptom("orders", 3)).proven_root is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"rows": 1_000}, {"rows": 150}),
        ({"rows": 1_000, "code": "v1"}, {"rows": 450, "code": "v2"}),
        ({"columns": columns_of(a="int", b="int")}, {"columns": columns_of(a="int")}),
        ({"columns": columns_of(a="int")}, {"columns": columns_of(a="text")}),
    ],
)
def test_what_is_broken_for_all_to_see_moves_the_root(before: dict[str, Any], after: dict[str, Any]) -> None:
    h = History()
    h.built("raw", 1, **before)
    h.built("raw", 2, **after)
    h.built("orders", 3, reads={"raw": 2})
    assert found(h.provenance, symptom("orders", 3)).proven_root == ("raw", 2)


def test_a_check_that_failed_on_that_very_record_moves_the_root_but_not_one_that_always_fails() -> None:
    h = History()
    h.built("raw", 1)
    h.built("orders", 2, reads={"raw": 1})
    h.checked("orders", 2, passed=True)
    h.built("raw", 3)
    h.built("orders", 4, reads={"raw": 3})
    h.checked("raw", 3, passed=False, check="unique")
    findings = found(h.provenance, symptom("orders", 4, check="not_null"))
    assert (findings.proven_root, findings.cause_class) == (("raw", 3), CauseClass.DATA)
    assert texts(first(findings)) == ["check unique failed on it"]
    h.checked("raw", 1, passed=False, check="unique")
    assert found(h.provenance, symptom("orders", 4, check="not_null")).suspects == ()


def test_a_pointer_to_a_deleted_event_ends_the_path_and_blames_nobody() -> None:
    h = story_five()
    h.records = [m for m in h.records if (m.asset, m.id) != ("raw", 2)]
    findings = found(h.provenance, symptom("orders", 3))
    assert findings.suspects == ()
    assert "orders was built from raw (event 2), which is gone" in findings.looked_at


def test_a_failing_record_that_is_gone_blames_nobody() -> None:
    findings = found(story_five().provenance, symptom("orders", 99))
    assert findings.suspects == ()
    assert "the failing record of orders (event 99) is gone" in findings.looked_at


def test_of_several_symptoms_the_cause_of_all_comes_first_in_any_order() -> None:
    h = story_five()
    h.built("web", 7, code="w1")
    h.built("web", 8, code="w2", reads={"raw": 2})
    symptoms = [symptom("orders", 3), symptom("web", 8)]
    findings = found(h.provenance, *symptoms)
    assert [(s.asset, s.explains) for s in findings.suspects] == [("raw", 2), ("web", 1)]
    assert findings.proven_root == ("raw", 2)
    assert found(h.provenance, *reversed(symptoms)) == findings


def test_what_explains_only_one_of_two_symptoms_moves_no_root() -> None:
    h = story_five()
    findings = found(h.provenance, symptom("orders", 3), symptom("other", 5))
    assert first(findings).asset == "raw"
    assert findings.proven_root is None


def test_each_partition_is_compared_with_its_own_past_else_with_the_others() -> None:
    h = History()
    for day in range(1, 9):
        h.built("raw", day, partition=f"d{day}", rows=1_000 + day, code="v1")
    h.built("raw", 9, partition="d9", rows=40, code="v1")
    h.built("orders", 10, partition="d9", reads={"raw": 9})
    findings = found(h.provenance, symptom("orders", 10, partition="d9"))
    assert texts(first(findings)) == ["rows 1,008 → 40 (−96 %)"]
    h.built("raw", 0, partition="d9", rows=41, code="v1")
    assert found(h.provenance, symptom("orders", 10, partition="d9")).suspects == (), "d9 was always that small"


def test_by_time_the_same_partition_is_taken_and_a_whole_table_for_a_whole_table() -> None:
    h = History()
    h.built("raw", 1, partition="d1", code="v1")
    h.built("raw", 2, partition="d1", code="v2", rows=1)
    h.built("raw", 3, at=0, partition="d2", code="v1")
    h.built("orders", 4, partition="d1")
    h.built("orders", 5, partition="d2")
    h.built("web", 6)
    assert first(found(h.provenance, symptom("orders", 4, partition="d1"))).materialization == 2
    assert found(h.provenance, symptom("orders", 5, partition="d2")).suspects == ()
    assert first(found(h.provenance, symptom("web", 6))).materialization == 2


def edge(asset: str, at: float) -> ChangeSeen:
    return ChangeSeen(asset=asset, at=minutes(at), kind=SignalKind.CATALOG, text="now built from x")


def test_a_change_of_lineage_is_evidence_between_the_good_record_and_the_symptom() -> None:
    h = History()
    h.built("raw", 1)
    h.built("orders", 2, reads={"raw": 1})
    h.built("orders", 4, reads={"raw": 1})

    def changed(at: float) -> Context:
        return Context(changes=(edge("orders", at),))

    findings = found(h.provenance, symptom("orders", 4), context=changed(3))
    assert [(s.asset, s.cause_class, texts(s)) for s in findings.suspects] == [
        ("orders", CauseClass.CODE, ["now built from x"])
    ]
    assert found(h.provenance, symptom("orders", 4), context=changed(1)).suspects == ()


def test_what_was_built_before_a_change_of_the_catalog_did_not_come_of_it() -> None:
    h = History()
    h.built("raw", 1)
    h.built("orders", 2, reads={"raw": 1})
    h.checked("orders", 2, passed=True)
    h.built("orders", 40, reads={"raw": 1})
    assert found(h.provenance, symptom("orders", 40), context=Context(changes=(edge("raw", 30),))).suspects == ()
    h.built("raw", 50)
    h.built("orders", 60, reads={"raw": 50})
    noticed_late = Context(changes=(edge("raw", 55),))
    assert first(found(h.provenance, symptom("orders", 60), context=noticed_late)).asset == "raw"
    much_later = Context(changes=(edge("raw", 61),))
    assert found(h.provenance, symptom("orders", 60, at=90), context=much_later).suspects == ()


def test_an_asset_that_is_gone_explains_what_is_late_and_no_wrong_content() -> None:
    h = History()
    h.built("raw", 1)
    h.built("orders", 2, reads={"raw": 1})
    gone = ChangeSeen(asset="raw", at=minutes(30), kind=SignalKind.ASSET_GONE, text="asset gone: raw")
    late = symptom("orders", None, nature=Nature.FRESHNESS, at=60)
    assert texts(first(found(h.provenance, late, context=Context(changes=(gone,))))) == ["asset gone: raw"]
    wrong = symptom("orders", 2, nature=Nature.FIELD_HEALTH, at=60)
    assert found(h.provenance, wrong, context=Context(changes=(gone,))).suspects == ()


def test_another_owner_is_told_beside_other_evidence_and_accuses_nobody() -> None:
    h = History()
    h.built("raw", 1, code="v1")
    h.built("raw", 20, code="v2")
    h.built("orders", 21, reads={"raw": 20})
    owner = ChangeSeen(asset="raw", at=minutes(20), kind=SignalKind.OWNER, text="owner changed: team:a → team:b")
    suspect = first(found(h.provenance, symptom("orders", 21), context=Context(changes=(owner,))))
    assert texts(suspect) == ["declared code version v1 → v2", "owner changed: team:a → team:b"]
    alone = History()
    alone.built("raw", 1)
    alone.built("raw", 20)
    alone.built("orders", 21, reads={"raw": 20})
    assert found(alone.provenance, symptom("orders", 21), context=Context(changes=(owner,))).suspects == ()


def test_a_lost_column_explains_nothing_where_the_bad_ones_are_made_of_others() -> None:
    h = History()
    h.built("raw", 1, columns=columns_of(id="int", price="int"))
    h.built("raw", 2, columns=columns_of(id="int"))
    h.built("orders", 3, reads={"raw": 2})
    for columns, expected in ((frozenset({"id"}), None), (frozenset({"price"}), ("raw", 2))):
        context = Context(feeding={"raw": columns})
        assert found(h.provenance, symptom("orders", 3), context=context).proven_root == expected


def test_the_checksum_of_a_dbt_model_is_called_by_its_name() -> None:
    h = History()
    h.built("raw", 1, code="0123456789abcdef0123456789abcdef01234567")
    h.built("raw", 2, code="89abcdef0123456789abcdef0123456789abcdef")
    h.built("orders", 3, reads={"raw": 2})
    suspect = first(found(h.provenance, symptom("orders", 3), context=Context(dbt_assets={"raw"})))
    assert texts(suspect) == ["dbt model checksum 0123456 → 89abcde"]


def test_circles_end() -> None:
    h = History()
    h.built("a", 1, at=1, reads={"b": 2})
    h.built("b", 2, at=1, reads={"a": 1})
    findings = found(h.provenance, symptom("a", 1), graph=graph_of("a > b > a"))
    assert findings.looked_at == "looked at 1 asset upstream: b: nothing changed"


def test_failing_assets_that_feed_each_other_were_looked_at_too() -> None:
    h = History()
    h.built("a", 1)
    h.built("b", 2, reads={"a": 1})
    findings = found(h.provenance, symptom("a", 1), symptom("b", 2), graph=graph_of("a > b"))
    assert findings.looked_at == "looked at 1 asset upstream: a: nothing changed"


def test_it_says_that_it_happened_before() -> None:
    then = minutes(100) - timedelta(days=3)
    earlier = tuple(
        Earlier(id=f"INC-{n}", detected_at=then - timedelta(days=n), resolved_at=then, resolution=Resolution.FIXED)
        for n in range(3)
    )
    findings = found(story_five().provenance, symptom("orders", 3), context=Context(earlier=earlier))
    assert findings.recurrence == "4th time in 30 days; last time: INC-0, fixed, 3 days ago"
    assert findings.recurrence in texts(first(findings))
