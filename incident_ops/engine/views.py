"""Views of assets that programs report: they are kept, and what they may mean is looked into in the next pass.

Views that Dagster's events tell of come with the other facts, in `triage`.
"""

from collections.abc import Sequence

from incident_ops.core.provenance import Facts, View
from incident_ops.engine.assess import touched_by
from incident_ops.engine.ports import Store


def take_views(store: Store, views: Sequence[View]) -> list[str]:
    """Keep all of them and mark the incidents whose impact they may change or, where the store fails, do neither.
    What is known already stays one view.

    Returns:
        Their assets that the catalog does not know, in order. It may be old: their views are kept too.
    """
    catalog = store.catalog()
    facts = Facts(views=tuple(views))
    with store.transaction() as tx:
        tx.add_facts(facts)
        tx.mark_unassessed(touched_by(tx, facts, catalog))
    return sorted({view.asset for view in views if view.asset not in catalog})
