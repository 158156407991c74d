"""What is known of assets, and how old that knowledge is."""

from datetime import timedelta

from incident_ops.core.alert import AssetRef
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops_tests.builders import T0, minutes


def test_an_empty_catalog_knows_nothing_and_raises_nothing() -> None:
    """Detection goes on before the webserver was ever reached."""
    catalog = Catalog()
    assert (len(catalog), catalog.age(T0), catalog.get(None), catalog.upstream("a")) == (0, None, None, ())
    assert catalog.get(AssetRef(key="a")) is None


def test_a_catalog_gives_nodes_edges_and_its_age() -> None:
    catalog = Catalog([AssetNode(key="a"), AssetNode(key="b", upstream=("a",))], fetched_at=T0)
    assert catalog.get(AssetRef(key="b")) == AssetNode(key="b", upstream=("a",))
    assert "a" in catalog
    assert "z" not in catalog
    assert catalog.upstream("b") == ("a",)
    assert catalog.age(minutes(3)) == timedelta(minutes=3)
    assert [node.key for node in catalog.nodes] == ["a", "b"]
