"""Figures as files, in notebooks, and by the command that writes them."""

import io
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from auditor.cli.main import main
from auditor.drawing.files import FORMATS, encoded
from auditor.records.store import Folder
from auditor.values import Figure, ImageGrid, Panel
from tests.report.page import every_figure, evidence, parse, record, run_of

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("kind", FORMATS)
def test_every_figure_is_a_file_with_the_same_bytes_again(kind: str) -> None:
    for figure in every_figure():
        content = encoded(figure, kind, 100)
        assert content == encoded(figure, kind, 100)
        if kind == "svg":
            root = ElementTree.fromstring(content)
            assert root.find(f"{SVG}title").text == figure.title
            assert figure.alt in content.decode()
            assert "var(" not in content.decode()
        elif kind == "png":
            image = Image.open(io.BytesIO(content))
            assert (image.text["Title"], image.text["Description"]) == (figure.title, figure.alt)
            assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        else:
            assert content.startswith(b"%PDF-")
            assert figure.title.encode() in content


def test_text_in_a_file_is_text() -> None:
    texts = {
        node.text
        for figure in every_figure()
        for node in ElementTree.fromstring(encoded(figure, "svg")).iter(f"{SVG}text")
    }
    assert {"falling", "rising", "step", "share", "90", "given", "0.25", "one", "first", "change"} <= texts


def test_images_are_sharp_and_as_large_as_asked_for() -> None:
    board = (np.indices((8, 8)).sum(axis=0) % 2).astype(float)[None, :, :, None]
    grid = ImageGrid("t", "c", "a", Panel(board))
    small, large = (Image.open(io.BytesIO(encoded(grid, "png", dpi))).convert("L") for dpi in (72, 288))
    assert large.size == tuple(4 * side for side in small.size)
    seen = np.asarray(large)[40:296, 40:296]
    assert {0, 255} == set(np.unique(seen)), "no shade between black and white"
    assert (seen[16::32, 16::32] == 255 * board[0, :, :, 0]).all()


@pytest.fixture
def report(tmp_path: Path) -> Path:
    folder = Folder(tmp_path / "reports" / "audit")
    folder.save_run(run_of(record("one", evidence(figures=every_figure())), record("two", evidence()), record("three")))
    return folder.path


@pytest.mark.parametrize("kind", FORMATS)
def test_the_command_writes_every_figure(report: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "paper"
    done = CliRunner().invoke(main, ["figures", str(report), "--format", kind, "--output", str(out), "--dpi", "50"])
    assert done.exit_code == 0, done.output
    written = sorted(path.name for path in out.iterdir())
    assert len(written) == len(every_figure())
    assert written[0] == f"one-01-a-grid.{kind}"
    assert [Path(line).name for line in done.output.splitlines()] == written


def test_the_command_says_what_there_is_no_figure_of(report: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["figures", *arguments, "--output", str(tmp_path / "out")])
        return done.exit_code, done.output

    assert run(str(report), "four") == (2, f"{report} has no case 'four'; there are one, two, three\n")
    assert run(str(report), "two", "three") == (0, "These cases have no figures.\n")
    assert run(str(tmp_path / "nowhere"))[0] == 2
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_text("a file")
    assert run(str(report), "one")[0] == 2


# --- notebooks


@pytest.mark.parametrize("figure", every_figure(), ids=lambda figure: figure.kind)
def test_figures_draw_themselves_alone_or_into_axes(figure: Figure) -> None:
    from matplotlib.figure import Figure as Canvas

    alone = figure.draw()
    assert alone.get_axes()
    both = Canvas()
    axes = both.subplots(1, 2)
    assert figure.draw(axes[1]) is both
    assert axes[1].get_children() != axes[0].get_children()
    assert not axes[0].get_images()
    assert not axes[0].get_lines()
    ElementTree.fromstring(figure._repr_svg_())


def test_a_record_shows_itself_as_its_card_in_a_frame() -> None:
    shown = record("one", evidence(figures=every_figure()))._repr_html_()
    found = re.fullmatch(r'<iframe sandbox="" [^>]*srcdoc="([^"]*)"></iframe>', shown)
    assert found is not None
    page = parse(unescape(found[1]))
    card = page.one("article", id="case-one")
    assert "96 of 100 are right." in card.text
    assert len(card.all("figure")) == len(every_figure())
    assert "line 0" not in card.text
    assert not page.all("script")


def test_a_figure_imports_matplotlib_when_it_is_drawn_and_not_before() -> None:
    code = (
        "import sys; from tests.report.page import every_figure; f = every_figure()[3]; "
        "before = 'matplotlib' in sys.modules; f.draw(); "
        "print(before, 'matplotlib.figure' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False"]
