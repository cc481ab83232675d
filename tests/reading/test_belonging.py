"""Which images belong together, by what is known of them and by their looks."""

from dataclasses import replace

import numpy as np
import pytest

from auditor.reading import together
from auditor.values import DataError
from tests.checks.test_data_quality import of, textures


def patients(names, count=12):
    found = of(textures(count))
    return replace(found, attributes={"patient": np.array(names, dtype=object)})


def groups(samples):
    return [list(samples.clusters.values())[i] for i in range(len(samples))]


def test_images_of_one_patient_are_one_cluster_here_and_in_other_data():
    names = ["a", "b", "c"] * 4
    found = together(patients(names), "patient", alike=False)
    numbers = groups(found)
    assert len(set(numbers)) == 3
    assert all((numbers[i] == numbers[j]) == (names[i] == names[j]) for i in range(12) for j in range(12))
    other = together(patients(["c"] * 12), "patient", alike=False, audited=False)
    assert set(groups(other)) == {numbers[2]}
    assert "12 images lie in 3 clusters by `patient`, of which the largest has 4" in found.remarks[-1]


def test_what_looks_alike_joins_clusters():
    images = textures(12)
    images[7] = np.clip(images[2] + 0.15, 0, 1)
    alone = together(of(images), None, alike=True)
    numbers = groups(alone)
    assert numbers[7] == numbers[2]
    assert len(set(numbers)) == 11
    named = replace(of(images), attributes={"patient": np.array([f"p{i // 2}" for i in range(12)], dtype=object)})
    joined = groups(together(named, "patient", alike=True))
    assert len(set(joined)) == 5
    assert joined[6] == joined[7] == joined[2] == joined[3]


def test_what_is_not_said_and_attributes_that_are_not_there_are_told_with_their_rows():
    with pytest.raises(DataError, match=r"2 of 12 images have no 'patient' \(rows 100, 103\)"):
        together(patients(["", "a", "b", "", *"cdefghij"]), "patient", alike=False)
    with pytest.raises(DataError, match="patience"):
        together(patients(["a"] * 12), "patience", alike=False)
    assert together(patients(["a"] * 12), "site", alike=False, audited=False).clusters == {}


def test_without_being_asked_nothing_changes():
    samples = patients(["a"] * 12)
    assert together(samples, None, alike=False) is samples
