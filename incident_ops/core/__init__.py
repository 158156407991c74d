"""Pure decisions over plain data. No clock, no I/O, no Dagster, no SQL, no Slack: time is an argument."""
