"""Long lists are told in one way, and nobody builds theirs by hand."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import auditor
from auditor.telling.lists import and_more, first, listed

HOUSE = Path(auditor.__file__).parent
LISTS = HOUSE / "telling" / "lists.py"


@pytest.mark.parametrize(
    ("told", "means"),
    [
        (listed([], 2), ""),
        (listed(["cat", "dog"], 2), "cat, dog"),
        (listed(["cat", "dog", "owl"], 2), "cat, dog and 1 more"),
        (listed(iter(range(10)), 3, rest="more classes"), "0, 1, 2 and 7 more classes"),
        (listed(["1 is 2", "3 is 4"], 2, "; "), "1 is 2; 3 is 4"),
        (listed(["1 is 2", "3 is 4", "5 is 6"], 2, "; "), "1 is 2; 3 is 4; and 1 more"),
        (and_more(0), ""),
        (and_more(-4), ""),
        (and_more(4), " and 4 more"),
        (first(["a is gone"]), "a is gone"),
        (first(["a is gone", "b too"]), "a is gone (and 1 more)"),
        (first(["a is gone", "b too"], "`ls` has all"), "a is gone (and 1 more; `ls` has all)"),
    ],
)
def test_a_list_tells_as_many_as_are_read_and_how_many_more(told, means):
    assert told == means


def by_hand(tree: ast.AST) -> Iterator[int]:
    """The lines where the first of many are joined, or what is left of them is counted or hinted at."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join":
            mark = node.func.value
            if isinstance(mark, ast.Constant) and {",", ";"} & set(str(mark.value)):
                yield from (node.lineno for part in node.args if any(map(_beginning, _given(part))))
        elif isinstance(node, ast.JoinedStr):
            parts = [str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values]
            whole = "".join(parts)
            if any(f" and \0 {rest}" in whole for rest in ("more", "other")) or ", …" in whole:
                yield node.lineno
        elif isinstance(node, ast.IfExp | ast.BinOp):
            inner = (str(one.value) for one in ast.walk(node) if isinstance(one, ast.Constant))
            yield from (node.lineno for text in inner if text.startswith(", …"))


def _given(part: ast.expr) -> list[ast.expr]:
    """What is joined: itself, or what a comprehension goes over, or what a function is called with there."""
    if isinstance(part, ast.GeneratorExp | ast.ListComp):
        return _given(part.generators[0].iter)
    return [inner for one in part.args for inner in _given(one)] if isinstance(part, ast.Call) else [part]


def _beginning(node: ast.expr) -> bool:
    cut = node.slice if isinstance(node, ast.Subscript) else None
    return isinstance(cut, ast.Slice) and cut.lower is None and not isinstance(cut.upper, ast.UnaryOp | None)


def test_nobody_builds_a_list_by_hand():
    found = {
        f"{path.relative_to(HOUSE)}:{line}"
        for path in HOUSE.rglob("*.py")
        if path != LISTS
        for line in by_hand(ast.parse(path.read_text()))
    }
    assert found == set(), "auditor.telling.lists tells how many more there are"


@pytest.mark.parametrize(
    "line",
    [
        'told = ", ".join(names[:3])',
        'told = "; ".join(str(name) for name in names[:_MOST])',
        'told = ", ".join(f"{i} {name}" for i, name in enumerate(names[:_MOST]))',
        'told = f"{names} and {len(names) - 3} more"',
        'more = f" and {left} other pairs"',
        'told = shown + (", …" if names[3:] else "")',
        'told = f"{shown}, …"',
    ],
)
def test_what_is_built_by_hand_is_found(line):
    assert list(by_hand(ast.parse(line))) != []
