"""The thin shell around the outside: one vendor per file, implementing the engine's ports."""
