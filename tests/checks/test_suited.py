"""Images in another range, and labels in another order, than the network was trained on are told of."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from auditor.compute.backend import tensorflow
from auditor.measuring.suited import suited
from auditor.values import Samples
from tests.support import LinearClassifier, context, last_run, spec, write

COUNT = 11


def classes(count: int = 220, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images of one bright column each of eleven, and which: (count, 6, 11, 1) in [0, 1], (count,)."""
    labels = np.arange(count) % COUNT
    images = np.random.default_rng(seed).random((count, 6, COUNT, 1)) * 0.4
    images[np.arange(count), :, labels] += 0.5
    return images.astype(np.float32), labels


def columns(scale: float = 1.0, offset: float = 0.0, order: list[int] | None = None) -> LinearClassifier:
    """Right for the brightest column, of images within [offset, offset + 1 / scale]; classes in any order.

    A constant class wins where the columns differ by little, as in images of a range that it doesn't know.
    """
    kernel = np.zeros((6, COUNT, COUNT + 1), np.float32)
    for position, number in enumerate(order or range(COUNT)):
        kernel[:, position, number] = scale
    bias = np.full(COUNT + 1, -offset * scale * 6, np.float32)
    bias[-1] = 1.5
    return LinearClassifier(kernel.reshape(-1, COUNT + 1), bias, (6, COUNT, 1))


def found(classifier: LinearClassifier, images: np.ndarray, labels: np.ndarray, **more):
    low, high = float(np.floor(images.min())), float(np.ceil(images.max()))
    samples = Samples(images, labels, np.arange(len(labels)), (low, high), None, "test")
    judged = suited(classifier, context(classifier, dataclasses.replace(samples, **more)))
    return {diagnostic.name: diagnostic for diagnostic in judged.diagnostics}, judged.notes


def test_a_model_that_suits_its_data_is_left_alone():
    ok, notes = found(columns(), *classes())
    assert all(diagnostic.ok for diagnostic in ok.values())
    assert set(ok) == {"range of the images", "order of the classes", "more than one answer"}
    assert notes == ()


def test_images_in_another_range_are_told_of():
    images, labels = classes()
    told, notes = found(columns(1 / 255), images, labels)  # it knows [0, 255] and is shown [0, 1]
    message = told["range of the images"].message
    assert not told["range of the images"].ok
    assert "0% of 200 images are right, 100% if they are multiplied by 255 (the box is [0, 1], the mean" in message
    assert told["order of the classes"].ok
    assert "no more than by always naming one class" in notes[0]


def labelled(mapping: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    images, labels = classes()
    return images, mapping[labels]


def test_classes_in_text_order_are_told_of():
    """Folders 1 to 11 in natural order, a network that was trained on them in text order."""
    names = [str(number + 1) for number in range(COUNT)]
    text = sorted(names)
    network = columns(order=[text.index(name) for name in names])
    told, _ = found(network, *classes(), classes=(*names, "other"))
    message = told["order of the classes"].message
    assert not told["order of the classes"].ok
    assert "% of 200 images are right, 100% if classes are numbered in text order: 2 (1) as 3, 3 (2) as 4" in message
    assert message.endswith("List the classes in the order of the network in `names`, or mend the labels")


@pytest.mark.parametrize(
    ("mapping", "named"),
    [
        (np.arange(COUNT) + 1, "an order that begins at 1"),
        (np.random.default_rng(1).permutation(COUNT), "another one"),
        (np.array([1, 0, *range(2, COUNT)]), "another one"),
    ],
    ids=["from 1", "any", "two of them"],
)
def test_labels_in_another_order_are_told_of(mapping, named):
    told, _ = found(columns(), *labelled(mapping))
    assert not told["order of the classes"].ok
    assert f"100% if classes are numbered in {named}: " in told["order of the classes"].message


def test_another_range_and_another_order_at_once_are_told_of():
    """It knows [0, 255] and another order: in neither alone is it better than one that guesses."""
    order = np.random.default_rng(1).permutation(COUNT)
    told, notes = found(columns(1 / 255), *labelled(order))
    message = told["range of the images"].message
    assert not told["range of the images"].ok
    assert message.startswith(
        "0% of 99 images are right, 100% if they are multiplied by 255 and classes are numbered in "
    )
    assert f"0 (0) as {np.argsort(order)[0]}" in message
    assert "no more than by always naming one class" in notes[0]


def test_a_weak_network_is_no_wrong_order():
    """Random labels, one class for all, and an attack of confusion that goes one way: no order would be better."""
    images, labels = classes()
    random = np.random.default_rng(3).integers(0, COUNT, len(labels))
    one_way = np.where(labels == 4, 9, labels)
    for wrong in (random, np.zeros_like(labels), one_way):
        told, _ = found(columns(), images, wrong)
        assert told["order of the classes"].ok, told
    constant = LinearClassifier(
        np.zeros((6 * COUNT, COUNT + 1), np.float32), np.eye(COUNT + 1, dtype=np.float32)[-1], (6, COUNT, 1)
    )
    told, _ = found(constant, images, labels)
    assert [name for name, diagnostic in told.items() if not diagnostic.ok] == ["more than one answer"]
    assert "it calls all 200 images looked at class 11, and so it does noise, negatives and blank images" in str(told)
    _, notes = found(columns(), images, random)
    assert "no more than by always naming one class" in notes[0]


@pytest.mark.parametrize(("count", "favourite"), [(2, 0), (2, 1), (3, 0), (3, 2)])
def test_a_network_of_few_answers_is_no_wrong_order(count, favourite):
    """It answers the same of nearly all images: of any order of the classes it would be as often wrong."""
    images, _ = classes()
    labels = np.arange(len(images)) % count
    seldom = np.arange(len(images)) // count % 10 == 0  # of every class alike
    images = np.where(seldom[:, None, None, None], np.full_like(images, 0.9), np.full_like(images, 0.1))
    kernel = np.zeros((6 * COUNT, count), np.float32)
    kernel[:, (favourite + 1) % count] = 1
    bias = np.zeros(count, np.float32)
    bias[favourite] = 30
    told, _ = found(LinearClassifier(kernel, bias, (6, COUNT, 1)), images, labels)
    assert all(diagnostic.ok for diagnostic in told.values()), told


def test_a_pass_is_void_where_classes_are_in_another_order(project):
    """`max` gates on a network that seems always wrong passed on this; so did every check that needs no label."""
    tensorflow()
    import keras

    images, labels = classes(110)
    names = [str(number + 1) for number in range(COUNT)]
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = project.path / "test" / names[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image[..., 0] * 255).round().astype(np.uint8)).save(folder / f"{i}.png")
    for name, order in (("natural", names), ("text", sorted(names))):
        model = keras.Sequential([keras.Input((6, COUNT, 1)), keras.layers.Flatten(), keras.layers.Dense(COUNT)])
        kernel = np.zeros((6, COUNT, COUNT), np.float32)
        for position, folder_name in enumerate(names):
            kernel[:, position, order.index(folder_name)] = 1
        model.layers[-1].set_weights([kernel.reshape(-1, COUNT), np.zeros(COUNT, np.float32)])
        model.save(project.path / f"{name}.keras")
    more = "".join(
        f"{name}: {{format: keras, path: {name}.keras, output: logits, trusted: true}}\n"
        for name in ("natural", "text")
    )
    checks = "- {id: natural, check: accuracy, model: natural, expect: {accuracy: {min: 0.9}}}\n"
    checks += "- {id: text, check: accuracy, model: text, expect: {accuracy: {max: 0.5}}}\n"
    write(project, spec(checks, models=more, data="dataset: image_folder, path: test, channels: 1"))
    project.runpytest_inprocess()
    run = last_run(project)
    assert run.records["natural"].verdict.status == "pass", run.records["natural"].verdict.message
    assert run.records["text"].verdict.status == "inconclusive"
    assert "numbered in text order" in run.records["text"].verdict.message
    assert run.records["text"].provenance["data"]["classes"] == names
    page = (project.path / "reports" / "tiny" / "index.html").read_text()
    assert "Keras and torchvision do it as text" in page
