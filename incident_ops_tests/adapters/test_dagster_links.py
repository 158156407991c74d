"""Links into Dagster's UI, in the forms that its own pages have."""

import pytest

from incident_ops.adapters.dagster_links import asset_url, base_of, check_url, links_of
from incident_ops.core.alert import AlertKind, AssetRef
from incident_ops_tests.builders import make_alert, make_incident

UI = "https://dagster.example.com/data/"


def test_an_incident_links_to_its_partition_the_check_the_asset_and_the_run():
    incident = make_incident(
        7, make_alert("shop/orders", check="not null", run_id="0a1b2c3d-rest", partition="a|b")
    )
    assert [(link.label, link.url) for link in links_of(incident, UI)] == [
        ("INC-7", "https://dagster.example.com/data/assets/incidents?view=partitions&partition=INC-7"),
        (
            "Check not null",
            "https://dagster.example.com/data/assets/shop/orders?view=checks&checkDetail=not%20null",
        ),
        (
            "Asset shop/orders",
            "https://dagster.example.com/data/assets/shop/orders?view=partitions&partition=a%7Cb",
        ),
        ("Run 0a1b2c3d", "https://dagster.example.com/data/runs/0a1b2c3d-rest"),
    ]


def test_what_an_incident_does_not_have_is_not_linked():
    incident = make_incident(1, make_alert(None, name="nightly", kind=AlertKind.RUN_FAILED))
    assert [link.label for link in links_of(incident, UI)] == ["INC-1"]


def test_strange_names_are_quoted_so_that_the_link_leads_where_it_says():
    asset = AssetRef(key="a b/ü?#/%2F")
    assert asset_url(asset, UI) == "https://dagster.example.com/data/assets/a%20b/%C3%BC%3F%23/%252F"
    assert check_url(asset, "x&view=y", UI).endswith("?view=checks&checkDetail=x%26view%3Dy")


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://127.0.0.1:3000///", "http://127.0.0.1:3000"),
        ("https://ana:p@ss@d.example.com:8443/x/?token=1#y", "https://d.example.com:8443/x"),
        ("http://[::1", "[unreadable address]"),
    ],
)
def test_a_link_carries_the_path_prefix_and_no_password(url: str, base: str):
    assert base_of(url) == base
