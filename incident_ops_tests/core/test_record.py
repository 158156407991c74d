"""The JSON shape of an incident, which other programs read."""

import json
from datetime import timedelta, timezone

from incident_ops.core.record import incident_record, utc_text
from incident_ops.core.status import Resolution
from incident_ops_tests.builders import T0, make_alert, make_incident, minutes

PROMISED = [
    "id", "title", "status", "severity", "priority", "nature", "cause_class", "owner", "started_at", "detected_at",
    "resolved_at", "root", "members", "alert_count", "flaky", "labels",
]  # fmt: skip


def test_every_promised_key_is_there_first_and_in_order():
    record = incident_record(make_incident(7))
    assert list(record)[: len(PROMISED)] == PROMISED
    assert list(record["root"])[:3] == ["asset", "partition", "materialization"]
    assert list(record["members"][0])[:5] == ["asset", "check", "kind", "partition", "hops"]


def test_the_values_are_plain_json_with_utc_times_and_slashed_keys():
    alert = make_alert("shop/orders", partition="2026-11-19", materialization=42, began_at=minutes(-30))
    incident = make_incident(7, alert).resolved(at=minutes(9), by="ana", reason=Resolution.FIXED)
    record = incident_record(incident)
    assert json.loads(json.dumps(record)) == record
    assert all(type(record[key]) is str for key in ("status", "severity", "priority", "nature", "resolution"))
    assert record["id"] == "INC-7"
    assert record["root"]["asset"] == "shop/orders"
    assert record["root"]["materialization"] == 42
    assert record["members"][0]["partition"] == "2026-11-19"
    assert record["started_at"] == "2026-11-20T08:30:00Z"
    assert record["resolved_at"] == "2026-11-20T09:09:00Z"
    assert record["resolution"] == "fixed"


def test_what_is_unknown_is_null_and_not_the_word_none():
    record = incident_record(make_incident(1, make_alert(None, name="nightly", kind="run_failed"), owner=None))
    assert (record["owner"], record["cause_class"], record["resolved_at"]) == (None, None, None)
    nothing = dict.fromkeys(("asset", "partition", "materialization", "check", "run_id"))
    assert record["root"] == {**nothing, "name": "nightly"}


def test_a_time_of_another_zone_is_told_in_utc():
    assert utc_text(T0.astimezone(timezone(timedelta(hours=5, minutes=30)))) == "2026-11-20T09:00:00Z"
