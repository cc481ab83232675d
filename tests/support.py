"""Small real models and specs for tests."""

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from auditor.compute.backend import tensorflow
from auditor.records.store import Folder
from auditor.values import Context, Run, Samples

SIZE, CLASSES = 6, 3
INSIDE = re.compile(
    r"Pydantic|Undefined|<class|<function|object at 0x|Annotated|\bnp\.|Params\(|(?<=  )(None|True|False)  "
    r"|\b(float|u?int)(8|16|32|64)\(|\barray\(|dtype=|PosixPath|ModelPrivateAttr|default_factory|Traceback"
)
"""What Python, pydantic and NumPy call things, which nobody who writes a spec should read."""
NOT_OF_THE_FIELD = re.compile(
    r"\bclimb(s|ed|ing)?\b|\bfallen\b|\b(images?|rows) (that )?(fell|fall)\b(?! short)|\bleads? over\b", re.I
)
"""Words of this package's own for which the field has others, which `docs/reference/glossary.md` lists."""


def templates() -> np.ndarray:
    """One picture per class: a third of the image is bright. (3, 6, 6, 1)"""
    pictures = np.full((CLASSES, SIZE, SIZE, 1), 0.2, np.float32)
    for c in range(CLASSES):
        pictures[c, 2 * c : 2 * c + 2] = 0.8
    return pictures


def linear_weights() -> tuple[np.ndarray, np.ndarray]:
    """Kernel (36, 3) and bias (3,) of a classifier that compares an image with the templates."""
    flat = templates().reshape(CLASSES, -1)
    return (flat - flat.mean(axis=0)).T.astype(np.float32) * 2, np.zeros(CLASSES, np.float32)


def linear_model(activation: str = "softmax", scale: float = 1.0) -> Any:
    """A linear classifier with known weights, as a Keras model."""
    tensorflow()
    import keras

    model = keras.Sequential(
        [keras.Input((SIZE, SIZE, 1)), keras.layers.Flatten(), keras.layers.Dense(CLASSES, activation=activation)]
    )
    kernel, bias = linear_weights()
    model.layers[-1].set_weights([kernel * scale, bias])
    return model


def conv_model(seed: int = 0) -> Any:
    """An untrained convolutional network with two convolutions, one with its filters all dead."""
    tensorflow()
    import keras

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            keras.layers.Conv2D(4, 3, activation="relu", name="first"),
            keras.layers.Conv2D(5, 3, activation="relu", name="second"),
            keras.layers.Flatten(),
            keras.layers.Dense(CLASSES, activation="softmax", name="last"),
        ]
    )
    kernel, bias = model.get_layer("first").get_weights()
    kernel[..., 0], bias[0] = -1.0, -1.0
    model.get_layer("first").set_weights([kernel, bias])
    return model


def exported(folder: Path, call: Callable[[Any], Any], *parts: Any) -> Path:
    """A SavedModel of one function from images (N, 6, 6, 1) to its outputs; parts: what holds its variables."""
    tf = tensorflow()
    module = tf.Module()
    module.parts = parts
    module.call = tf.function(call, input_signature=[tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32)])
    tf.saved_model.save(module, folder, module.call)
    return folder


def data(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Images near the templates, and their labels in turn: (count, 6, 6, 1) in [0, 1], (count,)."""
    labels = np.arange(count) % CLASSES
    noise = np.random.default_rng(0).normal(0, 0.05, (count, SIZE, SIZE, 1))
    return np.clip(templates()[labels] + noise, 0, 1).astype(np.float32), labels


def save_data(folder: Path, **more: np.ndarray) -> None:
    """Write them as the `data.npz` that specs name."""
    images, labels = data()
    np.savez(folder / "data.npz", images=images, labels=labels, **more)


def samples(count: int = 60) -> Samples:
    """The same as samples."""
    images, labels = data(count)
    names = tuple("abc")
    return Samples(images, labels.astype(np.int64), np.arange(count) + 100, (0.0, 1.0), names, "tiny", "0" * 64)


def make_tiny(folder: Path) -> Path:
    """Write models and data for specs to use."""
    linear_model().save(folder / "linear.keras")
    linear_model(scale=3.0).save(folder / "steeper.keras")
    linear_model(activation="linear").save(folder / "logits.keras")
    conv_model().save(folder / "conv.keras")
    save_data(folder, classes=np.array(list("abc")))
    return folder


@dataclass(frozen=True, eq=False)
class LinearClassifier:
    """A classifier whose robust accuracy is known exactly: logits = images · kernel + bias."""

    kernel: np.ndarray
    bias: np.ndarray
    input_shape: tuple[int, int, int] = (SIZE, SIZE, 1)
    logits_from: str = "its own output"
    output: str = "logits"

    @property
    def class_count(self) -> int:
        return len(self.bias)

    def forward(self, images: Any) -> Any:
        tf = tensorflow()
        flat = tf.reshape(images, (-1, self.kernel.shape[0]))
        return tf.matmul(flat, tf.constant(self.kernel)) + tf.constant(self.bias)

    def predict(self, images: np.ndarray) -> np.ndarray:
        return self.forward(images.astype(np.float32)).numpy()

    def answers(self, images: np.ndarray, batch: int | None = None) -> np.ndarray:
        size = batch or len(images)
        return np.concatenate([self.predict(images[i : i + size]) for i in range(0, len(images), size)])

    def check_declaration(self, images: np.ndarray) -> None:
        """Its logits are logits."""

    def layers(self) -> tuple[()]:
        return ()


def context(model: Any, samples: Samples, others: dict[str, Any] | None = None, **images: Any) -> Context:
    """A context around one loaded classifier, others by name, and other cases' images by id."""
    models = {"model": model, **(others or {})}
    return Context("model", samples, 7, models.__getitem__, images.__getitem__, {}.__getitem__)


def spec(checks: str, audit: str = "tiny", models: str = "", data: str = "dataset: npz, path: data.npz") -> str:
    """A spec on the tiny models with these checks."""
    head = f"""\
    audit: {audit}
    models:
      linear: {{format: keras, path: linear.keras, output: probabilities, trusted: true}}
      steeper: {{format: keras, path: steeper.keras, output: probabilities, trusted: true}}
      conv: {{format: keras, path: conv.keras, output: probabilities, trusted: true}}
    """
    body = textwrap.dedent(head) + textwrap.indent(textwrap.dedent(models), "  ")
    return body + f"data: {{{data}}}\nchecks:\n" + textwrap.indent(textwrap.dedent(checks), "  ")


FLIP = """\
- {id: clean, check: accuracy, expect: {accuracy: {min: 0.9}}}
- {id: flip, check: digit_flip, params: {target: 0, steps: 5, step_size: 0.3, objective: logit}}
- {id: onto, check: transfer, params: {adversarial: flip, onto: [steeper]}}
"""


def last_run(project: Any, audit: str = "tiny", reports: str = "reports") -> Run:
    """The run that a project's session left."""
    return Folder(project.path / reports / audit).load_run()


def states(run: Run) -> dict[str, str]:
    """What became of each case."""
    return {case.id: run.state(case) for case in run.cases}


def write(project: Any, text: str, name: str = "one") -> Path:
    """Write a spec into a project."""
    path: Path = project.path / f"{name}.audit.yaml"
    path.write_text(text)
    return path
