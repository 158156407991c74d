"""Without a webserver and without any catalog, the events themselves tell what is built from what."""

from incident_ops_tests.scenarios.shop import BAD, GOOD, Shop
from incident_ops_tests.scenarios.story import Story


def test_pointers_alone_give_lineage_root_and_impact(story: Story):
    shop = Shop(story)
    story.is_configured("consumers: {rev_daily: [cfo@acme.test]}")
    shop.builds(GOOD, "raw", "orders", "rev_daily", "web")
    shop.builds(BAD, "raw")
    shop.builds(BAD, "orders")
    shop.builds(BAD, "rev_daily")
    shop.checks(passed=False)
    story.tick()
    shown = shop.shown()
    assert (shown["root"]["asset"], [m["hops"] for m in shown["members"]]) == ("raw", [1])
    assert [hit["asset"] for hit in shown["impact"]["tainted"]] == ["orders", "raw", "rev_daily"]
    assert shop.told("start") == ["cfo@acme.test"]
    story.tick()
    story.later(minutes=30)
    story.tick()
    assert (shop.told("start"), shop.told("end")) == (["cfo@acme.test"], []), "a quiet tick forgets no edge"
