"""Names that are meant, found from names that are written: case apart, and what comes close."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches

MOST_COMPARED = 20_000


class Names:
    """Some names, found as they are written, else case apart if only one is meant."""

    def __init__(self, names: Iterable[str]) -> None:
        self.all = frozenset(names)
        self._folded: defaultdict[str, list[str]] = defaultdict(list)
        for name in self.all:
            self._folded[name.casefold()].append(name)

    def find(self, written: str) -> str | None:
        if written in self.all:
            return written
        meant = self._folded.get(written.casefold(), ())
        return meant[0] if len(meant) == 1 else None


def one_spelling_each(names: Iterable[str]) -> set[str]:
    """Names that differ only in case, as the first of them in sorted order is written."""
    chosen: dict[str, str] = {}
    for name in sorted(names):
        chosen.setdefault(name.casefold(), name)
    return set(chosen.values())


def close_to(key: str, known: Collection[str], *, most: int = 3) -> tuple[str, ...]:
    """The known asset keys that resemble `key`, closest first: their last parts are compared, then the whole.

    Of very many keys 20,000 are compared, first those whose last part begins alike: the answer comes within
    about a second.
    """
    by_last: Mapping[str, list[str]] = defaultdict(list)
    for other in sorted(known):
        by_last[_last(other)].append(other)
    begins_alike = sorted(by_last, key=lambda last: not last.startswith(_last(key)[:3]))
    lasts = get_close_matches(_last(key), begins_alike[:MOST_COMPARED], n=most)
    found = [other for last in lasts for other in by_last[last][:MOST_COMPARED]]
    return tuple(sorted(found, key=lambda other: (-SequenceMatcher(None, key, other).ratio(), other))[:most])


def _last(key: str) -> str:
    return key.rpartition("/")[2].casefold()
