"""Personal data taken out of texts that quote rows: what stands by the name of a column tagged `pii`.

Which columns are tagged is an adapter's knowledge. A mask that covers too much costs a look into Dagster, one that
covers too little cannot be taken back: in doubt it covers.

Found are spans of the text as it was, which are put together before anything is replaced: so one rule's mask never
hides from another rule what it should see. Each rule reads the text once.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator

MASKED = "[masked]"
ANY_COLUMN = "*"
"""In place of the columns when nobody can say which they are: the whole text is masked."""
SHORTEST_LITERAL = 3
"""Shorter values (a country, an age) stand in too many words to be looked for on their own."""

Span = tuple[int, int]

_DONE = re.compile(r"\\?[\"'`]?\[(?:masked|redacted)\]")
_OPENING, _CLOSING = "([{", ")]}"
_BACK = 300
"""How far before `)=(` the list of columns may begin."""
_ROW = 20_000
"""How far a quoted row may reach when it holds line breaks."""

_SEPARATOR = r"""
    (?:\s{0,8}(?:::\s{0,4}\w{1,40}(?:\s{1,4}varying)?\s{0,4})?        # a cast: email::text
       (?:===?|!==?|<>|:=|=>|->>?|<=|>=|=|:(?!:)|<|>|→)\s{0,8}
     | (?P<word>\s{1,8})(?:is(?:\s{1,8}not)?|was|equals|i?like|contains)\s{1,8}(?:(?:now|of|the|value)\s{1,8})?
     | \s{1,8}(?:not\s{1,8})?in\s{0,8}(?=[(\[{])
     | \s{1,8}(?:not\s{1,8})?between\s{1,8}
    )
"""
_NO_VALUE = re.compile(r"(?:null|none|nan|nat|<na>)(?![\w@.\-+]*\w)", re.IGNORECASE)
_NO_VALUE_AFTER_WORD = re.compile(
    r"(?:missing|empty|blank|unique|required|(?:in)?valid|not|a|an|the|too|no|never)(?![\w@.\-+]*\w)"
)
# A bare value: one word, and the words after it that seem to go on with it ("Anna Secret", "+49 170 12").
_BARE = re.compile(
    r"[^\s,;()\[\]{}\"'<>`]+(?:'[^\s,;()\[\]{}\"'<>`]+)?"
    r"(?:[ \t](?=[(/]?[A-ZÀ-ÖØ-Þ\u0100-\uffff\d+])[(/]?[^\s,;()\[\]{}\"'<>`]+(?:'[^\s,;()\[\]{}\"'<>`]+)?\)?)*"
)
_QUOTE = re.compile(r"(\\{0,8})([\"'`])")
_BY_SPACE = re.compile(r"(?=[^\s,;]{0,400}[@\d])")
_INSIDE = re.compile(r"'(?:[^'\\\n]|''|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|[()\[\]{}]")

_KEY_DETAIL = re.compile(r"\)\s{0,3}=\s{0,3}\(")
_KEY_DETAIL_ENDS = re.compile(r"\)(?=\s(?:already exists|is not present|is still referenced|conflicts with))")

# Whole rows, whose columns the message does not name: up to the last closing sign of the line.
_WHOLE_ROWS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"failing row contains\s{0,4}\(", re.IGNORECASE), ")"),  # PostgreSQL
    (re.compile(r"\[parameters:\s{0,4}", re.IGNORECASE), "]"),  # SQLAlchemy
    (re.compile(r"\bvalues\s{0,8}\(", re.IGNORECASE), ")"),  # the statement itself
    (re.compile(r"\bCOPY \S{1,200}, line \d{1,20}: \"", re.IGNORECASE), '"'),
    (re.compile(r"duplicate entry\s{1,4}'(?=[^\n]{0,2000}'\s{1,4}for key)", re.IGNORECASE), "' for key"),  # MySQL
)

_DOMAIN = re.compile(r"(?:@|%40)(?:[\w\-]{1,63}\.){1,8}[\w\-]{2,63}")
_NOT_LOCAL = frozenset(" \t\r\n@\"'`<>()[]{},;:/=|\\")


def mask(text: str, columns: Collection[str], values: Collection[str] = ()) -> str:
    """`text` with `[masked]` for what stands by the name of one of `columns`, for rows quoted by a database, and
    for each of `values` (of at least three characters) wherever it occurs. Case does not matter."""
    if ANY_COLUMN in columns:
        return MASKED if text else ""
    spans: list[Span] = []
    names = [name for name in columns if name]
    if names:
        spans.extend(_by_name(text, names))
        spans.extend(_before_name(text, names))
        spans.extend(_key_details(text, names))
        spans.extend(_whole_rows(text))
    literals = {_folded(form) for value in values for form in _forms(value)}
    literals = {form for form in literals if len(form) >= SHORTEST_LITERAL}
    if literals:
        spans.extend(_literal(_folded(text), literals))
    return _covered(text, spans)


def mask_addresses(text: str) -> str:
    """`text` with `[masked]` for every e-mail address."""
    spans: list[Span] = []
    done = 0
    for found in _DOMAIN.finditer(text):
        start = found.start()
        if text[start - 1 : start] == '"':  # "anna secret"@example.com
            start = max(text.rfind('"', done, start - 1), done)
        while start > done and text[start - 1] not in _NOT_LOCAL:
            start -= 1
        done = found.end()
        if start < found.start():  # and not a decorator
            spans.append((start, done))
    return _covered(text, spans)


def _covered(text: str, spans: Iterable[Span]) -> str:
    pieces: list[str] = []
    done = covered_to = 0
    for start, end in sorted(spans):
        if start >= end:
            continue
        if start >= covered_to or not pieces:
            pieces += [text[done:start] if start >= done else "", MASKED]
        done = covered_to = max(covered_to, end)
    return "".join([*pieces, text[done:]])


# ---- by a column's name


def _any_of(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


def _by_name(text: str, names: Collection[str]) -> Iterator[Span]:
    head = re.compile(
        rf"""(?<!\w)(?:{_any_of(names)})(?!\w)
        (?:\\{{0,8}}["'`])?
        (?:\s{{1,4}}(?:number|address|value|column|field|no\.?))?
        (?:[\])]{{0,4}})
        (?:{_SEPARATOR}|(?P<space>\s{{1,8}}))""",
        re.IGNORECASE | re.VERBOSE,
    )
    at = 0
    while found := head.search(text, at):
        start = found.end()
        at = start
        if found["space"] is not None and not _BY_SPACE.match(text, start):
            continue
        if _NO_VALUE.match(text, start) or (found["word"] and _NO_VALUE_AFTER_WORD.match(text, start)):
            continue
        if value := _value_at(text, start):
            yield value
            at = max(at, value[1])


def _value_at(text: str, start: int) -> Span | None:
    """The value that begins at `start`, or all of the list that does."""
    if done := _DONE.match(text, start):
        return done.end(), done.end()
    if start < len(text) and text[start] in _OPENING:
        return start + 1, _end_of_list(text, start)
    if quote := _QUOTE.match(text, start):
        return quote.end(), _end_of_quote(text, quote)
    if bare := _BARE.match(text, start):
        end = bare.end()
        while end > start + 1 and text[end - 1] in ".:!?":  # the sentence's, not the value's
            end -= 1
        return start, end
    return None


def _end_of_quote(text: str, quote: re.Match[str]) -> int:
    """Where the quoted value ends: before its closing quote, else with the line."""
    escape, sign = quote[1], quote[2]
    at = quote.end()
    while (end := text.find(escape + sign, at)) >= 0:
        behind = end + len(escape) + 1
        slashes = 0
        while not escape and end - slashes > quote.end() and text[end - slashes - 1] == "\\":
            slashes += 1
        if slashes % 2:  # an escaped quote is the value's own
            at = behind
            continue
        if not escape and text[behind : behind + 1] == sign:  # SQL's doubled quote
            at = behind + 1
            continue
        return end
    end = text.find("\n", quote.end())
    return end if end >= 0 else len(text)


def _end_of_list(text: str, start: int) -> int:
    depth, at = 0, start
    while found := _INSIDE.search(text, at):
        at = found.end()
        sign = found[0]
        if len(sign) > 1:
            continue
        depth += 1 if sign in _OPENING else -1
        if depth == 0:
            return found.start()
    return len(text)


def _before_name(text: str, names: Collection[str]) -> Iterator[Span]:
    """'bob@x' in column email; invalid value "12" for phone."""
    tail = re.compile(
        r"(?P<q>[\"'`])(?P<value>[^\"'`\n]{1,500})(?P=q)\s{1,4}(?:in|for|of|as)\s{1,4}"
        rf"(?:(?:the|column|key|field|attribute)\s{{1,4}}){{0,3}}[\"'`]?(?:[\w.]{{1,100}}\.)?(?:{_any_of(names)})(?!\w)",
        re.IGNORECASE,
    )
    return (found.span("value") for found in tail.finditer(text))


# ---- what databases quote


def _key_details(text: str, names: Collection[str]) -> Iterator[Span]:
    """PostgreSQL's `Key (tenant, lower(email::text))=(7, bob@x) already exists`: the values of all columns."""
    name = re.compile(rf"(?<!\w)(?:{_any_of(names)})(?!\w)", re.IGNORECASE)
    at = 0
    while found := _KEY_DETAIL.search(text, at):
        at = found.end()
        if name.search(_columns_before(text, found.start())):
            yield at, _end_of_line(text, at, ")", _KEY_DETAIL_ENDS)


def _columns_before(text: str, end: int) -> str:
    depth = 1
    first = max(0, end - _BACK)
    for at in range(end - 1, first - 1, -1):
        depth += {")": 1, "(": -1}.get(text[at], 0)
        if depth == 0:
            return text[at:end]
    return text[first:end]


def _whole_rows(text: str) -> Iterator[Span]:
    for begins, closing in _WHOLE_ROWS:
        at = 0
        while found := begins.search(text, at):
            at = found.end()
            if not _DONE.match(text, at):
                end = _end_of_line(text, at, closing)
                yield at, end
                at = end


def _end_of_line(text: str, start: int, closing: str, phrase: re.Pattern[str] | None = None) -> int:
    """Where what began at `start` ends: before `phrase`, else before the last `closing` of the line, else of the
    next lines (values may hold line breaks), else nowhere."""
    if phrase and (found := phrase.search(text, start, start + _ROW)):
        return found.start()
    line = text.find("\n", start)
    line = line if line >= 0 else len(text)
    end = text.rfind(closing, start, line)
    if end < 0:
        end = text.find(closing, line, line + _ROW)
    return end if end >= 0 else len(text)


# ---- literally


def _forms(value: str) -> Iterator[str]:
    """How `value` may be written: as it is, in JSON, in SQL, in Python, a number with its thousands apart."""
    value = value.strip()
    yield value
    yield json.dumps(value)[1:-1]
    yield repr(value)[1:-1]
    yield value.replace("'", "''")
    whole = value.removesuffix(".0")
    if len(whole) <= 30 and re.fullmatch(r"[+-]?[0-9]+", whole):
        yield whole
        yield f"{int(whole):,}"
        yield f"{int(whole):_}"


def _folded(text: str) -> str:
    """`text` in lower case, character by character: places stay places."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _literal(text: str, values: Collection[str]) -> Iterator[Span]:
    """Every occurrence, found by its first characters: the cost does not grow with the number of values."""
    lengths: dict[str, set[int]] = {}
    for value in values:
        lengths.setdefault(value[:SHORTEST_LITERAL], set()).add(len(value))
    longest_first = {start: sorted(found, reverse=True) for start, found in lengths.items()}
    wanted = frozenset(values)
    for at in range(len(text) - SHORTEST_LITERAL + 1):
        for length in longest_first.get(text[at : at + SHORTEST_LITERAL], ()):
            if text[at : at + length] in wanted:
                yield at, at + length
                break
