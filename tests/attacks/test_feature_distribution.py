"""`feature_distribution`: what a reader of an inner layer says is followed, and what the model decides is counted."""

import dataclasses

import numpy as np
import pytest

from auditor.attacks import feature_distribution
from auditor.checks import robust_accuracy
from auditor.search import Job, Reader, ThreatModel, search
from auditor.values import CheckError, Layer
from tests.attacks.closed_form import FAR, images_for, linear, smallest_distances
from tests.support import LinearClassifier, context, linear_weights, samples


@dataclasses.dataclass(frozen=True, eq=False)
class Hard(LinearClassifier):
    """Decides as a linear classifier, gives no slope, and shows what it decides by as its second layer."""

    def forward(self, images):
        import tensorflow as tf

        return tf.one_hot(tf.argmax(super().forward(images), axis=1), self.class_count)

    def layers(self):
        def itself(images):
            return images

        return tuple(Layer(name, "linear", False, None, itself) for name in ("first", "second"))


class Open(Hard):
    """The same with scores that can be followed."""

    def forward(self, images):
        return LinearClassifier.forward(self, images)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_behind_hard_decisions_two_classes_are_met_exactly(norm):
    """The distance to the boundary is known from the weights, of which the model's own scores show nothing."""
    honest, images = linear(31, 2), images_for(31)
    labels = honest.predict(images).argmax(axis=1)
    nearest = smallest_distances(honest, images, labels, norm)
    eps = float(np.median(nearest))
    model = Hard(honest.kernel, np.zeros(2, np.float32))
    # The reader knows no bias of the classifier's, and needs none: its slope is the same.
    shifted = dataclasses.replace(model, bias=honest.bias)
    job = Job(images, labels, np.full(40, -1), np.full(40, eps), np.arange(40), shifted.predict(images))
    params, threat = feature_distribution.Params(steps=60), ThreatModel(norm, FAR)
    found = search("feature_distribution", params, shifted, threat, job, 3, reader=Reader(1, honest.kernel))
    clear = np.abs(nearest - eps) > 0.02 * eps
    np.testing.assert_array_equal(found.success[clear], nearest[clear] < eps)
    assert found.gradients > 0


def test_in_a_check_the_reader_is_taught_and_a_pass_needs_another_attack_as_well():
    """Images break as they do by the weights; where no layer leads anywhere, that is an error and says what to do."""
    data, params = samples(60), robust_accuracy.Params(eps=0.3, attacks=[{"attack": "feature_distribution"}])
    kernel, bias = linear_weights()
    found = robust_accuracy.run(context(Hard(kernel, bias), data), params)
    upper = robust_accuracy.run(context(LinearClassifier(kernel, bias), data), robust_accuracy.Params(eps=0.3))
    assert abs(found.metrics["robust_accuracy"].value - upper.metrics["robust_accuracy"].value) <= 0.05
    small = robust_accuracy.Params(eps=0.05, attacks=[{"attack": "feature_distribution"}])
    doubted = robust_accuracy.run(context(Open(kernel, bias), data), small).diagnostics
    assert "gradients" in [one.name for one in doubted if not one.ok]
    with pytest.raises(CheckError, match="goes along an inner layer, and none of this model's leads anywhere"):
        robust_accuracy.run(context(LinearClassifier(kernel, bias), data), params)
