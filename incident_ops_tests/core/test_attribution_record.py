"""An attribution from somebody else's process: believed as far as its form goes, told as far as it may be."""

import json
from collections.abc import Callable
from dataclasses import replace
from math import isnan, nan
from typing import Any

import pytest

from incident_ops.core.alert import Evidence
from incident_ops.core.attribution import Explanation, LeftOut, Slice, Unattributed
from incident_ops.core.attribution.record import WITHHELD, Attribution, attribution_in, document_of
from incident_ops.core.error_text import redact
from incident_ops.core.pii import MASKED, mask
from incident_ops.core.record import attribution_record
from incident_ops_tests.builders import make_alert, make_incident, minutes

BEST = Slice(conditions={"channel": "tiktok", "app": "7.2"}, explained=0.98, score=0.9, share=0.02)
NEXT = Slice(conditions={"email": "anna@example.com"}, explained=0.5, score=0.4, share=nan)
FOUND = Attribution(slices=(BEST, NEXT), dimensions=("channel", "app", "email"))
GOOD: dict[str, Any] = document_of(FOUND)


def test_what_was_written_is_read_after_dagster_has_sorted_its_keys() -> None:
    document = json.loads(json.dumps(GOOD, allow_nan=False, sort_keys=True))
    found = attribution_in(document)
    assert found == FOUND
    assert found is not None and isnan(found.slices[1].share)
    assert found.sentence == "98 % of the failing rows: channel = tiktok and app = 7.2 (2 % of all rows)"


def test_an_explanation_is_written_with_its_own_sentence() -> None:
    explanation = Explanation(slices=(), dimensions=("channel",), failing=3, rows=9)
    assert document_of(explanation) == {
        "sentence": "no single slice explains it (looked at channel)",
        "slices": [],
        "dimensions": ["channel"],
        "withheld": 0,
        "left_out": {},
        "failed": None,
        "measure": "rate",
    }


def test_rounding_that_leaves_a_share_above_one_is_no_reason_to_lose_it() -> None:
    document = document_of(replace(FOUND, slices=(replace(BEST, explained=1 + 1e-12),)))
    assert document["slices"][0]["explained"] == 1
    assert attribution_in(document) is not None


@pytest.mark.parametrize(
    "found",
    [
        replace(FOUND, slices=(), measure="count", left_out={LeftOut.MANY_VALUES: 3, LeftOut.PERSONAL: 1}),
        *(Attribution(failed=reason) for reason in Unattributed),
    ],
)
def test_what_was_not_looked_at_and_why_nothing_is_known_survive_the_way(found: Attribution) -> None:
    read = attribution_in(json.loads(json.dumps(document_of(found), sort_keys=True)))
    assert read == found
    assert read is not None and read.without([], clean=redact).sentence == found.sentence
    assert read.sentence.startswith(
        "the failing rows could not be attributed: " if found.failed else "no single slice explains it (looked at "
    )


def test_a_document_of_an_earlier_version_is_read_and_a_reason_of_a_later_one_passed_over() -> None:
    earlier = {name: value for name, value in GOOD.items() if name not in ("left_out", "failed", "measure")}
    later = GOOD | {"left_out": {"too_dull": 3, "type": "many", "personal": True}, "failed": "asleep"}
    assert attribution_in(earlier) == attribution_in(later) == FOUND


def test_a_change_is_told_as_one() -> None:
    read = attribution_in(document_of(replace(FOUND, measure="count")))
    assert read is not None
    assert read.sentence == "98 % of the deviation: channel = tiktok and app = 7.2; 50 %: email = anna@example.com"


SLICE = GOOD["slices"][0]


@pytest.mark.parametrize(
    "document",
    [
        None,
        "98 %",
        [GOOD],
        {},
        GOOD | {"slices": None},
        GOOD | {"slices": {"a": SLICE}},
        GOOD | {"slices": ["all"]},
        GOOD | {"dimensions": "channel"},
        GOOD | {"dimensions": [1]},
        GOOD | {"withheld": "2"},
        GOOD | {"withheld": -1},
        GOOD | {"left_out": 3},
        GOOD | {"measure": "guess"},
        *(
            GOOD | {"slices": [SLICE | wrong]}
            for wrong in (
                {"conditions": {}},
                {"conditions": ["channel"]},
                {"conditions": {"channel": 7}},
                {"conditions": dict.fromkeys("abcd", "x")},
                {"explained": None},
                {"explained": True},
                {"explained": 1.5},
                {"explained": nan},
                {"explained": 10**400},
                {"explained": "98 %"},
                {"score": -1},
                {"share": []},
            )
        ),
    ],
)
def test_a_document_of_another_form_is_none_at_all(document: object) -> None:
    assert attribution_in(document) is None


def test_the_sentence_of_the_document_is_never_believed() -> None:
    found = attribution_in(GOOD | {"sentence": "ask anna@example.com"})
    assert found is not None and "anna" not in found.sentence


def test_more_than_anybody_reads_is_cut() -> None:
    long = {"conditions": {"a": "x" * 1_000}, "explained": 1}
    found = attribution_in({"slices": [long] * 100, "dimensions": [str(n) for n in range(1_000)]})
    assert found is not None
    told = found.without([], clean=redact)
    assert (len(told.slices), len(told.dimensions)) == (10, 50)
    assert len(told.slices[0].conditions["a"]) == 200 and len(told.sentence) < 200


# ---- what may be told


def _clean(text: str) -> str:
    return mask(redact(text), ["email"], ["Anna Secret", "(missing)"])


def test_a_slice_of_a_hidden_column_is_withheld_and_the_rest_is_told() -> None:
    told = FOUND.without(["EMAIL"], clean=_clean)
    assert told == Attribution(slices=(BEST,), dimensions=("channel", "app"), withheld=1)
    assert told.sentence == FOUND.sentence
    assert attribution_in(document_of(told)) == told


def test_when_all_of_it_is_withheld_the_sentence_says_so_and_does_not_say_that_nothing_explains_it() -> None:
    told = replace(FOUND, slices=(NEXT,)).without(["email"], clean=_clean)
    assert (told.slices, told.sentence) == ((), WITHHELD)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("token", "abc-9f8e7d6c", MASKED),
        ("note", "Anna Secret called", MASKED),
        ("dsn", "postgresql://reader:hunter2@db.test/shop", MASKED),
        ("channel", "tiktok", "tiktok"),
        ("channel", "(missing)", "(missing)"),
    ],
)
def test_a_value_that_is_a_secret_or_somebodys_data_is_masked(name: str, value: str, shown: str) -> None:
    found = Attribution(slices=(Slice(conditions={name: value}, explained=1, score=1),), dimensions=(name,))
    assert found.without(["email"], clean=_clean).slices[0].conditions == {name: shown}


def test_a_secret_longer_than_what_is_shown_is_masked_before_it_is_cut() -> None:
    value = "x" * 195 + " Anna Secret"
    found = Attribution(slices=(Slice(conditions={"a": value}, explained=1, score=1),), dimensions=("a",))
    assert found.without([], clean=_clean).slices[0].conditions == {"a": MASKED}


# ---- of an incident


@pytest.mark.parametrize("order", [list, lambda alerts: alerts[::-1]], ids=["in order", "reversed"])
def test_the_newest_on_the_root_is_told_before_what_is_downstream(order: Callable[[list[Any]], list[Any]]) -> None:
    def alert(asset: str, minute: float, channel: str | None) -> Any:
        found = Slice(conditions={"channel": channel or ""}, explained=1, score=1)
        attribution = Attribution(slices=(found,), dimensions=("channel",)) if channel else None
        return make_alert(asset, minutes(minute), evidence=Evidence(summary="s", attribution=attribution))

    root = alert("raw", 0, "old")
    alerts = [root, alert("raw", 1, "new"), alert("raw", 2, None), alert("mart", 3, "far")]
    record = attribution_record(make_incident(1, root), order(alerts))
    assert record is not None
    assert (record["slices"][0]["conditions"], record["asset"], record["check"]) == (
        {"channel": "new"},
        "raw",
        "not_null",
    )
    record = attribution_record(make_incident(1, root), alerts[3:])
    assert record is not None and record["asset"] == "mart"
    assert attribution_record(make_incident(1, root), [alerts[2]]) is None
