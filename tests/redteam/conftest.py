"""An honest network, trained once, the images to audit, and liars around it."""

import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.datasets import mnist_5k
from auditor.models import keras as format_keras
from auditor.values import Classifier
from tests.redteam import liars, truth


@dataclass
class RedTeam:
    """The honest network, 200 images to audit with their labels, and where models are kept."""

    folder: Path
    count: int = 200
    built: dict[str, Any] = field(default_factory=dict)
    loaded: dict[str, Classifier] = field(default_factory=dict)

    @cached_property
    def digits(self) -> Any:
        """All 1000 images that no network was trained on, as samples: the first 200 are audited."""
        return mnist_5k.load(mnist_5k.Params())

    @property
    def images(self) -> np.ndarray:
        return np.asarray(self.digits.images[: self.count])

    @property
    def labels(self) -> np.ndarray:
        return np.asarray(self.digits.labels[: self.count])

    @cached_property
    def honest(self) -> Any:
        taught = mnist_5k.load(mnist_5k.Params(split="train"))
        return liars.honest_network(taught.images, taught.labels)

    @cached_property
    def descended(self) -> np.ndarray:
        """The audited images moved by at most 0.1, so that the honest network errs on them where it can be made to."""
        return truth.descended(self.honest, self.images, self.labels, 0.1)

    @cached_property
    def memory(self) -> liars.Memory:
        return liars.Memory(self.images, self.labels)

    def liar(self, name: str, liar: liars.Liar | None = None) -> Any:
        """The Keras model of a liar by its name in `STRUCTURAL`, or of a function."""
        if name not in self.built:
            self.built[name] = liars.build(liar or liars.STRUCTURAL[name], self.honest)
        return self.built[name]

    def path(self, name: str, liar: liars.Liar | None = None) -> Path:
        """The file of a liar, or of the `honest` network itself; saved when it is first asked for."""
        file = self.folder / f"{name}.keras"
        if not file.exists():
            (self.honest if name == "honest" else self.liar(name, liar)).save(file)
        return file

    def opened(self, name: str, liar: liars.Liar | None = None) -> Classifier:
        """The same as a classifier, loaded once: what is asked about a model once is asked once for all tests."""
        if name not in self.loaded:
            path = str(self.path(name, liar))
            self.loaded[name] = format_keras.load(format_keras.Params(path=path, output="logits"))
        return self.loaded[name]

    def put(self, into: Path, *names: str) -> None:
        """Copy models, saved before, and the audited images as `data.npz`, into a folder beside a spec."""
        for name in names:
            shutil.copy(self.path(name), into / f"{name}.keras")
        np.savez(into / "data.npz", images=self.images, labels=self.labels, classes=np.array(list("0123456789")))


@pytest.fixture(scope="session")
def redteam(tmp_path_factory: pytest.TempPathFactory) -> RedTeam:
    """The honest network and the liars."""
    return RedTeam(tmp_path_factory.mktemp("redteam"))
