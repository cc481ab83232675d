"""weight_maps"""

import numpy as np
import pytest

from auditor.checks.weight_maps import Params, run
from auditor.compute import tensorflow
from auditor.values import CheckError, exact
from tests.support import context


def test_maps_are_the_weights(networks, checkpoints, digits):
    evidence = run(context(networks["regression"], digits), Params(limit=0.3))
    kernel = tensorflow().keras.models.load_model(checkpoints / "mnist_softmax.keras").layers[-1].get_weights()[0]
    np.testing.assert_allclose(evidence.arrays["maps"].reshape(10, 784), kernel.T, atol=1e-6)
    assert evidence.metrics["matched"] == exact(1.0)
    assert evidence.metrics["resemblance"].value > 0.5
    assert evidence.metrics["resemblance"].kind == "exact", "all classes are no sample of classes"
    panel = evidence.figures[0].panel
    assert (panel.palette, panel.limits) == ("diverging", (-0.3, 0.3))


def test_a_network_that_is_not_linear_is_refused(networks, digits):
    with pytest.raises(CheckError, match="isn't linear"):
        run(context(networks["cnn"], digits), Params())
