"""The layers that can be converted, and for each option of theirs the value that an artifact has.

A layer of another class is refused by its name, and so is another value of an option. Keras itself
is only asked to make a model once every class that its file names is known to be harmless.
"""

from collections.abc import Mapping
from typing import Any

from conveyor.model.convert.keras.values import Call
from conveyor.model.errors import ConversionError

# The only value of an option that an artifact has a place for, or ANY.
ANY: Any = object()
RECURRENT = {
    "units": ANY, "use_bias": ANY, "return_sequences": ANY, "return_state": ANY,
    "activation": "tanh", "go_backwards": False, "stateful": False, "time_major": False,
    "dropout": ANY, "recurrent_dropout": ANY, "unroll": ANY, "implementation": ANY,
    "zero_output_for_mask": ANY,
}  # fmt: skip
POOLING = {"data_format": "channels_last", "keepdims": False}
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "InputLayer": {"batch_shape": ANY, "batch_input_shape": ANY, "optional": ANY},
    "Embedding": {"input_dim": ANY, "output_dim": ANY, "mask_zero": ANY, "input_length": ANY},
    "LSTM": {**RECURRENT, "recurrent_activation": "sigmoid", "unit_forget_bias": ANY},
    "SimpleRNN": RECURRENT,
    "Bidirectional": {"layer": ANY, "backward_layer": ANY, "merge_mode": "concat"},
    "GlobalMaxPooling1D": POOLING,
    "GlobalAveragePooling1D": POOLING,
    "Concatenate": {"axis": ANY},
    "Dropout": {"rate": ANY, "noise_shape": ANY},
    "SpatialDropout1D": {"rate": ANY, "noise_shape": ANY},
    "Dense": {"units": ANY, "use_bias": ANY, "activation": ANY},
    "Activation": {"activation": ANY},
    "Softmax": {"axis": -1},
    "NotEqual": {},
    "GetItem": {},
}

# Options of any layer that matter to training only.
TRAINING = ("_initializer", "_regularizer", "_constraint")
COMMON = frozenset({"name", "trainable", "dtype", "seed", "batch_input_shape"})
PRECISIONS = frozenset({"float32", "float64"})

# Modules of the classes that a configuration may name beside its layers.
HARMLESS = frozenset({"keras.initializers", "keras.regularizers", "keras.constraints"})
MARKS = frozenset({"__keras_tensor__", "__slice__", "DTypePolicy", "Policy"})


def check_options(call: Call) -> None:
    """Raise ConversionError where a layer has an option that an artifact has no place for."""
    if call.kind not in OPTIONS:
        raise call.refusal("is of a class that an artifact has no place for")
    known = OPTIONS[call.kind]
    for option, value in call.config.items():
        only = known.get(option, ANY)
        if only is not ANY and plain(value) != only:
            raise call.refusal(f"has {option}={plain(value)!r}, and an artifact only {only!r}")
        free = option in known or option in COMMON or option.endswith(TRAINING)
        if not free and value:
            raise call.refusal(f"has {option}={value!r}, which an artifact has no place for")
    precision = plain(call.config.get("dtype") or "float32")
    if call.kind != "InputLayer" and precision not in PRECISIONS:
        raise call.refusal(f"computes in {precision}, not float32")


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the name of a serialized function or data type, and other values as they are."""
    if isinstance(value, dict) and "config" in value:
        config = value["config"]
        return config.get("name", value.get("class_name")) if isinstance(config, dict) else config
    return value


def check_classes(configuration: Any) -> None:  # noqa: ANN401 - JSON
    """Raise ConversionError if Keras would look for a class that is not one of its harmless ones.

    Files of Keras 2 name no modules; there, Keras looks in its own tables.
    """
    left = [configuration]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left.extend(value)
        if not isinstance(value, dict):
            continue
        left.extend(value.values())
        if "class_name" not in value:
            continue
        kind, module = value["class_name"], value.get("module")
        own = kind in OPTIONS or kind in MARKS
        known = own and (module is None or module.split(".")[0] == "keras")
        if not (known or module is None or module in HARMLESS) or value.get(
            "registered_name"
        ) not in {None, kind}:
            raise ConversionError(
                f"it names {module}.{kind}, which is no class that an LSTM classifier needs"
            )
