"""Incidents shown as assets in Dagster: events are reported through the instance, no run is started.

`incidents` has a dynamic partition for each incident that is open or ended lately, and a materialization at
every change; `incident_board` is the list of what is open; the failing assets get an observation that leads to
their incident. The assets themselves are declared in `defs/assets.py`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import dagster as dg
import sqlalchemy.exc

from incident_ops.adapters.dagster_links import asset_url, check_url, incident_url, run_url
from incident_ops.adapters.dagster_provenance import REMARK_METADATA
from incident_ops.core.alert import AssetRef
from incident_ops.core.error_text import shorten
from incident_ops.core.feedback import FEEDBACK_METADATA, Lesson, Taught, document_of
from incident_ops.core.incident import Incident
from incident_ops.core.member import Member
from incident_ops.core.message import digest_line, moment
from incident_ops.core.own import INCIDENT_BOARD, INCIDENTS

STATUS_TAG = "incident_ops/status"
SEVERITY_TAG = "incident_ops/severity"
NUMBER_TAG = "incident_ops/number"

ROWS_LIMIT = 50
ITEMS_LIMIT = 20
OBSERVED_LIMIT = 10  # assets of one incident that are told; each costs three queries and a write
LINE_LIMIT = 500
DETAIL_LIMIT = 4_000

_DATA_VERSION_TAG = "dagster/data_version"


class DagsterBoard:
    """The engine's `Board` on a Dagster instance. Showing the same incident twice costs a line of its history
    and nothing else, so a caller that was interrupted shows it again.

    Args:
        webserver_url: where the links lead.
        open_incidents: the incidents that `incident_board` lists; without it that asset is left alone.
        announced: what it lists beside them, because it would be open if nobody had announced it.
    """

    def __init__(
        self,
        instance: dg.DagsterInstance,
        webserver_url: str,
        *,
        open_incidents: Callable[[], Sequence[Incident]] | None = None,
        announced: Callable[[], Sequence[Incident]] = tuple,
    ) -> None:
        self._instance = instance
        self._webserver_url = webserver_url
        self._open_incidents = open_incidents
        self._announced = announced

    def show(self, incidents: Sequence[Incident]) -> Sequence[str]:
        """Materialize each incident's partition, in the order given, and renew the board once.

        The failing assets are told when the incident is shown for the first time and when its status differs
        from the one shown last (read from the last materialization's tag); other changes leave them alone.
        They are told before the status is recorded: an interruption repeats an observation and loses none.
        An event that Dagster's storage refuses is left out, and is what the sentences returned are about.
        """
        if not incidents:
            return ()
        troubles: list[str] = []
        shown_before = set(self._instance.get_dynamic_partitions(INCIDENTS))
        new = [key for key in dict.fromkeys(incident.id for incident in incidents) if key not in shown_before]
        if new:
            self._instance.add_dynamic_partitions(INCIDENTS, new)
        for incident in incidents:
            was = self._status_shown(incident) if incident.id in shown_before else None
            if was != incident.status:
                for observation in self._observations_of(incident):
                    self._report(observation, incident.id, troubles)
            self._report(materialization_of(incident, self._webserver_url), incident.id, troubles)
            shown_before.add(incident.id)
        if self._open_incidents is not None:
            board = board_of(self._open_incidents(), self._webserver_url, announced=self._announced())
            self._report(board, INCIDENT_BOARD, troubles)
        return troubles

    def teach(self, lesson: Taught) -> str | None:
        """Report the answer as an observation of the asset, where detectors of any code location look for it."""
        link = dg.MetadataValue.url(
            asset_url(AssetRef(key=INCIDENTS), self._webserver_url, f"INC-{lesson.incident}")
        )
        asset = AssetRef(key=lesson.asset)
        observation = dg.AssetObservation(
            asset_key=dg.AssetKey(asset.path),
            description=_one_line(_lesson_sentence(lesson)),
            metadata={
                REMARK_METADATA: link,
                FEEDBACK_METADATA: dg.MetadataValue.json(document_of(lesson.feedback)),
            },
            tags=self._data_version(asset, None),
        )
        troubles: list[str] = []
        self._report(observation, f"what INC-{lesson.incident} taught", troubles)
        return troubles[0] if troubles else None

    def _report(
        self, event: dg.AssetMaterialization | dg.AssetObservation, about: str, troubles: list[str]
    ) -> None:
        try:
            self._instance.report_runless_asset_event(event)
        except sqlalchemy.exc.SQLAlchemyError as error:
            key = shorten(event.asset_key.to_user_string(), 100)
            why = f"Dagster's storage refuses it ({type(error).__name__})"
            troubles.append(f"{about} cannot be shown on {key}: {why}")

    def retire(self, incidents: Sequence[Incident]) -> None:
        """Take the incidents off the list of partitions. Their materializations stay in the event log."""
        for incident in incidents:
            self._instance.delete_dynamic_partition(INCIDENTS, incident.id)

    def _status_shown(self, incident: Incident) -> str | None:
        of_partition = dg.AssetRecordsFilter(asset_key=dg.AssetKey(INCIDENTS), asset_partitions=[incident.id])
        for record in self._instance.fetch_materializations(of_partition, limit=1).records:
            if record.asset_materialization is not None:
                return (record.asset_materialization.tags or {}).get(STATUS_TAG)
        return None

    def _observations_of(self, incident: Incident) -> Iterable[dg.AssetObservation]:
        for asset, partition in _failing_assets(incident)[:OBSERVED_LIMIT]:
            yield dg.AssetObservation(
                asset_key=dg.AssetKey(asset.path),
                partition=partition,
                description=_one_line(digest_line(incident)),
                metadata={
                    REMARK_METADATA: dg.MetadataValue.url(incident_url(incident, self._webserver_url)),
                    "incident status": status_of(incident),
                    "incident severity": str(incident.severity),
                    "all incidents": dg.MetadataValue.asset(dg.AssetKey(INCIDENTS)),
                },
                tags=self._data_version(asset, partition),
            )

    def _data_version(self, asset: AssetRef, partition: str | None) -> dict[str, str]:
        """The data version of the asset's newest event, for our observation to repeat. Dagster reads the data
        version of an observable asset from its newest observation: without one it would take our remark for
        new data and rebuild what is downstream."""
        records_filter = dg.AssetRecordsFilter(
            asset_key=dg.AssetKey(asset.path), asset_partitions=[partition] if partition else None
        )
        newest: tuple[int, Mapping[str, str]] = (-1, {})
        for fetch in (self._instance.fetch_observations, self._instance.fetch_materializations):
            for record in fetch(records_filter, limit=1).records:
                event = record.event_log_entry.asset_observation or record.event_log_entry.asset_materialization
                if event is not None and record.storage_id > newest[0]:
                    newest = (record.storage_id, event.tags or {})
        return {key: value for key, value in newest[1].items() if key == _DATA_VERSION_TAG}


def _lesson_sentence(lesson: Taught) -> str:
    answer = lesson.feedback
    words = {
        Lesson.FIXED: "was fixed: what it called out does not train it",
        Lesson.EXPECTED: "is the new level",
        Lesson.FALSE_POSITIVE: "was a false positive: its bounds widen",
        Lesson.EVENT: "was an expected event: it does not train it",
    }
    return f"{answer.check}: what INC-{lesson.incident} tells of {words[answer.lesson]}"


def materialization_of(incident: Incident, webserver_url: str) -> dg.AssetMaterialization:
    """The incident as a person wants to read it on its partition's page."""
    root, subject = incident.root, incident.root.subject
    metadata: dict[str, dg.MetadataValue | str | int] = {
        "status": status_of(incident),
        "severity": _one_line(f"{incident.severity}: {'; '.join(incident.severity_reasons)}"),
        "priority": str(incident.priority),
        "owner": _one_line(incident.owner or "unknown"),
        "what failed": dg.MetadataValue.md(_story_of(incident)),
        "bad data since": dg.MetadataValue.timestamp(incident.started_at),
        "detected": dg.MetadataValue.timestamp(incident.detected_at),
        "nature": str(incident.nature),
        "failures": incident.failure_count,
    }
    if incident.assignee:
        metadata["assignee"] = _one_line(incident.assignee)
    if incident.cause_class:
        metadata["cause class"] = str(incident.cause_class)
    if incident.acknowledged_at:
        metadata["acknowledged"] = dg.MetadataValue.timestamp(incident.acknowledged_at)
    if incident.resolved_at:
        metadata["resolved"] = dg.MetadataValue.timestamp(incident.resolved_at)
    if incident.reopened:
        metadata["reopened"] = incident.reopened
    if incident.excuse:
        metadata["announced"] = _one_line(incident.excuse)
    if incident.runbook:
        metadata["runbook"] = dg.MetadataValue.url(incident.runbook)
    if incident.flaky:
        metadata["flaky"] = "a retry passed"
    if root.partition:
        metadata["failing partition"] = _one_line(root.partition)
    if subject.asset is not None:
        metadata["failing asset"] = dg.MetadataValue.asset(dg.AssetKey(subject.asset.path))
        metadata["failing asset page"] = dg.MetadataValue.url(
            asset_url(subject.asset, webserver_url, root.partition)
        )
    if subject.asset is not None and subject.check is not None:
        metadata["check"] = dg.MetadataValue.url(check_url(subject.asset, subject.check, webserver_url))
    if root.run_id:
        metadata["run"] = dg.MetadataValue.url(run_url(root.run_id, webserver_url))
    return dg.AssetMaterialization(
        asset_key=dg.AssetKey(INCIDENTS),
        partition=incident.id,
        description=_one_line(digest_line(incident)),
        metadata=metadata,
        tags={
            STATUS_TAG: str(incident.status),
            SEVERITY_TAG: str(incident.severity),
            NUMBER_TAG: str(incident.number),
        },
    )


def board_of(
    incidents: Sequence[Incident], webserver_url: str, *, announced: Sequence[Incident] = ()
) -> dg.AssetMaterialization:
    """The open incidents as a table, the worst first and of those the oldest, and what was announced lately."""
    by_urgency = sorted(incidents, key=lambda incident: (incident.severity.rank, incident.detected_at))
    rows = [_row_of(incident, webserver_url) for incident in by_urgency[:ROWS_LIMIT]]
    table = ["| incident | severity | status | owner | detected | what |", "|---|---|---|---|---|---|", *rows]
    if len(by_urgency) > ROWS_LIMIT:
        table += ["", f"and {len(by_urgency) - ROWS_LIMIT:,} more"]
    worst = f", the worst {by_urgency[0].severity}" if by_urgency else ""
    metadata: dict[str, dg.MetadataValue | int] = {
        "open": len(by_urgency),
        "incidents": dg.MetadataValue.md("\n".join(table) if by_urgency else "Nothing is open."),
    }
    if announced:
        lines = (f"{i.id} {moment(i.started_at)} {i.title}: {i.excuse}" for i in announced)
        metadata["announced"] = dg.MetadataValue.md(_list_of("", lines))
    return dg.AssetMaterialization(
        asset_key=dg.AssetKey(INCIDENT_BOARD),
        description=f"{len(by_urgency):,} open{worst}" if by_urgency else "nothing is open",
        metadata=metadata,
    )


def status_of(incident: Incident) -> str:
    return f"{incident.status} as {incident.resolution}" if incident.resolution else str(incident.status)


def _row_of(incident: Incident, webserver_url: str) -> str:
    cells = (
        f"[{incident.id}]({incident_url(incident, webserver_url)})",
        str(incident.severity),
        str(incident.status),
        _plain(incident.owner or "unknown"),
        moment(incident.detected_at),
        _plain(incident.title),
    )
    return f"| {' | '.join(cells)} |"


def _failing_assets(incident: Incident) -> list[tuple[AssetRef, str | None]]:
    """The assets that the incident is about, the root's first, each with its partition when only one failed."""
    partitions: dict[AssetRef, set[str | None]] = {}
    for subject, partition in (
        (incident.root.subject, incident.root.partition),
        *((member.subject, member.partition) for member in incident.members),
    ):
        if subject.asset is not None:
            partitions.setdefault(subject.asset, set()).add(partition)
    return [(asset, next(iter(found)) if len(found) == 1 else None) for asset, found in partitions.items()]


def _story_of(incident: Incident) -> str:
    """What failed, in markdown. Texts from outside are shown and never obeyed."""
    parts = [f"**{_plain(incident.title)}**", _plain(incident.summary)]
    parts.append(_list_of("", (f"{name}: {value}" for name, value in incident.facts.items())))
    parts.append(_list_of("Also:", map(_member_line, incident.members[1:])))
    parts.append(_list_of("Not run:", incident.not_run))
    if incident.detail:
        parts.append(_verbatim(shorten(incident.detail, DETAIL_LIMIT)))
    return "\n\n".join(part for part in parts if part)


def _member_line(member: Member) -> str:
    partition = f" [{member.partition}]" if member.partition else ""
    return f"{member.subject}{partition}{' (healthy again)' if member.healthy_at else ''}"


def _list_of(heading: str, items: Iterable[str]) -> str:
    lines = [f"- {_plain(item)}" for item in items]
    if len(lines) > ITEMS_LIMIT:
        lines = [*lines[:ITEMS_LIMIT], f"- and {len(lines) - ITEMS_LIMIT:,} more"]
    return "\n".join([heading, "", *lines] if heading and lines else lines)


def _one_line(text: str) -> str:
    return shorten(" ".join(text.split()), LINE_LIMIT)


def _plain(text: str) -> str:
    """`text` in one line of markdown that means nothing but itself, in a table as well."""
    return re.sub(r"([\\`*_\[\]<>|~&!#])", r"\\\1", _one_line(text))


def _verbatim(text: str) -> str:
    """`text` in a block of code, whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
