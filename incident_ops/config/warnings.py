"""What is allowed in the file and probably not meant: routes that never match, labels no incident has, schedules
with gaps, names nobody uses, receivers that can't work. Nothing of it stops anything."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from incident_ops.config.compiled import route_tree, schedules_of
from incident_ops.config.document import Document, KeyPath, Problem, read_document, written
from incident_ops.config.doubtful_receivers import check_receivers
from incident_ops.config.load import parse_config, sentences
from incident_ops.config.references import check_unused, values_at
from incident_ops.config.refusals import nearest, shown
from incident_ops.config.shape import EVERY_LABEL, Config
from incident_ops.core.alert import AlertKind, CheckSeverity, Nature
from incident_ops.core.durations import format_duration
from incident_ops.core.matching import parse_matcher
from incident_ops.core.oncall import gaps
from incident_ops.core.routing.unreachable import unreachable
from incident_ops.core.severity import Priority, Severity
from incident_ops.core.status import CauseClass, Status

LOOKED_AHEAD = timedelta(days=28)
"""How far ahead schedules are looked at for gaps: four turns of a weekly rotation."""

DOMAINS: Mapping[str, frozenset[str]] = {
    "severity": frozenset(Severity),
    "priority": frozenset(Priority),
    "nature": frozenset(Nature),
    "alert_kind": frozenset(AlertKind),
    "check_severity": frozenset(CheckSeverity),
    "cause_class": frozenset({*CauseClass, ""}),
    "status": frozenset(Status),
}
"""Labels whose values are known, with all of them; the empty string where the label may be missing."""

LABELS = (
    *DOMAINS,
    "asset",
    "check",
    "domain",
    "environment",
    "group",
    "kind",
    "location",
    "name",
    "owner",
    "partition",
    "prefix",
    "root",
    "source",
    "team",
    "tier",
)
"""The labels that incidents have, besides the `tag:…` of their assets."""

_MATCHERS = (
    "route.**.matchers.*",
    "inhibit_rules.*.source_matchers.*",
    "inhibit_rules.*.target_matchers.*",
    "maintenance.*.matchers.*",
    "severity.*.matchers.*",
    "subscriptions.*.matchers.*",
)
_BARE_LABELS = ("route.**.group_by.*", "inhibit_rules.*.equal.*")


def warnings_of(text: str, *, file: str, now: datetime) -> list[str]:
    """A sentence for each thing that is probably not meant, in the order of the lines.

    Args:
        file: what to call the text.
        now: from when on schedules are looked at for gaps.

    Raises:
        ConfigError: the text has mistakes; these come first.
    """
    config, document = parse_config(text, file=file), read_document(text)
    return sentences(
        [
            *_never_matching(config, document),
            *_unknown_labels(document),
            *_schedules_with_gaps(config, document, now),
            *check_unused(document),
            *check_receivers(config, document, now),
        ],
        file,
    )


def _never_matching(config: Config, document: Document) -> Iterator[Problem]:
    lines = {written(path): line for path, line in document.lines.items()}
    for found in unreachable(route_tree(config), DOMAINS):
        yield Problem(line=lines[found.node.path], sentence=f"{found.node.path} can never match: {found.why}")


def _unknown_labels(document: Document) -> Iterator[Problem]:
    for pattern in _MATCHERS:
        for path, text in values_at(document, pattern):
            yield from _unknown_label(parse_matcher(text).label, path, document)
    for pattern in _BARE_LABELS:
        for path, label in values_at(document, pattern):
            if label != EVERY_LABEL:
                yield from _unknown_label(label, path, document)


def _unknown_label(label: str, path: KeyPath, document: Document) -> Iterator[Problem]:
    if label in LABELS or label.startswith("tag:"):
        return
    meant = nearest(label, list(LABELS), cutoff=0.75)
    otherwise = f"write {shown('tag:' + label)} for a tag of the asset, or one of {', '.join(LABELS)}"
    remedy = f'did you mean "{meant}"?' if meant else otherwise
    sentence = f"{written(path)}: no incident has a label {shown(label)}; {remedy}"
    yield Problem(line=document.line_of(path), sentence=sentence)


def _schedules_with_gaps(config: Config, document: Document, now: datetime) -> Iterator[Problem]:
    for name, schedule in schedules_of(config).items():
        found = gaps(schedule, now, now + LOOKED_AHEAD)
        if found:
            begins, ends = (moment.astimezone(schedule.zone).strftime("%Y-%m-%d %H:%M") for moment in found[0])
            total = format_duration(sum((until - since for since, until in found), timedelta()))
            path = ("schedules", name)
            sentence = (
                f"{written(path)}: nobody is on call for {total} of the next {LOOKED_AHEAD.days} days, first from "
                f"{begins} until {ends} ({schedule.zone}); add somebody, or page a second target beside it"
            )
            yield Problem(line=document.line_of(path), sentence=sentence)
