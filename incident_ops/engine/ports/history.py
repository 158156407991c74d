"""Our own copy of Dagster's past, as the engine reads it."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from incident_ops.core.feedback import Feedback
from incident_ops.core.metrics import Measurement
from incident_ops.core.provenance import Evaluation, Materialization, Ref, View


class History(Protocol):
    """Our own copy of what was built from what, kept when Dagster forgets. Every method takes many at once, and
    costs by what it returns, not by what is stored."""

    def materializations(self, refs: Collection[Ref]) -> list[Materialization]:
        """The records of these ids (several of one id, if SQLite gave it anew)."""
        ...

    def readers(self, refs: Collection[Ref], *, limit: int | None = None) -> list[Materialization]:
        """The records that have a pointer to one of these; of too many the newest `limit`."""
        ...

    def before(self, records: Collection[Materialization], *, limit: int) -> list[Materialization]:
        """Of each record's asset and partition the `limit` newest records that are older than it; our own remarks
        left out."""
        ...

    def latest(self, places: Collection[tuple[str, str | None]]) -> list[Materialization]:
        """The newest record of each (asset, partition); our own remarks left out."""
        ...

    def latest_of(self, assets: Collection[str], *, limit: int = 1) -> list[Materialization]:
        """The `limit` newest records of each asset, whatever their partition; our own remarks left out."""
        ...

    def remarks(self, records: Collection[Materialization]) -> list[Materialization]:
        """The next few of our own remarks on each record's asset that came after it."""
        ...

    def evaluations(self, refs: Collection[Ref]) -> list[Evaluation]:
        """The verdicts on these records."""
        ...

    def verdicts(self, assets: Collection[str], *, since: datetime) -> list[Evaluation]:
        """The verdicts on these assets, whether they name a record or not, oldest first."""
        ...

    def views(self, assets: Collection[str], *, since: datetime) -> list[View]:
        """Who looked at these assets, oldest first."""
        ...

    def metrics(self, asset: str, check: str, *, limit: int) -> list[Measurement]:
        """What the check on the asset measured, oldest first: its newest `limit` evaluations."""
        ...

    def feedback(self, asset: str, check: str) -> list[Feedback]:
        """What people said of what the check measured, oldest first."""
        ...
