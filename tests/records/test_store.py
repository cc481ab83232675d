"""Records on disk: what goes in comes out, and what is broken is refused."""

import dataclasses
import json
import zipfile

import numpy as np
import pytest

from auditor.records.store import Folder, write_text
from auditor.values import (
    DESCRIBED,
    AdversarialImages,
    Bars,
    Curve,
    Diagnostic,
    Earlier,
    Evidence,
    Expectation,
    Failure,
    Finding,
    Heatmap,
    ImageGrid,
    Panel,
    PlannedCase,
    Record,
    RecordError,
    Run,
    Series,
    Strip,
    Table,
    Verdict,
    crossing,
    exact,
    lowest,
    mean,
    median,
    proportion,
)


def panel(count=2):
    return Panel(np.random.default_rng(0).random((count, 4, 4, 1)), tuple("ab"[:count]), "p", "diverging", (-1.0, 1.0))


def evidence() -> Evidence:
    words = {"title": "t", "caption": "c", "alt": "a"}
    images = np.random.default_rng(1).random((3, 4, 4, 1), dtype=np.float32)
    return Evidence(
        summary="It was measured.",
        metrics={
            "p": proportion(3, 4),
            "m": mean([0.0, 1.0, 0.5], (0.0, 1.0)),
            "e": exact(7),
            "unbounded": mean([1e300, 2.0]),
            "nothing": proportion(0, 0),
            "never": median(np.array([0.5, np.inf, np.inf])),
            "worst": lowest({"a": proportion(3, 4), "b": proportion(0, 0)}),
            "radius": crossing([0.1, 0.2], np.ones((2, 5), bool)),
        },
        figures=(
            ImageGrid(**words, panel=panel()),
            Strip(**words, panels=(panel(), panel()), row_labels=("x", "y")),
            Curve(
                **words,
                x=np.arange(3),
                series=(Series("s", np.ones(3), np.zeros(3), np.ones(3)),),
                x_label="x",
                y_label="y",
            ),
            Heatmap(
                **words,
                values=np.eye(2),
                row_labels=("a", "b"),
                column_labels=("c", "d"),
                row_title="r",
                column_title="k",
            ),
            Bars(**words, labels=("a",), values=np.ones(1)),
        ),
        tables=(Table("t", ("a", "b", "c"), (("x", 1, 0.5),)),),
        diagnostics=(Diagnostic("d", False, "suspect"),),
        notes=("note",),
        arrays={"weird/../name": np.arange(3)},
        adversarial=AdversarialImages(
            images, images, np.array([1, 2, -1]), np.array([3, 3, 3]), np.array([True, False, True]), np.arange(3), "m"
        ),
    )


def record(case="case", run="run-1", **changes) -> Record:
    expectation = Expectation("p", min=0.5)
    whole = Record(
        run=run,
        audit="audit",
        case=case,
        check="accuracy",
        title="Title <b>",
        model="release",
        params={"first": None, "list": [1, 2.5, "x"]},
        expectations=(expectation,),
        confidence=0.95,
        interval="exact",
        verdict=Verdict("pass", "fine", (Finding(expectation, "pass", 0.75, 0.2, float("nan"), 4, "m"),)),
        evidence=evidence(),
        failure=None,
        provenance={"versions": {"python": "3"}},
        seconds=1.5,
    )
    return dataclasses.replace(whole, **changes)


def planned(*ids, run="run-1", **selected) -> Run:
    cases = tuple(PlannedCase(i, "accuracy", i, "m", 1, selected.get(i, True)) for i in ids)
    return Run(run, "audit", "Audit", "2026-01-01T00:00:00Z", "a.audit.yaml", "0" * 64, 0.95, cases, frozenset(), {})


def assert_same(a, b):
    """Equality that looks into arrays and takes NaN for NaN."""
    assert type(a) is type(b)
    if dataclasses.is_dataclass(a):
        for field in dataclasses.fields(a):
            assert_same(getattr(a, field.name), getattr(b, field.name))
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b or (a != a and b != b)


def test_a_record_comes_back_whole(tmp_path):
    folder = Folder(tmp_path)
    folder.save(record())
    assert_same(folder.load("run-1", "case"), record())
    failed = record("other", evidence=None, failure=Failure("CheckError", "no", "trace"))
    folder.save(failed)
    assert_same(folder.load("run-1", "other"), failed)


def test_what_earlier_versions_called_a_pass_without_expectations_is_descriptive(tmp_path):
    """Format 3 had no such state: a case of which nothing was expected was a pass."""
    folder, nothing = Folder(tmp_path), Verdict("pass", "descriptive: nothing was expected, the evidence was made")
    then = Earlier(nothing, "0" * 64)
    folder.prepare(planned("shown", "judged"))
    for old in (record("shown", expectations=(), verdict=nothing, earlier=then), record("judged", earlier=then)):
        folder.save(old)
        path = folder.case_folder(old.case) / "record.json"
        path.write_text(path.read_text().replace('"format": 4', '"format": 3'))
    run = folder.load_run()
    assert {case.id: run.state(case) for case in run.cases} == {"shown": "descriptive", "judged": "pass"}
    for found in run.records.values():
        assert found.earlier.verdict.status == "descriptive"
        assert found.earlier.verdict == DESCRIBED


def test_states_of_a_run(tmp_path):
    folder = Folder(tmp_path)
    folder.prepare(planned("done", "cut", "never", "left", left=False))
    folder.begin("run-1", "done")
    folder.save(record("done"))
    folder.begin("run-1", "cut")
    run = folder.load_run()
    found = {case.id: run.state(case) for case in run.cases}
    assert found == {"done": "pass", "cut": "cut off", "never": "not run", "left": "not selected"}


def test_a_record_of_another_run_is_none_of_this_one(tmp_path):
    folder = Folder(tmp_path)
    folder.prepare(planned("case"))
    folder.save(record())
    folder.prepare(planned("case"))
    assert folder.load("run-1", "case") is not None, "a second worker of the same run must not drop records"
    folder.prepare(planned("case", run="run-2"))
    assert folder.load("run-2", "case") is None
    assert folder.load_run().records == {}


@pytest.mark.parametrize("case", [".", "..", "...", ".git"])
def test_case_ids_stay_inside_the_folder(tmp_path, case):
    folder = Folder(tmp_path / "audit")
    folder.save(record(case))
    assert_same(folder.load("run-1", case), record(case))
    assert (tmp_path / "audit" / "records") in folder.case_folder(case).resolve().parents


def test_no_two_cases_share_a_folder(tmp_path):
    ids = [f"{before}{dots}a" for before in ("", "_", "__") for dots in ("", ".", "..")]
    assert len({Folder(tmp_path).case_folder(case) for case in ids}) == len(ids)


def test_broken_records_are_refused(tmp_path):
    folder = Folder(tmp_path)
    folder.save(record())
    path = folder.case_folder("case")
    whole, arrays = (path / "record.json").read_text(), (path / "arrays.npz").read_bytes()

    def refused(text=whole, data=arrays):
        (path / "record.json").write_text(text)
        (path / "arrays.npz").write_bytes(data)
        with pytest.raises(RecordError, match="can't be read"):
            folder.load("run-1", "case")

    refused(whole[:-40])
    refused(data=arrays[:-40])
    refused(data=b"")
    refused(whole.replace('"pass"', '"perfect"'))
    content = json.loads(whole)
    del content["record"]["verdict"]
    refused(json.dumps(content))
    (path / "arrays.npz").unlink()
    with pytest.raises(RecordError):
        folder.load("run-1", "case")


def test_no_pickle_goes_in_or_comes_out(tmp_path):
    folder = Folder(tmp_path)
    with pytest.raises(ValueError, match="arrays/o' holds Python objects"):
        folder.save(record(evidence=dataclasses.replace(evidence(), arrays={"o": np.array([{}], object)})))
    assert folder.load("run-1", "case") is None
    folder.save(record())
    path = folder.case_folder("case") / "arrays.npz"
    with zipfile.ZipFile(path) as file:
        assert all(name.endswith(".npy") for name in file.namelist())


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_text(tmp_path / "page.html", "old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(RecordError, match="No space left"):
        write_text(tmp_path / "page.html", "new")
    assert (tmp_path / "page.html").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_no_records_at_all(tmp_path):
    with pytest.raises(RecordError, match="holds no audit records"):
        Folder(tmp_path).load_run()


# --- records of a stranger


def header(shape: str, kind: str = "<f4") -> bytes:
    """A `.npy` file's header alone."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def with_member(path, name: str, data: bytes) -> None:
    """Put a member in the place of one that is there."""
    with zipfile.ZipFile(path) as file:
        others = {info.filename: file.read(info) for info in file.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for other, content in {**others, name: data}.items():
            file.writestr(other, content)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (header("(50000, 50000)"), "declares 10000000000 bytes"),
        (header("(2,)") + bytes(4), "declares 8 bytes"),
        (header("(2,)", "|O") + bytes(16), "of object and holds others"),
        (header("(-1,)") + bytes(4), "can't be read"),
        (b"no array", "can't be read"),
    ],
)
def test_an_array_that_isn_t_what_its_header_says_is_refused(tmp_path, data, said):
    folder = Folder(tmp_path)
    folder.save(record())
    with_member(folder.case_folder("case") / "arrays.npz", "evidence/arrays/weird/../name.npy", data)
    with pytest.raises(RecordError, match=said):
        folder.load("run-1", "case")


def test_arrays_beyond_all_measure_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    import auditor.records.arrays

    folder = Folder(tmp_path)
    folder.save(record())
    monkeypatch.setattr(auditor.records.arrays, "_MOST_BYTES", 1000)
    with pytest.raises(RecordError, match=r"at most .* are read"):
        folder.load("run-1", "case")


def test_links_are_refused(tmp_path):
    folder = Folder(tmp_path / "audit")
    folder.prepare(planned("case"))
    folder.save(record())
    secret = tmp_path / "secret.json"
    path = folder.case_folder("case") / "record.json"
    path.rename(secret)
    path.symlink_to(secret)
    with pytest.raises(RecordError, match="is a link"):
        folder.load_run()
    elsewhere = tmp_path / "elsewhere"
    folder.case_folder("case").rename(elsewhere)
    (folder.path / "records" / "case").symlink_to(elsewhere)
    with pytest.raises(RecordError, match="is a link"):
        folder.load_run()
    (folder.path / "run.json").rename(tmp_path / "run.json")
    (folder.path / "run.json").symlink_to(tmp_path / "run.json")
    with pytest.raises(RecordError, match="is a link"):
        folder.load_plan()


@pytest.mark.parametrize("name", ["../../outside", "a/b", "/etc/passwd", "a\x00b", ""])
def test_a_run_that_names_cases_outside_its_folder_is_refused(tmp_path, name):
    folder = Folder(tmp_path / "audit")
    folder.prepare(planned("case"))
    content = json.loads((folder.path / "run.json").read_text())
    content["run"]["cases"][0]["id"] = name
    (folder.path / "run.json").write_text(json.dumps(content))
    with pytest.raises(RecordError, match="is no case id"):
        folder.load_run()


def test_a_record_that_is_another_case_s_is_refused(tmp_path):
    folder = Folder(tmp_path)
    folder.save(record("other"))
    folder.case_folder("other").rename(folder.case_folder("case"))
    with pytest.raises(RecordError, match="it is of the case 'other'"):
        folder.load("run-1", "case")


def test_json_nested_without_end_is_refused(tmp_path):
    (tmp_path / "run.json").write_text('{"format": 3, "run": ' + "[" * 100_000)
    with pytest.raises(RecordError, match="can't be read"):
        Folder(tmp_path).load_plan()


def test_records_of_another_format_say_so(tmp_path):
    folder = Folder(tmp_path)
    folder.prepare(planned("case"))
    path = folder.path / "run.json"
    path.write_text(path.read_text().replace('"format": 4', '"format": 1'))
    with pytest.raises(RecordError, match="has format 1; this version reads 3 and 4: run the audit again"):
        folder.load_run()
