"""From an ONNX graph to a source."""
