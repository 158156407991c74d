"""The sandbox of templates: Jinja2 that reads plain data and does nothing else.

Smaller than Jinja's own: no calls, no macros, no other files, no loop in a loop, a few filters; nothing has
attributes but its keys. What a rendering may take is counted, so that a mistake costs a message its dress and
never the pass. What there is to read is `templates`'s.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from jinja2 import (
    Environment,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateRuntimeError,
    TemplateSyntaxError,
    Undefined,
    nodes,
    pass_context,
)
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import SandboxedEnvironment

from incident_ops.adapters.notify.plain import one_line
from incident_ops.config.refusals import nearest, shown
from incident_ops.config.warnings import LABELS

LONGEST_TEMPLATE = 4_000
LONGEST_VALUE, MOST_ITEMS, MOST_STEPS = 20_000, 500, 2_000
_MOST_DIGITS = 15
_STEPS = " steps"  # no name that a template could write

FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "int", "items", "join", "last", "length",
    "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "select",
    "selectattr", "sort", "string", "title", "trim", "truncate", "unique", "upper",
)  # fmt: skip
TESTS = (
    "defined", "undefined", "none", "true", "false", "string", "number", "even", "odd", "in", "eq", "ne", "lt",
    "le", "gt", "ge", "==", "!=", "<", "<=", ">", ">=",
)  # fmt: skip
_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Keyword, nodes.If, nodes.For,
    nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Add, nodes.Sub, nodes.Neg,
    nodes.Concat,
)  # fmt: skip
_OF_A_LOOP = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})


class Open(dict[str, Any]):
    """A mapping whose names differ from incident to incident: one that is missing is empty and no mistake."""


class _NoField(TemplateError):
    """A field that no incident has."""


class _TooMuch(TemplateError):
    """More than a message is worth."""


class _NotAllowed(TemplateSyntaxError):
    """Something that does more than read."""


class _Nothing(StrictUndefined):
    """Where no value is: past the end of a list, in a value that has no parts."""

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        return f"there is nothing at {shown(self._undefined_name)}"


def trouble_in(error: TemplateError, text: str) -> str:
    """The error in a line with its remedy, and with its line where the template has several."""
    said = _words_of(error)
    if not isinstance(error, _NoField | _TooMuch | _NotAllowed):
        said += "; correct the template"
    line = error.lineno if isinstance(error, TemplateSyntaxError) and "\n" in text.strip() else None
    return f"in its line {line}, {said}" if line else said


def _words_of(error: Exception) -> str:
    is_put_in_words = isinstance(error, TemplateError | SyntaxError)
    said = (error.message if isinstance(error, TemplateError) else error.msg) if is_put_in_words else str(error)
    return one_line(said or type(error).__name__).rstrip(".")


class _Sandbox(SandboxedEnvironment):
    """Reads plain data; nothing has attributes but its keys."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext) and attribute in _OF_A_LOOP:
            return super().getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping):
            return _field(obj, argument)
        if isinstance(obj, str | list | tuple) and isinstance(argument, int | slice):
            try:
                return obj[argument]
            except IndexError:
                pass
        return obj if isinstance(obj, Undefined) else self.undefined(obj=obj, name=str(argument))


def _field(among: Mapping[str, Any], name: Any) -> Any:
    if name in among or isinstance(among, Open):
        return among.get(name)
    raise _NoField(_no_field(str(name), list(among)))


def _no_field(name: str, known: Sequence[str]) -> str:
    meant = nearest(name, list(known))
    listed = ", ".join(known) if len(known) <= 12 else "those of docs/templates.md"
    remedy = f'did you mean "{meant}"?' if meant else f"known are {listed}"
    return f"there is no field {shown(name)}; {remedy}"


class _Steps:
    """How much one rendering may still do."""

    def __init__(self) -> None:
        self._left = MOST_STEPS

    def take(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _TooMuch(f"it takes more than {MOST_STEPS:,} steps; loop over less")


def _metered(name: str) -> Any:
    """Jinja's filter, counted, and with what it takes and gives held small."""

    @pass_context
    def run(context: Context, value: Any, *args: Any, **more: Any) -> Any:
        _take(context)
        if name in ("join", "replace") and _would_grow(name, value, args, more):
            raise _TooMuch(f"{name} would give more than {LONGEST_VALUE:,} characters")
        if name == "round" and _is_too_fine(*args, **more):
            raise _TooMuch(f"{name} knows at most {_MOST_DIGITS} digits")
        found = _JINJA.call_filter(name, value, args, more, context=context)
        if isinstance(found, Iterable) and not isinstance(found, Sequence | Mapping):
            found = list(islice(found, MOST_ITEMS))
        if isinstance(found, str) and len(found) > LONGEST_VALUE:
            raise _TooMuch(f"{name} gives more than {LONGEST_VALUE:,} characters")
        return found

    return run


def _would_grow(name: str, value: Any, args: Sequence[Any], more: Mapping[str, Any]) -> bool:
    texts = [str(each) for each in (*args, *more.values())]
    if name == "join":
        items = list(islice(value, LONGEST_VALUE)) if isinstance(value, Iterable) else []
        size = sum(len(str(item)) for item in items) if "attribute" not in more and len(texts) < 2 else 0
        return size + len(items) * len(texts[0] if texts else "") > LONGEST_VALUE
    old, new = (*texts, "", "")[:2]
    return len(str(value)) + str(value).count(old) * len(new) > LONGEST_VALUE


def _is_too_fine(precision: object = 0, *_: object, **__: object) -> bool:
    """Jinja raises ten to that power."""
    return isinstance(precision, int) and abs(precision) > _MOST_DIGITS


@pass_context
def _each(context: Context, value: Any) -> Iterable[Any]:
    """What a loop goes through, a step each turn."""
    for item in value:
        _take(context)
        yield item


def _take(context: Context) -> None:
    steps = context.get(_STEPS)
    if isinstance(steps, _Steps):
        steps.take()


# Nothing is escaped here: each sink neutralises text in its own way.
_JINJA = Environment(autoescape=False)
_EACH = "each of a loop"


def _sandbox() -> _Sandbox:
    sandbox = _Sandbox(
        autoescape=False, undefined=_Nothing, finalize=_written, loader=None, optimized=False, cache_size=0
    )
    sandbox.globals.clear()
    sandbox.filters = {**{name: _metered(name) for name in FILTERS}, _EACH: _each}
    sandbox.tests = {name: test for name, test in sandbox.tests.items() if name in TESTS}
    return sandbox


def _written(value: Any) -> Any:
    return "" if value is None else value


_SANDBOX = _sandbox()


def rendered(text: str, fields: Mapping[str, Any], *, limit: int) -> str:
    """What the template makes of the fields; longer than `limit` characters it is cut. None is written as nothing.

    Raises:
        TemplateError: it cannot be read, or fails for these fields, in whatever way.
    """
    try:
        return _first_of(text, fields, limit)
    except TemplateError:
        raise
    except RecursionError:
        raise _TooMuch("it is nested too deeply; flatten it") from None
    except MemoryError:
        raise _TooMuch("it takes more memory than there is; shorten it") from None
    except Exception as error:  # each filter, operator and value has errors of its own
        raise TemplateRuntimeError(_words_of(error)) from error


def _first_of(text: str, fields: Mapping[str, Any], limit: int) -> str:
    found = ""
    for piece in compiled(text, tuple(fields)).generate({**fields, _STEPS: _Steps()}):
        found += piece[: limit + 1]
        if len(found) > limit:
            return f"{found[: limit - 1].rstrip()}…"
    return found.strip()


@lru_cache(maxsize=256)
def compiled(text: str, known: tuple[str, ...]) -> Template:
    """The template, read.

    Args:
        known: the names of the fields there are.

    Raises:
        TemplateError: it is no template, or one that does more than read these fields.
        SyntaxError, RecursionError: Python cannot read what Jinja makes of it.
    """
    if len(text) > LONGEST_TEMPLATE:
        raise _TooMuch(f"it is longer than {LONGEST_TEMPLATE:,} characters; shorten it")
    tree = _SANDBOX.parse(text)
    _insist_on_reading_only(tree, known)
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, _EACH, [], [], None, None, lineno=loop.lineno, environment=_SANDBOX)
    return _SANDBOX.from_string(tree)


def _insist_on_reading_only(tree: nodes.Template, fields: tuple[str, ...]) -> None:
    targets = {name.name for loop in tree.find_all(nodes.For) for name in _names_in(loop.target)}
    known = {*fields, *targets, *(("loop",) if targets else ())}
    for node in _below(tree):
        if not isinstance(node, _NODES):
            raise _wrong(f"a template only reads: {_CALLED.get(type(node), 'this')} is not known here", node)
        if isinstance(node, nodes.For) and (node.recursive or any(True for _ in _loops_in(node))):
            raise _wrong("a loop in a loop is not known here", node)
        if isinstance(node, nodes.Filter | nodes.Test):
            _insist_on_a_known(node)
        if isinstance(node, nodes.Name) and node.name not in known:
            raise _wrong(_no_field(node.name, fields), node)
        if isinstance(node, nodes.Getattr | nodes.Getitem):
            _insist_on_a_label(node)


_CALLED: Mapping[type[nodes.Node], str] = {
    nodes.Call: "a call (write a filter, such as |upper)",
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.Macro: "macro",
    nodes.Include: "include",
    nodes.Extends: "extends",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Block: "block",
    nodes.With: "with",
    nodes.Mul: "*",
    nodes.Pow: "**",
    nodes.Mod: "%",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
}


def _insist_on_a_known(node: nodes.Filter | nodes.Test) -> None:
    kind, names = ("filter", FILTERS) if isinstance(node, nodes.Filter) else ("test", TESTS)
    if node.name not in names:
        meant = nearest(node.name, list(names))
        remedy = f'did you mean "{meant}"?' if meant else f"known are {', '.join(names)}"
        raise _wrong(f"there is no {kind} {shown(node.name)}; {remedy}", node)


def _insist_on_a_label(node: nodes.Getattr | nodes.Getitem) -> None:
    """Labels differ from incident to incident, but not their names."""
    if not isinstance(node.node, nodes.Name) or node.node.name != "labels":
        return
    name = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
    if isinstance(name, str) and name not in LABELS and not name.startswith("tag:"):
        meant = nearest(name, list(LABELS))
        remedy = f'did you mean "{meant}"?' if meant else f"known are {', '.join(LABELS)} and tag:…"
        raise _wrong(f"no incident has a label {shown(name)}; {remedy}", node)


def _wrong(sentence: str, node: nodes.Node) -> TemplateSyntaxError:
    return _NotAllowed(sentence, node.lineno)


def _below(node: nodes.Node) -> Iterable[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _below(child)


def _loops_in(loop: nodes.For) -> Iterable[nodes.Node]:
    return loop.find_all(nodes.For)


def _names_in(target: nodes.Node) -> Iterable[nodes.Name]:
    return [node for node in _below(target) if isinstance(node, nodes.Name)]
