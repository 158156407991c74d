"""`incident-ops routes test`: who would hear of a failure that never was, and why."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from incident_ops.adapters.dagster_deadlines import cron_ticks
from incident_ops.adapters.wiring import DATABASE_FILE, in_force, policy_of, surroundings_of
from incident_ops.core.nature import nature_of_check
from incident_ops.core.notices import Action, Notice
from incident_ops.core.record import utc_text
from incident_ops.core.routing import Destination
from incident_ops.core.status import EntryKind
from incident_ops.engine.assess import assess
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.timers import attend_due
from incident_ops.engine.triage import triage
from incident_ops_tests.builders import make_alert
from incident_ops_tests.cli.conftest import CommandLine
from incident_ops_tests.cli.routed import CONFIG, DAY, NIGHT, SHOP


@pytest.fixture
def shop(cli: CommandLine) -> CommandLine:
    cli.configure(CONFIG)
    with cli.store() as store:
        store.save_catalog(SHOP)
    return cli


def rehearsed(cli: CommandLine, *arguments: str, at: datetime = DAY) -> Any:
    answer = cli("routes", "test", *arguments, "--at", at.isoformat(), "--json")
    assert answer.code == 0, answer.err
    return answer.json


def places(record: Any) -> dict[str, str | None]:
    """Address → when it would be pushed first."""
    return {place["to"].partition(":")[2]: place["pushed_at"] for place in record["destinations"]}


NOW, NEVER = "2026-11-20T09:00:00Z", None


@pytest.mark.parametrize(
    ("arguments", "receivers", "pushed"),
    [
        ("--asset orders", ["war-room", "owner"], {"#war-room": NOW, "#fin-data": NOW, "cfo@acme.test": NEVER}),
        ("--asset orders --severity SEV2", ["owner"], {"#fin-data": NOW, "cfo@acme.test": NEVER}),
        ("--asset refunds --check not_null", ["owner"], {"#fin-data": NOW}),
        ("--asset web", ["owner"], {"#web-data": NOW}),
        ("--asset both", ["owner"], {"#fin-data": NOW, "#web-data": NOW}),
        ("--asset tagged", ["owner"], {"#tagged": NOW}),
        ("--asset noisy", ["digest"], {"#web-data": NEVER}),
        ("--asset nobodys", ["owner"], {"#data-incidents": NOW}),
        ("--asset nobodys --label owner=team:web", ["owner"], {"#web-data": NOW}),
        ("--asset web --nature freshness", ["web-late"], {"#web-late": "2026-11-20T13:00:00Z"}),
        ("--asset refunds --label tier=gold", ["war-room", "owner"], {"#war-room": NOW, "#fin-data": NOW}),
        ("--asset refunds --check x --check-severity WARN", ["owner"], {"#fin-data": NEVER}),
    ],
)  # fmt: skip
def test_it_names_the_receivers_of_the_tree_and_the_places_behind_them(
    shop: CommandLine, arguments: str, receivers: list[str], pushed: dict[str, str | None]
) -> None:
    record = rehearsed(shop, *arguments.split())
    assert (record["receivers"], places(record)) == (receivers, pushed)
    assert (record["suppressed"] is None) is (NOW in pushed.values())


@pytest.mark.parametrize(
    ("arguments", "at", "suppressed", "first"),
    [
        (
            "--asset tomorrow",
            NIGHT,
            "held until Fri 2026-11-20 09:00 CET, when team fin works: the next deadline",
            {"#fin-data": "2026-11-20T08:00:00Z"},
        ),
        ("--asset soon", NIGHT, None, {"#fin-data": "2026-11-20T02:00:00Z"}),
        ("--asset refunds", NIGHT, "no deadline depends on it", {"#fin-data": "2026-11-20T08:00:00Z"}),
        ("--asset refunds --severity SEV1", NIGHT, None, {"#fin-data": "2026-11-20T02:00:00Z"}),
        ("--asset vacuumed", NIGHT, "maintenance window until 2026-11-20 05:00 UTC: upgrade", None),
        (
            "--asset web --nature freshness",
            NIGHT,
            "muted by the time interval nights until 2026-11-20 13:00",
            None,
        ),
        ("--asset refunds --check x --check-severity WARN", DAY, "WARN is recorded and listed, not pushed", None),
        ("--asset noisy", DAY, "it is for the daily digest (route.routes[2])", None),
    ],
)
def test_who_is_not_pushed_now_is_told_why(
    shop: CommandLine, arguments: str, at: datetime, suppressed: str | None, first: dict[str, str] | None
) -> None:
    record = rehearsed(shop, *arguments.split(), at=at)
    assert (record["suppressed"] is None) is (suppressed is None)
    assert (suppressed or "") in (record["suppressed"] or "")
    if first is not None:
        assert places(record) == first


def test_a_push_at_night_says_why_it_does_not_wait(shop: CommandLine) -> None:
    record = rehearsed(shop, "--asset", "soon", at=NIGHT)
    reason = "outside of the working hours of team fin: soons is due at Fri 2026-11-20 03:40 CET, in 40 min."
    assert f"Pushed {reason}" in record["why"]


def test_the_reasons_name_route_owner_responder_and_severity(shop: CommandLine) -> None:
    why = rehearsed(shop, "--asset", "orders", "--check", "null_amounts")["why"]
    assert "SEV1: the detector's severity is ERROR; tier gold" in why
    assert (
        'route.routes[0] (tag:incident_ops/tier = "gold", severity =~ "SEV[01]") leads to receiver war-room, and '
        "the routes after it are asked too"
    ) in why
    assert 'route.routes[3] (team = "fin") leads to receiver owner' in why
    assert "team:fin owns orders → #fin-data (route.routes[3])" in why
    assert "anna@acme.test answers for field_health: analyst of team fin" in why
    assert "cfo@acme.test has subscribed → cfo@acme.test (subscriptions[0])" in why


def test_an_announced_event_is_told_of(shop: CommandLine) -> None:
    why = rehearsed(shop, "--asset", "orders", "--check", "row_count")["why"]
    assert "expected event black friday: jumps of up to 6 times the usual would open nothing" in why


def test_an_unknown_asset_has_no_owner_and_a_name_that_is_close(shop: CommandLine) -> None:
    record = rehearsed(shop, "--asset", "order")
    assert record["why"][0] == "the catalog does not know order (did you mean orders?), so its owner is unknown"
    assert (record["owner"], places(record)) == (None, {"#data-incidents": NOW})


# ---- escalation


def test_the_climb_is_told_with_who_is_on_call_until_it_is_exhausted(shop: CommandLine) -> None:
    pages = rehearsed(shop, "--asset", "orders")["pages"]
    assert [(page["at"][11:16], page["step"], page["round"], page["to"]) for page in pages] == [
        ("09:00", 0, 0, ["inbox:otto@acme.test"]),
        ("09:05", 1, 0, ["inbox:U0LEA", "inbox:#war-room"]),
        ("09:15", 0, 1, ["inbox:otto@acme.test"]),
        ("09:20", 1, 1, ["inbox:U0LEA", "inbox:#war-room"]),
        ("09:30", None, None, []),
    ]
    assert "otto@acme.test, on call in fin-primary" in pages[0]["text"]
    assert pages[-1]["text"] == "standard is exhausted"


def test_a_step_that_reaches_nobody_does_not_wait_and_is_told(shop: CommandLine) -> None:
    shop.configure(CONFIG.replace("start: 2026-01-05", "start: 2027-01-04"))
    pages = rehearsed(shop, "--asset", "orders")["pages"]
    assert [(page["at"][11:16], page["step"]) for page in pages][:3] == [("09:00", 0), ("09:00", 1), ("09:10", 0)]
    assert "nobody is on call in fin-primary" in pages[0]["text"]


def test_a_climb_waits_for_the_end_of_a_quiet(shop: CommandLine) -> None:
    record = rehearsed(shop, "--asset", "orders", "--label", "group=warehouse", at=NIGHT)
    assert record["suppressed"] == "maintenance window until 2026-11-20 05:00 UTC: upgrade"
    assert record["pages"][0]["at"] == "2026-11-20T05:00:00Z"


# ---- what the store knows


def test_a_silence_counts_as_long_as_it_lasts(shop: CommandLine) -> None:
    until = DAY + timedelta(hours=2)
    with shop.store() as store:
        store.add_silence(
            ['asset = "web"'], begins=DAY, ends=until, author="ann", comment="known", now=DAY - timedelta(days=1)
        )
    said = rehearsed(shop, "--asset", "web")["suppressed"]
    assert said == "silenced by ann until 2026-11-20 11:00 UTC (silence 1: known)"
    assert rehearsed(shop, "--asset", "web", at=until)["suppressed"] is None


def test_who_had_its_pushes_has_the_next_in_the_digest(shop: CommandLine) -> None:
    web = Destination(kind="inbox", address="#web-data")
    with shop.store() as store, store.transaction() as tx:
        told = [
            Notice(key=f"n{n}", number=None, destination=web, action=Action.TELL, text="x", pushes=True)
            for n in range(5)
        ]
        tx.enqueue(told, now=DAY - timedelta(hours=1))
    record = rehearsed(shop, "--asset", "web")
    assert record["suppressed"] == "over budget: #web-data had its 5 pushes within 1 d"
    assert record["destinations"][0]["digest"] == record["suppressed"]
    assert rehearsed(shop, "--asset", "web", "--severity", "SEV1")["suppressed"] is None
    assert rehearsed(shop, "--asset", "web", at=DAY + timedelta(hours=23))["suppressed"] is None


def test_what_is_open_inhibits_and_is_named(shop: CommandLine) -> None:
    with shop.store() as store:
        knowing = knowledge(shop, at=DAY)
        triage(store, [make_alert("web", DAY, kind="run_failed")], knowing, now=DAY)
    late = rehearsed(shop, "--asset", "web", "--nature", "freshness", at=DAY + timedelta(hours=5))
    assert late["suppressed"] == "inhibited while INC-1 is open"
    again = rehearsed(shop, "--asset", "web", at=DAY + timedelta(hours=5))
    assert "INC-1 is open for this very failure: one more would be counted there" in again["why"]


def test_the_group_that_it_would_join_was_told_just_now(shop: CommandLine) -> None:
    shop.configure(CONFIG.replace("receiver: owner\n", "receiver: owner\n  group_by: [team]\n"))
    with shop.store() as store:
        knowing = knowledge(shop, at=DAY)
        triage(store, [make_alert("web", DAY)], knowing, now=DAY)
        attend_due(store, knowing, now=DAY + timedelta(seconds=30), may_go_on=lambda: True)
        [delivery] = store.claim(now=DAY + timedelta(seconds=31), lease=timedelta(minutes=1), limit=9)
        store.accepted(delivery, None, now=DAY + timedelta(seconds=31))
    record = rehearsed(shop, "--asset", "noisy", "--label", "group=", at=DAY + timedelta(minutes=1))
    assert record["suppressed"] == "grouped by team with INC-1, told at 2026-11-20 09:05 UTC"
    assert places(record) == {"#web-data": "2026-11-20T09:05:31Z"}


# ---- the rehearsal and the real thing


def knowledge(cli: CommandLine, *, at: datetime) -> Knowledge:
    held = in_force(surroundings_of(None), now=at)
    return Knowledge(
        catalog=SHOP,
        policy=policy_of(held.settings),
        installed_at=at,
        ticks=cron_ticks,
        firing=dict(held.store.firing_labels()),
    )


@pytest.mark.parametrize("at", [NIGHT, DAY])
@pytest.mark.parametrize("check", ["not_null", "late"])
def test_what_is_rehearsed_is_what_happens(shop: CommandLine, check: str, at: datetime) -> None:
    """Failures that began half a minute before: the places that get a post, and the steps that are taken."""
    shop.configure(f"{CONFIG}\nbudget: {{pushes: 100}}\n")
    assets = [node.key for node in SHOP.nodes if not node.upstream]
    records = [rehearsed(shop, "--asset", asset, "--check", check, at=at) for asset in assets]
    began = at - timedelta(seconds=30)
    knowing, nature = knowledge(shop, at=began), nature_of_check(check, None)
    with shop.store() as store:
        for asset in assets:
            triage(store, [make_alert(asset, began, check=check, nature=nature)], knowing, now=began)
        assess(store, knowing, now=began, may_go_on=lambda: True)
        attend_due(store, knowing, now=at, may_go_on=lambda: True)
        happened = {incident.labels["asset"]: incident.number for incident in store.incidents()}
        for asset, record in zip(assets, records, strict=True):
            posts = [d for d in store.deliveries(happened[asset]) if d.action is Action.POST]
            expected = {p["to"] for p in record["destinations"] if p["pushed_at"] == utc_text(at)}
            assert ({str(post.destination) for post in posts}, asset) == (expected, asset)
            assert (record["suppressed"] is None) is bool(posts), asset
            paged = [entry.text for entry in store.timeline(happened[asset]) if entry.kind is EntryKind.PAGED]
            assert [page["text"] for page in record["pages"] if page["at"] == utc_text(at)] == paged, asset


def test_nothing_is_written(shop: CommandLine) -> None:
    rehearsed(shop, "--asset", "orders")  # the first command remembers the configuration
    before = dump(shop.home)
    rehearsed(shop, "--asset", "orders")
    assert shop("routes", "show").code == 0
    assert dump(shop.home) == before


def dump(home: Path) -> list[str]:
    with sqlite3.connect(home / DATABASE_FILE) as database:
        return list(database.iterdump())


# ---- words


def test_people_read_receivers_places_pages_and_reasons(shop: CommandLine) -> None:
    out = shop("routes", "test", "--asset", "orders", "--at", DAY.isoformat()).out
    assert out.startswith("receivers: war-room, owner\n")
    assert "inbox:#fin-data" in out and "pushed 2026-11-20 09:00 UTC" in out and "in the digest" in out
    assert "If nobody acknowledges:\n  2026-11-20 09:00 UTC  step 0 of standard: paged otto@acme.test" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--asset"),
        (["--asset", "a", "--severity", "SEV9"], "SEV3"),
        (["--asset", "a", "--at", "noon"], "write it like 2026-11-20T09:00:00Z"),
        (["--asset", "a", "--label", "team"], '"team" is not a label; write it like team=fin'),
        (["--asset", "a", "--label", "severity=SEV1"], 'the label "severity" cannot be set here; use --severity'),
        (
            ["--asset", "a", "--label", "status=x"],
            'the label "status" cannot be set here; it follows from the rest',
        ),
    ],
)
def test_wrong_usage_says_what_is_right(shop: CommandLine, arguments: list[str], says: str) -> None:
    answer = shop("routes", "test", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err


def test_a_label_that_no_incident_has_is_told_on_standard_error(shop: CommandLine) -> None:
    answer = shop("routes", "test", "--asset", "web", "--label", "grop=x", "--json")
    assert 'no incident has a label "grop"; did you mean group?' in answer.err
    assert answer.json["labels"]["grop"] == "x"
