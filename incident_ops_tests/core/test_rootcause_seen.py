"""Nobody is named: what was seen on the way is said all the same, and "nothing changed" only where nothing was."""

from typing import Any

import pytest

from incident_ops.core.alert import AlertKind, Nature
from incident_ops.core.rootcause.charges import ChangeSeen, Context, Trouble
from incident_ops.core.rootcause.signals import SignalKind
from incident_ops_tests.builders import minutes
from incident_ops_tests.core.investigations import found, symptom, texts
from incident_ops_tests.histories import History, columns_of

NOTHING = "looked at 1 asset upstream: raw: nothing that explains it; seen: "


@pytest.mark.parametrize(
    ("before", "after", "seen"),
    [
        ({}, {"tags": {"git_branch": "hotfix"}}, "tag git_branch of the run absent → hotfix (raw)"),
        (
            {"columns": columns_of(a="int")},
            {"columns": columns_of(a="int", extra="text")},
            "columns added extra (raw)",
        ),
        ({"rows": 1_000}, {"rows": 600}, "rows 1,000 → 600 (−40 %) (raw)"),
    ],
)
def test_what_is_too_little_to_name_anybody_is_said(
    before: dict[str, Any], after: dict[str, Any], seen: str
) -> None:
    h = History()
    h.built("raw", 1, **before)
    h.built("orders", 2, reads={"raw": 1})
    h.built("raw", 3, **after)
    h.built("orders", 4, reads={"raw": 3})
    findings = found(h.provenance, symptom("orders", 4))
    assert findings.suspects == ()
    assert findings.looked_at == NOTHING + seen


def test_three_sightings_are_told_the_weightiest_and_nearest_first_and_the_others_are_counted() -> None:
    h = History()
    for n, (rows, tags) in enumerate([(1_000, {}), (600, {"branch": "hotfix"})]):
        h.built("raw", 10 * n + 1, rows=rows, tags=tags)
        h.built("orders", 10 * n + 2, reads={"raw": 10 * n + 1}, rows=rows + 1, tags=tags)
        h.built("rev_daily", 10 * n + 3, reads={"orders": 10 * n + 2}, rows=rows, tags=tags)
    owner = ChangeSeen(asset="raw", at=minutes(11), kind=SignalKind.OWNER, text="owner changed: a → b")
    findings = found(h.provenance, symptom("rev_daily", 13), context=Context(changes=(owner,)))
    assert findings.looked_at == (
        "looked at 2 assets upstream: orders, raw: nothing that explains it; "
        "seen: tag branch of the run absent → hotfix (rev_daily, orders, raw), "
        "owner changed: a → b (raw), rows 1,001 → 601 (−40 %) (orders) and 1 more"
    )


USUAL: dict[str, Any] = {"rows": 1_000, "code": "v1", "config": "1a", "columns": columns_of(a="int", b="int")}
OTHER: dict[str, Any] = {"rows": 30, "code": "v2", "config": "2b", "columns": columns_of(a="int")}


def test_a_return_to_the_usual_is_no_cause_and_is_said() -> None:
    """Nobody is known to have read the one build between."""
    h = History()
    for id, build in enumerate((USUAL, OTHER, USUAL), start=1):
        h.built("raw", id, **build)
    h.built("orders", 4, reads={"raw": 3})
    findings = found(h.provenance, symptom("orders", 4))
    assert findings.suspects == ()
    assert "rows 30 → 1,000 (+3,233 %) (raw)" in findings.looked_at


def test_where_no_pass_is_known_a_record_is_compared_with_what_its_reader_had_read_before() -> None:
    """Two builds since, of which orders read only the second: the one between is no measure, for good or bad."""
    for now, rows in ((USUAL, None), (OTHER, "rows 1,000 → 30 (−97 %)")):
        h = History()
        h.built("raw", 1, **USUAL)
        h.built("orders", 2, reads={"raw": 1})
        h.built("raw", 3, **OTHER)
        h.built("raw", 4, **now)
        h.built("orders", 5, reads={"raw": 4})
        findings = found(h.provenance, symptom("orders", 5))
        assert findings.proven_root == (("raw", 4) if rows else None)
        assert [s for suspect in findings.suspects for s in texts(suspect) if "rows" in s] == (
            [rows] if rows else []
        )
        assert findings.looked_at.endswith("upstream: raw" if rows else "upstream: raw: nothing changed")


def test_what_explains_nothing_of_this_kind_is_said_too() -> None:
    h = History()
    h.built("raw", 1, columns=columns_of(id="int", price="int"))
    h.built("raw", 2, columns=columns_of(id="int"))
    h.built("orders", 3, reads={"raw": 2})
    late = Trouble(asset="raw", kind=AlertKind.FRESHNESS, at=minutes(2.5), summary="raw is 3 h late")
    context = Context(troubles=(late,), feeding={"raw": frozenset({"id"})})
    findings = found(h.provenance, symptom("orders", 3), context=context)
    assert findings.suspects == ()
    assert findings.looked_at == NOTHING + "columns removed price (raw), raw is 3 h late (raw)"


def test_a_trouble_that_explains_nothing_does_not_take_the_change_of_the_catalog_along() -> None:
    """raw's last build is older than the change; the run that failed since was the first of the new definition."""
    h = History()
    h.built("raw", 1, run_id="fine")
    h.built("orders", 60, reads={"raw": 1})
    changed = ChangeSeen(asset="raw", at=minutes(40), kind=SignalKind.CATALOG, text="now built from x")
    failed = Trouble(asset="raw", kind=AlertKind.RUN_FAILED, at=minutes(50), summary="no", run_id="failed")
    findings = found(h.provenance, symptom("orders", 60), context=Context(changes=(changed,), troubles=(failed,)))
    assert findings.suspects == ()
    assert findings.looked_at == NOTHING + "its run failed: no (raw)"


def test_the_symptom_itself_is_not_told_again_but_what_was_done_to_the_asset_is() -> None:
    h = History()
    h.built("orders", 1, rows=1_000)
    h.built("orders", 2, rows=30, tags={"git_branch": "hotfix"})
    findings = found(h.provenance, symptom("orders", 2, nature=Nature.VOLUME))
    assert findings.suspects == ()
    assert findings.looked_at == (
        "looked at 1 asset upstream: raw: nothing that explains it; "
        "seen: tag git_branch of the run absent → hotfix (orders)"
    )
