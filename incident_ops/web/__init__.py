"""What `incident-ops serve` answers over HTTP. Knows nothing of Dagster but its address."""
