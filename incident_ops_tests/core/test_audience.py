"""Who of those downstream is told what: the note to hold, and what is true when it ends."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from incident_ops.core.audience import AudienceKind, Entry, Owed, owed
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.impact import impact_of
from incident_ops.core.incident import Incident
from incident_ops.core.provenance import Ref
from incident_ops.core.status import Resolution
from incident_ops_tests.builders import make_incident, minutes
from incident_ops_tests.histories import History, graph_of

G = graph_of("raw > orders > weekly > dash")
OPEN = make_incident()


def bad_orders() -> History:
    """weekly is built from good orders, then orders from bad raw."""
    h = History()
    h.built("raw", 1)
    h.built("orders", 2, reads={"raw": 1})
    h.built("weekly", 3, reads={"orders": 2})
    h.built("raw", 4)
    h.built("orders", 5, reads={"raw": 4})
    return h


def next_entries(
    h: History,
    ledger: Sequence[Entry] = (),
    *,
    incident: Incident = OPEN,
    elsewhere: Sequence[tuple[str, Entry]] = (),
) -> Owed:
    catalog = Catalog([AssetNode(key="dash", consumers=("cfo@acme.test",))])
    impact = impact_of([Ref(asset="raw", id=4)], h.provenance, catalog, G)
    owner = {"weekly": ["team:weekly"]}
    return owed(
        incident,
        impact,
        ledger,
        owners_of=lambda key: owner.get(key, ()),
        elsewhere=elsewhere,
        now=minutes(60),
    )


def held() -> Entry:
    [entry] = next_entries(bad_orders()).new
    assert (entry.recipient, entry.kind) == ("team:weekly", AudienceKind.HOLD)
    return entry


def test_a_hold_ends_when_what_lies_above_is_good_again():
    h = bad_orders()
    h.built("raw", 6)
    h.built("orders", 7, reads={"raw": 6})
    [(_, text)] = next_entries(h, [held()]).lifted
    assert text == "weekly: you can build again (INC-1). What it is built from is good."


def test_who_built_in_spite_of_the_hold_is_not_told_that_all_is_good():
    h = bad_orders()
    h.built("weekly", 6, reads={"orders": 5})
    assert next_entries(h, [held()]).lifted == (), "orders is still bad: the hold stands"
    h.built("raw", 7)
    h.built("orders", 8, reads={"raw": 7})
    [(entry, text)] = next_entries(h, [held()]).lifted
    assert entry.ended_at == minutes(60)
    assert text.splitlines() == [
        "weekly: you can build again (INC-1). What it is built from is good.",
        "What to do: build weekly again, which took in bad data meanwhile.",
    ]


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Resolution.EXPECTED, "weekly: you can build again. INC-1 was looked at and closed as expected."),
        (
            Resolution.FALSE_POSITIVE,
            "weekly: you can build again. INC-1 was looked at and closed as false positive.",
        ),
    ],
)
def test_a_hold_ends_when_a_person_says_that_the_data_may_be_used(reason: Resolution, text: str):
    closed = OPEN.resolved(at=minutes(50), by="ana", reason=reason)
    [(_, told)] = next_entries(bad_orders(), [held()], incident=closed).lifted
    assert told == text


def test_a_hold_outlives_its_incident_until_what_lies_above_is_good():
    closed = OPEN.resolved(at=minutes(50))
    assert next_entries(bad_orders(), [held()], incident=closed) == Owed()
    assert next_entries(bad_orders(), incident=closed) == Owed(), "but none begins when it is over"


def test_what_is_at_risk_once_more_is_held_once_more():
    over = replace(held(), ended_at=minutes(30))
    [again] = next_entries(bad_orders(), [over]).new
    assert (again.kind, again.round) == (AudienceKind.HOLD, 2)


def test_nobody_is_told_that_all_is_good_while_another_incident_holds_the_same_asset():
    h = bad_orders()
    h.built("weekly", 6, reads={"orders": 5})
    [start] = [entry for entry in next_entries(h).new if entry.recipient == "cfo@acme.test"]
    for asset, id, reads in (("raw", 7, {}), ("orders", 8, {"raw": 7}), ("weekly", 9, {"orders": 8})):
        h.built(asset, id, reads=reads)
    [alone] = next_entries(h, [start]).new
    assert alone.text == "dash: all clear (INC-1). The data is good again; it was bad since your first notice."
    [one_of_two] = next_entries(h, [start], elsewhere=[("INC-2", start)]).new
    assert one_of_two.text.splitlines() == [
        "dash: INC-1 is over for it, but dash is still bad (INC-2).",
        "What to do: wait for the all-clear of the latter.",
    ]
    [(_, lifted)] = next_entries(h, [held()], elsewhere=[("INC-2", held()), ("INC-3", start)]).lifted
    assert lifted == "weekly: INC-1 stands in the way no longer, but keep holding weekly (INC-2)."


def test_one_all_clear_names_both_incidents_that_were_merged():
    h = bad_orders()
    h.built("weekly", 6, reads={"orders": 5})
    [start] = [entry for entry in next_entries(h).new if entry.recipient == "cfo@acme.test"]
    other = replace(start, round=2, text=start.text.replace("INC-1", "INC-2").replace("dash:", "board:", 1))
    for asset, id, reads in (("raw", 7, {}), ("orders", 8, {"raw": 7}), ("weekly", 9, {"orders": 8})):
        h.built(asset, id, reads=reads)
    due = next_entries(h, [start, other])
    assert len(due.ended) == 2
    assert {entry.text for entry in due.new} == {
        "dash, board: all clear (INC-1, which has taken in INC-2). "
        "The data is good again; it was bad since your first notice."
    }
    assert sorted((entry.kind, entry.round) for entry in due.new) == [(AudienceKind.END, 1), (AudienceKind.END, 2)]


def test_partitions_at_risk_in_two_incidents_are_one_asset():
    text = "weekly [03, 04:00], dash: there is bad data in what it is built from (INC-2: raw)."
    two = replace(held(), text=text)
    h = bad_orders()
    h.built("raw", 6)
    h.built("orders", 7, reads={"raw": 6})
    [(_, lifted)] = next_entries(h, [held()], elsewhere=[("INC-2", two)]).lifted
    assert lifted == "weekly: INC-1 stands in the way no longer, but keep holding weekly (INC-2)."
