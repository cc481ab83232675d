"""No picture, and no fault in making one, ever costs a verdict: its place says why it isn't there."""

import ast
import dataclasses
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import numpy as np
import pytest

import auditor.checks
import auditor.drawing.bands
import auditor.drawing.canvas
import auditor.drawing.charts
import auditor.drawing.heatmaps
import auditor.drawing.kept
import auditor.drawing.layout
import auditor.drawing.lettering
import auditor.drawing.pixels
import auditor.drawing.svg
import auditor.drawing.theme
import auditor.drawing.words
import auditor.drawing.worst
import auditor.report.bar
import auditor.report.drawing
import auditor.report.measures
import auditor.report.versus
from auditor.compute.backend import tensorflow
from auditor.drawing import png
from auditor.drawing.bands import seen
from auditor.report.drawing import lay_out, telling_pictures
from auditor.report.html import render
from auditor.values import Heatmap, ImageGrid, Panel, Strip, attempt, pictured
from tests.report.page import decode, every_figure, evidence, parse, record, run_of
from tests.support import last_run, linear_weights, spec, states, write

DRAWERS = [
    auditor.drawing.bands, auditor.drawing.canvas, auditor.drawing.charts, auditor.drawing.heatmaps,
    auditor.drawing.kept, auditor.drawing.layout,
    auditor.drawing.lettering, auditor.drawing.pixels, auditor.drawing.svg, auditor.drawing.theme,
    auditor.drawing.words, auditor.drawing.worst,
]  # fmt: skip
TELLERS = [auditor.report.bar, auditor.report.measures, auditor.report.versus, auditor.report.drawing]
# These catch, or say what was caught.
FRAME = {"lay_out", "telling_pictures", "svg_of", "_told", "kept_in"}


def functions(modules: list[ModuleType]) -> list[FunctionType]:
    return [
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and name not in FRAME
    ]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A way to break a function wherever it is known by its name."""

    def plant(function: FunctionType) -> None:
        def fault(*arguments: object, **options: object) -> None:
            raise RuntimeError("planted")

        for module in [m for n, m in list(sys.modules.items()) if n.startswith("auditor")]:
            for name, value in list(vars(module).items()):
                if value is function:
                    monkeypatch.setattr(module, name, fault)

    return plant


@pytest.mark.parametrize("function", functions(DRAWERS), ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_a_fault_in_a_drawing_function_is_told_in_the_picture_s_place(broken, monkeypatch, function):
    with monkeypatch.context():
        broken(function)
        for figure in every_figure():
            drawing = lay_out(figure)
            if drawing.kind not in ("image_grid", "strip", "undrawn"):
                shown = drawing.body.svg
                assert shown.startswith("<svg") or "RuntimeError: planted" in shown
            assert drawing.kind == figure.kind or "RuntimeError: planted" in drawing.caption
        telling_pictures(every_figure())
        for figure in every_figure():
            picture = attempt("picture", lambda figure=figure: png(figure, 50))
            assert isinstance(picture, bytes) or "planted" in picture.caption


@pytest.fixture(scope="module")
def one() -> object:
    """A run with one case that has everything a card can have."""
    from tests.report.page import run_of_everything

    run = run_of_everything()
    busy = next(case for case in run.cases if case.id == "waived")
    return dataclasses.replace(run, cases=(busy,), records={"waived": run.records["waived"]}, begun=frozenset())


@pytest.mark.parametrize("function", functions(TELLERS), ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_a_fault_in_telling_a_case_leaves_its_verdict(broken, monkeypatch, one, function, tmp_path_factory):
    with monkeypatch.context():
        broken(function)
        page = parse(render(one))
    (card,) = page.all("article")
    assert card.attributes["data-state"] == "waived"
    assert one.records["waived"].verdict.message.replace("`", "") in card.text


def test_a_template_that_fails_leaves_the_verdict(monkeypatch, one):
    from auditor.report import html

    whole = html._cards()

    def failing(card, waits):
        if card.record:
            raise RuntimeError("planted")
        return whole(card, waits)

    monkeypatch.setattr(html, "_cards", lambda: failing)
    (card,) = parse(render(one)).all("article")
    assert "RuntimeError: planted" in card.text
    assert one.records["waived"].verdict.message.replace("`", "") in card.text


def test_figures_that_can_not_be_made_are_named():
    def fails() -> Heatmap:
        raise ValueError("no\nsuch axis")

    good = every_figure()[0]
    found = pictured(lambda: good, fails, lambda: (good, good), lambda: ())
    assert found[0] is found[2] is found[3] is good
    assert len(found) == 4
    stands = "What was measured, and the verdict, stand without it."
    assert found[1].caption == f"Not shown: ValueError: no such axis. {stands}"
    assert attempt("x", lambda: 3) == 3
    page = parse(render(run_of(record("a", evidence(figures=found)))))
    assert "Not shown: ValueError: no such axis." in page.one("figure", class_="undrawn").text


def test_every_check_makes_its_figures_where_faults_are_caught():
    for path in Path(auditor.checks.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Evidence":
                given = next((k.value for k in node.keywords if k.arg == "figures"), None)
                assert given is None or getattr(getattr(given, "func", None), "id", "") == "pictured", path


def test_a_report_that_can_not_be_made_leaves_outcomes_and_records(project, monkeypatch):
    write(project, spec("- {id: right, check: accuracy, expect: {accuracy: {min: 0.9}}}"))
    monkeypatch.setattr("auditor.report.page.coverage", lambda _: 1 / 0)
    result = project.runpytest_inprocess("-v")
    result.stdout.fnmatch_lines(["*::right PASSED*", "no report of tiny, but its records are in *: ZeroDivisionError*"])
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    assert states(last_run(project)) == {"right": "pass"}


# --- images of any number of channels


def tiny_of(folder: Path, channels: int) -> None:
    """The linear model on as many channels, of which the first one counts, and its data."""
    tensorflow()
    import keras

    kernel, bias = linear_weights()
    whole = np.zeros((36, channels, 3), np.float32)
    whole[:, 0] = kernel
    layers = [keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((6, 6, channels)), *layers])
    model.layers[-1].set_weights([whole.reshape(-1, 3), bias])
    model.save(folder / "linear.keras")
    with np.load(folder / "data.npz") as data:
        bands = np.concatenate(
            [data["images"], *(data["images"] * 0 + i / channels for i in range(1, channels))], axis=-1
        )
        np.savez(folder / "data.npz", images=bands, labels=(data["labels"] + (np.arange(60) == 7)) % 3)


CASES = """\
- {id: right, check: accuracy, expect: {accuracy: {min: 0.9}}}
- {id: attacked, check: robust_accuracy, params: {eps: 0.5, attacks: [{attack: pgd, steps: 5}]}}
- {id: maps, check: weight_maps}
"""


@pytest.mark.parametrize(("channels", "shown"), [(2, None), (5, [4, 0, 2]), (20, None), (4, [9, 0, 1])])
def test_images_of_any_number_of_channels_are_measured_and_shown(project, channels, shown):
    tiny_of(project.path, channels)
    data = "dataset: npz, path: data.npz" + (f", show_channels: {shown}" if shown else "")
    text = spec(CASES, data=data)
    write(project, text.replace("steeper.keras", "linear.keras").replace("conv.keras", "linear.keras"))
    project.runpytest_inprocess("--html=out.html").assert_outcomes(passed=3)
    run = last_run(project)
    assert states(run) == {"right": "pass", "attacked": "descriptive", "maps": "descriptive"}
    text = (project.path / "reports" / "tiny" / "index.html").read_text("utf-8")
    page = parse(text)
    gallery = next(f for f in page.all("figure") if "Misclassified images" in f.text)
    picture = decode(gallery.all("img")[0].attributes["src"])
    said = {
        2: "Each image is shown as its 2 channels, one grey picture each, row by row from channel 0.",
        5: "Channels 4, 0, 2 of 5 are shown as red, green and blue.",
        20: "Each image is shown as 16 of its 20 channels, one grey picture each, row by row from channel 0.",
        4: "row by row from channel 0; there is no channel 9, which `show_channels` names.".replace("`", ""),
    }[channels]
    assert said in gallery.text
    assert picture.shape == {2: (6, 13, 3), 5: (6, 6, 3), 20: (27, 27, 3), 4: (13, 13, 3)}[channels]
    image = np.load(project.path / "data.npz")["images"][7]
    if channels == 5:
        np.testing.assert_allclose(picture / 255, image[..., shown], atol=1 / 500)
    if channels == 2:
        np.testing.assert_allclose(picture[:, :6, 0] / 255, image[..., 0], atol=1 / 500)
        np.testing.assert_allclose(picture[:, 7:, 0] / 255, image[..., 1], atol=1 / 500)
    assert not page.all("figure", class_="undrawn")
    assert "data:image/png" in (project.path / "out.html").read_text("utf-8") or (project.path / "assets").is_dir()


def test_bands_of_nothing_and_of_three():
    for channels in (0, 1, 3):
        grid = ImageGrid("t", "c", "a", Panel(np.zeros((2, 3, 3, channels))))
        assert seen(grid).panel.images.shape == (2, 3, 3, max(channels, 1))
    flipped = seen(ImageGrid("t", "c", "a", Panel(np.arange(3.0).reshape(1, 1, 1, 3))), (2, 1, 0))
    assert flipped.panel.images.ravel().tolist() == [2, 1, 0]
    strip = seen(Strip("t", "c", "a", (Panel(np.zeros((2, 3, 3, 4))), Panel(np.zeros((2, 3, 3, 1))))))
    assert [panel.images.shape[1:3] for panel in strip.panels] == [(7, 7), (3, 3)]


def test_a_wrong_choice_of_channels_is_a_mistake_of_the_spec(project):
    for wrong in ("[0, 1]", "[0, 1, -1]", "red"):
        write(project, spec("- {id: a, check: accuracy}", data=f"dataset: npz, path: data.npz, show_channels: {wrong}"))
        result = project.runpytest_inprocess("--co")
        assert result.ret != 0
        assert "show_channels" in str(result.stdout)
