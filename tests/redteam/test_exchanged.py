"""Files that are exchanged between check and use: what is measured is what was hashed, or nothing is measured."""

import os

import numpy as np
import pytest

from auditor.datasets import npz
from auditor.loading.resources import Resources
from auditor.run.cache import Cache, secret_in
from auditor.run.engines import worker
from auditor.spec import make_plan
from auditor.telling.remarks import heard
from auditor.values import DataError, Metric, ModelError, RecordError, mean
from tests.support import make_tiny, spec

CHECKS = "- {id: clean, check: accuracy}\n"


@pytest.fixture
def plan(tmp_path):
    make_tiny(tmp_path)
    (tmp_path / "one.audit.yaml").write_text(spec(CHECKS))
    return make_plan(tmp_path / "one.audit.yaml")


def exchanged(plan, name: str = "steeper") -> None:
    """Put another network in the place of `linear`, of the same size and time of change as far as can be."""
    path = plan.spec.path.parent / "linear.keras"
    status = path.stat()
    path.write_bytes((path.parent / f"{name}.keras").read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def asked(classifier, images):
    return classifier.predict(images)


def test_a_checkpoint_that_is_exchanged_is_not_measured(plan):
    """After its digest was taken it is an error; once it was copied, the copy is measured, here and elsewhere."""
    early = Resources()
    digests = early.digests(plan.models["linear"])
    exchanged(plan)
    with pytest.raises(ModelError, match="was exchanged while it was audited"):
        early.classifier(plan, "linear")

    late = Resources()
    classifier, images = late.classifier(plan, "linear"), late.samples(plan).images
    before, source = classifier.predict(images), late.source_of(classifier)
    measured = late.digests(plan.models["linear"])
    assert measured != digests
    assert late.checkpoint(plan, "linear").digests == {"linear.keras": next(iter(measured.values()))}
    assert all(
        not path.is_relative_to(plan.spec.path.parent) for path in late.checkpoint(plan, "linear").files.values()
    )
    exchanged(plan, "conv")
    assert late.digests(plan.models["linear"]) == source.loaded == measured
    np.testing.assert_array_equal(classifier.predict(images), before)
    with pytest.raises(ModelError, match="a worker has another checkpoint"):
        worker.work(asked, source, source.loaded, classifier.input_shape, 0, images)


def test_data_that_is_exchanged_while_it_is_loaded_is_an_error(plan, monkeypatch):
    whole = npz.load

    def load(params):
        found = whole(params)
        np.savez(params.path, images=found.images[:3], labels=found.labels[:3])
        return found

    monkeypatch.setattr(npz, "load", load)
    with pytest.raises(DataError, match="was exchanged while it was audited"):
        Resources().samples(plan)


# --- results in a shared cache

KEY, OURS, THEIRS = "ab" * 32, b"our secret, that is long", b"their secret, just as long"


def test_results_are_believed_where_they_are_signed(tmp_path):
    Cache(tmp_path, OURS).put(KEY, mean([0.0, 1.0]))
    assert Cache(tmp_path, OURS).get(Metric, KEY).value == 0.5
    assert Cache(tmp_path).get(Metric, KEY).value == 0.5
    with heard() as said:
        assert Cache(tmp_path, THEIRS).get(Metric, KEY) is None
    assert "isn't signed with this key" in said[0]
    (entry,) = Cache(tmp_path).entries()
    seal, _, data = entry.path.read_bytes().partition(b"\n")
    for forged in (seal[:64] + b"\n" + data, seal[:64] + b" " + b"0" * 64 + b"\n" + data):
        entry.path.write_bytes(forged)
        assert Cache(tmp_path, OURS).get(Metric, KEY) is None
    Cache(tmp_path).put(KEY, mean([1.0, 1.0]))  # by somebody without the key
    assert Cache(tmp_path, OURS).get(Metric, KEY) is None
    assert Cache(tmp_path).get(Metric, KEY).value == 1.0


@pytest.mark.parametrize(("content", "why"), [(b"short", "at least 16 are needed"), (None, "can't be read")])
def test_a_key_that_is_none_says_how_to_make_one(tmp_path, content, why):
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(RecordError, match=why):
        secret_in(tmp_path / "key")


def test_a_report_says_which_results_were_signed(project):
    (project.path / "key").write_bytes(OURS)
    (project.path / "one.audit.yaml").write_text(spec(CHECKS))
    for key, told in (("key", None), ("key", "cached"), (None, "cached, unsigned")):
        option = [f"--audit-cache-key={key}"] if key else []
        result = project.runpytest_inprocess("--audit-report", str(told), *option)
        assert result.ret == 0
        page = (project.path / str(told) / "tiny" / "index.html").read_text()
        assert (f"{told}, measured" in page) == (told is not None)
        if told:
            assert f"{told}\n" in "\n".join(line.rstrip() for line in result.outlines) + "\n"
    assert (
        project.runpytest_inprocess("--audit-cache-key=none", "--audit-report", "x").ret == pytest.ExitCode.USAGE_ERROR
    )
