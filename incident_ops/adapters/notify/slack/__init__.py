"""Slack: `notifier` is the sink, `desk` takes what people press and write there; the rest serves one of them."""
