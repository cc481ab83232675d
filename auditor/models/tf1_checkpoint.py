"""A TensorFlow 1 checkpoint: a `.meta` graph beside its `.index` and `.data` files.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Many published networks exist in no other form. A graph has no layers to ask, only tensors with names, and
    switches such as `keep_prob` that must be set as for deployment: dropout left on makes a network look robust.

How to read it
    The variables are restored and frozen into the part of the graph that `logits` needs. A placeholder among it
    that is given neither images nor a value in `constants` is an error. Where `output` is `probabilities` and
    the named tensor is a softmax, what goes into that is taken. Layers are named by the tensors that hold the
    convolutions' activations, such as `h_conv1:0`, and answer to their variables' names too, such as `W_conv1:0`.
    A graph is a program: it could read and write files as whoever runs the audit, which is why operations that do are
    looked for first. It holds no Python code, and none is run. Open only what you trust.

References
    TensorFlow, `tf.compat.v1.train.import_meta_graph` and `tf.compat.v1.train.Saver`.
    TensorFlow, "Using TensorFlow securely".
"""

from glob import escape
from pathlib import Path

from auditor.classifiers import GraphParameters, file_at, placed
from auditor.compute import tensorflow
from auditor.telling.reason import reason
from auditor.values import Classifier, FilePath, ModelError


class Params(GraphParameters):
    """Where the checkpoint is, which tensors of its graph matter, and what they hold."""

    path: FilePath
    """The `.meta` file, or what its name begins with (`model.ckpt`); the `.index` and `.data` files lie beside it."""

    def files_at(self, path: Path) -> tuple[Path, ...]:
        """The graph, the index and every shard of the data; nothing where there is no graph."""
        meta = _meta(path)
        beside = (meta.parent.glob(f"{escape(meta.stem)}.{ending}") for ending in ("index", "data-*"))
        return (meta, *sorted(file for found in beside for file in found)) if meta.is_file() else ()


def load(params: Params) -> Classifier:
    """Restore and freeze the graph; raise ModelError if it can't be opened or isn't a classifier."""
    tf = tensorflow()
    meta = file_at(str(_meta(Path(params.path))))
    path = str(meta)
    if meta.suffix != ".meta":
        raise ModelError(f"{path} is no `.meta` file; name that one, the others are found beside it")
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph)  # left open, to be asked for the checkpoint's own answers
    with graph.as_default():
        try:
            tf.compat.v1.train.import_meta_graph(path, clear_devices=True).restore(session, path[: -len(".meta")])
        except Exception as error:  # protobuf, tensor bundles and operations all have their own errors
            message = f"{path} can't be opened as a TensorFlow 1 checkpoint: {reason(error)}"
            raise ModelError(message) from error
        taken = placed(graph, params, path)
        try:
            freeze = tf.compat.v1.graph_util.convert_variables_to_constants
            frozen = freeze(session, graph.as_graph_def(), [taken.end.op.name])
        except Exception as error:
            raise ModelError(f"{path}: {taken.end.name} can't be frozen: {reason(error)}") from error

    return taken.classifier(frozen, session, path, params.output)


def _meta(path: Path) -> Path:
    """The `.meta` file that a path names: itself, or what its name begins with."""
    return path if path.suffix == ".meta" or path.exists() else path.with_name(f"{path.name}.meta")
