"""From a Keras model to a source."""
