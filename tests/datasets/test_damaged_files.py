"""Files of every dataset with changed bytes, and cut off: opened or refused, never another error, a crash or a hang."""

from importlib.util import find_spec

import pytest

from tests.datasets.fuzz import FORMS, ends

NEEDED = {"parquet": "pyarrow", "tfds": "tensorflow_datasets"}
FAST = [form for form in FORMS if form not in ("tfrecord", "gzipped tfrecord", "tfds")]


# TensorFlow takes its time; 500 of each, and of what isn't here, are `python -m tests.datasets.fuzz`.
@pytest.mark.parametrize(("forms", "count"), [(FAST, 40), (["tfrecord"], 8), (["tfds"], 8)])
def test_damage_is_a_clear_error(tmp_path, forms, count):
    there = [form for form in forms if form not in NEEDED or find_spec(NEEDED[form])]
    if not there:
        pytest.skip(f"what {forms[0]} needs isn't installed")
    for form, found in ends(there, tmp_path, count).items():
        assert set(found.values()) == {"opened", "refused"}, (form, found)
        assert found[0] == "opened", f"nothing was changed of {form}"
