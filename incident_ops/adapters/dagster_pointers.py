"""Which upstream records a materialization was built from. Nothing is read here but the tags given.

When a step begins Dagster takes, for each upstream asset, the newest materialization *of any partition* (else the
newest observation), and writes its id into `dagster/input_event_pointer/<key>`, or `NULL` if there is none. So the
pointer of a partitioned upstream may lead to a partition that was not read: after a backfill of three days, each
day's reader points to the day that was built last. What was really read is in `dagster/input_data_version/<key>`:
for a partitioned upstream the SHA-256 of the data versions of the partitions read, in the order of their keys.
That proves which record it was:

- the reader's own partition, as it stood then, if its version has that hash (alone, or together with the
  partitions that the same run built of the same asset: a backfill in one run);
- else the one that Dagster names, if that one's version has that hash;
- else the one partition whose version, as it stood then, has that hash: what a partition mapping leads to;
- else several were read, or several have that version, and there is no one record to point to: no pointer is
  better than a wrong one.

A location that only names a partitioned asset of another one takes it for an asset without partitions: then what
is written is no hash but the version of the record that Dagster names.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple, Protocol

from incident_ops.adapters.dagster_numbers import natural_in

POINTER = "dagster/input_event_pointer/"
INPUT_VERSION = "dagster/input_data_version/"
LONGEST_KEY = 500
"""In characters; it becomes part of an index, and PostgreSQL takes no more than 2,700 bytes into one."""


class Version(NamedTuple):
    """The newest materialization of one partition, of those with an id up to `by`. `key` as the log writes it."""

    key: str
    partition: str
    by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """A materialization or observation without its payload. `key` is the asset as the log writes it."""

    id: int
    key: str
    asset: str
    partition: str | None
    run_id: str
    at: datetime
    data_version: str | None


class LogIndex(Protocol):
    """What the log knows of records, many at once."""

    def records(self, ids: Collection[int]) -> dict[int, LogRecord]: ...
    def newest(self, versions: Collection[Version]) -> dict[Version, LogRecord]: ...
    def partitions(self, key: str, *, by: int) -> list[LogRecord]:
        """The materializations of the asset's partitions with an id up to `by`, newest first, as far back as is
        looked for what was read."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A materialization, and what its tags say of its inputs (asset → id, asset → data version)."""

    asset: str
    partition: str | None
    run_id: str
    at: datetime
    pointers: Mapping[str, int]
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """`pointers`: asset → id of the record that was read; `last_own`: when the newest input was written that the
    reader's own run had built."""

    pointers: Mapping[str, int]
    last_own: datetime | None


def pointers_in(tags: Mapping[str, str]) -> dict[str, int]:
    """Asset (`a/b`) → id, as Dagster writes it. Anything else in such a tag (`NULL` is Dagster's own) points
    nowhere."""
    named = {
        name.removeprefix(POINTER): natural_in(value) for name, value in tags.items() if name.startswith(POINTER)
    }
    return {key: found for key, found in named.items() if found is not None and 0 < len(key) <= LONGEST_KEY}


def versions_in(tags: Mapping[str, str]) -> dict[str, str]:
    return {k.removeprefix(INPUT_VERSION): v for k, v in tags.items() if k.startswith(INPUT_VERSION)}


def inputs_of(readers: Sequence[Reader], log: LogIndex) -> list[Inputs]:
    """What each of `readers` was built from. Costs two or three queries, however many there are."""
    named = log.records({i for reader in readers for i in reader.pointers.values()})
    proof = _Proof(readers, named, log)
    return [_inputs(reader, named, proof) for reader in readers]


def _inputs(reader: Reader, named: Mapping[int, LogRecord], proof: "_Proof") -> Inputs:
    pointers: dict[str, int] = {}
    own: list[datetime] = []
    for asset, storage_id in reader.pointers.items():
        record = _led_to(reader, asset, named.get(storage_id))
        if record is not None and reader.run_id and record.run_id == reader.run_id:
            own.append(record.at)
        if record is None or record.partition is None:
            pointers[asset] = storage_id
        elif (read := proof.of(reader, record)) is not None:
            pointers[asset] = read.id
    return Inputs(pointers=pointers, last_own=max(own, default=None))


def _led_to(reader: Reader, asset: str, record: LogRecord | None) -> LogRecord | None:
    """None if the event was deleted; another may have its id by now."""
    return record if record and record.asset == asset and record.at <= reader.at else None


class _Proof:
    """Which partition's record was read."""

    def __init__(self, readers: Iterable[Reader], named: Mapping[int, LogRecord], log: LogIndex) -> None:
        self._log = log
        self._latest_named: dict[str, int] = {}
        for record in named.values():
            self._latest_named[record.key] = max(record.id, self._latest_named.get(record.key, 0))
        self._shelves: dict[str, _Shelf] = {}
        self._siblings: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        partitioned = [reader for reader in readers if reader.partition is not None]
        for reader in partitioned:
            if reader.run_id and reader.partition is not None:
                self._siblings[reader.asset, reader.run_id].add(reader.partition)
        self._newest = log.newest(
            {
                Version(record.key, partition, record.id)
                for reader in partitioned
                for asset, storage_id in reader.pointers.items()
                if (record := _led_to(reader, asset, named.get(storage_id))) and record.partition is not None
                for partition in self._built_with(reader)
            }
        )

    def _built_with(self, reader: Reader) -> list[str]:
        """The reader's partition, and those that its run built of the same asset."""
        together = self._siblings.get((reader.asset, reader.run_id), set())
        return sorted(together | ({reader.partition} if reader.partition is not None else set()))

    def of(self, reader: Reader, named: LogRecord) -> LogRecord | None:
        version = reader.versions.get(named.asset)
        if reader.partition is not None:
            same = self._newest.get(Version(named.key, reader.partition, named.id))
            if same is not None and version in self._versions_of(reader, same, named):
                return same
        if named.data_version is not None and version == _hash([named]):
            return named
        alone = self._shelf_of(named.key).with_hash(version, by=named.id) if version else []
        return alone[0] if len(alone) == 1 else None

    def _shelf_of(self, key: str) -> "_Shelf":
        if key not in self._shelves:
            self._shelves[key] = _Shelf(self._log.partitions(key, by=self._latest_named[key]))
        return self._shelves[key]

    def _versions_of(self, reader: Reader, same: LogRecord, named: LogRecord) -> set[str | None]:
        """What Dagster writes when it reads `same`, alone or with those of the same run. There is no hash inside a
        step, where the run built `same` itself, nor where the asset was taken for one without partitions."""
        versions = [Version(named.key, partition, named.id) for partition in self._built_with(reader)]
        together = [self._newest[v] for v in versions if v in self._newest]
        possible: set[str | None] = {_hash([same]), _hash(together)}
        if same == named or (reader.run_id and same.run_id == reader.run_id):
            possible.add(same.data_version)
        return possible


class _Shelf:
    """The versions of one asset's partitions, as they stood at any event.

    Args:
        records: newest first.
    """

    def __init__(self, records: Iterable[LogRecord]) -> None:
        self._of_hash: defaultdict[str, list[tuple[LogRecord, int | None]]] = defaultdict(list)
        replaced_by: dict[str | None, int] = {}
        for record in records:
            if record.data_version is not None:
                self._of_hash[_hash([record])].append((record, replaced_by.get(record.partition)))
            replaced_by[record.partition] = record.id

    def with_hash(self, version: str, *, by: int) -> list[LogRecord]:
        """Those in force at the event `by` that have this version."""
        return [
            record
            for record, replaced in self._of_hash.get(version, ())
            if record.id <= by and (replaced is None or replaced > by)
        ]


def _hash(records: Sequence[LogRecord]) -> str:
    """As Dagster computes the version of several partitions; one that has none adds nothing."""
    in_order = sorted(records, key=lambda record: record.partition or "")
    return sha256("".join(record.data_version or "" for record in in_order).encode()).hexdigest()
