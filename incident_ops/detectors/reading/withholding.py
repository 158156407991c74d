"""What an error must not tell of the data that was read: personal data, and the passwords of where it is.

A user's own source, an engine or an IO manager raises it, and Dagster keeps its text, its causes and the lines of
code that it passed.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from incident_ops.core.error_text import redact
from incident_ops.core.errors import IncidentOpsError
from incident_ops.detectors.reading.options import ReadError
from incident_ops.detectors.scope import Scope

WITHHELD = (
    "What it says is withheld, since it may quote values of the columns tagged pii: read the table by hand to see"
    " it"
)


@contextmanager
def withheld(scope: Scope) -> Iterator[None]:
    """Around all that is read of an asset.

    An error that says no secret stays what it is. Of one that does, itself or in what caused it, and of every one
    where columns are tagged `pii` (an engine quotes the value that it could not read), the classes and the place
    in the code stay.

    Raises:
        ReadError: in place of such an error.
    """
    try:
        yield
    except Exception as error:  # every engine, IO manager and source has errors of its own
        chain = list(_chain(error))
        if not scope.pii and not any(_tells_a_secret(str(each)) for each in chain):
            raise
        is_ours = isinstance(error, IncidentOpsError | dg.RetryRequested)
        if is_ours and not _tells_a_secret(str(error)):  # what it says is fit to tell, what caused it is not
            raise error from None
        raised = f"{' from '.join(map(_class_of, chain))} was raised while {scope.target.name} was read"
        said = f"{raised}. {WITHHELD}" if scope.pii else f"{raised}: {redact(str(error))}"
        *_, place = traceback.extract_tb(error.__traceback__)
        if _tells_a_secret("".join(traceback.format_tb(error.__traceback__))):  # the password stands in the code
            raise ReadError(f"{said} (in {place.filename}, line {place.lineno})") from None
        raise ReadError(said).with_traceback(error.__traceback__) from None


def _tells_a_secret(text: str) -> bool:
    return redact(text) != text


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what caused it."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _class_of(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
