"""Which alerts have one cause: groups over the lineage graph, each with the asset where it began.

What needs no lineage (the same failing thing, one failed step) is in `belonging`; what becomes of a group that
meets open incidents is the engine's. Here is only the question whose fault it is.
"""

from incident_ops.core.grouping.groups import Group, correlate
from incident_ops.core.grouping.known import Known, Link
from incident_ops.core.grouping.natures import EXPLAINS, explains

__all__ = ["EXPLAINS", "Group", "Known", "Link", "correlate", "explains"]
