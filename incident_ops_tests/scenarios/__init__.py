"""Stories: a Dagster that really runs, a Slack that really answers, and a clock that the story moves."""
