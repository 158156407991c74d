"""What an error text gives away appears in no byte that we send or store."""

import dagster as dg
import pytest

from incident_ops_tests.scenarios.story import Story, nodes_of

SECRET = "hunter2-Zw9"

TEXTS = [
    f"could not connect: postgresql://reader:{SECRET}@db.acme.test:5432/shop",
    f"could not connect: postgresql+psycopg://reader:p@ss/{SECRET}@db.acme.test/shop?sslmode=require",
    f"connection failed for host=db.acme.test user=reader password={SECRET} dbname=shop",
    f"Driver={{SQL}};Server=db.acme.test;Uid=reader;Pwd={SECRET};",
    f'{{"host": "db.acme.test", "password": "{SECRET}"}}',
]


def bytes_stored(story: Story) -> bytes:
    """The database with its write-ahead log."""
    return b"".join(path.read_bytes() for path in sorted(story.home.glob("incident_ops.db*")))


def everything_sent(story: Story) -> str:
    return repr(story.slack.calls)


def shown_in_dagster(story: Story) -> str:
    """What we report of the incidents ourselves; the error in Dagster's own log is Dagster's."""
    return repr(
        [
            story.instance.fetch_materializations(dg.AssetKey("incidents"), limit=10).records,
            story.instance.fetch_materializations(dg.AssetKey("incident_board"), limit=10).records,
            story.instance.fetch_observations(dg.AssetKey("leaky"), limit=10).records,
        ]
    )


def assert_told_without_the_secret(story: Story, secret: str) -> None:
    assert "db.acme.test" in everything_sent(story) and b"db.acme.test" in bytes_stored(story), "it was not told"
    assert secret not in everything_sent(story)
    assert secret.encode() not in bytes_stored(story)
    assert secret not in shown_in_dagster(story)


@pytest.mark.parametrize("text", TEXTS)
def test_a_password_in_the_error_of_a_step_is_told_to_nobody(story: Story, text: str):
    @dg.asset(owners=["team:fin"])
    def leaky() -> None:
        raise ConnectionError(text)

    definitions = dg.Definitions(assets=[leaky])
    story.knows_the_catalog(nodes_of(definitions))
    story.runs(definitions)
    story.tick()
    assert_told_without_the_secret(story, SECRET)


def test_a_password_in_the_description_of_a_check_is_told_to_nobody(story: Story):
    story.reports_check("leaky", "reachable", passed=False, description=TEXTS[0])
    story.tick()
    assert_told_without_the_secret(story, SECRET)


def test_a_password_in_the_error_of_a_check_that_raised_is_told_to_nobody(story: Story):
    story.breaks("crash")
    story.builds("orders")
    story.tick()
    assert_told_without_the_secret(story, "s3cret")


def test_rows_of_data_in_a_checks_metadata_stay_in_dagster_and_its_figures_are_told(story: Story):
    story.breaks("nulls")
    story.builds("orders")
    story.tick()
    assert "null_rows" in everything_sent(story)
    assert "bob@acme.test" not in everything_sent(story)
    assert b"bob@acme.test" not in bytes_stored(story)


def test_the_token_is_neither_stored_nor_part_of_a_message(story: Story):
    story.breaks("boom")
    story.builds("boom")
    story.tick()
    assert story.slack.posts() != []
    assert story.slack.token not in repr([call.body for call in story.slack.calls])
    assert story.slack.token.encode() not in bytes_stored(story)
