"""What an incident's checks say of records and columns: which are bad, and of which nothing is known yet."""

from incident_ops.core.alert import AlertKind, CheckSeverity, Nature
from incident_ops.core.incident import Incident
from incident_ops.core.lineage.columns import ColumnGraph, ColumnRef
from incident_ops.core.member import Member
from incident_ops.core.provenance import Evaluation, Materialization, Provenance, Ref
from incident_ops.engine.evidence import asset_of


def bad_columns(incident: Incident, columns: ColumnGraph) -> set[ColumnRef]:
    """The columns that the checks on an asset name, of the assets on which every failing check names some that the
    asset has: of any other asset all is bad."""
    bad: set[ColumnRef] = set()
    whole: set[str] = set()
    for member in incident.members:
        if _tells_of_bad_data(member):
            named = member.declared.columns if member.declared is not None else ()
            refs = {ColumnRef(asset=asset_of(member), column=name) for name in named}
            if refs and all(columns.has(ref) for ref in refs):
                bad |= refs
            else:
                whole.add(asset_of(member))
    return {ref for ref in bad if ref.asset not in whole}


def bad_records(incident: Incident, provenance: Provenance) -> set[Ref]:
    """The records that the incident's checks found bad and have not found good since, and those in which their
    trouble is proved to begin. Late and unbuilt assets have no bad record."""
    bad: set[Ref] = set()
    for member in incident.members:
        if not _tells_of_bad_data(member):
            continue
        records = _records_of(member, incident, provenance)
        still = {r.ref for r in records if _is_still_bad(r, member, provenance)}
        bad |= still
        if still and member.origin is not None:
            bad.add(member.origin)
    return bad


def unjudged_records(incident: Incident, provenance: Provenance) -> set[Ref]:
    """What was built in place of a bad record and was not looked at yet by the check that found it bad, as long as
    that check fails and nobody has closed the incident: only a pass says that the data is good again."""
    found: set[Ref] = set()
    for member in incident.members:
        if incident.is_open and _tells_of_bad_data(member) and member.healthy_at is None:
            since = {r.partition: r.at for r in reversed(_records_of(member, incident, provenance))}
            for record in provenance.records(asset_of(member)):
                is_later = record.partition in since and record.at > since[record.partition]
                if is_later and not _verdicts_of(member, record, provenance):
                    found.add(record.ref)
    return found


def _verdicts_of(member: Member, record: Materialization, provenance: Provenance) -> list[Evaluation]:
    """Those of the very check that the member is about."""
    return [verdict for verdict in provenance.verdicts_on(record) if verdict.check == member.subject.check]


def _is_still_bad(record: Materialization, member: Member, provenance: Provenance) -> bool:
    """By the verdicts on it. A failure that names no record overrules an older pass: the record is bad until the
    check passes, and stays so if it passes because another was built."""
    if provenance.is_bad(record) or not provenance.verdicts_on(record):
        return True
    if member.materialization is not None:
        return False
    newest = provenance.latest(record.asset, partition=record.partition, by=member.healthy_at)
    return member.healthy_at is None or newest != record


def _tells_of_bad_data(member: Member) -> bool:
    is_of_content = member.nature not in (Nature.FRESHNESS, Nature.PIPELINE)
    is_error = member.check_severity is CheckSeverity.ERROR
    return (
        member.subject.asset is not None and member.kind is AlertKind.CHECK_FAILED and is_of_content and is_error
    )


def _records_of(member: Member, incident: Incident, provenance: Provenance) -> list[Materialization]:
    """Those in its place that were found bad, oldest first: the one that it names, and others by the verdicts of
    the incident's time, in which it may have ended and begun again. A check that is not partitioned looks at
    whatever was built last: it can have found several partitions bad."""
    asset = asset_of(member)
    named = None
    if member.materialization is not None:
        named = provenance.get(Ref(asset=asset, id=member.materialization), by=member.last_fired_at)
    named = named or provenance.latest(asset, partition=member.partition, by=member.first_fired_at)
    if named is None:
        return []

    def is_found_bad(record: Materialization) -> bool:
        is_same = record.partition == named.partition
        verdicts = provenance.verdicts_on(record) if is_same else _verdicts_of(member, record, provenance)
        is_its_place = is_same or member.partition is None
        return is_its_place and any(v.is_bad and _is_of_its_time(v, incident) for v in verdicts)

    return [record for record in provenance.records(asset) if record == named or is_found_bad(record)]


def _is_of_its_time(verdict: Evaluation, incident: Incident) -> bool:
    over = None if incident.is_open else incident.resolved_at
    return incident.started_at <= verdict.at and (over is None or verdict.at <= over)
