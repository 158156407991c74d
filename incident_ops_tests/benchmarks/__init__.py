"""What is measured against the targets: run one with `python -m incident_ops_tests.benchmarks.<name>`."""
