"""What a model gives: which of its parts a spec has to name, and what the numbers of its output mean."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from auditor import catalog
from auditor.classifiers.heads import scores_told
from auditor.starting.graphs import signatures
from auditor.starting.looker import Entry, Looker
from auditor.starting.pixels import tried, worse
from auditor.values import ChoiceError, Classifier, IntArray, ModelError, Output, Samples, declared_output_problem

_PROBED = 64
_TRIED = 200
_SIGNATURES = ("serving_default", "serve", "predict")
_OF_KERAS = {"serve", "serving_default"}  # which exports the same function by both names
_Shape = tuple[int | None, ...] | None


def open_model(looker: Looker, found: dict[str, Any], entry: Entry) -> tuple[Classifier, tuple[str, ...]]:
    """The model by itself, its output not yet interpreted, and which outputs may be meant as well as the one taken.

    What a spec still has to say of it goes into `found`.
    """
    alike: tuple[str, ...] = ()
    while True:
        try:
            return _opened(looker, found, entry), alike
        except ChoiceError as error:
            if error.parameter in found:
                raise
            classes = _classes(looker, found, entry)
            found[error.parameter], alike = _chosen(looker, error.parameter, error.among, classes)


def _opened(looker: Looker, found: dict[str, Any], entry: Entry) -> Classifier:
    try:
        return looker.opened(found, entry)
    except ChoiceError:
        raise
    except ModelError as error:
        # A single unit can't be scores of two classes; as a sigmoid it opens, if that is what was wrong.
        found["output"] = "sigmoid"
        try:
            return looker.opened(found, entry)
        except ModelError:
            raise error from None


def _classes(looker: Looker, found: Entry, entry: Entry) -> int | None:
    """How many classes the data has, as far as that is known before it is loaded."""
    data = looker.plan(found, entry).data
    known = catalog.preview(data.extension, data.params)
    return len(known.classes) if known.classes else known.labels


def choose_signature(looker: Looker, path: Path) -> dict[str, Any]:
    """Which signature of a SavedModel a spec has to name, asked for where it has several."""
    names = signatures(path)
    if "serving_default" not in names or len(names) == 1 or names == _OF_KERAS:
        return {}  # whoever opens it says which there are instead
    return {"signature": _chosen(looker, "signature", dict.fromkeys(sorted(names)), None)[0]}


def _chosen(
    looker: Looker, parameter: str, among: Mapping[str, _Shape], classes: int | None
) -> tuple[str, tuple[str, ...]]:
    """Which part is meant, asked for; of outputs that are as likely the first, with all of them, as images can tell."""
    told = [f"`{name}`{_told(shape)}" for name, shape in among.items()]
    looker.say(f"there are several to choose from by `{parameter}`: {', '.join(told)}")
    names = list(among)
    if parameter == "output_name":
        likely = {name: _likely(shape, classes) for name, shape in among.items()}
        names.sort(key=lambda name: -likely[name])
        best = tuple(name for name in names if likely[name] == likely[names[0]])
        if len(best) > 1:
            return best[0], best
    elif parameter == "signature":
        names.sort(key=lambda name: _SIGNATURES.index(name) if name in _SIGNATURES else len(_SIGNATURES))
    else:  # images have the most sides
        names.sort(key=lambda name: -len(among[name] or ()))
    return looker.ask(f"which `{parameter}` is meant", names[0], names), ()


def _told(shape: _Shape) -> str:
    return f" ({' × '.join('any' if size is None else str(size) for size in shape[1:])})" if shape else ""


def _likely(shape: _Shape, classes: int | None) -> int:
    """How likely an output of a shape, the batch first, is the one with a score for every class of the data."""
    if shape is None:
        return 1
    if len(shape) == 1:  # one number an image may be a sigmoid, or the number of a class
        return int(classes in (None, 2))
    width = (shape[1] or 0) if len(shape) == 2 else scores_told(shape)
    if width is None:
        return 0
    if classes is None or width == classes or (width == 1 and classes == 2):
        return 3 if width else 1
    return 2 if width > classes else 0  # the data may lack some


def settle_output(
    looker: Looker,
    found: dict[str, Any],
    entry: Entry,
    samples: Samples,
    chosen: IntArray,
    base: Entry,
    alike: Sequence[str],
) -> Classifier:
    """Take the output that most images are right by, of some whose shapes tell nothing, asked for."""
    opened, right = {}, {}
    for name in alike:
        one = {**found, "output_name": name, "output": "scores"}
        try:
            opened[name] = _opened(looker, one, entry), one["output"]
        except ModelError as error:
            looker.say(f"`{name}` gives no scores: {error}")
            continue
        tries = tried(looker, opened[name][0], one, entry, samples, chosen[:_TRIED], base)
        right[name] = tries.called[tries.best] == tries.labels
    best = max(right, key=lambda name: int(right[name].sum()))
    shares = [f"`{name}` {int(right[name].sum())}" for name in right]
    looker.say(f"of {len(right[best])} images, these are right by {', '.join(shares)}")
    rest = [name for name in right if name != best and not worse(right[name], right[best], len(right))]
    if rest:
        looker.notes.append(
            f"images can't tell whether the output `{best}` is meant, or {' or '.join(f'`{name}`' for name in rest)}"
        )
    found["output_name"] = looker.ask("which `output_name` is meant", best, list(right))
    model, found["output"] = opened[found["output_name"]]
    return model


def meaning(looker: Looker, model: Classifier, samples: Samples, opened_as: str) -> Output:
    """Which of the outputs a model's own answers can be, the likeliest first, asked for where several can."""
    answers = model.answers(samples.images[:_PROBED])
    if opened_as == "sigmoid":  # a single unit, which answers for two classes
        return "sigmoid" if ((answers >= 0) & (answers <= 1)).all() else "logits"
    possible = [kind for kind in get_args(Output) if kind != "scores" and not declared_output_problem(answers, kind)]
    ranked: list[Output] = sorted(possible, key=("probabilities", "log_probabilities", "sigmoid", "logits").index)
    if not ranked:
        looker.notes.append("what its output means isn't known, so nothing is said of probabilities")
        return "scores"
    if ranked == ["logits"]:
        asked = "rows of its output are no probabilities; was a softmax to follow when it was trained"
        return "logits" if looker.ask(asked, "yes", ("yes", "no")) == "yes" else "scores"
    looker.say(f"its output looks like {ranked[0]}")
    if len(ranked) == 1:
        return ranked[0]
    said = looker.ask("what does its output give", ranked[0], ranked)
    [output] = [kind for kind in ranked if kind == said]
    return output
