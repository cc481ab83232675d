"""What model formats share: from a function of images to a classifier, its endings, its preprocessing.

A format in `models/` hands its function to `classifier`, a graph to `graph_classifier`. Import what others use from
`auditor.classifiers`; `classifiers.asking`, `classifiers.endpoint` and `classifiers.connections` from where they are,
for servers; `classifiers.older_keras`, `classifiers.older_known`, `classifiers.older_operations`,
`classifiers.older_weights` and `classifiers.object_checkpoints`, for Keras 2; `classifiers.tensor_tables`, for
safetensors; `classifiers.blocks`, for batches; `classifiers.heads`, for outputs; `classifiers.onnx_node`,
`classifiers.onnx_operators`, `classifiers.onnx_windows` and `classifiers.onnx_twin`, for ONNX;
`classifiers.state_dicts` and `classifiers.torch_exports`, for weights alone; `classifiers.presets`, for pixels. It
imports `compute` and `values`.
"""

from auditor.classifiers.agreement import disputed, fools, misread, undecided, unlike
from auditor.classifiers.common import (
    Constants,
    Layout,
    Loaded,
    classifier,
    opaque,
    own_errors,
)
from auditor.classifiers.graph import frozen, graph_classifier
from auditor.classifiers.inputs import (
    Size,
    closed,
    image_shape,
    of_any_size,
    of_rank,
    of_shape,
    order_told,
    sized,
    taken_as,
)
from auditor.classifiers.keras_models import keras_classifier
from auditor.classifiers.named_tensors import GraphParameters, placed
from auditor.classifiers.onward import Onward
from auditor.classifiers.opening import chosen, file_at, needed
from auditor.classifiers.preparing import Prepared, other_order, prepared
from auditor.classifiers.preprocessing import ModelParameters
from auditor.classifiers.protocols import Protocol, address_problem
from auditor.classifiers.refused import for_browsers, shards_of, whole_pickle, without_network
from auditor.classifiers.state_dicts import wrapping
from auditor.classifiers.stateful import stateful_operations, traced
from auditor.classifiers.torch_modules import TorchParameters, pytorch, state_of, torch_classifier, torch_stateful
from auditor.classifiers.whole_numbers import Kind, as_kind, check_kind, whole_range
from auditor.classifiers.with_twin import WithTwin, innermost

__all__ = [
    "Constants",
    "GraphParameters",
    "Kind",
    "Layout",
    "Loaded",
    "ModelParameters",
    "Onward",
    "Prepared",
    "Protocol",
    "Size",
    "TorchParameters",
    "WithTwin",
    "address_problem",
    "as_kind",
    "check_kind",
    "chosen",
    "classifier",
    "closed",
    "disputed",
    "file_at",
    "fools",
    "for_browsers",
    "frozen",
    "graph_classifier",
    "image_shape",
    "innermost",
    "keras_classifier",
    "misread",
    "needed",
    "of_any_size",
    "of_rank",
    "of_shape",
    "opaque",
    "order_told",
    "other_order",
    "own_errors",
    "placed",
    "prepared",
    "pytorch",
    "shards_of",
    "sized",
    "state_of",
    "stateful_operations",
    "taken_as",
    "torch_classifier",
    "torch_stateful",
    "traced",
    "undecided",
    "unlike",
    "whole_pickle",
    "whole_range",
    "without_network",
    "wrapping",
]
