"""Who is told now about one incident, why the others are not, and when to look again."""

from incident_ops.core.attention.climbing import acknowledgement_ends
from incident_ops.core.attention.deciding import decide
from incident_ops.core.attention.state import Attention, AttentionRules, Decision, Listed, Place, Seen

__all__ = ["Attention", "AttentionRules", "Decision", "Listed", "Place", "Seen", "acknowledgement_ends", "decide"]
