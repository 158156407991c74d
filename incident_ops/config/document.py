"""YAML text → plain data, with the line of every key and item, so that an error can say where.

What the keys mean is not known here. The dialect is YAML 1.2's core: `no` and `off` are text, and `09:00` and
`2026-01-05` stay text for whoever knows what they stand for (YAML 1.1 reads 540 and a date).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

KeyPath: TypeAlias = tuple[str | int, ...]

_MOST_VALUES = 100_000  # aliases of aliases can unfold into billions
_PLAIN_KEY = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class Empty:
    """What stands after a key with no value; `comment` says that a # swallowed it."""

    comment: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a document. Sorted and said by whoever knows the document's name."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Plain data: dict, list, str, int, float, bool and `Empty`; the top is always a dict."""

    data: dict[str, Any]
    lines: Mapping[KeyPath, int]
    problems: tuple[Problem, ...]

    def line_of(self, path: KeyPath) -> int:
        """The line of the path, or of the nearest thing around it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


class UnreadableDocument(Exception):
    """The text is not YAML, or not a mapping: nothing of it can be used."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = Problem(line=line, sentence=sentence)


def read_document(text: str) -> Document:
    """Read a document. Duplicate keys and strange tags are among its `problems`.

    Raises:
        UnreadableDocument: nothing can be made of the text. No message repeats a value of the document.
    """
    reader = _Reader(text)
    try:
        root = _compose(text)
        data = {} if root is None else reader.value(root, ())
    except RecursionError:
        raise UnreadableDocument(1, "the file is nested too deeply; flatten it") from None
    if isinstance(data, Empty):
        data = {}
    if not isinstance(data, dict):
        line = root.start_mark.line + 1 if root else 1
        raise UnreadableDocument(line, "the file must consist of keys and values; write `key: value`")
    return Document(data=data, lines=reader.lines, problems=tuple(reader.problems))


def written(path: KeyPath) -> str:
    """The path as people write it: `teams.fin.slack`, `route.routes[0]`, `people["erin@acme.test"].slack`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


class _Loader(yaml.SafeLoader):
    """Composes nodes; only what YAML 1.2 and people agree on is resolved to something other than text."""


_Loader.yaml_implicit_resolvers = {}  # instead of YAML 1.1's, which the class inherits
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})", list("-+0123456789")),
    ("float", r"[-+]?(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][-+]?[0-9]{1,3})?", list("-+0123456789.")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def _compose(text: str) -> yaml.Node | None:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableDocument(line, "there is a control character here; remove it") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableDocument(mark.line + 1 if mark else 1, _syntax_sentence(error)) from None


# PyYAML's own words, and what a person can do about it. Its words may repeat a piece of the document (an unquoted
# secret that begins with * is "an alias"), so only these come through, and a general sentence for the rest.
_SYNTAX_REMEDIES = (
    (r"'\\t' that cannot start any token", "a tab is used for indentation; use spaces"),
    (r"cannot start any token", "a value begins with a character that YAML reserves; put the value in quotes"),
    (r"undefined alias", "a value begins with * and no such anchor is defined; put the value in quotes"),
    (r"duplicate anchor", "the same & anchor is defined twice; rename one"),
    (
        r"mapping values are not allowed",
        "there is a second colon or wrong indentation here; "
        "indent the line like its neighbours or put the value in quotes",
    ),
    (r"could not find expected ':'", "a key has no colon after it; write `key: value`"),
    (r"expected <block end>", "the indentation does not fit the lines above; indent it like its neighbours"),
    (
        r"unexpected end of stream|expected ',' or '[\]}]'|found '<stream end>'",
        "a bracket or a quote is not closed; close it, and put values that begin with # in quotes",
    ),
    (
        r"expected the node content",
        "a bracket or comma stands where a value should be; close brackets in the order in which they were opened",
    ),
    (r"but found another document", "there is a second document after ---; keep everything in one"),
    (r"unknown escape character", "there is an unknown backslash escape in double quotes; use single quotes"),
    (r"undefined tag handle|tag", "a value begins with !; put the value in quotes"),
)


def _syntax_sentence(error: yaml.MarkedYAMLError) -> str:
    said = f"{error.context or ''} {error.problem or ''}"
    for pattern, remedy in _SYNTAX_REMEDIES:
        if re.search(pattern, said):
            return remedy
    return "this is not valid YAML; check the indentation, colons and quotes here and in the line above"


class _Reader:
    """Turns nodes into plain data and keeps the lines. One per document."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self._text_lines = text.splitlines()
        self._values = 0
        self._open: set[int] = set()

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._values += 1
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if self._values > _MOST_VALUES:
            raise UnreadableDocument(line, "the file unfolds into too many values; use fewer * aliases")
        if id(node) in self._open:
            raise UnreadableDocument(line, "an anchor contains itself; write the value out instead of its * alias")
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*path, place)) for place, item in enumerate(node.value)]
            return self._scalar(node, line)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        own: dict[str, yaml.Node] = {}
        lines: dict[str, int] = {}
        merged: list[yaml.MappingNode] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged.extend(self._sources(value_node, line))
            elif not isinstance(key_node, yaml.ScalarNode):
                self._add(line, f"{_at(path)}has a key that is not a word; write `key: value`")
            elif key_node.value in own:
                key = written((*path, key_node.value))
                self._add(line, f"{key} is written twice, first in line {lines[key_node.value]}; keep one of them")
            else:
                own[key_node.value] = value_node
                lines[key_node.value] = line
        inherited: dict[str, Any] = {}
        for source in merged:  # the first source wins, what the mapping says itself wins over all
            inherited = self.value(source, path) | inherited
        self.lines |= {(*path, key): line for key, line in lines.items()}
        return inherited | {key: self.value(value, (*path, key)) for key, value in own.items()}

    def _sources(self, node: yaml.Node, line: int) -> Iterator[yaml.MappingNode]:
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(source, yaml.MappingNode):
                yield source
            else:
                self._add(line, "<< takes in a mapping; write `<<: *anchor`")

    def _scalar(self, node: yaml.Node, line: int) -> Any:
        text: str = node.value
        match node.tag.removeprefix("tag:yaml.org,2002:"):
            case "null":
                return Empty(comment=self._is_swallowed(node))
            case "bool":
                return text.lower() == "true"
            case "int" if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
                return int(text)
            case "float" if re.fullmatch(r"[-+0-9.eE]+", text):
                return float(text)
            case "str" | "merge":
                return text
            case _:
                self._add(
                    line,
                    "a value begins with ! (a YAML tag), which has no meaning here; "
                    "remove the ! or put the value in quotes",
                )
                return text

    def _is_swallowed(self, node: yaml.Node) -> bool:
        mark = node.start_mark
        line = self._text_lines[mark.line] if mark.line < len(self._text_lines) else ""
        return node.value == "" and re.match(r"\s+#\S", line[mark.column :]) is not None

    def _add(self, line: int, sentence: str) -> None:
        self.problems.append(Problem(line=line, sentence=sentence))


def _at(path: KeyPath) -> str:
    return f"{written(path)} " if path else "the file "
