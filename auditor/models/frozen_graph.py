"""A frozen TensorFlow graph: one `.pb` file (or `.pbtxt`), weights and all.

What it measures
    Nothing by itself: it opens the checkpoint that the checks measure.

Why it matters
    Before SavedModels this was how networks were published and served, and many exist in no other form.

How to read it
    A graph doesn't say what it takes and gives: `input` and `logits` name the tensors. A placeholder among what
    `logits` needs that is given neither images nor a value in `constants` is an error, and so are variables, which a
    frozen graph has none of. Where `output` is `probabilities` and the named tensor is a softmax, what goes into that
    is taken. Layers are named by the tensors that hold the convolutions' activations. A graph is a program: it could
    read and write files as whoever runs the audit, which is why operations that do are looked for first. Open only what
    you trust.

References
    TensorFlow, `tf.compat.v1.graph_util.convert_variables_to_constants`.
    TensorFlow, "Using TensorFlow securely".
"""

import re

from auditor.classifiers import GraphParameters, file_at, placed
from auditor.compute import tensorflow
from auditor.telling.lists import listed
from auditor.telling.reason import reason
from auditor.values import Classifier, FilePath, ModelError

_VARIABLES = re.compile(r"Variable(V2)?|VarHandleOp|AutoReloadVariable|TemporaryVariable")


class Params(GraphParameters):
    """Where the graph is, which of its tensors matter, and what they hold."""

    path: FilePath
    """The `.pb` file, or the same as text, `.pbtxt`."""


def load(params: Params) -> Classifier:
    """Read the graph; raise ModelError if it can't be opened or isn't a classifier."""
    tf = tensorflow()
    file = file_at(params.path)
    path, definition, graph = str(file), tf.compat.v1.GraphDef(), tf.Graph()
    try:
        if file.suffix == ".pbtxt":
            from google.protobuf import text_format

            text_format.Parse(file.read_bytes(), definition)
        else:
            definition.ParseFromString(file.read_bytes())
        with graph.as_default():
            tf.graph_util.import_graph_def(definition, name="")
    except Exception as error:  # protobuf and every operation have their own errors
        way = "; a SavedModel's is named by its folder" if file.name == "saved_model.pb" else ""
        raise ModelError(f"{path} can't be opened as a frozen TensorFlow graph: {reason(error)}{way}") from error
    taken = placed(graph, params, path)
    needed = tf.compat.v1.graph_util.extract_sub_graph(definition, [taken.end.op.name])
    variables = [node.name for node in needed.node if _VARIABLES.fullmatch(node.op)]
    if variables:
        told = f"{path} isn't frozen: {taken.end.name} needs the variables {listed(variables, 3)}"
        raise ModelError(f"{told}, whose values lie elsewhere; `format: tf1_checkpoint` reads both")
    session = tf.compat.v1.Session(graph=graph)  # left open, to be asked for the graph's own answers
    return taken.classifier(needed, session, path, params.output)
