"""Samples that are drawn anew, those that belong together at once."""

import numpy as np

from auditor.measuring.resampling import resampled, spread


def test_without_clusters_every_sample_is_drawn_by_itself():
    drawn = np.concatenate(list(resampled(5, None, np.random.default_rng(0), 2000)))
    assert len(drawn) == 10_000
    np.testing.assert_allclose(np.bincount(drawn) / len(drawn), 0.2, atol=0.02)


def test_what_belongs_together_is_drawn_at_once():
    clusters = np.array([7, 3, 7, 9, 9, 9])
    for drawn in resampled(6, clusters, np.random.default_rng(0), 200):
        times = np.bincount(drawn, minlength=6)
        assert times[0] == times[2]
        assert times[3] == times[4] == times[5]
        assert times[0] + times[1] + times[3] == 3  # as many clusters as there are


def test_the_error_of_a_mean_is_that_of_its_clusters():
    """Ten clusters of ten equal values: the mean's standard error is that of ten values, not of a hundred."""
    values = np.repeat(np.arange(10) % 2, 10).astype(float)
    means = {
        name: np.std([values[at].mean() for at in resampled(100, clusters, np.random.default_rng(1), 2000)])
        for name, clusters in (("alone", None), ("together", np.repeat(np.arange(10), 10)))
    }
    np.testing.assert_allclose(means["alone"], 0.5 / np.sqrt(100), rtol=0.1)
    np.testing.assert_allclose(means["together"], 0.5 / np.sqrt(10), rtol=0.1)


def test_where_clusters_are_not_known_nothing_is_drawn_and_nothing_said():
    assert list(resampled(4, np.zeros(0, np.int64), np.random.default_rng(0), 10)) == []
    assert spread([]) == ""
