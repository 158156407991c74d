"""What a pass over observations did."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Triaged:
    """What a pass over observations did, incidents by id. One that was opened and resolved in the same pass is
    in both lists; one that was merged into another is among the updated."""

    alerts: int = 0
    opened: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()

    def __add__(self, other: "Triaged") -> "Triaged":
        return Triaged(
            alerts=self.alerts + other.alerts,
            opened=_once(self.opened, other.opened),
            updated=_once(self.updated, other.updated),
            resolved=_once(self.resolved, other.resolved),
        )


def _once(*lists: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for items in lists for item in items))
