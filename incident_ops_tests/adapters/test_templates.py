"""What templates can say, what they cannot do, and that a faulty one costs nobody the message."""

import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_ops.adapters import template_sandbox
from incident_ops.adapters.templates import FIELDS, Wardrobe, dressed, fields_of, template_problems
from incident_ops.config import parse_config
from incident_ops.config.document import read_document
from incident_ops.config.shape import Templates
from incident_ops.core.message import Link, Message, bulletin, compose
from incident_ops.core.record import incident_record
from incident_ops.core.routing import Destination
from incident_ops.core.sample import bare_incident, full_incident

NOW = datetime(2026, 11, 20, 11, tzinfo=UTC)
LINK = Link(label="Incident", url="https://dagster.acme.test/INC-0")
FULL = compose(full_incident(NOW), links_of=lambda _: (LINK,), note="first push of today")
BARE = compose(bare_incident(NOW), links_of=lambda _: ())
DOCS = (Path(__file__).parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")


def headline(template: str, message: Message = FULL) -> str:
    """What it makes of the headline; a template that fails fails the test."""
    done = dressed(message, Templates(headline=template))
    assert done.note == message.note, done.note
    return done.headline


def fault(template: str) -> str:
    """The one sentence about a template, without file, line and key."""
    text = f"receivers: [{{name: a, slack: {{channel: C012}}, templates: {{headline: {template!r}}}}}]"
    [problem] = template_problems(parse_config(text, file="f"), read_document(text), now=NOW)
    return problem.sentence.removeprefix("receivers[0].templates.headline: ")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ severity }} {{ id }}", "SEV1 INC-0"),
        ("{{ title|upper|truncate(12) }}", "MARTS/REV..."),
        ("two\nlines", "two lines"),
        ("{{ root.asset }}[{{ root['partition'] }}]", "marts/revenue_daily[2026-11-20]"),
        ("{{ members|map(attribute='asset')|join(', ') }}", "marts/revenue_daily, marts/orders"),
        ("{{ members[1:]|length }} of {{ members|length }}", "1 of 2"),
        ("{% for m in members %}{{ loop.index }}{{ m.asset }} {% endfor %}", "1marts/revenue_daily 2marts/orders"),
        ("{% for n, v in facts|items %}{{ n }}={{ v }};{% endfor %}", "Rows=10,240;Null rows=412;"),
        ("{% if severity in ['SEV0', 'SEV1'] %}now{% else %}later{% endif %}", "now"),
        ("{{ 'major' if severity == 'SEV1' else 'minor' }}", "major"),
        ("{{ labels.team }}/{{ labels['tag:incident_ops/tier'] }}/{{ labels.severity }}", "fin//SEV1"),
        ("{{ message.facts.Status }}", "resolved as fixed after 1 h 59 min"),
        ("{{ message.links.Incident }} {{ message.colour }}", "https://dagster.acme.test/INC-0 green"),
        ("{{ message.lists['Not run']|first }}", "marts/forecast"),
        ("{{ alert_count - 1 }} more", "13 more"),
        ("{{ facts.Rows|replace(',', '') }}", "10240"),
    ],
)  # fmt: skip
def test_a_template_says_what_the_incident_holds(template: str, expected: str) -> None:
    assert headline(template) == expected


def test_what_is_not_known_is_written_as_nothing() -> None:
    assert (
        headline("[{{ owner }}{{ resolved_at }}{{ root.asset }}{{ labels.team }}{{ facts.Rows }}]", BARE) == "[]"
    )


def test_only_what_has_a_template_is_replaced() -> None:
    done = dressed(
        FULL, Templates(summary="{{ owner }} knows", facts={"Team": "{{ labels.team }}", "No": "{{ facts.No }}"})
    )
    assert done == replace(FULL, summary="team:fin knows", facts=(("Team", "fin"),))


def test_a_headline_that_comes_out_empty_is_not_used() -> None:
    """A message without a headline is one that nobody reads."""
    assert headline("{{ labels.team }}", BARE) == BARE.headline


def test_text_that_is_too_long_is_cut() -> None:
    long = replace(FULL, about=replace(full_incident(NOW), detail="x" * 9_000))
    done = dressed(long, Templates(headline="{{ detail }}", summary="{{ detail }}", facts={"A": "{{ detail }}"}))
    assert (len(done.headline), len(done.summary), len(done.facts[0][1])) == (300, 3_000, 1_000)
    assert done.summary.endswith("x…")


# ---- where it fails


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ severty }}", 'there is no field "severty"; did you mean "severity"?'),
        ("{{ zzz }}", 'there is no field "zzz"; known are those of docs/templates.md'),
        ("{{ root.aset }}", 'there is no field "aset"; did you mean "asset"?'),
        ("{% if not flaky %}{{ ide }}{% endif %}", 'there is no field "ide"; did you mean "id"?'),
        ("{% for m in members %}{{ m.chek }}{% endfor %}", 'there is no field "chek"; did you mean "check"?'),
        ("{{ labels.taem }}", 'no incident has a label "taem"; did you mean "team"?'),
        ("{{ title|uper }}", 'there is no filter "uper"; did you mean "upper"?'),
        ("{% if title is strin %}{% endif %}", 'there is no test "strin"; did you mean "string"?'),
        ("{% if title == %}", "unexpected 'end of statement block'; correct the template"),
        ("{{ members[9].asset }}", 'there is nothing at "9"; correct the template'),
        ("{{ title.upper }}", 'there is nothing at "upper"; correct the template'),
        ("{{ title|truncate(-5) }}", "expected length >= 3, got -5; correct the template"),
        ("{{ title|default(a=1, a=2) }}", "keyword argument repeated: a; correct the template"),
        ("{{ started_at + 1 }}", 'can only concatenate str (not "int") to str; correct the template'),
        ("{{ root.asset[:3] }}",
         "for an incident of which little is known, 'NoneType' object is not subscriptable; correct the template: "
         'ask with "if" first, or add |default("…")'),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_remedy(template: str, expected: str) -> None:
    assert fault(template) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{ title.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ members.__len__ }}",
        "{{ members|map(attribute='__class__')|list }}",
        "{{ title|attr('__class__') }}",
        "{{ title.format(1) }}",
        "{{ range(10) }}",
        "{{ self }}",
        "{{ loop }}",
        "{% include 'other' %}",
        "{% extends 'other' %}",
        "{% import 'other' as o %}",
        "{% macro m() %}{% endmacro %}",
        "{% set a = 1 %}",
        "{% with a = 1 %}{% endwith %}",
        "{% filter upper %}x{% endfilter %}",
        "{% block b %}{% endblock %}",
        "{% call m() %}{% endcall %}",
        "{% for m in members recursive %}{% endfor %}",
        "{{ title * 1000000 }}",
        "{{ alert_count|round(99999999, 'floor') }}",
        "{{ [alert_count]|map('round', precision=99999999, method='ceil')|list }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ title|center(1000000000) }}",
        "{{ title|indent(1000000000) }}",
        "{{ '%1000000000d'|format(1) }}",
        "{{ members|tojson }}",
        "{{ ' steps' }}{{ steps }}",
        "{% for a in members %}{% for b in members %}x{% endfor %}{% endfor %}",
        "{{" * 5_000,
        "(" * 3_000 + "{{ " + "(" * 900 + "1" + ")" * 900 + " }}",
        "x" * 4_001,
    ],
)  # fmt: skip
def test_a_template_reads_and_does_nothing_else(template: str) -> None:
    """Whoever may write a template may not read the process's memory, nor fill it, nor keep the tick waiting."""
    assert fault(template)
    done = dressed(FULL, Templates(headline=template))
    assert (done.headline, done.summary) == (FULL.headline, FULL.summary)
    assert "a template failed" in done.note


BOMBS = (
    "{% for c in detail|list %}{% if c|upper|lower|upper == 'X' %}{% endif %}{% endfor %}",
    "{{ detail|join(detail) }}",
    "{{ detail|replace('x', detail) }}",
    "{{ detail|replace('', detail) }}",
    "{% for m in members %}{{ members|map(attribute='asset')|join(', ')|length }}{% endfor %}" * 30,
    "{{ detail ~ detail ~ detail ~ detail }}",
)


@pytest.mark.parametrize("template", BOMBS)
def test_what_takes_too_much_is_stopped_soon(template: str) -> None:
    """A rendering is part of a delivery, and a delivery has a lease."""
    first = full_incident(NOW).members[0]
    large = replace(full_incident(NOW), detail="x" * 90_000, members=(first,) * 2_000)
    begun = time.process_time()
    done = dressed(compose(large, links_of=lambda _: ()), Templates(summary=template))
    assert time.process_time() - begun < 1.5
    assert len(done.summary) <= template_sandbox.LONGEST_VALUE


def test_a_template_that_fails_leaves_the_ordinary_text_and_says_so() -> None:
    templates = Templates(headline="{{ title[members] }}", summary="{{ owner }}", facts={"A": "{{ members[7] }}"})
    done = dressed(FULL, templates)
    assert (done.headline, done.summary, done.facts) == (FULL.headline, "team:fin", FULL.facts)
    assert done.note.startswith(
        "first push of today\nThe ordinary text stands where a template failed: headline: "
    )
    assert 'facts.A: there is nothing at "7"' in done.note


def test_only_the_receivers_own_places_wear_its_templates_and_only_incidents_do() -> None:
    there, elsewhere = Destination(kind="slack", address="#a"), Destination(kind="slack", address="#b")
    wardrobe = Wardrobe({there: Templates(headline="{{ id }}")})
    assert wardrobe.dress(there, FULL).headline == "INC-0"
    assert wardrobe.dress(elsewhere, FULL) is FULL
    digest = bulletin("Digest of fin\nnothing is open")
    assert wardrobe.dress(there, digest) is digest


def test_a_fault_has_the_line_of_its_key_and_of_the_template() -> None:
    text = """
receivers:
  - name: a
    slack: {channel: C012}
    templates:
      headline: "{{ id }}"
      facts:
        Team: "{{ labels.team }}"
        Who is it: |
          {{ owner }}
          {{ ownr }}
"""
    [problem] = template_problems(parse_config(text, file="f"), read_document(text), now=NOW)
    assert problem.line == 9
    assert problem.sentence == (
        'receivers[0].templates.facts["Who is it"]: in its line 2, there is no field "ownr"; did you mean "owner"?'
    )


# ---- documents and samples


def test_the_sample_has_every_field_filled() -> None:
    """A template is only tried on what the sample holds."""
    fields = fields_of(FULL)
    assert list(fields) == list(FIELDS)
    empty = {name for name, value in fields.items() if value in (None, "", [], {}, 0, False)}
    assert empty == {"backlog"}, "yes or no, and no is as good"
    for part in (fields["root"], fields["message"]):
        assert [name for name, value in part.items() if value in (None, "", [], {})] == []
    assert {name for member in fields["members"] for name, value in member.items() if value is not None} == set(
        fields["members"][0]
    )


def test_a_record_has_no_field_that_templates_lack() -> None:
    assert {*incident_record(full_incident(NOW)), "message"} == {*FIELDS}


def test_the_table_of_fields_is_what_the_code_knows() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", DOCS, re.MULTILINE))
    assert table == dict(FIELDS)


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Filters", template_sandbox.FILTERS),
        ("Tests", tuple(name for name in template_sandbox.TESTS if name.isalpha())),
    ],
)
def test_the_filters_and_tests_are_those_the_document_lists(heading: str, names: tuple[str, ...]) -> None:
    paragraph = re.search(rf"^{heading}: (.+?)\n\n", DOCS, re.MULTILINE | re.DOTALL)
    assert paragraph is not None
    assert tuple(re.findall(r"`(\w+)`", paragraph[1])) == names


def test_the_example_of_the_document_works() -> None:
    [example] = re.findall(r"^```yaml\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    config = parse_config(example, file="templates.md")
    assert list(template_problems(config, read_document(example), now=NOW)) == []
    templates = config.receivers[0].templates
    assert templates is not None
    done = dressed(FULL, templates)
    assert done.headline == "SEV1 marts/revenue_daily: check not_null_amount failed (flaky)"
    assert done.summary.endswith("Also failing: marts/orders")
    assert done.facts == (
        ("Status", "resolved as fixed after 1 h 59 min"),
        ("Team", "fin"),
        ("Playbook", "https://wiki.acme.test/revenue"),
    )


_PIECES = st.sampled_from(
    ["{{", "}}", "{%", "%}", "{#", " if ", " for ", " in ", "else", "endif", "endfor", "members", "root", "facts",
     "['Rows']", "|", "upper", "join", "map(attribute='asset')", "first", "default('')", "items", "(", ")", "-",
     " title ", "~", "m", ",", "'", " is ", "defined", " not ", "\n", "[1:]", "loop.index", ".", "9"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(_PIECES, max_size=25).map("".join), st.sampled_from([FULL, BARE]))
def test_whatever_is_scribbled_into_a_template_the_message_is_sent(text: str, message: Message) -> None:
    """Nothing that a template raises may stop a delivery."""
    if text.strip():
        done: Any = dressed(message, Templates(headline=text, summary=text))
        assert done.headline


_VALUES = st.sampled_from(
    ["title", "alert_count", "members", "labels", "none", "flaky", "root", "1.5", "[]", "-1", "''",
     "['a', 1, none]", "message.facts", "'inf'|int"]
)  # fmt: skip
_ODD = st.sampled_from(
    ["-5", "0", "999999999", "1.5", "none", "''", "'x'", "members", "labels", "'floor'", "'round'", "'in'",
     "true", "attribute='a.b.c'", "attribute=none", "attribute=3", "end=none", "base=1", "default=1", "by='z'"]
)  # fmt: skip


@settings(max_examples=500, deadline=2_000, derandomize=True)
@given(_VALUES, st.sampled_from(template_sandbox.FILTERS), st.lists(_ODD, max_size=4).map(", ".join))
def test_whatever_a_filter_is_given_the_message_is_sent(value: str, name: str, odd: str) -> None:
    done = dressed(FULL, Templates(headline=f"{{{{ {value}|{name}({odd}) }}}}"))
    assert done.headline
