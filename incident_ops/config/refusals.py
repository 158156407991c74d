"""How a value is refused: one sentence with a remedy, and never a value that may be a secret."""

import re
from difflib import get_close_matches

from pydantic_core import PydanticCustomError

from incident_ops.config.document import Empty

REFUSED = "refused"
FLAWED = "flawed"
EMPTY = "empty"

# What tokens of common services begin with, and what is too long or too random to be a name: not repeated.
_LOOKS_SECRET = re.compile(
    r"xox[a-z]-|xapp-|\bsk-|gh[a-z]_|glpat-|eyJ|AKIA|-----BEGIN|://[^/]*@"
    r"|(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{24,}"
)


def refusal(sentence: str) -> PydanticCustomError:
    """A value that can't be used, said without its key, which is put in front: `key: sentence`."""
    return PydanticCustomError(REFUSED, "{sentence}", {"sentence": sentence})


def flaw(predicate: str) -> PydanticCustomError:
    """A section whose keys don't fit together, said as a predicate to its name: `section predicate`."""
    return PydanticCustomError(FLAWED, "{sentence}", {"sentence": predicate})


def shown(value: object) -> str:
    """A value as an error may repeat it: in quotes, and never one that looks like a secret."""
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    if not isinstance(value, str):
        return "this"
    text = " ".join(value.split())
    return f'"{text}"' if len(text) <= 80 and not _LOOKS_SECRET.search(text) else "this value"


def nearest(word: str, known: list[str], *, cutoff: float = 0.6) -> str | None:
    """The known word that was probably meant, whatever its case."""
    by_lower = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def text_of(value: object) -> str:
    """The value, if it is text with something in it."""
    if isinstance(value, Empty):
        raise PydanticCustomError(EMPTY, "empty")
    if not isinstance(value, str):
        raise refusal(f"{shown(value)} is not text; put it in quotes, if it is meant")
    if not value.strip():
        raise PydanticCustomError(EMPTY, "empty")
    return value
