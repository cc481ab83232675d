"""One network of TF-Keras for each layer and activation that is rewritten for Keras 3, in several settings each."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

SIDE = 6
LINES, FRAMES = (12, 6), (4, 3, 3, 2)  # the same 72 numbers, for layers of other ranks
_SIZES = {1: 3, 2: (3, 2), 3: 2}


def layers_of(tk: Any) -> Mapping[str, Callable[[Any], Any]]:
    """From a name to what makes a tensor of one of 6 × 6 × 2, in the layers of TF-Keras or what is called like it."""
    L = tk.layers

    def lines(x: Any) -> Any:
        return L.Reshape(LINES)(x)

    def frames(x: Any) -> Any:
        return L.Reshape(FRAMES)(x)

    ranks: Mapping[int, Callable[[Any], Any]] = {1: lines, 2: lambda x: x, 3: frames}
    made: dict[str, Callable[[Any], Any]] = {}
    for rank, shaped in ranks.items():
        size = _SIZES[rank]

        def on(*layers: Any, shaped: Callable[[Any], Any] = shaped) -> Callable[[Any], Any]:
            def apply(x: Any) -> Any:
                x = shaped(x)
                for layer in layers:
                    x = layer(x)
                return x

            return apply

        def of(name: str, rank: int = rank) -> Any:
            return getattr(L, f"{name}{rank}D")

        for kind in ("MaxPooling", "AveragePooling"):
            for padding in ("same", "valid"):
                made[f"{kind}{rank} {padding}"] = on(of(kind)(2, strides=2 if rank == 3 else 3, padding=padding))
        for kind in ("GlobalMaxPooling", "GlobalAveragePooling"):
            made[f"{kind}{rank}"] = on(of(kind)())
            made[f"{kind}{rank} keeping"] = on(of(kind)(keepdims=True))
        made[f"Conv{rank}"] = on(of("Conv")(4, size, strides=2, padding="same", activation="hard_sigmoid"))
        made[f"Conv{rank} of groups"] = on(of("Conv")(4, size, groups=2, dilation_rate=1, use_bias=False))
        for padding in ("same", "valid"):
            made[f"Transposed{rank} {padding}"] = on(getattr(L, f"Conv{rank}DTranspose")(3, size, 2, padding=padding))
        for kind in ("UpSampling", "ZeroPadding", "Cropping", "SpatialDropout"):
            made[f"{kind}{rank}"] = on(of(kind)(0.5 if kind == "SpatialDropout" else 1 if "Up" not in kind else 2))
        if rank < 3:
            made[f"Depthwise{rank}"] = on(of("DepthwiseConv")(3, 2, "same", depth_multiplier=2))
            made[f"Separable{rank}"] = on(of("SeparableConv")(4, 3, padding="same", depth_multiplier=2))
            made[f"Separable{rank} dilated"] = on(of("SeparableConv")(4, 2, dilation_rate=2, activation="gelu"))
    made["Transposed2 further"] = lambda x: L.Conv2DTranspose(3, 3, 2, padding="same", output_padding=1)(x)
    made["Cropping2 unequal"] = lambda x: L.Cropping2D(((1, 2), (0, 1)))(L.ZeroPadding2D(((0, 1), (2, 1)))(x))
    for way in ("nearest", "bilinear"):
        made[f"UpSampling2 {way}"] = lambda x, way=way: L.UpSampling2D((2, 3), interpolation=way)(x)
    for way in ("nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5"):
        made[f"Resizing {way}"] = lambda x, way=way: L.Resizing(9, 4, interpolation=way)(x)
    made["Resizing cropped"] = lambda x: L.Resizing(4, 9, crop_to_aspect_ratio=True)(x)
    made["CenterCrop"] = lambda x: L.CenterCrop(3, 4)(x)
    made["CenterCrop larger"] = lambda x: L.CenterCrop(9, 5)(x)
    made["Rescaling"] = lambda x: L.Rescaling(2.0, offset=-0.3)(x)
    made["Rescaling by channel"] = lambda x: L.Rescaling([2.0, 3.0], offset=[-0.3, 0.1])(x)
    made["Normalization"] = lambda x: L.Normalization(mean=[0.1, 0.2], variance=[0.5, 0.7])(x)
    made["Normalization adapted"] = lambda x: L.Normalization()(x)
    made["Normalization back"] = lambda x: L.Normalization(mean=0.1, variance=0.6, invert=True)(x)
    made["BatchNormalization"] = lambda x: L.BatchNormalization()(x)
    made["BatchNormalization of rows"] = lambda x: L.BatchNormalization(axis=1, epsilon=0.1, scale=False)(x)
    made["LayerNormalization"] = lambda x: L.LayerNormalization()(x)
    made["LayerNormalization of maps"] = lambda x: L.LayerNormalization(axis=(1, 2, 3), epsilon=0.1, center=False)(x)
    made["GroupNormalization"] = lambda x: L.GroupNormalization(2)(L.Conv2D(4, 2)(x))
    made["UnitNormalization"] = lambda x: L.UnitNormalization(axis=(1, 2))(x)
    made["LeakyReLU"] = lambda x: L.LeakyReLU()(x)
    made["LeakyReLU steep"] = lambda x: L.LeakyReLU(0.05)(x)
    made["ELU"] = lambda x: L.ELU()(x)
    made["ELU small"] = lambda x: L.ELU(0.4)(x)
    made["PReLU"] = lambda x: L.PReLU()(x)
    made["PReLU shared"] = lambda x: L.PReLU(shared_axes=[1, 2])(x)
    made["ReLU"] = lambda x: L.ReLU()(x)
    made["ReLU of all settings"] = lambda x: L.ReLU(max_value=0.8, negative_slope=0.1, threshold=0.2)(x)
    made["Softmax"] = lambda x: L.Softmax()(x)
    made["Softmax of rows"] = lambda x: L.Softmax(axis=1)(x)
    made["Softmax of maps"] = lambda x: L.Softmax(axis=[1, 2])(x)
    for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):
        made[name] = lambda x, name=name: getattr(L, name)()([x, L.Conv2D(2, 3, padding="same")(x)])
    made["Concatenate rows"] = lambda x: L.Concatenate(axis=1)([x, L.Conv2D(2, 3, padding="same")(x)])
    made["Dot"] = lambda x: L.Dot(axes=1)([lines(x), L.Conv1D(3, 1)(lines(x))])
    made["Dot normalised"] = lambda x: L.Dot(axes=(2, 2), normalize=True)([lines(x), L.Conv1D(6, 3)(lines(x))])
    made["Permute"] = lambda x: L.Permute((3, 1, 2))(x)
    made["RepeatVector"] = lambda x: L.RepeatVector(3)(L.Flatten()(x))
    made["Dropout"] = lambda x: L.GaussianNoise(0.5)(L.GaussianDropout(0.5)(L.AlphaDropout(0.5)(L.Dropout(0.5)(x))))
    made["ActivityRegularization"] = lambda x: L.ActivityRegularization(0.1)(x)
    made["Embedding"] = lambda x: L.Embedding(5, 3)(L.ReLU(max_value=4.0)(x))
    made["EinsumDense"] = lambda x: L.EinsumDense("abcd,de->abce", (None, SIDE, 3), bias_axes="e")(x)
    made["TimeDistributed"] = lambda x: L.TimeDistributed(L.Dense(3, activation="hard_sigmoid"))(lines(x))
    for kind in ("SimpleRNN", "LSTM", "GRU"):
        made[kind] = lambda x, kind=kind: getattr(L, kind)(4)(lines(x))
        made[f"{kind} throughout"] = lambda x, kind=kind: getattr(L, kind)(
            4, return_sequences=True, go_backwards=True, activation="softsign"
        )(lines(x))
    for kind in ("LSTM", "GRU"):
        made[f"{kind} hard"] = lambda x, kind=kind: getattr(L, kind)(4, recurrent_activation="hard_sigmoid")(lines(x))
    made["GRU before"] = lambda x: L.GRU(4, reset_after=False)(lines(x))
    made["Random"] = lambda x: L.RandomZoom(0.3)(L.RandomTranslation(0.2, 0.2)(L.RandomRotation(0.2)(x)))
    made["Random colours"] = lambda x: L.RandomBrightness(0.3)(L.RandomContrast(0.3)(L.RandomFlip()(x)))
    return made


def operations_of(x: Any) -> dict[str, Any]:
    """What operations of TensorFlow give of a tensor of TF-Keras, of 6 × 6 × 2."""
    import tensorflow as tf

    return {
        "pad": tf.pad(x, [[0, 0], [1, 2], [3, 0], [0, 0]], mode="REFLECT"),
        "split": tf.split(x, 2, axis=-1)[1],
        "unstack": tf.unstack(x, axis=-1)[1],
        "gather": tf.gather(x, [1, 0], axis=-1),
        "squeeze": tf.squeeze(x[:, :1], 1),
        "transpose": tf.transpose(x, (0, 3, 1, 2)),
        "channels turned round": x[..., ::-1],
        "one channel": x[..., 1],
        "norm": tf.norm(x, axis=-1),
        "matmul": tf.matmul(x, x, transpose_b=True),
        "where": tf.where(x > 0.2, x, -x),
        "floor_div": x // 0.3,
        "relu6": tf.nn.relu6(4.0 * x),
        "avg_pool": tf.nn.avg_pool(x, 3, 2, "SAME"),
        "max_pool2d": tf.nn.max_pool2d(x, 3, 2, "SAME"),
        "bilinear before": tf.compat.v1.image.resize_bilinear(x, (9, 4)),
        "bilinear": tf.image.resize(x, (9, 4)),
        "conv2d": tf.nn.conv2d(x, [[[[0.3, 0.1], [0.2, -1.0]]]], 1, "SAME"),
        "slice": tf.slice(x, [0, 1, 0, 0], [-1, 3, 3, 1]),
        "roll": tf.roll(x, 1, 1),
        "moments": tf.nn.moments(x, [1, 2])[1],
        "per image": tf.image.per_image_standardization(x),
    }


def randomised(model: Any, seed: int = 3) -> None:
    """Draw the weights of a network of TF-Keras, variances above 0."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.dtype.is_floating:
            drawn = random.normal(0, 0.7, weight.shape)
            weight.assign(0.5 + np.abs(drawn) if "variance" in weight.name else drawn)


def network(tk: Any, activations: Any) -> tuple[list[str], Any]:
    """A network of TF-Keras that gives an output for each case, flat, and the names of the cases in that order."""
    import tensorflow as tf

    made = dict(layers_of(tk))
    for name in activations:
        found = getattr(tf.nn, name.removesuffix("_v2")) if name in ("leaky_relu", "relu6", "log_softmax_v2") else name
        made[name] = lambda x, found=found: tk.layers.Activation(found)(tk.layers.Dense(3, activation=found)(x))
    given = tk.layers.Input((SIDE, SIDE, 2))
    model = tk.Model(given, [tk.layers.Flatten()(apply(given)) for apply in made.values()])
    randomised(model)
    return list(made), model


def named(description: Any) -> tuple[set[str], set[str]]:
    """The classes and the activations that a description names, wherever it does."""
    kinds, activations = set[str](), set[str]()
    if isinstance(description, list):
        parts = description
    elif isinstance(description, dict):
        parts = list(description.values())
        kinds |= {str(description["class_name"])} if "class_name" in description else set()
        for key in ("activation", "recurrent_activation"):
            given = description.get(key)
            given = given["config"] if isinstance(given, dict) and given["class_name"] == "function" else given
            activations |= {given} if isinstance(given, str) else set()
    else:
        return set(), set()
    for part in parts:
        more = named(part)
        kinds, activations = kinds | more[0], activations | more[1]
    return kinds, activations
