"""What a check may use while it runs: models, samples, the images of other cases, and who works off what takes long."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from auditor.values.classifier import Checkpoint, Classifier
from auditor.values.errors import CheckError
from auditor.values.evidence import AdversarialImages
from auditor.values.metrics import IntArray
from auditor.values.samples import Samples
from auditor.values.sampling import in_turn, ranking


@dataclass(frozen=True)
class Passes:
    """What a measurement takes of a classifier.

    gradients: images passed through it with their gradient; of a Jacobian, once for each class. predictions: images
    passed without. traces: how many searches are compiled.
    """

    gradients: int = 0
    predictions: int = 0
    traces: int = 0

    def __add__(self, other: "Passes") -> "Passes":
        return Passes(
            self.gradients + other.gradients, self.predictions + other.predictions, self.traces + other.traces
        )

    def __mul__(self, images: int) -> "Passes":
        """The same for so many images; what is compiled once stays so."""
        return Passes(self.gradients * images, self.predictions * images, self.traces)


class Engine(Protocol):
    """A way to work off independent tasks: one after the other, in several processes, or on many machines."""

    def __call__(
        self, function: Callable[[Classifier, Any], Any], classifier: Classifier, tasks: Sequence[Any]
    ) -> list[Any]:
        """Give function(classifier, task) of every task, in their order.

        The function is a module's own, and tasks and results are dataclasses of plain values and arrays.
        """


class Outlasting:
    """A result of a task that isn't of one case, but of a model and its data: what is kept of it, others take."""


def one_by_one(function: Callable[[Classifier, Any], Any], classifier: Classifier, tasks: Sequence[Any]) -> list[Any]:
    """Work off tasks here, one after the other."""
    return [function(classifier, task) for task in tasks]


def no_data(name: str) -> Samples:
    """Further data where a spec names none."""
    raise CheckError(f"there is no data called {name!r}; name some under `other_data`")


@dataclass(frozen=True)
class Context:
    """Everything a check may use while it runs. A model is loaded when it is first asked for.

    model_name: the spec's name of `classifier`. seed: belongs to this case alone; derive streams from it
    with `compute.randomness`. model(name): a classifier of the spec. adversarial(id): the images another case of the
    spec made. checkpoint(name): the files of a model, which is not loaded for it. engine: where tasks that take long
    are worked off. data(name): further data of the spec. spec_seed: what all cases of the spec share, so that they
    look at the same images. random: names of the models that the spec declares as random. whole: all samples of the
    data, where `samples` are only those that are attacked again. in_full: whether rivals of attacks try every manner on
    every image, at each radius: where some broke, if left out; of images attacked again, which have lost their company,
    the record says it.
    """

    model_name: str
    samples: Samples
    seed: int
    model: Callable[[str], Classifier]
    adversarial: Callable[[str], AdversarialImages]
    checkpoint: Callable[[str], Checkpoint]
    engine: Engine = one_by_one
    data: Callable[[str], Samples] = no_data
    spec_seed: int = 0
    random: frozenset[str] = frozenset()
    whole: Samples | None = None
    in_full: tuple[bool, ...] | None = None

    @property
    def classifier(self) -> Classifier:
        """The model to measure."""
        return self.model(self.model_name)

    def sample(self, most: int, among: IntArray | None = None) -> IntArray:
        """Positions (n,) of up to `most` of the samples, or of those at the positions `among` (M,).

        Every class has its share, less than one image more or less; of a class it is any images, the same for every
        case and model of a spec, whatever order they stand in. Fewer are the first of more. See `sampling`.
        """
        there = np.arange(len(self.samples)) if among is None else among
        labels, names = self.samples.labels[there], self.samples.fingerprints
        ranks = ranking(self.spec_seed, labels, (names[position] for position in there))
        return there[in_turn(labels, most, ranks)]

    def class_number(self, value: int | str, what: str) -> int:
        """The number of a class given by number or name; raise CheckError if data or classifier have no such class."""
        if isinstance(value, str):
            return self.samples.class_number(value, what)
        last = self.classifier.class_count - 1
        if not 0 <= value <= last:
            raise CheckError(f"{what} {value} is no class of model {self.model_name!r}: it knows 0 to {last}")
        return value
