"""Delivery under faults: workers are killed, Slack is away, answers are lost, the clock jumps, two work at once.

By hand, in the long form: `python -m incident_ops_tests.crash [--kills 200] [--seed 1] [--only WORD]`.
"""
