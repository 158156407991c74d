"""All benchmarks as one table: `python -m incident_ops_tests.benchmarks [NAME …]`. Takes some minutes.

As thorough are the properties among the tests with `HYPOTHESIS_PROFILE=thorough pytest`: each is tried on a
thousand drawn examples, not on forty that are always the same.
"""

import sys

from incident_ops_tests.benchmarks import (
    arrivals,
    attribution,
    changes,
    delivery,
    field_health,
    intraday,
    lineage,
    routing,
    storms,
    volume,
)
from incident_ops_tests.benchmarks.table import Row, print_table

ALL = {
    "arrivals": arrivals,
    "attribution": attribution,
    "changes": changes,
    "delivery": delivery,
    "field_health": field_health,
    "intraday": intraday,
    "lineage": lineage,
    "routing": routing,
    "storms": storms,
    "volume": volume,
}


def main(names: list[str]) -> int:
    """Measure what is named, or all; returns 2 for a name that there is not."""
    unknown = sorted(set(names) - ALL.keys())
    if unknown:
        print(f"no benchmark {', '.join(unknown)}: there are {', '.join(ALL)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for name in names or ALL:
        print(f"measuring {name} …", file=sys.stderr)
        rows.extend(ALL[name].results())
    print_table(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
