"""What grouping is told beyond alerts and lineage: provenance, and what the catalog says."""

from collections.abc import Iterable

from incident_ops.core.alert import AssetRef
from incident_ops.core.catalog import Catalog
from incident_ops.core.provenance import Evaluation, Provenance
from incident_ops.engine.evidence import FromProvenance


class FromProvenanceAndCatalog(FromProvenance):
    """Which assets anything looks at stands in the catalog; the rest is provenance's."""

    def __init__(self, provenance: Provenance, recent: Iterable[Evaluation], catalog: Catalog) -> None:
        super().__init__(provenance, recent)
        self._catalog = catalog

    def is_unwatched(self, asset: AssetRef) -> bool:
        """Neither a check nor a freshness policy; of an asset whose checks were not read nobody knows."""
        node = self._catalog.get(asset)
        return node is not None and node.is_detailed and not node.checks and node.freshness is None
