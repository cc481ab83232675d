"""What a model and its data are, found by opening them as an audit would: scanned, tried in another process, asked.

Nothing is taken for granted that can be looked at, and what can't be known is asked.
"""

from pathlib import Path
from typing import Any

from auditor.classifiers import Loaded, sized
from auditor.classifiers.state_dicts import Weights
from auditor.loading.fitting import check_alike
from auditor.loading.resources import Resources
from auditor.measuring.suited import better_order
from auditor.search import gives_gradient
from auditor.starting import formats
from auditor.starting.architectures import weights_alone, whose
from auditor.starting.fitting import as_images, data_as_it_is, fitting_data, named_data, ordered_data, with_order
from auditor.starting.found import Found
from auditor.starting.graphs import tensors
from auditor.starting.looker import NAME, Ask, Entry, Looker, Say
from auditor.starting.outputs import choose_signature, meaning, open_model, settle_output
from auditor.starting.pixels import pixels_taken, whole_steps
from auditor.telling.numbers import times
from auditor.values import Classifier, DataError, ModelError, Samples, in_turn

_LOOKED = 2000
_USUAL = (224, 224)  # that networks for photographs are trained on


def look(model: str, data: Path | None, ask: Ask, say: Say, allow_code: bool = False) -> Found:
    """Open a model and data, and find out what a spec has to say of them; raise an AuditError where they can't be.

    model: its path, or the address of a server's. ask: answers what can't be known. say: is told what was found.
    """
    looker = Looker(Resources(allow_code=allow_code), ask, say)
    weights = Weights({}) if formats.is_address(model) else weights_alone(Path(model))
    if weights.shapes:
        found: dict[str, Any] = {"format": "torch_weights", "path": Path(model).resolve()}
        found["architecture"] = whose(looker, Path(model), weights)
    else:
        found = formats.model_entry(model)
    found["output"] = "scores"
    say(f"{model} is of the format `{found['format']}`")
    entry = formats.dataset(data.resolve() if data else None, (28, 28, 1) if data is None else None)
    if found["format"] in ("torch", "torch_weights"):
        found["shape"] = _shape(ask, _likely_shape(looker, found, entry))
    if found["format"] in ("tf1_checkpoint", "frozen_graph"):
        found |= tensors(found["path"], ask)
    if found["format"] == "saved_model":
        found |= choose_signature(looker, found["path"])
    opened, alike = open_model(looker, found, entry)
    any_size = isinstance(opened, Loaded) and opened.at is not None
    rows = opened.input_shape[:2] == (1, 1)
    size = f"any size and {opened.input_shape[2]} channels" if any_size else times(opened.input_shape)
    taken = f"an image as a row of {opened.input_shape[2]} numbers" if rows else f"images of {size}"
    say(f"it takes {taken} and tells {opened.class_count} classes apart")
    entry, samples = fitting_data(looker, found, entry, as_images(opened.input_shape), any_size)
    entry, samples = named_data(looker, found, entry, samples, opened)
    say(
        f"{samples.source}: {len(samples)} images of {times(samples.images.shape[1:])}, "
        f"values from {samples.box[0]:g} to {samples.box[1]:g}"
    )
    chosen = in_turn(samples.labels, min(_LOOKED, len(samples)))
    steps = _known_steps(say, opened, samples)
    if alike:
        opened = settle_output(looker, found, entry, samples, chosen, steps, alike)
    shape = samples.images.shape[1:]
    opened = sized(opened, shape)
    check_alike(NAME, looker.prepared(opened, {**found, "preprocessing": steps}, entry, shape), samples)
    steps = pixels_taken(looker, opened, found, entry, samples, chosen, steps)
    found |= {"preprocessing": steps} if steps else {}
    found["output"] = meaning(looker, looker.prepared(opened, found, entry, shape), samples, found["output"])
    images, labels = samples.images[chosen], samples.labels[chosen]
    classifier = looker.classifier(found, entry)
    logits = classifier.predict(images)
    predicted = logits.argmax(axis=1)
    order = better_order(predicted, labels, classifier.class_count, samples)
    if order:
        entry, samples, labels = ordered_data(looker, found, entry, samples, labels, predicted, order)
    entry = with_order(looker, entry, samples, labels, predicted, opened)
    gradients = gives_gradient(classifier, images[:1]) and not (isinstance(opened, Loaded) and opened.whole)
    told = found["output"], gradients, logits, labels, looker.digest(found, entry)
    return Found(found, entry, samples, *told, tuple(looker.notes), tuple(looker.doubts))


def _known_steps(say: Say, opened: Classifier, samples: Samples) -> dict[str, Any]:
    """What has to be done to pixels whatever the network was trained on, as what it takes has another form."""
    steps = whole_steps(opened, samples)
    if steps:
        shifted = f" and {steps['mean']:g} is subtracted" if "mean" in steps else ""
        say(f"it takes whole numbers; images are multiplied by {steps['scale']:g}{shifted} for it")
    if opened.input_shape[:2] == (1, 1) and samples.images.shape[3] > 1:
        say("rows of colours may be in two orders; they are taken pixel by pixel")
        steps["layout"] = "flat"
    return steps


def _likely_shape(looker: Looker, found: Entry, entry: Entry) -> tuple[int, ...]:
    """What a PyTorch module takes, which doesn't say it: what the data has, where no larger than is usual."""
    colours = {**found, "shape": [*_USUAL, 3]}
    try:
        height, width, channels = data_as_it_is(looker, colours, entry)[1].images.shape[1:]
    except DataError:  # of several sizes, or not to be read: loading it resized says which
        return *_USUAL, 3
    whole = found["format"] == "torch" or max(height, width) <= max(_USUAL)
    return (height, width, channels) if whole else (*_USUAL, channels)


def _shape(ask: Ask, likely: tuple[int, ...]) -> list[int]:
    """Height, width and channels, as somebody says them."""
    said = ask("what does it take: height width channels", " ".join(map(str, likely)), ())
    try:
        return [int(part) for part in said.replace(",", " ").split()]
    except ValueError as error:
        raise ModelError(f"{said!r} isn't a shape; write numbers, such as `224 224 3`") from error
