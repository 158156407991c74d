"""Use cases over ports: what happens in which order and in which transaction. No vendor is named here."""
