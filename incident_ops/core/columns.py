"""Column lineage: which column is made of which."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ColumnRef:
    """One column of one asset (`a/b`)."""

    asset: str
    column: str
