"""Text of a user's own in place of what a message says: what templates can read, how a message wears them, and
what is wrong with one. How they are kept from doing harm is `template_sandbox`'s.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from incident_ops.adapters.template_sandbox import (
    LONGEST_VALUE,
    MOST_ITEMS,
    Open,
    TemplateError,
    rendered,
    trouble_in,
)
from incident_ops.config.document import Document, KeyPath, Problem, written
from incident_ops.config.shape import Config, Templates
from incident_ops.core.message import Link, Message, compose
from incident_ops.core.record import incident_record
from incident_ops.core.routing import Destination
from incident_ops.core.sample import bare_incident, full_incident

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "id": "`INC-7`",
        "title": "what fails, in a few words",
        "status": "`triggered`, `acknowledged`, `mitigated`, `resolved` or `closed`",
        "severity": "`SEV0` (worst) to `SEV3`",
        "priority": "`P0` to `P3`",
        "nature": "`freshness`, `volume`, `schema`, `field_health`, `rule` or `pipeline`",
        "cause_class": "`operational`, `code` or `data`, once it is known",
        "owner": "`team:fin`, or an e-mail address",
        "started_at": "when bad data began, `2026-11-20T09:00:00Z`",
        "detected_at": "when we first knew",
        "resolved_at": "when it ended",
        "root": "where it begins: `asset`, `partition`, `materialization`, `check`, `name`, `run_id`",
        "members": "list of what fails: `asset`, `check`, `kind`, `partition`, `hops`, `edge`, `name`, "
        "`healthy_at`",
        "alert_count": "how many alerts it has taken in",
        "flaky": "true when a retry passed",
        "labels": "what routes match on, by name: `labels.team`, `labels['tag:incident_ops/tier']`",
        "assignee": "who works on it",
        "responders": "list of those who were paged or answer for it",
        "commander": "who leads the response",
        "communicator": "who tells the others",
        "severity_reasons": "list of why it is that severe",
        "summary": "what happened, in a sentence",
        "detail": "the error or the failing rows, possibly long",
        "facts": "what the check says, by name: `facts['Rows']`",
        "not_run": "list of what was skipped because of it",
        "resolution": "`fixed`, `expected`, `false_positive`, `duplicate` or `no_action`",
        "acknowledged_at": "when somebody took it",
        "reopened": "how often it came again",
        "backlog": "true when it was over before we were installed",
        "runbook": "address of what to do",
        "excuse": "why nobody was woken, where it was announced",
        "merged_into": "`INC-3`, when that one took it in",
        "merged_from": "list of those it took in",
        "message": "what would be said without templates: `headline`, `summary`, `note`, `colour`, `detail`, "
        "`facts`, `lists` and `links` by name",
    }
)
"""What a template can read, with what it is. A test holds it against `docs/templates.md` and the sample."""

LONGEST_HEADLINE, LONGEST_SUMMARY, LONGEST_FACT = 300, 3_000, 1_000


class Wardrobe:
    """What messages wear, by destination."""

    def __init__(self, templates: Mapping[Destination, Templates]) -> None:
        self._templates = templates

    def dress(self, destination: Destination, message: Message) -> Message:
        """The message as its destination's templates have it; one of them that fails leaves the ordinary text,
        and a note says so."""
        templates = self._templates.get(destination)
        return message if templates is None or message.about is None else dressed(message, templates)


def dressed(message: Message, templates: Templates) -> Message:
    """The message in the words of the templates."""
    fields, failed = fields_of(message), list[str]()

    def text_of(key: str, template: str, limit: int) -> str | None:
        try:
            return rendered(template, fields, limit=limit)
        except TemplateError as error:
            failed.append(f"{key}: {trouble_in(error, template)}")
            return None

    headline = text_of("headline", templates.headline, LONGEST_HEADLINE) if templates.headline else None
    summary = text_of("summary", templates.summary, LONGEST_SUMMARY) if templates.summary else None
    facts = message.facts
    if templates.facts is not None:
        texts = {name: text_of(f"facts.{name}", text, LONGEST_FACT) for name, text in templates.facts.items()}
        if None not in texts.values():
            facts = tuple((name, text) for name, text in texts.items() if text)
    note = message.note
    if failed:
        ours = f"The ordinary text stands where a template failed: {'; '.join(failed)}."
        note = f"{note}\n{ours}" if note else ours
    return replace(
        message,
        headline=" ".join((headline or "").split()) or message.headline,
        summary=message.summary if summary is None else summary,
        facts=facts,
        note=note,
    )


def fields_of(message: Message) -> dict[str, Any]:
    """The values of `FIELDS` for an incident's message. None is written as nothing."""
    incident = message.about
    if incident is None:
        raise ValueError("a message about no incident has no fields")
    fields = _bounded(incident_record(incident))
    fields["labels"] = Open(incident.current_labels)
    fields["facts"] = Open(fields["facts"])
    fields["message"] = {
        "headline": message.headline,
        "summary": message.summary,
        "note": message.note,
        "colour": str(message.colour),
        "detail": message.detail[:LONGEST_VALUE],
        "facts": Open(message.facts),
        "lists": Open({heading: list(items[:MOST_ITEMS]) for heading, items in message.lists}),
        "links": Open({link.label: link.url for link in message.links}),
    }
    return fields


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_VALUE]
    if isinstance(value, Mapping):
        return {name: _bounded(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [_bounded(item) for item in value[:MOST_ITEMS]]
    return value


# ---- checking


def template_problems(config: Config, document: Document, *, now: datetime) -> Iterator[Problem]:
    """Each template that cannot be read, or fails for an incident of which everything or little is known."""
    for place, receiver in enumerate(config.receivers):
        for key, text in _texts_of(receiver.templates):
            sentence = _trouble_with(text, now)
            if sentence is not None:
                path: KeyPath = ("receivers", place, "templates", *key)
                yield Problem(line=document.line_of(path), sentence=f"{written(path)}: {sentence}")


def _texts_of(templates: Templates | None) -> Iterator[tuple[tuple[str, ...], str]]:
    if templates is None:
        return
    for name, text in (("headline", templates.headline), ("summary", templates.summary)):
        if text is not None:
            yield (name,), text
    for name, text in (templates.facts or {}).items():
        yield ("facts", name), text


def _trouble_with(text: str, now: datetime) -> str | None:
    try:
        rendered(text, fields_of(_message_of_full(now)), limit=LONGEST_SUMMARY)
    except TemplateError as error:
        return trouble_in(error, text)
    try:
        rendered(text, fields_of(compose(bare_incident(now), links_of=lambda _: ())), limit=LONGEST_SUMMARY)
    except TemplateError as error:
        remedy = 'ask with "if" first, or add |default("…")'
        return f"for an incident of which little is known, {trouble_in(error, text)}: {remedy}"
    return None


def _message_of_full(now: datetime) -> Message:
    link = Link(label="Incident", url="https://dagster.acme.test/assets/incidents?partition=INC-0")
    return compose(full_incident(now), links_of=lambda _: (link,), note="first push of today")
