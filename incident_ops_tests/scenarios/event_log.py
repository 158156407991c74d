"""A long history in Dagster's event log, without the minutes it takes Dagster to write one.

One event is written by Dagster itself; the others are copies of it, each with its own check, outcome and time.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

from incident_ops_tests.scenarios.story import Story


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    check: str
    passed: bool
    at: datetime


def write_evaluations(story: Story, asset: str, evaluations: Iterable[Evaluation]) -> None:
    """Evaluations of checks on `asset`, in the order given."""
    story.reports_check(asset, "template", passed=True)
    storage: Any = story.instance.event_log_storage
    table = SqlEventLogStorageTable
    with storage.index_connection() as connection:
        template = dict(connection.execute(sa.select(table).order_by(table.c.id.desc())).mappings().first())
        del template["id"]
        connection.execute(table.insert(), [_copy(template, evaluation) for evaluation in evaluations])


def _copy(template: dict[str, Any], evaluation: Evaluation) -> dict[str, Any]:
    event = json.loads(template["event"])
    event["timestamp"] = evaluation.at.timestamp()
    data = event["dagster_event"]["event_specific_data"]
    data |= {"check_name": evaluation.check, "success": evaluation.passed}
    return {**template, "event": json.dumps(event), "timestamp": evaluation.at.replace(tzinfo=None)}
