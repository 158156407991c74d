"""The error tree of the package. A message names the file, the key and the remedy, and never carries a secret.

IncidentOpsError
├── ConfigError           the configuration cannot be used (CLI exit 2)
├── NotFound              no such incident (CLI exit 1)
│   ├── UnknownAsset          the catalog has no such asset
│   └── UnknownColumn         the asset has no such column
├── IllegalChange         what was asked cannot be done to that incident (CLI exit 1)
│   └── IllegalTransition     its status does not allow the move
├── StoreUnavailable      our database cannot be reached or is not migrated (CLI exit 2)
├── SourceUnavailable     Dagster's event log or webserver cannot be read
└── TransportError        a sink refused or did not answer; `permanent` says whether to try again
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum


class IncidentOpsError(Exception):
    """Base of everything this package raises on purpose."""


class ConfigError(IncidentOpsError):
    """The configuration is wrong; `problems` holds one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class NotFound(IncidentOpsError):
    """Nothing has that name."""


class UnknownAsset(NotFound):
    """No asset of the catalog has that key; `close` holds the keys that resemble it, closest first."""

    def __init__(self, key: str, *, close: Sequence[str] = ()) -> None:
        self.key, self.close = key, tuple(close)
        hint = f"; did you mean {' or '.join(self.close)}?" if self.close else ""
        super().__init__(f"the catalog has no asset {key!r}{hint}")


class UnknownColumn(NotFound):
    """The asset is known, and so are its columns: `known`. This is none of them."""

    def __init__(self, asset: str, column: str, *, known: Sequence[str]) -> None:
        self.asset, self.column, self.known = asset, column, tuple(known)
        super().__init__(f"{asset} has no column {column!r}; its known columns are {', '.join(self.known)}")


class IllegalChange(IncidentOpsError):
    """What was asked cannot be done to that incident, as it is."""


class IllegalTransition(IllegalChange):
    """A status change that the transition table does not contain."""

    def __init__(self, current: StrEnum, wanted: StrEnum) -> None:
        self.current, self.wanted = current, wanted
        super().__init__(f"an incident that is {current} cannot become {wanted}")


class StoreUnavailable(IncidentOpsError):
    """Our own database cannot be used now."""


class SourceUnavailable(IncidentOpsError):
    """What we watch cannot be read now."""


class TransportError(IncidentOpsError):
    """A sink did not accept a notification.

    Attributes:
        permanent: trying the same again cannot help (unknown channel, malformed request).
        needs_person: only a change of set-up can help (revoked token, missing scope): the delivery waits,
            and the sentence is shown to people.
        fate_unknown: the sink may have accepted it; look it up before repeating it.
        retry_after: how long the sink asked us to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        needs_person: bool = False,
        fate_unknown: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.needs_person = needs_person
        self.fate_unknown = fate_unknown
        self.retry_after = retry_after
