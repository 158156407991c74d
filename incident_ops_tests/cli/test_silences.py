"""`incident-ops silence`: added, listed, expired; what is silenced says so."""

from datetime import UTC, datetime, timedelta

import pytest

from incident_ops.adapters.wiring import in_force, policy_of, surroundings_of, utc_now
from incident_ops.core.catalog import TIER_TAG, AssetNode, Catalog
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.triage import triage
from incident_ops_tests.builders import make_alert
from incident_ops_tests.cli.conftest import CommandLine

SHOP = Catalog([AssetNode(key="orders", tags={TIER_TAG: "gold"})], fetched_at=datetime(2026, 11, 20, tzinfo=UTC))
ALWAYS = ("--until", "2100-01-01T00:00Z", "--comment", "known", "--by", "ann")


@pytest.fixture
def two(cli: CommandLine) -> CommandLine:
    """INC-1 on orders, INC-2 on web; nobody was told yet."""
    now = utc_now()
    held = in_force(surroundings_of(None), now=now)
    knowledge = Knowledge(catalog=SHOP, policy=policy_of(held.settings), installed_at=now)
    with cli.store() as store:
        store.save_catalog(SHOP)
        triage(store, [make_alert("orders", now), make_alert("web", now)], knowledge, now=now)
    return cli


def test_a_silence_is_added_listed_and_expired(two: CommandLine) -> None:
    added = two("silence", "add", "asset = orders", "severity=~SEV[0-3]", *ALWAYS)
    matchers = 'asset = "orders", severity =~ "SEV[0-3]"'
    assert (added.code, added.err) == (0, "")
    assert added.out == f"silence 1 until 2100-01-01 00:00 UTC for {matchers}, of what is open now: INC-1\n"
    [listed] = two("silence", "list", "--json").json
    assert listed.items() >= {
        "id": 1, "state": "active", "author": "ann", "comment": "known", "ends": "2100-01-01T00:00:00Z",
        "matchers": ['asset = "orders"', 'severity =~ "SEV[0-3]"'],
    }.items()  # fmt: skip
    assert matchers in two("silence", "list").out
    assert two("silence", "expire", "1").out == "silence 1 is over\n"
    assert two("silence", "list").out == "No silence is in force.\n"
    assert [each["state"] for each in two("silence", "list", "--all", "--json").json] == ["expired"]


def test_what_is_silenced_says_so_at_the_next_pass(two: CommandLine) -> None:
    assert two("silence", "add", "asset=orders", *ALWAYS).code == 0
    later = (utc_now() + timedelta(minutes=1)).isoformat()
    assert two("tick", "--at", later).code == 0
    reasons = [
        [e["text"] for e in two("show", name, "--json").json["timeline"] if e["kind"] == "suppressed"]
        for name in ("INC-1", "INC-2")
    ]
    assert reasons == [["nobody is pushed: silenced by ann until 2100-01-01 00:00 UTC (silence 1: known)"], []]


def test_a_snoozed_incident_is_pushed_when_somebody_ends_that(two: CommandLine) -> None:
    assert two("snooze", "INC-1", "--for", "8h", "--by", "ann").code == 0
    now = utc_now()
    assert two("tick", "--at", (now + timedelta(minutes=1)).isoformat()).code == 0
    assert [message["incident"] for message in two("inbox", "--json").json] == ["INC-2"]
    reasons = [e["text"] for e in two("show", "1", "--json").json["timeline"] if e["kind"] == "suppressed"]
    assert len(reasons) == 1 and reasons[0].startswith("nobody is pushed: snoozed until ")
    assert two("snooze", "INC-1", "--off", "--by", "bob").code == 0
    assert two("tick", "--at", (now + timedelta(minutes=2)).isoformat()).code == 0
    assert [message["incident"] for message in two("inbox", "--json").json] == ["INC-2", "INC-1"]


def test_a_silence_of_an_incident_matches_its_asset_and_check(two: CommandLine) -> None:
    record = two("silence", "add", "--incident", "INC-2", "--for", "2h", "--comment", "x", "--json").json
    assert (record["matchers"], record["matching"]) == (['asset = "web"', 'check = "not_null"'], ["INC-2"])


def test_a_silence_may_begin_later(two: CommandLine) -> None:
    begins = ("--from", "2090-01-01", "--for", "1d", "--comment", "x")
    assert (
        "silence 1 from 2090-01-01 00:00 UTC until 2090-01-02 00:00 UTC"
        in two("silence", "add", "asset=web", *begins).out
    )
    assert [each["state"] for each in two("silence", "list", "--json").json] == ["pending"]


def test_a_label_that_nobody_has_is_told_and_kept(two: CommandLine) -> None:
    answer = two("silence", "add", "tema=fin", "tag:incident_ops/teir=gold", "tag:incident_ops/tier=gold", *ALWAYS)
    assert (answer.code, answer.err.splitlines()) == (
        0,
        [
            'no incident has a label "tema"; did you mean team?',
            'no incident has a label "tag:incident_ops/teir"; did you mean tag:incident_ops/tier or tier?',
        ],
    )
    assert "nothing open matches" in answer.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["add", *ALWAYS], "needs a MATCHER or --incident"),
        (["add", "team fin", *ALWAYS], "`team fin` is not a matcher"),
        (["add", "team=~(", *ALWAYS], "is not a regular expression"),
        (["add", "team=fin", "--for", "2h"], "--comment"),
        (["add", "team=fin", "--comment", "x"], "either --for 2h or --until"),
        (["add", "team=fin", "--comment", "x", "--for", "soon"], '"soon" is not a duration'),
        (
            ["add", "team=fin", "--comment", "x", "--until", "2020-01-01"],
            "2020-01-01 00:00 UTC has passed already",
        ),
        (
            ["add", "team=fin", "--comment", "x", "--from", "2091-01-01", "--until", "2090-01-01"],
            "it would end at 2090-01-01 00:00 UTC, before it begins",
        ),
        (["expire", "one"], "'one' is not a valid integer"),
    ],
)
def test_wrong_usage_is_one_sentence_and_adds_nothing(two: CommandLine, arguments: list[str], says: str) -> None:
    answer = two("silence", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err
    assert two("silence", "list", "--all", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["expire", "7"], "there is no silence 7"),
        (["expire", "99999999999999999999999999"], "there is no silence 99999999999999999999999999"),
        (["add", "--incident", "INC-9", *ALWAYS], "there is no incident INC-9"),
    ],
)
def test_what_does_not_exist_is_one_sentence_and_exit_code_1(
    two: CommandLine, arguments: list[str], sentence: str
) -> None:
    answer = two("silence", *arguments)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(sentence) and answer.err.count("\n") == 1


def test_a_silence_ends_once(two: CommandLine) -> None:
    assert two("silence", "add", "asset=web", *ALWAYS).code == 0
    assert two("silence", "expire", "1").code == 0
    again = two("silence", "expire", "1")
    assert again.code == 1
    assert again.err.startswith("silence 1 has ended already, at ")


def test_a_silence_of_an_incident_is_on_its_timeline_and_there_is_one_of_it(two: CommandLine) -> None:
    two("silence", "add", "--incident", "INC-2", "--for", "2h", "--comment", "a repair", "--by", "ann@acme.test")
    told = [entry["text"] for entry in two("show", "INC-2", "--json").json["timeline"]]
    assert any(text.startswith("silenced by ann@acme.test until ") for text in told), told
    again = two("silence", "add", "--incident", "INC-2", "--for", "2h", "--comment", "a repair")
    assert again.code == 1
    assert "is silenced already" in again.err
