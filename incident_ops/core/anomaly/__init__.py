"""Is this value as usual? Bounds learnt from the history of a metric, and the words for them.

`judge` says it of one value, `replay` of each value of a series by what was before it. Series of minutes and hours
go to `intraday`, all others are cut into `slots`, get a forecast and a spread (`seasonal`), what their `peers` and
`special_days` ask for, and bounds on the scale of their `measure` (`outlook`). When something is due, by its
earlier arrivals, is in `arrivals`.
"""

from incident_ops.core.anomaly.judgement import Judgement, Series
from incident_ops.core.anomaly.judging import judge
from incident_ops.core.anomaly.replay import replay

__all__ = ["Judgement", "Series", "judge", "replay"]
