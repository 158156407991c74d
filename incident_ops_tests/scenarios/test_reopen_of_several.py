"""Several fail together, all recover, and one of them fails again."""

from incident_ops.core.status import Status
from incident_ops_tests.scenarios.story import Story


def test_one_of_two_checks_fails_again_hours_later(story: Story):
    for passed in (False, True):
        story.reports_check("web", "rows", passed=passed)
        story.reports_check("web", "keys", passed=passed)
        story.tick()
        story.later(hours=3)
    story.reports_check("web", "rows", passed=False)
    story.tick()
    assert [(incident.id, incident.status) for incident in story.incidents] == [("INC-1", Status.TRIGGERED)]
