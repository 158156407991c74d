"""The Dagster shell: assets, sensors and resources. Nothing is decided here."""
