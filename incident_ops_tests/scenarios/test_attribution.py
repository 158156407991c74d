"""A check that says which rows fail: the incident and the post say it too, and never with anybody's data."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import duckdb
import pytest

from incident_ops.core.attribution.record import ATTRIBUTION_METADATA, EXPLAINED_BY, WITHHELD
from incident_ops.detectors import explain_failing_rows
from incident_ops.engine.report import story_of
from incident_ops_tests.scenarios.story import Story, nodes_of
from incident_ops_tests.scenarios.test_secrets import bytes_stored, everything_sent

TIKTOK = "channel = 'tiktok' AND app_version = '7.2'"
CONCENTRATED = f"({TIKTOK}) OR order_id % 2500 = 1"
EVEN = "hash(order_id * 7919) % 50 = 0"
OF_ANNA = "email = 'anna.secret@example.com'"
SCHEMA = dg.TableSchema(columns=[dg.TableColumn("order_id"), dg.TableColumn("email", tags={"pii": ""})])


def shop(no_amount: str, *, pii: Collection[str] = ()) -> dg.Definitions:
    """20,000 orders, of which those of the SQL condition `no_amount` have none; the check is told of `pii`."""

    @dg.asset(owners=["team:fin"])
    def sales() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"dagster/column_schema": SCHEMA})

    @dg.asset_check(asset=sales)
    def amount_is_present() -> dg.AssetCheckResult:
        with duckdb.connect() as warehouse:
            warehouse.execute(
                f"""CREATE TABLE sales AS SELECT *, CASE WHEN {no_amount} THEN NULL ELSE 9.5 END AS amount FROM (
                SELECT i AS order_id, ['web', 'ios', 'tiktok', 'mail', 'shop'][1 + i % 5] AS channel,
                '7.' || (i // 5) % 10 AS app_version,
                ['anna.secret', 'bob', 'eve'][1 + i % 3] || '@example.com' AS email FROM range(20000) AS t(i))"""
            )
            explanation = explain_failing_rows(warehouse, "sales", "amount IS NULL", pii=pii)
        return dg.AssetCheckResult(
            passed=explanation.failing == 0,
            metadata={"null_rows": explanation.failing, **explanation.metadata()},
        )

    return dg.Definitions(assets=[sales], asset_checks=[amount_is_present])


def evaluations(story: Story) -> list[Any]:
    """The metadata that Dagster itself keeps of the check."""
    key = dg.AssetCheckKey(dg.AssetKey("sales"), "amount_is_present")
    records = story.instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    events = [record.event.get_dagster_event() for record in records if record.event]
    return [event.asset_check_evaluation_data.metadata for event in events]


def breaks(story: Story, definitions: dg.Definitions) -> dict[str, Any]:
    """A real run of it, told to whom it concerns; returns what `show --json` says of the attribution."""
    story.knows_the_catalog(nodes_of(definitions))
    story.runs(definitions)
    story.tick()
    return story_of(story.store, story.incident, now=story.now)["attribution"]


def test_nulls_of_one_channel_and_version_are_told_with_the_share_that_this_explains(story: Story):
    told = breaks(story, shop(CONCENTRATED, pii=["email"]))
    words = "98 % of the failing rows: channel = tiktok and app_version = 7.2 (2 % of all rows)"
    [post] = story.slack.posts("#fin")
    assert f"*{EXPLAINED_BY}*\\n{words}" in post.content
    assert story.incident.facts == {EXPLAINED_BY: words, "null_rows": "408"}
    assert told["sentence"] == words
    assert told["slices"][0]["conditions"] == {"channel": "tiktok", "app_version": "7.2"}
    assert told["slices"][0]["explained"] == pytest.approx(400 / 408)
    assert told["slices"][0]["share"] == pytest.approx(0.02)
    assert (told["dimensions"], told["asset"], told["check"]) == (
        ["channel", "app_version"],
        "sales",
        "amount_is_present",
    )


def test_nulls_spread_evenly_are_told_to_have_no_single_slice(story: Story):
    told = breaks(story, shop(EVEN, pii=["email"]))
    left_out = "not at 2 columns: 1 of too many values, 1 of personal data"
    words = f"no single slice explains it (looked at channel, app_version; {left_out})"
    assert words in story.slack.posts("#fin")[0].content
    assert (told["sentence"], told["slices"]) == (words, [])


def test_the_sentence_stays_in_the_message_that_turns_green(story: Story):
    breaks(story, shop(CONCENTRATED, pii=["email"]))
    story.later(minutes=5)
    breaks(story, shop("false", pii=["email"]))
    [post] = story.slack.posts("#fin")
    assert post.headline.startswith("🟢") and "channel = tiktok" in post.content


@pytest.mark.parametrize("no_amount", [OF_ANNA, f"{OF_ANNA} AND {TIKTOK}"])
def test_a_column_of_personal_data_that_the_check_forgot_to_name_is_told_nowhere(story: Story, no_amount: str):
    """The column is tagged on the asset, so the control plane knows of it."""
    told = breaks(story, shop(no_amount))
    assert "anna.secret" in repr(evaluations(story)), "or there was nothing to forget"
    assert told["withheld"] > 0
    for trace in ("anna", "secret", "example.com"):
        assert trace not in everything_sent(story)
        assert trace.encode() not in bytes_stored(story)
    assert "email" not in everything_sent(story) + repr(told), (
        "nor its name, which only the history of columns has"
    )


def test_when_nothing_else_explains_it_the_incident_says_that_it_is_not_told(story: Story):
    told = breaks(story, shop(OF_ANNA))
    assert (told["sentence"], told["slices"]) == (WITHHELD, [])
    assert WITHHELD in everything_sent(story)


def test_a_column_that_the_check_names_as_personal_data_does_not_even_reach_dagster(story: Story):
    breaks(story, shop(OF_ANNA, pii=["Email"]))
    assert "no single slice explains it" in everything_sent(story)
    assert "anna" not in repr(evaluations(story))


GARBAGE: list[Any] = [
    dg.MetadataValue.text("98 % of the failing rows"),
    dg.MetadataValue.int(98),
    dg.MetadataValue.json([]),
    dg.MetadataValue.json({"sentence": "believe me", "slices": "all", "dimensions": []}),
    dg.MetadataValue.json({"slices": [{"conditions": {"a": ["b"]}, "explained": 1}], "dimensions": ["a"]}),
    dg.MetadataValue.json({"slices": [{"conditions": {"a": "b"}, "explained": 10**400}], "dimensions": ["a"]}),
]


def test_an_attribution_of_somebody_elses_making_is_ignored_and_the_alert_is_told(story: Story):
    story.is_configured("budget: {pushes: 100}")
    for number, garbage in enumerate(GARBAGE):
        metadata = {ATTRIBUTION_METADATA: garbage, "null_rows": dg.MetadataValue.int(3)}
        story.reports_check(f"table_{number}", "not_null", passed=False, metadata=metadata)
    story.tick()
    assert len(story.incidents) == len(GARBAGE) == len(story.slack.posts())
    for incident in story.incidents:
        assert EXPLAINED_BY not in incident.facts and incident.facts["null_rows"] == "3"
        assert story_of(story.store, incident, now=datetime.now(tz=UTC))["attribution"] is None
