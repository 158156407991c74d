"""Alerts: the identity that makes a repeat a repeat, and which of two kinds says more."""

import itertools

import pytest

from incident_ops.core.alert import AlertKind, AssetRef, NotRun, Subject, family_of, fingerprint, most_specific
from incident_ops_tests.builders import make_alert, minutes


@pytest.mark.parametrize(
    ("asset", "check", "name", "kind", "expected"),
    [
        ("a/b", "not_null", None, AlertKind.CHECK_FAILED, "check|a/b|not_null"),
        ("a/b", "not_null", None, AlertKind.CHECK_ERRORED, "check|a/b|not_null"),
        ("a/b", "not_null", None, AlertKind.RUN_FAILED, "check|a/b|not_null"),
        ("a/b", None, None, AlertKind.RUN_FAILED, "run|a/b"),
        ("a/b", None, None, AlertKind.NOT_MATERIALIZED, "run|a/b"),
        ("a/b", None, None, AlertKind.FRESHNESS, "freshness|a/b"),
        (None, None, "shop/nightly", AlertKind.RUN_FAILED, "job|shop/nightly"),
        (None, None, "airflow.dag", AlertKind.EXTERNAL, "external|airflow.dag"),
        (None, None, None, AlertKind.EXTERNAL, "external"),
    ],
)
def test_the_fingerprint_is_the_failing_thing(
    asset: str | None, check: str | None, name: str | None, kind: AlertKind, expected: str
) -> None:
    """The evaluation, the error and the run failure of one check must meet in one incident."""
    subject = Subject(asset=AssetRef(key=asset) if asset else None, check=check, name=name)
    assert fingerprint(family_of(kind, subject), subject) == expected


def test_message_run_partition_and_time_are_not_part_of_the_fingerprint() -> None:
    """A failure that is worded differently each day would be a new incident each day."""
    one = make_alert("a/b", summary="12 rows", run_id="r1", partition="p1", cause="r1/s")
    other = make_alert("a/b", minutes(9), summary="13 rows", run_id="r2", partition="p2", cause="r2/s")
    assert one.fingerprint == other.fingerprint


def test_two_checks_of_an_asset_and_its_freshness_are_three_things() -> None:
    alerts = [make_alert("a/b"), make_alert("a/b", check="unique"), make_alert("a/b", kind="freshness")]
    assert len({alert.fingerprint for alert in alerts}) == 3


def test_a_sender_may_name_the_family_itself() -> None:
    assert make_alert("a/b", check=None, kind="external", family="volume").fingerprint == "volume|a/b"


def test_the_more_specific_kind_wins_in_either_order() -> None:
    order = list(AlertKind)
    for a, b in itertools.product(order, order):
        assert most_specific(a, b) is most_specific(b, a) is order[min(order.index(a), order.index(b))]


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (Subject(asset=AssetRef(key="a/b"), check="c"), "a/b: c"),
        (Subject(asset=AssetRef(key="a/b")), "a/b"),
        (Subject(name="nightly"), "nightly"),
        (Subject(), "unnamed"),
    ],
)
def test_a_subject_has_a_name_for_people(subject: Subject, expected: str) -> None:
    assert str(subject) == expected


def test_what_was_not_run_says_on_whose_account() -> None:
    assert str(NotRun(asset=AssetRef(key="x/y"), because="a/b")) == "x/y (not run: upstream a/b)"
    assert AssetRef(key="x/y").path == ("x", "y")
