"""Figures of shares say of how many they are, those of checks and of whoever writes one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import auditor
from auditor.values import Bars, Heatmap, Series

ROOT = Path(auditor.__file__).parent
_OF_SHARES = re.compile(r"\b(share|accuracy|rate)\b", re.IGNORECASE)


def made(*kinds: str) -> Iterator[tuple[str, ast.Call]]:
    """Every place in the package where such a figure is made."""
    for path in sorted((*ROOT.glob("checks/*.py"), *ROOT.glob("measuring/*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
                yield f"{path.name}:{node.lineno}", node


def test_bars_of_checks_are_shares_of_a_number_or_have_a_unit():
    unlike = [place for place, call in made("Bars") if len({"n", "unit"} & {k.arg for k in call.keywords}) != 1]
    assert len(list(made("Bars"))) >= 6
    assert unlike == []


def test_matrices_of_shares_say_of_how_many():
    """What is called a share or an accuracy in the words beside it is one."""
    silent = []
    for place, call in made("Heatmap"):
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if _OF_SHARES.search(given["caption"]) and "n" not in given:
            silent.append(place)
    assert silent == []


def test_lines_of_shares_say_of_how_many():
    """A file whose curves have an axis of shares counts what its lines are shares of."""
    counting = {place.split(":")[0] for place, call in made("Series") if "n" in {k.arg for k in call.keywords}}
    labels = {
        (place.split(":")[0], ast.unparse(keyword.value))
        for place, call in made("Curve")
        for keyword in call.keywords
        if keyword.arg == "y_label"
    }
    of_shares = {place for place, label in labels if _OF_SHARES.search(label)}
    assert len(of_shares) >= 5
    assert of_shares <= counting


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Bars("t", "c", "a", ("x", "y"), np.ones(2), n=np.array([3])),
        lambda: Bars("t", "c", "a", ("x",), np.ones(1), n=np.array([3]), unit="images"),
        lambda: Series("s", np.ones(2), n=np.array([3])),
        lambda: Heatmap("t", "c", "a", np.eye(2), (), (), "r", "c", n=np.array([3, 3])),
    ],
)
def test_a_number_is_given_for_each_share(wrong):
    with pytest.raises(ValueError, match=r"`n`"):
        wrong()
