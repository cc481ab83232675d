"""What of Keras 1 and 2, TF-Keras and TensorFlow.js is known to compute in Keras 3 what it computed there.

A name alone says little: `hard_sigmoid` is another function in Keras 3, and a browser's `UpSampling2D` takes other
pixels. So what isn't in these lists is refused, and the tests compare every name in them with what the framework itself
answers.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from auditor.values import ModelError

MODELS = ("Functional", "Model", "Sequential")
_HARD_SIGMOID = "auditor>hard_sigmoid_before_keras_3"
# Layers that Keras 3 hasn't, and TF-Keras opens.
_ONLY_OLDER = """
    CuDNNGRU CuDNNLSTM LocallyConnected1D LocallyConnected2D RandomHeight RandomWidth SyncBatchNormalization
    TensorFlowOpLayer ThresholdedReLU
"""
ONLY_OLDER = frozenset(_ONLY_OLDER.split())
# Which settings of a layer name activations, or hold another layer.
ACTIVATIONS = ("activation", "recurrent_activation")
INNER = ("layer", "backward_layer", *ACTIVATIONS)


@dataclass(frozen=True)
class Dialect:
    """A framework whose descriptions are rewritten.

    layers, activations: those that Keras 3 computes alike, by their names there. refused: of a layer's settings, those
    that it computes otherwise, by class and key.
    """

    name: str
    layers: frozenset[str]
    activations: frozenset[str]
    refused: Mapping[tuple[str, str], Collection[Any]]


_LAYERS = """
    Activation Add AlphaDropout Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization
    Concatenate Conv1D Conv2D Conv2DTranspose Conv3D Conv3DTranspose Cropping2D Dense DepthwiseConv2D Dot Dropout
    ELU Flatten GRU GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D
    GlobalMaxPooling2D InputLayer LSTM LayerNormalization LeakyReLU MaxPooling1D MaxPooling2D MaxPooling3D Maximum
    Minimum Multiply PReLU Permute ReLU RepeatVector Rescaling Reshape SeparableConv2D SimpleRNN Softmax
    TimeDistributed UpSampling2D ZeroPadding2D
"""
_FURTHER_LAYERS = """
    ActivityRegularization CenterCrop Conv1DTranspose Cropping1D Cropping3D DepthwiseConv1D EinsumDense Embedding
    GlobalAveragePooling3D GlobalMaxPooling3D GroupNormalization Normalization RandomBrightness RandomContrast
    RandomFlip RandomRotation RandomTranslation RandomZoom Resizing SeparableConv1D SpatialDropout1D
    SpatialDropout2D SpatialDropout3D Subtract UnitNormalization UpSampling1D UpSampling3D ZeroPadding1D
    ZeroPadding3D
"""
_ACTIVATIONS = "elu gelu hard_sigmoid linear mish relu relu6 selu sigmoid softmax softplus softsign swish tanh"
KERAS = Dialect(
    "Keras 1 and 2",
    frozenset((_LAYERS + _FURTHER_LAYERS).split()),
    frozenset([*_ACTIVATIONS.split(), "exponential", "leaky_relu", "log_softmax_v2"]),
    {},
)
# Before TensorFlow 2, bilinear interpolation took pixels by their corners, as TensorFlow.js does to this day.
_CORNERS = {("UpSampling2D", "interpolation"): ("bilinear",)}
BROWSER = Dialect(
    "TensorFlow.js", frozenset(_LAYERS.split()), frozenset([*_ACTIVATIONS.split(), "log_softmax"]), _CORNERS
)
# What every framework wrote, and has had more than one default of.
_TOLD = {"LSTM": "recurrent_activation", "GRU": "recurrent_activation", "BatchNormalization": "epsilon"}


class NoOtherWayError(ModelError):
    """A network that the framework of today's older files wouldn't open rightly either."""


def dialect_of(version: str) -> Dialect:
    """The dialect of a file by the `keras_version` that it tells, of one before 3."""
    settled = re.match(r"2\.([4-9]|\d\d)|2\.3.*-tf", version)
    return KERAS if settled else replace(KERAS, name=f"Keras {version or 1}", refused=_CORNERS)


def activation(name: str) -> Any:
    """What stands in a description for Keras 3 where another framework names an activation."""
    if name == "hard_sigmoid":
        _register()
        return {"class_name": "function", "config": _HARD_SIGMOID, "registered_name": "function", "module": "builtins"}
    return name.removesuffix("_v2")


def check_alike(layer: str, config: Mapping[str, Any], dialect: Dialect) -> None:
    """Raise ModelError where Keras 3 isn't known to compute a layer, of such a configuration, as its framework does."""
    if layer not in dialect.layers:
        raise ModelError(f"it needs {layer}, which Keras 3 isn't known to compute as {dialect.name} does")
    for key in ACTIVATIONS:
        name = config.get(key)
        if isinstance(name, str) and name not in dialect.activations:
            told = f"its {layer} has the {key} {name!r}"
            raise ModelError(f"{told}, which Keras 3 isn't known to compute as {dialect.name} does")
    for (kind, key), values in dialect.refused.items():
        if kind == layer and config.get(key) in values:
            told = f"its {layer} has the {key} {config[key]!r}"
            raise NoOtherWayError(f"{told}, by which {dialect.name} takes other pixels than what would open it here")
    if _TOLD.get(layer, layer) not in {layer, *config}:
        told = f"its {layer} doesn't say its {_TOLD[layer]}"
        raise NoOtherWayError(f"{told}, of which there were several defaults; save it anew by what made it")


def _register() -> None:
    """Make known to Keras the `hard_sigmoid` that all others have: 0.2 x + 0.5, within 0 and 1.

    That is the one of Courbariaux et al., BinaryConnect (NIPS 2015); Keras 3's is x / 6 + 0.5, of Howard et al.,
    Searching for MobileNetV3 (ICCV 2019). It is registered since whoever copies a layer looks it up by name.
    """
    import keras

    def hard_sigmoid(x: Any) -> Any:
        return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)

    if keras.saving.get_registered_object(_HARD_SIGMOID) is None:
        package, _, name = _HARD_SIGMOID.partition(">")
        keras.saving.register_keras_serializable(package, name)(hard_sigmoid)
