"""What is known of an image beside its label: numbers or names, and never other images'."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.reading.intake import admitted, told
from auditor.values import DataError, Samples, digests, from_array, from_texts, in_words, is_missing, is_numeric
from tests.support import samples


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", " 2.5", "-3e2", ""], [1.0, 2.5, -300.0, np.nan]),
        (["1", "nan", "NULL"], [1.0, np.nan, np.nan]),
        (["007", "7"], ["007", "7"]),  # a name with zeros in front is no number
        (["12345678901234567", "12345678901234568"], ["12345678901234567", "12345678901234568"]),
        (["0.1234567890123456789"], [0.12345678901234568]),
        (["1", "two"], ["1", "two"]),
        (["inf", "1"], ["inf", "1"]),
        (["oslo ", ""], ["oslo", ""]),
        (["NA", "DE"], ["NA", "DE"]),
        (["", ""], ["", ""]),
        (["nan"], ["nan"]),
    ],
)
def test_a_column_is_of_numbers_where_all_of_it_is(texts, expected):
    found = from_texts(texts)
    assert is_numeric(found) == isinstance(expected[0], float)
    np.testing.assert_array_equal(found, np.array(expected, dtype=found.dtype))
    missing = [value == "" if isinstance(value, str) else np.isnan(value) for value in expected]
    assert is_missing(found).tolist() == missing


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=8))
def test_numbers_are_read_back_as_they_are_written(values):
    written = [in_words(float(value)) for value in values]
    found = from_texts(written)
    kept = found if is_numeric(found) else np.array([float(text) for text in found])
    np.testing.assert_array_equal(kept, values)


def test_arrays_of_plain_values():
    assert from_array(np.array([True, False])).tolist() == ["true", "false"]
    assert from_array(np.array([2**60, 2**60 + 1])).tolist() == [str(2**60), str(2**60 + 1)]
    assert from_array(np.array([1, 2], np.uint8)).dtype == np.float64
    assert from_array(np.array([b"a ", b"b"])).tolist() == ["a", "b"]
    assert from_array(np.array(["2024-01-31", "NaT"], "M8[D]")).tolist() == ["2024-01-31", ""]
    assert from_array(np.zeros((2, 2))) is None
    assert from_array(np.array([{}], object)) is None


def known() -> Samples:
    found = samples(6)
    return dataclasses.replace(found, attributes={"site": np.array([*"uuvvw", ""], object), "age": np.arange(6.0)})


def test_some_of_the_images_have_what_is_known_of_them():
    some = known().only(np.array([4, 1]))
    assert (some.attributes["site"].tolist(), some.attributes["age"].tolist()) == (["w", "u"], [4.0, 1.0])
    assert some.indices.tolist() == [104, 101]
    assert known().only(np.arange(6) == 2).attributes["age"].tolist() == [2.0]


def test_images_are_never_taken_without_what_is_known_of_them():
    whole = known()
    with pytest.raises(DataError, match="6 values of the attribute 'site' for 2 images"):
        dataclasses.replace(whole, images=whole.images[:2], labels=whole.labels[:2], indices=whole.indices[:2])


def test_of_images_that_are_there_twice_the_first_keeps_its_own():
    whole = known()
    images = whole.images.copy()
    images[3] = images[0]
    kept = admitted(dataclasses.replace(whole, images=images), "tiny")
    assert kept.attributes["age"].tolist() == [0.0, 1.0, 2.0, 4.0, 5.0]
    assert kept.attributes["site"].tolist() == ["u", "u", "v", "w", ""]


def test_records_say_by_digest_what_was_known():
    whole = admitted(known(), "tiny")
    assert told(whole)["attributes"] == digests(whole.attributes)
    assert "attributes" not in told(admitted(samples(6), "tiny"))
    other = dataclasses.replace(whole, attributes={**whole.attributes, "site": whole.attributes["site"][::-1]})
    assert digests(other.attributes)["site"] != digests(whole.attributes)["site"]
    assert digests(other.attributes)["age"] == digests(whole.attributes)["age"]
    assert admitted(other, "tiny").digest == whole.digest  # of the images, the labels and their rows alone


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"site": np.zeros((6, 2))}, "tiny: the attribute 'site' needs one number, text, date or truth value"),
        ({"age": np.array([0, 1, np.inf, 3, 4, 5])}, "tiny: the attribute 'age' is infinite at place 2"),
        ({" ": np.zeros(6)}, "tiny: an attribute is called ' '"),
        ({"a\nb": np.zeros(6)}, "tiny: the name of the attribute 'a\\nb' has the character U+000A"),
    ],
)
def test_what_is_no_attribute_is_refused(attributes, message):
    with pytest.raises(DataError) as caught:
        admitted(dataclasses.replace(samples(6), attributes=attributes), "tiny")
    assert message in str(caught.value)
