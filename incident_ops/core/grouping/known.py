"""What is known beyond alerts and lineage. The default knows nothing; the engine answers from provenance."""

from datetime import datetime
from enum import StrEnum

from incident_ops.core.alert import Alert, AssetRef


class Link(StrEnum):
    """Was the failing downstream built from the failing upstream?"""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


class Known:
    """Knowledge that grouping asks for; override what can be answered.

    It is asked about candidates only: about a pair when lineage leads from the one asset to the other, about an
    asset when everything else speaks for accusing it.
    """

    def is_healthy(self, asset: AssetRef, at: datetime) -> bool:
        """The asset was positively seen healthy around `at`: its check passed on the newest materialization."""
        return False

    def is_unwatched(self, asset: AssetRef) -> bool:
        """It is known that nothing looks at the asset: that it is quiet tells nothing of it."""
        return False

    def link(self, upstream: Alert, downstream: Alert) -> Link:
        """Does provenance tell whether `downstream`'s materialization was built from `upstream`'s?

        Proof stands above time and nature, refutation too: what is refuted is never joined over that pair.
        """
        return Link.UNKNOWN
