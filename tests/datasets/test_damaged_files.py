"""Files of every dataset with changed bytes, and cut off: opened or refused, never another error, a crash or a hang."""

from importlib.util import find_spec

import pytest

from tests.datasets.fuzz import FORMS, ends


NEEDED = {"parquet": "pyarrow", "tfds": "tensorflow_datasets"}
FEW = ("tfrecord", "tfds")  # TensorFlow takes its time


# 500 of each, these and gzipped records too, are `python -m tests.datasets.fuzz`.
@pytest.mark.parametrize("form", [form for form in FORMS if form != "gzipped tfrecord"])
def test_damage_is_a_clear_error(tmp_path, form):
    if form in NEEDED and not find_spec(NEEDED[form]):
        pytest.skip(f"{NEEDED[form]} isn't installed")
    found = ends(form, tmp_path, 8 if form in FEW else 40)
    assert set(found.values()) == {"opened", "refused"}, found
    assert found[0] == "opened", "nothing was changed"
