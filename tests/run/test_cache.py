"""What is kept, what makes it count as another, and that nothing damaged is believed."""

import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from auditor.run.cache import Cache
from auditor.telling.remarks import heard
from auditor.values import Diagnostic, Metric
from tests.support import FLIP, last_run, spec, states, write

KEY = "ab" * 32


def _metric(value: float = 0.5) -> Metric:
    return Metric("mean", value, 3, values=np.array([0.0, value, 1.0]))


def _entries(project: pytest.Pytester) -> list[Path]:
    return [entry.path for entry in Cache(project.path / ".audit_cache").entries()]


def _cached(project: pytest.Pytester) -> dict[str, bool]:
    return {case: bool(record.cached) for case, record in last_run(project).records.items()}


# --- the folder


def test_a_value_comes_back_as_it_was(tmp_path):
    cache = Cache(tmp_path / "deep" / "cache")
    assert cache.get(Metric, KEY) is None
    cache.put(KEY, _metric())
    again = cache.get(Metric, KEY)
    assert again.value == 0.5
    assert np.array_equal(again.values, _metric().values)
    assert (cache.path / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


@pytest.mark.parametrize("at", [0, 40, 65, 200, -1])
def test_one_changed_byte_is_dropped_and_never_believed(tmp_path, at):
    cache = Cache(tmp_path)
    cache.put(KEY, _metric())
    (entry,) = cache.entries()
    content = bytearray(entry.path.read_bytes())
    content[at] ^= 1
    entry.path.write_bytes(content)
    with heard() as said:
        assert cache.get(Metric, KEY) is None
    assert "damaged" in said[0]
    assert not entry.path.exists()


@pytest.mark.parametrize("size", [0, 10, 65, 300])
def test_a_truncated_entry_is_dropped(tmp_path, size):
    cache = Cache(tmp_path)
    cache.put(KEY, _metric())
    (entry,) = cache.entries()
    entry.path.write_bytes(entry.path.read_bytes()[:size])
    with heard() as said:
        assert cache.get(Metric, KEY) is None
    assert "damaged" in said[0]


def test_an_entry_under_another_key_or_of_another_kind_is_dropped(tmp_path):
    cache = Cache(tmp_path)
    cache.put(KEY, _metric())
    other = "ab" + "cd" * 31
    (tmp_path / "ab" / KEY).rename(tmp_path / "ab" / other)
    with heard() as said:
        assert cache.get(Metric, other) is None
    assert "under the key" in said[0]
    cache.put(KEY, Diagnostic("a", True, "b"))
    with heard() as said:
        assert cache.get(Metric, KEY) is None
    assert "it is a Diagnostic" in said[0]


def test_a_folder_that_cannot_be_written_to_is_said_once(tmp_path):
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "cache")
    with heard() as said:
        cache.put(KEY, _metric())
    assert "can't be written to" in said[0]
    with heard() as said:
        cache.put(KEY, _metric())
    assert said == []


def test_many_readers_and_writers_at_once_see_whole_entries_or_none(tmp_path):
    def work(number: int) -> list[float]:
        cache, seen = Cache(tmp_path), []
        for _ in range(20):
            cache.put(KEY, _metric(number / 10))
            found = cache.get(Metric, KEY)
            seen.append(found.value)
        return seen

    with ThreadPoolExecutor(4) as pool:
        values = {value for seen in pool.map(work, range(4)) for value in seen}
    assert values <= {0.0, 0.1, 0.2, 0.3}
    assert len(Cache(tmp_path).entries()) == 1


def test_prune_takes_the_old_and_then_the_least_recently_used(tmp_path):
    cache = Cache(tmp_path)
    keys = [f"{i:02x}" * 32 for i in range(4)]
    for age, key in enumerate(keys):
        cache.put(key, _metric())
        os.utime(tmp_path / key[:2] / key, (1_000_000_000 + age, 1_000_000_000 + age))
    assert cache.get(Metric, keys[0]) is not None  # now the most recently used
    size = cache.entries()[0].size
    removed = cache.prune(unused_days=1e6, most_bytes=2 * size)
    assert [entry.path.name for entry in removed] == [keys[1], keys[2]]
    assert [entry.path.name for entry in cache.prune(unused_days=1, most_bytes=1e9)] == [keys[3]]
    assert [entry.path.name for entry in cache.entries()] == [keys[0]]


# --- what a run does with it

ONE = "- {id: clean, check: accuracy, expect: {accuracy: {min: 0.9}}}\n"


def test_an_unchanged_run_stands_and_imports_no_tensorflow(project):
    write(project, spec(FLIP))
    first = project.runpytest_inprocess()
    page = project.path / "reports" / "tiny" / "index.html"
    stamp = page.stat().st_mtime_ns
    project.makeconftest(
        "import sys\nheavy = 'tensorflow', 'pandas', 'matplotlib'\n"
        "def pytest_unconfigure():\n    print('TF', *(n in sys.modules for n in heavy))"
    )
    again = project.runpytest_subprocess()
    assert again.parseoutcomes() == first.parseoutcomes()
    again.stdout.fnmatch_lines(["*Nothing has changed since the run of *; its report stands.", "TF False False False"])
    assert page.stat().st_mtime_ns == stamp


@pytest.mark.slow
def test_a_report_that_is_rendered_again_draws_nothing_and_is_the_same(project):
    write(project, spec(FLIP))
    project.runpytest_inprocess()
    page = project.path / "reports" / "tiny" / "index.html"
    before = page.read_bytes()
    assert list((project.path / ".audit_cache" / "drawings").glob("*/*"))
    program = (
        "import sys; from auditor.cli.main import main; main(['report'], standalone_mode=False);"
        "print(*(n in sys.modules for n in ('tensorflow', 'matplotlib')))"
    )
    page.unlink()
    assert project.run(sys.executable, "-c", program).outlines[-1] == "False False"
    assert page.read_bytes() == before
    shutil.rmtree(project.path / ".audit_cache" / "drawings")
    assert project.run(sys.executable, "-c", program).outlines[-1] == "False True"
    assert page.read_bytes() == before


def test_evidence_is_replayed_where_the_report_is_gone_and_says_when_it_was_measured(project):
    write(project, spec(FLIP))
    project.runpytest_inprocess("--audit-report", "before")
    project.runpytest_inprocess()
    before, after = last_run(project, reports="before"), last_run(project)
    assert before.id != after.id
    assert all(_cached(project).values())
    for case, record in after.records.items():
        old = before.records[case]
        assert record.cached == old.provenance["finished"]
        assert (record.key, record.verdict, record.seconds) == (old.key, old.verdict, old.seconds)
        assert record.evidence.summary == old.evidence.summary
    page = (project.path / "reports" / "tiny" / "index.html").read_text()
    assert "cached, unsigned, measured" in page
    results = json.loads((project.path / "reports" / "tiny" / "results.json").read_text())
    assert all(case["record"]["cached"] for case in results["cases"])


def test_thresholds_titles_and_comments_judge_anew_without_measuring(project):
    write(project, spec(ONE))
    project.runpytest_inprocess()
    write(project, spec(ONE.replace("min: 0.9", "max: 0.5") + "  # a comment\n"))
    project.runpytest_inprocess().assert_outcomes(failed=1)
    assert _cached(project) == {"clean": True}
    assert states(last_run(project)) == {"clean": "fail"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("check: accuracy,", "check: accuracy, params: {first: 30},"),
        ("id: clean", "id: cleaner"),  # the id is part of the seed
    ],
)
def test_another_parameter_or_seed_measures_again(project, before, after):
    write(project, spec(ONE))
    project.runpytest_inprocess()
    write(project, spec(ONE.replace(before, after)))
    project.runpytest_inprocess()
    assert list(_cached(project).values()) == [False]


def test_another_checkpoint_or_data_or_code_measures_again(project, monkeypatch):
    write(project, spec(ONE))
    project.runpytest_inprocess()
    (project.path / "linear.keras").write_bytes((project.path / "steeper.keras").read_bytes())
    project.runpytest_inprocess()
    assert _cached(project) == {"clean": False}
    with np.load(project.path / "data.npz") as data:
        np.savez(project.path / "data.npz", images=data["images"][:50], labels=data["labels"][:50])
    project.runpytest_inprocess()
    assert _cached(project) == {"clean": False}
    from auditor.run import case_key

    monkeypatch.setattr(case_key, "code_digest", lambda: "another")
    project.runpytest_inprocess()
    assert _cached(project) == {"clean": False}


def test_a_case_that_takes_images_depends_on_all_they_depend_on(project):
    write(project, spec(FLIP))
    project.runpytest_inprocess()
    write(project, spec(FLIP.replace("step_size: 0.3", "step_size: 0.25")))
    project.runpytest_inprocess()
    assert _cached(project) == {"clean": True, "flip": False, "onto": False}


def test_errors_are_never_kept(project):
    write(project, spec("- {id: broken, check: accuracy, params: {first: 100000}}\n"))
    project.runpytest_inprocess()
    assert _entries(project) == []


def test_a_damaged_entry_is_measured_again_and_said(project):
    write(project, spec(ONE))
    project.runpytest_inprocess()
    (entry,) = _entries(project)
    entry.write_bytes(entry.read_bytes()[:-20])
    result = project.runpytest_inprocess("--audit-report", "other")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*audit remarks*", "*is damaged*it is dropped"])
    assert "is damaged" in last_run(project, reports="other").records["clean"].remarks[0]
    assert not last_run(project, reports="other").records["clean"].cached


def test_a_report_that_was_tampered_with_does_not_stand(project):
    write(project, spec(ONE))
    project.runpytest_inprocess()
    page = project.path / "reports" / "tiny" / "index.html"
    genuine = page.read_text()
    page.write_text(genuine.replace("clean", "CLEAN"))
    project.runpytest_inprocess()
    assert "CLEAN" not in page.read_text()


def test_no_cache_by_option_and_ini_and_another_folder(project):
    write(project, spec(ONE))
    project.runpytest_inprocess("--audit-no-cache")
    assert not (project.path / ".audit_cache").exists()
    assert not last_run(project).records["clean"].key
    project.makeini("[pytest]\naudit_cache = kept\n")
    project.runpytest_inprocess()
    assert Cache(project.path / "kept").entries()
    project.makeini("[pytest]\naudit_no_cache = true\naudit_cache = kept\n")
    project.runpytest_inprocess()
    assert _cached(project) == {"clean": False}


@pytest.mark.parametrize("mode", ["load", "loadfile"])
def test_workers_agree_that_a_run_stands(project, mode):
    write(project, spec(FLIP))
    project.runpytest_inprocess()
    before = last_run(project).id
    result = project.runpytest_subprocess("-n", "2", "--dist", mode)
    result.stdout.fnmatch_lines(["*its report stands.*"])
    assert last_run(project).id == before


def test_info_and_prune_teach(project):
    write(project, spec(ONE))
    project.runpytest_inprocess()
    auditor = [sys.executable, "-m", "auditor", "cache"]
    project.run(*auditor, "info").stdout.fnmatch_lines([".audit_cache: 1 results, * notes, *", "last of use between*"])
    project.run(*auditor, "prune", "--max-mb", "0").stdout.fnmatch_lines(
        ["removed 1 results, *; left 0 results, 0 notes, 0 drawings, 0.0 MB"]
    )
    kept = [path for path in (project.path / ".audit_cache").rglob("*") if path.is_file()]
    assert {path.name for path in kept} == {"CACHEDIR.TAG"}
    assert _entries(project) == []


def test_what_was_learned_of_a_model_is_kept_for_other_cases_and_runs(project, tmp_path):
    """Where the model, the data and the auditor are the same; unsigned it is told, and with a key not believed."""
    key = tmp_path / "key"
    key.write_text("f" * 32)

    def learned_by(eps: float, *options: str) -> tuple[dict[str, bytes], str]:
        write(project, spec(f"- {{id: held, check: robust_accuracy, params: {{eps: {eps}, samples: 30}}}}"))
        project.runpytest_inprocess(*options)
        (record,) = last_run(project).records.values()
        kept = (project.path / ".audit_cache" / "learned").glob("[0-9a-f]*/*")
        return {path.name: path.read_bytes() for path in kept}, " ".join(record.remarks)

    first, said = learned_by(0.01)
    assert len(first) == 1
    assert "unsigned" not in said
    again, said = learned_by(0.02)
    assert again == first
    assert "what was learned of the model before is taken from the cache, unsigned" in said
    signed, said = learned_by(0.03, "--audit-cache-key", str(key))
    assert "isn't signed with this key; it isn't used" in said
    ((name, content),) = signed.items()
    assert content.partition(b"\n")[2] == first[name].partition(b"\n")[2]  # the same was learned once more
    assert content != first[name]
    _, said = learned_by(0.04, "--audit-cache-key", str(key))
    assert "signed" not in said
