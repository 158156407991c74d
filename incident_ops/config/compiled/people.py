"""Teams and people: where they are reached, when they work, whose clock counts."""

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from incident_ops.config.compiled.calendars import hours_of
from incident_ops.config.shape import Config, Person, Team, channel_of_team
from incident_ops.config.times import DigestTime, utc
from incident_ops.core.teams import DigestTime as CoreDigestTime
from incident_ops.core.teams import Person as CorePerson
from incident_ops.core.teams import Team as CoreTeam


def teams_of(config: Config) -> Mapping[str, CoreTeam]:
    """The teams of the file by name. A team that it does not know has the channel `channel_of_team` gives it."""
    return {name: _team(name, team, channel_of_team(config, name)) for name, team in config.teams.items()}


def _team(name: str, team: Team, channel: str) -> CoreTeam:
    hours = team.working_hours
    return CoreTeam(
        name=name,
        channel=channel,
        engineer=team.engineer,
        analyst=team.analyst,
        lead=team.lead,
        zone=team.timezone,
        working_hours=hours_of(hours, team.timezone) if hours is not None else None,
        escalation_policy=team.escalation_policy,
    )


def people_of(config: Config) -> Mapping[str, CorePerson]:
    """The people of the file by e-mail address.

    A digest time is local to the person's own `timezone`; without one to that of the first team whose engineer,
    analyst or lead the person is, else of the first schedule with the person; else it is UTC.
    """
    return {email: _person(email, person, config) for email, person in config.people.items()}


def _person(email: str, person: Person, config: Config) -> CorePerson:
    digest = person.digest
    zone = person.timezone or next(_zones_at_work(email, config), utc())
    return CorePerson(
        email=email, slack=person.slack, digest=_digest(digest, zone) if digest is not None else None
    )


def _digest(digest: DigestTime, zone: ZoneInfo) -> CoreDigestTime:
    return CoreDigestTime(at=digest.at, zone=zone, day=digest.day.number if digest.day is not None else None)


def _zones_at_work(email: str, config: Config) -> Iterator[ZoneInfo]:
    for team in config.teams.values():
        if email in (team.engineer, team.analyst, team.lead):
            yield team.timezone
    for schedule in config.schedules.values():
        if any(email in layer.members for layer in schedule.layers):
            yield schedule.timezone
