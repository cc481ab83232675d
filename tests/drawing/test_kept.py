"""Drawings are kept: the same bytes, drawn once, and never the wrong ones."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from auditor.drawing import Drawable, draw, kept, kept_in, prepare
from auditor.values import Curve, ImageGrid, Panel, Series
from tests.drawing.test_charts import INTERVAL
from tests.report.page import every_figure

EVERYTHING = (*every_figure(), INTERVAL)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of what is drawn, in this process."""
    found, picture = [], kept._picture

    def noted(drawable: Drawable) -> kept.Parts:
        found.append(drawable.kind)
        return picture(drawable)

    monkeypatch.setattr(kept, "_picture", noted)
    return found


def curves(count: int) -> list[Curve]:
    return [Curve("t", "c", "a", np.arange(2), (Series("s", np.array([i, 0.5])),), "x", "y") for i in range(count)]


def test_what_is_kept_is_not_drawn_again(tmp_path: Path, drawn: list[str]) -> None:
    with kept_in(tmp_path):
        first = [draw(drawable) for drawable in EVERYTHING]
    assert len(drawn) == len(EVERYTHING)
    with kept_in(tmp_path):
        assert [draw(drawable) for drawable in EVERYTHING] == first
        prepare(EVERYTHING)
    assert len(drawn) == len(EVERYTHING)
    assert [draw(drawable) for drawable in EVERYTHING] == first, "and what isn't kept is the same"
    assert (tmp_path / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


def test_within_a_page_without_a_folder_a_picture_is_drawn_once(drawn: list[str]) -> None:
    with kept_in(None):
        assert draw(INTERVAL) == draw(INTERVAL)
    assert drawn == ["interval"]


def test_a_digest_is_of_everything_that_is_shown_and_of_what_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = ImageGrid("t", "c", "a", Panel(np.zeros((1, 2, 2, 1))))
    others = [
        grid,
        dataclasses.replace(grid, panel=Panel(np.zeros((1, 2, 2, 1)), limits=(0.0, 2.0))),
        dataclasses.replace(grid, panel=Panel(np.zeros((1, 2, 2, 1)), palette="diverging")),
        dataclasses.replace(grid, panel=Panel(np.zeros((1, 1, 4, 1)))),
        dataclasses.replace(grid, panel=Panel(np.full((1, 2, 2, 1), -0.0))),
        dataclasses.replace(grid, panel=Panel(np.zeros((1, 2, 2, 1), np.float32))),
        INTERVAL,
        dataclasses.replace(INTERVAL, zoom=False),
        dataclasses.replace(INTERVAL, least=None, most=0.95),
        *curves(2),
    ]
    digests = {kept.digest(drawable) for drawable in others}
    assert len(digests) == len(others)
    monkeypatch.setattr(kept, "drawn_by", lambda: {"matplotlib": "99"})
    kept._drawer.cache_clear()
    assert kept.digest(grid) not in digests
    kept._drawer.cache_clear()


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_what_is_damaged_is_drawn_again(tmp_path: Path, drawn: list[str], damage: bytes | None) -> None:
    with kept_in(tmp_path):
        first = draw(INTERVAL)
    (entry,) = tmp_path.glob("*/*")
    entry.write_bytes(entry.read_bytes().replace(b"svg", b"gvs") if damage is None else damage)
    for _ in range(2):
        with kept_in(tmp_path):
            assert draw(INTERVAL) == first
    assert len(drawn) == 2


def test_a_folder_that_can_not_be_written_to_costs_no_picture(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with kept_in(tmp_path / "file" / "drawings"):
        assert draw(INTERVAL)[0].startswith(b"<svg")


def test_several_processes_draw_what_one_does(
    tmp_path: Path, drawn: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = curves(6)
    monkeypatch.setattr(kept, "_ENOUGH", 4)
    monkeypatch.setattr(kept, "_AT_ONCE", 2)
    monkeypatch.setattr(kept, "cores", lambda: 2)
    for folder in (tmp_path, None):
        with kept_in(folder):
            prepare(many)
            parts = [draw(curve) for curve in many]
        assert not drawn, "all were drawn elsewhere"
        assert len(set(parts)) == 6
    assert parts == [draw(curve) for curve in many]
    assert len(drawn) == 6
    with pytest.raises(RuntimeError):
        prepare(many)
