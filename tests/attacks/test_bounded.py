"""Bounded attacks against closed forms, and the promises the loop makes for all of them."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from auditor import catalog
from auditor.attacks import apgd, bim, fgsm, mifgsm, noise_search, pgd, square
from auditor.compute.randomness import keys
from auditor.models import keras as format_keras
from auditor.search.loop import ThreatModel
from auditor.search.norms import distance
from auditor.search.random import normal, uniform
from auditor.search.search import AttackResult, Job, search
from auditor.values import CheckError, one_by_one
from tests.attacks.closed_form import FAR, Drawn, images_for, linear, smallest_distances
from tests.support import CLASSES, SIZE, LinearClassifier, linear_model, samples

MANY_STEPS = {pgd: {"steps": 60}, bim: {"steps": 60}, mifgsm: {"steps": 60}, apgd: {"steps": 60}}
FEW = settings(max_examples=4, deadline=None)


def attack(
    module, classifier, images, labels, eps, norm="linf", box=FAR, targets=None, keep="first", rows=None, **params
) -> AttackResult:
    count = len(images)
    wanted = np.full(count, -1) if targets is None else targets
    numbers = np.arange(count) if rows is None else rows
    job = Job(images, labels, wanted, np.full(count, eps), numbers, classifier.predict(images))
    return search(
        module.__name__.rpartition(".")[2],
        module.Params(**params),
        classifier,
        ThreatModel(norm, box, targets is not None),
        job,
        3,
        keep,
    )


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
@pytest.mark.parametrize("module", MANY_STEPS, ids=lambda m: m.__name__.rpartition(".")[2])
@FEW
@given(seed=st.integers(0, 10_000), share=st.floats(0.1, 0.9))
def test_two_classes_are_met_exactly(module, norm, seed, share):
    classifier, images = linear(seed, 2), images_for(seed)
    labels = classifier.predict(images).argmax(axis=1)
    nearest = smallest_distances(classifier, images, labels, norm)
    eps = float(np.quantile(nearest, share))
    found = attack(module, classifier, images, labels, eps, norm, **MANY_STEPS[module])
    clear = np.abs(nearest - eps) > 0.02 * eps
    np.testing.assert_array_equal(found.success[clear], nearest[clear] < eps)


@FEW
@given(seed=st.integers(0, 10_000), share=st.floats(0.1, 0.9))
def test_one_step_is_exact_for_two_classes(seed, share):
    classifier, images = linear(seed, 2), images_for(seed)
    labels = classifier.predict(images).argmax(axis=1)
    for norm in ("linf", "l2"):
        nearest = smallest_distances(classifier, images, labels, norm)
        eps = float(np.quantile(nearest, share))
        found = attack(fgsm, classifier, images, labels, eps, norm)
        clear = np.abs(nearest - eps) > 1e-3 * eps
        np.testing.assert_array_equal(found.success[clear], nearest[clear] < eps)


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
@pytest.mark.parametrize("loss", ["scaled_ce", "margin", "dlr"])
@FEW
@given(seed=st.integers(0, 10_000), classes=st.sampled_from((3, 6)))
def test_many_classes_are_never_overstated_and_nearly_all_found(norm, loss, seed, classes):
    classifier, images = linear(seed, classes), images_for(seed)
    labels = classifier.predict(images).argmax(axis=1)
    nearest = smallest_distances(classifier, images, labels, norm)
    eps = float(np.median(nearest)) * 1.05
    found = attack(apgd, classifier, images, labels, eps, norm, steps=40, loss=loss, restarts=2)
    breakable = nearest < eps * (1 + 1e-4)
    assert not (found.success & ~breakable).any()
    assert found.success[breakable].mean() > 0.8


@FEW
@given(seed=st.integers(0, 10_000))
def test_a_targeted_success_is_the_target(seed):
    classifier, images = linear(seed, 4), images_for(seed)
    labels = classifier.predict(images).argmax(axis=1)
    targets = (labels + 1) % 4
    for loss in ("scaled_ce", "margin", "dlr"):
        found = attack(apgd, classifier, images, labels, 1.0, targets=targets, steps=30, loss=loss)
        said = classifier.predict(found.images).argmax(axis=1)
        np.testing.assert_array_equal(said == targets, found.success)
        assert found.success.mean() > 0.9


ALL = [catalog.load("attacks", n) for n in catalog.names("attacks")]
ALL = [module for module in ALL if module.SEEKS not in ("ascent", "ensemble")]


@pytest.fixture(scope="module")
def loaded(tiny):
    """A convolutional network, to attack, and loaded once more, to ask whether it is fooled."""
    params = format_keras.Params(path=str(tiny / "conv.keras"), output="probabilities")
    return format_keras.load(params), format_keras.load(params)


@pytest.mark.parametrize("keep", ["first", "last"])
@pytest.mark.parametrize("module", ALL, ids=lambda m: m.__name__.rpartition(".")[2])
@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_images_obey_ball_and_box_and_predict_again(loaded, module, norm, keep):
    if norm not in module.NORMS:
        pytest.skip("the attack has no such norm")
    classifier, fresh = loaded
    images = samples().images
    labels = classifier.predict(images).argmax(axis=1)
    eps = {"linf": 8 / 255, "l2": 0.7, "l1": 3.0}[norm]
    steps = {} if module is fgsm else {"steps": 12}
    found = attack(module, classifier, images, labels, eps, norm, (0.0, 1.0), keep=keep, **steps)
    assert (distance(found.images, images, norm) <= eps).all()
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    assert found.images.dtype == np.float32
    np.testing.assert_array_equal(fresh.predict(found.images).argmax(axis=1) != labels, found.success)
    np.testing.assert_array_equal(found.steps >= 0, found.success)


BALL = [module for module in ALL if module.SEEKS == "ball"]


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
@pytest.mark.parametrize("module", BALL, ids=lambda m: m.__name__.rpartition(".")[2])
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.sampled_from((3, 6)))
def test_success_never_falls_as_eps_grows(module, norm, seed, classes):
    """With two classes an attack's whole path scales with the radius, and the margin is linear along every ray: what
    falls at one radius falls at any larger one. With more classes a larger radius is another search, which may follow
    another rival: so enough steps are given, and the successes are counted.
    """
    if norm not in module.NORMS:
        pytest.skip("the attack has no such norm")
    steps = {} if module is fgsm else {"steps": 30}
    for count in (2, classes):
        classifier, images = linear(seed, count), images_for(seed, 20)
        labels = classifier.predict(images).argmax(axis=1)
        middle = float(np.median(smallest_distances(classifier, images, labels, norm)))
        radii = middle * np.repeat([0.25, 0.5, 1, 2], 20)
        tiled, rows = np.tile(images, (4, 1, 1, 1)), np.tile(np.arange(20), 4)
        found = attack(module, classifier, tiled, np.tile(labels, 4), radii, norm, rows=rows, **steps)
        found = found.success.reshape(4, 20)
        assert (np.diff(found.sum(axis=1)) >= 0).all()
        if count == 2:
            assert (found[1:] >= found[:-1]).all()


@pytest.mark.parametrize("module", ALL, ids=lambda m: m.__name__.rpartition(".")[2])
def test_radius_zero_is_clean_accuracy_and_constant_logits_are_attacked_without_nan(module):
    """Of one attack after the other, which is compiled once for both."""
    steps = {} if module is fgsm else {"steps": 5}
    norm = "linf" if "linf" in module.NORMS else "l2"
    classifier, images = linear(1, 3), images_for(1)
    labels = classifier.predict(images).argmax(axis=1)
    labels[:5] = (labels[:5] + 1) % 3
    found = attack(module, classifier, images, labels, 0.0, norm, **steps)
    np.testing.assert_array_equal(found.success, np.arange(len(images)) < 5)

    flat = Drawn(np.zeros((SIZE * SIZE, CLASSES), np.float32), np.array([1.0, 0.0, 0.0], np.float32))
    labels = np.zeros(len(images), np.int64)
    # Every attack is shown its loss by the same loop, so one that knows all of them is enough.
    for loss in (None, "ce", "margin", "dlr") if module is apgd else (None,):
        found = attack(module, flat, images, labels, 0.1, norm, **steps, **({"loss": loss} if loss else {}))
        assert not found.success.any()
        assert np.isfinite(found.images).all()


def test_the_same_seed_gives_the_same_images_whatever_stands_beside_them():
    classifier, images = linear(2, 3), images_for(2)
    labels = classifier.predict(images).argmax(axis=1)
    for module in (pgd, square):
        whole = attack(module, classifier, images, labels, 0.05, steps=20)
        again = attack(module, classifier, images, labels, 0.05, steps=20)
        np.testing.assert_array_equal(whole.images, again.images)
        part = np.array([30, 4, 17])
        few = attack(module, classifier, images[part], labels[part], 0.05, steps=20, rows=part)
        np.testing.assert_array_equal(few.success, whole.success[part])
        np.testing.assert_allclose(few.images, whole.images[part], atol=1e-6)


def test_successes_do_not_depend_on_the_batch_size(checkpoints, monkeypatch):
    from auditor.datasets import mnist_5k
    from auditor.search import blocks

    path = str(checkpoints / "mnist_cnn.keras")
    cnn = format_keras.load(format_keras.Params(path=path, output="probabilities"))
    digits = mnist_5k.load(mnist_5k.Params())
    flat, patches = linear(3, 4), images_for(3, 30)
    cases = [
        (flat, patches, flat.predict(patches).argmax(axis=1), 0.05, FAR),
        (cnn, digits.images[::34], digits.labels[::34], 0.15, (0.0, 1.0)),
    ]
    for module in (apgd, square):
        for classifier, images, labels, eps, box in cases:
            found = {}
            for batch in (1, 16, 1000):
                monkeypatch.setattr(blocks, "_BATCH_PIXELS", batch * images[0].size)
                monkeypatch.setattr(blocks, "_FEWEST", 1)
                found[batch] = attack(module, classifier, images, labels, eps, box=box, steps=10).success
            assert 0 < found[1000].sum() < len(images)
            np.testing.assert_array_equal(found[1], found[1000])
            np.testing.assert_array_equal(found[16], found[1000])


def test_however_large_images_are_sixteen_move_together(monkeypatch):
    from auditor.search import blocks

    monkeypatch.setattr(blocks, "_BATCH_PIXELS", 1)
    classifier, images, sizes = linear(3, 4), images_for(3, 35), list[int]()

    def engine(function, classifier, blocks):
        sizes.extend(len(block.job.images) for block in blocks)
        return one_by_one(function, classifier, blocks)

    logits = classifier.predict(images)
    job = Job(images, logits.argmax(axis=1), np.full(35, -1), np.full(35, 0.1), np.arange(35), logits)
    search("fgsm", fgsm.Params(), classifier, ThreatModel("linf", FAR), job, 0, engine=engine)
    assert sizes == [12, 11, 12], "evenly, and no more than sixteen"


def test_restarts_only_add():
    classifier, images = linear(5, 4), images_for(5)
    labels = classifier.predict(images).argmax(axis=1)
    once = attack(pgd, classifier, images, labels, 0.03, steps=3)
    thrice = attack(pgd, classifier, images, labels, 0.03, steps=3, restarts=3)
    assert (thrice.success >= once.success).all()
    assert once.gradients < thrice.gradients <= 3 * 3 * len(images)


def test_easy_images_leave_the_batch(checkpoints):
    from auditor.datasets import mnist_5k

    path = str(checkpoints / "mnist_cnn.keras")
    cnn = format_keras.load(format_keras.Params(path=path, output="probabilities"))
    digits = mnist_5k.load(mnist_5k.Params())
    images, labels = digits.images[:60], digits.labels[:60]
    quick = attack(apgd, cnn, images, labels, 0.3, box=(0.0, 1.0), steps=20)
    slow = attack(apgd, cnn, images, labels, 0.3, box=(0.0, 1.0), steps=20, keep="last")
    assert quick.success.all()
    assert slow.success.all()
    assert slow.gradients == 60 * 20
    assert quick.gradients < slow.gradients / 5
    assert slow.stopped_early is False


@pytest.mark.slow
def test_an_overconfident_twin_falls_as_the_plain_network_does(checkpoints, tmp_path):
    """The same decisions with logits ten times as large: plain cross-entropy finds half of it robust."""
    import keras

    from auditor.datasets import mnist_5k

    plain = keras.models.load_model(checkpoints / "mnist_cnn.keras", compile=False)
    last = plain.layers[-1]
    last.set_weights([10 * weights for weights in last.get_weights()])
    plain.save(tmp_path / "twin.keras")
    digits = mnist_5k.load(mnist_5k.Params())
    images, labels = digits.images[:500], digits.labels[:500]
    rates = []
    for path in (checkpoints / "mnist_cnn.keras", tmp_path / "twin.keras"):
        network = format_keras.load(format_keras.Params(path=str(path), output="probabilities"))
        stepped = attack(pgd, network, images, labels, 0.2, box=(0.0, 1.0), steps=40, step_size=0.01)
        adaptive = attack(apgd, network, images, labels, 0.2, box=(0.0, 1.0), steps=40)
        rates.append((1 - stepped.success.mean(), 1 - adaptive.success.mean()))
    (plain_pgd, plain_apgd), (twin_pgd, twin_apgd) = rates
    assert max(plain_apgd, twin_apgd) <= 0.05
    assert abs(twin_pgd - plain_pgd) <= 0.01


def test_softmax_and_logit_forms_of_one_network_give_the_same_numbers(tmp_path):
    found = []
    for activation, output in (("softmax", "probabilities"), ("linear", "logits")):
        linear_model(activation).save(tmp_path / f"{output}.keras")
        network = format_keras.load(format_keras.Params(path=str(tmp_path / f"{output}.keras"), output=output))
        here = samples()
        found.append(attack(apgd, network, here.images, here.labels, 0.2, box=(0.0, 1.0), steps=20).success)
    np.testing.assert_array_equal(*found)


@dataclasses.dataclass(frozen=True, eq=False)
class Rounded(LinearClassifier):
    """Logits rounded to one digit: no gradient, the same decisions but for ties."""

    def forward(self, images):
        import tensorflow as tf

        return tf.round(super().forward(images) * 10) / 10


def test_a_model_without_gradients_is_named_with_what_works():
    honest, images = linear(8, 2), images_for(8)
    hidden = Rounded(honest.kernel, honest.bias)
    labels = hidden.predict(images).argmax(axis=1)
    with pytest.raises(
        CheckError, match="gives no gradient; attacks that need none: hopskipjump, noise_search, pointwise, square"
    ):
        attack(apgd, hidden, images, labels, 0.1, steps=20)
    assert attack(square, hidden, images, labels, 0.1, steps=200).success.mean() > 0.3


def test_noise_is_the_floor():
    """It must find what is barely right, and not what a directed attack needs most of the radius for."""
    classifier, images = linear(9, 2), images_for(9)
    labels = classifier.predict(images).argmax(axis=1)
    for norm in noise_search.NORMS:
        nearest = smallest_distances(classifier, images, labels, norm)
        eps = float(np.median(nearest))
        found = attack(noise_search, classifier, images, labels, eps, norm, steps=100)
        assert found.success[nearest < 0.02 * eps].all()
        assert not found.success[nearest > eps].any()
        assert found.success.mean() < 0.5


def test_random_numbers_belong_to_image_and_step():
    tf = pytest.importorskip("tensorflow")
    drawn_keys = tf.constant(keys(0, "a", list(range(200))))
    drawn = np.stack([uniform(drawn_keys, tf.constant(t), (3, 3)).numpy() for t in range(50)])
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert kstest(drawn.ravel(), "uniform").pvalue > 1e-3
    columns = drawn.reshape(-1, 9)
    assert np.abs(np.corrcoef(columns.T) - np.eye(9)).max() < 0.05
    assert abs(np.corrcoef(drawn[1:].ravel(), drawn[:-1].ravel())[0, 1]) < 0.02
    np.testing.assert_array_equal(uniform(drawn_keys[7:9], tf.constant(4), (3, 3)), drawn[4, 7:9])
    bell = normal(drawn_keys, tf.constant(0), (10, 10)).numpy().ravel()
    assert kstest(bell, "norm").pvalue > 1e-3


def test_aiming_at_rivals_breaks_what_is_near_any_of_them():
    classifier, images = linear(11, 6), images_for(11)
    labels = classifier.predict(images).argmax(axis=1)
    nearest = smallest_distances(classifier, images, labels, "linf")
    eps = float(np.median(nearest)) * 1.02
    found = attack(apgd, classifier, images, labels, eps, steps=40, loss="dlr", rivals=5)
    clear = np.abs(nearest - eps) > 0.01 * eps
    np.testing.assert_array_equal(found.success[clear], nearest[clear] < eps)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_difference_of_logits_ratio_works_with_few_classes(classes):
    """The published ratio needs a third logit, and towards a target a fourth."""
    classifier, images = linear(12, classes), images_for(12)
    labels = classifier.predict(images).argmax(axis=1)
    nearest = smallest_distances(classifier, images, labels, "linf")
    eps = float(np.median(nearest)) * 1.02
    clear = np.abs(nearest - eps) > 0.02 * eps
    for rivals in (0, 9):
        found = attack(apgd, classifier, images, labels, eps, steps=60, loss="dlr", rivals=rivals)
        np.testing.assert_array_equal(found.success[clear], nearest[clear] < eps)


def test_a_target_that_is_the_label_is_reached_at_once():
    classifier, images = linear(13, 3), images_for(13)
    labels = classifier.predict(images).argmax(axis=1)
    found = attack(apgd, classifier, images, labels, 0.1, targets=labels, steps=5, random_start=False)
    assert found.success.all()
    assert (found.steps == 0).all()
