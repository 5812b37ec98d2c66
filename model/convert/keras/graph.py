"""The graph of a Keras model: its layers in the order of their calls, from ids to output."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from conveyor.model.convert.keras.values import Ids, Value
from conveyor.model.errors import ConversionError


class Caller(Protocol):
    """A function that calls a layer on values and constants."""

    def __call__(
        self, layer: Mapping[str, Any], inputs: Sequence[Value], constants: Sequence[Any] = ()
    ) -> Sequence[Value]:
        """Return the outputs of a layer. Raises ConversionError."""


def output_of(config: Mapping[str, Any], call: Caller) -> Value:
    """Call each layer of a model's configuration in order, and return the output of the last one.

    Raises ConversionError.
    """
    try:
        match config["class_name"]:
            case "Sequential":
                return _output_of_sequence(config["config"], call)
            case "Functional" | "Model":
                return _output_of_graph(config["config"], call)
            case other:
                raise ConversionError(
                    f"its model is of the class {other}, not Sequential or Functional"
                )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ConversionError(
            f"its configuration is none of a Keras model ({type(error).__name__}: {error})"
        ) from None


def _output_of_sequence(config: Any, call: Caller) -> Value:  # noqa: ANN401 - JSON
    layers = config["layers"] if isinstance(config, dict) else config
    value: Value = Ids()
    for layer in layers:
        (value,) = call(layer, [value])
    return value


def _output_of_graph(config: Mapping[str, Any], call: Caller) -> Value:
    values: dict[tuple[str, int], Value] = {}
    for layer in config["layers"]:
        name, nodes = layer["config"]["name"], layer["inbound_nodes"]
        if len(nodes) > 1:
            raise ConversionError(
                f"its layer {name} ({layer['class_name']}) is used {len(nodes)} times"
            )
        inputs, constants = _arguments(nodes[0], values) if nodes else ([Ids()], [])
        for index, output in enumerate(call(layer, inputs, constants)):
            values[name, index] = output
    if sum(layer["class_name"] == "InputLayer" for layer in config["layers"]) != 1:
        raise ConversionError("it has several inputs, where the token ids belong")
    outputs = config["output_layers"]
    outputs = [outputs] if isinstance(outputs[0], str) else outputs
    if len(outputs) != 1:
        raise ConversionError("it has several outputs, where the labels' scores belong")
    return values[outputs[0][0], outputs[0][2]]


def _arguments(
    node: Any,  # noqa: ANN401 - JSON
    values: Mapping[tuple[str, int], Value],
) -> tuple[list[Value], list[Any]]:
    """Return the values and the constants that a layer is called with."""
    if isinstance(node, list):  # Keras 2: [name, number of the call, number of the output, options]
        arguments = [_tensor(*entry[:3]) for entry in node]
        options = {name: value for entry in node for name, value in (*entry[3:], {})[0].items()}
    else:
        arguments, options = node["args"], node["kwargs"]
    inputs: list[Value] = []
    constants: list[Any] = []
    for argument in _flat(arguments):
        value = _value(argument, values)
        if value is None:
            constants.append(argument)
        else:
            inputs.append(value)
    for option, argument in options.items():
        if isinstance(argument, bool | None) or _value(argument, values) == Ids(mask=True):
            continue
        raise ConversionError(
            f"one of its layers is called with {option}, which an artifact has no place for"
        )
    return inputs, constants


def _tensor(name: str, call: int, output: int) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, call, output]}}


def _value(argument: Any, values: Mapping[tuple[str, int], Value]) -> Value | None:  # noqa: ANN401
    """Return the value that an argument stands for, or None for a constant."""
    if not isinstance(argument, dict) or argument.get("class_name") != "__keras_tensor__":
        return None
    name, _, output = argument["config"]["keras_history"]
    return values[name, output]


def _flat(arguments: Any) -> Iterator[Any]:  # noqa: ANN401
    if isinstance(arguments, list):
        for argument in arguments:
            yield from _flat(argument)
    else:
        yield arguments
