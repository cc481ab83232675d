"""Mistakes in a spec are told in our own words, the same ones whichever parser, and version of it, finds them."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError
from yaml.error import MarkedYAMLError

from auditor import catalog
from auditor.spec import marked
from auditor.spec.document import SpecFile
from auditor.spec.mistakes import WISHES
from auditor.values import TOLD, SpecError

COLON = "`:` can't stand here: a line holds one `key: value`, in its neighbours' column; quote text that holds `: `"
DEEP = "nested too deeply to be a spec: more than 100 levels"
ENTRY = "can't stand here: entries begin on lines of their own, below the key"
INDENT = "in that column; look at how far this line is indented"
QUOTE = "put text in quotes"
TEXTS = [
    # a list or mapping in brackets
    ("a: [1\nb: 2\n", "2:2: the list that begins at line 1, column 4 needs a comma or `]` before ':'"),
    ("a: {b: 1 c: 2}\n", "1:11: the mapping that begins at line 1, column 4 needs a comma or `}` before ':'"),
    ("a: [1,\n", "1:7: the list that begins at line 1, column 4 isn't closed by `]`"),
    ("a: {b: [1], c", "1:14: the mapping that begins at line 1, column 4 isn't closed by `}`"),
    ("!!x {a: [b: {c}, {d]\n", "1:20: the mapping that begins at line 1, column 18 needs a comma or `}` before ']'"),
    ("a: ]", f"1:4: a value can't begin with ]; {QUOTE}"),
    # lines and their indentation
    ("a: b: c\n", f"1:5: {COLON}"),
    ("a: 1\n  b: 2", f"2:4: {COLON}"),
    ("a\nb: 1", f"2:2: {COLON}"),
    ("a:\n  - b\n c: 3", f"3:2: the mapping that begins at line 1, column 1 goes on with a key {INDENT}"),
    ("a: 1\n- b", f"2:1: the mapping that begins at line 1, column 1 goes on with a key {INDENT}"),
    ("- a\nb: 1", f"2:1: the list that begins at line 1, column 1 goes on with `- ` {INDENT}"),
    ("a: - b", f"1:4: `- ` {ENTRY}"),
    ("a: ? b", f"1:4: `? ` {ENTRY}"),
    ("a:\n\t- b", "2:1: a tab can't indent a line; use spaces"),
    ("a: b\n\tc: d", "2:1: a tab can't indent a line; use spaces"),
    # text
    ("a: 'x\nb: 1\n", "2:5: the quote ' that opens at line 1, column 4 is closed nowhere"),
    ('a: "x\n', '1:6: the quote " that opens at line 1, column 4 is closed nowhere'),
    ('a: "\\x9"', r"1:7: \x begins no valid escape; in double quotes a backslash is \\, in single quotes it is itself"),
    ("a: 'b' c", "1:8: 'c' can't stand after a value that has ended; put the whole text in quotes"),
    ("a: |x\n b", "1:5: after `|` the line should end; the text begins on the next one"),
    ("a: @b", f"1:4: a value can't begin with @; {QUOTE}"),
    ("a: 50\nb: %x", f"2:4: a value can't begin with %; {QUOTE}"),
    ("a: *\n", f"1:5: a value can't begin with *; {QUOTE}"),
    # the document
    ("a: !foo!bar x", "1:4: tags are not allowed: specs are data only"),
    ("%YAML 3.0\n---\na: 1", "1:1: directives, which begin with %, are not allowed"),
    ("a: b\n...\nc", "3:1: a spec is one document; nothing may stand after its end"),
    ("a: " + "[" * 1500, f"1:1: {DEEP}"),
    ("a: [\n" * 1500, f"1:1: {DEEP}"),
    ("a: {b: " + "{c: " * 1500, f"1:1: {DEEP}"),
    ("- " * 1500, f"1:1: {DEEP}"),
    ("\n".join(" " * level + "a:" for level in range(1500)), f"1:1: {DEEP}"),
    ("a: !!x " + "[" * 101, f"1:1: {DEEP}"),
]
LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.__name__)
@pytest.mark.parametrize(("text", "told"), TEXTS, ids=lambda value: repr(value)[:24])
def test_what_is_no_yaml_is_explained_by_what_stands_there(monkeypatch, text, told, loader):
    monkeypatch.setattr(marked, "_LOADER", loader)
    with pytest.raises(SpecError) as caught:
        marked.parse(text, "s")
    place, message = told.split(": ", 1)
    assert str(caught.value) == f"s:{place}: {message if message == DEEP else f'not valid YAML: {message}'}"
    cause = caught.value.__cause__
    if isinstance(cause, MarkedYAMLError):
        assert str(cause.problem) not in str(caught.value)


def test_a_hundred_levels_are_read_and_long_specs_are_not_deep():
    assert marked.parse("a: " + "[" * 99 + "]" * 99, "s")[0]["a"]
    with pytest.raises(SpecError, match=r"^s:302:6: not valid YAML: `:` can't"):
        marked.parse("a:\n" + "- [b]\n- {c: '[{'}\n" * 150 + "b:: c: d", "s")


WRONG = [None, True, -1, 0, 0.5, 1e9, 2**70, 10**5000, float("nan"), "", "x", "a" * 5000, "\ud800", [], [1], ["a"]]
WRONG += [[1] * 50, [[1]], {}, {"a": 1}, {"a": {"b": [1]}}]


def models() -> Iterator[type[BaseModel]]:
    """Everything a spec is validated against: the file, the parameters of every extension, and what they hold."""
    kinds = ("checks", "datasets", "models", "attacks")
    todo: list[Any] = [SpecFile, *(catalog.params_of(kind, name) for kind in kinds for name in catalog.names(kind))]
    seen = set()
    while todo:
        found = todo.pop()
        todo += getattr(found, "__args__", ())
        if isinstance(found, type) and issubclass(found, BaseModel) and found not in seen:
            seen.add(found)
            todo += [info.annotation for info in found.model_fields.values()]
            yield found


def test_every_kind_of_wrong_value_has_words_of_ours():
    kinds = set()
    for model in models():
        for field in model.model_fields:
            for value in WRONG:
                try:
                    model.model_validate({field: value})
                except ValidationError as error:
                    kinds |= {mistake["type"] for mistake in error.errors()}
    assert len(kinds) > 10, "nothing was found wrong"
    assert kinds - {"extra_forbidden", "missing", "value_error", TOLD} <= set(WISHES)
