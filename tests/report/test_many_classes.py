"""However many classes there are, and however much a record says, a page stays as small as it promises."""

import dataclasses
import json
from dataclasses import dataclass

import numpy as np
import pytest

from auditor.checks.accuracy import Params, run
from auditor.drawing.worst import MOST_BARS, MOST_SIDE, of_bars, of_matrix
from auditor.exports.files import render_files
from auditor.records.manifest import USUAL
from auditor.records.store import Folder
from auditor.report.terminal import evidence_tables
from auditor.values import Bars, Expectation, Heatmap, Samples, Table
from tests.report.page import Node, evidence, parse, record, run_of
from tests.support import context

CLASSES = 1000


@dataclass(frozen=True, eq=False)
class Table1000:
    """A classifier that reads from an image's first pixel which class it is to name."""

    class_count: int = CLASSES
    input_shape: tuple[int, int, int] = (2, 2, 1)
    logits_from: str = "a table"
    output: str = "logits"

    def predict(self, images: np.ndarray) -> np.ndarray:
        logits = np.zeros((len(images), self.class_count), np.float32)
        logits[np.arange(len(images)), images[:, 0, 0, 0].round().astype(int)] = 5
        return logits

    def answers(self, images: np.ndarray) -> np.ndarray:
        return self.predict(images)


@pytest.fixture(scope="module")
def many() -> object:
    """What `accuracy` finds on 1000 classes of four images: class 7 is called 8 every time, 500 is called 3 twice."""
    labels = np.repeat(np.arange(CLASSES), 4)
    named = labels.copy()
    named[labels == 7] = 8
    named[np.flatnonzero(labels == 500)[:2]] = 3
    images = np.zeros((len(labels), 2, 2, 1), np.float32)
    images[:, 0, 0, 0] = named
    names = tuple(f"class {c}" for c in range(CLASSES))
    samples = Samples(images, labels, np.arange(len(labels)), (0.0, 999.0), names, "many", "0" * 64)
    return run(context(Table1000(), samples), Params())


@pytest.fixture(scope="module")
def files(many) -> dict[str, bytes]:
    return dict(render_files(run_of(record("many", many, Expectation("accuracy", min=0.9)))))


@pytest.fixture(scope="module")
def page(files) -> Node:
    return parse(files["index.html"].decode())


def test_the_page_is_small_and_shows_the_worst(files, page):
    assert len(files["index.html"]) < 500_000
    (small,) = [item.text for item in page.all("li") if "of which little can be said" in item.text]
    assert small.endswith(" and 980 more.")
    (matrix,) = [figure for figure in page.all("figure") if "Confusion matrix" in figure.text]
    assert (
        "Of 1000 × 1000, the 30 rows with most mistakes, and the columns they fall into most, are shown." in matrix.text
    )
    numbers = matrix.one("table", class_="numbers")
    head = [cell.text for cell in numbers.all("tr")[0].all("th")]
    cells = {row.all("th")[0].text: [td.text for td in row.all("td")] for row in numbers.all("tr")[1:]}
    assert len(cells) == MOST_SIDE
    assert cells["class 7"][head.index("class 8") - 1] == "4"
    assert cells["class 500"][head.index("class 3") - 1] == "2"


def test_single_classes_are_listed_worst_first_and_all_are_in_the_results(files, page):
    (details,) = [d for d in page.all("details") if "more, by class or model" in d.text]
    assert "1999 more, by class or model" in details.one("summary").text
    listed = [row.all("th")[0].text for row in details.all("tr")[1:]]
    assert len(listed) == 50
    assert any("class 7" in name for name in listed)
    assert any("class 500" in name for name in listed)
    assert "1949 more are in results.json" in details.text
    metrics = json.loads(files["results.json"])["cases"][0]["record"]["metrics"]
    assert sum(name.startswith("accuracy.") for name in metrics) == CLASSES


def test_the_matrix_is_whole_in_the_record(many, tmp_path):
    folder = Folder(tmp_path / "audit")
    folder.save_run(run_of(record("many", many)))
    kept = np.load(tmp_path / "audit" / "records" / "many" / "arrays.npz")
    whole = kept["evidence/figures/0/values"]
    assert whole.shape == (CLASSES, CLASSES)
    assert (whole[7, 8], whole[500, 3], whole[500, 500], whole.sum()) == (4, 2, 2, 4 * CLASSES)


def test_a_page_keeps_its_promise_whatever_a_record_says():
    long = "x" * 30_000_000
    rows = tuple((f"row {i}", float(i)) for i in range(100_000))
    said = evidence(tables=(Table("A table", ("name", "value"), rows),), notes=(long,))
    wordy = record("wordy", dataclasses.replace(said, summary="Short."), Expectation("accuracy", min=0.1))
    files = render_files(run_of(record("plain", evidence()), wordy))
    assert max(len(content) for name, content in files.items() if name.endswith(".html")) <= USUAL.size
    pages = [parse(content.decode()) for name, content in files.items() if name.endswith(".html")]
    (card,) = [article for page in pages for article in page.all("article") if article.attributes["id"] == "case-wordy"]
    assert "Not shown: this case would take 30." in card.text
    assert wordy.verdict.message in card.text
    assert long in files["results.json"].decode()


def test_a_long_table_shows_its_first_rows():
    rows = tuple((f"row {i}", float(i)) for i in range(1000))
    page = parse(
        render_files(run_of(record("a", evidence(tables=(Table("Long", ("n", "v"), rows),)))))["index.html"].decode()
    )
    (section,) = [s for s in page.all("section") if s.all("h4") and s.all("h4")[0].text == "Long"]
    assert len(section.all("tr")) == 101
    assert "These are the first 100; 900 more are in results.json." in section.text


def test_shares_in_a_table_are_in_per_cent_on_page_and_terminal():
    table = Table("Kinds", ("kind", "right", "seconds"), (("fog", 0.912, 0.25), ("snow", 1.0, 1.0)), shares=("right",))
    found = record("a", evidence(tables=(table,)))
    page = parse(render_files(run_of(found))["index.html"].decode())
    (section,) = [s for s in page.all("section") if s.all("h4") and s.all("h4")[0].text == "Kinds"]
    assert [cell.text for cell in section.all("td")] == ["91.2%", "0.25", "100%", "1"]
    assert list(evidence_tables(found, ("kind", "right"))[0].columns[1].cells) == ["91.2%", "100%"]
    with pytest.raises(ValueError, match="no columns"):
        Table("Kinds", ("kind",), (), shares=("right",))


def test_matrices_and_bars_that_can_be_read_stay_as_they_are():
    matrix = Heatmap("t", "c", "a", np.eye(30), (), (), "r", "c")
    assert of_matrix(matrix) is matrix
    bars = Bars("t", "c", "a", (), np.arange(60.0))
    assert of_bars(bars) is bars


def test_what_is_no_confusion_shows_its_largest_rows():
    values = np.zeros((50, 2))
    values[40:, 1] = np.arange(10) - 20.0
    values[3, 0] = np.nan
    shown = of_matrix(Heatmap("t", "c", "a", values, tuple(f"r{i}" for i in range(50)), ("x", "y"), "r", "c"))
    assert shown.values.shape == (30, 2)
    assert {f"r{i}" for i in range(40, 50)} <= set(shown.row_labels)
    np.testing.assert_array_equal(shown.values[-10:], values[40:])
    assert shown.column_labels == ("x", "y")


def test_many_bars_show_both_ends():
    values = np.random.default_rng(0).permutation(200).astype(float)
    n = 1000 + values.astype(int)
    shown = of_bars(Bars("t", "c", "a", tuple(map(str, range(200))), values, values - 1, values + 1, n=n))
    np.testing.assert_array_equal(shown.n, 1000 + shown.values)
    assert len(shown.values) == MOST_BARS
    assert sorted(shown.values) == [*range(30), *range(170, 200)]
    assert [values[int(label)] for label in shown.labels] == shown.values.tolist()
    np.testing.assert_array_equal(shown.low, shown.values - 1)
