"""`POST /api/views`, where portals and BI tools report who looked at what: what is taken, and what is not."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from incident_ops.adapters.store import SqlStore
from incident_ops.core.errors import StoreUnavailable
from incident_ops.core.provenance import View
from incident_ops.web.requests import LARGEST_BODY
from incident_ops.web.views import VIEWS
from incident_ops_tests.builders import minutes
from incident_ops_tests.web.portal import CEO, NOW, Kept, portal_of


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def portal(store: SqlStore, kept: Kept) -> TestClient:
    return portal_of(store, kept)


# ---- what is taken


def test_one_view_and_many_are_taken_and_unknown_assets_are_told_not_lost(portal: TestClient, kept: Kept) -> None:
    one = portal.post(VIEWS, json=CEO)
    assert (one.status_code, one.json()) == (202, {"taken": 1, "unknown": []})
    listed = [{**CEO, "at": "2026-11-20T10:10:00+01:00", "materialization": 2**63 - 1}]
    listed += [{"asset": asset, "viewer": " Zoë Ann ", "at": None, "materialization": None} for asset in "zaz"]
    many = portal.post(VIEWS, json={"views": listed})
    assert (many.status_code, many.json()) == (202, {"taken": 4, "unknown": ["a", "z"]})
    assert kept.views == [
        View(asset="rev_daily", viewer="ceo@shop.example", at=NOW),
        View(asset="rev_daily", viewer="ceo@shop.example", at=minutes(10), materialization=2**63 - 1),
        *(View(asset=asset, viewer="Zoë Ann", at=NOW) for asset in "zaz"),
    ]


@pytest.mark.parametrize(("views", "taken"), [([], 0), ([CEO] * 1000, 1000)])
def test_none_and_a_thousand_are_taken(portal: TestClient, views: list[Any], taken: int) -> None:
    assert portal.post(VIEWS, json={"views": views}).json()["taken"] == taken


def test_a_clock_that_is_a_little_ahead_is_borne(portal: TestClient, kept: Kept) -> None:
    assert portal.post(VIEWS, json={**CEO, "at": minutes(35).isoformat()}).status_code == 202
    assert kept.views[0].at == minutes(35)


# ---- what is not


NO_ID = "materialization: this is no storage id; write a whole number, or leave it out."


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"asset": None}, 'asset: this is missing; name the asset, like "shop/orders".'),
        ({"asset": ["a", "b"]}, 'asset: this is no text, or an empty one; name the asset, like "shop/orders".'),
        ({"viewer": " "}, 'viewer: this is no text, or an empty one; say who looked, like "ceo@shop.example".'),
        ({"viewer": "x" * 501}, "viewer: this has 501 characters; 500 are the most."),
        ({"viewer": "a\x1b[2Jb"}, "viewer: this has control characters; take them out."),
        ({"viewer": "a\nb"}, "viewer: this has control characters; take them out."),
        ({"asset": "a\ud800"}, "asset: this has control characters; take them out."),
        ({"at": "yesterday"}, "at: this is no point in time with its offset; write it like"),
        ({"at": "2026-11-20T09:00:00"}, "at: this is no point in time with its offset; write it like"),
        ({"at": "0001-01-01T00:00:00+01:00"}, "at: this is no point in time with its offset; write it like"),
        ({"at": 1763629200}, "at: this is no point in time with its offset; write it like"),
        (
            {"at": "2026-11-20T09:35:01Z"},
            "at: this is more than five minutes ahead of our clock, 2026-11-20T09:30:00Z; correct ",
        ),
        *(({"materialization": version}, NO_ID) for version in (0, -1, 2**63, 1.0, True, "7")),
        (
            {"viewed\ud800": 7},
            "viewed\ufffd: a view has no such key; it may have asset, viewer, at, materialization.",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_its_remedy_and_nothing_is_taken(
    portal: TestClient, kept: Kept, wrong: Mapping[str, Any], said: str
) -> None:
    for place, document in (("", {**CEO, **wrong}), ("views[1].", {"views": [CEO, {**CEO, **wrong}, CEO]})):
        answer = portal.post(VIEWS, content=json.dumps(document), headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(f"{place}{said}")
        assert answer.json()["error"].endswith(".")
    assert kept.views == []


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"views": [CEO] * 1001}, "views: these are 1,001; send 1,000 at most in one request."),
        ({"views": CEO}, "views: this is no list; write [{…}, {…}], or send one view without it."),
        ({"views": [CEO, 5]}, "views[1]: this is no view; write "),
        ({"views": [], **CEO}, "asset: this stands beside views; put it into a view."),
        ({}, "asset: this is missing; "),
    ],
)
def test_what_holds_no_views_is_one_sentence(
    portal: TestClient, kept: Kept, document: Mapping[str, Any], said: str
) -> None:
    answer = portal.post(VIEWS, json=document)
    assert (answer.status_code, kept.views) == (422, [])
    assert answer.json()["error"].startswith(said)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "said"),
    [
        (b"[]", "application/json", 400, "This JSON is not an object."),
        (b"{", "application/json", 400, "This JSON cannot be read."),
        (b"[" * 100_000, "application/json; charset=utf-8", 400, "This JSON cannot be read."),
        (b" " * (LARGEST_BODY + 1), "application/json", 413, "This is too large."),
        (json.dumps(CEO).encode(), "text/plain", 415, "This must be application/json."),
        (json.dumps(CEO).encode(), "application/x-www-form-urlencoded", 415, "This must be application/json."),
        (json.dumps(CEO).encode(), "", 415, "This must be application/json."),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    portal: TestClient, kept: Kept, body: bytes, content_type: str, status: int, said: str
) -> None:
    answer = portal.post(VIEWS, content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json(), kept.views) == (status, {"error": said}, [])


def test_without_the_database_the_sender_is_told_to_come_back(
    store: SqlStore, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: object) -> list[str]:
        raise StoreUnavailable("the database db.internal cannot be used")

    answer = portal_of(store, fails).post(VIEWS, json=CEO)
    assert (answer.status_code, answer.json()["error"]) == (503, "This cannot be done now; send it again later.")
    assert "Views cannot be kept: the database db.internal" in caplog.text


def test_the_report_that_the_readme_shows_is_taken(portal: TestClient, kept: Kept) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    [(header, body)] = re.findall(rf"^\$ curl \S+{VIEWS} -H '(.+)' \\\n *-d '(.+)'$", readme, re.MULTILINE)
    name, _, value = header.partition(": ")
    assert portal.post(VIEWS, content=body, headers={name: value}).status_code == 202
    assert [view.viewer for view in kept.views] == ["ceo@shop.example"]
