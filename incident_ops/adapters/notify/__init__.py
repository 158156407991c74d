"""Sinks, one file a kind: how a `Message` reaches people. What to say, to whom and when is decided in `core`."""
